"""Plans are made, changed, paused and cancelled by whoever may work; whoever changes the time answers for the start."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from saas import clock
from saas.campaigns import planning, standing
from saas.campaigns.access import load_campaign
from saas.campaigns.models import CampaignStatus, Outcome, Repeat
from saas.campaigns.planning import cancel_campaign, change_timing, pause_campaign, resume_campaign
from saas.campaigns.standing import last_runs, list_campaigns, list_runs, reach_of
from saas.campaigns.timing import Timing
from saas.db import platform_session, tenant_session
from saas.errors import Conflict, Forbidden, Invalid
from saas.programs import listing
from saas.programs.listing import ProgramFilter
from saas.programs.suiting import Suits
from saas.tenants.alarm_models import AlarmKind
from saas.tenants.alarms import open_alarms
from saas.tenants.members import remove_member
from tests.campaigns.conftest import ZONE, Planner

EVERYTHING = ProgramFilter(q="店")


def tomorrow(days: int = 1) -> Timing:
    local = clock.now().astimezone(ZoneInfo(ZONE)) + timedelta(days=days)
    return Timing(local.date(), local.time().replace(second=0, microsecond=0))


def test_who_only_looks_on_plans_nothing(planner: Planner) -> None:
    planner.add("一店")
    with pytest.raises(Forbidden):
        planner.plan(EVERYTHING, by="bob")
    plan = planner.plan(EVERYTHING, repeat=Repeat.DAILY, days=3)
    for service in (pause_campaign, resume_campaign, cancel_campaign):
        with pytest.raises(Forbidden):
            planner.do(service, plan, by="bob")
    with pytest.raises(Forbidden):
        planner.do(change_timing, plan, tomorrow(), by="bob")


def test_certain_ones_need_to_be_some_and_names_are_short(planner: Planner) -> None:
    with pytest.raises(Invalid):
        planner.plan([])
    [one] = planner.add("一店")
    with pytest.raises(Invalid) as refused:
        planner.plan([one], title="长" * 61)
    assert refused.value.field == "title"
    plan = planner.campaign(planner.plan([one, one], title="  双十二  提醒 "))
    assert (plan.title, plan.chosen, plan.wanted) == ("双十二 提醒", 1, None)


def test_there_are_not_more_open_plans_than_somebody_can_oversee(
    planner: Planner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "MOST_OPEN", 2)
    first, _second = planner.plan(EVERYTHING), planner.plan(EVERYTHING)
    with pytest.raises(Conflict):
        planner.plan(EVERYTHING)
    planner.do(cancel_campaign, first)
    planner.plan(EVERYTHING)


def test_a_pause_skips_what_would_have_started(planner: Planner) -> None:
    planner.add("一店")
    plan = planner.plan(EVERYTHING, repeat=Repeat.DAILY, days=9)
    planner.do(pause_campaign, plan)
    planner.wait(3 * 24)
    assert planner.runs(plan) == []
    planner.do(resume_campaign, plan)
    planner.wait(0.01)
    assert planner.runs(plan) == []  # what passed is not made up for
    planner.wait(24)
    assert [run.outcome for run in planner.runs(plan)] == [Outcome.STARTED]
    with pytest.raises(Conflict):
        planner.do(resume_campaign, plan)
    with pytest.raises(Conflict):
        planner.do(pause_campaign, planner.plan(EVERYTHING))


def test_a_pause_that_lasted_past_the_end_asks_for_another_time(planner: Planner) -> None:
    plan = planner.plan(EVERYTHING, repeat=Repeat.DAILY, days=1)
    planner.do(pause_campaign, plan)
    planner.move(5 * 86400)
    with pytest.raises(Conflict):
        planner.do(resume_campaign, plan)


def test_what_is_cancelled_never_starts(planner: Planner) -> None:
    planner.add("一店")
    plan = planner.plan(EVERYTHING)
    planner.do(cancel_campaign, plan, by="max")
    planner.wait(3)
    assert (planner.runs(plan), planner.campaign(plan).status) == ([], CampaignStatus.CANCELLED)
    for service in (pause_campaign, cancel_campaign):
        with pytest.raises(Conflict):
            planner.do(service, plan)
    with pytest.raises(Conflict):
        planner.do(change_timing, plan, tomorrow())


def test_whoever_changes_the_time_answers_for_it(planner: Planner) -> None:
    planner.add("一店")
    plan = planner.plan(EVERYTHING, by="max")
    with platform_session("members") as db:
        remove_member(db, planner.cast.users["max"], who=planner.cast.who["alice"])
    planner.wait()
    assert planner.campaign(plan).status == CampaignStatus.FAILED
    planner.do(change_timing, plan, tomorrow(), by="anna", title="换人")
    with tenant_session(planner.cast.alices) as db:
        assert open_alarms(db, planner.cast.alices, kinds=[AlarmKind.CAMPAIGN_FAILED]) == []
    campaign = planner.campaign(plan)
    assert (campaign.status, campaign.why, campaign.planned_by_name) == (CampaignStatus.PLANNED, "", "Anna")
    planner.wait(24.1)
    assert [run.outcome for run in planner.runs(plan)] == [Outcome.REFUSED, Outcome.STARTED]
    assert [batch.created_by for batch in planner.batches()] == [planner.cast.users["anna"]]


def test_a_paused_plan_stays_paused_with_another_time_unless_it_repeats_no_more(planner: Planner) -> None:
    plan = planner.plan(EVERYTHING, repeat=Repeat.DAILY, days=9)
    planner.do(pause_campaign, plan)
    later = tomorrow(2)
    until = later.on + timedelta(days=9)
    planner.do(change_timing, plan, Timing(later.on, later.at, Repeat.WEEKLY, until))
    assert planner.campaign(plan).status == CampaignStatus.PAUSED
    planner.do(change_timing, plan, later)
    assert planner.campaign(plan).status == CampaignStatus.PLANNED


def test_one_that_has_begun_keeps_its_first_day(planner: Planner) -> None:
    planner.add("一店")
    plan = planner.plan(EVERYTHING, repeat=Repeat.DAILY, days=5)
    planner.wait(25)
    before = planner.campaign(plan)
    kept = Timing(before.first_on, before.at, Repeat.DAILY, before.first_on + timedelta(days=30))
    planner.do(change_timing, plan, kept, title="久一点")
    assert (planner.campaign(plan).next_at, planner.campaign(plan).until) == (before.next_at, kept.until)
    with pytest.raises(Invalid) as refused:  # nothing would come any more
        planner.do(change_timing, plan, Timing(before.first_on, before.at, Repeat.DAILY, before.first_on))
    assert refused.value.field == "on"
    with pytest.raises(Invalid):
        planner.do(change_timing, plan, Timing(before.first_on, before.at))


def test_a_plan_tells_whom_it_would_reach_now(planner: Planner) -> None:
    [one], [draft] = planner.add("一店", tag="连锁"), planner.add("二店", tag="连锁", appid=False)
    asked, chosen = (planner.plan(whom, suits=Suits.APPID) for whom in (ProgramFilter(tag="连锁"), [draft]))
    with tenant_session(planner.cast.alices) as db:
        reach = reach_of(db, load_campaign(db, asked))
        assert (reach.found, reach.unsuited, [row.id for row in reach.first]) == (2, 1, [draft, one])
    with tenant_session(planner.cast.alices) as db:
        assert reach_of(db, load_campaign(db, chosen)).found == 1
        broken = load_campaign(db, asked)
        broken.query = {"tag": "连锁", "later": "1"}
        assert "筛选条件" in reach_of(db, broken).broken


def test_of_very_many_only_some_are_counted(planner: Planner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "_COUNTED", 2)
    monkeypatch.setattr(standing, "_ASKED", 2)
    many = planner.add("一店", "二店", "三店")
    for plan, expected in ((planner.plan(EVERYTHING), (2, None, True)), (planner.plan(many), (3, None, False))):
        with tenant_session(planner.cast.alices) as db:
            reach = reach_of(db, load_campaign(db, plan))
            assert (reach.found, reach.unsuited, reach.is_least, len(reach.first)) == (*expected, 3)


def test_lists_are_of_ones_own_and_paged_by_key(planner: Planner) -> None:
    planner.add("一店")
    plans = [planner.plan(EVERYTHING, repeat=Repeat.DAILY, days=3) for _ in range(3)]
    for _ in range(2):
        planner.wait(24.1)
    with tenant_session(planner.cast.alices) as db:
        first, second = list_campaigns(db, limit=2)
        [third] = list_campaigns(db, before=second.id)
        assert [first.id, second.id, third.id] == plans[::-1]
        assert list_campaigns(db, status=CampaignStatus.PAUSED) == []
        newest, oldest = list_runs(db, third)
        assert list_runs(db, third, before=newest.id) == [oldest]
        assert last_runs(db, plans)[third.id].id == newest.id
    with tenant_session(planner.cast.charlies) as db:
        assert list_campaigns(db) == []
