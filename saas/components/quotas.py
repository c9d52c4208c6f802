"""The audit quota of a component app: WeChat's word, what it was on each day, and until when it will last.

WeChat tells what is left of the month and nothing else; what was used on a day is the difference between two days. The
hourly reading keeps the day, so that a submission costs no statement more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from saas import clock
from saas.components.models import ComponentApp, QuotaDay
from saas.db import new_id
from saas.tenants.alarm_models import AlarmKind
from saas.tenants.alarms import clear_alarm, raise_alarm
from saas.wx.limits import ZONE, Period

_KEEP = timedelta(days=397)
_PACE_DAYS = 7


def note_quota(db: Session, component: ComponentApp, quota: Mapping[str, Any]) -> None:
    """Keep what WeChat has just answered, on the component app and for the day; warn when it will not last."""
    component.audit_quota_rest, component.audit_quota_limit = quota.get("rest"), quota.get("limit")
    component.speedup_rest, component.quota_read_at = quota.get("speedup_rest"), clock.now()
    _keep_day(db, component, quota.get("speedup_limit"))


def note_used_up(db: Session, component: ComponentApp) -> None:
    """WeChat has just refused a submission because nothing is left."""
    component.audit_quota_rest, component.quota_read_at = 0, clock.now()
    _keep_day(db, component, None)


def _keep_day(db: Session, component: ComponentApp, speedup_limit: int | None) -> None:
    if component.audit_quota_rest is None or component.audit_quota_limit is None:
        return
    now = clock.now()
    values = {
        "audit_rest": component.audit_quota_rest, "audit_limit": component.audit_quota_limit, "read_at": now,
        "speedup_rest": component.speedup_rest,
    }  # fmt: skip
    if speedup_limit is not None:
        values["speedup_limit"] = speedup_limit
    row = insert(QuotaDay).values(
        id=new_id(), created_at=now, provider_id=component.provider_id, component_id=component.id, day=_day(now),
        **values,
    )  # fmt: skip
    db.execute(row.on_conflict_do_update(index_elements=["component_id", "day"], set_=values))


def forget_old_quotas(db: Session) -> None:
    db.execute(delete(QuotaDay).where(QuotaDay.day < _day(clock.now()) - _KEEP))


@dataclass(frozen=True)
class UsedDay:
    """What was used of the quota on a day; `rest` is None where nothing was read then."""

    day: date
    used: int
    rest: int | None


@dataclass(frozen=True)
class Outlook:
    """How the month's quota goes. `pace` is what a day of late has used, `ends_on` the day on which nothing will be
    left at this pace, None when the month ends before. `rest` is None while nobody knows.
    """

    limit: int
    rest: int | None
    days: tuple[UsedDay, ...]
    pace: float
    ends_on: date | None
    returns_at: datetime
    read_at: datetime | None

    @property
    def used(self) -> int:
        return 0 if self.rest is None else max(0, self.limit - self.rest)

    @property
    def is_used_up(self) -> bool:
        return self.rest == 0 and self.limit > 0

    def ends_on_with(self, planned: int) -> date | None:
        """The day on which it ends if `planned` more submissions come at once, besides the pace."""
        if self.rest is None:
            return None
        return _end(self.rest - planned, self.pace, self.returns_at)


@dataclass(frozen=True)
class UsedMonth:
    """A month that is over, or the running one: what was used of how much, as far as it was read."""

    month: date
    used: int
    limit: int


def outlook(db: Session, component: ComponentApp) -> Outlook:
    """How this month goes; one query."""
    now = clock.now()
    today = _day(now)
    begins, lately = today.replace(day=1), today - timedelta(days=_PACE_DAYS - 1)
    rows = db.scalars(
        select(QuotaDay)
        .where(QuotaDay.component_id == component.id, QuotaDay.day >= min(begins, lately - timedelta(days=1)))
        .order_by(QuotaDay.day)
    ).all()  # fmt: skip
    days = _used(rows, begins, today)
    rest, read_at = component.audit_quota_rest, component.quota_read_at
    if read_at is None or _day(read_at) < begins:
        rest = None
    into_today = (now - datetime.combine(today, time(), ZONE)) / timedelta(days=1)
    pace = _pace([one for one in days if one.day >= lately], into_today)
    days = [one for one in days if one.day >= begins]
    returns_at = Period.MONTH.end(begins)
    assert returns_at is not None
    return Outlook(
        limit=component.audit_quota_limit or 0, rest=rest, days=tuple(days), pace=pace,
        ends_on=None if rest is None else _end(rest, pace, returns_at), returns_at=returns_at, read_at=read_at,
    )  # fmt: skip


def months_of(db: Session, component: ComponentApp) -> list[UsedMonth]:
    """What the last thirteen months used, the newest first; one query."""
    rows = db.scalars(
        select(QuotaDay).where(QuotaDay.component_id == component.id).order_by(QuotaDay.day)
    ).all()  # fmt: skip
    last = {row.day.replace(day=1): row for row in rows}
    return [
        UsedMonth(month, max(0, row.audit_limit - row.audit_rest), row.audit_limit)
        for month, row in sorted(last.items(), reverse=True)
    ]


def watch_outlook(db: Session, component: ComponentApp) -> bool:
    """Raise the alarm that the quota ends before its month does, or give the all-clear; says whether it ends."""
    view = outlook(db, component)
    if view.ends_on is None or view.is_used_up:
        clear_alarm(db, component.provider_id, AlarmKind.AUDIT_QUOTA_ENDS, component.id)
        return False
    detail = {
        "name": component.name, "rest": view.rest, "pace": max(1, round(view.pace)), "day": view.ends_on.isoformat(),
    }  # fmt: skip
    raise_alarm(db, component.provider_id, AlarmKind.AUDIT_QUOTA_ENDS, component.id, detail)
    return True


def _used(rows: Sequence[QuotaDay], begins: date, today: date) -> list[UsedDay]:
    """Day by day, from the beginning of the month or the first day known before it. A limit that was raised is no use
    given back; what was used unseen counts for the day that saw it.
    """
    known, days = {row.day: row for row in rows}, []
    before: QuotaDay | None = rows[0] if rows and rows[0].day < begins else None
    day = before.day + timedelta(days=1) if before is not None else begins
    while day <= today:
        row = known.get(day)
        if row is None:
            days.append(UsedDay(day, 0, None))
        else:
            begun = before is not None and before.day.month == row.day.month
            had = before.audit_rest + row.audit_limit - before.audit_limit if before and begun else row.audit_limit
            days.append(UsedDay(day, max(0, had - row.audit_rest), row.audit_rest))
            before = row
        day += timedelta(days=1)
    return days


def _pace(days: Sequence[UsedDay], into_today: float) -> float:
    """What a day uses, by these days, of which the last has only begun: a busy first of a month is no month."""
    return sum(one.used for one in days) / max(0.5, len(days) - 1 + into_today) if days else 0.0


def _end(rest: float, pace: float, returns_at: datetime) -> date | None:
    today = _day(clock.now())
    if rest <= 0:
        return today
    if pace <= 0:
        return None
    ends_on = today + timedelta(days=int(rest / pace))
    return ends_on if datetime.combine(ends_on, time(), ZONE).astimezone(UTC) < returns_at else None


def _day(moment: datetime) -> date:
    return moment.astimezone(ZONE).date()
