"""Starting campaigns whose time has come: each time once, whatever is killed meanwhile.

A start is one transaction: the batch with its items, the row of the run, and the next time. It holds the campaign's
row, so a second one finds the time moved on; cut off before its commit it has left nothing, and is due again.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from saas import clock
from saas.batches import steps
from saas.batches.models import Batch, BatchStatus
from saas.batches.starting import Subject, start_batch
from saas.batches.steps import UnknownStep
from saas.campaigns.models import Campaign, CampaignRun, CampaignStatus, Outcome
from saas.campaigns.planning import retime
from saas.campaigns.timing import count_between, next_after, timing_of
from saas.errors import N_, AppError, Conflict
from saas.programs.listing import ProgramFilter, select_ids, select_programs
from saas.programs.suiting import Suits
from saas.queue import enqueue_for
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require, system
from saas.tenants.alarm_models import AlarmKind
from saas.tenants.alarms import raise_alarm
from saas.tenants.models import Provider, ProviderStatus
from saas.tenants.providers import ProviderSuspended, member_now, own_provider

START = "jobs.campaigns.start"
LATE = timedelta(minutes=5)
"""A start so long after its time is told of as late."""

_GONE = N_("安排计划的 %(name)s 已经不是成员，请由别的成员重新安排")
_MAY_NOT = N_("安排计划的 %(name)s 现在没有执行这项操作的权限，请由别的成员重新安排")
_FILTER = N_("计划里的筛选条件已经不能用，请重新选择小程序再安排")
_NO_STEP = N_("这项操作已经没有了，请重新安排")
_BROKEN = N_("系统出错，没有开始。请重新安排；再出现时请联系平台运营")


def look(db: Session) -> int:
    """Cron, in a platform session: have what is due started; says how many. Of suspended providers nothing is due."""
    is_due = (Campaign.status == CampaignStatus.PLANNED, Campaign.next_at <= clock.now())
    query = select(Campaign.id, Campaign.provider_id).join(Provider, Provider.id == Campaign.provider_id)
    query = query.where(*is_due, Provider.status != ProviderStatus.SUSPENDED).order_by(Campaign.next_at).limit(1000)
    rows = db.execute(query).all()
    for row in rows:
        enqueue_for(db, row.provider_id, START, row.id)
    return len(rows)


def start_due(db: Session, campaign: Campaign) -> CampaignRun | None:
    """Start it if its time has come; None when it has not, somebody was first, or the provider is suspended: then it
    starts late. Never raises what a person could repair: that is kept with the run, and the campaign has failed.
    """
    db.refresh(campaign, with_for_update=True)
    now = clock.now()
    if not _is_due(campaign, now):
        return None
    zone, timing = own_provider(db).time_zone, timing_of(campaign)
    retime(campaign, zone)
    due_at = campaign.next_at
    if due_at is None or not _is_due(campaign, now):
        return None
    try:
        steps.find(campaign.step)
        who = _acting(campaign)
        subjects, run = _choose(db, campaign, due_at)
    except ProviderSuspended:
        return None
    except AppError as error:
        return _fail(db, campaign, due_at, Outcome.REFUSED, error.message, error.params)
    except UnknownStep:
        return _fail(db, campaign, due_at, Outcome.FAILED, _NO_STEP)
    run.missed = count_between(timing, zone, due_at, now)
    _set_off(db, campaign, run, subjects, who)
    campaign.next_at = next_after(timing, zone, now)
    if campaign.next_at is None:
        campaign.status = CampaignStatus.STARTED
    return run


def _is_due(campaign: Campaign, now: datetime) -> bool:
    return campaign.status == CampaignStatus.PLANNED and campaign.next_at is not None and campaign.next_at <= now


def start_now(db: Session, campaign: Campaign, *, who: Who) -> CampaignRun:
    """Start it at once, in the name of `who`. One that repeats keeps its times; the other is started with that."""
    require(who, Verb.WORK)
    db.refresh(campaign, with_for_update=True)
    if campaign.status not in (CampaignStatus.PLANNED, CampaignStatus.PAUSED):
        raise Conflict(N_("计划的状态已经变了，请刷新页面"))
    assert campaign.next_at is not None  # of every campaign that is not over
    subjects, run = _choose(db, campaign, clock.now() if campaign.repeats else campaign.next_at)
    if run.outcome == Outcome.BUSY:
        raise Conflict(N_("上一次还在进行，请等它结束"))
    if run.outcome == Outcome.NOTHING:
        raise Conflict(N_("现在没有可以处理的小程序"))
    run.by_hand = who.name
    _set_off(db, campaign, run, subjects, who)
    if not campaign.repeats:
        campaign.status, campaign.next_at = CampaignStatus.STARTED, None
    return run


def give_up(db: Session, campaign: Campaign) -> None:
    """Its start broke each time it was tried: say so instead of trying for ever."""
    db.refresh(campaign, with_for_update=True)
    if campaign.status == CampaignStatus.PLANNED and campaign.next_at is not None:
        _fail(db, campaign, campaign.next_at, Outcome.FAILED, _BROKEN)


def _acting(campaign: Campaign) -> Who:
    """Whoever planned it, as she is now; raises an AppError when she may not any more."""
    assert campaign.planned_by is not None  # only people plan
    who = member_now(campaign.planned_by, campaign.provider_id)
    if who is None:
        raise Conflict(_GONE, name=campaign.planned_by_name)
    if not who.may(Verb.WORK):
        raise Conflict(_MAY_NOT, name=who.name)
    return who


def _choose(db: Session, campaign: Campaign, due_at: datetime) -> tuple[list[Subject], CampaignRun]:
    """The mini programs that are there now and suit, and the run that would begin. Raises Conflict."""
    programs = select_programs(db, find_ids(db, campaign))
    suits = Suits(campaign.suits)
    subjects = [Subject(one.id, one.name or one.appid) for one in programs if suits.fits(one)]
    run = CampaignRun(
        provider_id=campaign.provider_id, campaign_id=campaign.id, due_at=due_at, found=len(programs),
        unsuited=len(programs) - len(subjects),
        outcome=Outcome.BUSY if _goes_on(db, campaign) else Outcome.STARTED if subjects else Outcome.NOTHING,
    )  # fmt: skip
    return subjects, run


def find_ids(db: Session, campaign: Campaign) -> list[UUID]:
    """The mini programs that it is about now, newest first; of those chosen, also such as are gone."""
    wanted = filter_of(campaign)
    return campaign.program_ids if wanted is None else select_ids(db, wanted)


def filter_of(campaign: Campaign) -> ProgramFilter | None:
    """Its filter, or None. One of which a part is not understood any more would find too much: that raises Conflict."""
    wanted = campaign.wanted
    if wanted is not None and wanted.parts() != campaign.query:
        raise Conflict(_FILTER)
    return wanted


def _goes_on(db: Session, campaign: Campaign) -> bool:
    """Whether a batch that it started is not over."""
    query = (
        select(CampaignRun.id)
        .join(Batch, Batch.id == CampaignRun.batch_id)
        .where(
            CampaignRun.campaign_id == campaign.id, Batch.status.in_([BatchStatus.RUNNING, BatchStatus.PAUSED])
        )
    )  # fmt: skip
    return bool(db.scalar(select(query.exists())))


def _set_off(db: Session, campaign: Campaign, run: CampaignRun, subjects: list[Subject], who: Who) -> None:
    detail: dict[str, Any] = {"count": len(subjects)}
    if run.outcome == Outcome.STARTED:
        run.batch_id = start_batch(db, campaign.step, subjects, who=who, params=campaign.params).id
    acting = who if run.by_hand else system(campaign.provider_id)
    db.add(run)
    verbs = {Outcome.STARTED: "campaign.start", Outcome.NOTHING: "campaign.nothing", Outcome.BUSY: "campaign.busy"}
    activity.record(db, acting, verbs[Outcome(run.outcome)], campaign, detail=detail)


def _fail(
    db: Session, campaign: Campaign, due_at: datetime, outcome: Outcome, why: str, detail: dict[str, Any] | None = None
) -> CampaignRun:
    told = dict(detail or {})
    run = CampaignRun(
        provider_id=campaign.provider_id, campaign_id=campaign.id, due_at=due_at, outcome=outcome, why=why,
        why_detail=told,
    )  # fmt: skip
    db.add(run)
    campaign.status, campaign.next_at, campaign.why, campaign.why_detail = CampaignStatus.FAILED, None, why, told
    raise_alarm(db, campaign.provider_id, AlarmKind.CAMPAIGN_FAILED, campaign.id, {"name": campaign.name})
    activity.record(
        db, system(campaign.provider_id), "campaign.fail", campaign, outcome="failed",
        detail={"reason": why % told if told else why},
    )  # fmt: skip
    return run


def is_late(run: CampaignRun) -> bool:
    """Whether it began long after its time."""
    return not run.by_hand and run.created_at - run.due_at > LATE
