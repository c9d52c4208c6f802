"""The one wrapper around every job: claim, open the right session, call, finish; or put back, or give up.

A job is a function marked with `@job`, called with a session, the id of the row that it is about, and the number of
this attempt. It may run twice and may be killed anywhere: attempt 2 and later read the state back from WeChat before
they repeat a call that WeChat counts. Its last transaction and the end of its row commit together, and no transaction
of a run commits after its lease is lost.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from uuid import UUID

import structlog
from sqlalchemy import event
from sqlalchemy.orm import Session

from jobs import leases
from jobs.leases import Lease, LeaseLost
from saas.config import settings
from saas.db import platform_session, tenant_session
from saas.queue import JobStatus, Later, in_lane, pause

log = structlog.get_logger()

Function = Callable[[Session, UUID, int], None]
GaveUp = Callable[[Session, UUID, BaseException], None]


class UnknownJob(Exception):
    """The row names something that is not a job."""


class AttemptsUsedUp(Exception):
    """Every attempt ended without a word: the process was killed each time."""


@dataclass(frozen=True)
class Registered:
    """A function marked as a job."""

    function: Function
    attempts: int
    gave_up: GaveUp | None


JOBS: dict[str, Registered] = {}


def job(*, attempts: int = 8, gave_up: GaveUp | None = None) -> Callable[[Function], Function]:
    """Mark a function as a job that `enqueue` may name.

    After `attempts` failures the row is failed and `gave_up(db, subject, error)` may mark the aggregate failed, in the
    same transaction. Waiting by `Later` counts only when it says so.
    """

    def register(function: Function) -> Function:
        JOBS[f"{function.__module__}.{function.__qualname__}"] = Registered(function, attempts, gave_up)
        return function

    return register


def find(name: str) -> Registered:
    """The job of this dotted name; raises UnknownJob. Only marked functions of modules below `jobs` are jobs."""
    module, _, _ = name.rpartition(".")
    if module.startswith("jobs."):
        try:
            importlib.import_module(module)
        except ModuleNotFoundError as error:
            raise UnknownJob(f"{name}: {error}") from error
        if name in JOBS:
            return JOBS[name]
    raise UnknownJob(f"{name} is not marked as a job")


def run(job_id: str) -> None:
    """Run one job, once; what the workers call. What goes wrong inside the job is in its row and in the log."""
    with platform_session("claim a job") as db:
        lease = leases.claim(db, UUID(job_id))
    if lease is None:
        return
    with structlog.contextvars.bound_contextvars(
        job_id=job_id, job=lease.name, subject=lease.subject, attempt=lease.attempt,
        provider=str(lease.provider_id or ""),
    ), in_lane(lease.lane), _kept(lease):  # fmt: skip
        try:
            _work(lease)
        except LeaseLost:
            log.warning("job_lease_lost")
        except Exception as error:
            _failed(lease, error)


def run_named(name: str, subject: str) -> None:
    """Run the due job of this name and subject, if there is one; for those who lend it their thread."""
    with platform_session("find a job") as db:
        job_id = leases.find_due(db, name, subject)
    if job_id is not None:
        run(str(job_id))


def _work(lease: Lease) -> None:
    known = find(lease.name)
    subject = UUID(lease.subject)
    if lease.attempt > known.attempts:
        raise AttemptsUsedUp(f"{known.attempts} attempts")
    with _session(lease) as db:
        try:
            known.function(db, subject, lease.attempt)
        except Later as later:
            if not later.counts or lease.attempt < known.attempts:
                leases.put_back(db, lease, later.delay, counts=later.counts, error=str(later))
                log.info("job_later", seconds=later.delay.total_seconds(), why=str(later))
                return
            if known.gave_up:
                known.gave_up(db, subject, later)
            leases.finish(db, lease, JobStatus.FAILED, str(later))
            log.error("job_gave_up", why=str(later))
        else:
            leases.finish(db, lease)
            log.info("job_done")


def _failed(lease: Lease, error: Exception) -> None:
    """What the run did is rolled back: try again later, or give up."""
    text = f"{type(error).__name__}: {error}"[:500].replace("\x00", "").encode(errors="replace").decode()
    try:
        known = find(lease.name)
    except UnknownJob:
        known = Registered(lambda _db, _subject, _attempt: None, 1, None)
    log.warning("job_failed", error=text, exc_info=error)
    try:
        with _session(lease) as db:
            if lease.attempt < known.attempts:
                leases.put_back(db, lease, pause(lease.attempt), counts=True, error=text)
                return
            if known.gave_up:
                known.gave_up(db, UUID(lease.subject), error)
            leases.finish(db, lease, JobStatus.FAILED, text)
        log.error("job_gave_up", error=text)
    except LeaseLost:
        log.warning("job_lease_lost")
    except Exception:
        if lease.attempt < known.attempts:
            log.exception("job_not_put_back")  # its lease lapses, and the sweep finds it
            return
        log.exception("job_gave_up_failed")
        with _session(lease) as db:
            leases.finish(db, lease, JobStatus.FAILED, text)


def beside(db: Session) -> Callable[[], AbstractContextManager[Session]]:
    """For a job that works in several threads: opens further sessions like its own, whose commits need its lease."""
    lease = db.info["lease"]

    @contextmanager
    def open_one() -> Iterator[Session]:
        with _open(lease) as other:
            other.info["held"] = lease
            yield other

    return open_one


@contextmanager
def _session(lease: Lease) -> Iterator[Session]:
    """The job's own session; each of its commits needs the lease, and extends it."""
    with _open(lease) as db:
        db.info["lease"] = lease
        yield db
        db.info.pop("lease")  # put back or finished: the row itself was the last check


def _open(lease: Lease) -> AbstractContextManager[Session]:
    """A session of the row's provider, or of the platform."""
    return tenant_session(lease.provider_id) if lease.provider_id else platform_session(f"job {lease.name}")


@event.listens_for(Session, "before_commit")
def _check_lease(db: Session) -> None:
    if db.in_nested_transaction():
        return
    if "lease" in db.info:
        leases.extend(db, db.info["lease"])
    elif "held" in db.info:
        leases.hold(db, db.info["held"])


@contextmanager
def _kept(lease: Lease) -> Iterator[None]:
    """Extend the lease while the job runs; once it is lost, the run's next commit finds out by itself."""
    over = threading.Event()

    def keep() -> None:
        while not over.wait(settings().job_lease_seconds / 3):
            try:
                with platform_session("keep a job's lease") as db:
                    leases.extend(db, lease)
            except LeaseLost:
                return
            except Exception as error:
                log.warning("job_heartbeat_failed", error=str(error))

    thread = threading.Thread(target=keep, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(1)
