"""Registrations: one case per mini program that WeChat is to create, or trial that is to become a real one."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, LargeBinary, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from saas.db import Base, TenantOwned
from saas.failures import Failable
from saas.vault import Sealed


class RegistrationKind(StrEnum):
    """How the mini program comes about. `saas.programs.registration_kinds` knows what each needs and calls."""

    ENTERPRISE = "enterprise"
    PERSONAL = "personal"
    TRADING = "trading"  # an upgraded personal one, which may sell
    OFFIACCOUNT = "offiaccount"  # with an official account's subject
    TRIAL = "trial"
    CONVERSION = "conversion"  # a trial becomes a company's
    UPGRADE = "upgrade"  # a trial becomes an upgraded personal one


class RegistrationStatus(StrEnum):
    """How a case stands; `TRANSITIONS` says what may follow."""

    DRAFT = "draft"
    SENDING = "sending"
    WAITING_PERSON = "waiting_person"
    CHECKING = "checking"
    DONE = "done"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"

    @property
    def is_open(self) -> bool:
        """WeChat has the case: a person or WeChat must act."""
        return self in (RegistrationStatus.WAITING_PERSON, RegistrationStatus.CHECKING)

    @property
    def is_editable(self) -> bool:
        return self in (RegistrationStatus.DRAFT, RegistrationStatus.FAILED, RegistrationStatus.EXPIRED)


_S = RegistrationStatus

TRANSITIONS: dict[RegistrationStatus, frozenset[RegistrationStatus]] = {
    _S.DRAFT: frozenset({_S.SENDING, _S.CANCELLED}),
    _S.SENDING: frozenset({_S.WAITING_PERSON, _S.CHECKING, _S.DONE, _S.FAILED}),
    _S.WAITING_PERSON: frozenset({_S.CHECKING, _S.DONE, _S.FAILED, _S.EXPIRED, _S.CANCELLED}),
    _S.CHECKING: frozenset({_S.WAITING_PERSON, _S.DONE, _S.FAILED, _S.EXPIRED, _S.CANCELLED}),
    _S.DONE: frozenset(),
    # Success may come late, whatever we believed: the mini program exists.
    _S.FAILED: frozenset({_S.SENDING, _S.CHECKING, _S.DONE, _S.CANCELLED}),
    _S.EXPIRED: frozenset({_S.SENDING, _S.CHECKING, _S.DONE, _S.CANCELLED}),
    _S.CANCELLED: frozenset({_S.DONE}),
}


class Registration(Failable, TenantOwned, Base):
    """A case. It stays the same over its attempts; `history` keeps how each ended.

    `name` is the company's, the trial's or the merchant's. `task_id` is WeChat's id of the attempt, `task_state` the
    state that a query told last, `status_code` the result that WeChat gave, 0 or a reason. `program_id` is the result,
    or from the beginning the trial. `person_hash` finds the case by the WeChat id that an event names. The call that
    was refused is in the row (`Failable`).
    """

    __tablename__ = "registrations"
    __table_args__ = (
        UniqueConstraint("provider_id", "id"),
        ForeignKeyConstraint(
            ["provider_id", "component_id"], ["component_apps.provider_id", "component_apps.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(["provider_id", "merchant_id"], ["merchants.provider_id", "merchants.id"]),
        ForeignKeyConstraint(["provider_id", "program_id"], ["programs.provider_id", "programs.id"]),
        Index("ix_registrations_listing", "provider_id", "status", "id"),
        Index("ix_registrations_merchant", "provider_id", "merchant_id", "id"),
        Index("ix_registrations_program", "program_id", postgresql_where=text("program_id is not null")),
        Index("ix_registrations_code", "component_id", "company_code", postgresql_where=text("company_code <> ''")),
        Index(
            "ix_registrations_person", "component_id", "person_hash",
            postgresql_where=text("person_hash is not null"),
        ),
        Index("ix_registrations_open", "id", postgresql_where=text("status in ('waiting_person', 'checking')")),
        Index(
            "uq_registrations_company_open", "component_id", "company_code", unique=True,
            postgresql_where=text("company_code <> '' and status in ('sending', 'waiting_person', 'checking')"),
        ),
    )  # fmt: skip

    kind: Mapped[str] = mapped_column(Text)
    component_id: Mapped[UUID]
    merchant_id: Mapped[UUID]
    program_id: Mapped[UUID | None] = mapped_column(default=None)
    name: Mapped[str] = mapped_column(Text, default="")
    company_code: Mapped[str] = mapped_column(Text, default="")
    component_phone: Mapped[str] = mapped_column(Text, default="")
    person_name_sealed: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)
    person_name = Sealed()
    person_wechat_sealed: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)
    person_wechat = Sealed()
    person_openid_sealed: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)
    person_openid = Sealed()
    person_hash: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)
    offiaccount_appid: Mapped[str] = mapped_column(Text, default="")
    copies_verification: Mapped[bool] = mapped_column(default=False)
    ticket_sealed: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)
    ticket = Sealed()

    status: Mapped[str] = mapped_column(Text, default=RegistrationStatus.DRAFT)
    attempt: Mapped[int] = mapped_column(default=0)
    task_id: Mapped[str] = mapped_column(Text, default="")
    task_state: Mapped[int | None] = mapped_column(default=None)
    link: Mapped[str] = mapped_column(Text, default="")
    sent_at: Mapped[datetime | None] = mapped_column(default=None)
    expires_at: Mapped[datetime | None] = mapped_column(default=None)
    asked_at: Mapped[datetime | None] = mapped_column(default=None)
    status_code: Mapped[int | None] = mapped_column(default=None)
    finished_at: Mapped[datetime | None] = mapped_column(default=None)
    history: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)
    created_by_name: Mapped[str] = mapped_column(Text, default="")
