"""Actions that WeChat counts by day, month or year, in Beijing's calendar."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from saas.sandbox.state import Db, insert, scalar

_BEIJING = timezone(timedelta(hours=8))


def spend(db: Db, now: float, name: str, owner: str) -> None:
    insert(db, "spending", name=name, owner=owner, at=now)


def spent_today(db: Db, now: float, name: str, owner: str) -> int:
    return _spent_since(db, name, owner, _local(now).replace(hour=0, minute=0, second=0, microsecond=0))


def refused_today(db: Db, now: float, operation: str, account: str) -> int:
    """Where refused calls count, too."""
    start = _local(now).replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
    found = "select count(*) from failed_call where operation = ? and account = ? and at >= ?"
    return int(scalar(db, found, operation, account, start))


def spent_this_month(db: Db, now: float, name: str, owner: str) -> int:
    start = _local(now).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return _spent_since(db, name, owner, start)


def spent_this_year(db: Db, now: float, name: str, owner: str) -> int:
    start = _local(now).replace(month=1, day=1, hour=0, minute=0, second=0, microsecond=0)
    return _spent_since(db, name, owner, start)


def forget(db: Db, name: str, owner: str) -> None:
    """Count from zero again."""
    db.execute("delete from spending where name = ? and owner = ?", (name, owner))


def spent_lately(db: Db, now: float, name: str, owner: str, seconds: float) -> int:
    """Within so many seconds, whatever the calendar says."""
    spent = "select count(*) from spending where owner = ? and name = ? and at > ?"
    return int(scalar(db, spent, owner, name, now - seconds))


def _local(now: float) -> datetime:
    return datetime.fromtimestamp(now, UTC).astimezone(_BEIJING)


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
