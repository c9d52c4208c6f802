"""A pump works on several items at a time, each of them to one of its ends, never two of one mini program at once."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, select, text, update
from sqlalchemy.orm import Session

from jobs import runner
from saas import db as database
from saas.batches import pump, steps
from saas.batches.access import load_batch, load_item
from saas.batches.models import BatchItem, BatchStatus, ItemStatus
from saas.batches.progress import Cause, newest_item_of_each, newest_items, open_item, progress
from saas.batches.starting import PUMP, Subject, add_items, open_batch, pump_all
from saas.batches.steering import cancel_batch, pause_batch, resume_batch, retry_failed, retry_item
from saas.batches.steps import Skipped
from saas.db import new_id, platform_session, settle, tenant_session
from saas.errors import Conflict, Forbidden, Invalid
from saas.failures import GAVE_UP, WENT_WRONG
from saas.queue import Job, JobStatus, Lane, Later
from saas.tenants.models import Activity, Merchant
from saas.wx.errors import RateLimited, WeChatError, WeChatUnreachable
from tests.batches.conftest import Desk

Known = Callable[..., str]
Run = Callable[..., list[str]]


def test_items_run_at_the_same_time_and_no_more_than_allowed(desk: Desk, known: Known, run_jobs: Run) -> None:
    together, most, lock = 0, 0, threading.Lock()
    eight = threading.Barrier(8, timeout=20)

    def work(db: Session, item: BatchItem) -> None:
        nonlocal together, most
        with lock:
            together += 1
            most = max(most, together)
        settle(db)
        eight.wait()
        with lock:
            together -= 1

    batch = desk.start(known(work), 24)
    run_jobs()
    assert most == 8
    assert desk.states(batch) == [ItemStatus.DONE] * 24
    assert (desk.batch(batch.id).status, desk.progress(batch).ended) == (BatchStatus.DONE, 24)


def test_a_step_gets_the_params_of_batch_and_item(desk: Desk, known: Known, run_jobs: Run) -> None:
    seen: list[tuple[UUID, dict[str, Any], UUID]] = []
    name = known(lambda db, item: seen.append((item.subject_id, item.input, db.info["provider_id"])))
    one = Subject(new_id(), "青禾", {"host": "b.example"})
    desk.start_for(name, [one], params={"host": "a.example", "way": "set"})
    run_jobs()
    assert seen == [(one.id, {"host": "b.example", "way": "set"}, desk.cast.alices)]


def waits(item: BatchItem) -> None:
    raise Later(timedelta(seconds=30))


def refuses(_item: BatchItem) -> None:
    raise WeChatError(85015, "not allowed", rid="r-1", operation="modifyServerDomain")


def says_no(_item: BatchItem) -> None:
    raise Conflict("该商家已归档")


def skips(_item: BatchItem) -> None:
    raise Skipped("没有要改的")


def breaks(_item: BatchItem) -> None:
    raise RuntimeError("a bug of ours")


def is_limited(_item: BatchItem) -> None:
    raise RateLimited(45011, "slow down", operation="modifyServerDomain")


def hears_nothing(_item: BatchItem) -> None:
    raise WeChatUnreachable("no answer", operation="modifyServerDomain")


ENDS = [  # after the first try, after all tries, errcode, error, attempts
    (lambda _item: {"partial": [{"name": "a.example", "why": "没有备案"}]}, "done", "done", None, "", 1),
    (waits, "waiting", "waiting", None, "", 0),
    (skips, "skipped", "skipped", None, "没有要改的", 1),
    (says_no, "failed", "failed", None, "该商家已归档", 1),
    (refuses, "failed", "failed", 85015, "not allowed", 1),
    (breaks, "queued", "failed", None, WENT_WRONG, 3),
    (is_limited, "queued", "failed", 45011, "slow down", 3),
    (hears_nothing, "queued", "failed", None, GAVE_UP, 3),
]


@pytest.mark.parametrize(("ending", "first", "last", "errcode", "error", "attempts"), ENDS)
def test_every_end_of_a_step(
    desk: Desk, known: Known, run_jobs: Run, move_clock: Callable[[float], None],
    ending: Callable[[BatchItem], Any], first: str, last: str, errcode: int | None, error: str, attempts: int,
) -> None:  # fmt: skip
    batch = desk.start(known(lambda _db, item: ending(item), attempts=3))
    run_jobs()
    assert desk.states(batch) == [first]
    run_jobs(wait=300)
    (item,) = desk.items(batch)
    assert (item.status, item.errcode, item.error, item.attempt) == (last, errcode, error, attempts)
    assert (item.finished_at is not None) is (last != "waiting")
    assert desk.batch(batch.id).status == (BatchStatus.RUNNING if last == "waiting" else BatchStatus.DONE)


def test_waiting_keeps_what_was_written_and_lets_others_go_on(
    desk: Desk, known: Known, run_jobs: Run, move_clock: Callable[[float], None]
) -> None:
    def wait_once(db: Session, item: BatchItem) -> dict[str, Any] | None:
        if item.subject_name != "小程序0" or item.result:
            return {"auditid": item.result.get("auditid")}
        item.result = {"auditid": 7}
        raise Later(timedelta(minutes=10))

    batch = desk.start(known(wait_once, attempts=1), 3)
    run_jobs()
    assert desk.states(batch) == ["waiting", "done", "done"]
    run_jobs(wait=700)
    first = desk.items(batch)[0]
    assert (first.status, first.result, first.attempt) == ("done", {"auditid": 7}, 1)


def test_waiting_that_counts_ends_with_its_cause(
    desk: Desk, known: Known, run_jobs: Run, move_clock: Callable[[float], None]
) -> None:
    def limited(db: Session, item: BatchItem) -> None:
        raise Later(timedelta(minutes=1), counts=True) from RateLimited(45011, "slow down")

    batch = desk.start(known(limited, attempts=2))
    run_jobs(wait=300)
    (item,) = desk.items(batch)
    assert (item.status, item.errcode, item.attempt) == ("failed", 45011, 2)


def test_what_a_failed_step_did_is_rolled_back(desk: Desk, known: Known, run_jobs: Run) -> None:
    def fail(db: Session, item: BatchItem) -> None:
        db.execute(update(Merchant).values(name="改了"))
        raise Conflict("不行")

    desk.start(known(fail))
    run_jobs()
    with tenant_session(desk.cast.alices) as db:
        assert db.scalars(select(Merchant.name)).one() == "梅记茶铺"


def test_failures_are_grouped_and_one_group_is_tried_again(desk: Desk, known: Known, run_jobs: Run) -> None:
    broken = True

    def work(db: Session, item: BatchItem) -> None:
        number = int(item.subject_name[3:])
        if broken and number < 3:
            raise WeChatError(85015, f"host{number}.example is not allowed", operation="modifyServerDomain")
        if broken and number < 5:
            raise Conflict("该商家已归档")

    batch = desk.start(known(work), 8)
    run_jobs()
    first, second = desk.progress(batch).groups
    assert (first.cause, first.count) == (Cause(85015, "modifyServerDomain", ""), 3)
    assert (second.cause, second.count) == (Cause(None, "", "该商家已归档"), 2)

    broken = False
    assert desk.do(retry_failed, batch, cause=first.cause) == 3
    assert desk.batch(batch.id).status == BatchStatus.RUNNING
    run_jobs()
    assert Counter(desk.states(batch)) == {"done": 6, "failed": 2}
    assert [item.attempt for item in desk.items(batch)][:4] == [2, 2, 2, 1]
    assert desk.do(retry_failed, batch) == 2
    run_jobs()
    assert Counter(desk.states(batch)) == {"done": 8}
    assert desk.do(retry_failed, batch) == 0
    assert desk.batch(batch.id).status == BatchStatus.DONE


def test_one_failed_item_is_tried_again(desk: Desk, known: Known, run_jobs: Run) -> None:
    name = known(lambda _db, item: refuses(item) if item.attempt == 1 else None)
    item = desk.start_one(name)
    with tenant_session(desk.cast.alices) as db, pytest.raises(Conflict):
        retry_item(db, load_item(db, item.id), who=desk.cast.who["alice"])
    run_jobs()
    with tenant_session(desk.cast.alices) as db:
        retry_item(db, load_item(db, item.id), who=desk.cast.who["alice"])
    run_jobs()
    assert desk.states(desk.batch(item.batch_id)) == ["done"]


def test_a_paused_batch_begins_nothing_and_goes_on_later(desk: Desk, known: Known, run_jobs: Run) -> None:
    ran: list[str] = []
    paused = threading.Event()

    def work(db: Session, item: BatchItem) -> None:
        ran.append(item.subject_name)
        settle(db)
        if item.subject_name == "小程序0":
            desk.do(pause_batch, batch)
            paused.set()
        assert paused.wait(20)

    name = known(work)
    batch = desk.start(name, 60)
    run_jobs()
    assert len(ran) <= 16
    assert Counter(desk.states(batch)) == {"done": len(ran), "queued": 60 - len(ran)}
    with pytest.raises(Conflict):
        desk.do(pause_batch, batch)
    desk.do(resume_batch, batch)
    run_jobs()
    assert Counter(ran) == {f"小程序{n}": 1 for n in range(60)}


def test_resuming_wakes_a_pump_that_waits_long(desk: Desk, known: Known, run_jobs: Run) -> None:
    def wait(db: Session, item: BatchItem) -> None:
        raise refuses(item) if item.subject_name == "小程序1" else Later(timedelta(hours=5))

    batch = desk.start(known(wait), 2)
    run_jobs()
    assert Counter(desk.states(batch)) == {"waiting": 1, "failed": 1}
    desk.do(retry_failed, batch)
    assert run_jobs() == [PUMP]
    assert desk.items(batch)[1].attempt == 2


def test_a_cancelled_batch_ends_what_is_under_way(desk: Desk, known: Known, run_jobs: Run) -> None:
    ran: list[str] = []

    def work(db: Session, item: BatchItem) -> None:
        ran.append(item.subject_name)
        settle(db)
        if item.subject_name == "小程序0":
            desk.do(cancel_batch, batch)
            raise Later(timedelta(seconds=1))

    name = known(work)
    batch = desk.start(name, 60)
    run_jobs()
    assert Counter(desk.states(batch)) == {"done": len(ran) - 1, "cancelled": 61 - len(ran)}
    assert desk.batch(batch.id).status == BatchStatus.CANCELLED
    with pytest.raises(Conflict):
        desk.do(resume_batch, batch)


def test_one_mini_program_is_worked_on_by_one_batch_at_a_time(
    desk: Desk, known: Known, run_jobs: Run, move_clock: Callable[[float], None]
) -> None:
    subjects = [Subject(new_id(), f"小程序{n}") for n in range(12)]
    busy, clashes, lock = set[UUID](), list[str](), threading.Lock()

    def work(db: Session, item: BatchItem) -> None:
        with lock:
            if item.subject_id in busy:
                clashes.append(item.subject_name)
            busy.add(item.subject_id)
        settle(db)
        time.sleep(0.005)
        with lock:
            busy.remove(item.subject_id)

    batches = [desk.start_for(known(work), subjects) for _ in range(3)]
    pumps = [threading.Thread(target=runner.run, args=(str(desk.pump_job(batch)),)) for batch in batches]
    for one in pumps:
        one.start()
    for one in pumps:
        one.join()
    run_jobs(wait=60)
    assert clashes == []
    assert [desk.states(batch) for batch in batches] == [["done"] * 12] * 3


def test_a_batch_waits_for_a_mini_program_that_another_works_on(desk: Desk, known: Known, run_jobs: Run) -> None:
    batch = desk.start(known(lambda *_: None))
    (item,) = desk.items(batch)
    with platform_session("test") as db:
        other = {"provider_id": desk.cast.alices, "batch_id": desk.start(item.step).id, "step": item.step}
        db.add(BatchItem(**other, subject_id=item.subject_id, status=ItemStatus.RUNNING))
    runner.run(str(desk.pump_job(batch)))
    assert desk.states(batch) == ["queued"]


def test_two_providers_take_turns(desk: Desk, known: Known, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pump, "SLICE", 0.05)
    order: list[UUID] = []

    def work(db: Session, item: BatchItem) -> None:
        order.append(item.provider_id)
        settle(db)
        time.sleep(0.03)

    name = known(work)
    for who in ("alice", "charlie"):
        desk.start(name, 40, who=who)
    with platform_session("test") as db:
        lane = list(db.scalars(select(Job.id).order_by(Job.id)))
    for _ in range(200):
        if not lane:
            break
        job_id = lane.pop(0)
        runner.run(str(job_id))
        with platform_session("test") as db:
            if db.scalars(select(Job.status).where(Job.id == job_id)).one() == JobStatus.QUEUED:
                lane.append(job_id)
    assert Counter(order) == {desk.cast.alices: 40, desk.cast.charlies: 40}
    assert 8 < sum(one == desk.cast.charlies for one in order[:40]) < 32


def test_a_pump_that_lost_its_lease_keeps_nothing(desk: Desk, known: Known) -> None:
    calls: list[str] = []
    begun, go_on = threading.Event(), threading.Event()

    def work(db: Session, item: BatchItem) -> dict[str, int]:
        if item.attempt == 1:
            settle(db)
            begun.set()
            assert go_on.wait(20)
            db.execute(update(Merchant).values(name="迟到的"))
        settle(db)
        calls.append(f"{item.attempt}")
        return {"attempt": item.attempt}

    batch = desk.start(known(work))
    job_id = str(desk.pump_job(batch))
    late = threading.Thread(target=runner.run, args=(job_id,))
    late.start()
    assert begun.wait(20)
    with platform_session("test") as db:
        db.execute(update(Job).values(lease_until=text("now() - interval '1 s'")))
    runner.run(job_id)
    go_on.set()
    late.join()
    (item,) = desk.items(batch)
    assert calls == ["2"]
    assert (item.status, item.attempt, item.result) == ("done", 2, {"attempt": 2})
    with tenant_session(desk.cast.alices) as db:
        assert db.scalars(select(Merchant.name)).one() == "梅记茶铺"


@pytest.mark.parametrize("cancelled", [False, True])
def test_what_a_dead_pump_left_running_is_taken_over(
    desk: Desk, known: Known, run_jobs: Run, cancelled: bool
) -> None:  # fmt: skip
    batch = desk.start(known(lambda *_: None, attempts=3), 3)
    for item, attempt in zip(desk.items(batch), (1, 2, 3), strict=True):
        with platform_session("test") as db:
            here = update(BatchItem).where(BatchItem.id == item.id)
            db.execute(here.values(status=ItemStatus.RUNNING, attempt=attempt))
    if cancelled:
        desk.do(cancel_batch, batch)
    run_jobs()
    got = [(item.status, item.attempt) for item in desk.items(batch)]
    if cancelled:
        assert got == [("cancelled", 1), ("cancelled", 2), ("cancelled", 3)]
    else:
        assert got == [("done", 2), ("done", 3), ("failed", 4)]


def test_a_step_that_is_no_more_fails_its_items(desk: Desk, known: Known, run_jobs: Run) -> None:
    name = known(lambda *_: None)
    batch = desk.start(name, 2)
    gone = steps.STEPS.pop(name)
    run_jobs()
    assert [(item.status, item.error) for item in desk.items(batch)] == [("failed", WENT_WRONG)] * 2
    assert desk.batch(batch.id).name == name
    steps.STEPS[name] = gone


@pytest.mark.parametrize("name", ["os.system", "saas.batches.steps.find", "saas.nothing.there"])
def test_only_marked_functions_are_steps(desk: Desk, name: str) -> None:
    with pytest.raises(steps.UnknownStep):
        desk.start(name)


def test_a_running_batch_without_a_pump_gets_one(desk: Desk, known: Known, run_jobs: Run) -> None:
    batch = desk.start(known(lambda *_: None), 2)
    with platform_session("test") as db:
        assert pump_all(db) == 0
        db.execute(update(Job).values(status=JobStatus.FAILED))
        assert pump_all(db) == 1
    run_jobs()
    assert desk.states(batch) == ["done", "done"]


def test_the_same_step_of_one_mini_program_is_open_once(desk: Desk, known: Known, run_jobs: Run) -> None:
    name, other = known(lambda *_: None), known(lambda *_: None)
    subject = Subject(new_id(), "青禾")
    item = desk.start_one(name, subject)
    with pytest.raises(Conflict):
        desk.start_one(name, subject)
    second = desk.start_one(other, subject)
    with tenant_session(desk.cast.alices) as db:
        found = open_item(db, name, subject.id)
        assert found is not None
        assert found.id == item.id
        assert {key: row.id for key, row in newest_items(db, subject.id).items()} == {name: item.id, other: second.id}
        assert list(newest_items(db, subject.id, [other])) == [other]
    run_jobs()
    third = desk.start_one(name, subject)
    with tenant_session(desk.cast.alices) as db:
        assert newest_item_of_each(db, [subject.id], name)[subject.id].id == third.id


def test_one_goes_before_many(desk: Desk, known: Known) -> None:
    name = known(lambda *_: None)
    assert [desk.start(name, count).lane for count in (1, 2)] == [Lane.URGENT, Lane.BULK]


def test_nothing_is_started_for_nobody_or_by_those_who_may_not(desk: Desk, known: Known) -> None:
    name = known(lambda *_: None)
    with pytest.raises(Invalid):
        desk.start(name, 0)
    with pytest.raises(Forbidden):
        desk.start(name, 1, who="bob")


def test_starting_and_steering_are_activities(desk: Desk, known: Known, run_jobs: Run) -> None:
    batch = desk.start(known(lambda _db, item: refuses(item)), 2)
    for service in (pause_batch, resume_batch):
        desk.do(service, batch)
    run_jobs()
    for service in (retry_failed, cancel_batch):
        desk.do(service, batch)
    with tenant_session(desk.cast.alices) as db:
        rows = db.scalars(select(Activity).order_by(Activity.id)).all()
    assert [row.verb for row in rows] == [f"batch.{verb}" for verb in ("start", "pause", "resume", "retry", "cancel")]
    assert {row.object_name for row in rows} == {"测试步骤"}


def test_five_thousand_items_start_in_a_few_statements_and_are_told_of_by_two_queries(desk: Desk, known: Known) -> None:
    with statements() as sent:
        batch = desk.start(known(lambda *_: None), 5000)
    assert len(sent) < 40
    with platform_session("test") as db:
        db.execute(
            text("update batch_items set status = 'failed', errcode = 85015, finished_at = now() where random() < 0.5")
        )
    with tenant_session(desk.cast.alices) as db:
        batch = db.merge(batch)
        with statements() as sent:
            standing = progress(db, batch)
    assert standing.total == 5000
    assert len([one for one in sent if one.lstrip().lower().startswith("select")]) <= 2


@contextmanager
def statements() -> Iterator[list[str]]:
    """What is sent to the database meanwhile."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    engine = database.engine("tenant")
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)


def test_a_batch_takes_more_items_while_it_runs_and_after_it_was_over(desk: Desk, known: Known, run_jobs: Run) -> None:
    step = known(lambda _db, _item: None)
    with tenant_session(desk.cast.alices) as db:
        batch = open_batch(db, step, who=desk.cast.who["alice"])
        first = [Subject(new_id(), f"小程序{n}") for n in range(2)]
        ids = add_items(db, batch, first)
    run_jobs()
    assert desk.batch(batch.id).status == BatchStatus.DONE
    assert {item.id: item.subject_id for item in desk.items(batch)} == {ids[one.id]: one.id for one in first}
    with tenant_session(desk.cast.alices) as db:
        add_items(db, load_batch(db, batch.id), [Subject(new_id(), "又一个")])
    run_jobs()
    assert (desk.batch(batch.id).status, desk.batch(batch.id).total) == (BatchStatus.DONE, 3)
    assert desk.states(batch) == ["done"] * 3
    with tenant_session(desk.cast.alices) as db:
        load_batch(db, batch.id).status = BatchStatus.CANCELLED
    with tenant_session(desk.cast.alices) as db, pytest.raises(Conflict):
        add_items(db, load_batch(db, batch.id), [Subject(new_id(), "太晚")])
