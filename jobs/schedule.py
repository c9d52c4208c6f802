"""The one table of crons, and the loop that runs it. One leader runs it: whoever holds the advisory lock.

A cron is a function of one argument, a platform session. It is short: it looks for what is due and enqueues jobs.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from croniter import croniter
from sqlalchemy import Connection, delete, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from saas import clock
from saas.db import engine, platform_session
from saas.queue import CronRun, Job, JobStatus, beat, ring_due

log = structlog.get_logger()

_ADVISORY_KEY = 7_242_002
_BEAT_EVERY = timedelta(seconds=5)


@dataclass(frozen=True)
class Cron:
    """`function` runs every `every`, or at the times of the cron string `at` (UTC)."""

    function: str
    every: timedelta | None = None
    at: str = ""

    def next_after(self, last: datetime) -> datetime:
        if self.every is not None:
            return last + self.every
        found: datetime = croniter(self.at, last).get_next(datetime)
        return found

    def load(self) -> Callable[[Session], None]:
        module, _, name = self.function.rpartition(".")
        function: Callable[[Session], None] = getattr(importlib.import_module(module), name)
        return function


CRONS = [
    Cron("jobs.schedule.ring", every=timedelta(seconds=2)),
    Cron("jobs.schedule.prune_jobs", at="17 19 * * *"),
    Cron("jobs.tokens.look_for_expiring", every=timedelta(minutes=1)),
    Cron("jobs.components.look_at_tickets", every=timedelta(minutes=1)),
    Cron("jobs.programs.look_at_permissions", every=timedelta(minutes=5)),
    Cron("jobs.components.look_at_health", every=timedelta(minutes=1)),
    Cron("jobs.alarms.look_at_alarms", every=timedelta(minutes=1)),
    Cron("jobs.alarms.forget_old_alarms", at="47 19 * * *"),
    Cron("jobs.components.look_at_quotas", every=timedelta(hours=1)),
    Cron("jobs.batches.look_at_batches", every=timedelta(minutes=1)),
    Cron("jobs.campaigns.look_for_due", every=timedelta(seconds=15)),
    Cron("jobs.trains.look_at_trains", every=timedelta(minutes=1)),
    Cron("jobs.notices.look_at_activities", every=timedelta(minutes=1)),
    Cron("jobs.onboarding.look_for_registered", every=timedelta(minutes=1)),
    Cron("jobs.reminders.look_for_due", every=timedelta(minutes=2)),
    Cron("jobs.polling.wake_pumps", every=timedelta(minutes=1)),
    Cron("jobs.polling.find_forgotten", every=timedelta(minutes=30)),
    Cron("jobs.violations.look_at_refusals", every=timedelta(minutes=5)),
    Cron("jobs.agenda.look_at_deadlines", at="11 0 * * *"),
    Cron("jobs.certifications.look_at_certifications", every=timedelta(minutes=30)),
    Cron("jobs.releases.look_at_standing", at="7 20 * * *"),
    Cron("jobs.counting.look_at_calls", every=timedelta(hours=1)),
    Cron("jobs.counting.forget_counts", at="27 19 * * *"),
    Cron("jobs.components.prune_call_log", at="23 19 * * *"),
    Cron("jobs.callbacks.prune", at="29 19 * * *"),
    Cron("jobs.tenants.look_at_hosts", every=timedelta(minutes=30)),
    Cron("jobs.tenants.forget_the_past", at="41 19 * * *"),
]  # fmt: skip


def ring(db: Session) -> None:
    """Ring for jobs that are due: whatever Redis or a worker lost is found here."""
    ring_due(db)


def prune_jobs(db: Session) -> None:
    """Forget jobs that ended two weeks ago."""
    db.execute(
        delete(Job).where(
            Job.status.in_([JobStatus.DONE, JobStatus.FAILED]), Job.finished_at < clock.now() - timedelta(days=14)
        )
    )


def run_crons(stop: threading.Event, crons: list[Cron] | None = None) -> None:
    """Run the table until told to stop. While another process leads, wait to take its place."""
    while not stop.is_set():
        try:
            with engine("platform").connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.detach()  # closed, not pooled, at the end: the lock goes with it
                if _lead(connection):
                    log.info("cron_leads")
                    _Table(crons or CRONS).run(stop, connection)
        except DBAPIError as error:
            log.warning("cron_database_lost", error=str(error.orig))
        stop.wait(1)


def _lead(connection: Connection) -> bool:
    return bool(connection.scalar(text("select pg_try_advisory_lock(:key)"), {"key": _ADVISORY_KEY}))


class _Table:
    """The crons with the time at which each is due. A failed one waits for its next turn like one that succeeded."""

    def __init__(self, crons: list[Cron]) -> None:
        self._crons = [(cron, cron.load()) for cron in crons]
        with platform_session("read when the crons ran") as db:
            self._ran = {run.name: run.ran_at for run in db.scalars(select(CronRun))}

    def run(self, stop: threading.Event, leader: Connection) -> None:
        next_beat = clock.now()
        while not stop.is_set():
            leader.scalar(text("select 1"))  # raises when the lock went with its connection
            now = clock.now()
            for cron, function in self._crons:
                if self._is_due(cron, now):
                    self._run(cron, function, now)
            if now >= next_beat or next_beat - now > _BEAT_EVERY:
                with platform_session("the cron's heartbeat") as db:
                    beat(db, "cron")
                next_beat = now + _BEAT_EVERY
            stop.wait(0.5)

    def _is_due(self, cron: Cron, now: datetime) -> bool:
        """Never run: at once, if it runs by intervals; a last run in the future: the clock was put back."""
        last = self._ran.get(cron.function)
        if last is None or last > now:
            if cron.every is not None:
                return True
            self._ran[cron.function] = now
            return False
        return cron.next_after(last) <= now

    def _run(self, cron: Cron, function: Callable[[Session], None], now: datetime) -> None:
        self._ran[cron.function] = now
        try:
            with platform_session(f"cron {cron.function}") as db:
                function(db)
                row = insert(CronRun).values(name=cron.function, ran_at=now)
                db.execute(row.on_conflict_do_update(index_elements=["name"], set_={"ran_at": now}))
        except Exception:
            log.exception("cron_failed", cron=cron.function)
