"""Jobs run by lease: twice is harmless, never two at a time, and a run that lost its lease keeps nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import redis
from rq import Queue as RQQueue
from rq.serializers import JSONSerializer
from sqlalchemy import event, func, select, text, update
from sqlalchemy.orm import Session

from jobs import leases, runner
from saas import db as database
from saas import queue
from saas.config import Settings
from saas.db import new_id, platform_session, settle, tenant_session
from saas.queue import Job, JobStatus, Lane, Later, enqueue, enqueue_for, ring_due
from saas.tenants.models import Merchant
from tests.cast import Cast

Body = Callable[[Session, UUID, int], None]


@pytest.fixture
def known() -> Iterator[Callable[..., str]]:
    """Mark functions as jobs for the time of one test."""
    names = []

    def mark(body: Body, **options: Any) -> str:
        body.__module__, body.__qualname__ = "jobs.runner", f"test_{len(names)}"
        runner.job(**options)(body)
        names.append(f"jobs.runner.{body.__qualname__}")
        return names[-1]

    yield mark
    for name in names:
        del runner.JOBS[name]


def add(cast: Cast, name: str, subject: UUID | None = None, **options: Any) -> UUID:
    subject = subject or new_id()
    with tenant_session(cast.alices) as db:
        enqueue(db, name, subject, **options)
    newest = select(Job.id).where(Job.name == name, Job.subject == str(subject)).order_by(Job.id.desc()).limit(1)
    with platform_session("test") as db:
        return db.scalars(newest).one()


def row(job_id: UUID) -> Job:
    with platform_session("test") as db:
        return db.scalars(select(Job).where(Job.id == job_id)).one()


def change(job_id: UUID, **values: Any) -> None:
    with platform_session("test") as db:
        db.execute(update(Job).where(Job.id == job_id).values(**values))


def rename(db: Session, name: str) -> None:
    db.execute(update(Merchant).values(name=name))


def merchant_name(cast: Cast) -> str:
    with tenant_session(cast.alices) as db:
        return db.scalars(select(Merchant.name)).one()


def test_a_job_runs_in_its_providers_session(cast: Cast, known: Callable[..., str]) -> None:
    seen: list[tuple[Any, UUID, int, int]] = []

    def look(db: Session, subject: UUID, attempt: int) -> None:
        seen.append((db.info["provider_id"], subject, attempt, len(db.scalars(select(Merchant.id)).all())))

    subject = new_id()
    job_id = add(cast, known(look), subject)
    runner.run(str(job_id))
    assert seen == [(cast.alices, subject, 1, 1)]
    assert row(job_id).status == JobStatus.DONE


def test_a_job_without_a_provider_runs_in_a_platform_session(cast: Cast, known: Callable[..., str]) -> None:
    seen: list[int] = []

    def look(db: Session, subject: UUID, attempt: int) -> None:
        seen.append(len(db.scalars(select(Merchant.id)).all()))

    name, subject = known(look), new_id()
    with platform_session("test") as db:
        enqueue(db, name, subject)
    with platform_session("test") as db:
        job_id = db.scalars(select(Job.id).where(Job.name == name)).one()
    runner.run(str(job_id))
    assert seen == [2]


def test_a_second_ring_finds_nothing_to_do(cast: Cast, known: Callable[..., str]) -> None:
    runs: list[int] = []
    job_id = add(cast, known(lambda _db, _subject, attempt: runs.append(attempt)))
    runner.run(str(job_id))
    runner.run(str(job_id))
    assert runs == [1]


def test_an_equal_waiting_job_is_not_added_twice(cast: Cast, known: Callable[..., str]) -> None:
    name, subject = known(lambda *_: None), new_id()
    add(cast, name, subject)
    add(cast, name, subject)
    with platform_session("test") as db:
        assert len(db.scalars(select(Job.id).where(Job.name == name)).all()) == 1


def test_an_equal_job_waits_while_the_first_runs_and_is_rung_at_its_end(cast: Cast, known: Callable[..., str]) -> None:
    runs: list[str] = []
    subject = new_id()

    def work(db: Session, subject: UUID, attempt: int) -> None:
        runs.append("begin")
        if len(runs) == 1:
            runner.run(str(add(cast, name, subject)))
        runs.append("end")

    name = known(work)
    runner.run(str(add(cast, name, subject)))
    assert runs == ["begin", "end"]
    second = add(cast, name, subject)
    runner.run(str(second))
    assert runs == ["begin", "end", "begin", "end"]


def test_what_a_failed_run_did_is_rolled_back_and_it_runs_again_later(cast: Cast, known: Callable[..., str]) -> None:
    def fail(db: Session, subject: UUID, attempt: int) -> None:
        rename(db, "改了")
        raise RuntimeError("WeChat is away")

    job_id = add(cast, known(fail))
    runner.run(str(job_id))
    job = row(job_id)
    assert merchant_name(cast) == "梅记茶铺"
    assert (job.status, job.attempt, job.error) == (JobStatus.QUEUED, 1, "RuntimeError: WeChat is away")
    assert job.run_at > job.created_at
    runner.run(str(job_id))
    assert row(job_id).attempt == 1, "not before its time"


def test_pauses_double_and_end_at_ten_minutes() -> None:
    for attempt, seconds in ((1, 5), (2, 10), (4, 40), (12, 600)):
        assert seconds * 0.8 <= runner.pause(attempt).total_seconds() <= seconds * 1.2


def test_after_the_last_attempt_the_job_gives_up_in_one_transaction_with_its_row(
    cast: Cast, known: Callable[..., str], move_clock: Callable[[float], None]
) -> None:
    attempts: list[int] = []

    def fail(db: Session, subject: UUID, attempt: int) -> None:
        attempts.append(attempt)
        raise RuntimeError("no")

    def give_up(db: Session, subject: UUID, error: BaseException) -> None:
        rename(db, f"放弃 {error}")

    job_id = add(cast, known(fail, attempts=3, gave_up=give_up))
    for _ in range(5):
        runner.run(str(job_id))
        move_clock(700)
    assert attempts == [1, 2, 3]
    assert row(job_id).status == JobStatus.FAILED
    assert merchant_name(cast) == "放弃 no"


def test_a_job_whose_giving_up_fails_is_failed_all_the_same(cast: Cast, known: Callable[..., str]) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("no")

    job_id = add(cast, known(fail, attempts=1, gave_up=fail))
    runner.run(str(job_id))
    assert row(job_id).status == JobStatus.FAILED


def test_a_job_that_kills_its_process_every_time_gives_up(cast: Cast, known: Callable[..., str]) -> None:
    errors: list[str] = []
    name = known(lambda *_: None, attempts=2, gave_up=lambda _db, _subject, error: errors.append(type(error).__name__))
    job_id = add(cast, name)
    change(job_id, status=JobStatus.RUNNING, attempt=2, owner="dead", lease_until=text("now() - interval '1 s'"))
    runner.run(str(job_id))
    assert errors == ["AttemptsUsedUp"]
    assert row(job_id).status == JobStatus.FAILED


def test_later_keeps_what_was_done_and_does_not_count(cast: Cast, known: Callable[..., str]) -> None:
    def wait(db: Session, subject: UUID, attempt: int) -> None:
        rename(db, "等着")
        raise Later(timedelta(seconds=30), why="privacy scan")

    job_id = add(cast, known(wait, attempts=1))
    runner.run(str(job_id))
    job = row(job_id)
    assert merchant_name(cast) == "等着"
    assert (job.status, job.attempt, job.error) == (JobStatus.QUEUED, 0, "privacy scan")


def test_later_that_counts_gives_up_at_the_end(
    cast: Cast, known: Callable[..., str], move_clock: Callable[[float], None]
) -> None:
    gave_up: list[str] = []

    def wait(db: Session, subject: UUID, attempt: int) -> None:
        raise Later(timedelta(seconds=30), counts=True, why="still busy")

    job_id = add(cast, known(wait, attempts=2, gave_up=lambda _db, _subject, error: gave_up.append(str(error))))
    runner.run(str(job_id))
    move_clock(31)
    runner.run(str(job_id))
    assert gave_up == ["still busy"]
    assert row(job_id).status == JobStatus.FAILED


def test_later_gives_way_to_an_equal_job_which_inherits_the_attempts(cast: Cast, known: Callable[..., str]) -> None:
    subject = new_id()

    def wait(db: Session, subject: UUID, attempt: int) -> None:
        add(cast, name, subject)
        raise Later(timedelta(seconds=30), counts=True)

    name = known(wait)
    first = add(cast, name, subject)
    runner.run(str(first))
    with platform_session("test") as db:
        jobs = db.scalars(select(Job).where(Job.name == name).order_by(Job.id)).all()
    assert [(job.status, job.attempt) for job in jobs] == [(JobStatus.DONE, 1), (JobStatus.QUEUED, 1)]


def test_a_run_that_lost_its_lease_keeps_nothing(cast: Cast, known: Callable[..., str]) -> None:
    def slow(db: Session, subject: UUID, attempt: int) -> None:
        if attempt == 1:
            change(job_id, lease_until=text("now() - interval '1 s'"))
            runner.run(str(job_id))
            rename(db, "迟到的")

    job_id = add(cast, known(slow))
    runner.run(str(job_id))
    assert row(job_id).status == JobStatus.DONE
    assert row(job_id).attempt == 2
    assert merchant_name(cast) == "梅记茶铺"


def test_a_run_that_lost_its_lease_does_not_get_past_the_next_commit(cast: Cast, known: Callable[..., str]) -> None:
    called: list[int] = []

    def slow(db: Session, subject: UUID, attempt: int) -> None:
        if attempt == 1:
            change(job_id, lease_until=text("now() - interval '1 s'"))
            runner.run(str(job_id))
        settle(db)
        called.append(attempt)

    job_id = add(cast, known(slow))
    runner.run(str(job_id))
    assert called == [2]


def test_the_lease_is_kept_while_the_job_runs(
    cast: Cast, known: Callable[..., str], monkeypatch: pytest.MonkeyPatch, installed: Settings
) -> None:
    monkeypatch.setattr(leases, "settings", lambda: installed.model_copy(update={"job_lease_seconds": 1}))
    monkeypatch.setattr(runner, "settings", lambda: installed.model_copy(update={"job_lease_seconds": 1}))
    begun, go_on = threading.Event(), threading.Event()
    attempts: list[int] = []

    def slow(db: Session, subject: UUID, attempt: int) -> None:
        attempts.append(attempt)
        settle(db)
        begun.set()
        assert go_on.wait(30)

    job_id = add(cast, known(slow))
    thread = threading.Thread(target=runner.run, args=(str(job_id),))
    thread.start()
    assert begun.wait(30)
    first = row(job_id).lease_until
    extended = threading.Event()

    def watch() -> None:
        while row(job_id).lease_until == first:
            pass
        extended.set()

    threading.Thread(target=watch, daemon=True).start()
    assert extended.wait(30)
    go_on.set()
    thread.join()
    assert attempts == [1]
    assert row(job_id).status == JobStatus.DONE


@pytest.mark.parametrize("name", ["os.system", "jobs.runner.run", "jobs.nothing.there", "jobs.runner.pause"])
def test_only_marked_functions_below_jobs_run(cast: Cast, name: str) -> None:
    job_id = add(cast, name)
    runner.run(str(job_id))
    job = row(job_id)
    assert job.status == JobStatus.FAILED
    assert job.error.startswith("UnknownJob")


def test_a_subject_that_is_no_id_fails_the_job(cast: Cast, known: Callable[..., str]) -> None:
    name = known(lambda *_: None, attempts=1)
    with platform_session("test") as db:
        enqueue_for(db, cast.alices, name, "nonsense")
    with platform_session("test") as db:
        job_id = db.scalars(select(Job.id).where(Job.name == name)).one()
    runner.run(str(job_id))
    assert row(job_id).status == JobStatus.FAILED


CRASHING = """
import os, signal
from uuid import UUID
from jobs import runner
from saas import db
from saas.config import settings
from saas.tenants.models import Merchant
from sqlalchemy import update

@runner.job()
def crash(session, subject, attempt):
    session.execute(update(Merchant).values(name="前半"))
    db.settle(session)
    session.execute(update(Merchant).values(name="后半"))
    session.flush()
    os.kill(os.getpid(), signal.SIGKILL)

runner.JOBS["jobs.runner.crash"] = runner.JOBS.pop("__main__.crash")
db.connect(settings())
runner.run({job_id!r})
"""


def test_a_job_killed_in_the_middle_is_rung_again_and_told_its_attempt(cast: Cast, known: Callable[..., str]) -> None:
    attempts: list[tuple[int, str]] = []
    job_id = add(cast, "jobs.runner.crash")
    killed = subprocess.run([sys.executable, "-c", CRASHING.format(job_id=str(job_id))], env=dict(os.environ))
    assert killed.returncode == -signal.SIGKILL
    assert row(job_id).status == JobStatus.RUNNING
    assert merchant_name(cast) == "前半"
    runner.run(str(job_id))
    assert row(job_id).attempt == 1, "its lease still runs"
    change(job_id, lease_until=text("now() - interval '1 s'"), rung_at=None)

    def crash(db: Session, subject: UUID, attempt: int) -> None:
        attempts.append((attempt, merchant_name(cast)))

    queue.redis_connection().flushdb()
    with platform_session("test") as db:
        assert ring_due(db) == 1
    assert rung() == [str(job_id)]
    runner.JOBS["jobs.runner.crash"] = runner.Registered(crash, 8, None)
    try:
        runner.run(str(job_id))
    finally:
        del runner.JOBS["jobs.runner.crash"]
    assert attempts == [(2, "前半")]
    assert row(job_id).status == JobStatus.DONE


def rung(lane: Lane = Lane.DEFAULT) -> list[str]:
    """The job ids that wait in Redis."""
    from rq import Queue

    waiting = Queue(lane.value, connection=queue.redis_connection(), serializer="rq.serializers.JSONSerializer")
    return [str(job.args[0]) for job in waiting.jobs]


def test_a_job_is_rung_after_its_commit_in_its_lane(cast: Cast) -> None:
    with tenant_session(cast.alices) as db:
        enqueue(db, "jobs.some.thing", new_id(), lane=Lane.URGENT)
        assert rung(Lane.URGENT) == []
    assert len(rung(Lane.URGENT)) == 1


def test_a_job_of_a_transaction_that_failed_does_not_exist(cast: Cast) -> None:
    def broken() -> None:
        with tenant_session(cast.alices) as db:
            enqueue(db, "jobs.some.thing", new_id())
            raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        broken()
    with platform_session("test") as db:
        assert db.scalars(select(Job)).all() == []
    assert rung() == []


def test_a_delayed_job_is_rung_when_it_is_due(cast: Cast, move_clock: Callable[[float], None]) -> None:
    job_id = add(cast, "jobs.some.thing", delay=timedelta(minutes=5))
    for ahead, expected in ((0, []), (301, [str(job_id)])):
        move_clock(ahead)
        with platform_session("test") as db:
            ring_due(db)
        assert rung() == expected


def test_a_lost_ring_is_repeated_by_the_sweep_but_not_at_once(cast: Cast) -> None:
    job_id = add(cast, "jobs.some.thing")
    queue.redis_connection().flushdb()
    with platform_session("test") as db:
        assert ring_due(db) == 0, "rung a moment ago"
    change(job_id, rung_at=text("now() - interval '1 minute'"))
    with platform_session("test") as db:
        assert ring_due(db) == 1
    assert rung() == [str(job_id)]


def test_a_lane_that_is_rung_enough_is_not_rung_more_but_for_abandoned_jobs(
    cast: Cast, known: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "_MOST_RINGS", 3)
    name = known(lambda db, subject, attempt: None)
    abandoned, *_ = [add(cast, name, lane=Lane.BULK) for _ in range(5)]
    add(cast, name)
    rings = RQQueue("bulk", connection=queue.redis_connection(), serializer=JSONSerializer)
    assert (len(rings.job_ids), queue.redis_connection().llen("rq:queue:default")) == (3, 1)
    with platform_session("test") as db:
        lapsed = {"status": JobStatus.RUNNING, "lease_until": func.clock_timestamp() - timedelta(seconds=1)}
        db.execute(update(Job).where(Job.id == abandoned).values(**lapsed))
        assert ring_due(db, again_after=timedelta(0)) == 6
    assert len(rings.job_ids) == 4
    assert rings.jobs[0].args[0] == str(abandoned)


def test_work_is_accepted_while_redis_is_away(cast: Cast, installed: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = installed.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})
    monkeypatch.setattr(queue, "settings", lambda: gone)
    queue.forget_connection()
    try:
        with pytest.raises(redis.RedisError):
            queue.redis_connection().ping()
        job_id = add(cast, "jobs.some.thing")
    finally:
        queue.forget_connection()
    assert row(job_id).status == JobStatus.QUEUED


def test_no_transaction_is_open_once_the_job_has_settled(cast: Cast, known: Callable[..., str]) -> None:
    seen: list[bool] = []

    def work(db: Session, subject: UUID, attempt: int) -> None:
        db.scalars(select(Merchant.id)).all()
        seen.append(database.transaction_is_open())
        settle(db)
        seen.append(database.transaction_is_open())

    runner.run(str(add(cast, known(work))))
    assert seen == [True, False]


def test_a_job_with_attempts_left_is_not_given_up_when_it_cannot_be_put_back(
    cast: Cast, known: Callable[..., str]
) -> None:
    def fail(db: Session, subject: UUID, attempt: int) -> None:
        if attempt == 1:
            raise RuntimeError("a\x00\ud800")

    job_id = add(cast, known(fail, attempts=2))

    def is_away(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("UPDATE jobs") and "queued" in str(parameters):
            raise OSError("the database is away")

    event.listen(database.engine("tenant"), "before_cursor_execute", is_away)
    try:
        runner.run(str(job_id))
    finally:
        event.remove(database.engine("tenant"), "before_cursor_execute", is_away)
    assert row(job_id).status == JobStatus.RUNNING
    change(job_id, lease_until=text("now() - interval '1 s'"))
    runner.run(str(job_id))
    assert (row(job_id).status, row(job_id).attempt) == (JobStatus.DONE, 2)


def test_an_error_that_no_database_keeps_does_not_hinder_putting_back(cast: Cast, known: Callable[..., str]) -> None:
    def fail(db: Session, subject: UUID, attempt: int) -> None:
        raise RuntimeError("a\x00\ud800")

    job_id = add(cast, known(fail))
    runner.run(str(job_id))
    assert (row(job_id).status, row(job_id).error) == (JobStatus.QUEUED, "RuntimeError: a?")
