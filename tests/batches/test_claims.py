"""How pumps take items and note what became of them, beside each other and when something breaks."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from jobs import runner
from saas.batches import claims, pump
from saas.batches.access import load_batch
from saas.batches.models import Batch, BatchItem, BatchStatus, ItemStatus
from saas.batches.starting import Subject
from saas.db import new_id, platform_session, settle, tenant_session
from saas.errors import Conflict
from saas.failures import WENT_WRONG
from saas.queue import Job, Later
from saas.wx.errors import WeChatError
from tests.batches.conftest import Desk

Known = Callable[..., str]
Run = Callable[..., list[str]]


def waits_for_a_lock() -> None:
    """Until a session of the database waits for another's lock."""
    for _ in range(200):
        with platform_session("test") as db:
            if db.scalar(text("select count(*) from pg_locks where not granted")):
                return
        time.sleep(0.01)
    raise AssertionError("nobody waits")


def claim_beside(batch: Batch) -> Callable[[], int]:
    """A pump beside this test begins to claim; how many items it got, once it may."""
    got: list[int] = []

    def claim() -> None:
        with tenant_session(batch.provider_id) as db:
            got.append(len(claims.claim(db, load_batch(db, batch.id), 20)))

    def ended() -> int:
        thread.join(20)
        return got[0]

    thread = threading.Thread(target=claim)
    thread.start()
    waits_for_a_lock()
    return ended


def test_pumps_of_one_provider_claim_one_after_the_other(desk: Desk, known: Known) -> None:
    subjects = [Subject(new_id(), f"小程序{n}") for n in range(12)]
    first, second = (desk.start_for(known(lambda *_: None), some) for some in (subjects, subjects[::-1]))
    with tenant_session(desk.cast.alices) as db:
        assert len(claims.claim(db, load_batch(db, first.id), 6)) == 6
        others = claim_beside(second)
    assert others() == 6


def test_a_claim_that_stands_across_another_is_left_for_later(desk: Desk, known: Known) -> None:
    subjects = [Subject(new_id(), f"小程序{n}") for n in range(2)]
    first, second = (desk.start_for(known(lambda *_: None), subjects) for _ in range(2))
    one, other = desk.items(first)
    with tenant_session(desk.cast.alices) as db:
        here = update(BatchItem).values(status=ItemStatus.RUNNING)
        db.execute(here.where(BatchItem.id == other.id))
        others = claim_beside(second)
        db.execute(here.where(BatchItem.id == one.id))  # waits for the claim, which waits for this session
    assert others() == 0


def test_a_step_that_wants_the_process_to_end_ends_the_run_of_its_pump(desk: Desk, known: Known) -> None:
    ran: list[str] = []

    def work(_db: Session, item: BatchItem) -> None:
        ran.append(item.subject_name)
        if item.subject_name == "小程序0" and item.attempt == 1:
            raise SystemExit

    batch = desk.start(known(work, attempts=3), 12)
    late = threading.Thread(target=runner.run, args=(str(desk.pump_job(batch)),), daemon=True)
    late.start()
    late.join(10)
    assert not late.is_alive()
    assert not [one for one in threading.enumerate() if one.name == "batch"]
    with platform_session("test") as db:
        assert "HandBroke" in db.scalars(select(Job.error)).one()


def test_a_hand_that_takes_the_last_item_first_keeps_nobody_from_going_home(
    desk: Desk, known: Known, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Quick(queue.SimpleQueue[Any]):
        """Somebody takes the last one between the look and the grip, once."""

        looked = False

        def empty(self) -> bool:
            self.looked, before = True, self.looked
            return before and super().empty()

    monkeypatch.setattr(queue, "SimpleQueue", Quick)
    batch = desk.start(known(lambda *_: None), 8)
    with tenant_session(desk.cast.alices) as db, pytest.raises(Later):
        pump.run_batch(db, load_batch(db, batch.id), lambda: True)
    assert not [one for one in threading.enumerate() if one.name == "batch"]
    with tenant_session(desk.cast.alices) as db:
        crew = pump._Crew(db, load_batch(db, batch.id), lambda: False)
        assert crew.work()
    assert not [one for one in threading.enumerate() if one.name == "batch"]
    assert desk.states(batch) == ["done"] * 8


UNKEEPABLE = [
    lambda: {"text": "a\x00b"},
    lambda: {"text": "\ud800"},
    lambda: {"text": object()},
    lambda: raises(WeChatError(2**40, "too large")),
    lambda: raises(WeChatError(85015, "a\x00b")),
    lambda: raises(Conflict("\ud800")),
]


def raises(error: Exception) -> None:
    raise error


@pytest.mark.parametrize("ending", UNKEEPABLE)
def test_what_cannot_be_kept_fails_its_item_only(
    desk: Desk, known: Known, run_jobs: Run, ending: Callable[[], Any]
) -> None:
    def work(db: Session, item: BatchItem) -> Any:
        settle(db)
        return ending() if item.subject_name == "小程序1" else {"text": "fine"}

    batch = desk.start(known(work), 4)
    run_jobs()
    assert desk.states(batch) == ["done", "failed", "done", "done"]
    assert [item.attempt for item in desk.items(batch)] == [1] * 4
    assert (desk.items(batch)[1].error, desk.batch(batch.id).status) == (WENT_WRONG, BatchStatus.DONE)
