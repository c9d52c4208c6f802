"""Trial mini programs (试用小程序): creation, name, and the three ways to convert them."""

from __future__ import annotations

import json
import re

from saas.sandbox.api.registry import Answer, Call, plays
from saas.sandbox.authorizations import get_authorization
from saas.sandbox.names import has_forbidden_word
from saas.sandbox.people import get_account
from saas.sandbox.refusals import Refused
from saas.sandbox.registrations import add_registration, get_registration, is_busy, take_ticket
from saas.sandbox.state import Row
from saas.sandbox.trials import TRIALS_A_PERSON, count_trials, get_open_trial, rename_trial

_CODE = re.compile(r"[0-9A-Z]{18}")
_OPENID = re.compile(r"o[\w-]{5,}", re.ASCII)
_UPGRADE_SETS = {18, 30, 76, 81, 85}


@plays("registerBetaMiniprogram", invalid={"name": 86017})
def register_trial(call: Call) -> Answer:
    name, openid = call.body["name"], call.body["openid"]
    if not _OPENID.fullmatch(openid):
        raise Refused(86012)
    if has_forbidden_word(name):
        raise Refused(86011)
    if count_trials(call.db, openid) >= TRIALS_A_PERSON:
        raise Refused(61071)
    taskid = _start(call, "trial", {"name": name, "openid": openid})
    return {"unique_id": taskid, "authorize_url": _page(call, taskid)}


@plays("modifyBetaMiniprogramNickName")
def rename(call: Call) -> Answer:
    if get_open_trial(call.db, call.appid) is None:
        raise Refused(91020)
    name = call.body["name"]
    if not 4 <= len(name) <= 30:
        raise Refused(40097)
    if has_forbidden_word(name):
        raise Refused(86011)
    rename_trial(call.db, call.appid, name)
    return None


@plays("verifyBetaMiniprogram", invalid={"verify_info": 89253})
def convert_to_company(call: Call) -> Answer:
    """The face check of the legal person, on the page, decides."""
    _check_open(call)
    told = call.body["verify_info"]
    if not told["enterprise_name"] or not told["component_phone"]:
        raise Refused(89253)
    if not _CODE.fullmatch(told["code"]):
        raise Refused(89255)
    if is_busy(call.db, call.now, call.appid, told["code"]):
        raise Refused(89249)
    given = {"name": told["enterprise_name"], "code": told["code"], "component_phone": told["component_phone"]}
    return {"authorize_url": _page(call, _start(call, "conversion", given, account=call.appid))}


@plays("fastnormalizebetaweapp")
def convert_to_person(call: Call) -> Answer:
    if call.query["action"] == "query":
        task = get_registration(call.db, call.now, call.body.get("taskid", ""))
        if task is None or (task["kind"], task["account"]) != ("upgrade", call.appid):
            raise Refused(89250)
        return {"taskid": task["taskid"], "status": task["status"]}
    granted = get_authorization(call.db, call.component_appid, call.appid)
    if granted is None or not set(json.loads(granted["sets"])) >= _UPGRADE_SETS:
        raise Refused(61007)
    _check_open(call)
    if not call.body.get("component_phone"):
        raise Refused(89253)
    if is_busy(call.db, call.now, call.appid):
        raise Refused(89249)
    given = {"component_phone": call.body["component_phone"]}
    taskid = _start(call, "upgrade", given, account=call.appid, person=call.program["person"])
    return {"taskid": taskid, "authorize_url": _page(call, taskid), "status": 0}


@plays("getMpAdminAuth")
def ask_for_subject(call: Call) -> Answer:
    """Its administrator answers on the page; the answer is pushed."""
    _check_open(call)
    official = _official(call)
    if call.body.get("same_admin") and official["person"] != call.program["person"]:
        raise Refused(40097)
    given = {"mp_appid": official["appid"]}
    taskid = _start(call, "loan", given, account=call.appid, person=official["person"])
    return {"authorize_url": _page(call, taskid)}


@plays("mpVerifyBetaWeapp")
def convert_by_official_account(call: Call) -> Answer:
    _check_open(call)
    official = _official(call)
    if is_busy(call.db, call.now, call.appid):
        raise Refused(89249)
    if not take_ticket(call.db, call.now, call.body["ticket"], call.appid, official["appid"]):
        raise Refused(61058)
    given = {"mp_appid": official["appid"]}
    taskid = _start(call, "takeover", given, account=call.appid, person=call.program["person"])
    return {"authorize_url": _page(call, taskid)}


def _check_open(call: Call) -> None:
    if get_open_trial(call.db, call.appid) is None:
        raise Refused(91021)


def _official(call: Call) -> Row:
    account = get_account(call.db, call.body["mp_appid"])
    if account is None or account["kind"] != "official_account":
        raise Refused(40013)
    if not account["verified"]:
        raise Refused(61052)
    return account


def _start(call: Call, kind: str, given: dict[str, str], *, account: str = "", person: int | None = None) -> str:
    return add_registration(call.db, call.now, call.component_appid, kind, given, account=account, person=person)


def _page(call: Call, taskid: str) -> str:
    return f"{call.world.public_url}/phone/registration?taskid={taskid}"
