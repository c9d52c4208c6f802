"""Quick registration of mini programs for enterprises and individuals (快速注册), in its new version."""

from __future__ import annotations

import secrets

from saas.sandbox import budgets
from saas.sandbox.api.registry import Answer, Call, plays
from saas.sandbox.refusals import Refused
from saas.sandbox.registrations import get_registration
from saas.sandbox.state import insert, scalar, to_json

_CALLS_A_DAY = 5


@plays("fastRegisterEnterpriseWeapp", invalid={"code": 89255})
def register_enterprise(call: Call) -> Answer:
    return _query(call, "enterprise") if call.query["action"] == "query" else _create(call, "enterprise")


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


def _create(call: Call, kind: str) -> Answer:
    wanted = ("name", "code", "component_phone") if kind == "enterprise" else ("wxuser", "component_phone")
    if any(not call.body.get(name) for name in wanted):
        raise Refused(86030)
    taskid = secrets.token_hex(16)
    given = {name: call.body[name] for name in wanted}
    insert(
        call.db,
        "registration",
        taskid=taskid,
        component=call.component_appid,
        kind=kind,
        given=to_json(given),
        created_at=call.now,
    )
    url = f"{call.world.public_url}/phone/registration?taskid={taskid}"
    return {"taskid": taskid, "authorize_url": url, "status": 0}


def _query(call: Call, kind: str) -> Answer:
    task = get_registration(call.db, call.now, call.body.get("taskid", ""))
    if task is None or (task["kind"], task["component"]) != (kind, call.component_appid):
        raise Refused(86030)
    return {"taskid": task["taskid"], "status": task["status"]}


@plays("registerMiniprogram")
def register_by_template_message(_call: Call) -> Answer:
    """Offline since 2026-04-30: WeChat answers a system error."""
    raise Refused(-1)
