"""Filings (备案) of mini programs: the rows, their states and how one follows another."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, LargeBinary, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from saas import clock
from saas.db import Base, TenantOwned
from saas.programs.words import Word
from saas.vault import Sealed

Values = Mapping[str, Any]
"""What a form holds, by the dotted path of WeChat's field; a list where several may be chosen."""


class FilingStatus(StrEnum):
    """As in WeChat's life cycle (`saas/wx/contract/icp_filing.json`), with our draft before it."""

    DRAFT = "draft"
    FACE = "face"
    FACE_FAILED = "face_failed"
    FACE_PASSED = "face_passed"
    INVALID = "invalid"  # refused at once, with faults per field
    CERTIFYING = "certifying"  # sent together with the certification, which WeChat decides first
    CERTIFY_SENT_BACK = "certify_sent_back"
    PLATFORM_REVIEW = "platform_review"
    PLATFORM_REJECTED = "platform_rejected"
    SMS = "sms"
    SMS_EXPIRED = "sms_expired"
    AUTHORITY_REVIEW = "authority_review"
    AUTHORITY_REJECTED = "authority_rejected"
    FILED = "filed"
    CANCELLING = "cancelling"
    WITHDRAWN = "withdrawn"
    CANCELLED = "cancelled"

    @property
    def word(self) -> Word:
        return _WORDS[self]

    @property
    def is_editable(self) -> bool:
        """WeChat does not have it: it may be changed, and sent."""
        return self not in AT_WECHAT


_S = FilingStatus
AT_WECHAT = frozenset(
    {
        _S.CERTIFYING, _S.PLATFORM_REVIEW, _S.SMS, _S.SMS_EXPIRED, _S.AUTHORITY_REVIEW, _S.FILED, _S.CANCELLING,
    }
)  # fmt: skip
"""Known to WeChat and not given back. Any of them may follow on any state: one may apply in WeChat's console, too."""
WATCHED = (AT_WECHAT - {_S.FILED}) | {_S.FACE}
"""Somebody else has to act: ask until it is over."""
GIVEN_BACK = frozenset({_S.CERTIFY_SENT_BACK, _S.PLATFORM_REJECTED, _S.AUTHORITY_REJECTED})
_REJECTED = frozenset({_S.PLATFORM_REJECTED, _S.AUTHORITY_REJECTED})
_CHECKED = frozenset({_S.FACE_PASSED, _S.FACE_FAILED})

NEXT: Mapping[FilingStatus, frozenset[FilingStatus]] = {
    _S.DRAFT: AT_WECHAT | _REJECTED | {_S.FACE},
    _S.FACE: AT_WECHAT | _CHECKED | {_S.FACE, _S.DRAFT},
    _S.FACE_FAILED: AT_WECHAT | {_S.FACE, _S.DRAFT},
    _S.FACE_PASSED: AT_WECHAT | {_S.FACE, _S.INVALID, _S.DRAFT},
    _S.INVALID: AT_WECHAT | {_S.FACE, _S.INVALID, _S.DRAFT},
    _S.CERTIFYING: AT_WECHAT | GIVEN_BACK | {_S.INVALID, _S.DRAFT, _S.WITHDRAWN},
    _S.CERTIFY_SENT_BACK: AT_WECHAT | {_S.FACE, _S.INVALID, _S.DRAFT},
    _S.PLATFORM_REVIEW: AT_WECHAT | _REJECTED | {_S.WITHDRAWN},
    _S.PLATFORM_REJECTED: AT_WECHAT | {_S.FACE, _S.INVALID},
    _S.SMS: AT_WECHAT | _REJECTED | {_S.WITHDRAWN},
    _S.SMS_EXPIRED: AT_WECHAT | _REJECTED | {_S.WITHDRAWN},
    _S.AUTHORITY_REVIEW: AT_WECHAT | _REJECTED | {_S.WITHDRAWN},
    _S.AUTHORITY_REJECTED: AT_WECHAT | {_S.FACE, _S.INVALID},
    _S.FILED: frozenset({_S.CANCELLING, _S.CANCELLED}),
    _S.CANCELLING: frozenset({_S.FILED, _S.CANCELLED}),
    _S.WITHDRAWN: AT_WECHAT | {_S.FACE, _S.INVALID},
    _S.CANCELLED: AT_WECHAT | {_S.FACE},
}
"""The one table of transitions."""

_WORDS = {
    _S.DRAFT: Word.FILE_READY,
    _S.FACE: Word.FILE_FACE,
    _S.FACE_FAILED: Word.FILE_FACE_FAILED,
    _S.FACE_PASSED: Word.FILE_FACE_PASSED,
    _S.INVALID: Word.FILE_INVALID,
    _S.CERTIFYING: Word.FILE_CERTIFYING,
    _S.CERTIFY_SENT_BACK: Word.FILE_CERTIFY_SENT_BACK,
    _S.PLATFORM_REVIEW: Word.FILE_PLATFORM_REVIEW,
    _S.PLATFORM_REJECTED: Word.FILE_PLATFORM_REJECTED,
    _S.SMS: Word.FILE_SMS,
    _S.SMS_EXPIRED: Word.FILE_SMS_EXPIRED,
    _S.AUTHORITY_REVIEW: Word.FILE_AUTHORITY_REVIEW,
    _S.AUTHORITY_REJECTED: Word.FILE_AUTHORITY_REJECTED,
    _S.FILED: Word.FILED,
    _S.CANCELLING: Word.FILE_CANCELLING,
    _S.WITHDRAWN: Word.FILE_READY,
    _S.CANCELLED: Word.FILE_READY,
}


def _listed(statuses: Iterable[FilingStatus]) -> str:
    return ", ".join(f"'{status.value}'" for status in sorted(statuses))


FACE_TIME = timedelta(hours=24)
"""How long the administrator has for the face check."""
FACE_USE = timedelta(days=3)
"""How long after its start a passed face check may be sent along."""
FACE_USE_WITH_CERTIFICATION = timedelta(days=1)
PAY_TIME = timedelta(hours=24)
"""How long the administrator has to pay for a certification that goes together with the filing."""
SMS_TIME = timedelta(hours=24)
"""How long the persons in charge have to answer the ministry's text message."""


class _Filled:
    """What a form holds, sealed as a whole: most of it is about persons. `files` names the kept files per field."""

    content: Any
    files: Mapped[dict[str, list[str]]] = mapped_column(JSONB, default=dict)

    @property
    def values(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.content or "{}")
        return found

    @values.setter
    def values(self, values: Values) -> None:
        self.content = json.dumps(dict(values), ensure_ascii=False, sort_keys=True)


class FilingTemplate(_Filled, TenantOwned, Base):
    """What many filings of a provider have in common, by a name of its own."""

    __tablename__ = "filing_templates"
    __table_args__ = (UniqueConstraint("provider_id", "name"),)

    name: Mapped[str] = mapped_column(Text)
    content_sealed: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)
    content = Sealed()
    changed_at: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(Text, default="")


class Filing(_Filled, TenantOwned, Base):
    """The filing of one mini program: WeChat knows one at a time, and it may begin anew.

    `faults` are WeChat's at once, by the field's path; `reasons` those of its people and of the authority, as
    ``{name, error, suggest}``. `history` is one ``{status, at}`` per change. `due_at` ends the state it is in.
    `lacking` are the bits that WeChat gives an unfiled mini program: 1 name, avatar or introduction, 2 category,
    4 certification. A row without `content` is there only because WeChat was asked.

    `face_certifies`: the face check is for certification and filing in one go, and `face_url` its address.
    `procedure_id` is WeChat's for both, as long as it runs: nothing may be sent another way then.
    """

    __tablename__ = "filings"
    __table_args__ = (
        UniqueConstraint("program_id"),
        ForeignKeyConstraint(
            ["provider_id", "program_id"], ["programs.provider_id", "programs.id"], ondelete="CASCADE"
        ),
        Index("uq_filings_procedure", "procedure_id", unique=True, postgresql_where=text("procedure_id <> ''")),
        Index("ix_filings_watched", "id", postgresql_where=text(f"status in ({_listed(WATCHED)})")),
    )

    program_id: Mapped[UUID]
    status: Mapped[str] = mapped_column(Text, default=FilingStatus.DRAFT)
    template_name: Mapped[str] = mapped_column(Text, default="")
    content_sealed: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)
    content = Sealed()
    faults: Mapped[dict[str, str]] = mapped_column(JSONB, default=dict)
    reasons: Mapped[list[dict[str, str]]] = mapped_column(JSONB, default=list)
    history: Mapped[list[dict[str, str]]] = mapped_column(JSONB, default=list)
    face_task_id: Mapped[str] = mapped_column(Text, default="")
    face_asked_at: Mapped[datetime | None] = mapped_column(default=None)
    face_passed: Mapped[bool] = mapped_column(default=False)
    face_certifies: Mapped[bool] = mapped_column(default=False)
    face_url: Mapped[str] = mapped_column(Text, default="")
    procedure_id: Mapped[str] = mapped_column(Text(collation="C"), default="")
    moved_at: Mapped[datetime] = mapped_column(default=clock.now)
    due_at: Mapped[datetime | None] = mapped_column(default=None)
    reminded_at: Mapped[datetime | None] = mapped_column(default=None)
    read_at: Mapped[datetime | None] = mapped_column(default=None)
    lacking: Mapped[int] = mapped_column(default=0)
    available: Mapped[bool] = mapped_column(default=True)
    number: Mapped[str] = mapped_column(Text, default="")
    subject_number: Mapped[str] = mapped_column(Text, default="")

    @property
    def face_ends_at(self) -> datetime | None:
        """Until when its face check may be sent along if it is passed."""
        if self.face_asked_at is None:
            return None
        return self.face_asked_at + (FACE_USE_WITH_CERTIFICATION if self.face_certifies else FACE_USE)

    @property
    def face_usable_until(self) -> datetime | None:
        """Until when its face check may be sent along; None without a passed one."""
        return self.face_ends_at if self.face_passed else None


class FilingTable(TenantOwned, Base):
    """One of WeChat's lists for filings, as last read: kinds of subjects, certificates, services, districts."""

    __tablename__ = "filing_tables"
    __table_args__ = (UniqueConstraint("provider_id", "kind"),)

    kind: Mapped[str] = mapped_column(Text)
    items: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)
    read_at: Mapped[datetime]
