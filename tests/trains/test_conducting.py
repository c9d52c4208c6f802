"""A train on its way: waves, steps, rules, quota and window; nothing is begun twice, whatever happens in between."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import event

from jobs import runner, trains
from saas import clock
from saas.batches.access import load_batch
from saas.batches.models import BatchItem, BatchStatus, ItemStatus
from saas.batches.steering import cancel_batch
from saas.db import engine, platform_session
from saas.queue import Job, JobStatus, Later, enqueue, redis_connection
from saas.releases.code_state import REFRESH
from saas.releases.models import AuditStatus, CodeState
from saas.tenants.models import TaskKind
from saas.tenants.tasks import open_tasks
from saas.trains import conducting, quota, steering
from saas.trains.access import load_train
from saas.trains.models import OpensAfter, StepStatus, StopReason, TrainStatus, WaveStatus
from tests.trains.conftest import Yard


def test_a_program_goes_the_whole_way_and_each_step_has_its_row(yard: Yard) -> None:
    train = yard.running(2, online="1.0.0", releases_itself=True)
    yard.to_review(train)
    assert yard.states(train) == {("audit", "running"): 2}
    yard.decide(train)
    yard.conduct(train)
    yard.end(train, "release")
    assert yard.conduct(train, 2) is None
    assert yard.train(train).status == TrainStatus.DONE
    assert yard.states(train) == {("release", "done"): 2}
    steps = yard.steps(train)
    assert sorted(one.step for one in steps) == sorted(["upload", "check", "submit", "audit", "release"] * 2)
    assert {(one.status, one.tries) for one in steps} == {(StepStatus.DONE, 1)}
    assert all(one.asked_at and one.answered_at for one in steps)
    assert {one.before for one in steps if one.step == "release"} == {"1.0.0"}
    assert {row.version_before for row in yard.rows(train)} == {"1.0.0"}
    assert all(row.upload_id and row.audit_id and row.release_id for row in yard.rows(train))


def test_passes_without_news_begin_nothing(yard: Yard) -> None:
    train = yard.running(3)
    yard.conduct(train, 5)
    assert len(yard.items(train, "upload")) == 3
    with yard.session() as db:
        assert db.query(BatchItem).count() == 3


def test_a_pass_that_is_cut_off_leaves_nothing_half_done(yard: Yard) -> None:
    train = yard.running(3)
    with pytest.raises(Later), yard.session() as db:  # whatever is raised rolls the session back
        conducting.conduct(db, load_train(db, train.id))
    assert yard.steps(train) == []
    yard.conduct(train, 2)
    assert len(yard.items(train, "upload")) == 3


def test_the_canary_goes_alone_until_it_is_approved(yard: Yard) -> None:
    train = yard.running(5, canary_size=1, wave_size=2, opens_after=OpensAfter.APPROVED)
    yard.to_review(train)
    yard.conduct(train, 3)
    assert yard.states(train) == {("audit", "running"): 1, ("upload", "waiting"): 4}
    yard.decide(train)
    yard.conduct(train, 3)
    assert [wave.status for wave in yard.waves(train)] == [WaveStatus.OPEN, WaveStatus.OPEN, WaveStatus.WAITING]
    assert len(yard.items(train, "upload")) == 2


def test_the_next_wave_waits_its_hours(yard: Yard, move_clock: Callable[[float], None]) -> None:
    train = yard.running(2, canary_size=1, opens_after=OpensAfter.SUBMITTED, wait_hours=2)
    yard.to_review(train)
    yard.conduct(train, 2)
    assert yard.waves(train)[1].status == WaveStatus.WAITING
    move_clock(2 * 3600 + 1)
    yard.conduct(train, 2)
    assert yard.waves(train)[1].status == WaveStatus.OPEN


def test_a_canary_that_failed_altogether_stops_the_train_once(yard: Yard) -> None:
    train = yard.running(3, canary_size=1)
    yard.conduct(train, 2)
    yard.end(train, "upload", error="坏了")
    yard.conduct(train, 2)
    now = yard.train(train)
    assert (now.status, now.why) == (TrainStatus.STOPPED, StopReason.NOTHING_PASSED)
    yard.steer(steering.resume, train)
    yard.conduct(train, 2)
    assert yard.waves(train)[1].status == WaveStatus.OPEN


def test_held_releases_wait_for_a_word(yard: Yard) -> None:
    train = yard.running(2)
    yard.to_review(train)
    yard.decide(train)
    yard.conduct(train, 3)
    assert yard.states(train) == {("release", "ready"): 2}
    (wave,) = yard.waves(train)
    for _ in range(2):
        yard.steer(steering.allow_release, train, wave)
    yard.conduct(train)
    assert len(yard.items(train, "release")) == 2


def test_a_phased_release_goes_to_some_first_and_to_all_when_told(yard: Yard) -> None:
    train = yard.running(2, online="1.0.0", phased_percent=10, releases_itself=True)
    yard.to_review(train)
    yard.decide(train)
    yard.conduct(train)
    (one, _other) = yard.items(train, "phase")
    assert one.input["percent"] == 10
    yard.end(train, "phase")
    yard.conduct(train, 3)
    assert yard.states(train) == {("release", "ready"): 2}
    yard.steer(steering.allow_release, train, yard.waves(train)[0], full=True)
    yard.conduct(train)
    yard.end(train, "release")
    yard.conduct(train, 2)
    assert yard.train(train).status == TrainStatus.DONE


def test_what_was_never_online_is_released_to_all_at_once(yard: Yard) -> None:
    train = yard.running(1, phased_percent=10, releases_itself=True)
    yard.to_review(train)
    yard.decide(train)
    yard.conduct(train)
    assert len(yard.items(train, "release")) == 1


def test_outside_of_the_window_nothing_is_released(yard: Yard) -> None:
    hour = (clock.now() + timedelta(hours=8 + 5)).hour
    train = yard.running(1, releases_itself=True, window_from=hour, window_until=(hour + 1) % 24)
    yard.to_review(train)
    yard.decide(train)
    yard.conduct(train, 3)
    assert yard.states(train) == {("release", "ready"): 1}


def test_too_many_rejections_stop_the_train(yard: Yard) -> None:
    train = yard.running(8, stop_percent=50)
    yard.to_review(train)
    yard.decide(train, AuditStatus.REJECTED, only=3)
    yard.decide(train, only=1)
    yard.conduct(train)
    assert yard.train(train).status == TrainStatus.RUNNING
    yard.decide(train, only=1)
    yard.conduct(train)
    now = yard.train(train)
    assert (now.status, now.why) == (TrainStatus.STOPPED, StopReason.REJECTS)
    assert (now.why_detail["count"], now.why_detail["decided"]) == (3, 5)
    yard.steer(steering.resume, train)
    yard.conduct(train, 2)
    assert yard.train(train).status == TrainStatus.RUNNING


def test_a_rejected_canary_stops_the_train_although_it_is_small(yard: Yard) -> None:
    train = yard.running(4, canary_size=2, stop_percent=50)
    yard.to_review(train)
    yard.decide(train, AuditStatus.REJECTED, only=1)
    yard.decide(train)
    yard.conduct(train, 2)
    assert yard.train(train).why == StopReason.REJECTS


@pytest.mark.parametrize(
    ("failure", "why"),
    [
        ({"errcode": 61004, "operation": "commit"}, StopReason.COMPONENT),
        ({"errcode": 86009, "operation": "commit"}, StopReason.EVERYBODY),
        ({"errcode": 85014, "operation": "commit"}, StopReason.EVERYBODY),
        ({"errcode": 85046, "operation": "commit"}, ""),
    ],
)
def test_one_refusal_that_would_meet_everybody_stops_the_train(
    yard: Yard, failure: dict[str, object], why: str
) -> None:  # fmt: skip
    train = yard.running(3)
    yard.conduct(train, 2)
    yard.end(train, "upload", only=1, **failure)
    yard.conduct(train)
    now = yard.train(train)
    assert now.why == why
    with yard.session() as db:
        status = load_batch(db, yard.items(train, "upload")[0].batch_id).status
    assert status == (BatchStatus.PAUSED if why else BatchStatus.RUNNING)


def test_one_cause_again_and_again_stops_the_train(yard: Yard) -> None:
    train = yard.running(5, stop_failures=3)
    yard.conduct(train, 2)
    yard.end(train, "upload", only=2, error="坏了")
    yard.conduct(train)
    assert yard.train(train).status == TrainStatus.RUNNING
    yard.end(train, "upload", only=1, error="坏了")
    yard.conduct(train)
    assert yard.train(train).why == StopReason.SAME_CAUSE


def test_a_blocking_check_fails_before_any_submission(yard: Yard) -> None:
    train = yard.running(2)
    with yard.session() as db:
        db.query(CodeState).first().categories = []  # type: ignore[union-attr]
    yard.conduct(train, 2)
    yard.end(train, "upload")
    yard.conduct(train)
    assert yard.states(train) == {("check", "failed"): 1, ("submit", "running"): 1}
    (failed,) = [one for one in yard.steps(train) if one.status == StepStatus.FAILED]
    assert "类目" in failed.error


@pytest.mark.parametrize("is_read", [True, False])
def test_what_is_being_read_for_the_first_time_is_checked_afterwards(yard: Yard, is_read: bool) -> None:
    train = yard.running(1)
    yard.conduct(train)
    yard.end(train, "upload")
    with yard.session() as db:
        [state] = db.query(CodeState)
        state.categories_read_at = None
        enqueue(db, REFRESH, state.program_id)
    assert yard.conduct(train, 2) == timedelta(seconds=5)
    assert yard.states(train) == {("check", "ready"): 1}
    with yard.session() as db:
        db.query(Job).filter(Job.name == REFRESH).update({"status": JobStatus.DONE})
        if is_read:
            db.query(CodeState).update({"categories_read_at": clock.now()})
    yard.conduct(train)
    assert yard.states(train) == {("submit", "running") if is_read else ("check", "failed"): 1}


def test_the_reserve_of_the_quota_is_left_alone(yard: Yard) -> None:
    yard.component(audit_quota_rest=5, audit_quota_limit=20)
    train = yard.running(6, reserve=3)
    yard.conduct(train, 2)
    yard.end(train, "upload")
    yard.conduct(train, 3)
    assert len(yard.items(train, "submit")) == 2
    with yard.session() as db:
        seen = quota.forecast(db, load_train(db, train.id))
    assert (seen.needs, seen.left, seen.short) == (6, 2, 4)
    assert seen.enough_at == seen.returns_at
    yard.end(train, "submit")
    yard.component(audit_quota_rest=3)
    yard.conduct(train, 3)
    assert yard.items(train, "submit") == []
    yard.component(audit_quota_rest=20)
    yard.conduct(train)
    assert len(yard.items(train, "submit")) == 4


def test_two_trains_share_what_is_left(yard: Yard) -> None:
    yard.component(audit_quota_rest=3, audit_quota_limit=20)
    trains_ = [yard.running(2), yard.running(2)]
    for train in trains_:
        yard.conduct(train, 2)
        yard.end(train, "upload")
        yard.conduct(train, 2)
    assert [len(yard.items(train, "submit")) for train in trains_] == [2, 1]


def test_a_paused_train_takes_no_submissions_from_the_others(
    yard: Yard, move_clock: Callable[[float], None]
) -> None:  # fmt: skip
    yard.component(audit_quota_rest=2, audit_quota_limit=20)
    first, second = [yard.running(2), yard.running(2)]
    for train in (first, second):
        yard.conduct(train, 2)
        yard.end(train, "upload")
        yard.conduct(train, 2)
    assert [len(yard.items(train, "submit")) for train in (first, second)] == [2, 0]

    def kinds() -> list[str]:
        with yard.session() as db:
            return [one.kind for one in open_tasks(db)]

    assert kinds() == []
    move_clock(3601)
    yard.component(quota_read_at=clock.now())
    yard.conduct(second)
    assert kinds() == [TaskKind.TRAIN_ROOM]
    begun = yard.items(first, "submit")[0]
    with yard.session() as db:
        db.get_one(BatchItem, begun.id).status = ItemStatus.WAITING
    yard.steer(steering.pause, first)
    yard.conduct(second)
    assert (len(yard.items(second, "submit")), kinds()) == (1, [TaskKind.TRAIN_ROOM])
    yard.component(audit_quota_rest=3)
    yard.conduct(second)
    assert (len(yard.items(second, "submit")), kinds()) == (2, [])


def test_last_months_reading_counts_for_nothing(yard: Yard) -> None:
    yard.component(quota_read_at=clock.now() - timedelta(days=40))
    train = yard.running(2)
    yard.conduct(train, 2)
    yard.end(train, "upload")
    yard.conduct(train, 2)
    assert yard.items(train, "submit") == []
    yard.component(quota_read_at=None, audit_quota_rest=None)
    yard.conduct(train)
    assert len(yard.items(train, "submit")) == 1


def test_a_refusal_for_the_quota_is_a_wait_and_no_failure(yard: Yard) -> None:
    train = yard.running(2, stop_failures=1)
    yard.conduct(train, 2)
    yard.end(train, "upload")
    yard.conduct(train)
    yard.component(audit_quota_rest=0)
    yard.end(train, "submit", errcode=85085, operation="submitAudit")
    yard.conduct(train, 3)
    assert yard.train(train).status == TrainStatus.RUNNING
    assert yard.states(train) == {("submit", "ready"): 2}
    yard.component(audit_quota_rest=5)
    yard.conduct(train)
    assert len(yard.items(train, "submit")) == 2
    yard.end(train, "submit")
    yard.conduct(train)
    assert {one.tries for one in yard.steps(train) if one.step == "submit"} == {2}


def test_an_item_that_somebody_retried_elsewhere_goes_on_here(yard: Yard) -> None:
    train = yard.running(1)
    yard.conduct(train, 2)
    yard.end(train, "upload", error="坏了")
    yard.conduct(train)
    assert yard.states(train) == {("upload", "failed"): 1}
    with yard.session() as db:
        db.query(BatchItem).update({"status": ItemStatus.QUEUED, "error": "", "finished_at": None})
    yard.steer(steering.retry_failed, train)
    yard.conduct(train)
    assert len(yard.items(train, "upload")) == 1


def test_a_batch_that_somebody_cancelled_fails_its_steps_and_a_retry_has_a_new_one(yard: Yard) -> None:
    train = yard.running(2)
    yard.conduct(train, 2)
    batch_id = yard.items(train, "upload")[0].batch_id
    with yard.session() as db:
        cancel_batch(db, load_batch(db, batch_id), who=yard.alice)
    yard.conduct(train, 2)
    assert yard.states(train) == {("upload", "failed"): 2}
    yard.steer(steering.retry_failed, train)
    yard.conduct(train)
    assert {one.batch_id for one in yard.items(train, "upload")} != {batch_id}


def test_the_job_comes_back_and_a_lost_one_is_found(yard: Yard) -> None:
    train = yard.running(2)

    def jobs() -> list[Job]:
        with platform_session("test") as db:
            return db.query(Job).filter(Job.name == conducting.CONDUCT, Job.status == "queued").all()

    (job,) = jobs()
    runner.run(str(job.id))
    (job,) = jobs()
    assert job.subject == str(train.id)
    redis_connection().flushdb()
    with platform_session("test") as db:
        db.query(Job).filter(Job.name == conducting.CONDUCT).delete()
    with platform_session("test") as db:
        trains.look_at_trains(db)
        trains.look_at_trains(db)
    (job,) = jobs()
    runner.run(str(job.id))
    assert len(yard.items(train, "upload")) == 2


def test_a_pass_takes_as_many_queries_for_many_programs_as_for_few(yard: Yard) -> None:
    def queries(train: object) -> int:
        statements: list[str] = []
        listen = (engine("tenant"), "before_cursor_execute", lambda *given: statements.append(given[2]))
        event.listen(*listen)
        try:
            yard.conduct(train)  # type: ignore[arg-type]
        finally:
            event.remove(*listen)
        return len(statements)

    few, many = yard.running(2), yard.running(60)
    yard.conduct(few), yard.conduct(many)
    assert queries(many) == queries(few)
    yard.end(few, "upload"), yard.end(many, "upload")
    assert queries(many) == queries(few)
