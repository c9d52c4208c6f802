"""What waits for the provider beside single mini programs: tasks (faults of component apps, trains that stopped or wait
for a word, requests of merchants), merchants' papers, batches with failures, registrations without a mini program yet.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Text, cast, exists, func, select, true
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from saas import clock
from saas.agenda.models import DoneMark
from saas.batches.models import Batch, BatchItem, BatchStatus, ItemStatus
from saas.db import new_id
from saas.onboarding.reviewing import count_waiting, waiting_parts
from saas.programs.registration_models import Registration, RegistrationStatus
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require
from saas.tenants.models import Task, TaskKind
from saas.tenants.tasks import open_tasks
from saas.trains.models import TrainWave

RECENT = timedelta(days=14)
"""How long a batch with failures is shown, unless somebody says that it is done with."""
MOST = 50


class Kind(StrEnum):
    TASK = "task"
    REAUTHORIZE = "reauthorize"
    REVIEWS = "reviews"
    BATCH_FAILED = "batch_failed"
    REGISTRATIONS = "registrations"


@dataclass(frozen=True)
class Errand:
    """`subject` is the row to open, None for several; `detail` holds its name and what `kind` needs."""

    kind: Kind
    since: datetime
    subject: UUID | None = None
    count: int = 1
    task: Task | None = None
    detail: dict[str, Any] = field(default_factory=dict)


def list_errands(db: Session, *, who: Who) -> list[Errand]:
    """What waits, faults first, then what waits longest."""
    require(who, Verb.VIEW)
    found = [*_tasks(db), *_reviews(db, who), *_batches(db), *_registrations(db)]
    return sorted(found, key=lambda one: (one.kind is not Kind.TASK, one.since))


def settle_batch(db: Session, batch: Batch, *, who: Who) -> None:
    """Nobody has to look after its failures any more."""
    require(who, Verb.WORK)
    row = insert(DoneMark).values(
        id=new_id(), created_at=clock.now(), provider_id=batch.provider_id, kind=Kind.BATCH_FAILED.value,
        subject_id=batch.id, by_name=who.name,
    )  # fmt: skip
    db.execute(row.on_conflict_do_nothing(index_elements=["provider_id", "kind", "subject_id"]))
    activity.record(db, who, "batch.settle", batch)


def _tasks(db: Session) -> list[Errand]:
    """Each by itself, but lost authorizations together: there may be thousands, and the board groups them."""
    kinds = [kind for kind in TaskKind if kind is not TaskKind.REAUTHORIZE]
    found = [
        Errand(Kind.TASK, task.created_at, task.subject_id, task=task, detail=task.detail)
        for task in open_tasks(db, kinds=kinds, limit=MOST)
    ]
    lost, since = db.execute(
        select(func.count(), func.min(Task.created_at)).where(Task.done_at.is_(None), Task.kind == TaskKind.REAUTHORIZE)
    ).one()
    return [*found, Errand(Kind.REAUTHORIZE, since, count=lost)] if lost else found


def _reviews(db: Session, who: Who) -> list[Errand]:
    count = count_waiting(db, who)
    if not count:
        return []
    first = waiting_parts(db, who, limit=1)
    since = first[0].part.handed_in_at if first else None
    return [Errand(Kind.REVIEWS, since or clock.now(), count=count)]


def _batches(db: Session) -> list[Errand]:
    """Bulk work that ended lately with failures, until somebody says that it is done with; a train shows its own."""
    is_settled = exists().where(DoneMark.kind == Kind.BATCH_FAILED, DoneMark.subject_id == Batch.id)
    failed = (
        select(func.count())
        .where(BatchItem.batch_id == Batch.id, BatchItem.status == ItemStatus.FAILED)
        .correlate(Batch)
        .scalar_subquery()
    )
    since = clock.now() - RECENT
    entry = func.jsonb_each_text(TrainWave.batches).table_valued("key", "value")
    of_trains = (
        select(entry.c.value).select_from(TrainWave).join(entry, true()).where(TrainWave.opened_at > since - RECENT)
    )
    recent = (
        select(Batch, failed.label("failed"))
        .where(
            Batch.total > 1, Batch.status == BatchStatus.DONE, Batch.finished_at > since, ~is_settled,
            cast(Batch.id, Text).not_in(of_trains),
        )
        .order_by(Batch.id.desc())
        .limit(MOST)
    )  # fmt: skip
    return [
        Errand(Kind.BATCH_FAILED, batch.finished_at, batch.id, count=count, detail={"name": batch.name})
        for batch, count in db.execute(recent)
        if count
    ]


def _registrations(db: Session) -> list[Errand]:
    """Registrations that failed or ran out while there is no mini program that would stand on the board."""
    over = Registration.status.in_([RegistrationStatus.FAILED, RegistrationStatus.EXPIRED])
    row = db.execute(
        select(func.count(), func.min(Registration.finished_at), func.min(Registration.created_at)).where(
            over, Registration.program_id.is_(None)
        )
    ).one()
    return [Errand(Kind.REGISTRATIONS, row[1] or row[2], count=row[0])] if row[0] else []
