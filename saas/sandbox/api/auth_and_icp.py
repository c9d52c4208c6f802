"""Certification and filing in one go (小程序认证及备案)."""

from __future__ import annotations

import json
import secrets
from typing import Any

from saas.sandbox import filings, procedures
from saas.sandbox.api.certification import auth_url, check_auth_data
from saas.sandbox.api.filing import application_text, check_no_filing, check_ready, find_faults
from saas.sandbox.api.registry import Answer, Call, plays
from saas.sandbox.certifications import begin_procedure, get_certification, get_running_certification, resubmit
from saas.sandbox.refusals import Refused
from saas.sandbox.state import Row, insert, to_json, update


@plays("submitAuthAndIcp", hinted=86202)
def submit_auth_and_icp(call: Call) -> Answer:
    data = call.body["auth_data"]
    if "taskid" in data:
        raise Refused(40097)
    task = get_running_certification(call.db, call.now, call.appid)
    running = procedures.get_running_procedure(call.db, call.appid)
    if running is not None:
        return _resubmit(call, running)
    if task is not None:
        raise Refused(89604)
    check_no_filing(call)
    if "mobile" in data["contact_info"] or call.program["verified"]:
        raise Refused(40097)
    check_ready(filings.get_entrance(call.db, call.now, call.program)["status"], certified=False)
    check_auth_data(call, data, "filing")
    if faults := find_faults(call, along_with_auth=True):
        raise Refused(86202, hints=faults)
    return _begin(call, data)


@plays("queryAuthAndIcp")
def query_auth_and_icp(call: Call) -> Answer:
    task = _settle(call, call.body["procedure_id"])
    procedure = procedures.get_procedure(call.db, call.body["procedure_id"])
    if task is None or procedure is None:
        raise Refused(40097)
    status = procedure["status"]
    answer: dict[str, Any] = {"procedure_status": status, "orderid": task["orderid"]}
    if status == procedures.SENT_BACK:
        answer["refill_reason"] = task["refill_reason"]
    if status == procedures.CERTIFICATION_FAILED:
        answer["fail_reason"] = task["fail_reason"]
    if status == procedures.NOT_CREATED:
        answer["icp_audit"] = {"hints": json.loads(procedure["hints"])}
    filing = filings.get_entrance(call.db, call.now, call.program)
    if status in (procedures.PLATFORM_REJECTED, procedures.AUTHORITY_REJECTED):
        answer["icp_audit"] = {"audit_data": filing["audit_data"]}
    if status == procedures.AUTHORITY:
        answer["icp_audit"] = {"sms_verify_status": filing["sms_verify_status"]}
    return answer


def _begin(call: Call, data: dict[str, Any]) -> Answer:
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
    procedure_id = procedures.create_procedure(
        call.db, call.component_appid, call.appid, taskid, application_text(call)
    )
    begin_procedure(call.db, call.now, taskid)
    pay = {"pay_url": auth_url(call, taskid)} if data["pay_type"] == 2 else {}
    return {"procedure_id": procedure_id, **pay}


def _resubmit(call: Call, running: Row) -> Answer:
    """The answer to a send-back or a rejection: the complete data again, the same procedure."""
    status, procedure_id = running["status"], running["procedure_id"]
    if status not in procedures.RESUBMITTED:
        raise Refused(89604 if status < procedures.CERTIFIED else 86324)
    check_auth_data(call, call.body["auth_data"], "filing")
    if faults := find_faults(call, along_with_auth=True):
        raise Refused(86202, hints=faults, procedure_id=procedure_id)
    application = application_text(call)
    update(call.db, "auth_and_icp", running, application=application)
    if status == procedures.SENT_BACK:
        task = _settle(call, procedure_id)
        if task is not None:
            resubmit(call.db, call.now, task, to_json(call.body["auth_data"]))
    else:
        filings.open_filing(call.db, call.now, call.component_appid, call.appid, application, procedure_id)
    return {"procedure_id": procedure_id}


def _settle(call: Call, procedure_id: str) -> Row | None:
    """The certification task of this mini program's procedure; what ran out of time has ended."""
    procedure = procedures.get_procedure(call.db, procedure_id)
    if procedure is None or procedure["account"] != call.appid:
        return None
    return get_certification(call.db, call.now, procedure["certification"])
