"""Who works on a job's row: claim it with a lease, keep the lease, finish only what is still owned.

Leases run on the database's own clock: it is the same for all workers and nobody moves it.
"""

from __future__ import annotations

import os
import secrets
import socket
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import CursorResult, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from saas import clock
from saas.config import settings
from saas.db import after_commit
from saas.queue import Job, JobStatus, Lane, ring


class LeaseLost(Exception):
    """Somebody else has taken the job over, so nothing may be kept of this run."""


@dataclass(frozen=True)
class Lease:
    """One run of one job. `owner` is new for every run, so it is also the fence."""

    id: UUID
    owner: str
    name: str
    subject: str
    provider_id: UUID | None
    attempt: int
    lane: Lane


def _until() -> Any:
    return func.clock_timestamp() + func.make_interval(0, 0, 0, 0, 0, 0, settings().job_lease_seconds)


def claim(db: Session, job_id: UUID) -> Lease | None:
    """Take a due row that nobody holds; None when there is nothing to take. In a platform session.

    While an equal job runs, this one waits: the index `uq_jobs_running` decides races.
    """
    owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
    waiting = (Job.status == JobStatus.QUEUED) & (Job.run_at <= clock.now())
    abandoned = (Job.status == JobStatus.RUNNING) & (Job.lease_until < func.clock_timestamp())
    taking = (
        update(Job)
        .where(Job.id == job_id, or_(waiting, abandoned))
        .values(status=JobStatus.RUNNING, owner=owner, attempt=Job.attempt + 1, lease_until=_until())
        .returning(Job.name, Job.subject, Job.provider_id, Job.attempt, Job.lane)
    )
    try:
        with db.begin_nested():
            row = db.execute(taking).one_or_none()
    except IntegrityError:
        return None
    if row is None:
        return None
    return Lease(job_id, owner, row.name, row.subject, row.provider_id, row.attempt, Lane(row.lane))


def waits(db: Session, job_id: UUID) -> bool:
    """Whether `claim` could take the row now. In a platform session."""
    waiting = (Job.status == JobStatus.QUEUED) & (Job.run_at <= clock.now())
    abandoned = (Job.status == JobStatus.RUNNING) & (Job.lease_until < func.clock_timestamp())
    return db.scalar(select(Job.id).where(Job.id == job_id, or_(waiting, abandoned))) is not None


def find_due(db: Session, name: str, subject: str) -> UUID | None:
    """The job of this name and subject that waits and is due. In a platform session."""
    mine = (Job.name == name, Job.subject == subject, Job.status == JobStatus.QUEUED, Job.run_at <= clock.now())
    return db.scalar(select(Job.id).where(*mine))


def extend(db: Session, lease: Lease) -> None:
    """Keep the lease for another while; raises LeaseLost."""
    _change(db, lease, lease_until=_until())


def hold(db: Session, lease: Lease) -> None:
    """Nobody takes the job over before this transaction ends; many may hold it at once. Raises LeaseLost."""
    query = select(Job.id).where(Job.id == lease.id, Job.owner == lease.owner, Job.status == JobStatus.RUNNING)
    if db.scalar(query.with_for_update(read=True)) is None:
        raise LeaseLost(f"{lease.name} {lease.subject}")


def finish(db: Session, lease: Lease, status: JobStatus = JobStatus.DONE, error: str = "") -> None:
    """Close the row, in the transaction that holds the job's last work; raises LeaseLost."""
    _change(db, lease, status=status, error=error, lease_until=None, finished_at=clock.now())
    _ring_equal(db, lease)


def put_back(db: Session, lease: Lease, delay: timedelta, *, counts: bool, error: str = "") -> None:
    """Let the row wait for `delay`; raises LeaseLost.

    If an equal job was enqueued meanwhile, that one goes on in its place, at the earlier time of both, and inherits the
    count of attempts.
    """
    attempt = lease.attempt if counts else lease.attempt - 1
    at_once = delay <= timedelta(0)
    try:
        with db.begin_nested():
            _change(
                db, lease, status=JobStatus.QUEUED, run_at=clock.now() + delay, attempt=attempt, lease_until=None,
                rung_at=func.clock_timestamp() if at_once else None, error=error,
            )  # fmt: skip
        if at_once:
            after_commit(db, lambda: ring([(lease.id, lease.lane)]))
    except IntegrityError:
        equal = (Job.name == lease.name, Job.subject == lease.subject, Job.status == JobStatus.QUEUED)
        run_at = func.least(Job.run_at, clock.now() + delay)
        db.execute(update(Job).where(*equal).values(attempt=func.greatest(Job.attempt, attempt), run_at=run_at))
        finish(db, lease, error=error)


def _change(db: Session, lease: Lease, **values: Any) -> None:
    changed = db.execute(
        update(Job)
        .where(Job.id == lease.id, Job.owner == lease.owner, Job.status == JobStatus.RUNNING)
        .values(**values)
        .execution_options(synchronize_session=False)
    )
    assert isinstance(changed, CursorResult)
    if changed.rowcount == 0:
        raise LeaseLost(f"{lease.name} {lease.subject}")


def _ring_equal(db: Session, lease: Lease) -> None:
    """An equal job that was refused while this one ran may go now."""
    row = db.execute(
        select(Job.id, Job.lane).where(
            Job.name == lease.name, Job.subject == lease.subject, Job.status == JobStatus.QUEUED,
            Job.run_at <= clock.now(),
        )
    ).first()  # fmt: skip
    if row is not None:
        after_commit(db, lambda: ring([(row.id, Lane(row.lane))]))
