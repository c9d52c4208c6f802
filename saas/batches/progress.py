"""How batches stand: counts, speed, causes of failure; and the items of a batch or of a mini program."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from saas import clock
from saas.batches.models import OPEN, Batch, BatchItem, BatchStatus, ItemStatus

_WINDOW = timedelta(minutes=2)


@dataclass(frozen=True)
class Cause:
    """Why items failed: an errcode of an operation, or without one our own words."""

    errcode: int | None
    operation: str
    error: str


@dataclass(frozen=True)
class Group:
    """Failed items of one cause; `example` is WeChat's own text of one of them."""

    cause: Cause
    count: int
    example: str


@dataclass(frozen=True)
class Progress:
    """`per_minute` is the speed of the last minutes, `ends_at` when all that does not wait is over at that speed."""

    counts: Mapping[str, int]
    partial: int
    per_minute: int
    ends_at: datetime | None
    next_at: datetime | None
    groups: tuple[Group, ...]

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def ended(self) -> int:
        return self.total - sum(self.counts[status] for status in OPEN)


def progress(db: Session, batch: Batch) -> Progress:
    """Two queries, whatever the size."""
    now = clock.now()
    since = max(now - _WINDOW, batch.started_at or batch.created_at)
    rows = db.execute(
        select(
            BatchItem.status,
            func.count().label("items"),
            func.count().filter(BatchItem.result.has_key("partial")).label("partial"),
            func.count().filter(BatchItem.finished_at > since).label("lately"),
            func.min(BatchItem.run_at).label("next_at"),
        )
        .where(BatchItem.batch_id == batch.id)
        .group_by(BatchItem.status)
    ).all()
    counts: dict[str, int] = {status.value: 0 for status in ItemStatus} | {row.status: row.items for row in rows}
    minutes = max((now - since).total_seconds(), 1.0) / 60
    lately = sum(row.lately for row in rows if row.status != ItemStatus.CANCELLED)
    rest = counts[ItemStatus.QUEUED] + counts[ItemStatus.RUNNING]
    predictable = batch.status == BatchStatus.RUNNING and rest and lately
    due = (row.next_at for row in rows if row.status in (ItemStatus.QUEUED, ItemStatus.WAITING))
    return Progress(
        counts=counts,
        partial=sum(row.partial for row in rows),
        per_minute=round(lately / minutes),
        ends_at=now + timedelta(minutes=rest * minutes / lately) if predictable else None,
        next_at=min(due, default=None),
        groups=_groups(db, batch) if counts[ItemStatus.FAILED] else (),
    )


def _groups(db: Session, batch: Batch) -> tuple[Group, ...]:
    """The largest first. Texts of WeChat tell hosts and names, so the errcode makes the group where there is one."""
    own = case((BatchItem.errcode.is_(None), BatchItem.error), else_="").label("own")
    rows = db.execute(
        select(BatchItem.errcode, BatchItem.operation, own, func.count().label("count"), func.min(BatchItem.error))
        .where(BatchItem.batch_id == batch.id, BatchItem.status == ItemStatus.FAILED)
        .group_by(BatchItem.errcode, BatchItem.operation, own)
        .order_by(func.count().desc(), BatchItem.errcode)
    ).all()
    return tuple(
        Group(Cause(errcode, operation, error), count, example) for errcode, operation, error, count, example in rows
    )


def has_cause(cause: Cause) -> ColumnElement[bool]:
    """The condition on failed items of one cause."""
    same = (BatchItem.errcode.is_not_distinct_from(cause.errcode)) & (BatchItem.operation == cause.operation)
    return same if cause.errcode is not None else same & (BatchItem.error == cause.error)


def list_batches(db: Session, *, before: UUID | None = None, limit: int = 30) -> list[Batch]:
    """The provider's batches of more than one item, newest first."""
    query = select(Batch).where(Batch.total > 1).order_by(Batch.id.desc()).limit(limit)
    return list(db.scalars(query if before is None else query.where(Batch.id < before)))


def count_items(db: Session, batch_ids: Collection[UUID]) -> dict[UUID, dict[str, int]]:
    """How many items of each batch are in which state."""
    found: dict[UUID, dict[str, int]] = {batch_id: dict.fromkeys(ItemStatus, 0) for batch_id in batch_ids}
    query = select(BatchItem.batch_id, BatchItem.status, func.count()).where(BatchItem.batch_id.in_(batch_ids))
    for batch_id, status, count in db.execute(query.group_by(BatchItem.batch_id, BatchItem.status)):
        found[batch_id][status] = count
    return found


def list_items(
    db: Session, batch: Batch, *, status: str = "", after: UUID | None = None, limit: int | None = 50
) -> list[BatchItem]:
    """The batch's items in their order, all or those of one state."""
    query = select(BatchItem).where(BatchItem.batch_id == batch.id).order_by(BatchItem.id).limit(limit)
    if status:
        query = query.where(BatchItem.status == status)
    if after is not None:
        query = query.where(BatchItem.id > after)
    return list(db.scalars(query))


def subject_ids(db: Session, batch: Batch, *, status: str = "", most: int) -> list[UUID]:
    """What the batch's items are about, in their order; all, or those of one state."""
    query = select(BatchItem.subject_id).where(BatchItem.batch_id == batch.id).order_by(BatchItem.id).limit(most)
    return list(db.scalars(query.where(BatchItem.status == status) if status else query))


def open_item(db: Session, step: str, subject_id: UUID) -> BatchItem | None:
    """The item of this step that is under way for the mini program, if any; the newest one."""
    query = select(BatchItem).where(
        BatchItem.subject_id == subject_id, BatchItem.step == step, BatchItem.status.in_(OPEN)
    )
    return db.scalars(query.order_by(BatchItem.id.desc()).limit(1)).first()


def newest_items(db: Session, subject_id: UUID, steps: Collection[str] = ()) -> dict[str, BatchItem]:
    """The mini program's newest item of each step, or of each of `steps`, by the step's name."""
    query = select(BatchItem).where(BatchItem.subject_id == subject_id)
    if steps:
        query = query.where(BatchItem.step.in_(steps))
    rows = db.scalars(query.ext(distinct_on(BatchItem.step)).order_by(BatchItem.step, BatchItem.id.desc()))
    return {row.step: row for row in rows}


def newest_item_of_each(db: Session, subject_ids: Collection[UUID], step: str) -> dict[UUID, BatchItem]:
    """The newest item of one step for each of many mini programs."""
    rows = db.scalars(
        select(BatchItem)
        .where(BatchItem.subject_id.in_(subject_ids), BatchItem.step == step)
        .ext(distinct_on(BatchItem.subject_id))
        .order_by(BatchItem.subject_id, BatchItem.id.desc())
    )
    return {row.subject_id: row for row in rows}
