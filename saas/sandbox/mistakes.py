"""What the platform under test did wrong: things WeChat refuses, or swallows today and punishes later."""

from __future__ import annotations

import re

from saas.sandbox.state import Db, Row, rows
from saas.wx.contract.operations import Operation, common_errcodes

_WORDS = {
    41001: "没有带令牌",
    41018: "缺少字段 component_appid，或它不是文字",
    61014: "令牌种类不对：这个接口要 component_access_token",
    61015: "令牌种类不对：这个接口要小程序的 authorizer_access_token",
}
_LIMIT = re.compile("上限|次数|超过|超出|超限|额度|限额|频率|频繁|已用完|最大|月限制|个月|每月")


def word(op: Operation | None, errcode: int) -> str:
    """What a refusal says about the platform: a wrong token, or a call over a limit. Empty for all others."""
    if errcode in _WORDS:
        return _WORDS[errcode]
    known = {**common_errcodes(), **(op.errcodes if op else {})}.get(errcode)
    return f"超过微信的限制：{known.zh}" if known and _LIMIT.search(known.zh) else ""


def note(db: Db, now: float, what: str, *, operation: str = "", component: str = "", example: str = "") -> None:
    """Count one mistake; the newest example is kept."""
    db.execute(
        "insert into mistake (what, operation, component, example, n, last_at) values (?, ?, ?, ?, 1, ?) "
        "on conflict (what, operation, component) do update set "
        "n = n + 1, example = excluded.example, last_at = excluded.last_at",
        (what, operation, component, example[:500], now),
    )


def list_mistakes(db: Db, component: str = "") -> list[Row]:
    if component:
        return rows(db, "select * from mistake where component in (?, '') order by last_at desc", component)
    return rows(db, "select * from mistake order by last_at desc")


def forget(db: Db) -> None:
    """Begin with an empty list."""
    db.execute("delete from mistake")
