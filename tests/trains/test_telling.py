"""What people are told of a train: to-dos that come and go with their cause, and alarms for what breaks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from saas import clock
from saas.releases.models import AuditStatus
from saas.tenants.alarm_models import AlarmKind
from saas.tenants.alarms import open_alarms
from saas.tenants.models import Task, TaskKind
from saas.tenants.tasks import open_tasks
from saas.trains import steering
from saas.trains.models import Holds, OpensAfter, Train, TrainStatus, WaveStatus
from tests.trains.conftest import Yard


def told(yard: Yard) -> tuple[dict[str, dict[str, object]], set[str]]:
    """Open to-dos with their detail, and open alarms."""
    with yard.session() as db:
        alarms = {alarm.kind for alarm in open_alarms(db, yard.cast.alices)}
        return {task.kind: task.detail for task in open_tasks(db)}, alarms


def stopped(yard: Yard) -> Train:
    train = yard.running(2)
    yard.conduct(train, 2)
    yard.end(train, "upload", only=1, errcode=85014, operation="commit")
    yard.conduct(train)
    return train


def test_a_stop_is_a_to_do_and_an_alarm_until_somebody_lets_it_go_on(yard: Yard) -> None:
    train = stopped(yard)
    yard.conduct(train, 2)
    assert told(yard) == (
        {TaskKind.TRAIN_STOPPED: {"name": "2.0.0", "why": "everybody"}}, {AlarmKind.TRAIN_STOPPED},
    )  # fmt: skip
    with yard.session() as db:
        assert db.query(Task).count() == 1
    yard.steer(steering.resume, train)
    assert told(yard) == ({}, set())


def test_cancelling_ends_the_to_do_and_the_alarm_too(yard: Yard) -> None:
    train = stopped(yard)
    yard.steer(steering.cancel, train)
    assert told(yard) == ({}, set())


def test_without_quota_people_hear_that_it_waits_for_next_month(yard: Yard) -> None:
    yard.component(audit_quota_rest=1)
    train = yard.running(2)
    yard.conduct(train, 2)
    yard.end(train, "upload")
    yard.conduct(train, 2)
    yard.end(train, "submit")
    yard.component(audit_quota_rest=0)
    yard.conduct(train)
    tasks, alarms = told(yard)
    assert set(tasks) == {TaskKind.TRAIN_QUOTA}
    assert alarms == {AlarmKind.TRAIN_QUOTA}
    yard.steer(steering.adjust, train, reserve=0)
    assert set(told(yard)[0]) == {TaskKind.TRAIN_QUOTA}
    yard.component(audit_quota_rest=20)
    yard.conduct(train)
    assert told(yard) == ({}, set())


def test_a_train_that_has_nothing_to_submit_yet_waits_for_nothing(yard: Yard) -> None:
    yard.component(audit_quota_rest=0)
    train = yard.running(1)
    yard.conduct(train, 2)
    assert told(yard) == ({}, set())


def test_a_gate_is_a_to_do_until_the_next_wave_is_let_on(
    yard: Yard, move_clock: Callable[[float], None]
) -> None:  # fmt: skip
    train = yard.running(
        5, canary_size=1, wave_size=2, opens_after=OpensAfter.SUBMITTED, wait_hours=1, holds=Holds.CANARY
    )
    yard.to_review(train)
    yard.conduct(train, 2)
    assert told(yard)[0] == {}
    move_clock(3601)
    yard.conduct(train, 2)
    canary, following, last = yard.waves(train)
    assert (following.status, last.status) == (WaveStatus.WAITING, WaveStatus.WAITING)
    assert told(yard)[0] == {TaskKind.TRAIN_WAITS: {"name": "2.0.0", "why": "let_on"}}
    for _ in range(2):
        yard.steer(steering.let_on, train, canary)
    assert told(yard)[0] == {}
    yard.conduct(train, 2)
    yard.end(train, "upload")
    yard.conduct(train, 2)
    yard.end(train, "submit")
    yard.conduct(train)
    move_clock(3601)
    yard.conduct(train, 2)
    assert [wave.status for wave in yard.waves(train)] == [WaveStatus.OPEN] * 3


def test_approved_versions_that_wait_for_a_word_are_a_to_do(yard: Yard) -> None:
    train = yard.running(1)
    yard.to_review(train)
    yard.decide(train)
    yard.conduct(train)
    assert told(yard)[0] == {TaskKind.TRAIN_WAITS: {"name": "2.0.0", "why": "release"}}
    yard.steer(steering.allow_release, train, yard.waves(train)[0])
    assert told(yard)[0] == {}


def test_the_end_is_a_to_do_until_somebody_has_seen_it(yard: Yard) -> None:
    train = yard.running(1, releases_itself=True)
    yard.to_review(train)
    yard.decide(train)
    yard.conduct(train)
    yard.end(train, "release")
    yard.conduct(train, 2)
    assert told(yard) == ({TaskKind.TRAIN_ENDED: {"name": "2.0.0", "done": 1, "failed": 0}}, set())
    yard.steer(steering.acknowledge, train)
    assert told(yard) == ({}, set())


def test_an_end_with_failures_is_an_alarm_too_and_a_retry_takes_both_back(yard: Yard) -> None:
    train = yard.running(1)
    yard.to_review(train)
    yard.decide(train, AuditStatus.REJECTED)
    yard.conduct(train, 2)
    assert yard.train(train).status == TrainStatus.DONE
    assert told(yard)[1] == {AlarmKind.TRAIN_FAILURES}
    yard.steer(steering.retry_failed, train)
    assert told(yard) == ({}, set())


def test_the_forecast_says_when_the_last_one_is_decided(yard: Yard) -> None:
    from saas.releases.models import Audit
    from saas.trains.quota import forecast

    train = yard.plan(yard.programs(2))
    with yard.session() as db:
        assert forecast(db, train).ends_at is None
        now = clock.now()
        for program_id in yard.programs(5):
            db.add(
                Audit(
                    provider_id=yard.cast.alices, program_id=program_id, auditid=str(program_id.int), decided_at=now,
                    status=AuditStatus.APPROVED, submitted_at=now - timedelta(hours=30), user_version="1.0.0",
                )
            )  # fmt: skip
        db.flush()
        ends_at = forecast(db, train).ends_at
        assert ends_at is not None
        assert timedelta(hours=29) < ends_at - now < timedelta(hours=31)
