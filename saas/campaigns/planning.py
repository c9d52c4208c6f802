"""Planning a campaign, and changing the plan: another time, a pause, the end of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from saas import clock
from saas.batches import steps
from saas.campaigns.models import Campaign, CampaignStatus, Repeat
from saas.campaigns.timing import Timing, check_timing, moment_of, next_after, times, timing_of
from saas.errors import N_, Conflict, Invalid
from saas.programs.listing import MOST_SELECTED, ProgramFilter
from saas.programs.suiting import Suits
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require
from saas.tenants.alarm_models import AlarmKind
from saas.tenants.alarms import clear_alarm
from saas.tenants.providers import own_provider

MOST_OPEN = 200
LONGEST_TITLE = 60
_CHANGED = N_("计划的状态已经变了，请刷新页面")
_OPEN = (CampaignStatus.PLANNED, CampaignStatus.PAUSED)


@dataclass(frozen=True)
class Work:
    """What a campaign does; see `Campaign`."""

    action: str
    step: str
    params: Mapping[str, Any] = field(default_factory=dict)
    suits: Suits = Suits.ANY
    answers: Sequence[Sequence[str]] = ()


def plan_campaign(
    db: Session, work: Work, whom: ProgramFilter | Collection[UUID], timing: Timing, *, who: Who, title: str = ""
) -> Campaign:
    """Have the work started for these mini programs, or for those that the filter finds then. Raises Invalid.

    `timing` is in the provider's time zone. The starts are a cron's (`saas.campaigns.starting.look`).
    """
    require(who, Verb.WORK)
    steps.find(work.step)
    title, wanted = _read_title(title), whom if isinstance(whom, ProgramFilter) else None
    ids = [] if isinstance(whom, ProgramFilter) else list(dict.fromkeys(whom))[:MOST_SELECTED]
    if wanted is None and not ids:
        raise Invalid(N_("请至少选择一个小程序"))
    first = check_timing(timing, own_provider(db).time_zone)
    if (db.scalar(select(func.count()).where(Campaign.status.in_(_OPEN))) or 0) >= MOST_OPEN:
        raise Conflict(N_("最多同时有 %(most)d 个没有结束的计划，请先取消不需要的"), most=MOST_OPEN)
    campaign = Campaign(
        provider_id=who.provider_id, title=title, action=work.action, step=work.step, params=dict(work.params),
        answers=[list(one) for one in work.answers], suits=work.suits.value,
        query=wanted.parts() if wanted is not None else None, program_ids=ids, chosen=len(ids),
        first_on=timing.on, at=timing.at, repeat=timing.repeat, until=timing.until, next_at=first,
        planned_by=who.user_id, planned_by_name=who.name,
    )  # fmt: skip
    db.add(campaign)
    db.flush()
    activity.record(db, who, "campaign.plan", campaign, detail={"time": f"{timing.on} {timing.at:%H:%M}"})
    return campaign


def change_timing(db: Session, campaign: Campaign, timing: Timing, *, who: Who, title: str = "") -> None:
    """Set another time and name; it starts in the name of `who` from now on. What failed is planned again, what is
    paused stays so. One that repeats may keep the day when it began.
    """
    _lock(db, campaign, who, *_OPEN, CampaignStatus.FAILED)
    campaign.title = _read_title(title)
    begun = campaign.repeats and timing.repeat is not Repeat.ONCE and timing.on == campaign.first_on
    campaign.next_at = check_timing(timing, own_provider(db).time_zone, begun=begun)
    campaign.first_on, campaign.at, campaign.repeat, campaign.until = timing.on, timing.at, timing.repeat, timing.until
    campaign.planned_by, campaign.planned_by_name = who.user_id, who.name
    if campaign.status == CampaignStatus.FAILED or timing.repeat is Repeat.ONCE:
        campaign.status, campaign.why, campaign.why_detail = CampaignStatus.PLANNED, "", {}
        clear_alarm(db, campaign.provider_id, AlarmKind.CAMPAIGN_FAILED, campaign.id)
    activity.record(db, who, "campaign.edit", campaign, detail={"time": f"{timing.on} {timing.at:%H:%M}"})


def pause_campaign(db: Session, campaign: Campaign, *, who: Who) -> None:
    """Start it no more until it is resumed; what runs goes on."""
    _lock(db, campaign, who, CampaignStatus.PLANNED)
    if not campaign.repeats:
        raise Conflict(N_("只执行一次的计划不能暂停，请改时间或取消"))
    campaign.status = CampaignStatus.PAUSED
    activity.record(db, who, "campaign.pause", campaign)


def resume_campaign(db: Session, campaign: Campaign, *, who: Who) -> None:
    """Go on with the next time that is still to come; what passed meanwhile is not made up for."""
    _lock(db, campaign, who, CampaignStatus.PAUSED)
    found = next_after(timing_of(campaign), own_provider(db).time_zone, clock.now())
    if found is None:
        raise Conflict(N_("结束日期已过，请先改时间"))
    campaign.status, campaign.next_at = CampaignStatus.PLANNED, found
    activity.record(db, who, "campaign.resume", campaign)


def cancel_campaign(db: Session, campaign: Campaign, *, who: Who) -> None:
    """Never start it again; batches that it started go on."""
    _lock(db, campaign, who, *_OPEN, CampaignStatus.FAILED)
    campaign.status, campaign.next_at = CampaignStatus.CANCELLED, None
    clear_alarm(db, campaign.provider_id, AlarmKind.CAMPAIGN_FAILED, campaign.id)
    activity.record(db, who, "campaign.cancel", campaign)


def follow_time_zone(db: Session, *, who: Who) -> None:
    """The provider has another time zone: what is planned keeps its hour there."""
    require(who, Verb.MANAGE)
    zone = own_provider(db).time_zone
    query = select(Campaign).where(Campaign.status.in_(_OPEN)).order_by(Campaign.id).with_for_update()
    for campaign in db.scalars(query.execution_options(populate_existing=True)):
        retime(campaign, zone)


def retime(campaign: Campaign, zone: str) -> None:
    """Bring the next start to its hour in this time zone if it was found in another. Hold its row."""
    timing, before = timing_of(campaign), campaign.next_at
    if before is None or before in times(timing, zone):
        return
    now = clock.now()
    campaign.next_at = next_after(timing, zone, now) if campaign.repeats else moment_of(timing.on, timing.at, zone)
    if campaign.next_at is None:
        campaign.status = CampaignStatus.STARTED


def _lock(db: Session, campaign: Campaign, who: Who, *allowed: CampaignStatus) -> None:
    require(who, Verb.WORK)
    db.refresh(campaign, with_for_update=True)
    if campaign.status not in allowed:
        raise Conflict(_CHANGED)


def _read_title(title: str) -> str:
    found = " ".join(title.split())
    if len(found) > LONGEST_TITLE:
        raise Invalid(N_("不能超过 %(max)d 个字符"), field="title", max=LONGEST_TITLE)
    return found
