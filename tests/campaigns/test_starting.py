"""A plan starts at its time, once, in the name of who planned it and may still; what came between is told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, update

from jobs import campaigns as jobs
from saas import clock
from saas.batches.access import load_batch
from saas.batches.models import BatchItem, BatchStatus, ItemStatus
from saas.batches.steering import pause_batch
from saas.campaigns import planning, starting
from saas.campaigns.access import load_campaign
from saas.campaigns.models import Campaign, CampaignStatus, Outcome, Repeat
from saas.campaigns.starting import is_late, start_due, start_now
from saas.db import platform_session, tenant_session
from saas.errors import Conflict, Forbidden
from saas.programs.listing import ProgramFilter, tags_of
from saas.programs.suiting import Suits
from saas.tenants.alarm_models import AlarmKind
from saas.tenants.alarms import open_alarms
from saas.tenants.members import change_role, remove_member
from saas.tenants.models import Provider, ProviderStatus, Role
from tests.campaigns.conftest import Planner

EVERYTHING = ProgramFilter(q="店")


def test_it_waits_for_its_time_and_then_does_the_work(planner: Planner) -> None:
    one, two, other = *planner.add("一店", "二店"), *planner.add("别的")
    plan = planner.plan([one, two], by="max")
    assert planner.look() == 0
    planner.wait()
    [run] = planner.runs(plan)
    [batch] = planner.batches()
    assert (run.outcome, run.batch_id, run.found, run.unsuited, run.missed) == (Outcome.STARTED, batch.id, 2, 0, 0)
    assert (batch.created_by, batch.status, batch.total) == (planner.cast.users["max"], BatchStatus.DONE, 2)
    campaign = planner.campaign(plan)
    assert (campaign.status, campaign.next_at) == (CampaignStatus.STARTED, None)
    with tenant_session(planner.cast.alices) as db:
        assert tags_of(db, [one, two, other]) == {one: ["计划"], two: ["计划"], other: []}
    assert planner.told() == ["campaign.plan", "campaign.start"]
    planner.wait(48)
    assert len(planner.batches()) == 1


def test_a_filter_is_asked_when_it_starts_and_chosen_ones_stay(planner: Planner) -> None:
    one, _two = planner.add("一店", "二店")
    then, chosen = planner.plan(ProgramFilter(tag="连锁")), planner.plan([one])
    planner.tag(one, "连锁")
    [new] = planner.add("三店", tag="连锁")
    planner.wait()
    with tenant_session(planner.cast.alices) as db:
        items = list(db.scalars(select(BatchItem).order_by(BatchItem.subject_name)))
    by_batch = {run.batch_id: plan for plan in (then, chosen) for run in planner.runs(plan)}
    assert sorted((by_batch[item.batch_id] == then, item.subject_id) for item in items) == sorted(
        [(True, one), (True, new), (False, one)]
    )


def test_nothing_to_do_is_an_outcome(planner: Planner) -> None:
    planner.add("草稿", appid=False)
    nobody, unsuited = planner.plan(ProgramFilter(tag="没有")), planner.plan(ProgramFilter(), suits=Suits.APPID)
    planner.wait()
    assert [(run.outcome, run.found, run.unsuited) for plan in (nobody, unsuited) for run in planner.runs(plan)] == [
        (Outcome.NOTHING, 0, 0), (Outcome.NOTHING, 1, 1),
    ]  # fmt: skip
    assert planner.campaign(nobody).status == CampaignStatus.STARTED
    assert (planner.batches(), planner.told()[2:]) == ([], ["campaign.nothing"] * 2)


def test_what_does_not_suit_is_left_out(planner: Planner) -> None:
    [one], _draft = planner.add("一店"), planner.add("二店", appid=False)
    plan = planner.plan(EVERYTHING, suits=Suits.APPID)
    planner.wait()
    [run] = planner.runs(plan)
    assert (run.outcome, run.found, run.unsuited) == (Outcome.STARTED, 2, 1)
    with tenant_session(planner.cast.alices) as db:
        assert db.scalars(select(BatchItem.subject_id)).all() == [one]


def test_who_left_or_was_downgraded_starts_nothing(planner: Planner) -> None:
    planner.add("一店")
    left, lower = planner.plan(EVERYTHING, by="max"), planner.plan(EVERYTHING, by="anna")
    with platform_session("members") as db:
        remove_member(db, planner.cast.users["max"], who=planner.cast.who["alice"])
        change_role(db, planner.cast.users["anna"], Role.VIEWER, who=planner.cast.who["alice"])
    planner.wait()
    for plan, words in ((left, "已经不是成员"), (lower, "没有执行这项操作的权限")):
        campaign, [run] = planner.campaign(plan), planner.runs(plan)
        assert (campaign.status, campaign.next_at, run.outcome) == (CampaignStatus.FAILED, None, Outcome.REFUSED)
        assert words in campaign.why
        assert campaign.why == run.why
    assert planner.campaign(left).why_detail == {"name": "Max"}
    with tenant_session(planner.cast.alices) as db:
        alarms = open_alarms(db, planner.cast.alices, kinds=[AlarmKind.CAMPAIGN_FAILED])
        assert {alarm.subject_id for alarm in alarms} == {left, lower}
    assert (planner.batches(), planner.told()[2:]) == ([], ["campaign.fail"] * 2)


def set_provider(**values: object) -> None:
    with platform_session("the platform") as db:
        db.execute(update(Provider).where(Provider.slug == "alice").values(values))


def test_while_the_provider_is_suspended_nothing_starts_and_afterwards_late(planner: Planner) -> None:
    planner.add("一店")
    plan = planner.plan(EVERYTHING)
    set_provider(status=ProviderStatus.SUSPENDED)
    planner.wait()
    assert planner.look() == 0
    with tenant_session(planner.cast.alices) as db:  # queued before
        assert start_due(db, load_campaign(db, plan)) is None
    assert (planner.campaign(plan).status, planner.runs(plan)) == (CampaignStatus.PLANNED, [])
    set_provider(status=ProviderStatus.TRIAL)
    planner.wait(0.1)
    [run] = planner.runs(plan)
    assert (run.outcome, is_late(run)) == (Outcome.STARTED, True)


@pytest.mark.parametrize("repeat", [Repeat.ONCE, Repeat.DAILY])
def test_after_a_change_of_the_time_zone_it_keeps_its_hour(planner: Planner, repeat: Repeat) -> None:
    """Also when nobody told the plans of it."""
    planner.add("一店")
    plan = planner.plan(EVERYTHING, repeat=repeat, days=3)
    before = planner.campaign(plan).next_at
    assert before is not None
    set_provider(time_zone="Asia/Dubai")  # four hours behind Shanghai
    planner.wait()
    later = before + timedelta(hours=4)
    assert (planner.runs(plan), planner.campaign(plan).next_at) == ([], later)
    planner.wait(3.95)
    [run] = planner.runs(plan)
    assert (run.outcome, run.due_at, run.missed, is_late(run)) == (Outcome.STARTED, later, 0, False)


def test_plans_follow_the_time_zone_at_once(planner: Planner) -> None:
    """East of here the hour is earlier: one that has passed by that starts late, one that repeats the next day."""
    once, soon, often = planner.plan(EVERYTHING), planner.plan(EVERYTHING, hours=3), planner.plan(
        EVERYTHING, repeat=Repeat.DAILY, days=3
    )  # fmt: skip
    was = {plan: planner.campaign(plan).next_at for plan in (once, soon, often)}
    set_provider(time_zone="Australia/Brisbane")  # two hours ahead of Shanghai
    with tenant_session(planner.cast.alices) as db:
        planning.follow_time_zone(db, who=planner.cast.who["alice"])
    moved = {plan: planner.campaign(plan).next_at - moment for plan, moment in was.items() if moment}  # type: ignore[operator]
    assert moved == {once: timedelta(hours=-2), soon: timedelta(hours=-2), often: timedelta(hours=22)}


def test_a_filter_that_is_not_understood_any_more_widens_to_nobody(planner: Planner) -> None:
    planner.add("一店")
    plan = planner.plan(ProgramFilter(stage="release.released", q="店"))
    with tenant_session(planner.cast.alices) as db:
        load_campaign(db, plan).query = {"stage": "a word of yesterday", "q": "店"}
    planner.wait()
    assert planner.campaign(plan).status == CampaignStatus.FAILED
    assert "筛选条件" in planner.campaign(plan).why
    assert planner.batches() == []


def test_a_step_that_is_gone_fails_and_nobody_tries_for_ever(planner: Planner) -> None:
    planner.add("一店")
    plan = planner.plan(EVERYTHING)
    with tenant_session(planner.cast.alices) as db:
        load_campaign(db, plan).step = "saas.programs.editing.gone"
    planner.wait()
    assert [run.outcome for run in planner.runs(plan)] == [Outcome.FAILED]
    assert planner.look() == 0


def test_what_breaks_again_and_again_is_given_up_and_said(planner: Planner) -> None:
    planner.add("一店")
    plan = planner.plan(EVERYTHING)
    with tenant_session(planner.cast.alices) as db:
        load_campaign(db, plan).suits = "a condition of yesterday"
    planner.move(4000)
    planner.look()
    planner.run_jobs(wait=3600)
    campaign, [run] = planner.campaign(plan), planner.runs(plan)
    assert (campaign.status, run.outcome) == (CampaignStatus.FAILED, Outcome.FAILED)
    assert "系统出错" in campaign.why


def test_late_after_an_outage_is_noted_and_not_skipped(planner: Planner) -> None:
    planner.add("一店")
    once, often = planner.plan(EVERYTHING), planner.plan(EVERYTHING, repeat=Repeat.DAILY, days=10)
    planner.wait(3 * 24.0)
    [run] = planner.runs(once)
    assert run.outcome == Outcome.STARTED
    assert is_late(run)
    [run] = planner.runs(often)
    assert (run.outcome, run.missed) == (Outcome.STARTED, 2)
    assert is_late(run)
    upcoming = planner.campaign(often).next_at
    assert upcoming is not None
    assert timedelta(0) < upcoming - clock.now() < timedelta(days=1)
    assert len(planner.batches()) == 2


def test_one_that_repeats_goes_on_until_its_last_day(planner: Planner) -> None:
    planner.add("一店")
    plan = planner.plan(EVERYTHING, repeat=Repeat.DAILY, days=2)
    for _ in range(5):
        planner.wait(24)
    assert [(run.outcome, run.missed, is_late(run)) for run in planner.runs(plan)] == [
        (Outcome.STARTED, 0, True), (Outcome.STARTED, 0, True), (Outcome.STARTED, 0, True),
    ]  # fmt: skip
    assert planner.campaign(plan).status == CampaignStatus.STARTED


def test_it_does_not_pile_up_on_what_still_goes_on(planner: Planner) -> None:
    planner.add("一店")
    plan = planner.plan(EVERYTHING, repeat=Repeat.DAILY, days=5)
    planner.move(1.1 * 3600)
    with tenant_session(planner.cast.alices) as db:
        start_due(db, load_campaign(db, plan))
    [batch] = planner.batches()
    with tenant_session(planner.cast.alices) as db:
        pause_batch(db, load_batch(db, batch.id), who=planner.cast.who["alice"])
    planner.wait(24)
    assert [run.outcome for run in planner.runs(plan)] == [Outcome.STARTED, Outcome.BUSY]
    assert len(planner.batches()) == 1
    with pytest.raises(Conflict):
        planner.do(start_now, plan)
    assert planner.told()[-1] == "campaign.busy"


def test_two_at_the_same_moment_start_it_once(planner: Planner) -> None:
    planner.add("一店")
    plan, both = planner.plan(EVERYTHING), threading.Barrier(2, timeout=10)
    planner.move(4000)
    started: list[bool] = []

    def start() -> None:
        with tenant_session(planner.cast.alices) as db:
            campaign = load_campaign(db, plan)
            both.wait()
            started.append(start_due(db, campaign) is not None)

    threads = [threading.Thread(target=start) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(started) == [False, True]
    assert (len(planner.batches()), len(planner.runs(plan))) == (1, 1)


KILLED = """
import sys, time
from uuid import UUID
from saas import db
from saas.campaigns.access import load_campaign
from saas.campaigns.starting import start_due
from saas.config import load_settings
from saas.tenants import keys
db.connect(load_settings())
keys.install()
with db.tenant_session(UUID(sys.argv[1])) as session:
    assert start_due(session, load_campaign(session, UUID(sys.argv[2]))).batch_id
    session.flush()
    print("begun", flush=True)
    time.sleep(60)
"""


def test_killed_between_the_batch_and_its_note_it_starts_once(planner: Planner) -> None:
    planner.add("一店", "二店")
    plan = planner.plan(EVERYTHING)
    planner.move(4000)
    command = [sys.executable, "-c", KILLED, str(planner.cast.alices), str(plan)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGKILL)
    assert planner.runs(plan) == []
    assert planner.look() == 1
    planner.run_jobs()
    assert [run.outcome for run in planner.runs(plan)] == [Outcome.STARTED]
    [batch] = planner.batches()
    with tenant_session(planner.cast.alices) as db:
        items = list(db.scalars(select(BatchItem)))
    assert [(item.batch_id, item.status) for item in items] == [(batch.id, ItemStatus.DONE)] * 2


def test_somebody_starts_it_before_its_time(planner: Planner) -> None:
    planner.add("一店")
    once, often = planner.plan(EVERYTHING), planner.plan(EVERYTHING, repeat=Repeat.DAILY, days=3)
    upcoming = planner.campaign(often).next_at
    for plan in (once, often):
        run = planner.do(start_now, plan, by="max")
        assert (run.by_hand, run.outcome) == ("Max", Outcome.STARTED)
    planner.run_jobs()
    assert {batch.created_by_name for batch in planner.batches()} == {"Max"}
    assert planner.campaign(once).status == CampaignStatus.STARTED
    assert (planner.campaign(often).status, planner.campaign(often).next_at) == (CampaignStatus.PLANNED, upcoming)
    with pytest.raises(Forbidden):
        planner.do(start_now, often, by="bob")
    with pytest.raises(Conflict):
        planner.do(start_now, once)
    planner.wait(2)
    assert len(planner.runs(often)) == 2
    empty = planner.plan(ProgramFilter(tag="没有"))
    with pytest.raises(Conflict):
        planner.do(start_now, empty)
    assert planner.campaign(empty).status == CampaignStatus.PLANNED


def test_the_look_finds_those_of_all_providers_and_only_what_is_due(planner: Planner) -> None:
    planner.add("一店")
    planner.plan(EVERYTHING)
    planner.plan(EVERYTHING, hours=5)
    planner.move(4000)
    with platform_session("the cron") as db:
        jobs.look_for_due(db)
        due: list[UUID] = list(db.scalars(select(Campaign.id).where(Campaign.next_at <= clock.now())))
    assert planner.run_jobs().count(starting.START) == len(due) == 1
