"""Batches: slow or bulk work on mini programs, one item each; a click on one mini program is a batch of one."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from saas import clock
from saas.batches.steps import label_of
from saas.db import Base, TenantOwned
from saas.failures import Failable
from saas.tenants.access import Who


class BatchStatus(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    CANCELLED = "cancelled"


class ItemStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"  # for WeChat, or to try again
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


class Batch(TenantOwned, Base):
    """One step for many mini programs. `params` is what all items have in common."""

    __tablename__ = "batches"
    __table_args__ = (
        UniqueConstraint("provider_id", "id"),
        Index("ix_batches_listing", "provider_id", "id", postgresql_where=text("total > 1")),
        Index("ix_batches_running", "id", postgresql_where=text("status = 'running'")),
    )

    step: Mapped[str] = mapped_column(Text)
    params: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    lane: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, default=BatchStatus.RUNNING)
    total: Mapped[int]
    created_by: Mapped[UUID | None] = mapped_column(default=None)
    created_by_name: Mapped[str] = mapped_column(Text, default="")
    started_at: Mapped[datetime | None] = mapped_column(default=None)
    finished_at: Mapped[datetime | None] = mapped_column(default=None)

    @property
    def name(self) -> str:
        """What is being done, as a msgid."""
        return label_of(self.step)


class BatchItem(Failable, TenantOwned, Base):
    """One step for one mini program (`subject_id`; the table of mini programs lies above).

    `params` holds ids and settings, never a secret or personal data. `attempt` counts tries; waiting does not count.
    `result` is what the step answered; ``partial`` in it lists what did not work out, as ``{name, why}``.
    """

    __tablename__ = "batch_items"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id", "batch_id"], ["batches.provider_id", "batches.id"], ondelete="CASCADE"),
        Index("ix_batch_items_listing", "batch_id", "status", "id"),
        Index(
            "ix_batch_items_due", "batch_id", "run_at", "id",
            postgresql_where=text("status in ('queued', 'waiting')"),
        ),
        Index("ix_batch_items_subject", "subject_id", "step", "id"),
        Index("uq_batch_items_running", "subject_id", unique=True, postgresql_where=text("status = 'running'")),
    )  # fmt: skip

    batch_id: Mapped[UUID]
    step: Mapped[str] = mapped_column(Text)
    subject_id: Mapped[UUID]
    subject_name: Mapped[str] = mapped_column(Text, default="")
    params: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    status: Mapped[str] = mapped_column(Text, default=ItemStatus.QUEUED)
    attempt: Mapped[int] = mapped_column(default=0)
    run_at: Mapped[datetime] = mapped_column(default=clock.now)
    result: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    started_at: Mapped[datetime | None] = mapped_column(default=None)
    finished_at: Mapped[datetime | None] = mapped_column(default=None)

    batch: Mapped[Batch] = relationship(lazy="joined", innerjoin=True)

    @property
    def name(self) -> str:
        """What is being done, as a msgid."""
        return label_of(self.step)

    @property
    def input(self) -> dict[str, Any]:
        """What the step works with: the batch's `params`, and the item's own over them."""
        return {**self.batch.params, **self.params}

    @property
    def starter(self) -> Who:
        """Who started the batch; her role was asked then."""
        return Who(self.provider_id, self.batch.created_by_name, self.batch.created_by)

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    @property
    def partial(self) -> list[dict[str, str]]:
        """What did not work out although the step was done: ``{name, why}`` each."""
        return self.result.get("partial") or []


OPEN = (ItemStatus.QUEUED, ItemStatus.RUNNING, ItemStatus.WAITING)
"""States of an item that is not over."""
