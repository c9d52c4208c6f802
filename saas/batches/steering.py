"""Steering a batch while it runs, and giving failed items another try. Each locks the batch's row first."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import ColumnElement, CursorResult, Text, literal, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from saas import clock
from saas.batches.models import Batch, BatchItem, BatchStatus, ItemStatus
from saas.batches.progress import Cause, has_cause
from saas.batches.starting import wake_pump
from saas.errors import N_, Conflict
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require


def pause_batch(db: Session, batch: Batch, *, who: Who) -> None:
    """Begin no further item; those under way end."""
    _steer(db, batch, who, BatchStatus.PAUSED, BatchStatus.RUNNING)
    activity.record(db, who, "batch.pause", batch)


def resume_batch(db: Session, batch: Batch, *, who: Who) -> None:
    """Go on after a pause."""
    _steer(db, batch, who, BatchStatus.RUNNING, BatchStatus.PAUSED)
    wake_pump(db, batch)
    activity.record(db, who, "batch.resume", batch)


def cancel_batch(db: Session, batch: Batch, *, who: Who) -> None:
    """Drop what has not begun or waits; what is under way ends, what is done stays done."""
    _steer(db, batch, who, BatchStatus.CANCELLED, BatchStatus.RUNNING, BatchStatus.PAUSED)
    batch.finished_at = clock.now()
    dropped = db.execute(
        update(BatchItem)
        .where(BatchItem.batch_id == batch.id, BatchItem.status.in_([ItemStatus.QUEUED, ItemStatus.WAITING]))
        .values(status=ItemStatus.CANCELLED, finished_at=clock.now())
        .execution_options(synchronize_session=False)
    )
    assert isinstance(dropped, CursorResult)
    activity.record(db, who, "batch.cancel", batch, detail={"count": dropped.rowcount})


def pause_all(db: Session, batch_ids: Collection[UUID]) -> None:
    """Pause those of many batches that run, for work that goes on in several; the caller records the activity."""
    running = (Batch.id.in_(batch_ids), Batch.status == BatchStatus.RUNNING)
    db.execute(update(Batch).where(*running).values(status=BatchStatus.PAUSED))


def resume_all(db: Session, batch_ids: Collection[UUID]) -> None:
    """Let those of many batches go on that were paused."""
    paused = (Batch.id.in_(batch_ids), Batch.status == BatchStatus.PAUSED)
    resumed = update(Batch).where(*paused).values(status=BatchStatus.RUNNING)
    for batch in db.scalars(resumed.returning(Batch).execution_options(populate_existing=True)):
        wake_pump(db, batch)


def drop_unbegun(db: Session, batch_ids: Collection[UUID]) -> int:
    """Drop the items of many batches of which nothing was done yet; those that began go on. Answers how many."""
    dropped = db.execute(
        update(BatchItem)
        .where(
            BatchItem.batch_id.in_(batch_ids), BatchItem.status == ItemStatus.QUEUED, BatchItem.attempt == 0,
        )
        .values(status=ItemStatus.CANCELLED, finished_at=clock.now())
        .execution_options(synchronize_session=False)
    )  # fmt: skip
    assert isinstance(dropped, CursorResult)
    return dropped.rowcount


def retry_failed(db: Session, batch: Batch, *, who: Who, cause: Cause | None = None) -> int:
    """Give failed items another try: all, or those of one cause. Says how many."""
    require(who, Verb.WORK)
    where = [BatchItem.batch_id == batch.id, *([has_cause(cause)] if cause else [])]
    count = _retry(db, batch, where)
    activity.record(db, who, "batch.retry", batch, detail={"count": count})
    return count


def retry_item(db: Session, item: BatchItem, *, who: Who) -> None:
    """Give one failed item another try."""
    require(who, Verb.WORK)
    if not _retry(db, item.batch, [BatchItem.id == item.id]):
        raise Conflict(N_("只有失败的才能重试"))
    db.refresh(item)
    activity.record(db, who, "batch.retry", item.batch, detail={"program": item.subject_name})


def _steer(db: Session, batch: Batch, who: Who, to: BatchStatus, *allowed: BatchStatus) -> None:
    require(who, Verb.WORK)
    db.refresh(batch, with_for_update=True)
    if batch.status not in allowed:
        raise Conflict(N_("批量任务的状态已经变了，请刷新页面"))
    batch.status = to


def _retry(db: Session, batch: Batch, where: list[ColumnElement[bool]]) -> int:
    """Queue failed items again; a batch that was over runs again.

    The next try is the second: what the ones before left at WeChat is to be read back. The `attempt` that a step noted
    in its result is dropped, since the numbers begin again.
    """
    db.refresh(batch, with_for_update=True)
    changed = db.execute(
        update(BatchItem)
        .where(BatchItem.status == ItemStatus.FAILED, *where)
        .values(
            status=ItemStatus.QUEUED, attempt=1, run_at=clock.now(), finished_at=None, errcode=None, rid="",
            operation="", error="", result=BatchItem.result.op("-", return_type=JSONB)(literal("attempt", Text)),
        )
        .execution_options(synchronize_session=False)
    )  # fmt: skip
    assert isinstance(changed, CursorResult)
    if changed.rowcount and batch.status != BatchStatus.PAUSED:
        batch.status, batch.finished_at = BatchStatus.RUNNING, None
        wake_pump(db, batch)
    return changed.rowcount
