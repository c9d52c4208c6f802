"""Calls to WeChat by the day: counted from the call log every hour, so that writing a call costs nothing more.

A day is WeChat's, in Asia/Shanghai. It is counted anew from the log until it is over: counting twice changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from sqlalchemy import Date, cast, delete, exists, func, select, text
from sqlalchemy.orm import Session

from saas import clock
from saas.components.models import ComponentApp, ComponentCallDay, ProgramCallDay, WeChatCall
from saas.queue import Lane, enqueue_for
from saas.wx.limits import ZONE

COUNT = "jobs.counting.count_calls"
SHOWN = 30
_KEEP_PROGRAMS = timedelta(days=SHOWN + 1)
_KEEP_COMPONENTS = timedelta(days=397)
_LATEST = timedelta(hours=2)
_MOST_OPERATIONS = 8

_GROUPED = """
    with grouped as (
        select appid, operation, count(*) as calls, count(*) filter (where errcode is distinct from 0) as failed,
            count(*) filter (where origin = 'polling') as polling, count(*) filter (where origin = 'upkeep') as upkeep
        from wechat_calls
        where component_id = :component_id and created_at >= :begins and created_at < :ends
        group by appid, operation
    )"""
_CHANGE = """ do update set calls = excluded.calls, failed = excluded.failed, polling = excluded.polling,
        upkeep = excluded.upkeep, operations = excluded.operations"""
_OF_PROGRAMS = text(
    f"""{_GROUPED}
    insert into program_call_days
        (id, created_at, provider_id, component_id, appid, day, calls, failed, polling, upkeep, operations)
    select gen_random_uuid(), :now, :provider_id, :component_id, appid, :day, sum(calls), sum(failed), sum(polling),
        sum(upkeep), jsonb_object_agg(operation, calls)
    from grouped where appid <> '' group by appid
    on conflict (component_id, appid, day){_CHANGE}"""
)
_OF_COMPONENT = text(
    f"""{_GROUPED}, by_operation as (
        select operation, sum(calls) as calls, sum(failed) as failed, sum(polling) as polling, sum(upkeep) as upkeep
        from grouped group by operation
    )
    insert into component_call_days
        (id, created_at, provider_id, component_id, day, calls, failed, polling, upkeep, operations, programs)
    select gen_random_uuid(), :now, :provider_id, :component_id, :day, coalesce(sum(calls), 0),
        coalesce(sum(failed), 0), coalesce(sum(polling), 0), coalesce(sum(upkeep), 0),
        coalesce(jsonb_object_agg(operation, calls) filter (where operation is not null), '{{}}'),
        (select count(*) from access_tokens where component_id = :component_id and appid <> '' and ended_at is null
            and authorized_at is not null)
    from by_operation
    on conflict (component_id, day){_CHANGE}, programs = excluded.programs"""
)


def enqueue_counts(db: Session) -> int:
    """Have the calls of every component app counted that made any lately; says of how many. In a platform session."""
    lately = exists().where(
        WeChatCall.component_id == ComponentApp.id, WeChatCall.created_at > clock.now() - _LATEST
    )  # fmt: skip
    found = db.execute(select(ComponentApp.provider_id, ComponentApp.id).where(lately)).all()
    for provider_id, component_id in found:
        enqueue_for(db, provider_id, COUNT, component_id, lane=Lane.POLL)
    return len(found)


def count_calls(db: Session, component: ComponentApp) -> None:
    """Count today and, when it was never counted to its end, the days since the last count."""
    now = clock.now()
    today = now.astimezone(ZONE).date()
    last = db.scalar(select(func.max(ComponentCallDay.day)).where(ComponentCallDay.component_id == component.id))
    day = max(min(last or _first_day(db, component) or today, today), today - timedelta(days=SHOWN))
    while day <= today:
        given = {
            "component_id": component.id, "provider_id": component.provider_id, "day": day, "now": now,
            "begins": _begins(day), "ends": _begins(day + timedelta(days=1)),
        }  # fmt: skip
        db.execute(_OF_PROGRAMS, given)
        db.execute(_OF_COMPONENT, given)
        day += timedelta(days=1)


def forget_old_days(db: Session) -> None:
    """Mini programs' days are shown for a month, those of component apps for thirteen."""
    today = clock.now().astimezone(ZONE).date()
    db.execute(delete(ProgramCallDay).where(ProgramCallDay.day < today - _KEEP_PROGRAMS))
    db.execute(delete(ComponentCallDay).where(ComponentCallDay.day < today - _KEEP_COMPONENTS))


@dataclass(frozen=True)
class DayOfCalls:
    """`work`: what people and their releases wanted. `programs`: how many mini programs there were to serve."""

    day: date
    work: int = 0
    polling: int = 0
    upkeep: int = 0
    failed: int = 0
    programs: int = 1

    @property
    def calls(self) -> int:
        return self.work + self.polling + self.upkeep

    @property
    def each(self) -> float:
        """Calls for each mini program."""
        return self.calls / max(1, self.programs)


@dataclass(frozen=True)
class MonthOfCalls:
    """The days up to today, of which the last is not over, and the operations with most calls."""

    days: tuple[DayOfCalls, ...]
    operations: tuple[tuple[str, int], ...]

    @property
    def calls(self) -> int:
        return sum(one.calls for one in self.days)

    @property
    def failed(self) -> int:
        return sum(one.failed for one in self.days)

    @property
    def polling(self) -> int:
        return sum(one.polling for one in self.days)

    @property
    def upkeep(self) -> int:
        return sum(one.upkeep for one in self.days)

    @property
    def work(self) -> int:
        return sum(one.work for one in self.days)

    @property
    def each(self) -> float:
        """Calls for each mini program on a day, of the days on which any was made."""
        made = [one for one in self.days if one.calls]
        return sum(one.each for one in made) / len(made) if made else 0.0

    @property
    def polling_each(self) -> float:
        made = [one for one in self.days if one.calls]
        return sum(one.polling / max(1, one.programs) for one in made) / len(made) if made else 0.0


def days_of_component(db: Session, component: ComponentApp) -> MonthOfCalls:
    """The last thirty days of a component app, with its mini programs."""
    row = ComponentCallDay
    query = select(row).where(row.component_id == component.id, row.day > _today() - timedelta(days=SHOWN))
    rows = list(db.scalars(query))
    return _month(rows, {one.day: one.programs for one in rows})


def days_of_program(db: Session, component_id: UUID, appid: str) -> MonthOfCalls:
    """The last thirty days of a mini program."""
    row = ProgramCallDay
    query = select(row).where(
        row.component_id == component_id, row.appid == appid, row.day > _today() - timedelta(days=SHOWN)
    )
    return _month(list(db.scalars(query)) if appid else [], {})


def _month(
    rows: Sequence[ComponentCallDay] | Sequence[ProgramCallDay], programs: dict[date, int]
) -> MonthOfCalls:  # fmt: skip
    known, operations, today = {row.day: row for row in rows}, Counter[str](), _today()
    days = []
    for ago in reversed(range(SHOWN)):
        day = today - timedelta(days=ago)
        row = known.get(day)
        if row is None:
            days.append(DayOfCalls(day))
            continue
        operations.update(row.operations)
        work = row.calls - row.polling - row.upkeep
        days.append(DayOfCalls(day, work, row.polling, row.upkeep, row.failed, programs.get(day, 1)))
    return MonthOfCalls(tuple(days), tuple(operations.most_common(_MOST_OPERATIONS)))


def _first_day(db: Session, component: ComponentApp) -> date | None:
    """The day of the oldest call in the log."""
    oldest = select(func.min(WeChatCall.created_at)).where(WeChatCall.component_id == component.id).scalar_subquery()
    return db.scalar(select(cast(func.timezone(ZONE.key, oldest), Date)))


def _today() -> date:
    return clock.now().astimezone(ZONE).date()


def _begins(day: date) -> datetime:
    return datetime.combine(day, time(), ZONE).astimezone(UTC)
