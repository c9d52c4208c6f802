"""Penalties (违规记录) of mini programs and the appeals against them, which are filed outside of the API."""

from __future__ import annotations

from typing import Any

from saas.sandbox.components import Unusable
from saas.sandbox.people import get_account
from saas.sandbox.state import Db, Row, insert, next_number, one, rows

_RULES = "https://developers.weixin.qq.com/miniprogram/product/"
_STATUSES = (1, 2, 3, 4)


def add_penalty(
    db: Db,
    now: float,
    appid: str,
    *,
    reason: str = "侵犯知识产权",
    content: str = "",
    rule_name: str = "平台运营规范 4.1.2",
    rule_url: str = _RULES,
) -> str:
    """A penalty from now on; answers its id."""
    if get_account(db, appid) is None:
        raise Unusable(f"没有这个小程序：{appid}")
    number = f"4_{next_number(db, 'penalty', 501332)}"
    insert(
        db,
        "penalty",
        id=number,
        account=appid,
        reason=reason,
        content=content,
        rule_name=rule_name,
        rule_url=rule_url,
        at=int(now),
    )
    return number


def add_appeal(db: Db, now: float, penalty: str, *, reason: str = "我们有授权", by_provider: bool = False) -> int:
    """The merchant (or the provider) appeals; answers the appeal's id."""
    if get_penalty(db, penalty) is None:
        raise Unusable(f"没有这个违规记录：{penalty}")
    number = next_number(db, "appeal", 4220017)
    insert(db, "appeal", id=number, penalty=penalty, reason=reason, by_provider=int(by_provider), at=now)
    return number


def decide_appeal(db: Db, now: float, number: int, status: int, reason: str = "") -> None:
    """2 granted, 3 refused, 4 withdrawn."""
    if status not in _STATUSES[1:]:
        raise Unusable("status 应为 2、3 或 4")
    decide = "update appeal set status = ?, audit_reason = ?, decided_at = ? where id = ? and status = 1"
    if not db.execute(decide, (status, reason, now, number)).rowcount:
        raise Unusable("这个申诉不存在，或者已经处理过了")


def lift_penalty(db: Db, number: str) -> None:
    """WeChat takes a penalty back: it is listed no more."""
    db.execute("delete from appeal where penalty = ?", (number,))
    if not db.execute("delete from penalty where id = ?", (number,)).rowcount:
        raise Unusable(f"没有这个违规记录：{number}")


def get_penalty(db: Db, number: str) -> Row | None:
    return one(db, "select * from penalty where id = ?", number)


def list_penalties(db: Db, appid: str, start: float, end: float) -> list[Row]:
    """Between two moments, newest first."""
    between = "select * from penalty where account = ? and at between ? and ? order by at desc, id desc"
    return rows(db, between, appid, start, end)


def list_all(db: Db, limit: int = 50) -> list[dict[str, Any]]:
    """For the desk: the newest penalties, each with its mini program's name and its appeals."""
    newest = (
        "select penalty.*, account.nick_name, account.account_status from penalty join account "
        "on account.appid = penalty.account order by penalty.at desc, penalty.id desc limit ?"
    )
    return [{**dict(row), "appeals": list_appeals(db, row["id"])} for row in rows(db, newest, limit)]


def list_accounts(db: Db, limit: int = 500) -> list[Row]:
    """Mini programs that may be punished or frozen, those that are not normal first."""
    named = "select appid, nick_name, principal_name, account_status from account where kind = 'mini_program' "
    return rows(db, named + "order by account_status = 1, rowid limit ?", limit)


def list_appeals(db: Db, penalty: str) -> list[dict[str, Any]]:
    """Oldest first, numbered from 1."""
    found = rows(db, "select * from appeal where penalty = ? order by id", penalty)
    return [{**dict(appeal), "count": count} for count, appeal in enumerate(found, start=1)]
