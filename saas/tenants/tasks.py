"""To-dos of a provider: opened where a cause is found, closed where it is gone, shown by whoever can explain them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import CursorResult, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from saas import clock
from saas.db import new_id
from saas.tenants.models import Task, TaskKind


def open_task(
    db: Session, provider_id: UUID, kind: TaskKind, subject_id: UUID, detail: dict[str, Any] | None = None
) -> bool:
    """Open a to-do unless it is open already; says whether it is new. `detail` of an open one is brought up to date."""
    row = insert(Task).values(
        id=new_id(), created_at=clock.now(), provider_id=provider_id, kind=kind.value, subject_id=subject_id,
        detail=detail or {},
    )  # fmt: skip
    new = db.execute(
        row.on_conflict_do_update(
            index_elements=["provider_id", "kind", "subject_id"], index_where=text("done_at is null"),
            set_={"detail": row.excluded.detail},
        ).returning(text("(xmax = 0) as new"))
    ).scalar_one()  # fmt: skip
    return bool(new)


def close_task(db: Session, provider_id: UUID, kind: TaskKind, subject_id: UUID) -> bool:
    """Close a to-do whose cause is gone; says whether one was open."""
    closed = db.execute(
        update(Task)
        .where(
            Task.provider_id == provider_id, Task.kind == kind, Task.subject_id == subject_id, Task.done_at.is_(None)
        )
        .values(done_at=clock.now())
        .execution_options(synchronize_session=False)
    )
    assert isinstance(closed, CursorResult)
    return closed.rowcount > 0


def open_tasks(
    db: Session, *, kinds: Collection[TaskKind] = (), subject_ids: Collection[UUID] | None = None, limit: int = 200
) -> list[Task]:
    """The provider's open to-dos, oldest first."""
    query = select(Task).where(Task.done_at.is_(None)).order_by(Task.id).limit(limit)
    if kinds:
        query = query.where(Task.kind.in_(kinds))
    if subject_ids is not None:
        query = query.where(Task.subject_id.in_(subject_ids))
    return list(db.scalars(query))


def count_open_tasks(db: Session) -> int:
    """How many to-dos wait for the provider, for the navigation."""
    return db.scalar(select(func.count()).where(Task.done_at.is_(None))) or 0
