"""Filing of a mini program (小程序备案)."""

from __future__ import annotations

import json
from typing import Any

from saas.sandbox import budgets, filings, procedures
from saas.sandbox.api.media import keep_upload
from saas.sandbox.api.registry import Answer, Call, Picture, plays
from saas.sandbox.filing_checks import check_application, check_face
from saas.sandbox.refusals import Refused, hint
from saas.sandbox.state import insert, one, to_json
from saas.sandbox.verify_tasks import USABLE_SECONDS, create_verify_task, get_verify_task
from saas.wx.contract.operations import code_table, operation

APPLICATIONS_A_DAY, FACE_CHECKS_A_DAY = 10, 10
PARTS = ("icp_subject", "icp_applets", "icp_materials")
_LACKING = ((1, "请先补全头像、简介和名称"), (2, "请先设置类目"), (4, "请先完成认证"))
_HIDDEN = ("name", "mobile", "email", "emergency_contact", "certificate_number", "certificate_address", "address")
_CERTIFICATE_FIELDS = ("certificate_photo", "certificate_photo_front", "certificate_photo_back")


@plays("createIcpVerifyTask")
def create_icp_verify_task(call: Call) -> Answer:
    if budgets.spent_today(call.db, call.now, "face_check", call.appid) >= FACE_CHECKS_A_DAY:
        raise Refused(45009)
    budgets.spend(call.db, call.now, "face_check", call.appid)
    along = call.body.get("along_with_auth", False)
    running = procedures.get_running_procedure(call.db, call.appid)
    confirmed = running is not None and running["status"] >= procedures.NOT_CREATED
    task_id = create_verify_task(
        call.db, call.now, call.component_appid, call.appid, along_with_auth=along, confirmed=confirmed
    )
    address = {"verify_url": f"{call.world.public_url}/phone/face_check?task_id={task_id}"} if along else {}
    return {"task_id": task_id, **address}


@plays("queryIcpVerifyTask")
def query_icp_verify_task(call: Call) -> Answer:
    task = get_verify_task(call.db, call.now, call.body["task_id"])
    if task is None or task["account"] != call.appid:
        raise Refused(86328)
    if call.now >= task["created_at"] + USABLE_SECONDS:
        raise Refused(1)
    along = {"along_with_auth_result": task["auth_result"]} if task["along_with_auth"] else {}
    return {"is_finish": bool(task["finished"]), "face_status": task["face_status"], **along}


@plays("uploadIcpMedia", invalid={"media": 86201})
def upload_icp_media(call: Call) -> Answer:
    kind, field = call.body["type"], call.body["icp_order_field"]
    certificate_type = call.body.get("certificate_type", "")
    if not _is_field(field) or (certificate_type and certificate_type not in _certificate_types()):
        raise Refused(40097)
    if field.split(".")[-1] in _CERTIFICATE_FIELDS and not certificate_type:
        raise Refused(40097)
    try:
        media_id, found = keep_upload(call, "filing", "", 0)
    except Refused as error:
        raise Refused(86201) from error
    if found != kind:
        raise Refused(40004)
    insert(
        call.db, "filing_media", media=media_id, certificate_type=int(certificate_type) if certificate_type else None
    )
    return {"type": kind, "media_id": media_id, "created_at": int(call.now)}


@plays("getIcpMedia")
def get_icp_media(call: Call) -> Answer:
    found = "select * from media where id = ? and account = ? and store = 'filing'"
    media = one(call.db, found, call.query["media_id"], call.appid)
    if media is None:
        raise Refused(86205)
    return Picture(media["content"], media["content_type"])


@plays("applyIcpFiling", hinted=86202)
def apply_icp_filing(call: Call) -> Answer:
    refused = budgets.refused_today(call.db, call.now, call.operation.id, call.appid)
    if budgets.spent_today(call.db, call.now, "filing", call.appid) + refused >= APPLICATIONS_A_DAY:
        raise Refused(45009)
    check_no_filing(call)
    if procedures.get_running_procedure(call.db, call.appid):
        raise Refused(86358)
    entrance = filings.get_entrance(call.db, call.now, call.program)
    if not entrance["available"]:
        raise Refused(86301)
    check_ready(entrance["status"])
    if faults := find_faults(call, along_with_auth=False):
        raise Refused(86202, hints=faults)
    budgets.spend(call.db, call.now, "filing", call.appid)
    filings.open_filing(call.db, call.now, call.component_appid, call.appid, application_text(call))
    return None


@plays("cancelApplyIcpFiling")
def cancel_apply_icp_filing(call: Call) -> Answer:
    filing = filings.get_filing(call.db, call.now, call.appid)
    if filing is None or filing["status"] == filings.NONE:
        raise Refused(86368)
    if filing["status"] != filings.PLATFORM:
        raise Refused(86330)
    filings.withdraw(call.db, filing)
    return None


@plays("cancelIcpfiling")
def cancel_icp_filing(call: Call) -> Answer:
    filing = filings.get_filing(call.db, call.now, call.appid)
    if filing is not None and (filing["status"] in filings.IN_REVIEW or filing["cancel_type"]):
        raise Refused(86324)
    if filing is None or filing["status"] != filings.FILED:
        raise Refused(86353)
    filings.start_cancelling(call.db, call.now, filing, call.body["cancel_type"])
    return None


@plays("getIcpEntranceInfo")
def get_icp_entrance_info(call: Call) -> Answer:
    return {"info": filings.get_entrance(call.db, call.now, call.program)}


@plays("getOnlineIcpOrder")
def get_online_icp_order(call: Call) -> Answer:
    """Personal data is masked, media are left out."""
    filing = filings.get_filing(call.db, call.now, call.appid)
    if filing is None or filing["status"] != filings.FILED:
        raise Refused(86328)
    application = json.loads(filing["application"])
    known = (operation(call.operation.id).response_schema or {})["properties"]
    subject = _masked(application["icp_subject"], known["icp_subject"])
    applets = _masked(application["icp_applets"], known["icp_applets"]["oneOf"][0])
    subject["base_info"]["record_number"] = filing["record_number"].rpartition("-")[0]
    applets["base_info"] |= {
        "appid": call.appid,
        "name": call.program["nick_name"],
        "record_number": filing["record_number"],
    }
    return {"icp_subject": subject, "icp_applets": applets}


def check_no_filing(call: Call) -> None:
    """Refuse while a filing is under review or cancelled, and once there is one."""
    filing = filings.get_filing(call.db, call.now, call.appid)
    if filing is not None and filing["status"] in filings.IN_REVIEW:
        raise Refused(86324)
    if filing is not None and filing["status"] == filings.FILED:
        raise Refused(86358)


def check_ready(status: int, *, certified: bool = True) -> None:
    """Refuse an unfiled mini program that lacks what a filing needs; `certified`: the certification, too."""
    missing = (status - filings.UNFILED) & (7 if certified else 3) if status >= filings.UNFILED else 0
    hints = [hint("icp_applets.base_info", words) for bit, words in _LACKING if missing & bit]
    if hints:
        raise Refused(86202, hints=hints)


def find_faults(call: Call, *, along_with_auth: bool) -> list[dict[str, object]]:
    """Hints for the fields of an application that WeChat does not accept."""
    faults = check_application(call.db, call.now, call.appid, call.body)
    return [*faults, *check_face(call.db, call.now, call.appid, call.body, along_with_auth=along_with_auth)]


def application_text(call: Call) -> str:
    return to_json({part: call.body[part] for part in PARTS})


def _is_field(path: str) -> bool:
    """Whether an application (with certification or without) has this field, and text stands in it."""
    schema: Any = operation("submitAuthAndIcp").request_schema
    for step in path.split("."):
        schema = schema if step.isdigit() else _inner(schema).get("properties", {}).get(step, {})
    return bool(_inner(schema).get("type") == "string")


def _inner(schema: dict[str, Any]) -> dict[str, Any]:
    inner: dict[str, Any] = schema.get("items", schema)
    return inner


def _certificate_types() -> set[str]:
    return {str(kind["type"]) for kind in code_table("certificate_types")}


def _masked(values: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """The values that the answer's schema knows, with those of persons and papers half hidden."""
    shown: dict[str, Any] = {}
    for name, inner in schema["properties"].items():
        if name not in values:
            continue
        value = values[name]
        if name == "nrlx_details":
            shown[name] = [{key: one[key] for key in ("type", "code") if key in one} for one in value]
        elif isinstance(value, dict):
            shown[name] = _masked(value, inner)
        else:
            shown[name] = _hidden(value) if name in _HIDDEN else value
    return shown


def _hidden(text: str) -> str:
    """The first two and the last two characters stay; of a short name the first only."""
    return text[0] + "*" * (len(text) - 1) if len(text) < 6 else f"{text[:2]}{'*' * (len(text) - 4)}{text[-2:]}"
