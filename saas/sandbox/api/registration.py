"""Quick registration of mini programs (快速注册), in its new version, and the change of the administrator."""

from __future__ import annotations

import json

from saas.sandbox import budgets
from saas.sandbox.api.registry import Answer, Call, plays
from saas.sandbox.authorizations import authorize
from saas.sandbox.errands import LEND, REBIND, use_errand
from saas.sandbox.people import add_account, get_person
from saas.sandbox.refusals import Refused
from saas.sandbox.registrations import add_registration, get_registration
from saas.sandbox.state import scalar

_CALLS_A_DAY = 5
_BY_OFFICIAL_ACCOUNT_A_MONTH = 5
_BASIC_SETS = {3, 17, 18}
_BY_OFFICIAL_ACCOUNT = 2
_NEEDED = {
    "enterprise": ("name", "code", "component_phone"),
    "personal": ("wxuser", "component_phone"),
    "trading": ("openid", "component_phone"),
}


@plays("fastRegisterEnterpriseWeapp", invalid={"code": 89255})
def register_enterprise(call: Call) -> Answer:
    return _create_or_query(call, "enterprise")


@plays("fastRegisterPersonalMp")
def register_personal(call: Call) -> Answer:
    if call.query["action"] == "query":
        return _query(call, "personal")
    person = f"{call.component_appid} {call.body.get('wxuser', '')}"
    since = "select count(*) from spending where name = 'register' and owner = ? and at > ?"
    if scalar(call.db, since, person, call.now - 86400) >= _CALLS_A_DAY:
        raise Refused(91030)
    answer = _create(call, "personal")
    budgets.spend(call.db, call.now, "register", person)
    return answer


@plays("fastregistertransactionweapp")
def register_trading(call: Call) -> Answer:
    """Open to every component app here: the sandbox knows no ratings and no deposits."""
    return _create_or_query(call, "trading")


@plays("registerMiniprogramByOffiaccount")
def register_by_official_account(call: Call) -> Answer:
    """The ticket comes from the page where the official account's administrator agreed."""
    official = call.program
    if official["kind"] != "official_account":
        raise Refused(61051)
    if not official["verified"]:
        raise Refused(61052)
    sets = json.loads(call.component["permission_sets"])
    if not set(sets) >= _BASIC_SETS:
        raise Refused(61029)
    if budgets.spent_this_month(call.db, call.now, "fastregister", call.appid) >= _BY_OFFICIAL_ACCOUNT_A_MONTH:
        raise Refused(61055)
    if use_errand(call.db, call.now, LEND, call.body["ticket"], call.appid) is None:
        raise Refused(61058)
    budgets.spend(call.db, call.now, "fastregister", call.appid)
    owner = get_person(call.db, official["person"])
    appid = add_account(
        call.db,
        owner["name"] if owner else "",
        nick_name=official["nick_name"],
        principal_name=official["principal_name"],
        signature="",
        register_type=_BY_OFFICIAL_ACCOUNT,
        verified=0,
    )
    code = authorize(call.db, call.now, call.component_appid, appid, sets, push=False)
    return {"appid": appid, "authorization_code": code, "is_wx_verify_succ": "false", "is_link_succ": "true"}


@plays("componentRebindAdmin")
def rebind_admin(call: Call) -> Answer:
    """The authorization stays."""
    errand = use_errand(call.db, call.now, REBIND, call.body["taskid"], call.appid)
    if errand is None:
        raise Refused(85060)
    call.db.execute("update account set person = ? where appid = ?", (errand["successor"], call.appid))
    return None


@plays("registerMiniprogram")
def register_by_template_message(_call: Call) -> Answer:
    """Offline since 2026-04-30: WeChat answers a system error."""
    raise Refused(-1)


def _create_or_query(call: Call, kind: str) -> Answer:
    return _query(call, kind) if call.query.get("action") == "query" else _create(call, kind)


def _create(call: Call, kind: str) -> Answer:
    wanted = _NEEDED[kind]
    if any(not call.body.get(name) for name in wanted):
        raise Refused(86030)
    given = {name: call.body[name] for name in wanted}
    taskid = add_registration(call.db, call.now, call.component_appid, kind, given)
    url = f"{call.world.public_url}/phone/registration?taskid={taskid}"
    return {"taskid": taskid, "authorize_url": url, "status": 0}


def _query(call: Call, kind: str) -> Answer:
    task = get_registration(call.db, call.now, call.body.get("taskid", ""))
    if task is None or (task["kind"], task["component"]) != (kind, call.component_appid):
        raise Refused(86030)
    return {"taskid": task["taskid"], "status": task["status"]}
