"""What becomes of a running train when a mini program is taken away or held by WeChat, and when its component app
fails: the others go on, and so do these once they can."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from saas import clock
from saas.components.authorizations import AuthorizationEnd
from saas.components.models import ComponentStatus
from saas.programs.authorization import mark_ended
from saas.programs.models import AuthorizationStatus, Program
from saas.programs.shutting import note_account
from saas.trains import steering
from saas.trains.causes import NOT_AUTHORIZED
from saas.trains.models import OpensAfter, StepStatus, StopReason, TrainStatus, WaveStatus
from tests.trains.conftest import Yard


def change(yard: Yard, program_id: Any, **values: Any) -> None:
    with yard.session() as db:
        row = db.get_one(Program, program_id)
        for name, value in values.items():
            setattr(row, name, value)


def withdraw(yard: Yard, program_id: Any) -> None:
    """As the event of WeChat has it."""
    with yard.session() as db:
        row = db.get_one(Program, program_id)
        mark_ended(db, row, happened_at=clock.now(), why=AuthorizationEnd.UNAUTHORIZED)


def authorize(yard: Yard, program_id: Any) -> None:
    change(yard, program_id, authorization=AuthorizationStatus.AUTHORIZED, authorized_at=clock.now())


def test_one_that_is_taken_away_fails_before_any_call_and_the_others_go_on(yard: Yard) -> None:
    train = yard.running(3, stop_failures=1)
    yard.conduct(train, 2)
    yard.end(train, "upload")
    withdraw(yard, yard.rows(train)[0].program_id)
    yard.conduct(train, 3)
    assert yard.states(train) == {("check", "failed"): 1, ("submit", "running"): 2}
    (failed,) = [one for one in yard.steps(train) if one.status == StepStatus.FAILED]
    assert (failed.error, failed.item_id, failed.errcode) == (NOT_AUTHORIZED, None, None)
    assert yard.train(train).status == TrainStatus.RUNNING


def test_it_goes_on_where_it_stood_once_it_is_authorized_again(yard: Yard) -> None:
    train = yard.running(2)
    yard.conduct(train, 2)
    yard.end(train, "upload")
    program_id = yard.rows(train)[0].program_id
    withdraw(yard, program_id)
    yard.conduct(train, 2)
    authorize(yard, program_id)
    yard.conduct(train, 2)
    assert yard.states(train) == {("submit", "running"): 2}


def test_what_wechat_refused_as_not_authorized_waits_for_news_and_is_not_tried_in_circles(yard: Yard) -> None:
    train = yard.running(2, stop_failures=1)
    yard.conduct(train, 2)
    yard.end(train, "upload", only=1, errcode=61003, operation="commit")
    yard.conduct(train, 3)
    assert yard.states(train)["upload", "failed"] == 1
    assert len(yard.items(train, "upload")) == 1
    failed = next(row for row in yard.rows(train) if row.state == "failed")
    authorize(yard, failed.program_id)
    yard.conduct(train, 2)
    assert len(yard.items(train, "upload")) == 2


def test_an_audit_that_we_lose_sight_of_holds_up_no_wave_and_is_taken_up_again(yard: Yard) -> None:
    train = yard.running(3, canary_size=2, opens_after=OpensAfter.APPROVED)
    yard.to_review(train)
    program_id = yard.rows(train)[0].program_id
    withdraw(yard, program_id)
    yard.conduct(train)
    assert yard.states(train)["audit", "failed"] == 1
    authorize(yard, program_id)
    yard.conduct(train)
    assert yard.states(train)["audit", "running"] == 2
    withdraw(yard, program_id)
    yard.decide(train)
    yard.conduct(train, 3)
    assert yard.waves(train)[1].status == WaveStatus.OPEN
    authorize(yard, program_id)
    yard.conduct(train, 2)
    assert yard.states(train)["release", "ready"] == 2
    submissions = [one for one in yard.steps(train) if one.step == "submit"]
    assert [one.tries for one in submissions if one.status == StepStatus.DONE] == [1, 1]


def test_a_retry_by_hand_submits_no_audit_twice_that_goes_on_at_wechat(yard: Yard) -> None:
    train = yard.running(1)
    yard.to_review(train)
    (row,) = yard.rows(train)
    withdraw(yard, row.program_id)
    yard.conduct(train, 2)
    assert yard.train(train).status == TrainStatus.DONE
    change(yard, row.program_id, authorization=AuthorizationStatus.AUTHORIZED)
    assert yard.steer(steering.retry_failed, train) == 1
    yard.conduct(train)
    assert yard.states(train) == {("audit", "running"): 1}
    yard.decide(train)
    yard.conduct(train)
    assert yard.states(train) == {("release", "ready"): 1}


def test_lost_authorizations_are_no_rejections(yard: Yard) -> None:
    train = yard.running(6, stop_percent=20)
    yard.to_review(train)
    for row in yard.rows(train)[:4]:
        withdraw(yard, row.program_id)
    yard.conduct(train)
    yard.decide(train, only=2)
    yard.conduct(train, 2)
    assert yard.train(train).status == TrainStatus.RUNNING


def test_a_canary_of_which_nobody_is_left_proves_nothing_and_stops_the_train(yard: Yard) -> None:
    train = yard.running(3, canary_size=1)
    withdraw(yard, yard.rows(train)[0].program_id)
    yard.conduct(train, 2)
    assert yard.train(train).why == StopReason.NOTHING_PASSED


@pytest.mark.parametrize("values", [{"account_status": 19}, {"permission_sets": [17]}])
def test_a_frozen_one_and_one_without_the_permission_wait_alike(yard: Yard, values: dict[str, Any]) -> None:
    train = yard.running(2)
    row = yard.rows(train)[0]
    change(yard, row.program_id, **values)
    yard.conduct(train, 2)
    assert yard.states(train) == {("upload", "failed"): 1, ("upload", "running"): 1}
    healed = {"account_status": 1, "permission_sets": [17, 18], "profile_read_at": clock.now()}
    change(yard, row.program_id, **healed)
    yard.conduct(train, 2)
    assert yard.states(train) == {("upload", "running"): 2}


@pytest.mark.parametrize("errcode", [50002, 48001])
def test_a_new_reading_of_the_account_alone_takes_nothing_on_again(yard: Yard, errcode: int) -> None:
    train = yard.running(2)
    yard.conduct(train, 2)
    yard.end(train, "upload", only=1, errcode=errcode, operation="commit")
    yard.conduct(train)
    failed = next(row for row in yard.rows(train) if row.state == "failed")
    change(yard, failed.program_id, account_status=1, permission_sets=[18], profile_read_at=clock.now())
    yard.conduct(train, 2)
    assert yard.states(train) == {("upload", "failed"): 1, ("upload", "running"): 1}
    assert yard.steer(steering.retry_failed, train) == 1


def test_one_that_wechat_froze_goes_on_when_it_is_free_again(yard: Yard) -> None:
    train = yard.running(2)
    yard.conduct(train, 2)
    yard.end(train, "upload", only=1, errcode=50002, operation="commit")
    yard.conduct(train)
    failed = next(row for row in yard.rows(train) if row.state == "failed")
    for status in (19, 1):
        change(yard, failed.program_id, account_status=status)
        with yard.session() as db:
            note_account(db, db.get_one(Program, failed.program_id))
    yard.conduct(train, 2)
    assert yard.states(train) == {("upload", "running"): 2}


def test_a_warned_account_and_a_suspended_service_go_on(yard: Yard) -> None:
    train = yard.running(1)
    change(yard, yard.rows(train)[0].program_id, account_status=18)
    yard.conduct(train, 2)
    assert len(yard.items(train, "upload")) == 1


def test_a_faulty_component_app_stops_the_train_and_its_recovery_starts_it(
    yard: Yard, move_clock: Callable[[float], None]
) -> None:  # fmt: skip
    train = yard.running(3, canary_size=1, stop_failures=1)
    yard.conduct(train, 2)
    yard.component(status=ComponentStatus.FAULTY, last_errcode=61004, last_operation="api_component_token")
    yard.end(train, "upload", errcode=61004, operation="commit")
    yard.conduct(train, 2)
    now = yard.train(train)
    assert (now.status, now.why, now.why_detail["errcode"]) == (TrainStatus.STOPPED, StopReason.COMPONENT, 61004)
    move_clock(60)
    yard.component(status=ComponentStatus.READY, last_token_at=now.created_at)
    yard.conduct(train)
    assert yard.train(train).status == TrainStatus.STOPPED
    yard.component(last_token_at=clock.now())
    yard.conduct(train, 2)
    assert yard.train(train).status == TrainStatus.RUNNING
    assert yard.states(train) == {("upload", "running"): 1, ("upload", "waiting"): 2}


def test_an_address_that_is_refused_waits_for_the_next_token(yard: Yard, move_clock: Callable[[float], None]) -> None:
    yard.component(status=ComponentStatus.READY, last_token_at=clock.now())
    train = yard.running(2)
    yard.conduct(train, 2)
    yard.end(train, "upload", only=1, errcode=61004, operation="commit")
    yard.conduct(train, 3)
    assert yard.train(train).why == StopReason.COMPONENT
    move_clock(60)
    yard.component(last_token_at=clock.now())
    yard.conduct(train, 2)
    assert yard.train(train).status == TrainStatus.RUNNING
    assert len(yard.items(train, "upload")) == 2
