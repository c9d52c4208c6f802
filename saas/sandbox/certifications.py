"""Certification tasks (小程序认证): the administrator's steps, the reviewer's decisions, the time limits."""

from __future__ import annotations

import json
from typing import Any

from saas.sandbox import budgets, procedures
from saas.sandbox.components import Unusable
from saas.sandbox.filings import continue_procedure
from saas.sandbox.people import get_account
from saas.sandbox.pushes import push_event, push_message
from saas.sandbox.state import Db, Row, next_number, one, rows, update

TASK_SECONDS = 24 * 3600
REFILL_SECONDS = 30 * 86400
MAX_REFILLS = 3
AGENCY = {"provider": "示例信用评估有限公司", "contact": "热线 020-12345678，工作日 9:00-18:00"}
_PENDING, _EXPIRED, _DECLINED, _AGREED, _FACE_FAILED, _FACE_OK, _CODE_SENT = 0, 1, 2, 3, 5, 6, 7
_CODE_FAILED, _CODE_OK, _ORDERED, _PAY = 8, 9, 12, 15
_UNPAID, _REVIEW, _SENT_BACK, _PASSED, _FAILED = 1, 2, 3, 4, 5
_STEPS = {
    "agree": (_PENDING, _AGREED),
    "refuse": (_PENDING, _DECLINED),
    "face": (_AGREED, _FACE_OK),
    "face_fail": (_AGREED, _FACE_FAILED),
    "send_code": (_FACE_OK, _CODE_SENT),
    "code": (_CODE_SENT, _CODE_OK),
    "code_fail": (_CODE_SENT, _CODE_FAILED),
    "pay": (_PAY, _ORDERED),
}
_PROCEDURE = {
    _REVIEW: procedures.CERTIFYING,
    _SENT_BACK: procedures.SENT_BACK,
    _PASSED: procedures.CERTIFIED,
    _FAILED: procedures.CERTIFICATION_FAILED,
}
STEP_WORDS = {
    "agree": "同意认证",
    "refuse": "拒绝",
    "face": "人脸核身通过",
    "face_fail": "人脸核身失败",
    "send_code": "填写手机号，接收验证码",
    "code": "验证码正确",
    "code_fail": "验证码错误",
    "pay": "支付审核费",
}


def get_certification(db: Db, now: float, taskid: str) -> Row | None:
    """One task as it stands now: what ran out of time has ended."""
    task = one(db, "select * from certification where taskid = ?", taskid)
    if task is None:
        return None
    day_over = now >= task["created_at"] + TASK_SECONDS
    if day_over and task["task_status"] in (_PENDING, _AGREED, _FACE_OK, _CODE_SENT):
        _set(db, task, task_status=_EXPIRED)
    elif day_over and task["apply_status"] == _UNPAID and procedures.get_procedure_of_certification(db, taskid):
        _finish(db, now, _set(db, task, task_status=_EXPIRED), "超过 24 小时没有支付审核费")
    elif task["apply_status"] == _SENT_BACK and now >= task["sent_back_at"] + REFILL_SECONDS and not task["refills"]:
        _finish(db, now, task, "超过 30 天没有重新提交")
    return one(db, "select * from certification where taskid = ?", taskid)


def get_running_certification(db: Db, now: float, appid: str) -> Row | None:
    """The task of a mini program that keeps it from starting another."""
    latest = one(db, "select taskid from certification where account = ? order by created_at desc limit 1", appid)
    task = get_certification(db, now, latest["taskid"]) if latest else None
    if task is None or task["apply_status"] in (_PASSED, _FAILED):
        return None
    return None if task["task_status"] in (_EXPIRED, _DECLINED, _FACE_FAILED, _CODE_FAILED) else task


def list_steps(task: Row) -> list[str]:
    """What the administrator can do on the phone now."""
    return [step for step, (before, _) in _STEPS.items() if before == task["task_status"]]


def take_step(db: Db, now: float, taskid: str, step: str) -> None:
    """One step of the administrator; the agreed ones of them are pushed as WeChat does."""
    task = get_certification(db, now, taskid)
    if task is None or step not in list_steps(task):
        raise Unusable("这一步现在不能做")
    status = _STEPS[step][1]
    task = _set(db, task, task_status=status)
    if status in (_FACE_OK, _CODE_OK):
        push_progress(db, now, task)
    if status == _CODE_OK:
        _order(db, now, task)
    elif status == _ORDERED:
        _tell(db, now, task, "wx_verify_pay_succ", {"OrderId": str(task["orderid"])})
        _dispatch(db, now, task)


def begin_procedure(db: Db, now: float, taskid: str) -> None:
    """The task of a combined procedure: the administrator has agreed before it was submitted."""
    task = get_certification(db, now, taskid)
    if task is not None:
        _order(db, now, task)


def resubmit(db: Db, now: float, task: Row, auth_data: str) -> None:
    """The merchant's answer to a send-back: the same task goes to review again."""
    task = _set(db, task, auth_data=auth_data, refills=task["refills"] + 1, refill_reason="")
    _review(db, now, task)


def decide(db: Db, now: float, taskid: str, verdict: str, reason: str = "") -> None:
    """The review agency passes, sends back (refill) or fails a task under review."""
    task = get_certification(db, now, taskid)
    if task is None or task["apply_status"] != _REVIEW:
        raise Unusable("这个认证现在不在审核中")
    if verdict == "pass":
        budgets.forget(db, "name", task["account"])
        db.execute("update account set verified = 1 where appid = ?", (task["account"],))
        push_progress(db, now, _set(db, task, apply_status=_PASSED))
        procedure = procedures.get_procedure_of_certification(db, taskid)
        if procedure is not None:
            continue_procedure(db, now, procedure)
    elif verdict == "refill" and task["refills"] < MAX_REFILLS:
        reason = reason or "请补充名称相关的商标注册证"
        first = task["sent_back_at"] or now
        push_progress(db, now, _set(db, task, apply_status=_SENT_BACK, refill_reason=reason, sent_back_at=first))
        _tell(db, now, task, "wx_verify_refill", {"RefillTime": int(now), "RefillReason": reason})
    elif verdict in ("refill", "fail"):
        _finish(db, now, task, reason or "多次补充材料仍不符合要求")
    else:
        raise Unusable("verdict 应为 pass、refill 或 fail")


def list_certifications(db: Db, now: float) -> list[Row]:
    """The newest tasks with their mini program's name."""
    for task in rows(db, "select taskid from certification order by created_at desc limit 100"):
        get_certification(db, now, task["taskid"])
    return rows(
        db,
        "select certification.*, account.nick_name from certification join account "
        "on account.appid = certification.account order by certification.created_at desc limit 100",
    )


def push_progress(db: Db, now: float, task: Row) -> None:
    """Where the task stands, to the authorization-event URL."""
    procedure = procedures.get_procedure_of_certification(db, task["taskid"])
    if procedure is not None:
        status = _PROCEDURE.get(task["apply_status"], procedures.PAID)
        procedures.move_procedure(db, now, procedure["procedure_id"], status)
        return
    fields: dict[str, Any] = {
        "appid": task["account"],
        "taskid": task["taskid"],
        "task_status": task["task_status"],
        "apply_status": task["apply_status"],
        "message": "",
    }
    if task["apply_status"] == _REVIEW:
        fields["dispatch_info"] = AGENCY | {"dispatch_time": int(task["dispatched_at"])}
    push_event(db, task["component"], "notify_3rd_wxa_auth", fields, now)


def _order(db: Db, now: float, task: Row) -> None:
    orderid = next_number(db, "certification_order", 417230018)
    if json.loads(task["auth_data"])["pay_type"] == 1:
        _dispatch(db, now, _set(db, task, task_status=_ORDERED, orderid=orderid))
    else:
        _set(db, task, task_status=_PAY, apply_status=_UNPAID, orderid=orderid)


def _dispatch(db: Db, now: float, task: Row) -> None:
    push_progress(db, now, task)
    _review(db, now, task)


def _review(db: Db, now: float, task: Row) -> None:
    push_progress(db, now, _set(db, task, apply_status=_REVIEW, dispatched_at=now))
    fields = {"Provider": AGENCY["provider"], "Contact": AGENCY["contact"], "DispatchTime": int(now)}
    _tell(db, now, task, "wx_verify_dispatch", fields)


def _finish(db: Db, now: float, task: Row, reason: str) -> None:
    push_progress(db, now, _set(db, task, apply_status=_FAILED, fail_reason=reason))
    _tell(db, now, task, "wx_verify_fail", {"FailTime": int(now), "FailReason": reason})


def _tell(db: Db, now: float, task: Row, event: str, fields: dict[str, Any]) -> None:
    account = get_account(db, task["account"])
    if account is not None:
        push_message(db, task["component"], account, event, fields, now)


def _set(db: Db, task: Row, **values: Any) -> Row:
    return update(db, "certification", task, **values)
