"""Release trains: one template version for many mini programs, in waves, each program through the same steps."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, Text, UniqueConstraint, false, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from saas import clock
from saas.db import Base, TenantOwned
from saas.failures import Failable
from saas.tenants.access import Who


class TrainStatus(StrEnum):
    """draft → running ⇄ paused; running → stopped (by its own rule) → running; → done | cancelled."""

    DRAFT = "draft"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    DONE = "done"
    CANCELLED = "cancelled"


class WaveStatus(StrEnum):
    WAITING = "waiting"
    OPEN = "open"
    DONE = "done"


class TrainStepName(StrEnum):
    """The way of a mini program, in order; UNDO and ROLL_BACK lead off it."""

    UPLOAD = "upload"
    CHECK = "check"
    SUBMIT = "submit"
    AUDIT = "audit"
    PHASE = "phase"
    RELEASE = "release"
    UNDO = "undo"
    ROLL_BACK = "roll_back"


PATH = (
    TrainStepName.UPLOAD, TrainStepName.CHECK, TrainStepName.SUBMIT, TrainStepName.AUDIT, TrainStepName.PHASE,
    TrainStepName.RELEASE,
)  # fmt: skip


class ProgramState(StrEnum):
    """How a mini program stands in its train, at its present step.

    planned (a draft's) → waiting (for its wave) → ready (for the step) → running → ready for the next step … → done.
    failed → ready by a retry. excluded, skipped, cancelled, undone and rolled_back are ends.
    """

    EXCLUDED = "excluded"
    PLANNED = "planned"
    WAITING = "waiting"
    READY = "ready"
    RUNNING = "running"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    DONE = "done"
    UNDONE = "undone"
    ROLLED_BACK = "rolled_back"


OPEN = (ProgramState.WAITING, ProgramState.READY, ProgramState.RUNNING)
"""States in which a mini program belongs to this train alone."""


class StepStatus(StrEnum):
    """held: WeChat said that the quota is used up, so it begins anew once there is some."""

    RUNNING = "running"
    HELD = "held"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class OpensAfter(StrEnum):
    """How far a wave must have come before the next one opens; those that failed or were skipped do not count."""

    SUBMITTED = "submitted"
    APPROVED = "approved"
    RELEASED = "released"


class Holds(StrEnum):
    """After which waves the next one waits for somebody's word, however far they have come."""

    NEVER = ""
    CANARY = "canary"
    EVERY = "every"


class StopReason(StrEnum):
    """Why a train stopped by itself. COMPONENT: it goes on by itself once the component app works again; NOBODY: it was
    to begin at a planned time, and nobody could go; STARTER: whoever planned that time may not start it any more."""

    REJECTS = "rejects"
    EVERYBODY = "everybody"
    SAME_CAUSE = "same_cause"
    NOTHING_PASSED = "nothing_passed"
    COMPONENT = "component"
    NOBODY = "nobody"
    STARTER = "starter"


class Train(TenantOwned, Base):
    """One template version on its way to many mini programs of one component app.

    Waves hold `wave_size` mini programs or `wave_percent` of all; without either, all that the canary leaves. After
    those that `holds` names the next one waits for somebody's word. A draft sets off by itself at `starts_at`. Releases
    begin by themselves (`releases_itself`) or wave by wave when somebody says so, between the hours `window_from` and
    `window_until` of the provider's time zone; with `phased_percent` to that share of users first. `reserve`
    submissions of the month are left to others. It stops when `stop_percent` of the audits were rejected, or when
    `stop_failures` mini programs failed for one cause; both count what ended since `counts_from`. `rolls_back`: it was
    given up, so that what is being released goes back as soon as that has ended.
    """

    __tablename__ = "trains"
    __table_args__ = (
        UniqueConstraint("provider_id", "id"),
        ForeignKeyConstraint(
            ["provider_id", "component_id"], ["component_apps.provider_id", "component_apps.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(["provider_id", "template_row_id"], ["templates.provider_id", "templates.id"]),
        Index("ix_trains_listing", "provider_id", "id"),
        Index("ix_trains_running", "id", postgresql_where=text("status = 'running'")),
        Index("ix_trains_planned", "starts_at", postgresql_where=text("status = 'draft' and starts_at is not null")),
    )

    component_id: Mapped[UUID]
    template_row_id: Mapped[UUID]
    template_id: Mapped[str] = mapped_column(Text)
    user_version: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text)
    version_desc: Mapped[str] = mapped_column(Text, default="")
    canary_size: Mapped[int] = mapped_column(default=0)
    wave_size: Mapped[int | None] = mapped_column(default=None)
    wave_percent: Mapped[int | None] = mapped_column(default=None)
    opens_after: Mapped[str] = mapped_column(Text, default=OpensAfter.APPROVED)
    holds: Mapped[str] = mapped_column(Text, default=Holds.NEVER)
    wait_hours: Mapped[int] = mapped_column(default=0)
    releases_itself: Mapped[bool] = mapped_column(default=False)
    phased_percent: Mapped[int | None] = mapped_column(default=None)
    window_from: Mapped[int | None] = mapped_column(default=None)
    window_until: Mapped[int | None] = mapped_column(default=None)
    reserve: Mapped[int] = mapped_column(default=0)
    stop_percent: Mapped[int | None] = mapped_column(default=None)
    stop_failures: Mapped[int | None] = mapped_column(default=None)
    status: Mapped[str] = mapped_column(Text, default=TrainStatus.DRAFT)
    why: Mapped[str] = mapped_column(Text, default="")
    why_detail: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    total: Mapped[int] = mapped_column(default=0)
    created_by: Mapped[UUID | None] = mapped_column(default=None)
    created_by_name: Mapped[str] = mapped_column(Text, default="")
    starts_at: Mapped[datetime | None] = mapped_column(default=None)
    starts_by: Mapped[UUID | None] = mapped_column(default=None)
    starts_by_name: Mapped[str] = mapped_column(Text, default="")
    started_at: Mapped[datetime | None] = mapped_column(default=None)
    counts_from: Mapped[datetime | None] = mapped_column(default=None)
    finished_at: Mapped[datetime | None] = mapped_column(default=None)
    rolls_back: Mapped[bool] = mapped_column(default=False, server_default=false())

    @property
    def name(self) -> str:
        """What the activity log calls it."""
        return self.user_version

    @property
    def starter(self) -> Who:
        """Who made the train; her role was asked then."""
        return Who(self.provider_id, self.created_by_name, self.created_by)

    @property
    def is_over(self) -> bool:
        return self.status in (TrainStatus.DONE, TrainStatus.CANCELLED)


def _train_key() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["provider_id", "train_id"], ["trains.provider_id", "trains.id"], ondelete="CASCADE")


class TrainWave(TenantOwned, Base):
    """Some mini programs of a train that set off together. `batches` names the batch of each of its steps.

    `reached_at`: it has come far enough for the next one; `let_on_at`: somebody let the next one go. Its releases, and
    with a phased release the one to all, begin once they are allowed.
    """

    __tablename__ = "train_waves"
    __table_args__ = (_train_key(), UniqueConstraint("train_id", "number"), UniqueConstraint("provider_id", "id"))

    train_id: Mapped[UUID]
    number: Mapped[int]
    is_canary: Mapped[bool] = mapped_column(default=False)
    size: Mapped[int]
    status: Mapped[str] = mapped_column(Text, default=WaveStatus.WAITING)
    opened_at: Mapped[datetime | None] = mapped_column(default=None)
    reached_at: Mapped[datetime | None] = mapped_column(default=None)
    let_on_at: Mapped[datetime | None] = mapped_column(default=None)
    release_allowed_at: Mapped[datetime | None] = mapped_column(default=None)
    full_allowed_at: Mapped[datetime | None] = mapped_column(default=None)
    batches: Mapped[dict[str, str]] = mapped_column(JSONB, default=dict)


class TrainProgram(TenantOwned, Base):
    """A mini program in a train: its present step and state, and the rows that are this train's.

    `version_before` was online before the train's release. `reason` says why it is left out. Only `audit_id` may be
    released, and only `upload_id` be submitted. `changes` is what its next submission says differently from the last
    (`saas.releases.resubmission`).
    """

    __tablename__ = "train_programs"
    __table_args__ = (
        _train_key(),
        ForeignKeyConstraint(["provider_id", "wave_id"], ["train_waves.provider_id", "train_waves.id"]),
        ForeignKeyConstraint(
            ["provider_id", "program_id"], ["programs.provider_id", "programs.id"], ondelete="CASCADE"
        ),
        UniqueConstraint("train_id", "program_id"),
        UniqueConstraint("provider_id", "id"),
        Index("ix_train_programs_train", "train_id", "id"),
        Index("ix_train_programs_listing", "train_id", "state", "id"),
        Index("ix_train_programs_audit", "audit_id", postgresql_where=text("audit_id is not null")),
        Index("ix_train_programs_wave", "train_id", "wave_id", "step", "state", "id"),
        Index(
            "uq_train_programs_open", "program_id", unique=True,
            postgresql_where=text("state in ('waiting', 'ready', 'running')"),
        ),
    )  # fmt: skip

    train_id: Mapped[UUID]
    wave_id: Mapped[UUID | None] = mapped_column(default=None)
    program_id: Mapped[UUID]
    program_name: Mapped[str] = mapped_column(Text, default="")
    step: Mapped[str] = mapped_column(Text, default=TrainStepName.UPLOAD)
    state: Mapped[str] = mapped_column(Text, default=ProgramState.PLANNED)
    state_at: Mapped[datetime] = mapped_column(default=clock.now)
    reason: Mapped[str] = mapped_column(Text, default="")
    version_before: Mapped[str] = mapped_column(Text, default="")
    upload_id: Mapped[UUID | None] = mapped_column(default=None)
    audit_id: Mapped[UUID | None] = mapped_column(default=None)
    release_id: Mapped[UUID | None] = mapped_column(default=None)
    changes: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)


class TrainStep(Failable, TenantOwned, Base):
    """The one row of truth about a step of a mini program: asked, before, sent, answered, tries, and what failed.

    `item_id` is the batch item that does it now; the tries of items before it are `earlier_tries`. An audit has none:
    it is watched. `before` is what stood in the place that the step changes.
    """

    __tablename__ = "train_steps"
    __table_args__ = (
        _train_key(),
        ForeignKeyConstraint(
            ["provider_id", "train_program_id"], ["train_programs.provider_id", "train_programs.id"],
            ondelete="CASCADE",
        ),
        UniqueConstraint("train_program_id", "step"),
        Index("ix_train_steps_train", "train_id", "status", "step"),
        Index("ix_train_steps_running", "train_id", postgresql_where=text("status = 'running'")),
    )  # fmt: skip

    train_id: Mapped[UUID]
    train_program_id: Mapped[UUID]
    step: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, default=StepStatus.RUNNING)
    asked: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    before: Mapped[str] = mapped_column(Text, default="")
    tries: Mapped[int] = mapped_column(default=0)
    earlier_tries: Mapped[int] = mapped_column(default=0)
    item_id: Mapped[UUID | None] = mapped_column(default=None)
    asked_at: Mapped[datetime] = mapped_column(default=clock.now)
    sent_at: Mapped[datetime | None] = mapped_column(default=None)
    answered_at: Mapped[datetime | None] = mapped_column(default=None)
