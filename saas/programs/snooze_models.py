"""Mini programs that somebody put off for some days."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from saas.db import Base, TenantOwned


class ProgramSnooze(TenantOwned, Base):
    """Out of sight of the to-do board until `until`, as long as the mini program still stands at `stage`.

    What comes to it later is news, and shown at once.
    """

    __tablename__ = "program_snoozes"
    __table_args__ = (
        UniqueConstraint("program_id"),
        ForeignKeyConstraint(
            ["provider_id", "program_id"], ["programs.provider_id", "programs.id"], ondelete="CASCADE"
        ),
        Index("ix_program_snoozes_until", "provider_id", "until"),
    )

    program_id: Mapped[UUID]
    stage: Mapped[str] = mapped_column(Text)
    until: Mapped[datetime]
    note: Mapped[str] = mapped_column(Text, default="")
    by_name: Mapped[str] = mapped_column(Text, default="")
