"""Starting work on mini programs: one step, one item per mini program, and a pump that works them off."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import String, cast, exists, func, insert, select
from sqlalchemy.orm import Session

from saas.batches import steps
from saas.batches.models import Batch, BatchItem, BatchStatus
from saas.batches.progress import open_item
from saas.db import new_id
from saas.errors import N_, Conflict, Invalid
from saas.queue import Job, JobStatus, Lane, enqueue, enqueue_for, hasten
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require

PUMP = "jobs.batches.pump"


@dataclass(frozen=True)
class Subject:
    """A mini program to work on; `params` are those of its item alone."""

    id: UUID
    name: str
    params: Mapping[str, Any] = field(default_factory=dict)


def start_batch(
    db: Session, step: str, subjects: Iterable[Subject], *, who: Who, params: Mapping[str, Any] | None = None
) -> Batch:
    """Have the step run for every subject; `params` hold for all of them. An entry of the activity log tells of it.

    Params are ids and settings: never secrets, never personal data.
    """
    require(who, Verb.WORK)
    chosen = list(subjects)
    if not chosen:
        raise Invalid(N_("请至少选择一个小程序"))
    batch = _start(db, step, chosen, who=who, params=params)
    activity.record(db, who, "batch.start", batch, detail={"count": len(chosen)})
    return batch


def start_one(
    db: Session, step: str, subject: Subject, *, who: Who, params: Mapping[str, Any] | None = None
) -> BatchItem:
    """Have the step run for one mini program, before all bulk work; the caller records the activity.

    Raises Conflict while the same step is open for it.
    """
    require(who, Verb.WORK)
    db.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"{step} {subject.id}", 0))))
    if open_item(db, step, subject.id) is not None:
        raise Conflict(N_("这项操作正在进行，请等它结束"))
    batch = _start(db, step, [subject], who=who, params=params)
    return db.scalars(select(BatchItem).where(BatchItem.batch_id == batch.id)).one()


def open_batch(db: Session, step: str, *, who: Who, params: Mapping[str, Any] | None = None) -> Batch:
    """An empty batch of bulk work, for `add_items`; `who` is named as its starter, and her role was asked before."""
    return _open(db, step, Lane.BULK, who=who, params=params)


def add_items(db: Session, batch: Batch, subjects: Sequence[Subject]) -> dict[UUID, UUID]:
    """Give a batch more to do; one that was over runs again. Answers each subject's item.

    Raises Conflict when it was cancelled. One that is paused stays so.
    """
    db.refresh(batch, with_for_update=True)
    if batch.status == BatchStatus.CANCELLED:
        raise Conflict(N_("批量任务已经取消"))
    if batch.status == BatchStatus.DONE:
        batch.status, batch.finished_at = BatchStatus.RUNNING, None
    batch.total += len(subjects)
    ids = _add(db, batch, subjects)
    wake_pump(db, batch)
    return ids


def _start(
    db: Session, step: str, subjects: list[Subject], *, who: Who, params: Mapping[str, Any] | None
) -> Batch:  # fmt: skip
    batch = _open(db, step, Lane.URGENT if len(subjects) == 1 else Lane.BULK, who=who, params=params)
    batch.total = len(subjects)
    _add(db, batch, subjects)
    enqueue(db, PUMP, batch.id, lane=Lane(batch.lane))
    return batch


def _open(db: Session, step: str, lane: Lane, *, who: Who, params: Mapping[str, Any] | None) -> Batch:
    steps.find(step)
    batch = Batch(
        provider_id=who.provider_id, step=step, params=dict(params or {}), total=0, lane=lane,
        created_by=who.user_id, created_by_name=who.name,
    )  # fmt: skip
    db.add(batch)
    db.flush()
    return batch


def _add(db: Session, batch: Batch, subjects: Sequence[Subject]) -> dict[UUID, UUID]:
    ids = {one.id: new_id() for one in subjects}
    db.execute(
        insert(BatchItem),
        [
            {
                "id": ids[one.id], "provider_id": batch.provider_id, "batch_id": batch.id, "step": batch.step,
                "subject_id": one.id, "subject_name": one.name, "params": dict(one.params),
            }
            for one in subjects
        ],
    )  # fmt: skip
    return ids


def wake_pump(db: Session, batch: Batch) -> None:
    """Items of the batch are due sooner than its pump thinks."""
    hasten(db, PUMP, batch.id, lane=Lane(batch.lane))


def pump_all(db: Session) -> int:
    """Give every running batch a pump that has none (any more); says how many had none. In a platform session."""
    pumped = exists().where(
        Job.name == PUMP, Job.subject == cast(Batch.id, String), Job.status.in_([JobStatus.QUEUED, JobStatus.RUNNING])
    )
    query = select(Batch.id, Batch.provider_id, Batch.lane).where(Batch.status == BatchStatus.RUNNING, ~pumped)
    rows = db.execute(query.limit(1000)).all()
    for row in rows:
        enqueue_for(db, row.provider_id, PUMP, row.id, lane=Lane(row.lane))
    return len(rows)
