"""Times of the provider's calendar: clocks that are changed, months without such a day, what cannot be planned."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, time, timedelta
from itertools import pairwise

import pytest

from saas import clock
from saas.campaigns.models import Repeat
from saas.campaigns.timing import Timing, check_timing, count_between, moment_of, next_after, read_timing, times
from saas.errors import Invalid
from tests.campaigns.conftest import ZONE, utc

BERLIN = "Europe/Berlin"


def test_an_hour_that_comes_twice_is_the_first_and_one_that_is_jumped_over_is_later() -> None:
    assert moment_of(date(2027, 10, 31), time(2, 30), BERLIN) == utc(2027, 10, 31, 0, 30)
    assert moment_of(date(2027, 3, 28), time(2, 30), BERLIN) == utc(2027, 3, 28, 1, 30)  # 03:30 there


def test_a_daily_plan_keeps_its_hour_across_the_change_of_clocks() -> None:
    timing = Timing(date(2027, 3, 27), time(9), Repeat.DAILY, date(2027, 3, 29))
    assert list(times(timing, BERLIN)) == [utc(2027, 3, 27, 8), utc(2027, 3, 28, 7), utc(2027, 3, 29, 7)]


def test_times_of_a_daily_plan_never_go_back() -> None:
    timing = Timing(date(2027, 1, 1), time(2, 30), Repeat.DAILY, date(2027, 12, 31))
    found = list(times(timing, BERLIN))
    assert len(found) == 365
    assert all(timedelta(hours=22) < later - earlier < timedelta(hours=26) for earlier, later in pairwise(found))


def test_a_month_without_such_a_day_has_its_last() -> None:
    timing = Timing(date(2027, 10, 31), time(9), Repeat.MONTHLY, date(2028, 3, 31))
    days = [one.date() for one in times(timing, "UTC")]
    assert [f"{day:%m-%d}" for day in days] == ["10-31", "11-30", "12-31", "01-31", "02-29", "03-31"]


def test_a_week_has_its_weekday_and_the_last_day_counts() -> None:
    timing = Timing(date(2027, 6, 7), time(23, 30), Repeat.WEEKLY, date(2027, 6, 21))
    assert list(times(timing, ZONE)) == [utc(2027, 6, 7, 15, 30), utc(2027, 6, 14, 15, 30), utc(2027, 6, 21, 15, 30)]
    assert next_after(timing, ZONE, utc(2027, 6, 14, 15, 30)) == utc(2027, 6, 21, 15, 30)
    assert next_after(timing, ZONE, utc(2027, 6, 21, 15, 30)) is None
    assert count_between(timing, ZONE, utc(2027, 6, 7, 15, 30), utc(2027, 6, 21, 15, 30)) == 2


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (("", "09:00"), "on"), (("2027-13-01", "09:00"), "on"), (("2027-01-01", ""), "at"),
        (("2027-01-01", "25:00"), "at"), (("2027-01-01", "09:00", "daily", ""), "until"),
        (("2027-01-01", "09:00", "weekly", "soon"), "until"),
    ],
)  # fmt: skip
def test_what_is_no_time_is_refused_where_it_stands(given: tuple[str, ...], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_timing(*given)
    assert refused.value.field == field


def test_what_is_typed_is_read() -> None:
    assert read_timing(" 2027-01-31 ", "08:30") == Timing(date(2027, 1, 31), time(8, 30))
    assert read_timing("2027-01-31", "08:30:59", "never", "x") == Timing(date(2027, 1, 31), time(8, 30))
    daily = read_timing("2027-01-31", "08:30", "daily", "2027-02-28")
    assert (daily.repeat, daily.until) == (Repeat.DAILY, date(2027, 2, 28))


@pytest.mark.usefixtures("ground")
def test_what_cannot_be_planned(move_clock: Callable[[float], None]) -> None:
    today = clock.now().date()

    def refused(timing: Timing, zone: str = "UTC") -> str:
        with pytest.raises(Invalid) as error:
            check_timing(timing, zone)
        return error.value.field

    day = timedelta(days=1)
    assert refused(Timing(today - day, time(9))) == "on"
    assert refused(Timing(today + 400 * day, time(9))) == "on"
    assert refused(Timing(today + day, time(9), Repeat.DAILY, today)) == "until"
    assert refused(Timing(today + day, time(9), Repeat.DAILY, today + 800 * day)) == "until"
    move_clock((utc(2027, 3, 1, 0) - clock.now()).total_seconds())
    assert refused(Timing(date(2027, 3, 28), time(2, 30)), BERLIN) == "at"
    assert refused(Timing(date(2027, 3, 1), time(0, 0)), "UTC") == "at"
    assert check_timing(Timing(date(2027, 3, 28), time(3, 30)), BERLIN) == utc(2027, 3, 28, 1, 30)
