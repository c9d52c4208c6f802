"""What the platform under test did wrong: things WeChat refuses, or swallows today and punishes later."""

from __future__ import annotations

from saas.sandbox.state import Db, Row, rows


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
