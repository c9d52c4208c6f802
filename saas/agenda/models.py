"""What has to be done and by when: dates of the provider's own, what people marked as done, the calendar's address."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, Integer, LargeBinary, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from saas.db import Base, TenantOwned
from saas.vault import Sealed


class DeadlineKind(StrEnum):
    """What ends on a day of the calendar."""

    CERTIFICATE = "certificate"
    CLOCK = "clock"  # a time limit of registration, certification or filing
    AUTHORIZATION_LINK = "authorization_link"
    ENTRY_LINK = "entry_link"
    CODE = "code"
    TRAIN = "train"
    CAMPAIGN = "campaign"
    OWN = "own"


class DoneMark(TenantOwned, Base):
    """A member said that something on the board needs nothing more, where nothing but a person can know."""

    __tablename__ = "done_marks"
    __table_args__ = (UniqueConstraint("provider_id", "kind", "subject_id"),)

    kind: Mapped[str] = mapped_column(Text)
    subject_id: Mapped[UUID]
    by_name: Mapped[str] = mapped_column(Text, default="")


class OwnDate(TenantOwned, Base):
    """A day that WeChat does not tell: a qualification that ends, a promise. With or without a mini program."""

    __tablename__ = "own_dates"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "program_id"], ["programs.provider_id", "programs.id"], ondelete="CASCADE"
        ),
        Index("ix_own_dates_day", "provider_id", "day", "id"),
        Index("ix_own_dates_program", "program_id"),
    )

    program_id: Mapped[UUID | None] = mapped_column(default=None)
    title: Mapped[str] = mapped_column(Text)
    day: Mapped[date]
    note: Mapped[str] = mapped_column(Text, default="")
    by_name: Mapped[str] = mapped_column(Text, default="")
    done_at: Mapped[datetime | None] = mapped_column(default=None)
    done_by: Mapped[str] = mapped_column(Text, default="")

    @property
    def name(self) -> str:
        """What the activity log calls it."""
        return self.title


class CalendarFeed(TenantOwned, Base):
    """A member's secret address of the calendar. It tells as long as the person is a member and nobody revoked it."""

    __tablename__ = "calendar_feeds"
    __table_args__ = (
        Index(
            "uq_calendar_feeds_open", "provider_id", "user_id", unique=True,
            postgresql_where=text("revoked_at is null"),
        ),
    )  # fmt: skip

    user_id: Mapped[UUID]
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    token_sealed: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)
    token = Sealed()
    kinds: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    locale: Mapped[str] = mapped_column(Text, default="zh_CN")
    read_at: Mapped[datetime | None] = mapped_column(default=None)
    revoked_at: Mapped[datetime | None] = mapped_column(default=None)


class DeadlineSetting(TenantOwned, Base):
    """How many days before a kind of deadline people are told; none means never."""

    __tablename__ = "deadline_settings"
    __table_args__ = (UniqueConstraint("provider_id", "kind"),)

    kind: Mapped[str] = mapped_column(Text)
    days: Mapped[list[int]] = mapped_column(ARRAY(Integer), default=list)


class DeadlineNotice(TenantOwned, Base):
    """That people were told of a deadline, last `days` before it; gone once it is renewed or done."""

    __tablename__ = "deadline_notices"
    __table_args__ = (UniqueConstraint("provider_id", "kind", "subject_id"),)

    kind: Mapped[str] = mapped_column(Text)
    subject_id: Mapped[UUID]
    ends_at: Mapped[datetime]
    days: Mapped[int]
