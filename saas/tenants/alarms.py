"""Alarms: opened where a cause is found, cleared where it is gone; people hear of both on their channels.

Tasks (`saas.tenants.tasks`) are the to-do, an alarm is the message. Who tells whom is `saas.tenants.alarm_telling`,
the words are `saas.tenants.alarm_words`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, CursorResult, literal_column, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from saas import clock
from saas.db import after_commit, new_id, platform_session
from saas.queue import Lane, enqueue_for
from saas.tenants.alarm_models import Alarm, AlarmKind

TELL = "jobs.alarms.tell"
_CHUNK = 1000
GATHER = timedelta(seconds=20)
"""How long alarms gather before people are told, so that a thousand at once make one message."""


@dataclass(frozen=True)
class Cause:
    """What is wrong with which thing; `detail` fills the places of the kind's words and should hold its `name`."""

    provider_id: UUID
    kind: AlarmKind
    subject_id: UUID
    detail: Mapping[str, Any] = field(default_factory=dict)


def raise_alarm(
    db: Session, provider_id: UUID, kind: AlarmKind, subject_id: UUID, detail: dict[str, Any] | None = None
) -> bool:
    """Open an alarm unless it is open already; says whether it is new. `detail` of an open one is brought up to date.

    Works in a tenant's and in a platform session.
    """
    return raise_alarms(db, [Cause(provider_id, kind, subject_id, detail or {})]) > 0


def raise_alarms(db: Session, causes: Iterable[Cause]) -> int:
    """`raise_alarm` for many at once, also of several providers; says how many are new."""
    now = clock.now()
    rows = {
        (cause.provider_id, cause.kind, cause.subject_id): {
            "id": new_id(), "created_at": now, "provider_id": cause.provider_id, "kind": cause.kind.value,
            "subject_id": cause.subject_id, "detail": dict(cause.detail), "times": 1, "last_seen_at": now,
        }
        for cause in causes
    }  # fmt: skip
    given = [rows[key] for key in sorted(rows)]  # everybody locks them in the same order
    new = [one for start in range(0, len(given), _CHUNK) for one in _open(db, given[start : start + _CHUNK])]
    for provider_id in set(new):
        _tell(db, provider_id)
    return len(new)


def _open(db: Session, rows: Sequence[dict[str, Any]]) -> list[UUID]:
    """One statement; whose alarms are new."""
    given = insert(Alarm).values(rows)
    raised = db.execute(
        given.on_conflict_do_update(
            index_elements=["provider_id", "kind", "subject_id"], index_where=text("cleared_at is null"),
            set_={
                "detail": given.excluded.detail, "times": Alarm.times + 1, "last_seen_at": given.excluded.last_seen_at,
            },
        ).returning(Alarm.provider_id, literal_column("(xmax = 0)", Boolean))
    )  # fmt: skip
    return [row[0] for row in raised if row[1]]


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


def list_alarms(db: Session, *, before: UUID | None = None, limit: int = 50) -> list[Alarm]:
    """The provider's alarms, open and over, newest first; `before` is the last id of the page before."""
    query = select(Alarm).order_by(Alarm.id.desc()).limit(limit)
    return list(db.scalars(query if before is None else query.where(Alarm.id < before)))


def open_alarms(db: Session, provider_id: UUID, *, kinds: Collection[AlarmKind] = (), limit: int = 200) -> list[Alarm]:
    """A provider's open alarms, newest first."""
    query = select(Alarm).where(Alarm.provider_id == provider_id, Alarm.cleared_at.is_(None))
    if kinds:
        query = query.where(Alarm.kind.in_([kind.value for kind in kinds]))
    return list(db.scalars(query.order_by(Alarm.id.desc()).limit(limit)))


def _tell(db: Session, provider_id: UUID) -> None:
    """After the commit: two transactions that wait for each other's job while they hold alarms would never end. Should
    it be lost, the cron is the net.
    """
    after_commit(db, _Ring(provider_id))


@dataclass(frozen=True)
class _Ring:
    provider_id: UUID

    def __call__(self) -> None:
        with platform_session("have a provider told of alarms") as db:
            enqueue_for(db, self.provider_id, TELL, self.provider_id, lane=Lane.URGENT, delay=GATHER)
