"""Pause, resume, cancel, retry, skip, withdraw and roll back: each may be pressed twice, and each by those who may."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import insert

from saas import clock
from saas.batches.access import load_batch
from saas.batches.models import BatchItem, BatchStatus, ItemStatus
from saas.components.models import Budget
from saas.db import new_id
from saas.errors import Conflict, Forbidden, Invalid
from saas.programs.models import Program
from saas.releases import bulk, phasing
from saas.releases.models import AuditStatus, Upload, UploadStatus
from saas.tenants.models import Activity
from saas.trains import steering
from saas.trains.causes import Cause
from saas.trains.models import Holds, ProgramState, StepStatus, TrainStatus, TrainStepName
from saas.trains.steering import Asked
from saas.wx.limits import BY_NAME
from tests.trains.conftest import Yard


def log(yard: Yard) -> list[str]:
    with yard.session() as db:
        return [row.verb for row in db.query(Activity).order_by(Activity.id) if row.verb.startswith("train.")]


def batch_states(yard: Yard, step: str) -> set[str]:
    with yard.session() as db:
        items = db.query(BatchItem).filter(BatchItem.step == step).all()
        return {load_batch(db, item.batch_id).status for item in items}


def test_a_paused_train_begins_nothing_and_goes_on_afterwards(yard: Yard) -> None:
    train = yard.running(2)
    yard.conduct(train, 2)
    for _ in range(2):
        yard.steer(steering.pause, train)
    assert batch_states(yard, bulk.UPLOAD) == {BatchStatus.PAUSED}
    yard.end(train, "upload")
    yard.conduct(train, 3)
    assert yard.states(train) == {("check", "ready"): 2}
    for _ in range(2):
        yard.steer(steering.resume, train)
    assert batch_states(yard, bulk.UPLOAD) == {BatchStatus.RUNNING}
    yard.conduct(train)
    assert len(yard.items(train, "submit")) == 2
    assert log(yard) == ["train.plan", "train.start", "train.pause", "train.resume"]


def test_a_paused_train_still_hears_of_its_audits_and_releases_none(yard: Yard) -> None:
    train = yard.running(1, releases_itself=True)
    yard.to_review(train)
    yard.steer(steering.pause, train)
    assert yard.conduct(train) is not None
    yard.decide(train)
    assert yard.conduct(train, 2) is None
    assert yard.states(train) == {("release", "ready"): 1}


def test_a_cancelled_train_drops_what_has_not_begun_and_sees_the_rest_end(yard: Yard) -> None:
    train = yard.running(3, canary_size=2)
    yard.conduct(train, 2)
    (begun, _) = yard.items(train, "upload")
    with yard.session() as db:
        db.get_one(BatchItem, begun.id).attempt = 1
    for _ in range(2):
        yard.steer(steering.cancel, train)
    yard.conduct(train)
    assert yard.states(train) == {("upload", "running"): 1, ("upload", "cancelled"): 2}
    yard.end(train, "upload")
    assert yard.conduct(train, 2) is None
    assert yard.states(train) == {("check", "cancelled"): 1, ("upload", "cancelled"): 2}
    assert yard.train(train).status == TrainStatus.CANCELLED
    with pytest.raises(Conflict):
        yard.steer(steering.resume, train)


def test_a_submission_under_way_when_the_train_is_cancelled_is_still_known(yard: Yard) -> None:
    train = yard.running(1)
    yard.conduct(train, 2)
    yard.end(train, "upload")
    yard.conduct(train)
    (item,) = yard.items(train, "submit")
    with yard.session() as db:
        db.get_one(BatchItem, item.id).attempt = 1
    yard.steer(steering.cancel, train)
    yard.end(train, "submit")
    assert yard.conduct(train, 2) is None
    (row,) = yard.rows(train)
    assert (row.step, row.state) == ("audit", "cancelled")
    assert yard.steer(steering.undo_pending, train) == Asked(1, 0)


def test_failures_of_one_cause_are_retried_and_others_not(yard: Yard) -> None:
    train = yard.running(3)
    yard.conduct(train, 2)
    yard.end(train, "upload", only=1, errcode=85046, operation="commit")
    yard.end(train, "upload", error="坏了")
    yard.conduct(train)
    cause = Cause(TrainStepName.UPLOAD, 85046, "commit", "")
    assert yard.steer(steering.retry_failed, train, cause=cause) == 1
    assert yard.steer(steering.retry_failed, train, cause=cause) == 0
    yard.conduct(train)
    assert len(yard.items(train, "upload")) == 1
    yard.end(train, "upload")
    assert yard.steer(steering.retry_failed, train) == 2
    yard.conduct(train, 2)
    assert len(yard.items(train, "upload")) == 2
    assert yard.states(train)["upload", "failed"] == 0


def test_a_train_that_was_over_runs_again_for_its_failures(yard: Yard) -> None:
    train = yard.running(1)
    yard.conduct(train, 2)
    yard.end(train, "upload", error="坏了")
    yard.conduct(train)
    assert yard.train(train).status == TrainStatus.DONE
    yard.steer(steering.retry_failed, train)
    assert yard.train(train).status == TrainStatus.RUNNING
    yard.conduct(train)
    assert len(yard.items(train, "upload")) == 1


def test_a_rejected_one_is_submitted_again_without_an_upload(yard: Yard) -> None:
    train = yard.running(1)
    yard.to_review(train)
    yard.decide(train, AuditStatus.REJECTED)
    yard.conduct(train)
    (before,) = yard.rows(train)
    assert before.state == ProgramState.FAILED
    yard.steer(steering.retry_failed, train)
    yard.conduct(train, 2)
    yard.end(train, "submit")
    yard.conduct(train)
    (row,) = yard.rows(train)
    assert (row.step, row.state) == ("audit", "running")
    assert (row.upload_id, row.audit_id != before.audit_id) == (before.upload_id, True)


def test_a_retry_uploads_again_where_other_code_has_taken_the_place(yard: Yard) -> None:
    train = yard.running(1)
    yard.to_review(train)
    yard.decide(train, AuditStatus.REJECTED)
    yard.conduct(train)
    with yard.session() as db:
        db.query(Upload).one().status = UploadStatus.SUPERSEDED
    yard.steer(steering.retry_failed, train)
    assert yard.states(train) == {("upload", "ready"): 1}


def test_a_retry_leaves_alone_what_goes_with_another_train_by_now(yard: Yard) -> None:
    train = yard.running(1)
    yard.conduct(train, 2)
    yard.end(train, "upload", error="坏了")
    yard.conduct(train)
    (row,) = yard.rows(train)
    yard.steer(steering.start, yard.plan([row.program_id]))
    assert yard.steer(steering.retry_failed, train) == 0


def test_a_skipped_program_goes_no_further(yard: Yard) -> None:
    train = yard.running(2, releases_itself=True)
    yard.conduct(train, 2)
    first, second = yard.rows(train)
    with pytest.raises(Conflict):
        yard.steer(steering.skip, train, first)
    yard.end(train, "upload")
    yard.conduct(train)
    yard.end(train, "submit")
    yard.conduct(train)
    for _ in range(2):
        yard.steer(steering.skip, train, first)
    yard.decide(train)
    yard.conduct(train, 2)
    (item,) = yard.items(train, "release")
    assert item.subject_id == second.program_id


def test_pending_audits_are_withdrawn_as_far_as_there_are_chances(yard: Yard) -> None:
    train = yard.running(3)
    yard.to_review(train)
    with yard.session() as db:
        program = db.get_one(Program, yard.rows(train)[0].program_id)
        limit = BY_NAME["undo_audit_day"]
        db.execute(insert(Budget).values(
            id=new_id(), created_at=clock.now(), provider_id=yard.cast.alices, component_id=program.component_id,
            owner=program.appid, name=limit.name, starts_on=limit.period.start(clock.now()), used=limit.amount,
        ))  # fmt: skip
    assert yard.steer(steering.undo_pending, train) == Asked(2, 1)
    assert yard.steer(steering.undo_pending, train) == Asked(0, 1)
    assert yard.train(train).status == TrainStatus.PAUSED
    items = yard.items(train, "undo")
    assert {item.input["audit"] for item in items} == {str(row.audit_id) for row in yard.rows(train)[1:]}
    with yard.session() as db:
        db.get_one(BatchItem, items[0].id).status = ItemStatus.SKIPPED
    assert yard.end(train, "undo") == 1
    yard.conduct(train)
    assert yard.states(train) == {("audit", "running"): 2, ("audit", "undone"): 1}
    assert sorted(one.status for one in yard.steps(train) if one.step == "undo") == ["cancelled", "done"]


def test_an_audit_that_was_withdrawn_elsewhere_ends_the_programs_way(yard: Yard) -> None:
    train = yard.running(1)
    yard.to_review(train)
    yard.decide(train, AuditStatus.UNDONE)
    yard.conduct(train)
    assert yard.states(train) == {("audit", "undone"): 1}


def test_the_whole_train_goes_back_to_what_was_online_before(yard: Yard) -> None:
    train = yard.plan([*yard.programs(2, "1.0.0"), *yard.programs(1)], releases_itself=True, canary_size=3)
    yard.steer(steering.start, train)
    yard.to_review(train)
    yard.decide(train)
    yard.conduct(train)
    yard.end(train, "release")
    yard.conduct(train)
    assert yard.steer(steering.roll_back, train) == Asked(2, 1)
    assert yard.steer(steering.roll_back, train) == Asked(0, 1)
    for item in yard.items(train, "roll_back"):
        assert (item.step, item.input["version"], item.input["online"]) == (bulk.ROLL_BACK, "1.0.0", "2.0.0")
    yard.end(train, "roll_back")
    assert yard.conduct(train, 2) is None
    assert yard.states(train) == {("release", "rolled_back"): 2, ("release", "done"): 1}


def test_rolling_back_gives_up_what_has_not_been_released(yard: Yard) -> None:
    train = yard.running(3, online="1.0.0", canary_size=1, releases_itself=True, phased_percent=20)
    yard.to_review(train)
    yard.decide(train)
    yard.conduct(train)
    yard.end(train, "phase")
    yard.conduct(train)
    assert yard.steer(steering.roll_back, train) == Asked(1, 0)
    assert yard.train(train).status == TrainStatus.CANCELLED
    (item,) = yard.items(train, "roll_back")
    assert item.step == phasing.CANCEL
    yard.end(train, "roll_back")
    yard.conduct(train)
    assert yard.states(train)["release", "rolled_back"] == 1
    assert {one.status for one in yard.steps(train) if one.step == "roll_back"} == {StepStatus.DONE}


def test_what_is_being_released_when_the_train_is_given_up_goes_back_as_soon_as_it_is(yard: Yard) -> None:
    train = yard.running(2, online="1.0.0", releases_itself=True)
    yard.to_review(train)
    yard.decide(train)
    yard.conduct(train)
    for item in yard.items(train, "release"):
        with yard.session() as db:
            db.get_one(BatchItem, item.id).status = ItemStatus.WAITING
    assert yard.steer(steering.roll_back, train) == Asked(0, 0, later=2)
    yard.end(train, "release", only=1)
    yard.conduct(train, 2)
    assert [item.input["version"] for item in yard.items(train, "roll_back")] == ["1.0.0"]
    yard.end(train, "roll_back", errcode=87013, operation="revertcoderelease")
    yard.end(train, "release")
    yard.conduct(train, 2)
    assert len(yard.items(train, "roll_back")) == 1
    yard.end(train, "roll_back")
    assert yard.conduct(train, 2) is None
    assert yard.states(train) == {("release", "done"): 1, ("release", "rolled_back"): 1}


@pytest.mark.parametrize(
    "service",
    [
        steering.pause, steering.resume, steering.cancel, steering.retry_failed, steering.undo_pending,
        steering.roll_back, steering.start,
    ],
)  # fmt: skip
def test_bob_may_steer_nothing(yard: Yard, service: Callable[..., Any]) -> None:
    train = yard.running(1)
    with pytest.raises(Forbidden):
        yard.steer(service, train, who="bob")


def test_failures_of_one_cause_are_skipped_and_others_not(yard: Yard) -> None:
    train = yard.running(3)
    yard.conduct(train, 2)
    yard.end(train, "upload", only=2, error="缺少变量或值不对：店名")
    yard.end(train, "upload", error="坏了")
    yard.conduct(train)
    cause = Cause(TrainStepName.UPLOAD, None, "", "缺少变量或值不对")
    assert yard.steer(steering.skip_failed, train, cause=cause) == 2
    assert yard.steer(steering.skip_failed, train, cause=cause) == 0
    assert yard.states(train) == {("upload", "skipped"): 2, ("upload", "failed"): 1}


def test_a_running_train_can_be_told_to_go_on_differently(yard: Yard) -> None:
    train = yard.running(2)
    yard.to_review(train)
    yard.decide(train)
    yard.conduct(train)
    yard.steer(steering.adjust, train, releases_itself=True, reserve=7, stop_percent=None)
    yard.conduct(train)
    now = yard.train(train)
    assert (now.reserve, now.stop_percent, now.releases_itself) == (7, None, True)
    assert len(yard.items(train, "release")) == 2
    with pytest.raises(Invalid):
        yard.steer(steering.adjust, train, window_from=2, window_until=None)
    yard.steer(steering.cancel, train)
    with pytest.raises(Conflict):
        yard.steer(steering.adjust, train, reserve=1)


def test_no_wave_is_let_on_that_has_not_come_far_enough(yard: Yard) -> None:
    train = yard.running(2, canary_size=1, holds=Holds.CANARY)
    yard.conduct(train, 2)
    with pytest.raises(Conflict):
        yard.steer(steering.let_on, train, yard.waves(train)[0])


def test_batches_name_the_train_that_they_work_for(yard: Yard) -> None:
    train = yard.running(1)
    yard.conduct(train, 2)
    (item,) = yard.items(train, "upload")
    assert item.batch.params["train"] == str(train.id)
