"""Component apps, their tickets and tokens, the callback inbox, the call log and budgets."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, LargeBinary, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from saas import clock
from saas.db import Base, TenantOwned
from saas.vault import Sealed


class ComponentStatus(StrEnum):
    """Where a component app stands on its way to work; `health` tells more."""

    WAITING_TICKET = "waiting_ticket"
    CHECKING = "checking"
    READY = "ready"
    FAULTY = "faulty"


class ComponentApp(TenantOwned, Base):
    """A provider's own third-party platform. `key` names it in callback addresses and is no secret.

    `aes_key_seen_at` is when the first push came with the message key of `aes_key_changed_at`; `permission_counts` is
    how many authorized mini programs lack which permission set (`saas.programs.permission_counts`).
    """

    __tablename__ = "component_apps"
    __table_args__ = (UniqueConstraint("provider_id", "appid"), UniqueConstraint("provider_id", "id"))

    provider_id: Mapped[UUID] = mapped_column(ForeignKey("providers.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(Text, unique=True)
    name: Mapped[str] = mapped_column(Text)
    appid: Mapped[str] = mapped_column(Text)
    secret_sealed: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)
    secret = Sealed()
    token_sealed: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)
    token = Sealed()
    aes_key_sealed: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)
    aes_key = Sealed()
    previous_aes_key_sealed: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)
    previous_aes_key = Sealed()
    status: Mapped[str] = mapped_column(Text, default=ComponentStatus.WAITING_TICKET)

    push_started_at: Mapped[datetime | None] = mapped_column(default=None)
    first_ticket_at: Mapped[datetime | None] = mapped_column(default=None)
    last_ticket_at: Mapped[datetime | None] = mapped_column(default=None)
    last_token_at: Mapped[datetime | None] = mapped_column(default=None)
    callbacks_refused: Mapped[int] = mapped_column(default=0)
    last_refusal: Mapped[str] = mapped_column(Text, default="")
    last_refusal_at: Mapped[datetime | None] = mapped_column(default=None)
    aes_key_changed_at: Mapped[datetime | None] = mapped_column(default=None)
    aes_key_seen_at: Mapped[datetime | None] = mapped_column(default=None)
    last_errcode: Mapped[int | None] = mapped_column(default=None)
    last_operation: Mapped[str] = mapped_column(Text, default="")
    last_rid: Mapped[str] = mapped_column(Text, default="")
    last_error: Mapped[str] = mapped_column(Text, default="")
    last_error_at: Mapped[datetime | None] = mapped_column(default=None)
    refused_ip: Mapped[str] = mapped_column(Text, default="")
    release_check_at: Mapped[datetime | None] = mapped_column(default=None)

    audit_quota_rest: Mapped[int | None] = mapped_column(default=None)
    audit_quota_limit: Mapped[int | None] = mapped_column(default=None)
    speedup_rest: Mapped[int | None] = mapped_column(default=None)
    quota_read_at: Mapped[datetime | None] = mapped_column(default=None)
    templates_synced_at: Mapped[datetime | None] = mapped_column(default=None)
    domains_read_at: Mapped[datetime | None] = mapped_column(default=None)
    permission_counts: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict, server_default="{}")
    permissions_counted_at: Mapped[datetime | None] = mapped_column(default=None)

    @property
    def awaits_new_key(self) -> bool:
        """Whether the message key was changed and WeChat has not used the new one yet."""
        return bool(self.previous_aes_key_sealed) and self.aes_key_seen_at is None


class _OfComponent(TenantOwned):
    __abstract__ = True

    component_id: Mapped[UUID] = mapped_column(index=True)


def _component_key() -> ForeignKeyConstraint:
    """Provider and component together, so that no row can point at another tenant's component."""
    return ForeignKeyConstraint(
        ["provider_id", "component_id"], ["component_apps.provider_id", "component_apps.id"], ondelete="CASCADE"
    )


class Ticket(_OfComponent, Base):
    """A component_verify_ticket. Append-only; the newest by WeChat's own time counts, old ones are pruned."""

    __tablename__ = "tickets"
    __table_args__ = (_component_key(), Index("ix_tickets_newest", "component_id", "issued_at"))

    value_sealed: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)
    value = Sealed()
    issued_at: Mapped[datetime]


class AuthorizationEnd(StrEnum):
    """Why no access token can be had any more: the merchant withdrew, or the refresh token is void everywhere."""

    UNAUTHORIZED = "unauthorized"
    LOST = "lost"


class AccessTokenRow(_OfComponent, Base):
    """The current access token of a component (`appid` empty) or of one mini program, and the lease of its refresher.

    `fence` grows with every lease; a save counts only under the fence that is still in force. `authorized_at` is
    WeChat's time of the newest authorization known, `ended_at` of its end; a new authorization clears the end.
    """

    __tablename__ = "access_tokens"
    __table_args__ = (
        UniqueConstraint("component_id", "appid"),
        _component_key(),
        Index("ix_access_tokens_expiring", "expires_at", postgresql_where=text("ended_at is null")),
        Index("ix_access_tokens_ended", "ended_at", postgresql_where=text("ended_at is not null")),
    )

    appid: Mapped[str] = mapped_column(Text, default="")
    value_sealed: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)
    value = Sealed()
    expires_at: Mapped[datetime | None] = mapped_column(default=None)
    refreshed_at: Mapped[datetime | None] = mapped_column(default=None)
    fence: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[datetime | None] = mapped_column(default=None)
    authorized_at: Mapped[datetime | None] = mapped_column(default=None)
    ended_at: Mapped[datetime | None] = mapped_column(default=None)
    ended_why: Mapped[str] = mapped_column(Text, default="")


class RefreshTokenSource(StrEnum):
    """Where a refresh token came from."""

    AUTHORIZATION = "authorization"
    REFRESH = "refresh"
    AUTHORIZER_LIST = "authorizer_list"


class RefreshToken(_OfComponent, Base):
    """A merchant's refresh token: the crown jewel. Append-only; the highest `version` is current.

    `granted_at` is when WeChat gave it; a row is added only when it is not blank, differs and is not older.
    """

    __tablename__ = "refresh_tokens"
    __table_args__ = (UniqueConstraint("component_id", "appid", "version"), _component_key())

    appid: Mapped[str] = mapped_column(Text)
    version: Mapped[int]
    value_sealed: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)
    value = Sealed()
    source: Mapped[str] = mapped_column(Text)
    granted_at: Mapped[datetime]


class CallbackStatus(StrEnum):
    QUEUED = "queued"
    DONE = "done"
    FAILED = "failed"


class Callback(_OfComponent, Base):
    """One push of WeChat, stored once (by digest) and worked on by a job. The body is sealed: it may hold codes."""

    __tablename__ = "callbacks"
    __table_args__ = (
        UniqueConstraint("component_id", "digest"),
        _component_key(),
        Index("ix_callbacks_newest", "component_id", "id"),
    )

    digest: Mapped[bytes] = mapped_column(LargeBinary)
    appid: Mapped[str] = mapped_column(Text, default="")
    kind: Mapped[str] = mapped_column(Text)
    body_sealed: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)
    body = Sealed()
    happened_at: Mapped[datetime | None] = mapped_column(default=None)
    status: Mapped[str] = mapped_column(Text, default=CallbackStatus.QUEUED)
    times_seen: Mapped[int] = mapped_column(default=1)
    last_seen_at: Mapped[datetime] = mapped_column(default=clock.now)
    finished_at: Mapped[datetime | None] = mapped_column(default=None)
    error: Mapped[str] = mapped_column(Text, default="")


class CallbackRefusal(_OfComponent, Base):
    """How many pushes were refused for one reason in the five minutes that began at `began_at`."""

    __tablename__ = "callback_refusals"
    __table_args__ = (UniqueConstraint("component_id", "began_at", "why"), _component_key())

    component_id: Mapped[UUID] = mapped_column()
    began_at: Mapped[datetime]
    why: Mapped[str] = mapped_column(Text)
    count: Mapped[int]


class WeChatCall(_OfComponent, Base):
    """The call log: every request to WeChat with its errcode and rid; never a secret. `origin`: what it was for."""

    __tablename__ = "wechat_calls"
    __table_args__ = (
        Index("ix_wechat_calls_program", "provider_id", "appid", "id"),
        Index("ix_wechat_calls_component", "component_id", "created_at"),
        _component_key(),
    )

    component_id: Mapped[UUID] = mapped_column()
    appid: Mapped[str] = mapped_column(Text, default="")
    operation: Mapped[str] = mapped_column(Text)
    errcode: Mapped[int | None] = mapped_column(default=None)
    rid: Mapped[str] = mapped_column(Text, default="")
    ms: Mapped[int]
    fault: Mapped[str] = mapped_column(Text, default="")
    origin: Mapped[str] = mapped_column(Text, default="", server_default="")


class _CallCounts:
    """Calls of one day in Asia/Shanghai, counted from the call log: `operations` by name, `polling` and `upkeep` by
    what they were for, the rest is work.
    """

    day: Mapped[date]
    calls: Mapped[int]
    failed: Mapped[int]
    polling: Mapped[int]
    upkeep: Mapped[int]
    operations: Mapped[dict[str, int]] = mapped_column(JSONB)


class ProgramCallDay(_CallCounts, _OfComponent, Base):
    """A day's calls for one mini program, by its appid."""

    __tablename__ = "program_call_days"
    __table_args__ = (UniqueConstraint("component_id", "appid", "day"), _component_key())

    component_id: Mapped[UUID] = mapped_column()
    appid: Mapped[str] = mapped_column(Text)


class ComponentCallDay(_CallCounts, _OfComponent, Base):
    """A day's calls of a component app, with those for its mini programs. `programs`: how many it served then."""

    __tablename__ = "component_call_days"
    __table_args__ = (UniqueConstraint("component_id", "day"), _component_key())

    component_id: Mapped[UUID] = mapped_column()
    programs: Mapped[int]


class QuotaDay(_OfComponent, Base):
    """The audit quota of a component app as last read on a day in Asia/Shanghai, and the fast reviews beside it."""

    __tablename__ = "quota_days"
    __table_args__ = (UniqueConstraint("component_id", "day"), _component_key())

    component_id: Mapped[UUID] = mapped_column()
    day: Mapped[date]
    audit_rest: Mapped[int]
    audit_limit: Mapped[int]
    speedup_rest: Mapped[int | None] = mapped_column(default=None)
    speedup_limit: Mapped[int | None] = mapped_column(default=None)
    read_at: Mapped[datetime]


class Budget(_OfComponent, Base):
    """How often a limit of `saas.wx.limits` was used in the period that began on `starts_on` (in Asia/Shanghai).

    `owner` is an appid, "" for the component app, or the hash of a person or task. `told` is the amount by WeChat's
    own answers.
    """

    __tablename__ = "budgets"
    __table_args__ = (
        UniqueConstraint("component_id", "owner", "name", "starts_on"),
        Index("ix_budgets_period", "provider_id", "name", "starts_on", "id"),
        _component_key(),
    )

    owner: Mapped[str] = mapped_column(Text, default="")
    name: Mapped[str] = mapped_column(Text)
    starts_on: Mapped[date]
    used: Mapped[int] = mapped_column(default=0)
    told: Mapped[int | None] = mapped_column(default=None)


class ImportStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class FleetImport(_OfComponent, Base):
    """Bringing in the mini programs that had already authorized this component app; shown as its progress."""

    __tablename__ = "fleet_imports"
    __table_args__ = (
        _component_key(),
        Index(
            "uq_fleet_imports_open", "component_id", unique=True,
            postgresql_where=text("status in ('queued', 'running')"),
        ),
    )  # fmt: skip

    status: Mapped[str] = mapped_column(Text, default=ImportStatus.QUEUED)
    total: Mapped[int | None] = mapped_column(default=None)
    offset: Mapped[int] = mapped_column(default=0)
    added: Mapped[int] = mapped_column(default=0)
    known: Mapped[int] = mapped_column(default=0)
    skipped: Mapped[int] = mapped_column(default=0)
    failed: Mapped[int] = mapped_column(default=0)
    errcode: Mapped[int | None] = mapped_column(default=None)
    operation: Mapped[str] = mapped_column(Text, default="")
    rid: Mapped[str] = mapped_column(Text, default="")
    error: Mapped[str] = mapped_column(Text, default="")
    finished_at: Mapped[datetime | None] = mapped_column(default=None)


class ComponentDomain(_OfComponent, Base):
    """A host that the component app's mini programs may use. `wished` is ours; WeChat keeps one list for the version in
    test and one for the version published to everybody. `refused` is WeChat's reason, as a msgid.
    """

    __tablename__ = "component_domains"
    __table_args__ = (
        UniqueConstraint("component_id", "kind", "host"),
        Index("ix_component_domains_host", "host"),
        _component_key(),
    )

    kind: Mapped[str] = mapped_column(Text)
    host: Mapped[str] = mapped_column(Text(collation="C"))
    wished: Mapped[bool] = mapped_column(default=False)
    testing: Mapped[bool] = mapped_column(default=False)
    published: Mapped[bool] = mapped_column(default=False)
    refused: Mapped[str] = mapped_column(Text, default="")


class CheckFile(_OfComponent, Base):
    """What a business domain must serve at its root. `owner_id` is the component app, or a mini program whose business
    domains are set directly (the table of mini programs lies above).
    """

    __tablename__ = "check_files"
    __table_args__ = (UniqueConstraint("owner_id"), Index("ix_check_files_name", "name"), _component_key())

    owner_id: Mapped[UUID]
    name: Mapped[str] = mapped_column(Text(collation="C"))
    content: Mapped[str] = mapped_column(Text)
