"""The page that shows a user's orders (订单页 path), asked for by the platform for many mini programs at once."""

from __future__ import annotations

import json
import re
from typing import Any

from saas.sandbox import applications
from saas.sandbox.api.registry import Answer, Call, plays
from saas.sandbox.applications import ORDER_PATH, Status, get_latest_application
from saas.sandbox.authorizations import get_authorization
from saas.sandbox.pushes import push_event
from saas.sandbox.refusals import Refused
from saas.sandbox.state import one

_PATH = re.compile(r"(?!/)[A-Za-z0-9_\-/]+")
_TAKEN, _REPEATED, _UNKNOWN = 0, 1, -2
_STATUS = {Status.WAITING: 2, Status.REJECTED: 3, Status.APPROVED: 4}


@plays("applySetOrderPathInfo", invalid={"appid_list": 61042, "batch_req": 61043})
def apply_order_path(call: Call) -> Answer:
    """The answer says nothing of the single mini program; an event does."""
    batch = call.body["batch_req"]
    if not batch["appid_list"]:
        raise Refused(61043)
    if not _PATH.fullmatch(batch["path"]):
        raise Refused(61044)
    given = {name: value for name, value in batch.items() if name not in ("path", "appid_list")}
    taken = [_apply(call, appid, batch["path"], given) for appid in dict.fromkeys(batch["appid_list"])]
    push_event(call.db, call.component_appid, "order_path_apply_result_notify", {"list": taken}, call.now)
    return None


@plays("getOrderPathInfo")
def get_order_path(call: Call) -> Answer:
    """The path that holds (0), or the last application (1), however it ended."""
    if call.body["info_type"] == 1:
        found = get_latest_application(call.db, ORDER_PATH, call.appid)
    else:
        approved = "select * from application where kind = ? and account = ? and status = ? order by id desc limit 1"
        found = one(call.db, approved, ORDER_PATH, call.appid, Status.APPROVED)
    if found is None:
        raise Refused(61041)
    record = {"path": found["subject"], "status": _STATUS[found["status"]], "apply_time": int(found["applied_at"])}
    return {"msg": record | (json.loads(found["given"]) if call.body["info_type"] == 1 else {})}


def _apply(call: Call, appid: str, path: str, given: dict[str, Any]) -> dict[str, Any]:
    """What the event says of one mini program."""
    if get_authorization(call.db, call.component_appid, appid) is None:
        return {"appid": appid, "ret_code": _UNKNOWN}
    latest = get_latest_application(call.db, ORDER_PATH, appid)
    if latest is not None and latest["status"] == Status.WAITING:
        return {"appid": appid, "audit_id": latest["id"], "ret_code": _REPEATED}
    number = applications.apply(
        call.db, call.now, ORDER_PATH, component=call.component_appid, account=appid, subject=path, given=given
    )
    return {"appid": appid, "audit_id": number, "ret_code": _TAKEN}
