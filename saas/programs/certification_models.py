"""Certifications (认证) of mini programs, the templates that they are made from, and what the provider paid."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, LargeBinary, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from saas.db import Base, TenantOwned
from saas.failures import Failable
from saas.vault import Sealed

TASK_TIME = timedelta(hours=24)
REFILL_TIME = timedelta(days=30)
MOST_REFILLS = 3
"""How often a certification that was sent back may be handed in again."""


class CertificationStatus(StrEnum):
    """DRAFT is ours; all others are WeChat's, by the names of `x-wx-lifecycle` in the contract."""

    DRAFT = "draft"
    ADMIN_PENDING = "admin_pending"
    ADMIN_REFUSED = "admin_refused"
    ADMIN_AGREED = "admin_agreed"
    TASK_EXPIRED = "task_expired"
    FACE_RUNNING = "face_running"
    FACE_FAILED = "face_failed"
    FACE_OK = "face_ok"
    PHONE_CODE_SENT = "phone_code_sent"
    PHONE_FAILED = "phone_failed"
    PHONE_OK = "phone_ok"
    ORDER_FAILED = "order_failed"
    VERIFY_FAILED = "verify_failed"
    ORDER_CREATED = "order_created"
    PAY_PENDING = "pay_pending"
    IN_REVIEW = "in_review"
    SENT_BACK = "sent_back"
    PASSED = "passed"
    FAILED = "failed"


_S = CertificationStatus
ENDED = (
    _S.ADMIN_REFUSED, _S.TASK_EXPIRED, _S.FACE_FAILED, _S.PHONE_FAILED, _S.ORDER_FAILED, _S.VERIFY_FAILED, _S.PASSED,
    _S.FAILED,
)  # fmt: skip
"""States in which another certification may be begun."""
OF_ADMINISTRATOR = (
    _S.ADMIN_PENDING, _S.ADMIN_AGREED, _S.FACE_RUNNING, _S.FACE_OK, _S.PHONE_CODE_SENT,
)  # fmt: skip
"""States in which the administrator has something to do on the phone, within a day of the start."""
_IS_OPEN = f"status not in ({', '.join(repr(one.value) for one in ENDED)})"


class Filled:
    """Data of a certification: `values` by the names of `saas.programs.certification_data`, sealed because much of it
    is personal; `papers` are ids of stored pictures, by field."""

    data_sealed: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)
    data = Sealed()
    papers: Mapped[dict[str, list[str]]] = mapped_column(JSONB, default=dict)

    @property
    def values(self) -> dict[str, str]:
        return json.loads(self.data or "{}")  # type: ignore[no-any-return]

    @values.setter
    def values(self, values: Mapping[str, str]) -> None:
        self.data = json.dumps({name: value for name, value in values.items() if value}, ensure_ascii=False)


class CertificationTemplate(Filled, TenantOwned, Base):
    """What many certifications have in common; everything in it may be missing."""

    __tablename__ = "certification_templates"
    __table_args__ = (UniqueConstraint("provider_id", "name"),)

    name: Mapped[str] = mapped_column(Text)
    made_by: Mapped[str] = mapped_column(Text, default="")
    changed_at: Mapped[datetime | None] = mapped_column(default=None)


class Certification(Filled, Failable, TenantOwned, Base):
    """A certification of a mini program, from the draft to WeChat's verdict; one open per mini program.

    `sent_at` is when a start was last on its way to WeChat: a task that an event names afterwards is this one.
    `procedure_id`: it goes together with the filing and has no task of its own; see `filing_together`. `reason` is
    WeChat's for a send-back or a failure. What WeChat refused at the start is kept as in `Failable`.
    """

    __tablename__ = "certifications"
    __table_args__ = (
        UniqueConstraint("provider_id", "id"),
        ForeignKeyConstraint(
            ["provider_id", "program_id"], ["programs.provider_id", "programs.id"], ondelete="CASCADE"
        ),
        Index("uq_certifications_open", "program_id", unique=True, postgresql_where=text(_IS_OPEN)),
        Index("uq_certifications_task", "task_id", unique=True, postgresql_where=text("task_id <> ''")),
        Index("ix_certifications_program", "program_id", "id"),
        Index("ix_certifications_listing", "provider_id", "id"),
        Index("ix_certifications_status", "provider_id", "status", "id"),
    )

    program_id: Mapped[UUID]
    status: Mapped[str] = mapped_column(Text, default=CertificationStatus.DRAFT)
    changed_at: Mapped[datetime]
    template_name: Mapped[str] = mapped_column(Text, default="")
    made_by: Mapped[str] = mapped_column(Text, default="")
    task_id: Mapped[str] = mapped_column(Text(collation="C"), default="")
    procedure_id: Mapped[str] = mapped_column(Text(collation="C"), default="")
    auth_url: Mapped[str] = mapped_column(Text, default="")
    order_id: Mapped[str] = mapped_column(Text, default="")
    reason: Mapped[str] = mapped_column(Text, default="")
    agency: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    refills: Mapped[int] = mapped_column(default=0)
    sent_at: Mapped[datetime | None] = mapped_column(default=None)
    started_at: Mapped[datetime | None] = mapped_column(default=None)
    sent_back_at: Mapped[datetime | None] = mapped_column(default=None)
    read_at: Mapped[datetime | None] = mapped_column(default=None)

    @property
    def is_open(self) -> bool:
        return self.status not in ENDED

    @property
    def is_at_wechat(self) -> bool:
        """Whether WeChat has something to tell about it that may still change."""
        return self.is_open and self.status != CertificationStatus.DRAFT

    @property
    def due_at(self) -> datetime | None:
        """Until when the administrator, or after the first send-back the provider, has time. Together with the filing
        the administrator has to pay within a day, too.
        """
        if self.status in OF_ADMINISTRATOR and self.started_at:
            return self.started_at + TASK_TIME
        if self.status == CertificationStatus.PAY_PENDING and self.procedure_id and self.started_at:
            return self.started_at + TASK_TIME
        if self.status == CertificationStatus.SENT_BACK and self.sent_back_at:
            return self.sent_back_at + REFILL_TIME
        return None


class ChargeState(StrEnum):
    """RESERVED until WeChat makes the order; then CHARGED, or RELEASED when it never came to that."""

    RESERVED = "reserved"
    CHARGED = "charged"
    RELEASED = "released"


class CertificationCharge(TenantOwned, Base):
    """A certification that the provider pays for: `amount_fen` is the price that was set when it was begun."""

    __tablename__ = "certification_charges"
    __table_args__ = (
        UniqueConstraint("certification_id"),
        ForeignKeyConstraint(
            ["provider_id", "certification_id"], ["certifications.provider_id", "certifications.id"],
            ondelete="CASCADE", name="fk_certification_charges_certification",
        ),
        Index("ix_certification_charges_listing", "provider_id", "id"),
    )  # fmt: skip

    certification_id: Mapped[UUID]
    program_id: Mapped[UUID]
    program_name: Mapped[str] = mapped_column(Text, default="")
    appid: Mapped[str] = mapped_column(Text, default="")
    amount_fen: Mapped[int]
    state: Mapped[str] = mapped_column(Text, default=ChargeState.RESERVED)
    order_id: Mapped[str] = mapped_column(Text, default="")
    charged_at: Mapped[datetime | None] = mapped_column(default=None)


class IdentityTree(TenantOwned, Base):
    """What a person may be certified as, as WeChat lists it: ``{name, id, children, requirement}`` each."""

    __tablename__ = "identity_trees"
    __table_args__ = (
        UniqueConstraint("component_id"),
        ForeignKeyConstraint(
            ["provider_id", "component_id"], ["component_apps.provider_id", "component_apps.id"], ondelete="CASCADE"
        ),
    )

    component_id: Mapped[UUID]
    nodes: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)
    read_at: Mapped[datetime]
