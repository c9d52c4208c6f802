"""The pump of one batch: works on several of its items at a time, each in its own session, for a few seconds.

The caller gives `sessions`: every call opens a session of the batch's provider that commits only while the pump is
the batch's only one (in `jobs.batches`, the job's lease). So a pump that was taken over keeps nothing of its items, and
whatever is marked as running when a pump begins was left behind by one that died.
"""

from __future__ import annotations

import contextvars
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import timedelta
from uuid import UUID

import structlog
from sqlalchemy import exists, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from saas import clock
from saas.batches.access import load_item
from saas.batches.models import Batch, BatchItem, BatchStatus, ItemStatus
from saas.batches.steps import Skipped, UnknownStep, find
from saas.config import settings
from saas.db import settle
from saas.errors import AppError
from saas.failures import clear_failure, explain_failure, note_failure
from saas.queue import Later, pause
from saas.wx.errors import CallFailed, RateLimited

log = structlog.get_logger()

Sessions = Callable[[], AbstractContextManager[Session]]

SLICE = 5.0
"""Seconds after which a pump goes back to the end of its lane, so that providers take turns and people hardly wait."""
_BLOCKED = timedelta(seconds=2)
_PAUSE = 5.0
_RATE_PAUSE = 60.0
_DUE = (ItemStatus.QUEUED, ItemStatus.WAITING)


class AttemptsUsedUp(Exception):
    """Every attempt ended without a word: the process was killed each time."""


def run_batch(db: Session, batch: Batch, sessions: Sessions) -> None:
    """Work on the batch; raises Later when there is more to do, now or at a later time."""
    _take_over(db, batch)
    settle(db)
    until = time.monotonic() + SLICE
    if batch.status == BatchStatus.RUNNING:
        threads = min(settings().batch_concurrency, batch.total)
        with ThreadPoolExecutor(threads, thread_name_prefix="batch") as pool:
            working = [
                pool.submit(contextvars.copy_context().run, _work, batch.id, sessions, until) for _ in range(threads)
            ]
        for one in working:
            one.result()
    _end(db, batch, in_time=time.monotonic() < until)


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


def _work(batch_id: UUID, sessions: Sessions, until: float) -> None:
    """One thread: item after item, as long as there is time and one is due."""
    while time.monotonic() < until:
        try:
            with sessions() as db:
                item_id = _claim(db, batch_id)
        except IntegrityError:
            continue  # another batch took this mini program in the same moment
        if item_id is None:
            return
        with structlog.contextvars.bound_contextvars(item=str(item_id)):
            _run(sessions, item_id)


def _claim(db: Session, batch_id: UUID) -> UUID | None:
    """Take the next due item whose mini program is not busy in any batch."""
    busy = aliased(BatchItem)
    due = (
        select(BatchItem.id)
        .where(
            BatchItem.batch_id == batch_id,
            BatchItem.status.in_(_DUE),
            BatchItem.run_at <= clock.now(),
            exists().where(Batch.id == batch_id, Batch.status == BatchStatus.RUNNING),
            ~exists().where(busy.subject_id == BatchItem.subject_id, busy.status == ItemStatus.RUNNING),
        )
        .order_by(BatchItem.run_at, BatchItem.id)
        .limit(1)
        .with_for_update(of=BatchItem, skip_locked=True)
    )
    taking = (
        update(BatchItem)
        .where(BatchItem.id == due.scalar_subquery())
        .values(
            status=ItemStatus.RUNNING,
            attempt=BatchItem.attempt + 1,
            started_at=func.coalesce(BatchItem.started_at, clock.now()),
        )
        .returning(BatchItem.id)
        .execution_options(synchronize_session=False)
    )
    return db.scalar(taking)


def _run(sessions: Sessions, item_id: UUID) -> None:
    """Run one item to its end, or back into the queue. What a failed step did since it last settled is rolled back."""
    try:
        with sessions() as db:
            item = load_item(db, item_id)
            step = find(item.step)
            if item.attempt > step.attempts:
                raise AttemptsUsedUp(f"{step.attempts} attempts")
            try:
                item.result = step.function(db, item) or {}
            except Skipped as skipped:
                _finish(item, ItemStatus.SKIPPED)
                item.error = skipped.message
            except Later as later:
                if later.counts and item.attempt >= step.attempts:
                    _finish(item, ItemStatus.FAILED, later.__cause__ or later)
                else:
                    _put_back(db, item, ItemStatus.WAITING, later.delay, counts=later.counts)
            else:
                _finish(item, ItemStatus.DONE)
    except Exception as error:
        with sessions() as db:
            item = load_item(db, item_id)
            _failed(db, item, error)
        expected = isinstance(error, AppError | CallFailed)
        log.warning("item_failed", step=item.step, attempt=item.attempt, error=str(error), exc_info=not expected)


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
    if not counts:
        item.attempt -= 1
    query = select(Batch.status).where(Batch.id == item.batch_id).with_for_update(read=True)
    if db.scalar(query) == BatchStatus.CANCELLED:
        _finish(item, ItemStatus.CANCELLED)
    else:
        clear_failure(item)
        item.status, item.run_at = status, clock.now() + delay
