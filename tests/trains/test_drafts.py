"""Drafts: who goes first is chosen by hand or by a tag, a start is planned, and everybody is looked at once more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from jobs import runner, trains
from saas import clock
from saas.db import platform_session
from saas.errors import Conflict, Forbidden, Invalid
from saas.programs.models import AuthorizationStatus, Program
from saas.queue import Job
from saas.tenants.models import Membership, Provider, ProviderStatus, Role, TaskKind
from saas.tenants.tasks import open_tasks
from saas.trains import conducting, drafts, steering
from saas.trains.access import load_train
from saas.trains.models import ProgramState, StopReason, Train, TrainStatus
from tests.trains.conftest import Yard

HOUR = 3600


def waves(yard: Yard, train: Train) -> list[tuple[int, bool, int]]:
    return [(one.number, one.is_canary, one.size) for one in yard.waves(train)]


def first(yard: Yard, train: Train) -> set[Any]:
    canary = next((one.id for one in yard.waves(train) if one.is_canary), None)
    return {row.id for row in yard.rows(train) if canary and row.wave_id == canary}


def planned_jobs() -> list[Job]:
    with platform_session("test") as db:
        return db.query(Job).filter(Job.name == conducting.CONDUCT, Job.status == "queued").all()


def lose(yard: Yard, *program_ids: Any) -> None:
    with yard.session() as db:
        for program_id in program_ids:
            db.get_one(Program, program_id).authorization = AuthorizationStatus.UNAUTHORIZED


def test_the_canary_is_chosen_by_hand_and_the_rest_cut_anew(yard: Yard) -> None:
    train = yard.plan(yard.programs(6), canary_size=1, wave_size=2)
    rows = yard.rows(train)
    chosen = [rows[2].id, rows[5].id]
    assert yard.steer(drafts.choose_canary, train, chosen=chosen, others=[one.id for one in rows]) == 2
    assert first(yard, train) == set(chosen)
    assert waves(yard, train) == [(0, True, 2), (1, False, 2), (2, False, 2)]
    assert all(row.wave_id for row in yard.rows(train))


def test_what_is_not_on_the_page_keeps_its_place(yard: Yard) -> None:
    train = yard.plan(yard.programs(4), canary_size=1)
    rows = yard.rows(train)
    yard.steer(drafts.choose_canary, train, chosen=[rows[3].id], others=[rows[2].id, rows[3].id])
    assert first(yard, train) == {rows[0].id, rows[3].id}
    yard.steer(drafts.choose_canary, train, chosen=[], others=[one.id for one in rows])
    assert first(yard, train) == set()
    assert waves(yard, train) == [(1, False, 4)]


def test_a_named_canary_goes_first_whatever_the_number(yard: Yard) -> None:
    ids = yard.programs(5)
    train = yard.plan(ids, canary=ids[3:], canary_size=1, wave_size=2)
    assert {row.program_id for row in yard.rows(train) if row.id in first(yard, train)} == set(ids[3:])
    assert waves(yard, train) == [(0, True, 2), (1, False, 2), (2, False, 1)]
    with pytest.raises(Invalid) as refused:
        yard.plan(ids[:2], canary=ids[3:])
    assert refused.value.field == "canary_tag"


def test_who_cannot_go_any_more_stays_behind_at_the_start(yard: Yard) -> None:
    ids = yard.programs(5)
    train = yard.plan(ids, canary_size=2, wave_size=2)
    chosen = [row for row in yard.rows(train) if row.id in first(yard, train)]
    lose(yard, chosen[0].program_id)
    assert yard.steer(steering.start, train) == 4
    left = next(row for row in yard.rows(train) if row.id == chosen[0].id)
    assert (left.state, left.reason, left.wave_id) == (ProgramState.EXCLUDED, "商家没有授权", None)
    assert first(yard, train) == {chosen[1].id}
    assert waves(yard, train) == [(0, True, 1), (1, False, 2), (2, False, 1)]


def test_a_canary_that_is_gone_altogether_has_others_in_its_place(yard: Yard) -> None:
    train = yard.plan(yard.programs(4), canary_size=2)
    lose(yard, *(row.program_id for row in yard.rows(train) if row.id in first(yard, train)))
    assert yard.steer(steering.start, train) == 2
    assert waves(yard, train) == [(0, True, 2)]


def test_a_new_look_takes_in_those_whose_fault_is_mended(yard: Yard) -> None:
    ids = yard.programs(3, authorization=AuthorizationStatus.LOST) + yard.programs(1)
    train = yard.plan(ids, canary_size=1)
    assert train.total == 1
    with yard.session() as db:
        for program_id in ids[:2]:
            db.get_one(Program, program_id).authorization = AuthorizationStatus.AUTHORIZED
    assert yard.steer(drafts.look_again, train) == 3
    assert yard.steer(drafts.look_again, train) == 3
    assert waves(yard, train) == [(0, True, 1), (1, False, 2)]


def test_a_planned_train_sets_off_at_its_time_exactly_once(yard: Yard, move_clock: Callable[[float], None]) -> None:
    train = yard.plan(yard.programs(2))
    yard.steer(drafts.plan_start, train, at=clock.now() + timedelta(hours=3))
    with platform_session("test") as db:
        trains.look_at_trains(db)
    assert planned_jobs() == []
    move_clock(3 * HOUR + 1)
    for _ in range(2):
        with platform_session("test") as db:
            trains.look_at_trains(db)
    (job,) = planned_jobs()
    runner.run(str(job.id))
    yard.conduct(train, 2)
    now = yard.train(train)
    assert (now.status, now.starts_at, now.total) == (TrainStatus.RUNNING, None, 2)
    assert len(yard.items(train, "upload")) == 2


def test_a_planned_start_is_changed_and_cancelled(yard: Yard, move_clock: Callable[[float], None]) -> None:
    train = yard.plan(yard.programs(1))
    yard.steer(drafts.plan_start, train, at=clock.now() + timedelta(hours=1))
    yard.steer(drafts.plan_start, train, at=clock.now() + timedelta(hours=5))
    move_clock(2 * HOUR)
    yard.conduct(train)
    assert yard.train(train).status == TrainStatus.DRAFT
    for _ in range(2):
        yard.steer(drafts.cancel_planned_start, train)
    move_clock(5 * HOUR)
    yard.conduct(train)
    assert yard.train(train).status == TrainStatus.DRAFT


def test_starting_by_hand_before_the_time_starts_it_once(yard: Yard, move_clock: Callable[[float], None]) -> None:
    train = yard.plan(yard.programs(1))
    yard.steer(drafts.plan_start, train, at=clock.now() + timedelta(hours=1))
    yard.steer(steering.start, train)
    move_clock(2 * HOUR)
    yard.conduct(train, 3)
    assert len(yard.items(train, "upload")) == 1
    with pytest.raises(Conflict):
        yard.steer(drafts.plan_start, train, at=clock.now() + timedelta(hours=1))


def test_when_nobody_can_go_at_the_time_people_get_to_know(yard: Yard, move_clock: Callable[[float], None]) -> None:
    ids = yard.programs(1)
    train = yard.plan(ids)
    yard.steer(drafts.plan_start, train, at=clock.now() + timedelta(hours=1))
    lose(yard, *ids)
    move_clock(2 * HOUR)
    yard.conduct(train, 2)
    now = yard.train(train)
    assert (now.status, now.why, now.starts_at) == (TrainStatus.DRAFT, StopReason.NOBODY, None)
    assert now.why_detail["error"] == "没有可以发布的小程序"
    with yard.session() as db:
        assert [one.kind for one in open_tasks(db)] == [TaskKind.TRAIN_STOPPED]
    yard.steer(drafts.delete_draft, train)
    with yard.session() as db:
        assert open_tasks(db) == []


@pytest.mark.parametrize("role", [None, Role.VIEWER])
def test_a_planned_start_has_the_present_rights_of_who_planned_it(
    yard: Yard, move_clock: Callable[[float], None], role: Role | None
) -> None:  # fmt: skip
    train = yard.plan(yard.programs(1))
    yard.steer(drafts.plan_start, train, at=clock.now() + timedelta(hours=1), who="max")
    with platform_session("test") as db:
        membership = db.query(Membership).filter(Membership.user_id == yard.cast.who["max"].user_id).one()
        if role is None:
            db.delete(membership)
        else:
            membership.role = role
    move_clock(2 * HOUR)
    yard.conduct(train, 2)
    now = yard.train(train)
    assert (now.status, now.why, now.starts_at) == (TrainStatus.DRAFT, StopReason.STARTER, None)
    with yard.session() as db:
        assert [one.kind for one in open_tasks(db)] == [TaskKind.TRAIN_STOPPED]


def test_a_planned_start_waits_while_the_provider_is_suspended(
    yard: Yard, move_clock: Callable[[float], None]
) -> None:  # fmt: skip
    train = yard.plan(yard.programs(1))
    yard.steer(drafts.plan_start, train, at=clock.now() + timedelta(hours=1))
    move_clock(2 * HOUR)
    for status, then in ((ProviderStatus.SUSPENDED, TrainStatus.DRAFT), (ProviderStatus.ACTIVE, TrainStatus.RUNNING)):
        with platform_session("test") as db:
            db.get_one(Provider, yard.cast.alices).status = status
        yard.conduct(train)
        assert (yard.train(train).status, yard.train(train).why) == (then, "")


def test_a_new_look_for_a_template_that_is_gone_changes_nothing(yard: Yard) -> None:
    ids = yard.programs(1, authorization=AuthorizationStatus.LOST) + yard.programs(1)
    train = yard.plan(ids)
    with yard.session() as db:
        db.get_one(Program, ids[0]).authorization = AuthorizationStatus.AUTHORIZED
    yard.template(gone_at=clock.now())
    with yard.session() as db:  # it ends well, as that of a request that is answered by a redirect
        again = load_train(db, train.id)
        with pytest.raises(Conflict):
            drafts.look_again(db, again, who=yard.alice)
    assert {row.state for row in yard.rows(train)} == {ProgramState.EXCLUDED, ProgramState.PLANNED}


@pytest.mark.parametrize("ahead", [timedelta(seconds=-1), timedelta(days=181)])
def test_a_time_that_makes_no_sense_is_refused_at_its_field(yard: Yard, ahead: timedelta) -> None:
    train = yard.plan(yard.programs(1))
    with pytest.raises(Invalid) as refused:
        yard.steer(drafts.plan_start, train, at=clock.now() + ahead)
    assert refused.value.field == "at"


def test_bob_may_arrange_nothing(yard: Yard) -> None:
    train = yard.plan(yard.programs(1))
    for service, given in (
        (drafts.plan_start, {"at": clock.now() + timedelta(hours=1)}), (drafts.cancel_planned_start, {}),
        (drafts.choose_canary, {"chosen": []}), (drafts.look_again, {}), (drafts.delete_draft, {}),
    ):  # fmt: skip
        with pytest.raises(Forbidden):
            yard.steer(service, train, who="bob", **given)
