"""Actions that WeChat counts by day, month or year, in Beijing's calendar."""

from __future__ import annotations

from datetime import datetime

from saas.sandbox.clock import beijing
from saas.sandbox.state import Db, insert, scalar


def spend(db: Db, now: float, name: str, owner: str) -> None:
    insert(db, "spending", name=name, owner=owner, at=now)


def spent_today(db: Db, now: float, name: str, owner: str) -> int:
    return _spent_since(db, name, owner, _midnight(now))


def refused_today(db: Db, now: float, operation: str, account: str) -> int:
    """Where refused calls count, too."""
    start = _midnight(now).timestamp()
    found = "select count(*) from failed_call where operation = ? and account = ? and at >= ?"
    return int(scalar(db, found, operation, account, start))


def spent_this_month(db: Db, now: float, name: str, owner: str) -> int:
    start = _midnight(now).replace(day=1)
    return _spent_since(db, name, owner, start)


def spent_this_year(db: Db, now: float, name: str, owner: str) -> int:
    start = _midnight(now).replace(month=1, day=1)
    return _spent_since(db, name, owner, start)


def forget(db: Db, name: str, owner: str) -> None:
    """Count from zero again."""
    db.execute("delete from spending where name = ? and owner = ?", (name, owner))


def spent_lately(db: Db, now: float, name: str, owner: str, seconds: float) -> int:
    """Within so many seconds, whatever the calendar says."""
    spent = "select count(*) from spending where owner = ? and name = ? and at > ?"
    return int(scalar(db, spent, owner, name, now - seconds))


def _midnight(now: float) -> datetime:
    return beijing(now).replace(hour=0, minute=0, second=0, microsecond=0)


def _spent_since(db: Db, name: str, owner: str, start: datetime) -> int:
    return int(
        scalar(
            db,
            "select count(*) from spending where owner = ? and name = ? and at >= ?",
            owner,
            name,
            start.timestamp(),
        )
    )
