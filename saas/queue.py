"""The work queue: a row per job in PostgreSQL is the truth, RQ on Redis is the alarm clock.

`enqueue` writes the row in the caller's transaction and rings after its commit. Losing the ring, Redis or the worker
loses nothing: the sweep (`ring_due`) rings again for rows that are due and not leased. Every job may run twice, never
two at a time: the runner claims a row with a lease and finishes only what it still owns (docs/decisions/0001).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import redis
import structlog
from redis.backoff import ExponentialBackoff
from redis.retry import Retry
from rq import Queue
from sqlalchemy import Index, Text, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from saas import clock
from saas.config import settings
from saas.db import Base, HasId, after_commit, new_id, settle

log = structlog.get_logger()

_LONGEST_PAUSE = 600.0
_MOST_RINGS = 300
"""Whoever is woken goes on with all that is due, so a lane needs no more rings than this at a time."""


class Lane(StrEnum):
    """Which queue a job waits in: a person waits, ordinary work, bulk work, polling."""

    URGENT = "urgent"
    DEFAULT = "default"
    BULK = "bulk"
    POLL = "poll"


_lane: ContextVar[Lane] = ContextVar("lane", default=Lane.URGENT)


def lane_now() -> Lane:
    """The lane of the job that this code runs in; a request's work is urgent, too."""
    return _lane.get()


@contextmanager
def in_lane(lane: Lane) -> Iterator[None]:
    """What runs inside is work of this lane."""
    before = _lane.set(lane)
    try:
        yield
    finally:
        _lane.reset(before)


_run_now: ContextVar[Callable[[str, str], None] | None] = ContextVar("run_now", default=None)


@contextmanager
def lending_hands(run: Callable[[str, str], None]) -> Iterator[None]:
    """What runs inside may have jobs run at once in its own thread, by name and subject; `run` does that."""
    before = _run_now.set(run)
    try:
        yield
    finally:
        _run_now.reset(before)


def run_now(db: Session, name: str, subject: UUID | str) -> None:
    """Where hands are lent: settle, and run this job if it is due and nobody has it; elsewhere a worker will. Then what
    the job is about is to be read again.
    """
    settle(db)
    run = _run_now.get()
    if run is not None:
        run(name, str(subject))


class JobStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


_OWNER = text("coalesce(provider_id, '00000000-0000-0000-0000-000000000000'::uuid)")


class Job(HasId, Base):
    """One piece of work: a dotted function name and the id of the row that it is about."""

    __tablename__ = "jobs"
    __table_args__ = (
        Index("uq_jobs_waiting", "name", "subject", unique=True, postgresql_where=text("status = 'queued'")),
        Index("uq_jobs_running", "name", "subject", unique=True, postgresql_where=text("status = 'running'")),
        Index("ix_jobs_turns", "lane", _OWNER, "run_at", postgresql_where=text("status = 'queued'")),
        Index("ix_jobs_open", "run_at", postgresql_where=text("status in ('queued', 'running')")),
        Index("ix_jobs_provider_id_created_at", "provider_id", "created_at"),
    )

    provider_id: Mapped[UUID | None] = mapped_column(default=None)
    name: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    lane: Mapped[str] = mapped_column(Text, default=Lane.DEFAULT)
    status: Mapped[str] = mapped_column(Text, default=JobStatus.QUEUED)
    run_at: Mapped[datetime] = mapped_column(default=clock.now)
    rung_at: Mapped[datetime | None] = mapped_column(default=None)
    attempt: Mapped[int] = mapped_column(default=0)
    owner: Mapped[str] = mapped_column(Text, default="")
    lease_until: Mapped[datetime | None] = mapped_column(default=None)
    error: Mapped[str] = mapped_column(Text, default="")
    finished_at: Mapped[datetime | None] = mapped_column(default=None)


class Heartbeat(Base):
    """When a kind of process (`worker`, `cron`) last said that it is alive; by the database's clock, never moved."""

    __tablename__ = "heartbeats"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    beat_at: Mapped[datetime]


class CronRun(Base):
    """When a row of the cron table last ran, so that a restart neither repeats nor forgets it."""

    __tablename__ = "cron_runs"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    ran_at: Mapped[datetime]


class Later(Exception):
    """Raised by a job that must look again: the runner puts its row back for `delay` from now.

    Waiting (a privacy scan) is not failing: `counts` says whether this try counts against the job's attempts.
    """

    def __init__(self, delay: timedelta, *, counts: bool = False, why: str = "") -> None:
        super().__init__(why)
        self.delay = delay
        self.counts = counts


def enqueue(
    db: Session, name: str, subject: UUID | str, *, lane: Lane = Lane.DEFAULT, delay: timedelta | None = None
) -> None:
    """Run the function `name` (``jobs.module.function``) on `subject` after this transaction has committed.

    The job belongs to the session's provider, or to the platform in a platform session without one. While an equal job
    is still waiting, a second one is not added. Where bulk work lends hands nobody is called for more of it: whoever
    enqueues it runs it (`run_now`), and the worker that lends them looks for more all the time.
    """
    enqueue_for(db, db.info.get("provider_id"), name, subject, lane=lane, delay=delay)


def enqueue_for(
    db: Session, provider_id: UUID | None, name: str, subject: UUID | str, *,
    lane: Lane = Lane.DEFAULT, delay: timedelta | None = None,
) -> None:  # fmt: skip
    """`enqueue` from a platform session on behalf of one provider."""
    now = clock.now()
    row = {
        "id": new_id(), "created_at": now, "provider_id": provider_id, "name": name, "subject": str(subject),
        "lane": lane.value, "status": JobStatus.QUEUED.value, "run_at": now + (delay or timedelta(0)), "attempt": 0,
        "owner": "", "error": "", "rung_at": None if delay else func.clock_timestamp(),
    }  # fmt: skip
    added = db.execute(
        insert(Job).values(row).on_conflict_do_nothing(
            index_elements=["name", "subject"], index_where=text("status = 'queued'")
        ).returning(Job.id)
    ).scalar()  # fmt: skip
    is_lent = _run_now.get() is not None and lane is lane_now() is Lane.BULK
    if added is not None and not delay and not is_lent:
        after_commit(db, lambda: ring([(added, lane)]))


def hasten(
    db: Session, name: str, subject: UUID | str, *, lane: Lane = Lane.DEFAULT, delay: timedelta | None = None
) -> None:  # fmt: skip
    """`enqueue`; an equal job that waits for a later time runs then, without a `delay` now."""
    enqueue(db, name, subject, lane=lane, delay=delay)
    run_at = clock.now() + (delay or timedelta(0))
    early = db.execute(
        update(Job)
        .where(Job.name == name, Job.subject == str(subject), Job.status == JobStatus.QUEUED, Job.run_at > run_at)
        .values(run_at=run_at, rung_at=None if delay else func.clock_timestamp())
        .returning(Job.id, Job.lane)
        .execution_options(synchronize_session=False)
    ).first()
    if early is not None and not delay:
        after_commit(db, lambda: ring([(early.id, Lane(early.lane))]))


def pause(attempt: int, *, first: float = 5.0) -> timedelta:
    """How long to wait after this many failures: doubling up to ten minutes, with jitter so that a crowd does not come
    back together."""
    seconds = min(first * 2 ** (attempt - 1), _LONGEST_PAUSE)
    return timedelta(seconds=seconds * random.uniform(0.8, 1.2))  # noqa: S311 - not a secret


def others_wait(db: Session, lane: Lane, subject: UUID) -> bool:
    """Whether a job of this lane, or of one that goes before it, is due and finds nobody to run it. `subject` is whose
    work asks. In a platform session."""
    lanes = list(Lane)[: list(Lane).index(lane) + 1]
    waiting = select(Job.id).where(
        Job.status == JobStatus.QUEUED, Job.run_at <= clock.now(), Job.lane.in_(lanes), Job.subject != str(subject)
    )
    return bool(db.scalar(select(waiting.exists())))


def ring_due(db: Session, *, again_after: timedelta = timedelta(seconds=10), limit: int = 500) -> int:
    """Ring for what is due: waiting rows not rung lately, running ones with a lapsed lease. In a platform session."""
    real_now = func.clock_timestamp()
    due = db.execute(
        select(Job.id, Job.lane, Job.status)
        .where(
            ((Job.status == JobStatus.QUEUED) & (Job.run_at <= clock.now()))
            | ((Job.status == JobStatus.RUNNING) & (Job.lease_until < real_now)),
            Job.rung_at.is_(None) | (Job.rung_at < real_now - again_after),
        )
        .order_by(Job.run_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    if not due:
        return 0
    db.execute(update(Job).where(Job.id.in_([row.id for row in due])).values(rung_at=real_now))
    waiting_ones = [(row.id, Lane(row.lane)) for row in due if row.status == JobStatus.QUEUED]
    abandoned = [(row.id, Lane(row.lane)) for row in due if row.status == JobStatus.RUNNING]
    after_commit(db, lambda: ring(waiting_ones))
    after_commit(db, lambda: ring(abandoned, first=True))
    return len(due)


def ring(jobs: list[tuple[UUID, Lane]], *, first: bool = False) -> None:
    """Tell the workers; best effort, bounded to a fraction of a second: the sweep is the net.

    `first`: before the others, however many there are. Abandoned jobs begin by their own ring alone.
    """
    try:
        connection = redis_connection()
        for lane in Lane:
            ids = [job_id for job_id, its_lane in jobs if its_lane is lane]
            if ids:
                queue = Queue(lane.value, connection=connection, serializer="rq.serializers.JSONSerializer")
                if not first and connection.llen(queue.key) >= _MOST_RINGS:
                    continue  # the sweep rings again for what is still due
                queue.enqueue_many(
                    [
                        Queue.prepare_data(
                            "jobs.shift.work",
                            args=(str(job_id), lane.value),
                            timeout=900,
                            result_ttl=0,
                            failure_ttl=0,
                            at_front=first,
                        )
                        for job_id in ids
                    ]
                )
    except (redis.RedisError, OSError) as error:
        log.warning("ring_failed", jobs=len(jobs), error=str(error))


_connection: redis.Redis | None = None


def redis_connection() -> redis.Redis:
    """The process's Redis client: few, short retries, because a dead Redis must not slow a page."""
    global _connection
    if _connection is None:
        _connection = redis.Redis.from_url(
            settings().redis_url, socket_timeout=1, socket_connect_timeout=0.05,
            retry=Retry(ExponentialBackoff(cap=0.05, base=0.01), 1),
        )  # fmt: skip
    return _connection


def forget_connection() -> None:
    """After a fork or a change of settings."""
    global _connection
    _connection = None


def waiting(db: Session, name: str, subject: UUID | str) -> dict[str, Any] | None:
    """The open job of this name and subject, for screens that show what is under way."""
    row = db.execute(
        select(Job.status, Job.run_at, Job.attempt, Job.error).where(
            Job.name == name, Job.subject == str(subject), Job.status.in_([JobStatus.QUEUED, JobStatus.RUNNING])
        )
    ).first()
    return dict(row._mapping) if row else None


def beat(db: Session, name: str) -> None:
    """Say that a process of this kind is alive. In a platform session."""
    row = insert(Heartbeat).values(name=name, beat_at=func.clock_timestamp())
    db.execute(row.on_conflict_do_update(index_elements=["name"], set_={"beat_at": func.clock_timestamp()}))


def alive(db: Session) -> dict[str, datetime]:
    """When each kind of process last said that it is alive, on `clock.now()`'s scale. In a platform session."""
    ages = db.execute(select(Heartbeat.name, func.clock_timestamp() - Heartbeat.beat_at)).all()
    return {name: clock.now() - age for name, age in ages}
