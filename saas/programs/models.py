"""Mini programs, how each stands, and how they come to be authorized."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, Integer, LargeBinary, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from saas.db import Base, TenantOwned
from saas.failures import Failable
from saas.programs.noticing import Kept, Noticed
from saas.programs.words import Turn, Word
from saas.vault import Sealed


class AuthorizationStatus(StrEnum):
    """LOST: the merchant did not withdraw, but no valid refresh token can be had any more; only a new link helps."""

    AUTHORIZED = "authorized"
    UNAUTHORIZED = "unauthorized"
    LOST = "lost"


def _program_key() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["provider_id", "program_id"], ["programs.provider_id", "programs.id"], ondelete="CASCADE"
    )


class Program(Noticed, TenantOwned, Base):
    """A mini program under one component app. `name` and the rest of its profile are as WeChat last told us.

    One without an appid is still to be registered. `owner_id` is the member in charge. The columns from `stage` on are
    kept for lists and filters, written by `saas.programs.standing`, `.searching` and `saas.releases.status` only.
    `rejected_audit_id` is its newest audit, if that was rejected, and `reject_key` that rejection's reason, unless it
    was set aside.
    """

    __tablename__ = "programs"
    __table_args__ = (
        Index("uq_programs_appid", "component_id", "appid", unique=True, postgresql_where=text("appid <> ''")),
        UniqueConstraint("provider_id", "id"),
        ForeignKeyConstraint(
            ["provider_id", "component_id"], ["component_apps.provider_id", "component_apps.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(["provider_id", "merchant_id"], ["merchants.provider_id", "merchants.id"]),
        Index("ix_programs_listing", "provider_id", "id"),
        Index("ix_programs_merchant", "provider_id", "merchant_id", "id"),
        Index("ix_programs_appid", "provider_id", "appid"),
        Index("ix_programs_owner", "provider_id", "owner_id", "id"),
        Index("ix_programs_stage", "provider_id", "stage", "id"),
        Index("ix_programs_turn", "provider_id", "turn", "id"),
        Index("ix_programs_todo", "provider_id", "turn", "stage", "due_at", "id", postgresql_include=["owner_id"]),
        Index(
            "ix_programs_todo_owner", "provider_id", "turn", "owner_id", "due_at", "id", postgresql_include=["stage"]
        ),
        Index("ix_programs_online", "provider_id", "online_version_key", "id"),
        Index(
            "ix_programs_rejected",
            "provider_id",
            "reject_key",
            "id",
            postgresql_where=text("rejected_audit_id is not null"),
        ),
    )

    noticed = {
        Kept.STANDING: ("appid", "authorization", "authorized_at", "unauthorized_at"),
        Kept.SEARCH: ("name", "company_name", "merchant_id"),
        Kept.ONBOARDING: ("merchant_id",),
    }

    component_id: Mapped[UUID]
    merchant_id: Mapped[UUID | None] = mapped_column(default=None)
    owner_id: Mapped[UUID | None] = mapped_column(default=None)
    appid: Mapped[str] = mapped_column(Text(collation="C"))
    original_id: Mapped[str] = mapped_column(Text, default="")
    name: Mapped[str] = mapped_column(Text, default="")
    avatar_url: Mapped[str] = mapped_column(Text, default="")
    avatar_file_id: Mapped[UUID | None] = mapped_column(default=None)
    company_name: Mapped[str] = mapped_column(Text, default="")
    introduction: Mapped[str] = mapped_column(Text, default="")
    account_status: Mapped[int | None] = mapped_column(default=None)
    verified: Mapped[bool] = mapped_column(default=False)
    registered_by_api: Mapped[bool | None] = mapped_column(default=None)
    permission_sets: Mapped[list[int]] = mapped_column(ARRAY(Integer), default=list)
    profile: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    profile_read_at: Mapped[datetime | None] = mapped_column(default=None)
    profile_errcode: Mapped[int | None] = mapped_column(default=None)
    profile_operation: Mapped[str] = mapped_column(Text, default="")
    profile_rid: Mapped[str] = mapped_column(Text, default="")
    profile_error: Mapped[str] = mapped_column(Text, default="")
    ext_values: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    note: Mapped[str] = mapped_column(Text, default="")
    domain_way: Mapped[str] = mapped_column(Text, default="third")
    domains_read_at: Mapped[datetime | None] = mapped_column(default=None)
    testers_read_at: Mapped[datetime | None] = mapped_column(default=None)

    authorization: Mapped[str] = mapped_column(Text, default=AuthorizationStatus.AUTHORIZED)
    authorized_at: Mapped[datetime | None] = mapped_column(default=None)
    unauthorized_at: Mapped[datetime | None] = mapped_column(default=None)

    stage: Mapped[str] = mapped_column(Text, default=Word.NO_CODE)
    turn: Mapped[str] = mapped_column(Text, default=Turn.PROVIDER)
    stage_since: Mapped[datetime | None] = mapped_column(default=None)
    due_at: Mapped[datetime | None] = mapped_column(default=None)
    trial_version: Mapped[str] = mapped_column(Text, default="")
    trial_version_key: Mapped[str] = mapped_column(Text(collation="C"), default="")
    trial_template: Mapped[int | None] = mapped_column(default=None)
    online_version: Mapped[str] = mapped_column(Text, default="")
    online_version_key: Mapped[str] = mapped_column(Text(collation="C"), default="")
    online_template: Mapped[int | None] = mapped_column(default=None)
    rejected_audit_id: Mapped[UUID | None] = mapped_column(default=None)
    reject_key: Mapped[str | None] = mapped_column(Text(collation="C"), default=None)
    search_text: Mapped[str] = mapped_column(Text, default="")

    @property
    def noticed_program_id(self) -> UUID:
        return self.id


class ProgramTag(Base):
    """A word of the provider's own on a mini program. A row each: behind the tenant wall no index looks into arrays."""

    __tablename__ = "program_tags"
    __table_args__ = (_program_key(), Index("ix_program_tags_tag", "provider_id", "tag", "program_id"))

    program_id: Mapped[UUID] = mapped_column(primary_key=True)
    tag: Mapped[str] = mapped_column(Text, primary_key=True)
    provider_id: Mapped[UUID]


class ProgramGram(Base):
    """Two letters that follow each other in `search_text`: the index by which a fragment of a name is found."""

    __tablename__ = "program_grams"
    __table_args__ = (_program_key(), Index("ix_program_grams_gram", "provider_id", "gram", "program_id"))

    program_id: Mapped[UUID] = mapped_column(primary_key=True)
    gram: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    provider_id: Mapped[UUID]


class SavedFilter(TenantOwned, Base):
    """A member's filter of the list of mini programs, by name; shared with the colleagues or hers alone."""

    __tablename__ = "saved_filters"
    __table_args__ = (UniqueConstraint("provider_id", "user_id", "name"),)

    user_id: Mapped[UUID]
    user_name: Mapped[str] = mapped_column(Text, default="")
    name: Mapped[str] = mapped_column(Text)
    query: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    shared: Mapped[bool] = mapped_column(default=False)


class ProgramStep(TenantOwned, Base):
    """How one step of a mini program stands: `word` of `saas.programs.words`, since when, until when at the latest.

    `turn` is who must act for it now: nobody, too, when another step has overtaken it.
    """

    __tablename__ = "program_steps"
    __table_args__ = (
        UniqueConstraint("program_id", "step"),
        _program_key(),
        Index("ix_program_steps_word", "provider_id", "step", "word", "program_id"),
        Index("ix_program_steps_due", "provider_id", "due_at", "id", postgresql_where=text("due_at is not null")),
    )

    program_id: Mapped[UUID]
    step: Mapped[str] = mapped_column(Text)
    word: Mapped[str] = mapped_column(Text)
    turn: Mapped[str] = mapped_column(Text)
    since: Mapped[datetime | None] = mapped_column(default=None)
    due_at: Mapped[datetime | None] = mapped_column(default=None)
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)


class LinkStatus(StrEnum):
    OPEN = "open"
    STARTED = "started"
    USED = "used"
    REVOKED = "revoked"


class AuthorizationLink(TenantOwned, Base):
    """A one-use link by which a merchant authorizes: bound to provider and merchant, maybe to a program and to sets.

    Only the hash of its token is kept; the token itself is sealed so that the provider can show the link again.
    """

    __tablename__ = "authorization_links"
    __table_args__ = (
        UniqueConstraint("provider_id", "id"),
        ForeignKeyConstraint(
            ["provider_id", "component_id"], ["component_apps.provider_id", "component_apps.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(["provider_id", "merchant_id"], ["merchants.provider_id", "merchants.id"]),
        ForeignKeyConstraint(["provider_id", "program_id"], ["programs.provider_id", "programs.id"]),
        Index("ix_authorization_links_merchant", "provider_id", "merchant_id"),
    )

    component_id: Mapped[UUID]
    merchant_id: Mapped[UUID]
    program_id: Mapped[UUID | None] = mapped_column(default=None)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    token_sealed: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)
    token = Sealed()
    permission_sets: Mapped[list[int]] = mapped_column(ARRAY(Integer), default=list)
    status: Mapped[str] = mapped_column(Text, default=LinkStatus.OPEN)
    expires_at: Mapped[datetime]
    opened_at: Mapped[datetime | None] = mapped_column(default=None)
    used_at: Mapped[datetime | None] = mapped_column(default=None)
    created_by: Mapped[UUID | None] = mapped_column(default=None)
    problem: Mapped[str] = mapped_column(Text, default="")
    result_program_id: Mapped[UUID | None] = mapped_column(default=None)


class LinkProblem(StrEnum):
    """Why an authorization that came through a link did not use it up; empty when nothing is wrong."""

    WRONG_ACCOUNT = "wrong_account"  # the link is bound to another mini program
    OTHER_MERCHANT = "other_merchant"  # the mini program already belongs to another merchant
    LINK_OVER = "link_over"  # the link had been used or revoked before the authorization came through


class AuthorizationVisit(TenantOwned, Base):
    """One opening of WeChat's authorization page through a link; the authorized event brings its code back.

    Each opening needs a code of its own, and a person may open the page on a computer and on a phone.
    """

    __tablename__ = "authorization_visits"
    __table_args__ = (
        UniqueConstraint("component_id", "code_hash"),
        ForeignKeyConstraint(
            ["provider_id", "link_id"],
            ["authorization_links.provider_id", "authorization_links.id"],
            ondelete="CASCADE",
        ),
        Index("ix_authorization_visits_link", "link_id", "id"),
    )

    component_id: Mapped[UUID]
    link_id: Mapped[UUID]
    code_hash: Mapped[bytes] = mapped_column(LargeBinary)
    expires_at: Mapped[datetime]


class GrantStatus(StrEnum):
    """queued → exchanged | failed; a failed one is queued again when the event tells whose code it was."""

    QUEUED = "queued"
    EXCHANGED = "exchanged"
    FAILED = "failed"


class GrantSource(StrEnum):
    """Who brought the code first."""

    BROWSER = "browser"
    EVENT = "event"


class Grant(TenantOwned, Base):
    """An authorization code on its way to tokens. Browser return and event may both bring it; it is exchanged once."""

    __tablename__ = "grants"
    __table_args__ = (
        UniqueConstraint("component_id", "code_hash"),
        ForeignKeyConstraint(
            ["provider_id", "component_id"], ["component_apps.provider_id", "component_apps.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(["provider_id", "link_id"], ["authorization_links.provider_id", "authorization_links.id"]),
        Index("ix_grants_link", "link_id", "id"),
    )

    component_id: Mapped[UUID]
    link_id: Mapped[UUID | None] = mapped_column(default=None)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary)
    code_sealed: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)
    code = Sealed()
    appid: Mapped[str] = mapped_column(Text, default="")
    source: Mapped[str] = mapped_column(Text)
    happened_at: Mapped[datetime]
    status: Mapped[str] = mapped_column(Text, default=GrantStatus.QUEUED)
    errcode: Mapped[int | None] = mapped_column(default=None)
    rid: Mapped[str] = mapped_column(Text, default="")
    error: Mapped[str] = mapped_column(Text, default="")
    program_id: Mapped[UUID | None] = mapped_column(default=None)
    finished_at: Mapped[datetime | None] = mapped_column(default=None)


class ReviewStatus(StrEnum):
    """How WeChat's people decide on a name or a category."""

    IN_REVIEW = "in_review"
    REFUSED = "refused"
    APPROVED = "approved"


class NameReview(TenantOwned, Base):
    """A name that needed proof and went to WeChat's people. `audit_id` is "" for one that was begun elsewhere.

    `papers` are the ids of the files that were handed in, by WeChat's field. `dropped_at`: refused, and nobody wants
    the name any more.
    """

    __tablename__ = "name_reviews"
    __table_args__ = (
        _program_key(),
        Index("ix_name_reviews_program", "program_id", "id"),
        Index("ix_name_reviews_open", "id", postgresql_where=text("status = 'in_review'")),
    )

    program_id: Mapped[UUID]
    name: Mapped[str] = mapped_column(Text)
    audit_id: Mapped[str] = mapped_column(Text, default="")
    status: Mapped[str] = mapped_column(Text, default=ReviewStatus.IN_REVIEW)
    reason: Mapped[str] = mapped_column(Text, default="")
    papers: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    decided_at: Mapped[datetime | None] = mapped_column(default=None)
    dropped_at: Mapped[datetime | None] = mapped_column(default=None)


class CategoryState(Failable, TenantOwned, Base):
    """The service categories of a mini program as WeChat last told them, one row per mini program.

    `categories`: ``{first, second, names, status, reason}`` each. `most` is how many may be set at all, if known.
    `in_review_since` is when the newest of the open reviews was first seen.
    """

    __tablename__ = "category_states"
    __table_args__ = (
        UniqueConstraint("program_id"),
        _program_key(),
        Index("ix_category_states_open", "id", postgresql_where=text("in_review")),
    )

    program_id: Mapped[UUID]
    categories: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)
    in_review: Mapped[bool] = mapped_column(default=False)
    in_review_since: Mapped[datetime | None] = mapped_column(default=None)
    most: Mapped[int | None] = mapped_column(default=None)
    read_at: Mapped[datetime | None] = mapped_column(default=None)


class CategoryTree(TenantOwned, Base):
    """All categories that one `kind` of subject may set, as WeChat lists them; kept because the list is long."""

    __tablename__ = "category_trees"
    __table_args__ = (
        UniqueConstraint("component_id", "kind"),
        ForeignKeyConstraint(
            ["provider_id", "component_id"], ["component_apps.provider_id", "component_apps.id"], ondelete="CASCADE"
        ),
    )

    component_id: Mapped[UUID]
    kind: Mapped[str] = mapped_column(Text)
    nodes: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)
    read_at: Mapped[datetime]


class DomainWay(StrEnum):
    """How a mini program's domains are set: chosen from the component app's list, or for this mini program alone."""

    LISTED = "third"
    DIRECT = "direct"


class ProgramDomain(TenantOwned, Base):
    """An address that a mini program may use. `wished` is ours; `ways` says how WeChat has it (``mp`` is the merchant's
    own setting, else a `DomainWay`), `effective` whether it holds after the next release. `refused` is WeChat's reason,
    as a msgid.
    """

    __tablename__ = "program_domains"
    __table_args__ = (
        UniqueConstraint("program_id", "kind", "address"),
        Index("ix_program_domains_address", "address"),
        _program_key(),
    )

    program_id: Mapped[UUID]
    kind: Mapped[str] = mapped_column(Text)
    address: Mapped[str] = mapped_column(Text(collation="C"))
    wished: Mapped[bool] = mapped_column(default=False)
    ways: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    effective: Mapped[bool] = mapped_column(default=False)
    refused: Mapped[str] = mapped_column(Text, default="")


class Tester(TenantOwned, Base):
    """Somebody who tries mini programs out before their release, in words of the provider's own."""

    __tablename__ = "testers"
    __table_args__ = (UniqueConstraint("provider_id", "id"), UniqueConstraint("provider_id", "wechat_id_hash"))

    label: Mapped[str] = mapped_column(Text)
    wechat_id_sealed: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)
    wechat_id = Sealed()
    wechat_id_hash: Mapped[bytes] = mapped_column(LargeBinary)


class ProgramTester(TenantOwned, Base):
    """A tester of a mini program, whom WeChat names by an opaque `userstr` only. Who that is, we know if we bound them
    or somebody wrote a `label`.
    """

    __tablename__ = "program_testers"
    __table_args__ = (
        UniqueConstraint("program_id", "userstr"),
        _program_key(),
        ForeignKeyConstraint(["provider_id", "tester_id"], ["testers.provider_id", "testers.id"]),
        Index("ix_program_testers_tester", "tester_id"),
    )

    program_id: Mapped[UUID]
    userstr: Mapped[str] = mapped_column(Text(collation="C"))
    tester_id: Mapped[UUID | None] = mapped_column(default=None)
    label: Mapped[str] = mapped_column(Text, default="")


class ProgramCode(TenantOwned, Base):
    """A code or link that opens a mini program, as WeChat made it: a picture (`file_id`) or a `link`."""

    __tablename__ = "program_codes"
    __table_args__ = (_program_key(), Index("ix_program_codes_listing", "program_id", "id"))

    program_id: Mapped[UUID]
    form: Mapped[str] = mapped_column(Text)
    settings: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    link: Mapped[str] = mapped_column(Text, default="")
    file_id: Mapped[UUID | None] = mapped_column(default=None)
    expires_at: Mapped[datetime | None] = mapped_column(default=None)
    made_by: Mapped[str] = mapped_column(Text, default="")


class ProgramQrRules(TenantOwned, Base):
    """By which ordinary QR codes and links a mini program opens, as WeChat last told, one row per mini program.

    `rules`: ``{prefix, path, exclusive, version, links, published}`` each. `hosts` are those of the rules and of one
    that is being added: they must serve the check file.
    """

    __tablename__ = "program_qr_rules"
    __table_args__ = (UniqueConstraint("program_id"), _program_key(), Index("ix_program_qr_rules_file", "file_name"))

    program_id: Mapped[UUID]
    rules: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)
    hosts: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    file_name: Mapped[str] = mapped_column(Text, default="")
    file_content: Mapped[str] = mapped_column(Text, default="")
    read_at: Mapped[datetime | None] = mapped_column(default=None)
