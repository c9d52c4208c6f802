"""What WeChat holds against mini programs: penalties with their appeals, and accounts or services that are shut."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, SmallInteger, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from saas import clock
from saas.db import Base, TenantOwned
from saas.failures import Failable


class ViolationState(StrEnum):
    """open → appealing → refused (may be appealed again) | lifted. gone: WeChat lists it no more within its time."""

    OPEN = "open"
    APPEALING = "appealing"
    REFUSED = "refused"
    LIFTED = "lifted"
    GONE = "gone"


STANDING = (ViolationState.OPEN, ViolationState.APPEALING, ViolationState.REFUSED)
"""States in which the penalty still counts."""


class Shut(StrEnum):
    """Why users or we cannot use a mini program. All but SUSPENDED are WeChat's words on the account."""

    FROZEN = "frozen"
    BANNED = "banned"
    CANCELLED = "cancelled"
    WARNED = "warned"
    SUSPENDED = "suspended"


def _program_key() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["provider_id", "program_id"], ["programs.provider_id", "programs.id"], ondelete="CASCADE"
    )


class Violation(TenantOwned, Base):
    """A penalty as WeChat tells it, by its `record_id`.

    `appeals` are WeChat's, oldest first: ``{id, at, by_provider, status, decided_at, reason}`` each. `note` and
    `seen_by` are our people's.
    """

    __tablename__ = "violations"
    __table_args__ = (
        UniqueConstraint("program_id", "record_id"),
        _program_key(),
        Index("ix_violations_listing", "provider_id", "happened_at", "id"),
        Index("ix_violations_state", "provider_id", "state", "happened_at", "id"),
    )

    program_id: Mapped[UUID]
    record_id: Mapped[str] = mapped_column(Text)
    happened_at: Mapped[datetime]
    reason: Mapped[str] = mapped_column(Text, default="")
    content: Mapped[str] = mapped_column(Text, default="")
    rule_name: Mapped[str] = mapped_column(Text, default="")
    rule_url: Mapped[str] = mapped_column(Text, default="")
    state: Mapped[str] = mapped_column(Text, default=ViolationState.OPEN)
    state_at: Mapped[datetime] = mapped_column(default=clock.now)
    appeals: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)
    note: Mapped[str] = mapped_column(Text, default="")
    seen_at: Mapped[datetime | None] = mapped_column(default=None)
    seen_by: Mapped[str] = mapped_column(Text, default="")

    @property
    def name(self) -> str:
        """What the activity log calls it."""
        return self.reason or self.record_id


class ViolationWatch(Failable, TenantOwned, Base):
    """When a mini program's penalties were last read, or why they could not be."""

    __tablename__ = "violation_watches"
    __table_args__ = (UniqueConstraint("program_id"), _program_key())

    program_id: Mapped[UUID]
    read_at: Mapped[datetime | None] = mapped_column(default=None)


class Shutting(TenantOwned, Base):
    """A mini program was shut from `since`, when we learned of it, until `ended_at`; one open row per kind.

    `by_name` is who of ours did it; "" for WeChat.
    """

    __tablename__ = "shuttings"
    __table_args__ = (
        _program_key(),
        Index("uq_shuttings_open", "program_id", "kind", unique=True, postgresql_where=text("ended_at is null")),
        Index("ix_shuttings_listing", "provider_id", "since", "id", postgresql_where=text("ended_at is null")),
    )

    program_id: Mapped[UUID]
    kind: Mapped[str] = mapped_column(Text)
    account_status: Mapped[int | None] = mapped_column(SmallInteger, default=None)
    since: Mapped[datetime]
    ended_at: Mapped[datetime | None] = mapped_column(default=None)
    by_name: Mapped[str] = mapped_column(Text, default="")
