"""Privacy guides (用户隐私保护指引): the provider's templates, and what each mini program has; its order page."""

from __future__ import annotations

import json
from datetime import datetime
from enum import IntEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, LargeBinary, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from saas.db import Base, TenantOwned
from saas.failures import Failable
from saas.programs.privacy_guides import Guide
from saas.vault import Sealed


class InterfaceStatus(IntEnum):
    """How a location interface stands, as `getPrivacyInterface` numbers it; the event has other numbers."""

    NOT_APPLIED = 1
    NOT_ALLOWED = 2
    IN_REVIEW = 3
    REFUSED = 4
    GRANTED = 5


class PrivacyTemplate(TenantOwned, Base):
    """What many guides of a provider have in common, by a name of its own. Sealed because it tells whom to call."""

    __tablename__ = "privacy_templates"
    __table_args__ = (UniqueConstraint("provider_id", "name"),)

    name: Mapped[str] = mapped_column(Text)
    content_sealed: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)
    content = Sealed()
    changed_at: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(Text, default="")

    @property
    def guide(self) -> Guide:
        return Guide.of(json.loads(self.content or "{}"))

    @guide.setter
    def guide(self, guide: Guide) -> None:
        self.content = json.dumps(guide.plain(), ensure_ascii=False)


class ProgramPrivacy(Failable, TenantOwned, Base):
    """The privacy of a mini program as WeChat last told it, one row per mini program.

    `used` are the keys that the scan of the uploaded code found, `missing` those of them without a purpose in the guide
    in development; `lacking` and `undeclared` are interfaces without a grant and without a line in ext_json.
    `interfaces`: ``{name, label, status, reason, link}`` each, `status` an `InterfaceStatus`; `in_review_since` is when
    the newest of their open reviews was first seen.
    """

    __tablename__ = "program_privacy"
    __table_args__ = (
        UniqueConstraint("program_id"),
        ForeignKeyConstraint(
            ["provider_id", "program_id"], ["programs.provider_id", "programs.id"], ondelete="CASCADE"
        ),
        Index("ix_program_privacy_open", "id", postgresql_where=text("in_review")),
    )

    program_id: Mapped[UUID]
    content_sealed: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)
    content = Sealed()
    has_code: Mapped[bool] = mapped_column(default=False)
    scanning: Mapped[bool] = mapped_column(default=False)
    used: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    missing: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    lacking: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    undeclared: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    interfaces: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)
    in_review: Mapped[bool] = mapped_column(default=False)
    in_review_since: Mapped[datetime | None] = mapped_column(default=None)
    read_at: Mapped[datetime | None] = mapped_column(default=None)

    @property
    def online(self) -> Guide:
        """What users see now."""
        return self._guide("online")

    @property
    def development(self) -> Guide:
        """What the next release brings online."""
        return self._guide("development")

    @property
    def wanted(self) -> Guide:
        """What was asked for last; a step brings it to WeChat."""
        return self._guide("wanted")

    @property
    def wanted_contact(self) -> Guide:
        """What the guide online was asked to say of contact, notice and retention last."""
        return self._guide("wanted_contact")

    def keep(self, **guides: Guide) -> None:
        """Replace these of `online`, `development`, `wanted` and `wanted_contact`."""
        kept = json.loads(self.content or "{}") | {name: guide.plain() for name, guide in guides.items()}
        self.content = json.dumps(kept, ensure_ascii=False)

    def _guide(self, name: str) -> Guide:
        return Guide.of(json.loads(self.content or "{}").get(name) or {})


class OrderPage(Failable, TenantOwned, Base):
    """The page of a mini program that shows its user's orders (订单页 path), as asked for last and as it holds.

    The test login of the reviewer is sealed. `status`: a `ReviewStatus`, "" when nothing was asked for.
    """

    __tablename__ = "order_pages"
    __table_args__ = (
        UniqueConstraint("program_id"),
        ForeignKeyConstraint(
            ["provider_id", "program_id"], ["programs.provider_id", "programs.id"], ondelete="CASCADE"
        ),
        Index("ix_order_pages_open", "id", postgresql_where=text("status = 'in_review'")),
    )

    program_id: Mapped[UUID]
    online_path: Mapped[str] = mapped_column(Text, default="")
    path: Mapped[str] = mapped_column(Text, default="")
    status: Mapped[str] = mapped_column(Text, default="")
    reason: Mapped[str] = mapped_column(Text, default="")
    test_login_sealed: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)
    test_login = Sealed()
    applied_at: Mapped[datetime | None] = mapped_column(default=None)
    read_at: Mapped[datetime | None] = mapped_column(default=None)
