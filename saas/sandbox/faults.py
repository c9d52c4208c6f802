"""Faults on demand: the next calls or pushes go wrong in a chosen way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from saas.sandbox.state import Db, insert, one

CALL_FAULTS = {"errcode": "返回错误码", "latency": "变慢", "timeout": "没执行也不应答", "cut": "执行了但应答中断"}
PUSH_FAULTS = {"drop": "丢失", "duplicate": "重复", "reorder": "倒序", "forge": "伪造签名"}


@dataclass(frozen=True)
class Fault:
    """`timeout`: not done and no answer. `cut`: done, but the answer is lost."""

    kind: str
    errcode: int
    errmsg: str
    seconds: float


def add_call_fault(
    db: Db,
    *,
    operation: str,
    kind: str,
    appid: str = "",
    errcode: int = 0,
    errmsg: str = "",
    seconds: float = 0,
    times: int = 1,
) -> None:
    """`operation` is an operationId or *; an empty `appid` means every account."""
    insert(
        db,
        "fault",
        operation=operation,
        appid=appid,
        kind=kind,
        errcode=errcode,
        errmsg=errmsg,
        seconds=seconds,
        left=times,
    )


def take_fault(db: Db, operation: str, appids: Sequence[str]) -> Fault | None:
    """The oldest fault that is meant for this call; it is used up by one."""
    marks = ", ".join("?" * len(appids))
    row = one(
        db,
        f"select * from fault where operation in (?, '*') and (appid = '' or appid in ({marks})) and left > 0 "
        "order by id limit 1",
        operation,
        *appids,
    )
    if row is None:
        return None
    db.execute("update fault set left = left - 1 where id = ?", (row["id"],))
    db.execute("delete from fault where left <= 0")
    return Fault(row["kind"], row["errcode"], row["errmsg"], row["seconds"])


def add_push_fault(db: Db, *, component: str, kind: str, event: str = "*", times: int = 1) -> None:
    """The next pushes are lost, come twice, come in the wrong order, or carry a forged signature."""
    insert(db, "push_fault", component=component, kind=kind, event=event, left=times)


def take_push_fault(db: Db, component: str, event: str) -> str:
    """The kind of fault for this push, or an empty string. A reorder that is the last of its run says `reorder-end`."""
    row = one(
        db,
        "select * from push_fault where component = ? and event in (?, '*') order by id limit 1",
        component,
        event,
    )
    if row is None:
        return ""
    if row["left"] > 1:
        db.execute("update push_fault set left = left - 1 where id = ?", (row["id"],))
        return str(row["kind"])
    db.execute("delete from push_fault where id = ?", (row["id"],))
    return "reorder-end" if row["kind"] == "reorder" else str(row["kind"])


def clear_faults(db: Db) -> None:
    db.execute("delete from fault")
    db.execute("delete from push_fault")
    db.execute("update push set state = 'waiting' where state = 'held'")
