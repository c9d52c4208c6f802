"""The reviewer's side of an audit."""

from __future__ import annotations

from typing import Any

from saas.sandbox.components import Unusable
from saas.sandbox.people import get_account
from saas.sandbox.pictures import screenshot_png
from saas.sandbox.privacy import list_undeclared
from saas.sandbox.pushes import push_message
from saas.sandbox.state import Db, Row, insert, one, random_text, rows

APPROVED, REJECTED, PENDING, WITHDRAWN, DELAYED = range(5)
OPEN = (PENDING, DELAYED)
DEFAULT_REASON = (
    "1: 服务类目与页面内容不符:<br>(1): 你好，小程序页面提供的服务与所选类目不一致，请补充对应类目后重新提交审核。<br>"
    "2: 页面内容为空:<br>(1): 首页没有实际内容，请完善后再提交。<br>"
)
UNDECLARED_REASON = (
    "1: 用户隐私保护指引不完整:<br>(1): 你好，小程序收集了{}，请在用户隐私保护指引中说明后重新提交审核。<br>"
)
DEFAULT_DELAY = "你的小程序版本需要更长时间审核，请耐心等待。"


def decide(
    db: Db, now: float, audit_id: int, verdict: str, *, reason: str = "", pictures: int = 1, push: bool = True
) -> None:
    """Approve, reject or delay an open audit, and push the event (unless it is to be lost)."""
    audit = one(db, "select * from audit where id = ?", audit_id)
    if audit is None:
        raise Unusable(f"没有这个审核单：{audit_id}")
    if audit["status"] not in OPEN or (verdict == "delay" and audit["status"] == DELAYED):
        raise Unusable(f"审核单 {audit_id} 已经处理过了")
    fields: dict[str, Any]
    if verdict == "approve":
        event, status, fields = "weapp_audit_success", APPROVED, {"SuccTime": int(now)}
    elif verdict == "reject":
        reason = reason or suggest_reason(db, audit)
        shots = "|".join(_attach(db, now, audit["account"], number) for number in range(pictures))
        db.execute("update audit set screenshots = ? where id = ?", (shots, audit_id))
        event, status = "weapp_audit_fail", REJECTED
        fields = {"Reason": reason, "FailTime": int(now)} | ({"ScreenShot": shots} if shots else {})
    elif verdict == "delay":
        reason = reason or DEFAULT_DELAY
        event, status, fields = "weapp_audit_delay", DELAYED, {"Reason": reason, "DelayTime": int(now)}
    else:
        raise Unusable("verdict 应为 approve、reject 或 delay")
    db.execute(
        "update audit set status = ?, reason = ?, decided_at = ? where id = ?",
        (status, "" if verdict == "approve" else reason, now, audit_id),
    )
    account = get_account(db, audit["account"])
    if push and account is not None:
        push_message(db, audit["component"], account, event, fields, now)


def suggest_reason(db: Db, audit: Row) -> str:
    """Why a reviewer would reject: code and privacy guide are compared first."""
    undeclared = list_undeclared(db, audit["account"], audit["template"])
    return UNDECLARED_REASON.format("、".join(undeclared)) if undeclared else DEFAULT_REASON


def list_audits(
    db: Db, *, component: str = "", appid: str = "", only_open: bool = False, limit: int = 500
) -> list[Row]:
    """Newest first, with the account's name."""
    return rows(
        db,
        "select audit.*, account.nick_name, account.hue, component.name as component_name from audit "
        "join account on account.appid = audit.account join component on component.appid = audit.component "
        "where ? in ('', audit.component) and ? in ('', audit.account) and (? = 0 or audit.status in (2, 4)) "
        "order by audit.id desc limit ?",
        component,
        appid,
        int(only_open),
        limit,
    )


def list_releases(db: Db, component: str) -> list[Row]:
    """Every version that went online by a release, oldest first, with what the reviewers said about it."""
    return rows(
        db,
        "select online.account as appid, online.user_version, audit.id as auditid, audit.status, "
        "program.online = online.id as is_online from online join audit on audit.id = online.audit "
        "join program on program.account = online.account where audit.component = ? order by online.id",
        component,
    )


def get_latest_audit(db: Db, appid: str) -> Row | None:
    return one(db, "select * from audit where account = ? order by id desc limit 1", appid)


def _attach(db: Db, now: float, appid: str, number: int) -> str:
    media_id = random_text(43)
    insert(
        db,
        "media",
        id=media_id,
        account=appid,
        store="material",
        kind="image",
        content_type="image/png",
        content=screenshot_png(number),
        created_at=now,
    )
    return media_id
