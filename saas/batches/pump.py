"""The pump of one batch: works on several of its items at a time, each in its own session, until others want a turn.

Its crew of threads runs the steps. The pump itself claims items for them, many at once, and notes how they ended, many
at once, too: both in the session of its job, which commits only while the pump is the batch's only one. Every commit of
an item needs the item to be still this run's (`_check_item`). So a pump that was taken over keeps nothing, and whatever
is marked as running when a pump begins was left behind by one that died.
"""

from __future__ import annotations

import contextlib
import contextvars
import queue
import threading
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from psycopg.errors import DeadlockDetected
from sqlalchemy import bindparam, event, exists, func, select, update
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session, aliased, make_transient_to_detached
from sqlalchemy.orm.attributes import set_committed_value

from saas import clock
from saas.batches.access import load_item
from saas.batches.models import Batch, BatchItem, BatchStatus, ItemStatus
from saas.batches.steps import Skipped, UnknownStep, find
from saas.config import settings
from saas.db import platform_session, settle, tenant_session
from saas.errors import AppError
from saas.failures import clear_failure, explain_failure, note_failure
from saas.queue import Lane, Later, others_wait, pause
from saas.wx.errors import CallFailed, RateLimited

log = structlog.get_logger()

SLICE = 5.0
"""Seconds after which a pump goes back to the end of its lane if somebody else's work waits there."""
LONGEST = 30.0
"""Seconds after which it goes back in any case, so that a deploy need not wait for a train."""
_GATHER = 0.03
"""Seconds in which what ended gathers, to be noted together."""
_LOOK_AGAIN = 0.25
_BLOCKED = timedelta(seconds=2)
_PAUSE = 5.0
_RATE_PAUSE = 60.0
_DUE = (ItemStatus.QUEUED, ItemStatus.WAITING)
_AHEAD = 4
"""For every so many threads one item more is claimed than they work on."""

# Two pumps of a provider that enter the same mini programs in different orders would wait for each other.
_ONE_CLAIMS = "select pg_advisory_xact_lock(hashtextextended(%(whose)s, 0))"
_HOLD = "select 1 from batch_items where id = %(id)s and attempt = %(attempt)s and status = 'running' for update"


class AttemptsUsedUp(Exception):
    """Every attempt ended without a word: the process was killed each time."""


class HandBroke(Exception):
    """A thread was told to end by what should end a process."""


class ItemLost(Exception):
    """Somebody else has taken the item over, so nothing may be kept of this run."""


def run_batch(db: Session, batch: Batch, is_stopping: Callable[[], bool] = lambda: False) -> None:
    """Work on the batch; raises Later when there is more to do, now or at a later time.

    `db` is the session of the pump's job, whose commits need its lease. Once the process `is_stopping`, nothing begins.
    """
    _take_over(db, batch)
    settle(db)
    in_time = True
    if batch.status == BatchStatus.RUNNING:
        in_time = _Crew(db, batch, is_stopping).work()
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
    query = select(func.min(BatchItem.run_at)).where(BatchItem.batch_id == batch.id, BatchItem.status.in_(_DUE))
    next_at = db.scalar(query)
    if next_at is None:
        batch.status, batch.finished_at = BatchStatus.DONE, clock.now()
        return
    # What is due although there was time left: its mini program is busy with an item of another batch.
    raise Later(max(next_at - clock.now(), _BLOCKED if in_time else timedelta(0)))


@dataclass(frozen=True)
class _Claimed:
    """An item in the hands of this run. `item` is fresh once: after a rollback it is to be loaded again."""

    id: UUID
    attempt: int
    step: str
    provider_id: UUID
    item: BatchItem


@dataclass(frozen=True)
class _Ended:
    """How an item ended that left nothing to be committed with it; without a status it has noted its end by itself."""

    id: UUID
    attempt: int
    status: ItemStatus | None = None
    result: Any = None
    error: str = ""
    finished_at: datetime | None = None


class _Crew:
    """Some threads that run items, and the pump that feeds them."""

    def __init__(self, db: Session, batch: Batch, is_stopping: Callable[[], bool]) -> None:
        self._db, self._batch, self._is_stopping = db, batch, is_stopping
        self._threads = min(settings().batch_concurrency, batch.total)
        self._most = self._threads + self._threads // _AHEAD
        self._todo: queue.SimpleQueue[_Claimed | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._ended: list[_Ended] = []
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
            _note_ends(self._db, [one for one in ended if one.status is not None])
            claimed: list[_Claimed] = []
            if is_time:
                under_way -= self._put_unbegun_back()
            elif (ended or now >= look_at) and (room := self._most - under_way) > 0:
                claimed = _claim(self._db, self._batch, room)
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

    def _take_ended(self) -> list[_Ended]:
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

    def _take_unbegun(self) -> list[_Claimed]:
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
                    ended = _Ended(one.id, one.attempt)
            with self._lock:
                self._ended.append(ended)
            self._something_ended.set()


_busy = aliased(BatchItem)
_due = (
    select(BatchItem.id)
    .where(
        BatchItem.batch_id == bindparam("its_batch"),
        BatchItem.status.in_(_DUE),
        BatchItem.run_at <= bindparam("moment"),
        exists().where(Batch.id == bindparam("its_batch"), Batch.status == BatchStatus.RUNNING),
        ~exists().where(_busy.subject_id == BatchItem.subject_id, _busy.status == ItemStatus.RUNNING),
    )
    .order_by(BatchItem.run_at, BatchItem.id)
    .limit(bindparam("most"))
    .with_for_update(of=BatchItem, skip_locked=True)
    .cte("due")  # a subquery might be run again for every row, and would take more than `most`
)
_taking = (
    update(BatchItem)
    .where(BatchItem.id.in_(select(_due.c.id)))
    .values(
        status=ItemStatus.RUNNING,
        attempt=BatchItem.attempt + 1,
        started_at=func.coalesce(BatchItem.started_at, bindparam("moment")),
    )
    .returning(BatchItem)
    .execution_options(synchronize_session=False, populate_existing=True)
)


def _claim(db: Session, batch: Batch, count: int) -> list[_Claimed]:
    """Take the next due items whose mini programs are not busy in any batch."""
    db.connection().exec_driver_sql(_ONE_CLAIMS, {"whose": f"claim {batch.provider_id}"})
    given = {"its_batch": batch.id, "moment": clock.now(), "most": count}
    try:
        with db.begin_nested():
            items = sorted(db.scalars(_taking, given).all(), key=lambda item: (item.run_at, item.id))
    except IntegrityError:
        return []  # another batch took one of these mini programs in the same moment
    except OperationalError as error:
        if not isinstance(error.orig, DeadlockDetected):
            raise
        return []
    for item in items:
        db.expunge(item)
        set_committed_value(item, "batch", _copy(batch))
    return [_Claimed(item.id, item.attempt, item.step, item.provider_id, item) for item in items]


def _copy(batch: Batch) -> Batch:
    """The batch for a session of its own, without asking for it again."""
    copied = Batch(**{name: getattr(batch, name) for name in Batch.__mapper__.columns.keys()})  # noqa: SIM118
    make_transient_to_detached(copied)
    return copied


_items: Any = BatchItem.__table__
_noting = (
    update(_items)
    .where(
        _items.c.id == bindparam("its_id"),
        _items.c.attempt == bindparam("its_attempt"),
        _items.c.status == ItemStatus.RUNNING,
    )
    .values(
        status=bindparam("its_status"), result=bindparam("its_result"), finished_at=bindparam("its_end"),
        errcode=None, rid="", operation="", error="",
    )
)  # fmt: skip


def _note_ends(db: Session, ended: Collection[_Ended]) -> None:
    """Those that somebody else has taken over stay as they are."""
    if ended:
        rows = [
            {
                "its_id": one.id, "its_attempt": one.attempt, "its_status": one.status, "its_result": one.result,
                "its_end": one.finished_at,
            }
            for one in ended
        ]  # fmt: skip
        db.connection().execute(_noting, rows)


@contextlib.contextmanager
def _session(one: _Claimed) -> Iterator[Session]:
    """A session for this item; each of its commits needs the item to be this run's."""
    with tenant_session(one.provider_id) as db:
        db.info["claimed"] = one
        yield db


@event.listens_for(Session, "before_commit", insert=True)  # before others flush what is to be committed
def _check_item(db: Session) -> None:
    one: _Claimed | None = db.info.get("claimed")
    if one is None or db.in_nested_transaction():
        return
    held = db.connection().exec_driver_sql(_HOLD, {"id": one.id, "attempt": one.attempt})  # past the mapper: no flush
    if held.first() is None:
        raise ItemLost(str(one.id))


def _run(one: _Claimed) -> _Ended:
    """Run one item to its end, or back into the queue. What a failed step did since it last settled is rolled back."""
    try:
        try:
            return _try(one)
        except ItemLost:
            raise
        except Exception as error:
            with _session(one) as db:
                _failed(db, load_item(db, one.id), error)
            expected = isinstance(error, AppError | CallFailed)
            log.warning("item_failed", step=one.step, attempt=one.attempt, error=str(error), exc_info=not expected)
    except ItemLost:
        log.warning("item_lost", step=one.step, attempt=one.attempt)
    return _Ended(one.id, one.attempt)


def _try(one: _Claimed) -> _Ended:
    with _session(one) as db:
        item = one.item
        db.add(item)
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
                return _Ended(one.id, one.attempt, ItemStatus.DONE, result, finished_at=clock.now())
            item.result = result
            _finish(item, ItemStatus.DONE)
    return _Ended(one.id, one.attempt)


def _is_settled(db: Session, item: BatchItem) -> bool:
    """Whether the step left nothing to be committed."""
    return not (db.info.get("entered") or db.new or db.deleted or any(one is not item for one in db.dirty))


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
