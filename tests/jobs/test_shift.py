"""One child runs several jobs at a time, by turns of the providers, and stops beginning when told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from jobs import runner, shift
from saas.db import new_id, platform_session
from saas.queue import Job, JobStatus, Lane, enqueue_for
from tests.cast import Cast


@pytest.fixture
def known() -> Iterator[Callable[[Any], str]]:
    def mark(body: Any) -> str:
        body.__module__, body.__qualname__ = "jobs.runner", "test_shift"
        runner.job()(body)
        return "jobs.runner.test_shift"

    yield mark
    runner.JOBS.pop("jobs.runner.test_shift", None)


def add(name: str, owner: UUID | None, *, lane: Lane = Lane.BULK, delay: timedelta | None = None) -> str:
    subject = new_id()
    with platform_session("test") as db:
        enqueue_for(db, owner, name, subject, lane=lane, delay=delay)
        return str(db.scalars(select(Job.id).where(Job.subject == str(subject))).one())


def due(lane: Lane, most: int, **options: Any) -> list[str]:
    with platform_session("test") as db:
        found = shift.due(db, {lane: most}, **options)
    assert {its for _, its in found} <= {lane}
    return [one for one, _ in found]


def states() -> list[str]:
    with platform_session("test") as db:
        return list(db.scalars(select(Job.status).order_by(Job.id)))


def test_providers_and_the_platform_take_turns_whoever_came_first(cast: Cast) -> None:
    alices = [add("jobs.runner.x", cast.alices) for _ in range(30)]
    charlies = [add("jobs.runner.x", cast.charlies) for _ in range(3)]
    ours = [add("jobs.runner.x", None) for _ in range(2)]
    first = due(Lane.BULK, 6)
    assert {*alices[:2], *charlies[:2], *ours} == set(first)
    assert set(first[:3]) == {alices[0], charlies[0], ours[0]}
    rest = due(Lane.BULK, 4, besides=set(first))
    assert {charlies[2], alices[2]} <= set(rest)
    assert not set(rest) & set(first)


def test_only_what_is_due_in_this_lane_and_not_under_way_is_found(cast: Cast) -> None:
    add("jobs.runner.x", cast.alices, delay=timedelta(minutes=1))
    add("jobs.runner.x", cast.alices, lane=Lane.URGENT)
    equal = add("jobs.runner.x", cast.alices)
    with platform_session("test") as db:
        subject = db.scalars(select(Job.subject).where(Job.id == UUID(equal))).one()
        db.add(Job(name="jobs.runner.x", subject=subject, status=JobStatus.RUNNING, provider_id=cast.alices))
    assert due(Lane.BULK, 10) == []
    with platform_session("test") as db:
        db.execute(update(Job).where(Job.status == JobStatus.RUNNING).values(status=JobStatus.DONE))
    assert due(Lane.BULK, 10) == [equal]
    assert due(Lane.BULK, 0) == []


def test_one_ring_does_all_that_is_due_several_at_a_time(cast: Cast, known: Callable[[Any], str]) -> None:
    together = threading.Barrier(shift.AT_ONCE[Lane.BULK], timeout=20)

    def work(db: Session, subject: UUID, attempt: int) -> None:
        together.wait()

    name = known(work)
    rung, *_ = [add(name, cast.alices) for _ in range(2 * shift.AT_ONCE[Lane.BULK])]
    shift.work(rung, Lane.BULK)
    assert set(states()) == {JobStatus.DONE}


def test_bulk_work_leaves_room_for_what_a_person_waits_for(cast: Cast, known: Callable[[Any], str]) -> None:
    urgent_ran = threading.Event()

    def work(db: Session, subject: UUID, attempt: int) -> None:
        if str(subject) == waited_for:
            urgent_ran.set()
        assert urgent_ran.wait(20)

    name = known(work)
    rung, *_ = [add(name, cast.alices) for _ in range(3 * shift.AT_ONCE[Lane.BULK])]
    urgent = add(name, cast.charlies, lane=Lane.URGENT)
    with platform_session("test") as db:
        waited_for = db.scalars(select(Job.subject).where(Job.id == UUID(urgent))).one()
    shift.work(rung, Lane.BULK)
    assert set(states()) == {JobStatus.DONE}


def test_told_to_stop_it_begins_nothing_more(cast: Cast, known: Callable[[Any], str]) -> None:
    name = known(lambda *_: shift.stop())
    rung, *_ = [add(name, cast.alices) for _ in range(5)]
    shift.work(rung, Lane.BULK)
    assert sorted(states()) == [JobStatus.DONE] + [JobStatus.QUEUED] * 4


@pytest.mark.parametrize(("longest", "others"), [(600.0, JobStatus.DONE), (0.0, JobStatus.QUEUED)])
def test_an_old_child_begins_only_what_goes_before_the_work_that_keeps_it(
    cast: Cast, known: Callable[[Any], str], monkeypatch: pytest.MonkeyPatch, longest: float, others: JobStatus
) -> None:
    monkeypatch.setattr(shift, "_SECONDS", 0.0)
    monkeypatch.setattr(shift, "_LONGEST", longest)
    ran: list[str] = []
    quick = threading.Event()

    def work(db: Session, subject: UUID, attempt: int) -> None:
        ran.append(str(subject))
        if len(ran) == 3:
            quick.set()
        if len(ran) == 1:
            quick.wait(20 if longest else 0.5)

    name = known(work)
    rung, bulk = (add(name, cast.alices) for _ in range(2))
    quick_ones = [add(name, cast.charlies, lane=lane) for lane in (Lane.URGENT, Lane.DEFAULT)]
    shift.work(rung, Lane.BULK)
    with platform_session("test") as db:
        after = {str(one.id): one.status for one in db.scalars(select(Job))}
    assert [after[one] for one in (rung, bulk, *quick_ones)] == [JobStatus.DONE, JobStatus.QUEUED, others, others]


def test_an_old_child_comes_to_its_end_lane_by_lane() -> None:
    old = shift._SECONDS + 1
    assert shift._open_lanes(0, [Lane.URGENT]) == tuple(Lane)
    assert shift._open_lanes(old, [Lane.POLL, Lane.URGENT]) == [Lane.URGENT, Lane.DEFAULT, Lane.BULK]
    assert shift._open_lanes(old, [Lane.DEFAULT, Lane.URGENT]) == [Lane.URGENT]
    assert not shift._open_lanes(old, [Lane.URGENT])
