"""The cron table: one leader, each row when it is due, a failing row harms no other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from jobs import schedule
from jobs.schedule import CRONS, Cron
from saas import queue
from saas.config import Settings
from saas.db import platform_session
from saas.queue import CronRun, Heartbeat, Job, JobStatus

ran: list[str] = []


def count(db: Session) -> None:
    ran.append("count")


def fail(db: Session) -> None:
    ran.append("fail")
    raise RuntimeError("no")


@pytest.fixture(autouse=True)
def clean() -> None:
    ran.clear()


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Cron]]:
    """Crons of functions in this module."""
    functions = {"jobs.test.count": count, "jobs.test.fail": fail}
    monkeypatch.setattr(Cron, "load", lambda self: functions[self.function])
    return lambda *names, **options: [Cron(f"jobs.test.{name}", **options) for name in names]


@contextmanager
def running(crons: list[Cron]) -> Iterator[threading.Event]:
    stop = threading.Event()
    thread = threading.Thread(target=schedule.run_crons, args=(stop, crons))
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join(30)
        assert not thread.is_alive()


def until(condition: Callable[[], bool]) -> None:
    waiting = threading.Event()
    for _ in range(600):
        if condition():
            return
        waiting.wait(0.05)
    raise AssertionError("never happened")


def runs() -> dict[str, datetime]:
    with platform_session("test") as db:
        return {run.name: run.ran_at for run in db.scalars(select(CronRun))}


def test_every_row_names_a_function() -> None:
    assert len({cron.function for cron in CRONS}) == len(CRONS)
    for cron in CRONS:
        assert callable(cron.load())
        assert (cron.every is None) != (cron.at == "")
        assert cron.next_after(datetime(2026, 1, 1, tzinfo=UTC)) > datetime(2026, 1, 1, tzinfo=UTC)


def test_a_row_runs_at_the_start_and_when_its_time_has_come(
    ground: Settings, table: Callable[..., list[Cron]], move_clock: Callable[[float], None]
) -> None:
    with running(table("count", every=timedelta(hours=1))):
        until(lambda: len(ran) == 1)
        move_clock(3601)
        until(lambda: len(ran) == 2)


def test_a_restart_remembers_what_ran(ground: Settings, table: Callable[..., list[Cron]]) -> None:
    crons = table("count", every=timedelta(hours=1))
    for _ in range(2):
        with running(crons):
            until(lambda: "cron" in alive())
        with platform_session("test") as db:
            db.query(Heartbeat).delete()
    assert ran == ["count"]


def test_a_daily_row_waits_for_its_hour(
    ground: Settings, table: Callable[..., list[Cron]], move_clock: Callable[[float], None]
) -> None:
    with running(table("count", at="0 3 * * *")):
        until(lambda: "cron" in alive())
        assert ran == []
        move_clock(24 * 3600)
        until(lambda: ran == ["count"])


def test_a_failing_row_harms_no_other_and_waits_for_its_turn(
    ground: Settings, table: Callable[..., list[Cron]]
) -> None:
    with running(table("fail", "count", every=timedelta(hours=1))):
        until(lambda: "count" in ran and "cron" in alive())
    assert sorted(ran) == ["count", "fail"]
    assert set(runs()) == {"jobs.test.count"}


def test_a_second_process_waits_and_takes_over(ground: Settings, table: Callable[..., list[Cron]]) -> None:
    crons = table("count", every=timedelta(seconds=0))
    with running(crons) as first:
        until(lambda: len(ran) > 0)
        with running(table("fail", every=timedelta(seconds=0))):
            seen = len(ran)
            until(lambda: len(ran) > seen + 2)
            assert "fail" not in ran
            first.set()
            until(lambda: "fail" in ran)


def test_old_jobs_are_forgotten(ground: Settings, move_clock: Callable[[float], None]) -> None:
    with platform_session("test") as db:
        for status in JobStatus:
            db.add(Job(name=f"jobs.{status}", subject=str(UUID(int=0)), status=status))
        db.flush()
        for job in db.scalars(select(Job).where(Job.status.in_(["done", "failed"]))):
            job.finished_at = job.created_at
    for days, left in ((13, 4), (2, 2)):
        move_clock(days * 86400)
        with platform_session("test") as db:
            schedule.prune_jobs(db)
        with platform_session("test") as db:
            assert len(db.scalars(select(Job.id)).all()) == left


def alive() -> dict[str, datetime]:
    with platform_session("test") as db:
        return queue.alive(db)
