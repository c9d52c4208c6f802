"""When a campaign starts: hours of the provider's calendar, also where its clocks are changed."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from saas import clock
from saas.campaigns.models import Campaign, Repeat
from saas.errors import N_, Invalid

AHEAD = timedelta(days=366)
LONGEST = timedelta(days=2 * 366)


@dataclass(frozen=True)
class Timing:
    """The hour `at` on the day `on`, then by `repeat` up to and including the day `until`."""

    on: date
    at: time
    repeat: Repeat = Repeat.ONCE
    until: date | None = None


def read_timing(on: str, at: str, repeat: str = "", until: str = "") -> Timing:
    """What was typed, as ``2026-12-31`` and ``08:30``; raises Invalid at the field."""
    found = Repeat(repeat) if repeat in set(Repeat) else Repeat.ONCE
    day = _day(on, "on")
    try:
        hour = time.fromisoformat(at.strip()).replace(second=0, microsecond=0, tzinfo=None)
    except ValueError:
        raise Invalid(N_("请填写时刻，例如 08:30"), field="at") from None
    if found is Repeat.ONCE:
        return Timing(day, hour)
    return Timing(day, hour, found, _day(until, "until"))


def _day(text: str, field: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise Invalid(N_("请填写日期，例如 2027-01-31"), field=field) from None


def check_timing(timing: Timing, zone: str, *, begun: bool = False) -> datetime:
    """The first moment to come; raises Invalid at the field when it is past, too far, or does not exist.

    `begun`: it repeats since before now, so that only its next time has to come.
    """
    now, first = clock.now(), moment_of(timing.on, timing.at, zone)
    if begun and (upcoming := next_after(timing, zone, now)):
        return upcoming
    if first.astimezone(ZoneInfo(zone)).replace(tzinfo=None) != datetime.combine(timing.on, timing.at):
        raise Invalid(N_("这一天调快时钟，没有这个时刻，请换一个"), field="at")
    if first <= now:
        raise Invalid(N_("请选择将来的时间"), field="on" if timing.on < now.astimezone(ZoneInfo(zone)).date() else "at")
    if first > now + AHEAD:
        raise Invalid(N_("最多提前一年安排"), field="on")
    if timing.until is not None and timing.until < timing.on:
        raise Invalid(N_("结束日期不能早于开始日期"), field="until")
    if timing.until is not None and timing.until > timing.on + LONGEST:
        raise Invalid(N_("最多重复两年"), field="until")
    return first


def moment_of(day: date, at: time, zone: str) -> datetime:
    """This hour of this day, in UTC. Where the clock jumps over it: as much later; where it comes twice: the first."""
    return datetime.combine(day, at, ZoneInfo(zone)).astimezone(UTC)


def timing_of(campaign: Campaign) -> Timing:
    return Timing(campaign.first_on, campaign.at, Repeat(campaign.repeat), campaign.until)


def next_after(timing: Timing, zone: str, moment: datetime) -> datetime | None:
    """The first time after a moment; None when there is no more."""
    return next((one for one in times(timing, zone) if one > moment), None)


def count_between(timing: Timing, zone: str, after: datetime, until: datetime) -> int:
    """How many times lie after one moment and up to another."""
    return sum(after < one <= until for one in times(timing, zone))


def times(timing: Timing, zone: str) -> Iterator[datetime]:
    """All times in order; a monthly one falls on the month's last day where it has no such day."""
    day, number = timing.on, 0
    while number == 0 or (timing.until is not None and day <= timing.until):
        yield moment_of(day, timing.at, zone)
        number += 1
        if timing.repeat is Repeat.ONCE:
            return
        day = _later(timing, number)


def _later(timing: Timing, number: int) -> date:
    if timing.repeat is not Repeat.MONTHLY:
        return timing.on + timedelta(days=number * (7 if timing.repeat is Repeat.WEEKLY else 1))
    year, month = divmod(timing.on.year * 12 + timing.on.month - 1 + number, 12)
    return date(year, month + 1, min(timing.on.day, calendar.monthrange(year, month + 1)[1]))
