"""Campaigns: one step for many mini programs, planned for a time or for many, and what became of each start."""

from __future__ import annotations

from datetime import date, datetime, time
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, Text, UniqueConstraint, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from saas.batches.steps import label_of
from saas.db import Base, TenantOwned
from saas.programs.listing import ProgramFilter


class CampaignStatus(StrEnum):
    """planned ⇄ paused (only what repeats); planned → started (nothing is left to start) | failed | cancelled.

    What failed is planned again by whoever sets another time.
    """

    PLANNED = "planned"
    PAUSED = "paused"
    STARTED = "started"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Repeat(StrEnum):
    ONCE = "once"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


class Outcome(StrEnum):
    """What became of a start. nothing: no mini program was there to work on; busy: what began before still went on."""

    STARTED = "started"
    NOTHING = "nothing"
    BUSY = "busy"
    REFUSED = "refused"
    FAILED = "failed"


class Campaign(TenantOwned, Base):
    """A batch that is to be: `step` and `params` as `start_batch` takes them, and for whom.

    Whom: the filter of `query`, asked anew at each start, or `program_ids` where `query` is None. `suits` is asked of
    each (`saas.programs.suiting`). `action` is what the screens call it, and `answers` what was filled in there, as
    ``[field, value, text, label]`` each.

    When: at the hour `at` on the day `first_on` of the provider's calendar, then by `repeat` up to the day `until`.
    `next_at` is the moment that follows from it; None when there is none.

    It starts in the name of whoever planned it or changed its time last, with the role that she has then.
    """

    __tablename__ = "campaigns"
    __table_args__ = (
        UniqueConstraint("provider_id", "id"),
        Index("ix_campaigns_listing", "provider_id", "id"),
        Index("ix_campaigns_due", "next_at", postgresql_where=text("status = 'planned'")),
    )

    title: Mapped[str] = mapped_column(Text, default="")
    action: Mapped[str] = mapped_column(Text)
    step: Mapped[str] = mapped_column(Text)
    params: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    answers: Mapped[list[list[str]]] = mapped_column(JSONB, default=list)
    suits: Mapped[str] = mapped_column(Text)
    query: Mapped[dict[str, str] | None] = mapped_column(JSONB(none_as_null=True), default=None)
    program_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()), default=list, deferred=True)
    chosen: Mapped[int] = mapped_column(default=0)
    first_on: Mapped[date]
    at: Mapped[time]
    repeat: Mapped[str] = mapped_column(Text, default=Repeat.ONCE)
    until: Mapped[date | None] = mapped_column(default=None)
    next_at: Mapped[datetime | None] = mapped_column(default=None)
    status: Mapped[str] = mapped_column(Text, default=CampaignStatus.PLANNED)
    why: Mapped[str] = mapped_column(Text, default="")
    why_detail: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    planned_by: Mapped[UUID | None] = mapped_column(default=None)
    planned_by_name: Mapped[str] = mapped_column(Text, default="")

    @property
    def name(self) -> str:
        """What people called it, or else the step as a msgid."""
        return self.title or label_of(self.step)

    @property
    def wanted(self) -> ProgramFilter | None:
        """The filter; None when certain mini programs were chosen."""
        return None if self.query is None else ProgramFilter.read(self.query)

    @property
    def repeats(self) -> bool:
        return self.repeat != Repeat.ONCE

    @property
    def is_over(self) -> bool:
        return self.status in (CampaignStatus.STARTED, CampaignStatus.CANCELLED)


class CampaignRun(TenantOwned, Base):
    """One start of a campaign, or why it was none. `due_at` is when it was to be: there is one row for each.

    `batch_id` is the batch that does the work. `found` mini programs were there, `unsuited` of them were left out.
    `missed`: so many times before it passed while nothing ran here. `by_hand` names who did not wait for the time.
    """

    __tablename__ = "campaign_runs"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "campaign_id"], ["campaigns.provider_id", "campaigns.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(["provider_id", "batch_id"], ["batches.provider_id", "batches.id"]),
        UniqueConstraint("campaign_id", "due_at"),
        Index("ix_campaign_runs_listing", "campaign_id", "id"),
        Index("ix_campaign_runs_batch", "batch_id", postgresql_where=text("batch_id is not null")),
    )

    campaign_id: Mapped[UUID]
    due_at: Mapped[datetime]
    outcome: Mapped[str] = mapped_column(Text)
    batch_id: Mapped[UUID | None] = mapped_column(default=None)
    found: Mapped[int] = mapped_column(default=0)
    unsuited: Mapped[int] = mapped_column(default=0)
    missed: Mapped[int] = mapped_column(default=0)
    by_hand: Mapped[str] = mapped_column(Text, default="")
    why: Mapped[str] = mapped_column(Text, default="")
    why_detail: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
