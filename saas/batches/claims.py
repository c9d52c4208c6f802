"""Whose an item is: a pump claims many at once and notes how they ended, many at once, too.

An item in the hands of a run is marked as running, with the attempt that this is: each of the run's commits, and the
note of its end, need the row to be so still. What somebody else has taken over keeps nothing of it.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from psycopg.errors import DeadlockDetected
from sqlalchemy import bindparam, event, exists, func, select, update
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session, aliased
from sqlalchemy.orm.attributes import set_committed_value

from saas import clock
from saas.batches.models import Batch, BatchItem, BatchStatus, ItemStatus
from saas.db import copy_row, is_unkeepable, tenant_session
from saas.failures import WENT_WRONG

log = structlog.get_logger()

DUE = (ItemStatus.QUEUED, ItemStatus.WAITING)
"""Items that a pump may claim, once their time has come."""

# Two pumps of a provider that enter the same mini programs in different orders would wait for each other.
_ONE_CLAIMS = "select pg_advisory_xact_lock(hashtextextended(%(whose)s, 0))"
_HOLD = "select 1 from batch_items where id = %(id)s and attempt = %(attempt)s and status = 'running' for update"


class ItemLost(Exception):
    """Somebody else has taken the item over, so nothing may be kept of this run."""


@dataclass(frozen=True)
class Claimed:
    """An item in the hands of this run. `item` is fresh once: after a rollback it is to be loaded again. So are the
    `rows` that were read with it, and only for a moment.
    """

    id: UUID
    attempt: int
    step: str
    provider_id: UUID
    item: BatchItem
    rows: Sequence[Any] = ()
    claimed_at: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class Ended:
    """How an item ended that left nothing to be committed with it; without a status it has noted its end by itself."""

    id: UUID
    attempt: int
    status: ItemStatus | None = None
    result: Any = None
    error: str = ""
    finished_at: datetime | None = None


_busy = aliased(BatchItem)
_due = (
    select(BatchItem.id)
    .where(
        BatchItem.batch_id == bindparam("its_batch"),
        BatchItem.status.in_(DUE),
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


ReadAhead = Callable[[Session, Collection[UUID]], Mapping[UUID, Sequence[Any]]]
"""Reads what the steps of these subjects will load, for all of them at once: rows that are in no session any more."""


def nothing_ahead(_db: Session, _subject_ids: Collection[UUID]) -> Mapping[UUID, Sequence[Any]]:
    """Steps load what they need by themselves."""
    return {}


def claim(db: Session, batch: Batch, count: int, read_ahead: ReadAhead = nothing_ahead) -> list[Claimed]:
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
        set_committed_value(item, "batch", copy_row(batch))
    rows = read_ahead(db, [item.subject_id for item in items]) if items else {}
    return [
        Claimed(item.id, item.attempt, item.step, item.provider_id, item, rows.get(item.subject_id, ()))
        for item in items
    ]


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
        errcode=None, rid="", operation="", error=bindparam("its_error"),
    )
)  # fmt: skip


def note_ends(db: Session, ended: Collection[Ended]) -> None:
    """Those that somebody else has taken over stay as they are. One that cannot be written fails alone."""
    if not ended:
        return
    try:
        with db.begin_nested():
            _note(db, ended)
    except Exception as error:
        if not is_unkeepable(error):
            raise
        for one in ended:
            _note_one(db, one)


def _note_one(db: Session, one: Ended) -> None:
    try:
        with db.begin_nested():
            _note(db, [one])
    except Exception as error:
        if not is_unkeepable(error):
            raise
        log.exception("item_result_unkeepable", item=str(one.id))
        _note(db, [replace(one, status=ItemStatus.FAILED, result={}, error=WENT_WRONG)])


def _note(db: Session, ended: Collection[Ended]) -> None:
    rows = [
        {
            "its_id": one.id, "its_attempt": one.attempt, "its_status": one.status, "its_result": one.result,
            "its_end": one.finished_at, "its_error": one.error,
        }
        for one in ended
    ]  # fmt: skip
    db.connection().execute(_noting, rows)


@contextlib.contextmanager
def item_session(one: Claimed) -> Iterator[Session]:
    """A session for this item; each of its commits needs the item to be this run's."""
    with tenant_session(one.provider_id) as db:
        db.info["claimed"] = one
        yield db


@event.listens_for(Session, "before_commit", insert=True)  # before others flush what is to be committed
def _check_item(db: Session) -> None:
    one: Claimed | None = db.info.get("claimed")
    if one is None or db.in_nested_transaction():
        return
    held = db.connection().exec_driver_sql(_HOLD, {"id": one.id, "attempt": one.attempt})  # past the mapper: no flush
    if held.first() is None:
        raise ItemLost(str(one.id))
