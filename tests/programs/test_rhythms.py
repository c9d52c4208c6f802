"""How often WeChat is asked: the table as a whole, and what a day of waiting costs."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from saas.programs.rhythms import PACES, Pace, Rhythm, Standing, Told, longest_pause, pause

NOON = datetime(2026, 12, 1, 4, tzinfo=UTC)  # 12:00 in Asia/Shanghai
MIDNIGHT = datetime(2026, 12, 1, 16, tzinfo=UTC)


def series(standing: Standing, lasts: timedelta, **how: object) -> list[timedelta]:
    """The ages at which one asks about something that nothing is heard of for so long."""
    now, ages = standing.since, []
    while (now := now + pause(standing, now, jitter=0, **how)) < standing.since + lasts:  # type: ignore[arg-type]
        ages.append(now - standing.since)
    return ages


def test_every_rhythm_has_its_pace() -> None:
    assert set(PACES) == set(Rhythm)


@pytest.mark.parametrize("rhythm", [one for one in Rhythm if one is not Rhythm.CODE])
def test_pauses_grow_up_to_a_ceiling(rhythm: Rhythm) -> None:
    pace, standing = PACES[rhythm], Standing(rhythm, NOON)
    day = [pause(standing, NOON + timedelta(days=days, minutes=1), jitter=0) for days in range(30)]
    assert pause(standing, NOON, jitter=0) == pace.first
    assert day == sorted(day)
    assert day[-1] == pace.ceiling <= longest_pause()


@pytest.mark.parametrize("rhythm", list(Rhythm))
def test_a_clock_that_was_put_back_makes_no_long_pause(rhythm: Rhythm) -> None:
    assert pause(Standing(rhythm, NOON + timedelta(days=400)), NOON, jitter=0) == PACES[rhythm].first


def test_people_decide_by_day() -> None:
    standing = Standing(Rhythm.AUDIT, NOON - timedelta(days=9))
    assert pause(standing, NOON, jitter=0) * 2 == pause(standing, MIDNIGHT, jitter=0)


def test_without_messages_one_asks_more_often() -> None:
    for rhythm, pace in PACES.items():
        heard, deaf = (pause(Standing(rhythm, NOON), NOON, jitter=0, deaf=deaf) for deaf in (False, True))
        assert heard == (deaf * 3 if pace.told is Told.BY_MESSAGE else deaf)


def test_failures_make_pauses_longer_but_no_longer_than_some_hours() -> None:
    standing = Standing(Rhythm.FILING_SMS, NOON)
    pauses = [pause(standing, NOON, jitter=0, failures=failures) for failures in range(20)]
    assert pauses[:3] == [timedelta(minutes=10), timedelta(minutes=20), timedelta(minutes=40)]
    assert pauses[-1] == timedelta(hours=6)


def test_the_ministrys_message_is_found_in_time_to_answer_it() -> None:
    """By day at most an hour of its day is lost, at night two; and its last hours are watched closely."""
    platform = PACES[Rhythm.FILING_BY_PLATFORM]
    assert platform.ceiling * 2 <= timedelta(hours=2)
    ages = series(Standing(Rhythm.FILING_SMS, NOON, NOON + timedelta(hours=24)), timedelta(hours=25))
    pauses = [after - before for before, after in itertools.pairwise(ages)]
    last = [one for age, one in zip(ages, pauses, strict=False) if timedelta(hours=17) <= age < timedelta(hours=24)]
    assert max(pauses) <= timedelta(minutes=30)
    assert max(last) <= timedelta(minutes=15) + timedelta(minutes=1)
    assert any(timedelta(hours=24) < age <= timedelta(hours=24, minutes=1) for age in ages)


@pytest.mark.parametrize("rhythm", [one for one, pace in PACES.items() if pace.closing])
def test_no_time_limit_is_slept_through(rhythm: Rhythm) -> None:
    until = NOON + timedelta(hours=24)
    for failures in (0, 5):
        now = NOON
        while now < until:
            now += pause(Standing(rhythm, NOON, until), now, failures=failures)
        assert now <= until + timedelta(minutes=2)


def test_what_was_read_today_waits_for_the_day_after() -> None:
    standing = Standing(Rhythm.CODE, NOON - timedelta(days=99), read_at=NOON - timedelta(hours=5))
    assert pause(standing, NOON, jitter=0) == timedelta(hours=19)


def test_a_crowd_does_not_come_back_together() -> None:
    pauses = {pause(Standing(Rhythm.CODE, NOON), NOON) for _ in range(50)}
    assert len(pauses) == 50
    assert timedelta(hours=21.6) <= min(pauses) <= max(pauses) <= timedelta(hours=26.4)


def test_an_audit_of_two_days_costs_few_calls() -> None:
    """Before there were rhythms: 10 in ten minutes, 22 until two hours, 44 in the day, then one an hour: 100."""
    looks = series(Standing(Rhythm.AUDIT, NOON), timedelta(days=2))
    assert len(looks) <= 30
    assert len(series(Standing(Rhythm.AUDIT, NOON), timedelta(days=2), deaf=True)) <= 90


def test_a_filing_of_twenty_days_costs_few_calls() -> None:
    """Three days with the platform, most of a day for the message, the rest with the authority: 230 calls before."""
    sms = Standing(Rhythm.FILING_SMS, NOON, NOON + timedelta(hours=24))
    stages = [
        (Standing(Rhythm.FILING_BY_PLATFORM, NOON), timedelta(days=3)),
        (sms, timedelta(hours=12)),
        (Standing(Rhythm.FILING_BY_AUTHORITY, NOON), timedelta(days=16, hours=12)),
    ]
    assert sum(len(series(standing, lasts)) for standing, lasts in stages) <= 160


def test_every_pace_makes_sense() -> None:
    for pace in PACES.values():
        assert isinstance(pace, Pace)
        assert timedelta(0) < pace.first <= pace.ceiling <= timedelta(days=1)
        assert pace.growth > 0 or pace.first == pace.ceiling
