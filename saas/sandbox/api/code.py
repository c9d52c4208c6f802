"""Upload and trial version (代码管理)."""

from __future__ import annotations

import json

from saas.sandbox import mistakes
from saas.sandbox.api.registry import Answer, Call, Picture, plays
from saas.sandbox.applications import PLUGIN, Status, get_latest_application
from saas.sandbox.ext_json import KNOWN_KEYS, LOCATION_APIS, effective_pages, read_ext_json
from saas.sandbox.pictures import qr_png
from saas.sandbox.plugins import get_plugin
from saas.sandbox.refusals import Refused
from saas.sandbox.state import Row, insert, one, setting, to_json


@plays("commit")
def commit(call: Call) -> Answer:
    """A new trial version. Starts the privacy scan anew; the audit keeps its own state."""
    before = get_trial(call)
    if before is not None and before["busy_until"] > call.now:
        raise Refused(9402202)
    template = one(
        call.db,
        "select * from template where id = ? and component = ?",
        call.body["template_id"],
        call.component_appid,
    )
    if template is None:
        raise Refused(85014)
    lacking = set(json.loads(call.program["missing_privacy"]))
    pages = json.loads(template["pages"])
    ext = read_ext_json(call.body["ext_json"], appid=call.appid, pages=pages, lacking=lacking)
    _check_plugins(call, ext.get("plugins", {}))
    _note_ignored(call, ext)
    used = json.loads(template["privacy"])
    declared = ext.get("requiredPrivateInfos", [])
    call.db.execute("delete from trial where account = ?", (call.appid,))
    insert(
        call.db,
        "trial",
        account=call.appid,
        component=call.component_appid,
        template=template["id"],
        ext_json=call.body["ext_json"],
        user_version=call.body["user_version"],
        user_desc=call.body["user_desc"],
        pages=to_json(effective_pages(ext, pages)),
        without_auth=to_json([f"wx.{name}" for name in used if name in lacking]),
        without_conf=to_json([f"wx.{name}" for name in used if name in LOCATION_APIS and name not in declared]),
        committed_at=call.now,
        scanned_at=call.now + float(setting(call.db, "scan_seconds", "2")),
        busy_until=call.now + float(setting(call.db, "commit_seconds", "1")),
    )
    return None


@plays("getCodePage")
def get_code_page(call: Call) -> Answer:
    return {"page_list": json.loads(need_trial(call)["pages"])}


@plays("getTrialQRCode")
def get_trial_qrcode(call: Call) -> Answer:
    trial = need_trial(call)
    page = call.query.get("path") or json.loads(trial["pages"])[0]
    return Picture(qr_png(f"{call.world.public_url}/trial/{call.appid}?path={page}"), "image/png")


@plays("getCodePrivacyInfo")
def get_code_privacy_info(call: Call) -> Answer:
    trial = need_trial(call)
    check_scan(call, trial)
    return {"without_auth_list": [], "without_conf_list": []}


def get_trial(call: Call) -> Row | None:
    return one(call.db, "select * from trial where account = ?", call.appid)


def need_trial(call: Call) -> Row:
    trial = get_trial(call)
    if trial is None:
        raise Refused(86001)
    return trial


def check_scan(call: Call, trial: Row, *, not_used: bool = False) -> None:
    """61039 while the privacy scan runs, 61040 when it found something.

    `not_used` declares the interfaces found as not used in this version.
    """
    if trial["scanned_at"] > call.now:
        raise Refused(61039)
    lists = {f"{name}_list": json.loads(trial[name]) for name in ("without_auth", "without_conf")}
    if any(lists.values()) and not not_used:
        raise Refused(61040, **(lists if call.operation.id == "getCodePrivacyInfo" else {}))


def _check_plugins(call: Call, plugins: dict[str, dict[str, str]]) -> None:
    """Each must exist, be granted to the mini program and have the version."""
    for named in plugins.values():
        appid = named.get("provider", "")
        plugin = get_plugin(call.db, appid)
        if plugin is None:
            raise Refused(80067)
        granted = get_latest_application(call.db, PLUGIN, call.appid, appid)
        if granted is None or granted["status"] != Status.APPROVED:
            raise Refused(80082)
        if named.get("version") not in json.loads(plugin["versions"]):
            raise Refused(80066)


def _note_ignored(call: Call, ext: dict[str, object]) -> None:
    ignored = sorted(set(ext) - KNOWN_KEYS)
    if ignored:
        mistakes.note(
            call.db,
            call.now,
            "ext_json 里有微信不认的键，会被悄悄忽略（自己的字段放进 ext）",
            operation="commit",
            component=call.component_appid,
            example=", ".join(ignored),
        )
