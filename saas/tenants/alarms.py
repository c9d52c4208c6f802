"""Alarms: opened where a cause is found, cleared where it is gone; people hear of both on their channels.

Tasks (`saas.tenants.tasks`) are the to-do, an alarm is the message. Who tells whom is `saas.tenants.alarm_telling`,
the words are `saas.tenants.alarm_words`.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import CursorResult, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from saas import clock
from saas.db import new_id
from saas.queue import Lane, enqueue_for
from saas.tenants.models import Alarm, AlarmKind

TELL = "jobs.alarms.tell"
GATHER = timedelta(seconds=20)
"""How long alarms gather before people are told, so that a thousand at once make one message."""


def raise_alarm(
    db: Session, provider_id: UUID, kind: AlarmKind, subject_id: UUID, detail: dict[str, Any] | None = None
) -> bool:
    """Open an alarm unless it is open already; says whether it is new. `detail` of an open one is brought up to date.

    `subject_id` is the thing concerned; `detail` fills the places of the kind's words and should hold its `name`.
    Works in a tenant's and in a platform session.
    """
    now = clock.now()
    row = insert(Alarm).values(
        id=new_id(), created_at=now, provider_id=provider_id, kind=kind.value, subject_id=subject_id,
        detail=detail or {}, times=1, last_seen_at=now,
    )  # fmt: skip
    new = db.execute(
        row.on_conflict_do_update(
            index_elements=["provider_id", "kind", "subject_id"], index_where=text("cleared_at is null"),
            set_={"detail": row.excluded.detail, "times": Alarm.times + 1, "last_seen_at": now},
        ).returning(text("(xmax = 0) as new"))
    ).scalar_one()  # fmt: skip
    if new:
        _tell(db, provider_id)
    return bool(new)


def clear_alarm(db: Session, provider_id: UUID, kind: AlarmKind, subject_id: UUID) -> bool:
    """Close an alarm whose cause is gone; says whether one was open. Those who were told of it get an all-clear."""
    return clear_alarms(db, provider_id, [kind], [subject_id]) > 0


def clear_alarms(db: Session, provider_id: UUID, kinds: Collection[AlarmKind], subject_ids: Collection[UUID]) -> int:
    """`clear_alarm` for several in one statement; says how many were open."""
    cleared = db.execute(
        update(Alarm)
        .where(
            Alarm.provider_id == provider_id, Alarm.kind.in_([kind.value for kind in kinds]),
            Alarm.subject_id.in_(subject_ids), Alarm.cleared_at.is_(None),
        )
        .values(cleared_at=clock.now())
        .execution_options(synchronize_session=False)
    )  # fmt: skip
    assert isinstance(cleared, CursorResult)
    if cleared.rowcount:
        _tell(db, provider_id)
    return cleared.rowcount


def open_alarms(db: Session, provider_id: UUID, *, kinds: Collection[AlarmKind] = (), limit: int = 200) -> list[Alarm]:
    """A provider's open alarms, newest first."""
    query = select(Alarm).where(Alarm.provider_id == provider_id, Alarm.cleared_at.is_(None))
    if kinds:
        query = query.where(Alarm.kind.in_([kind.value for kind in kinds]))
    return list(db.scalars(query.order_by(Alarm.id.desc()).limit(limit)))


def _tell(db: Session, provider_id: UUID) -> None:
    enqueue_for(db, provider_id, TELL, provider_id, lane=Lane.URGENT, delay=GATHER)
