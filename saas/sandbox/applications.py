"""What mini programs ask for and somebody else decides: location interfaces, order pages, plugins, links."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Any

from saas.sandbox.components import Unusable
from saas.sandbox.people import get_account
from saas.sandbox.pushes import push_event, push_message
from saas.sandbox.state import Db, Row, insert, next_number, one, rows, to_json

PRIVACY, ORDER_PATH, PLUGIN, LINK = "privacy_interface", "order_path", "plugin", "link"
DEFAULT_REASON = "未见使用场景，请补充说明后重新申请"


class Status(StrEnum):
    """`CONFIRMED` is the first of two agreements of a link, `EXPIRED` a request for a plugin that nobody answered."""

    WAITING = "waiting"
    CONFIRMED = "confirmed"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"


OPEN = (Status.WAITING, Status.CONFIRMED)


def apply(db: Db, now: float, kind: str, *, component: str, account: str, subject: str, given: dict[str, Any]) -> int:
    """A new application of `account` for `subject`: an interface, a path, a plugin or a mini program."""
    number = next_number(db, "application", 446500001)
    insert(
        db,
        "application",
        id=number,
        kind=kind,
        component=component,
        account=account,
        subject=subject,
        given=to_json(given),
        applied_at=now,
    )
    return number


def get_latest_application(db: Db, kind: str, account: str, subject: str = "") -> Row | None:
    """The newest application, for one subject or for any."""
    latest = "select * from application where kind = ? and account = ? and ? in ('', subject) order by id desc limit 1"
    return one(db, latest, kind, account, subject)


def list_latest_applications(db: Db, kind: str, *, account: str = "", subject: str = "") -> list[Row]:
    """The newest application of each account for each subject."""
    return rows(
        db,
        "select * from application where id in (select max(id) from application where kind = ? "
        "and ? in ('', account) and ? in ('', subject) group by account, subject) order by id",
        kind,
        account,
        subject,
    )


def list_applications(db: Db, *, component: str = "", appid: str = "", limit: int = 100) -> list[Row]:
    """Open ones first, then the newest, with the name of who applies."""
    return rows(
        db,
        "select application.*, account.nick_name from application join account on account.appid = application.account "
        "where ? in ('', application.component) and ? in ('', application.account) "
        "order by status in ('waiting', 'confirmed') desc, application.id desc limit ?",
        component,
        appid,
        limit,
    )


def decide(db: Db, now: float, number: int, verdict: str, *, reason: str = "", push: bool = True) -> None:
    """Approve, reject or (a plugin) let expire. A link is approved twice: by either side's administrator."""
    application = one(db, "select * from application where id = ?", number)
    if application is None or application["status"] not in OPEN:
        raise Unusable("这个申请不存在，或者已经处理过了")
    kind = application["kind"]
    if verdict == "approve":
        first = kind == LINK and application["status"] == Status.WAITING
        status, reason = Status.CONFIRMED if first else Status.APPROVED, ""
    elif verdict == "reject":
        status, reason = Status.REJECTED, reason or DEFAULT_REASON
    elif verdict == "expire" and kind == PLUGIN:
        status, reason = Status.EXPIRED, ""
    else:
        raise Unusable("verdict 应为 approve 或 reject，插件还可以是 expire")
    db.execute(
        "update application set status = ?, reason = ?, decided_at = ? where id = ?", (status, reason, now, number)
    )
    if kind == PRIVACY and status == Status.APPROVED:
        _grant_interface(db, application["account"], application["subject"])
    if push and kind == PRIVACY:
        _push_privacy_verdict(db, now, application, status, reason)
    if push and kind == ORDER_PATH:
        _push_order_path_verdict(db, now, application, status, reason)


def _grant_interface(db: Db, appid: str, api_name: str) -> None:
    account = get_account(db, appid)
    if account is not None:
        lacking = [name for name in json.loads(account["missing_privacy"]) if f"wx.{name}" != api_name]
        db.execute("update account set missing_privacy = ? where appid = ?", (to_json(lacking), appid))


def _push_privacy_verdict(db: Db, now: float, application: Row, status: Status, reason: str) -> None:
    account = get_account(db, application["account"])
    if account is None:
        return
    result = {
        "api_name": application["subject"],
        "apply_time": int(application["applied_at"]),
        "audit_id": application["id"],
        "audit_time": int(now),
        "reason": reason,
        "status": 3 if status == Status.APPROVED else 2,
    }
    push_message(db, application["component"], account, "wxa_privacy_apply", {"result_info": result}, now)


def _push_order_path_verdict(db: Db, now: float, application: Row, status: Status, reason: str) -> None:
    result = {
        "audit_id": application["id"],
        "status": 4 if status == Status.APPROVED else 3,
        "apply_time": int(application["applied_at"]),
        "audit_time": int(now),
        "reason": reason,
        "appid": application["account"],
    }
    push_event(db, application["component"], "order_path_audit_result_notify", {"list": [result]}, now)
