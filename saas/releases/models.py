"""Templates, uploads, audits and releases of mini programs' code."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from saas.db import Base, TenantOwned
from saas.failures import Failable
from saas.programs.noticing import Kept, Noticed


class Draft(TenantOwned, Base):
    """A draft in the component app's draft box, as last read from WeChat."""

    __tablename__ = "drafts"
    __table_args__ = (
        UniqueConstraint("component_id", "draft_id"),
        ForeignKeyConstraint(
            ["provider_id", "component_id"], ["component_apps.provider_id", "component_apps.id"], ondelete="CASCADE"
        ),
    )

    component_id: Mapped[UUID]
    draft_id: Mapped[str] = mapped_column(Text)
    user_version: Mapped[str] = mapped_column(Text, default="")
    description: Mapped[str] = mapped_column(Text, default="")
    source_appid: Mapped[str] = mapped_column(Text, default="")
    source_name: Mapped[str] = mapped_column(Text, default="")
    developer: Mapped[str] = mapped_column(Text, default="")
    made_at: Mapped[datetime | None] = mapped_column(default=None)


class Template(TenantOwned, Base):
    """A template in the component app's library, with our own label, note and the `ext_json` that uploads start from.

    `variables` describe the places in it (`saas.releases.variables`). `is_default` marks the one that uploads offer
    first. `pages` are all pages of its code, known once an upload has shown them. Rows stay when WeChat's template is
    gone.
    """

    __tablename__ = "templates"
    __table_args__ = (
        UniqueConstraint("component_id", "template_id"),
        UniqueConstraint("provider_id", "id"),
        ForeignKeyConstraint(
            ["provider_id", "component_id"], ["component_apps.provider_id", "component_apps.id"], ondelete="CASCADE"
        ),
        Index("uq_templates_default", "component_id", unique=True, postgresql_where=text("is_default")),
    )

    component_id: Mapped[UUID]
    template_id: Mapped[str] = mapped_column(Text)
    draft_id: Mapped[str] = mapped_column(Text, default="")
    kind: Mapped[int] = mapped_column(default=0)
    user_version: Mapped[str] = mapped_column(Text, default="")
    description: Mapped[str] = mapped_column(Text, default="")
    source_appid: Mapped[str] = mapped_column(Text, default="")
    source_name: Mapped[str] = mapped_column(Text, default="")
    developer: Mapped[str] = mapped_column(Text, default="")
    made_at: Mapped[datetime | None] = mapped_column(default=None)
    label: Mapped[str] = mapped_column(Text, default="")
    note: Mapped[str] = mapped_column(Text, default="")
    is_default: Mapped[bool] = mapped_column(default=False)
    ext_json: Mapped[str] = mapped_column(Text, default="")
    variables: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)
    pages: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    gone_at: Mapped[datetime | None] = mapped_column(default=None)


class LibraryActionKind(StrEnum):
    SYNC = "sync"
    ADD = "add"
    DELETE = "delete"


class LibraryActionStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class LibraryAction(Failable, TenantOwned, Base):
    """One change or reading of a component app's draft box and library, worked on by a job and shown with its outcome.

    `target` is the draft_id to add or the template_id to delete.
    """

    __tablename__ = "library_actions"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "component_id"], ["component_apps.provider_id", "component_apps.id"], ondelete="CASCADE"
        ),
        Index("ix_library_actions_component", "provider_id", "component_id", "id"),
        Index(
            "uq_library_actions_open", "component_id", "kind", "target", unique=True,
            postgresql_where=text("status in ('queued', 'running')"),
        ),
    )  # fmt: skip

    component_id: Mapped[UUID]
    kind: Mapped[str] = mapped_column(Text)
    target: Mapped[str] = mapped_column(Text, default="")
    status: Mapped[str] = mapped_column(Text, default=LibraryActionStatus.QUEUED)
    created_by: Mapped[UUID | None] = mapped_column(default=None)
    finished_at: Mapped[datetime | None] = mapped_column(default=None)


class OfProgram(Noticed):
    """Its mini program's steps are made of it."""

    __abstract__ = True
    noticed = {Kept.CODE_STEPS: (), Kept.STANDING: ()}

    program_id: Mapped[UUID]

    @property
    def noticed_program_id(self) -> UUID:
        return self.program_id


class CodeState(OfProgram, Failable, TenantOwned, Base):
    """What one program runs: the five slots that WeChat keeps apart (trial, audit, online, phased, service switch).

    `phased_percent` is None unless a phased release runs. `categories` are those that a submission may name.
    `library_shares` say which share of users (`percentage`) has which base library (`version`). The template columns
    are ours: empty when the code in that slot did not come from an upload that we know.
    """

    __tablename__ = "code_states"
    __table_args__ = (
        UniqueConstraint("program_id"),
        ForeignKeyConstraint(
            ["provider_id", "program_id"], ["programs.provider_id", "programs.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(["provider_id", "trial_template_row_id"], ["templates.provider_id", "templates.id"]),
        ForeignKeyConstraint(["provider_id", "online_template_row_id"], ["templates.provider_id", "templates.id"]),
    )

    trial_version: Mapped[str] = mapped_column(Text, default="")
    trial_description: Mapped[str] = mapped_column(Text, default="")
    trial_at: Mapped[datetime | None] = mapped_column(default=None)
    trial_template_row_id: Mapped[UUID | None] = mapped_column(default=None)
    audit_version: Mapped[str] = mapped_column(Text, default="")
    audit_status: Mapped[str] = mapped_column(Text, default="")
    audit_at: Mapped[datetime | None] = mapped_column(default=None)
    online_version: Mapped[str] = mapped_column(Text, default="")
    online_description: Mapped[str] = mapped_column(Text, default="")
    online_at: Mapped[datetime | None] = mapped_column(default=None)
    online_template_row_id: Mapped[UUID | None] = mapped_column(default=None)
    phased_percent: Mapped[int | None] = mapped_column(default=None)
    phased_at: Mapped[datetime | None] = mapped_column(default=None)
    phased_developers: Mapped[bool] = mapped_column(default=False)
    phased_testers: Mapped[bool] = mapped_column(default=False)
    visible: Mapped[bool | None] = mapped_column(default=None)
    minimum_library: Mapped[str] = mapped_column(Text, default="")
    library_shares: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)
    library_read_at: Mapped[datetime | None] = mapped_column(default=None)
    categories: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)
    categories_read_at: Mapped[datetime | None] = mapped_column(default=None)
    versions_read_at: Mapped[datetime | None] = mapped_column(default=None)
    read_at: Mapped[datetime | None] = mapped_column(default=None)


class _Work(OfProgram, Failable, TenantOwned):
    __abstract__ = True
    created_by: Mapped[UUID | None] = mapped_column(default=None)
    finished_at: Mapped[datetime | None] = mapped_column(default=None)


def _program_key() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["provider_id", "program_id"], ["programs.provider_id", "programs.id"], ondelete="CASCADE"
    )


class UploadStatus(StrEnum):
    """queued → sending → scanning → ready; failed from anywhere; superseded once a newer upload has replaced it."""

    QUEUED = "queued"
    SENDING = "sending"
    SCANNING = "scanning"
    READY = "ready"
    FAILED = "failed"
    SUPERSEDED = "superseded"


class Upload(_Work, Base):
    """One upload of a template's code into a program's trial version, up to the finished privacy scan.

    `sent_at` says that WeChat may have got it, `trial_before` what the trial version must differ from then.
    """

    __tablename__ = "uploads"
    __table_args__ = (
        _program_key(),
        UniqueConstraint("provider_id", "id"),
        ForeignKeyConstraint(["provider_id", "template_row_id"], ["templates.provider_id", "templates.id"]),
        Index("ix_uploads_program", "provider_id", "program_id", "id"),
        Index(
            "uq_uploads_running", "program_id", unique=True,
            postgresql_where=text("status in ('queued', 'sending', 'scanning')"),
        ),
    )  # fmt: skip

    template_row_id: Mapped[UUID]
    template_id: Mapped[str] = mapped_column(Text)
    user_version: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text, default="")
    ext_json: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, default=UploadStatus.QUEUED)
    sent_at: Mapped[datetime | None] = mapped_column(default=None)
    trial_before: Mapped[str] = mapped_column(Text, default="")
    committed_at: Mapped[datetime | None] = mapped_column(default=None)
    scanned_at: Mapped[datetime | None] = mapped_column(default=None)
    scan_result: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    pages: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    trial_qr_file_id: Mapped[UUID | None] = mapped_column(default=None)
    trial_qr_path: Mapped[str] = mapped_column(Text, default="")


class AuditStatus(StrEnum):
    """queued → submitting → in_review ⇄ delayed → approved | rejected | undone; failed when it was not submitted."""

    QUEUED = "queued"
    SUBMITTING = "submitting"
    IN_REVIEW = "in_review"
    DELAYED = "delayed"
    APPROVED = "approved"
    REJECTED = "rejected"
    UNDONE = "undone"
    FAILED = "failed"


class Audit(_Work, Base):
    """One submission for audit. `auditid` is WeChat's, kept as text.

    `sent_at` says that WeChat may have got it, `latest_before` which audit was the newest before that: a newer one is
    ours. Without `upload_id` it was submitted elsewhere and taken over. `screenshots` are the stored files of the media
    ids that could be fetched. `releases_itself`: the release begins as soon as it is approved. `reason_key` is the same
    for rejections alike (`saas.wx.reasons`); one that was set aside does not wait on the reject desk any more.
    """

    __tablename__ = "audits"
    __table_args__ = (
        _program_key(),
        UniqueConstraint("provider_id", "id"),
        ForeignKeyConstraint(["provider_id", "upload_id"], ["uploads.provider_id", "uploads.id"]),
        Index("ix_audits_program", "provider_id", "program_id", "id"),
        Index(
            "uq_audits_running", "program_id", unique=True,
            postgresql_where=text("status in ('queued', 'submitting', 'in_review', 'delayed')"),
        ),
        Index(
            "ix_audits_rejected", "provider_id", "decided_at", "reason_key",
            postgresql_where=text("status = 'rejected'"),
        ),
    )  # fmt: skip

    upload_id: Mapped[UUID | None] = mapped_column(default=None)
    user_version: Mapped[str] = mapped_column(Text, default="")
    auditid: Mapped[str] = mapped_column(Text, default="")
    request: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    status: Mapped[str] = mapped_column(Text, default=AuditStatus.QUEUED)
    sent_at: Mapped[datetime | None] = mapped_column(default=None)
    latest_before: Mapped[str] = mapped_column(Text, default="")
    submitted_at: Mapped[datetime | None] = mapped_column(default=None)
    decided_at: Mapped[datetime | None] = mapped_column(default=None)
    delayed_at: Mapped[datetime | None] = mapped_column(default=None)
    asked_at: Mapped[datetime | None] = mapped_column(default=None)
    reason: Mapped[str] = mapped_column(Text, default="")
    reason_key: Mapped[str] = mapped_column(Text(collation="C"), default="")
    set_aside_at: Mapped[datetime | None] = mapped_column(default=None)
    set_aside_by_name: Mapped[str] = mapped_column(Text, default="")
    set_aside_note: Mapped[str] = mapped_column(Text, default="")
    screenshot_media_ids: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    screenshots: Mapped[dict[str, str]] = mapped_column(JSONB, default=dict)
    releases_itself: Mapped[bool] = mapped_column(default=False)
    sped_up_at: Mapped[datetime | None] = mapped_column(default=None)
    undo_requested_at: Mapped[datetime | None] = mapped_column(default=None)
    undo_sent_at: Mapped[datetime | None] = mapped_column(default=None)
    undo_errcode: Mapped[int | None] = mapped_column(default=None)
    undo_rid: Mapped[str] = mapped_column(Text, default="")
    undo_error: Mapped[str] = mapped_column(Text, default="")


class ReleaseKind(StrEnum):
    RELEASE = "release"
    ROLL_BACK = "roll_back"


class ReleaseStatus(StrEnum):
    QUEUED = "queued"
    SENDING = "sending"
    DONE = "done"
    FAILED = "failed"


class Release(_Work, Base):
    """One release of an approved audit, or one roll back to an earlier version.

    `sent_at` says that WeChat may have got it, `online_before` what the online version must differ from then.
    """

    __tablename__ = "releases"
    __table_args__ = (
        _program_key(),
        ForeignKeyConstraint(["provider_id", "audit_id"], ["audits.provider_id", "audits.id"]),
        Index("ix_releases_program", "provider_id", "program_id", "id"),
        Index(
            "uq_releases_running", "program_id", unique=True, postgresql_where=text("status in ('queued', 'sending')"),
        ),
    )  # fmt: skip

    kind: Mapped[str] = mapped_column(Text, default=ReleaseKind.RELEASE)
    audit_id: Mapped[UUID | None] = mapped_column(default=None)
    app_version: Mapped[str] = mapped_column(Text, default="")
    user_version: Mapped[str] = mapped_column(Text, default="")
    from_version: Mapped[str] = mapped_column(Text, default="")
    status: Mapped[str] = mapped_column(Text, default=ReleaseStatus.QUEUED)
    sent_at: Mapped[datetime | None] = mapped_column(default=None)
    online_before: Mapped[str] = mapped_column(Text, default="")


class PastVersion(TenantOwned, Base):
    """A version that WeChat would roll back to, as last read."""

    __tablename__ = "past_versions"
    __table_args__ = (_program_key(), UniqueConstraint("program_id", "app_version"))

    program_id: Mapped[UUID]
    app_version: Mapped[str] = mapped_column(Text)
    user_version: Mapped[str] = mapped_column(Text, default="")
    description: Mapped[str] = mapped_column(Text, default="")
    released_at: Mapped[datetime | None] = mapped_column(default=None)
