"""The pump of one batch: works on several of its items at a time, each in its own session, until others want a turn.

Its crew of threads runs the steps. The pump itself claims items for them, many at once, and notes how they ended, many
at once, too: both in the session of its job, which commits only while the pump is the batch's only one. Every commit of
an item needs the item to be still this run's (`claims`). So a pump that was taken over keeps nothing, and whatever
is marked as running when a pump begins was left behind by one that died.
"""

from __future__ import annotations

import contextlib
import contextvars
import queue
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta

import structlog
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from saas import clock
from saas.batches.access import load_item
from saas.batches.claims import (
    DUE,
    Claimed,
    Ended,
    ItemLost,
    ReadAhead,
    claim,
    item_session,
    note_ends,
    nothing_ahead,
)
from saas.batches.models import Batch, BatchItem, BatchStatus, ItemStatus
from saas.batches.steps import Skipped, UnknownStep, find
from saas.config import settings
from saas.db import is_unkeepable, platform_session, settle
from saas.errors import AppError
from saas.failures import clear_failure, explain_failure, note_failure
from saas.queue import Lane, Later, others_wait, pause
from saas.wx.errors import CallFailed, RateLimited

log = structlog.get_logger()

SLICE = 5.0
"""Seconds after which a pump goes back to the end of its lane if somebody else's work waits there."""
LONGEST = 30.0
"""Seconds after which it goes back in any case, so that a deploy need not wait for a train."""
_GATHER = 0.1
"""Seconds in which what ended gathers, to be noted together."""
_LOOK_AGAIN = 0.25
_BLOCKED = timedelta(seconds=2)
_PAUSE = 5.0
_RATE_PAUSE = 60.0
_AHEAD = 2
"""For every so many threads one item more is claimed than they work on."""
_FRESH = 2.0
"""Seconds for which what was read ahead of an item is as good as what its step would read."""


class AttemptsUsedUp(Exception):
    """Every attempt ended without a word: the process was killed each time."""


class HandBroke(Exception):
    """A thread was told to end by what should end a process."""


def run_batch(
    db: Session, batch: Batch, is_stopping: Callable[[], bool] = lambda: False,
    around: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext, read_ahead: ReadAhead = nothing_ahead,
) -> None:  # fmt: skip
    """Work on the batch; raises Later when there is more to do, now or at a later time.

    `db` is the session of the pump's job, whose commits need its lease. Once the process `is_stopping`, nothing begins.
    Steps run inside of `around`, and no lock is held when it ends. They find in their sessions what was `read_ahead`.
    """
    _take_over(db, batch)
    settle(db)
    in_time = True
    if batch.status == BatchStatus.RUNNING:
        with around():
            in_time = _Crew(db, batch, is_stopping, read_ahead).work()
    _end(db, batch, in_time=in_time)


def _take_over(db: Session, batch: Batch) -> None:
    """Queue again what a dead pump left running; its attempt counts."""
    db.refresh(batch, with_for_update=True)
    batch.started_at = batch.started_at or clock.now()
    cancelled = batch.status == BatchStatus.CANCELLED
    db.execute(
        update(BatchItem)
        .where(BatchItem.batch_id == batch.id, BatchItem.status == ItemStatus.RUNNING)
        .values(
            status=ItemStatus.CANCELLED if cancelled else ItemStatus.QUEUED, run_at=clock.now(),
            finished_at=clock.now() if cancelled else None,
        )
    )  # fmt: skip


def _end(db: Session, batch: Batch, *, in_time: bool) -> None:
    db.refresh(batch, with_for_update=True)
    if batch.status != BatchStatus.RUNNING:
        return
    query = select(func.min(BatchItem.run_at)).where(BatchItem.batch_id == batch.id, BatchItem.status.in_(DUE))
    next_at = db.scalar(query)
    if next_at is None:
        batch.status, batch.finished_at = BatchStatus.DONE, clock.now()
        return
    # What is due although there was time left: its mini program is busy with an item of another batch.
    raise Later(max(next_at - clock.now(), _BLOCKED if in_time else timedelta(0)))


class _Crew:
    """Some threads that run items, and the pump that feeds them."""

    def __init__(
        self, db: Session, batch: Batch, is_stopping: Callable[[], bool], read_ahead: ReadAhead = nothing_ahead,
    ) -> None:  # fmt: skip
        self._db, self._batch, self._is_stopping, self._read_ahead = db, batch, is_stopping, read_ahead
        self._threads = min(settings().batch_concurrency, batch.total)
        self._most = self._threads + self._threads // _AHEAD
        self._todo: queue.SimpleQueue[Claimed | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._ended: list[Ended] = []
        self._something_ended = threading.Event()
        self._broken: Exception | None = None
        self._ask_at = SLICE

    def work(self) -> bool:
        """Until nothing is due, or it is time to go; says whether it was the former."""
        hands = [
            threading.Thread(target=contextvars.copy_context().run, args=(self._hand,), name="batch", daemon=True)
            for _ in range(self._threads)
        ]
        begun: list[threading.Thread] = []
        try:
            for hand in hands:
                hand.start()
                begun.append(hand)
            return self._feed()
        finally:
            try:
                self._take_unbegun()
            finally:
                for _ in begun:
                    self._todo.put(None)
                for hand in begun:
                    hand.join()

    def _feed(self) -> bool:
        begun = look_at = time.monotonic()
        under_way, is_time = 0, False
        while True:
            ended = self._take_ended()
            under_way -= len(ended)
            now = time.monotonic()
            is_time = is_time or self._is_time(now - begun)
            note_ends(self._db, [one for one in ended if one.status is not None])
            claimed: list[Claimed] = []
            if is_time:
                under_way -= self._put_unbegun_back()
            elif (ended or now >= look_at) and (room := self._most - under_way) > 0:
                claimed = claim(self._db, self._batch, room, self._read_ahead)
                look_at = now if len(claimed) == room else now + _LOOK_AGAIN
            if self._db.in_transaction():
                settle(self._db)
            for one in claimed:
                self._todo.put(one)
            under_way += len(claimed)
            if not under_way:
                return not is_time
            if self._something_ended.wait(_LOOK_AGAIN):
                self._something_ended.clear()
                if under_way > 1:
                    time.sleep(_GATHER)

    def _take_ended(self) -> list[Ended]:
        with self._lock:
            ended, self._ended = self._ended, []
        if self._broken is not None:
            raise self._broken
        return ended

    def _is_time(self, seconds: float) -> bool:
        if self._is_stopping() or seconds > LONGEST:
            return True
        if seconds < self._ask_at:
            return False
        self._ask_at = seconds + _LOOK_AGAIN
        with platform_session("see whether others wait for a turn") as db:
            return others_wait(db, Lane(self._batch.lane), self._batch.id)

    def _put_unbegun_back(self) -> int:
        """What was claimed ahead waits for the next pump."""
        ids = [one.id for one in self._take_unbegun()]
        if ids:
            self._db.execute(
                update(BatchItem)
                .where(BatchItem.id.in_(ids), BatchItem.status == ItemStatus.RUNNING)
                .values(status=ItemStatus.QUEUED, attempt=BatchItem.attempt - 1)
                .execution_options(synchronize_session=False)
            )
        return len(ids)

    def _take_unbegun(self) -> list[Claimed]:
        unbegun = []
        while not self._todo.empty():
            with contextlib.suppress(queue.Empty):  # a hand was quicker
                unbegun.append(self._todo.get_nowait())
        return [one for one in unbegun if one is not None]

    def _hand(self) -> None:
        """One thread: item after item, until there is none."""
        while (one := self._todo.get()) is not None:
            with structlog.contextvars.bound_contextvars(item=str(one.id)):
                try:
                    ended = _run(one)
                except BaseException as error:  # whatever it is, the pump must hear of it, or waits for ever
                    self._broken = error if isinstance(error, Exception) else HandBroke(repr(error))
                    ended = Ended(one.id, one.attempt)
            with self._lock:
                self._ended.append(ended)
            self._something_ended.set()


def _run(one: Claimed) -> Ended:
    """Run one item to its end, or back into the queue. What a failed step did since it last settled is rolled back."""
    try:
        try:
            return _try(one)
        except ItemLost:
            raise
        except Exception as error:
            _keep_failure(one, error)
            expected = isinstance(error, AppError | CallFailed)
            log.warning("item_failed", step=one.step, attempt=one.attempt, error=str(error), exc_info=not expected)
    except ItemLost:
        log.warning("item_lost", step=one.step, attempt=one.attempt)
    return Ended(one.id, one.attempt)


def _try(one: Claimed) -> Ended:
    with item_session(one) as db:
        item = one.item
        db.add_all([item, *one.rows] if time.monotonic() - one.claimed_at < _FRESH else [item])
        step = find(one.step)
        if one.attempt > step.attempts:
            raise AttemptsUsedUp(f"{step.attempts} attempts")
        try:
            result = step.function(db, item) or {}
        except Skipped as skipped:
            _finish(item, ItemStatus.SKIPPED)
            item.error = skipped.message
        except Later as later:
            if later.counts and one.attempt >= step.attempts:
                _finish(item, ItemStatus.FAILED, later.__cause__ or later)
            else:
                _put_back(db, item, ItemStatus.WAITING, later.delay, counts=later.counts)
        else:
            if _is_settled(db, item):
                db.info.pop("claimed")
                db.expunge_all()
                return Ended(one.id, one.attempt, ItemStatus.DONE, result, finished_at=clock.now())
            item.result = result
            _finish(item, ItemStatus.DONE)
    return Ended(one.id, one.attempt)


def _is_settled(db: Session, item: BatchItem) -> bool:
    """Whether the step left nothing to be committed."""
    return not (db.info.get("entered") or db.new or db.deleted or any(one is not item for one in db.dirty))


def _keep_failure(one: Claimed, error: Exception) -> None:
    """In the item; when what WeChat said cannot be kept there, it has failed for reasons of ours."""
    try:
        with item_session(one) as db:
            _failed(db, load_item(db, one.id), error)
    except Exception as unkeepable:
        if not is_unkeepable(unkeepable):
            raise
        log.exception("item_failure_unkeepable")
        with item_session(one) as db:
            _finish(load_item(db, one.id), ItemStatus.FAILED, unkeepable)


def _failed(db: Session, item: BatchItem, error: Exception) -> None:
    """Try again later what passes by itself; the rest has failed."""
    passing = not isinstance(error, AppError | UnknownStep)
    if isinstance(error, CallFailed):
        passing = explain_failure(error).passing
    if passing and item.attempt < find(item.step).attempts:
        first = _RATE_PAUSE if isinstance(error, RateLimited) else _PAUSE
        _put_back(db, item, ItemStatus.QUEUED, pause(item.attempt, first=first), counts=True)
        note_failure(item, error, again=True)
    else:
        _finish(item, ItemStatus.FAILED, error)


def _finish(item: BatchItem, status: ItemStatus, error: BaseException | None = None) -> None:
    clear_failure(item)
    if error is not None:
        note_failure(item, error)
    item.status, item.finished_at = status, clock.now()


def _put_back(db: Session, item: BatchItem, status: ItemStatus, delay: timedelta, *, counts: bool) -> None:
    """Let the item run again after `delay`, unless its batch was cancelled meanwhile."""
    query = select(Batch.status).where(Batch.id == item.batch_id).with_for_update(read=True)
    is_cancelled = db.scalar(query) == BatchStatus.CANCELLED
    if not counts:
        item.attempt -= 1
    if is_cancelled:
        _finish(item, ItemStatus.CANCELLED)
    else:
        clear_failure(item)
        item.status, item.run_at = status, clock.now() + delay
