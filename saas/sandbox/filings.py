"""Filings (小程序备案): WeChat's review, the ministry's text messages, the authority's review, cancelling."""

from __future__ import annotations

import json
from typing import Any

from saas.sandbox import filing_sms, procedures
from saas.sandbox.clock import beijing
from saas.sandbox.components import Unusable
from saas.sandbox.districts import short_name
from saas.sandbox.filing_checks import check_application
from saas.sandbox.pushes import push_event
from saas.sandbox.state import Db, Row, next_number, one, rows, setting, to_json, update

NONE, PLATFORM, PLATFORM_REJECTED, AUTHORITY, AUTHORITY_REJECTED, FILED, UNFILED = 0, 2, 3, 4, 5, 6, 1024
SMS_WAITING, SMS_DONE, SMS_LATE = 1, 2, 3
IN_REVIEW = (PLATFORM, AUTHORITY)
CANCEL_SUBJECT = 1
_PROCEDURE = {
    PLATFORM: procedures.PLATFORM,
    PLATFORM_REJECTED: procedures.PLATFORM_REJECTED,
    AUTHORITY: procedures.AUTHORITY,
    AUTHORITY_REJECTED: procedures.AUTHORITY_REJECTED,
    FILED: procedures.DONE,
}
_REASON = {"key_name": "小程序备注", "error": "未说明实际业务", "suggest": "请写明提供的服务内容"}
_WRONG_CODES = {"key_name": "短信核验", "error": "验证码多次输入错误", "suggest": "请核对手机号后重新提交"}

VERDICTS = {"platform": ("pass", "return"), "late": ("resend", "return"), "authority": ("pass", "return")}

Reasons = list[dict[str, str]]


def get_filing(db: Db, now: float, account: str) -> Row | None:
    """The filing of a mini program as it stands now: text messages that nobody answered have run out."""
    filing = one(db, "select * from filing where account = ?", account)
    if filing is None or filing_sms.list_waiting(db, now, account) or not filing_sms.void(db, account):
        return filing
    if filing["cancel_type"]:
        return update(db, "filing", filing, cancel_type=0)
    return update(db, "filing", filing, sms_status=SMS_LATE)


def open_filing(db: Db, now: float, component: str, account: str, application: str, procedure_id: str = "") -> None:
    """Start the platform review; what was there before, a rejection, is over."""
    db.execute(
        "insert or replace into filing (account, component, application, procedure_id, status, submitted_at) "
        "values (?, ?, ?, ?, ?, ?)",
        (account, component, application, procedure_id, PLATFORM, now),
    )
    procedures.move_procedure(db, now, procedure_id, procedures.PLATFORM)


def continue_procedure(db: Db, now: float, procedure: Row) -> None:
    """The certification is passed: the kept application becomes a filing, or comes back with hints."""
    account, text, procedure_id = procedure["account"], procedure["application"], procedure["procedure_id"]
    hints = check_application(db, now, account, json.loads(text))
    if hints:
        procedures.move_procedure(db, now, procedure_id, procedures.NOT_CREATED, hints=to_json(hints))
    else:
        open_filing(db, now, procedure["component"], account, text, procedure_id)


def withdraw(db: Db, filing: Row) -> None:
    """Take back an application under platform review."""
    update(db, "filing", filing, status=NONE)
    procedures.end_procedure(db, filing["procedure_id"])


def stage(filing: Row) -> str:
    """Who must act: platform, sms, late (an SMS check ran out), authority, cancel; empty when nobody."""
    if filing["cancel_type"]:
        return "cancel"
    if filing["status"] == PLATFORM:
        return "platform"
    if filing["status"] == AUTHORITY:
        return {SMS_WAITING: "sms", SMS_DONE: "authority"}.get(filing["sms_status"], "late")
    return ""


def decide(db: Db, now: float, account: str, verdict: str, reasons: Reasons | None = None) -> None:
    """WeChat's reviewer or the authority decides: pass, return (with reasons), resend text messages that ran out."""
    filing = get_filing(db, now, account)
    turn = stage(filing) if filing else ""
    if filing is None or verdict not in VERDICTS.get(turn, ()):
        raise Unusable("这个备案现在不能这样处理")
    if verdict == "return":
        status = AUTHORITY_REJECTED if turn == "authority" else PLATFORM_REJECTED
        _settle(db, now, filing, status, audit_data=to_json(reasons or [_REASON]))
    elif turn == "authority":
        number = _grant_number(db, now, json.loads(filing["application"])["icp_subject"])
        _settle(db, now, filing, FILED, record_number=number)
    else:
        filing_sms.send(db, now, account, _mobiles(filing), "filing")
        update(db, "filing", filing, status=AUTHORITY, sms_status=SMS_WAITING)
        procedures.move_procedure(db, now, filing["procedure_id"], procedures.AUTHORITY)


def answer_sms(db: Db, now: float, sms_id: int, code: str) -> str:
    """A person in charge types a code; answers what the page says. All of a filing's messages must be confirmed."""
    sms = filing_sms.get_waiting(db, now, sms_id)
    filing = get_filing(db, now, sms["account"]) if sms else None
    if sms is None or filing is None:
        return "这条短信已经失效"
    if not filing_sms.take_code(db, sms, code):
        if sms["wrong"] < filing_sms.WRONG_ALLOWED:
            return "验证码不对"
        filing_sms.void(db, filing["account"])
        if sms["purpose"] == "cancel":
            update(db, "filing", filing, cancel_type=0)
        else:
            _settle(db, now, filing, PLATFORM_REJECTED, audit_data=to_json([_WRONG_CODES]))
        return "验证码错误次数过多，核验失败"
    if sms["purpose"] == "cancel":
        _cancel(db, filing)
    elif not filing_sms.list_waiting(db, now, filing["account"]):
        update(db, "filing", filing, sms_status=SMS_DONE)
    return "核验完成"


def start_cancelling(db: Db, now: float, filing: Row, cancel_type: int) -> None:
    """The ministry asks the persons in charge by text message; one answer is enough."""
    update(db, "filing", filing, cancel_type=cancel_type)
    filing_sms.send(db, now, filing["account"], _mobiles(filing), "cancel")


def get_entrance(db: Db, now: float, account: Row) -> dict[str, Any]:
    """The filing state as getIcpEntranceInfo tells it."""
    filing = get_filing(db, now, account["appid"])
    status = filing["status"] if filing else NONE
    info: dict[str, Any] = {
        "status": status or _unfiled(account),
        "is_canceling": bool(filing and filing["cancel_type"]),
        "available": int(setting(db, "filing_open", "1")),
    }
    if filing and status in (PLATFORM_REJECTED, AUTHORITY_REJECTED):
        info["audit_data"] = json.loads(filing["audit_data"])
    if filing and status == AUTHORITY:
        info["sms_verify_status"] = filing["sms_status"]
    return info


def list_filings(db: Db, now: float, account: str = "") -> list[Row]:
    """Filings with their mini program's name, those that wait for somebody first."""
    for filing in rows(db, "select account from filing where ? in ('', account)", account):
        get_filing(db, now, filing["account"])
    return rows(
        db,
        "select filing.*, account.nick_name, account.principal_name from filing "
        "join account on account.appid = filing.account where ? in ('', filing.account) "
        "order by filing.status not in (2, 4), filing.submitted_at desc limit 200",
        account,
    )


def _settle(db: Db, now: float, filing: Row, status: int, **values: Any) -> None:
    update(db, "filing", filing, status=status, sms_status=0, **values)
    fields = {"authorizer_appid": filing["account"], "beian_status": status}
    push_event(db, filing["component"], "notify_apply_icpfiling_result", fields, now)
    procedures.move_procedure(db, now, filing["procedure_id"], _PROCEDURE[status])


def _cancel(db: Db, filing: Row) -> None:
    """The filing is gone; with the subject, those of its other mini programs, too."""
    filing_sms.void(db, filing["account"])
    gone = [filing]
    if filing["cancel_type"] == CANCEL_SUBJECT:
        number = filing["record_number"].rpartition("-")[0]
        gone += rows(db, "select * from filing where record_number like ? and status = 6", f"{number}-%")
        db.execute("delete from filing_subject where record_number = ?", (number,))
    for one_filing in gone:
        update(db, "filing", one_filing, status=NONE, cancel_type=0, record_number="")


def _grant_number(db: Db, now: float, subject: dict[str, Any]) -> str:
    """One number for the subject, and a serial for each of its mini programs."""
    certificate = subject["organize_info"]["certificate_number"]
    serial = next_number(db, "filing_subject", 12345)
    fresh = f"{short_name(subject['base_info']['province'])}ICP备{beijing(now).year}{serial:06d}号"
    db.execute(
        "insert or ignore into filing_subject (certificate_number, record_number) values (?, ?)", (certificate, fresh)
    )
    db.execute("update filing_subject set programs = programs + 1 where certificate_number = ?", (certificate,))
    found: Row = db.execute("select * from filing_subject where certificate_number = ?", (certificate,)).fetchone()
    return f"{found['record_number']}-{found['programs']}X"


def _mobiles(filing: Row) -> list[str]:
    application = json.loads(filing["application"])
    return list(dict.fromkeys(application[part]["principal_info"]["mobile"] for part in ("icp_subject", "icp_applets")))


def _unfiled(account: Row) -> int:
    lacking = 0 if account["nick_name"] and account["signature"] else 1
    lacking += 0 if json.loads(account["categories"]) else 2
    return UNFILED + lacking + (0 if account["verified"] else 4)
