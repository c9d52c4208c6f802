"""Certification of a mini program (小程序认证)."""

from __future__ import annotations

import secrets
from typing import Any

from saas.sandbox.api.media import keep_upload
from saas.sandbox.api.registry import Answer, Call, plays
from saas.sandbox.certifications import (
    AGENCY,
    MAX_REFILLS,
    get_certification,
    get_running_certification,
    push_progress,
    resubmit,
)
from saas.sandbox.procedures import get_procedure_of_certification
from saas.sandbox.refusals import Refused
from saas.sandbox.state import Row, insert, one, to_json
from saas.wx.contract.operations import operation

_CUSTOMER_TYPES = (1, 2, 3, 4, 5, 6, 8, 9, 11, 12, 14, 15)
_PERSONAL = 15
_PICTURE_BYTES = 2 * 1024 * 1024


@plays("secwxaapiWxaauth")
def start_certification(call: Call) -> Answer:
    data = call.body["auth_data"]
    if "taskid" in data or "mobile" in data["contact_info"]:
        raise Refused(40097)
    check_auth_data(call, data, "certification")
    if get_running_certification(call.db, call.now, call.appid):
        raise Refused(89604)
    taskid = secrets.token_hex(16)
    insert(
        call.db,
        "certification",
        taskid=taskid,
        component=call.component_appid,
        account=call.appid,
        auth_data=to_json(data),
        created_at=call.now,
    )
    push_progress(call.db, call.now, _own_task(call, taskid, 40097))
    return {"taskid": taskid, "auth_url": auth_url(call, taskid)}


@plays("secwxaapiReauth")
def resubmit_certification(call: Call) -> Answer:
    data = call.body["auth_data"]
    task = _own_task(call, data.get("taskid", ""), 40097)
    combined = get_procedure_of_certification(call.db, task["taskid"])
    if combined or task["apply_status"] != 3 or task["refills"] >= MAX_REFILLS:
        raise Refused(40097)
    check_auth_data(call, data, "certification")
    resubmit(call.db, call.now, task, to_json(data))
    return {"taskid": task["taskid"], "auth_url": auth_url(call, task["taskid"])}


@plays("secwxaapiQueryauth")
def query_certification(call: Call) -> Answer:
    task = _own_task(call, call.body["taskid"], 1)
    names = ("task_status", "apply_status", "orderid", "refill_reason", "fail_reason")
    answer: dict[str, Any] = {name: task[name] for name in names}
    answer |= {"appid": call.appid, "auth_url": auth_url(call, task["taskid"])}
    if task["apply_status"] == 2:
        answer["dispatch_info"] = AGENCY | {"dispatch_time": int(task["dispatched_at"])}
    return answer


@plays("secwxaapiUploadauthmaterial")
def upload_certification_material(call: Call) -> Answer:
    media_id, kind = keep_upload(call, "certification", "image", _PICTURE_BYTES)
    return {"type": kind, "mediaid": media_id}


@plays("secwxaapiAuthidentitytree")
def get_identity_tree(_call: Call) -> Answer:
    example: dict[str, Any] = operation("secwxaapiAuthidentitytree").response_examples["ok"]
    return {"identity_tree_list": example["identity_tree_list"]}


def _own_task(call: Call, taskid: str, errcode: int) -> Row:
    task = get_certification(call.db, call.now, taskid)
    if task is None or task["account"] != call.appid:
        raise Refused(errcode)
    return task


def auth_url(call: Call, taskid: str) -> str:
    return f"{call.world.public_url}/phone/certification?taskid={taskid}"


def check_auth_data(call: Call, data: dict[str, Any], store: str) -> None:
    """Refuse data that certifies nothing; its pictures must lie in this store."""
    kind, invoice = data["customer_type"], data.get("invoice_info", {}).get("invoice_type", 1)
    if kind not in _CUSTOMER_TYPES:
        raise Refused(89623)
    if kind == _PERSONAL and invoice not in (1, 2):
        raise Refused(89603)
    if data["pay_type"] == 1 and not data.get("service_appid"):
        raise Refused(89609)
    if data["pay_type"] == 1 and invoice != 1:
        raise Refused(89640)
    pictures = [data["qualification"]] if data.get("qualification") else []
    for name in ("qualification_other", "account_supplemental", "auth_ident_material"):
        pictures += data.get(name, [])
    if kind != _PERSONAL and not data.get("qualification"):
        raise Refused(89636)
    for media_id in pictures:
        found = "select 1 from media where id = ? and account = ? and store = ?"
        if one(call.db, found, media_id, call.appid, store) is None:
            raise Refused(89636)
