"""What is asked about at WeChat, and when next."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from saas.db import Base, TenantOwned


class Kind(StrEnum):
    """What we wait for, by the function that looks: the last part is the name of the kind in the database."""

    AUDIT = "audit"
    CATEGORIES = "categories"
    CERTIFICATION = "certification"
    CODE = "code"
    FILING = "filing"
    NAME = "name"
    ORDER_PAGE = "order_page"
    PRIVACY = "privacy"
    REGISTRATION = "registration"
    VIOLATIONS = "violations"


class Look(TenantOwned, Base):
    """One thing that is pending at WeChat. The row goes when the thing is over, so that nobody asks any more.

    `subject_id` is the row that the kind is about. `rhythm` and `since` say how it stood when we last knew, None
    that we do not know yet; `due_at` is when to ask again. `hurried` tries are made soon, whatever the rhythm:
    WeChat told that something happened, or somebody is waiting. `failures` counts those since the last answer.
    """

    __tablename__ = "looks"
    __table_args__ = (
        UniqueConstraint("kind", "subject_id"),
        ForeignKeyConstraint(
            ["provider_id", "component_id"], ["component_apps.provider_id", "component_apps.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(
            ["provider_id", "program_id"], ["programs.provider_id", "programs.id"], ondelete="CASCADE"
        ),
        Index("ix_looks_due", "component_id", "due_at"),
        Index("ix_looks_hurried", "component_id", "due_at", postgresql_where=text("hurried > 0")),
        Index("ix_looks_program", "program_id"),
    )  # fmt: skip

    component_id: Mapped[UUID]
    program_id: Mapped[UUID | None] = mapped_column(default=None)
    kind: Mapped[str] = mapped_column(Text)
    subject_id: Mapped[UUID]
    rhythm: Mapped[str] = mapped_column(Text, default="")
    since: Mapped[datetime | None] = mapped_column(default=None)
    until: Mapped[datetime | None] = mapped_column(default=None)
    due_at: Mapped[datetime]
    hurried: Mapped[int] = mapped_column(default=0)
    failures: Mapped[int] = mapped_column(default=0)
    looked_at: Mapped[datetime | None] = mapped_column(default=None)
