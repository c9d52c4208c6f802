"""Rules by which ordinary QR codes open a mini program (扫普通链接二维码打开小程序)."""

from __future__ import annotations

import json
import re
from urllib.parse import urlsplit

from saas.sandbox import budgets
from saas.sandbox.api.registry import Answer, Call, plays
from saas.sandbox.hosts import is_blacklisted, make_check_file, serves_check_file
from saas.sandbox.people import is_individual
from saas.sandbox.refusals import Refused
from saas.sandbox.state import Row, insert, one, rows, scalar, to_json

RULES = 10
_CALLS_A_SECOND, _PUBLISHES_A_MONTH = 5, 100
_EXCLUSIVE = 2
_PREFIX = re.compile(r"https?://(?:[a-z0-9-]{1,63}\.)+[a-z][a-z0-9-]{1,62}(?::\d{2,5})?/[^\s#]*", re.ASCII)


@plays("qrcodeJumpAdd")
def add_rule(call: Call) -> Answer:
    """A new rule, or other values for one that is not published."""
    _check_pace(call)
    if is_individual(call.program):
        raise Refused(85075)
    prefix, known = call.body["prefix"], _rule(call)
    if call.body["is_edit"] and (known is None or known["published"]):
        raise Refused(40097)
    if not call.body["is_edit"]:
        _check_new(call, known)
    host = str(urlsplit(prefix).hostname)
    if not serves_check_file(call.db, host, call.appid, "qrcode"):
        raise Refused(85069)
    links = call.body.get("debug_url", [])
    if not all(link.startswith(prefix) for link in links):
        raise Refused(85068)
    call.db.execute("delete from qrcode_rule where account = ? and prefix = ?", (call.appid, prefix))
    insert(
        call.db,
        "qrcode_rule",
        account=call.appid,
        prefix=prefix,
        path=call.body["path"],
        permit_sub_rule=call.body.get("permit_sub_rule", 1),
        open_version=call.body.get("open_version", 1),
        debug_url=to_json(links),
    )
    return None


@plays("qrcodeJumpGet")
def list_rules(call: Call) -> Answer:
    found = rows(call.db, "select * from qrcode_rule where account = ? order by rowid", call.appid)
    spent = budgets.spent_this_month(call.db, call.now, "qrcode_publish", call.appid)
    return {
        "qrcodejump_open": 1,
        "qrcodejump_pub_quota": _PUBLISHES_A_MONTH - spent,
        "list_size": len(found),
        "rule_list": [
            {name: rule[name] for name in ("prefix", "path", "permit_sub_rule", "open_version")}
            | {"debug_url": json.loads(rule["debug_url"]), "state": 2 if rule["published"] else 1}
            for rule in found
        ],
    }


@plays("downloadQRCodeText")
def get_check_file(call: Call) -> Answer:
    return {**make_check_file(call.db, call.appid, "qrcode")}


@plays("qrcodeJumpDelete")
def delete_rule(call: Call) -> Answer:
    _check_pace(call)
    if is_individual(call.program):
        raise Refused(85075)
    if _rule(call) is None:
        raise Refused(40097)
    call.db.execute("delete from qrcode_rule where account = ? and prefix = ?", (call.appid, call.body["prefix"]))
    return None


@plays("qrcodeJumpPublish")
def publish_rule(call: Call) -> Answer:
    """Live for everyone, and frozen."""
    if is_individual(call.program):
        raise Refused(85075)
    rule = _rule(call)
    if rule is None or rule["published"]:
        raise Refused(40097)
    if one(call.db, "select 1 from program where account = ? and online is not null", call.appid) is None:
        raise Refused(85074)
    if budgets.spent_this_month(call.db, call.now, "qrcode_publish", call.appid) >= _PUBLISHES_A_MONTH:
        raise Refused(886000)
    budgets.spend(call.db, call.now, "qrcode_publish", call.appid)
    publish = "update qrcode_rule set published = 1 where account = ? and prefix = ?"
    call.db.execute(publish, (call.appid, rule["prefix"]))
    return None


def _check_pace(call: Call) -> None:
    if budgets.spent_lately(call.db, call.now, call.operation.id, call.appid, 1) >= _CALLS_A_SECOND:
        raise Refused(44990)
    budgets.spend(call.db, call.now, call.operation.id, call.appid)


def _check_new(call: Call, known: Row | None) -> None:
    prefix = call.body["prefix"]
    if "appid" in call.body or not _PREFIX.fullmatch(prefix):
        raise Refused(85066)
    if is_blacklisted(call.db, str(urlsplit(prefix).hostname)):
        raise Refused(85070)
    if known is not None:
        raise Refused(85071)
    taken = (
        "select 1 from qrcode_rule where account <> ? "
        "and (prefix = ? or (permit_sub_rule = ? and substr(?, 1, length(prefix)) = prefix))"
    )
    if one(call.db, taken, call.appid, prefix, _EXCLUSIVE, prefix):
        raise Refused(85072)
    if scalar(call.db, "select count(*) from qrcode_rule where account = ?", call.appid) >= RULES:
        raise Refused(85073)


def _rule(call: Call) -> Row | None:
    named = "select * from qrcode_rule where account = ? and prefix = ?"
    return one(call.db, named, call.appid, call.body["prefix"])
