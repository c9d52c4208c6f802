"""Providers, people, merchants and what the platform remembers about them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column

from saas import clock
from saas.db import Base, HasId, TenantOwned
from saas.vault import Sealed


class ProviderStatus(StrEnum):
    TRIAL = "trial"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSED = "closed"


class Role(StrEnum):
    """A member's role at a provider."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"
    VIEWER = "viewer"


class MerchantRole(StrEnum):
    OWNER = "owner"
    HELPER = "helper"


class PlatformRole(StrEnum):
    OPERATOR = "operator"
    BILLING_ADMIN = "billing_admin"
    SUPPORT = "support"


class Provider(HasId, Base):
    """A service provider: our tenant. `slug` is its name in addresses.

    What its merchants see: `brand_name` (its name when empty), `brand_colour` (#rrggbb), `brand_contact`, a logo, and
    maybe their own `host_name`, which counts once a request for it has come through (`host_seen_at`).

    While it is suspended, `suspended_from` is the status to come back to.
    """

    __tablename__ = "providers"

    slug: Mapped[str] = mapped_column(Text, unique=True)
    name: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, default=ProviderStatus.TRIAL)
    suspended_from: Mapped[str] = mapped_column(Text, default="")
    suspended_reason: Mapped[str] = mapped_column(Text, default="")
    time_zone: Mapped[str] = mapped_column(Text, default="Asia/Shanghai")
    contact: Mapped[str] = mapped_column(Text, default="")
    brand_name: Mapped[str] = mapped_column(Text, default="")
    brand_colour: Mapped[str] = mapped_column(Text, default="")
    brand_contact: Mapped[str] = mapped_column(Text, default="")
    brand_logo_file_id: Mapped[UUID | None] = mapped_column(default=None)
    host_name: Mapped[str | None] = mapped_column(Text, unique=True, default=None)
    host_seen_at: Mapped[datetime | None] = mapped_column(default=None)
    host_problem: Mapped[str] = mapped_column(Text, default="")


class ProviderKey(TenantOwned, Base):
    """A provider's data key (`data`) or its key for keyed hashes (`lookup`), wrapped by the master key."""

    __tablename__ = "provider_keys"
    __table_args__ = (
        Index(
            "uq_provider_keys_current", "provider_id", "use", unique=True, postgresql_where=text("retired_at is null")
        ),
    )

    provider_id: Mapped[UUID] = mapped_column(ForeignKey("providers.id", ondelete="CASCADE"))
    use: Mapped[str] = mapped_column(Text)
    wrapped: Mapped[bytes] = mapped_column(LargeBinary)
    retired_at: Mapped[datetime | None] = mapped_column(default=None)


class User(HasId, Base):
    """A person, global: memberships tie her to providers, merchants or the platform.

    She has an e-mail address or a mobile number or both; `email` is empty without one. A number is found by
    `phone_hash` and kept in `phone_box` (see `saas.tenants.phones`), because the vault's keys belong to providers.
    """

    __tablename__ = "users"
    __table_args__ = (
        Index("uq_users_email", func.lower(text("email")), unique=True, postgresql_where=text("email <> ''")),
    )

    email: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text, default="")
    password_hash: Mapped[str] = mapped_column(Text, default="")
    email_verified_at: Mapped[datetime | None] = mapped_column(default=None)
    locale: Mapped[str] = mapped_column(Text, default="zh_CN")
    phone_hash: Mapped[bytes | None] = mapped_column(LargeBinary, unique=True, default=None)
    phone_box: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)
    blocked_at: Mapped[datetime | None] = mapped_column(default=None)

    @hybrid_property
    def is_confirmed(self) -> bool:
        """Whether she has shown how she can be reached: without an address she came by a number or by WeChat."""
        return self.email_verified_at is not None or not self.email

    @is_confirmed.inplace.expression
    @classmethod
    def _is_confirmed(cls) -> ColumnElement[bool]:
        return cls.email_verified_at.is_not(None) | (cls.email == "")


class Identity(HasId, Base):
    """An account elsewhere that signs a person in. For WeChat `issuer` is ``wechat:<appid>`` and `subject` the openid;
    `union` is the same for all apps of one WeChat Open Platform account."""

    __tablename__ = "identities"
    __table_args__ = (UniqueConstraint("issuer", "subject"), Index("ix_identities_union", "union"))

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    issuer: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    union: Mapped[str] = mapped_column(Text, default="")
    name: Mapped[str] = mapped_column(Text, default="")
    used_at: Mapped[datetime | None] = mapped_column(default=None)


class SignInCode(HasId, Base):
    """A code that was sent to a mobile number or an address, to sign in or to add it; only hashes are kept."""

    __tablename__ = "sign_in_codes"
    __table_args__ = (Index("ix_sign_in_codes_to", "to_hash", "id"),)

    to_hash: Mapped[bytes] = mapped_column(LargeBinary)
    purpose: Mapped[str] = mapped_column(Text)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary)
    expires_at: Mapped[datetime]
    tries: Mapped[int] = mapped_column(default=0)
    used_at: Mapped[datetime | None] = mapped_column(default=None)
    ip: Mapped[str] = mapped_column(Text, default="")


class OutgoingText(HasId, Base):
    """A text message to be sent by a job; as `OutgoingMail`. Outside the demo number and words are emptied once sent.

    `template` and `params` are what the clouds want: they send only words that were approved beforehand.
    """

    __tablename__ = "outgoing_texts"

    provider_id: Mapped[UUID | None] = mapped_column(default=None)
    to: Mapped[str] = mapped_column(Text)
    template: Mapped[str] = mapped_column(Text)
    params: Mapped[dict[str, str]] = mapped_column(JSONB, default=dict)
    text: Mapped[str] = mapped_column(Text)
    sent_at: Mapped[datetime | None] = mapped_column(default=None)
    error: Mapped[str] = mapped_column(Text, default="")


class WeChatSignIn(TenantOwned, Base):
    """The apps with which a provider's merchants sign in by WeChat: a website app (QR code on a computer) and an
    official account (inside WeChat). Without it the platform's own from the settings are used.

    The official account may also remind them by its message template `reminder_template`; `reminder_fields` are the
    names of the template's places (``thing1``) by `saas.tenants.wechat_messages.Place`.
    """

    __tablename__ = "wechat_sign_ins"

    provider_id: Mapped[UUID] = mapped_column(ForeignKey("providers.id", ondelete="CASCADE"), unique=True)
    site_appid: Mapped[str] = mapped_column(Text, default="")
    site_secret_sealed: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)
    site_secret = Sealed()
    account_appid: Mapped[str] = mapped_column(Text, default="")
    account_secret_sealed: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)
    account_secret = Sealed()
    account_token_sealed: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)
    account_token = Sealed()
    account_token_ends_at: Mapped[datetime | None] = mapped_column(default=None)
    reminder_template: Mapped[str] = mapped_column(Text, default="")
    reminder_fields: Mapped[dict[str, str]] = mapped_column(JSONB, default=dict)


class WeChatMessage(TenantOwned, Base):
    """A template message that a provider's official account writes to one person; `about_id` is the reminder that it
    carries. `errcode` is why WeChat would not take it, 0 when it did not answer; `name` is what WeChat calls her.
    """

    __tablename__ = "wechat_messages"
    __table_args__ = (
        Index("ix_wechat_messages_about", "about_id"),
        Index("ix_wechat_messages_failed", "provider_id", "id", postgresql_where=text("errcode is not null")),
    )

    about_id: Mapped[UUID]
    appid: Mapped[str] = mapped_column(Text)
    openid: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text, default="")
    template_id: Mapped[str] = mapped_column(Text)
    data: Mapped[dict[str, str]] = mapped_column(JSONB)
    url: Mapped[str] = mapped_column(Text)
    sent_at: Mapped[datetime | None] = mapped_column(default=None)
    errcode: Mapped[int | None] = mapped_column(default=None)


class LoginSession(HasId, Base):
    """A signed-in browser. Only the hash of its token is kept; revoking the row signs it out.

    A sign-in at a provider's own host comes from one at the platform's address (`parent_id`); they are signed out
    together.
    """

    __tablename__ = "login_sessions"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    parent_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("login_sessions.id", ondelete="CASCADE"), index=True, default=None
    )
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    last_seen_at: Mapped[datetime] = mapped_column(default=clock.now)
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None] = mapped_column(default=None)
    ip: Mapped[str] = mapped_column(Text, default="")
    user_agent: Mapped[str] = mapped_column(Text, default="")


class HandOver(HasId, Base):
    """A sign-in on its way from the platform's address to a provider's own host; its secret is kept as a hash only."""

    __tablename__ = "hand_overs"

    session_id: Mapped[UUID] = mapped_column(ForeignKey("login_sessions.id", ondelete="CASCADE"), index=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    host: Mapped[str] = mapped_column(Text)
    asker_hash: Mapped[bytes] = mapped_column(LargeBinary)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None] = mapped_column(default=None)


class MailTokenPurpose(StrEnum):
    VERIFY_EMAIL = "verify_email"
    RESET_PASSWORD = "reset_password"  # noqa: S105 - a name
    SIGN_IN = "sign_in"
    ADD_EMAIL = "add_email"


class MailToken(HasId, Base):
    """A one-use secret sent by mail; only its hash is kept."""

    __tablename__ = "mail_tokens"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    purpose: Mapped[str] = mapped_column(Text)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None] = mapped_column(default=None)


class Consent(HasId, Base):
    """Who agreed to which version of which text, when and from where. `provider_id` is set where the text names one."""

    __tablename__ = "consents"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    provider_id: Mapped[UUID | None] = mapped_column(default=None)
    document: Mapped[str] = mapped_column(Text)
    version: Mapped[str] = mapped_column(Text)
    ip: Mapped[str] = mapped_column(Text, default="")


class OutgoingMail(HasId, Base):
    """A mail to be sent by a job; kept, so that the demo can show it and a lost send is repeated.

    `provider_id` is set when a provider's work caused it, and empty for mails about a person's own account. `sender` is
    the name that it comes from, empty for the platform's. Bodies hold secret links, so outside the demo they are
    emptied once sent.
    """

    __tablename__ = "outgoing_mails"

    provider_id: Mapped[UUID | None] = mapped_column(default=None)
    to: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    sender: Mapped[str] = mapped_column(Text, default="")
    body_text: Mapped[str] = mapped_column(Text)
    body_html: Mapped[str] = mapped_column(Text, default="")
    sent_at: Mapped[datetime | None] = mapped_column(default=None)
    error: Mapped[str] = mapped_column(Text, default="")


class Membership(TenantOwned, Base):
    __tablename__ = "memberships"
    __table_args__ = (UniqueConstraint("provider_id", "user_id"),)

    provider_id: Mapped[UUID] = mapped_column(ForeignKey("providers.id", ondelete="CASCADE"))
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    role: Mapped[str] = mapped_column(Text)


class Invitation(TenantOwned, Base):
    """An open door for one mail address: to the provider as a member, or to one of its merchants (`merchant_id`).

    Open until accepted, revoked or expired; at most one is open per address and place.
    """

    __tablename__ = "invitations"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "merchant_id"], ["merchants.provider_id", "merchants.id"], ondelete="CASCADE"
        ),
        Index(
            "uq_invitations_member", "provider_id", "email", unique=True,
            postgresql_where=text("merchant_id is null and accepted_at is null and revoked_at is null"),
        ),
        Index(
            "uq_invitations_merchant", "merchant_id", "email", unique=True,
            postgresql_where=text("merchant_id is not null and accepted_at is null and revoked_at is null"),
        ),
    )  # fmt: skip

    provider_id: Mapped[UUID] = mapped_column(ForeignKey("providers.id", ondelete="CASCADE"))
    merchant_id: Mapped[UUID | None] = mapped_column(default=None)
    email: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text, default="")
    role: Mapped[str] = mapped_column(Text)
    locale: Mapped[str] = mapped_column(Text, default="zh_CN")
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    invited_by: Mapped[str] = mapped_column(Text, default="")
    sent_at: Mapped[datetime] = mapped_column(default=clock.now)
    expires_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None] = mapped_column(default=None)
    revoked_at: Mapped[datetime | None] = mapped_column(default=None)


class PlatformMembership(HasId, Base):
    __tablename__ = "platform_memberships"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), unique=True)
    role: Mapped[str] = mapped_column(Text)


class Merchant(TenantOwned, Base):
    """The subject behind mini programs: a company or a person that the provider works for.

    `company_code_type` is WeChat's: 1 unified code, 2 organisation code, 3 licence number. The legal person's name and
    WeChat id are what WeChat checks at registration and certification.
    """

    __tablename__ = "merchants"
    __table_args__ = (UniqueConstraint("provider_id", "id"), Index("ix_merchants_listing", "provider_id", "id"))

    provider_id: Mapped[UUID] = mapped_column(ForeignKey("providers.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(Text)
    company_name: Mapped[str] = mapped_column(Text, default="")
    company_code: Mapped[str] = mapped_column(Text, default="")
    company_code_type: Mapped[int | None] = mapped_column(default=None)
    legal_name_sealed: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)
    legal_name = Sealed()
    legal_wechat_sealed: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)
    legal_wechat = Sealed()
    contact_name: Mapped[str] = mapped_column(Text, default="")
    contact_phone_sealed: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)
    contact_phone = Sealed()
    contact_email: Mapped[str] = mapped_column(Text, default="")
    tags: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    note: Mapped[str] = mapped_column(Text, default="")
    ext_values: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    archived_at: Mapped[datetime | None] = mapped_column(default=None)


class MerchantMembership(TenantOwned, Base):
    """Ties a user to a merchant of one provider; she sees that merchant and nothing else of the provider."""

    __tablename__ = "merchant_memberships"
    __table_args__ = (
        UniqueConstraint("merchant_id", "user_id"),
        ForeignKeyConstraint(
            ["provider_id", "merchant_id"], ["merchants.provider_id", "merchants.id"], ondelete="CASCADE"
        ),
    )

    merchant_id: Mapped[UUID] = mapped_column(index=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    role: Mapped[str] = mapped_column(Text, default=MerchantRole.OWNER)
    notices_seen_at: Mapped[datetime | None] = mapped_column(default=None)


class Activity(TenantOwned, Base):
    """The activity log: who did what to which object, with what outcome, from where. Rows are never changed."""

    __tablename__ = "activities"
    __table_args__ = (
        Index("ix_activities_listing", "provider_id", "id"),
        Index("ix_activities_object", "provider_id", "object_kind", "object_id"),
    )

    actor_kind: Mapped[str] = mapped_column(Text)
    actor_id: Mapped[UUID | None] = mapped_column(default=None)
    actor_name: Mapped[str] = mapped_column(Text, default="")
    verb: Mapped[str] = mapped_column(Text)
    object_kind: Mapped[str] = mapped_column(Text, default="")
    object_id: Mapped[UUID | None] = mapped_column(default=None)
    object_name: Mapped[str] = mapped_column(Text, default="")
    outcome: Mapped[str] = mapped_column(Text, default="ok")
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    ip: Mapped[str] = mapped_column(Text, default="")
    request_id: Mapped[str] = mapped_column(Text, default="")


class TaskKind(StrEnum):
    """Things that need a person; a lower layer writes the row, the screens of upper layers show it."""

    REAUTHORIZE = "reauthorize"
    FIX_IP_LIST = "fix_ip_list"
    FIX_SECRET = "fix_secret"  # noqa: S105 - a name
    TICKET_MISSING = "ticket_missing"
    DATA_REQUEST = "data_request"  # a merchant (the subject) wants her data deleted
    TRAIN_STOPPED = "train_stopped"  # a release train (the subject) stopped by itself
    TRAIN_WAITS = "train_waits"  # it waits for somebody's word
    TRAIN_QUOTA = "train_quota"  # it waits for next month's submissions
    TRAIN_ROOM = "train_room"  # it waits for submissions that others have under way, or for the quota to be read
    TRAIN_ENDED = "train_ended"


class Task(TenantOwned, Base):
    """An open to-do for the provider; one open row per kind and subject, closed when the cause is gone."""

    __tablename__ = "tasks"
    __table_args__ = (
        Index(
            "uq_tasks_open", "provider_id", "kind", "subject_id", unique=True, postgresql_where=text("done_at is null")
        ),
    )

    kind: Mapped[str] = mapped_column(Text)
    subject_id: Mapped[UUID]
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    done_at: Mapped[datetime | None] = mapped_column(default=None)


class StoredFile(TenantOwned, Base):
    """A file in the encrypted store, under ``<kind>/<id>``."""

    __tablename__ = "stored_files"

    kind: Mapped[str] = mapped_column(Text)
    content_type: Mapped[str] = mapped_column(Text)
    size: Mapped[int]
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    name: Mapped[str] = mapped_column(Text, default="")
