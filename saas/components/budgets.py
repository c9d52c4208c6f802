"""Budgets: how often WeChat lets a limited action be used per day and month, counted here because no call tells.

Days and months are WeChat's, in Asia/Shanghai. Limits are settings: WeChat changes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from saas import clock
from saas.components.models import Budget, ComponentApp
from saas.config import settings
from saas.db import new_id

_ZONE = ZoneInfo("Asia/Shanghai")


class Action(StrEnum):
    """A limited action of one mini program."""

    UNDO_AUDIT = "undo_audit"


class Window(StrEnum):
    DAY = "day"
    MONTH = "month"


@dataclass(frozen=True)
class Count:
    used: int
    limit: int

    @property
    def rest(self) -> int:
        return max(0, self.limit - self.used)


@dataclass(frozen=True)
class Chances:
    """What is left of a limited action."""

    day: Count
    month: Count

    @property
    def rest(self) -> int:
        return min(self.day.rest, self.month.rest)


def limit_of(action: Action, window: Window) -> int:
    limits: dict[tuple[Action, Window], int] = {
        (Action.UNDO_AUDIT, Window.DAY): settings().undo_audits_per_day,
        (Action.UNDO_AUDIT, Window.MONTH): settings().undo_audits_per_month,
    }
    return limits[action, window]


def chances(db: Session, component_id: UUID, appid: str, action: Action) -> Chances:
    """How often the action can still be used for one mini program; one query."""
    starts = _starts()
    query = select(Budget.window, Budget.starts_on, Budget.used).where(
        Budget.component_id == component_id, Budget.appid == appid, Budget.action == action.value,
        Budget.starts_on.in_(starts.values()),
    )  # fmt: skip
    found = {(row.window, row.starts_on): row.used for row in db.execute(query)}
    counts = {
        window: Count(found.get((window.value, starts[window]), 0), limit_of(action, window)) for window in Window
    }
    return Chances(counts[Window.DAY], counts[Window.MONTH])


def spend(db: Session, component: ComponentApp, appid: str, action: Action) -> None:
    """Count one use that WeChat accepted."""
    for window, starts_on in _starts().items():
        row = _row(component, appid, action, window, starts_on, used=1)
        db.execute(row.on_conflict_do_update(index_elements=_KEY, set_={"used": Budget.used + 1}))


def mark_used_up(db: Session, component: ComponentApp, appid: str, action: Action) -> None:
    """WeChat says that nothing is left (uses elsewhere count, too): believe it until tomorrow."""
    used = limit_of(action, Window.DAY)
    row = _row(component, appid, action, Window.DAY, _starts()[Window.DAY], used=used)
    db.execute(row.on_conflict_do_update(index_elements=_KEY, set_={"used": func.greatest(Budget.used, used)}))


_KEY = ["component_id", "appid", "action", "window", "starts_on"]


def _row(component: ComponentApp, appid: str, action: Action, window: Window, starts_on: date, *, used: int):  # type: ignore[no-untyped-def]
    return insert(Budget).values(
        id=new_id(), created_at=clock.now(), provider_id=component.provider_id, component_id=component.id, appid=appid,
        action=action.value, window=window.value, starts_on=starts_on, used=used,
    )  # fmt: skip


def _starts() -> dict[Window, date]:
    today = clock.now().astimezone(_ZONE).date()
    return {Window.DAY: today, Window.MONTH: today.replace(day=1)}
