"""What a merchant's people are led through: the link that lets them in, the parts they fill in, what they are told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Uuid

from saas.db import Base, TenantOwned
from saas.tenants.models import MerchantRole
from saas.vault import Sealed


class Part(StrEnum):
    """What a merchant hands in, in the order in which it is asked for."""

    COMPANY = "company"
    PROFILE = "profile"
    CATEGORIES = "categories"
    CERTIFICATION = "certification"
    FILING = "filing"


class PartStatus(StrEnum):
    """`draft` and `returned` are the merchant's turn, `handed_in` is the provider's."""

    DRAFT = "draft"
    HANDED_IN = "handed_in"
    RETURNED = "returned"
    ACCEPTED = "accepted"


class EntryLink(TenantOwned, Base):
    """A link by which people of a merchant come in, without an address known beforehand.

    Only the hash of its token is used to find it; the token is sealed so that the provider can show it again.
    `authorize`: she is led to WeChat's authorization first. `parts` are asked for each of `program_ids`, or for a mini
    program that is still to be registered when there are none. Not `for_many`: the first who comes in uses it up.
    """

    __tablename__ = "entry_links"
    __table_args__ = (
        UniqueConstraint("provider_id", "id"),
        ForeignKeyConstraint(
            ["provider_id", "merchant_id"], ["merchants.provider_id", "merchants.id"], ondelete="CASCADE"
        ),
        Index("ix_entry_links_merchant", "provider_id", "merchant_id", "id"),
    )

    merchant_id: Mapped[UUID]
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    token_sealed: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)
    token = Sealed()
    role: Mapped[str] = mapped_column(Text, default=MerchantRole.OWNER)
    for_many: Mapped[bool] = mapped_column(default=False)
    program_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid), default=list)
    authorize: Mapped[bool] = mapped_column(default=True)
    parts: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    made_by: Mapped[str] = mapped_column(Text, default="")
    sent_to: Mapped[str] = mapped_column(Text, default="")
    sent_at: Mapped[datetime | None] = mapped_column(default=None)
    expires_at: Mapped[datetime]
    opened_at: Mapped[datetime | None] = mapped_column(default=None)
    last_opened_at: Mapped[datetime | None] = mapped_column(default=None)
    opened_count: Mapped[int] = mapped_column(default=0)
    revoked_at: Mapped[datetime | None] = mapped_column(default=None)


class Entry(TenantOwned, Base):
    """Somebody came in by a link."""

    __tablename__ = "entries"
    __table_args__ = (
        UniqueConstraint("link_id", "user_id"),
        ForeignKeyConstraint(
            ["provider_id", "link_id"], ["entry_links.provider_id", "entry_links.id"], ondelete="CASCADE"
        ),
    )

    link_id: Mapped[UUID]
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)


class Onboarding(TenantOwned, Base):
    """What is asked of a merchant for one mini program; without a program it is one that is still to be registered.

    At most one is open per mini program. It stays open when all is accepted, for WeChat may refuse what we accepted,
    and a part then goes back; `closed_at` says that nothing of this is the merchant's any more.
    """

    __tablename__ = "onboardings"
    __table_args__ = (
        UniqueConstraint("provider_id", "id"),
        ForeignKeyConstraint(
            ["provider_id", "merchant_id"], ["merchants.provider_id", "merchants.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(
            ["provider_id", "program_id"], ["programs.provider_id", "programs.id"], ondelete="CASCADE"
        ),
        Index("ix_onboardings_merchant", "provider_id", "merchant_id", "id"),
        Index(
            "ix_onboardings_unbound", "provider_id", "merchant_id",
            postgresql_where=text("program_id is null and closed_at is null"),
        ),
        Index(
            "uq_onboardings_open", "program_id", unique=True,
            postgresql_where=text("program_id is not null and closed_at is null"),
        ),
    )  # fmt: skip

    merchant_id: Mapped[UUID]
    program_id: Mapped[UUID | None] = mapped_column(default=None)
    made_by: Mapped[str] = mapped_column(Text, default="")
    closed_at: Mapped[datetime | None] = mapped_column(default=None)


class OnboardingPart(TenantOwned, Base):
    """One part of an onboarding: what was typed (sealed JSON, because much of it is personal), files by field, and
    what the provider says to single fields. `version` counts savings, so that two devices do not undo each other;
    `changes` are for each field the version that its last change made and the id of the opened page that it came from.
    `taken_over_at`: what was accepted last stands in the merchant's data or in the mini program's drafts since then.
    """

    __tablename__ = "onboarding_parts"
    __table_args__ = (
        UniqueConstraint("onboarding_id", "key"),
        ForeignKeyConstraint(
            ["provider_id", "onboarding_id"], ["onboardings.provider_id", "onboardings.id"], ondelete="CASCADE"
        ),
        Index(
            "ix_onboarding_parts_waiting", "provider_id", "handed_in_at", "id",
            postgresql_where=text("status = 'handed_in'"),
        ),
    )  # fmt: skip

    onboarding_id: Mapped[UUID]
    key: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, default=PartStatus.DRAFT)
    data_sealed: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)
    data = Sealed()
    files: Mapped[dict[str, list[str]]] = mapped_column(JSONB, default=dict)
    comments: Mapped[dict[str, str]] = mapped_column(JSONB, default=dict)
    version: Mapped[int] = mapped_column(default=0)
    changes: Mapped[dict[str, tuple[int, str]]] = mapped_column(JSONB, default=dict)
    saved_at: Mapped[datetime | None] = mapped_column(default=None)
    saved_by: Mapped[str] = mapped_column(Text, default="")
    handed_in_at: Mapped[datetime | None] = mapped_column(default=None)
    handed_in_by: Mapped[str] = mapped_column(Text, default="")
    reviewed_at: Mapped[datetime | None] = mapped_column(default=None)
    reviewed_by: Mapped[str] = mapped_column(Text, default="")
    taken_over_at: Mapped[datetime | None] = mapped_column(default=None)

    @property
    def values(self) -> dict[str, Any]:
        return json.loads(self.data or "{}")  # type: ignore[no-any-return]

    @values.setter
    def values(self, values: Mapping[str, Any]) -> None:
        self.data = json.dumps(values, ensure_ascii=False)


class Reminder(TenantOwned, Base):
    """That a merchant was told of one step that waits for her: once per step, stage and channel.

    It is about a mini program, or about a registration as long as there is no mini program.
    """

    __tablename__ = "reminders"
    __table_args__ = (
        UniqueConstraint(
            "program_id", "registration_id", "step", "began_at", "stage", "channel", name="uq_reminders_once",
            postgresql_nulls_not_distinct=True,
        ),
        CheckConstraint("num_nonnulls(program_id, registration_id) = 1", name="about_one"),
        ForeignKeyConstraint(
            ["provider_id", "program_id"], ["programs.provider_id", "programs.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(
            ["provider_id", "registration_id"], ["registrations.provider_id", "registrations.id"], ondelete="CASCADE"
        ),
        Index("ix_reminders_program", "provider_id", "program_id", "id"),
        Index("ix_reminders_registration", "provider_id", "registration_id", "id"),
    )  # fmt: skip

    program_id: Mapped[UUID | None] = mapped_column(default=None)
    registration_id: Mapped[UUID | None] = mapped_column(default=None)
    step: Mapped[str] = mapped_column(Text)
    began_at: Mapped[datetime]
    stage: Mapped[str] = mapped_column(Text)
    channel: Mapped[str] = mapped_column(Text)
    to: Mapped[str] = mapped_column(Text, default="")
    sent_by: Mapped[str] = mapped_column(Text, default="")


class Notice(TenantOwned, Base):
    """Something that a merchant's people should know; shown on their pages. `key` keeps it from coming twice."""

    __tablename__ = "notices"
    __table_args__ = (
        UniqueConstraint("merchant_id", "key"),
        ForeignKeyConstraint(
            ["provider_id", "merchant_id"], ["merchants.provider_id", "merchants.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(
            ["provider_id", "program_id"], ["programs.provider_id", "programs.id"], ondelete="CASCADE"
        ),
        Index("ix_notices_listing", "provider_id", "merchant_id", "id"),
    )

    merchant_id: Mapped[UUID]
    program_id: Mapped[UUID | None] = mapped_column(default=None)
    kind: Mapped[str] = mapped_column(Text)
    key: Mapped[str] = mapped_column(Text)
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)


class DataRequestStatus(StrEnum):
    OPEN = "open"
    DONE = "done"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class DataRequest(TenantOwned, Base):
    """A merchant wants her data deleted; the provider settles it and says what was kept and why.

    `erased` are the values of `saas.onboarding.kept_data.Group` that were.
    """

    __tablename__ = "data_requests"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "merchant_id"], ["merchants.provider_id", "merchants.id"], ondelete="CASCADE"
        ),
        Index("ix_data_requests_merchant", "provider_id", "merchant_id", "id"),
        Index(
            "uq_data_requests_open", "merchant_id", unique=True, postgresql_where=text("status = 'open'")
        ),
    )  # fmt: skip

    merchant_id: Mapped[UUID]
    status: Mapped[str] = mapped_column(Text, default=DataRequestStatus.OPEN)
    asked_by: Mapped[str] = mapped_column(Text, default="")
    wish: Mapped[str] = mapped_column(Text, default="")
    answer: Mapped[str] = mapped_column(Text, default="")
    settled_at: Mapped[datetime | None] = mapped_column(default=None)
    settled_by: Mapped[str] = mapped_column(Text, default="")
    erased: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)


class ExportStatus(StrEnum):
    QUEUED = "queued"
    READY = "ready"
    FAILED = "failed"


class DataExport(TenantOwned, Base):
    """All that is kept about a merchant, put into one file for her; at most one is in the making.

    `papers_done` of `papers` photos are in it so far. The file is forgotten after `expires_at`.
    """

    __tablename__ = "data_exports"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "merchant_id"], ["merchants.provider_id", "merchants.id"], ondelete="CASCADE"
        ),
        Index("ix_data_exports_merchant", "provider_id", "merchant_id", "id"),
        Index(
            "uq_data_exports_open", "merchant_id", unique=True, postgresql_where=text("status = 'queued'")
        ),
    )  # fmt: skip

    merchant_id: Mapped[UUID]
    status: Mapped[str] = mapped_column(Text, default=ExportStatus.QUEUED)
    asked_by: Mapped[str] = mapped_column(Text, default="")
    asked_by_id: Mapped[UUID]
    locale: Mapped[str] = mapped_column(Text, default="zh_CN")
    papers: Mapped[int] = mapped_column(default=0)
    papers_done: Mapped[int] = mapped_column(default=0)
    file_id: Mapped[UUID | None] = mapped_column(default=None)
    expires_at: Mapped[datetime | None] = mapped_column(default=None)
