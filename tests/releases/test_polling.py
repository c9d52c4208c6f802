"""The pump: an event comes first, what is pending is asked about by its rhythm, what is over never again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from saas import clock
from saas.components.access import load_component
from saas.components.models import Callback, ComponentStatus, WeChatCall
from saas.components.tickets import store_ticket
from saas.db import platform_session
from saas.programs import polling, polling_pump
from saas.programs.access import load_program
from saas.programs.models import AuthorizationStatus
from saas.programs.polling_models import Kind, Look
from saas.programs.rhythms import Rhythm, Standing
from saas.queue import Job, JobStatus
from saas.releases.models import AuditStatus
from tests.releases.conftest import Desk

HOUR = 3600
_QUERY = "getAuditStatus"
_OF_VIOLATIONS = ("getAuthorizerInfo", "getIllegalRecords", "getAppealRecords")


def looks(desk: Desk, kind: Kind = Kind.AUDIT) -> list[Look]:
    with desk.session() as db:
        return list(db.scalars(select(Look).where(Look.kind == kind)))


def asked(desk: Desk) -> int:
    """How often WeChat was asked about an audit."""
    with desk.session() as db:
        mine = (WeChatCall.operation == _QUERY, WeChatCall.component_id == desk.component.id)
        return db.scalar(select(func.count()).select_from(WeChatCall).where(*mine)) or 0


@pytest.fixture
def live(desk: Desk, move_clock: Callable[[float], None]) -> Callable[[float], None]:
    """Let so many days pass, with their tickets."""

    def pass_time(days: float) -> None:
        for _ in range(round(days * 4)):
            ends = clock.now() + timedelta(hours=6)
            desk.run_jobs(wait=6 * HOUR, limit=2000)
            move_clock(max(0.0, (ends - clock.now()).total_seconds()))
            push_ticket(desk)

    return pass_time


def push_ticket(desk: Desk) -> None:
    with desk.session() as db:
        component = load_component(db, desk.component.id)
        store_ticket(db, component, desk.control.push_ticket(component.appid), clock.now())


def hear_messages(desk: Desk) -> None:
    """The component app has received a message of a mini program before."""
    with desk.session() as db:
        db.add(
            Callback(
                provider_id=desk.cast.alices, component_id=desk.component.id, digest=b"1", appid=desk.program.appid,
                kind="event", body="", status="done",
            )
        )  # fmt: skip


def set_status(desk: Desk, status: ComponentStatus) -> None:
    with desk.session() as db:
        load_component(db, desk.component.id).status = status


def test_after_its_event_nobody_asks_any_more(desk: Desk) -> None:
    audit = desk.submitted()
    desk.control.approve(audit.auditid, push=False)
    desk.hear("weapp_audit_success", SuccTime=1)
    desk.run_jobs()
    assert desk.audit(audit).status == AuditStatus.APPROVED
    assert (asked(desk), looks(desk)) == (1, [])
    desk.run_jobs(wait=48 * HOUR)
    assert asked(desk) == 1


def test_an_event_that_is_ahead_of_wechats_answer_is_asked_about_thrice(desk: Desk) -> None:
    audit = desk.submitted()
    desk.hear("weapp_audit_success", SuccTime=1)
    desk.run_jobs(wait=40)
    assert asked(desk) == polling.TRIES
    (look,) = looks(desk)
    assert (look.hurried, look.due_at > clock.now() + timedelta(minutes=4)) == (0, True)
    desk.control.approve(audit.auditid, push=False)
    desk.run_jobs(wait=HOUR)
    assert desk.audit(audit).status == AuditStatus.APPROVED


def test_an_audit_of_two_days_is_asked_about_by_its_rhythm(desk: Desk, live: Callable[[float], None]) -> None:
    hear_messages(desk)
    audit = desk.submitted()
    live(2)
    assert 15 <= asked(desk) <= 32
    with desk.session() as db:
        origins = set(db.scalars(select(WeChatCall.origin).where(WeChatCall.operation == _QUERY)))
    assert origins <= {"polling"}
    desk.control.approve(audit.auditid, push=False)
    desk.run_jobs(wait=8 * HOUR)
    assert looks(desk) == []


def test_while_the_component_app_is_set_up_wrongly_nobody_is_asked(desk: Desk) -> None:
    audit = desk.submitted()
    set_status(desk, ComponentStatus.FAULTY)
    desk.run_jobs(wait=24 * HOUR)
    assert asked(desk) == 0
    with platform_session("the net") as db:
        assert polling.wake_pumps(db) == 0
    set_status(desk, ComponentStatus.READY)
    desk.control.approve(audit.auditid, push=False)
    with platform_session("the net") as db:
        assert polling.wake_pumps(db) == 1
    desk.run_jobs()
    assert desk.audit(audit).status == AuditStatus.APPROVED


def test_a_refused_address_ends_the_pass_and_is_no_fault_of_the_mini_program(
    desk: Desk, move_clock: Callable[[float], None]
) -> None:
    desk.submitted()
    desk.control.fail_next(_QUERY, 61004, times=1)
    move_clock(HOUR)
    desk.run_jobs()
    (look,) = looks(desk)
    assert (look.failures, look.looked_at, look.due_at <= clock.now()) == (0, None, True)


def test_without_the_merchants_permission_it_rests_and_goes_on_with_it(
    desk: Desk, live: Callable[[float], None]
) -> None:
    audit = desk.submitted()
    with desk.session() as db:
        load_program(db, desk.program.id).authorization = AuthorizationStatus.UNAUTHORIZED
    live(1.25)
    assert asked(desk) == 0
    with desk.session() as db:
        program = load_program(db, desk.program.id)
        program.authorization = AuthorizationStatus.AUTHORIZED
        polling.wake(db, program)
    desk.control.approve(audit.auditid, push=False)
    desk.run_jobs(wait=60)
    assert desk.audit(audit).status == AuditStatus.APPROVED


def test_failures_are_made_up_for_more_and_more_slowly(desk: Desk, live: Callable[[float], None]) -> None:
    desk.submitted()
    desk.control.fail_next(_QUERY, 45009, times=99)
    live(1)
    (look,) = looks(desk)
    assert 4 <= look.failures <= 12


def test_a_person_on_the_page_makes_it_quick_but_not_all_the_time(
    desk: Desk, move_clock: Callable[[float], None]
) -> None:
    desk.submitted()
    move_clock(6 * 60)
    for _ in range(3):
        with desk.session() as db:
            polling.visit(db, load_program(db, desk.program.id))
        desk.run_jobs()
    assert asked(desk) == 1


def test_a_clock_that_was_put_back_leaves_nothing_asleep(desk: Desk) -> None:
    desk.submitted()
    with desk.session() as db:
        late = clock.now() + timedelta(days=40)
        db.execute(update(Look).values(due_at=late))
        db.execute(update(Job).where(Job.name == polling.PUMP, Job.status == JobStatus.QUEUED).values(run_at=late))
    with platform_session("the net") as db:
        assert polling.wake_pumps(db) == 1
    desk.run_jobs()
    assert asked(desk) == 1


def test_an_event_during_a_look_is_not_taken_for_answered(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What WeChat said before it happened must not end the wait."""
    audit = desk.submitted()
    pending = polling.of_program(Kind.AUDIT, desk.program, audit.id)
    real = polling.find(Kind.AUDIT)
    heard: list[bool] = []

    def look(db: object, subject: object) -> Standing | None:
        standing = real.function(db, subject)  # type: ignore[arg-type]
        if not heard:
            heard.append(True)
            with desk.session() as other:
                polling.hurry(other, pending)
            return None
        return standing

    monkeypatch.setitem(polling._KNOWN, Kind.AUDIT, polling.Polled(look, real.open_rows))
    with desk.session() as db:
        polling.hurry(db, pending, tries=1)
    desk.run_jobs(wait=60)
    assert len(looks(desk)) == 1
    assert asked(desk) == 1 + polling.TRIES


@pytest.mark.parametrize("writer", ["wake", "expect", "hurry"])
def test_what_is_planned_during_a_look_is_not_written_over(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, writer: str
) -> None:
    """Also where the look had no tries left to tell it by."""
    audit = desk.submitted()
    pending = polling.of_program(Kind.AUDIT, desk.program, audit.id)
    real, planned = polling.find(Kind.AUDIT), Standing(Rhythm.AUDIT, clock.now() - timedelta(days=2))
    writers: dict[str, Callable[[Session], None]] = {
        "wake": lambda db: polling.wake(db, load_program(db, desk.program.id)),
        "expect": lambda db: polling.expect(db, pending, planned),
        "hurry": lambda db: polling.hurry(db, pending, tries=1),
    }
    answered: list[bool] = []

    def look(db: Session, subject: UUID) -> Standing | None:
        answered.append(True)
        if len(answered) == 1:
            with desk.session() as other:
                writers[writer](other)
            return None
        return real.function(db, subject)

    monkeypatch.setitem(polling._KNOWN, Kind.AUDIT, polling.Polled(look, real.open_rows))
    with desk.session() as db:
        polling.hurry(db, pending, tries=1)
    desk.run_jobs(wait=30)
    (row,) = looks(desk)
    if writer == "expect":
        assert (row.since, len(answered), row.due_at > clock.now()) == (planned.since, 1, True)
    else:
        assert len(answered) == 2


def test_the_first_answer_after_an_event_is_no_news(desk: Desk) -> None:
    """A look that only the event has made says nothing of how it stood before."""
    audit = desk.submitted()
    with desk.session() as db:
        db.execute(delete(Look).where(Look.subject_id == audit.id))
        polling.hurry(db, polling.of_program(Kind.AUDIT, desk.program, audit.id))
    desk.run_jobs(wait=60)
    assert asked(desk) == polling.TRIES
    assert [one.since for one in looks(desk)] == [desk.audit(audit).submitted_at]


def test_who_has_given_permission_meanwhile_does_not_rest(desk: Desk) -> None:
    """The pump has seen neither the permission nor what wakes the looks when it lets them rest."""
    audit = desk.submitted()
    with desk.session() as db:
        load_program(db, desk.program.id).authorization = AuthorizationStatus.UNAUTHORIZED
        db.execute(update(Look).where(Look.subject_id == audit.id).values(due_at=clock.now() - timedelta(hours=1)))
    with desk.session() as merchant, desk.session() as pump:
        row = load_program(merchant, desk.program.id)
        row.authorization = AuthorizationStatus.AUTHORIZED
        polling.wake(merchant, row)
        merchant.flush()
        polling_pump._rest(pump, load_component(pump, desk.component.id))
    assert [one.due_at <= clock.now() for one in looks(desk)] == [True]


def test_many_due_looks_are_one_job(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling_pump, "SLICE", 60.0)
    seen: list[object] = []
    real = polling.find(Kind.NAME)
    monkeypatch.setitem(
        polling._KNOWN, Kind.NAME, polling.Polled(lambda _db, subject: seen.append(subject), real.open_rows)
    )
    desk.run_jobs()
    with desk.session() as db:
        for number in range(100):
            pending = polling.Pending(
                Kind.NAME, type(desk.program.id)(int=number), desk.cast.alices, desk.component.id, desk.program.id
            )
            polling.expect(db, pending, Standing(Rhythm.NAME, clock.now() - timedelta(hours=2)))
        db.execute(update(Look).where(Look.kind == Kind.NAME).values(due_at=clock.now()))
        db.execute(update(Job).where(Job.name == polling.PUMP).values(run_at=clock.now()))
    assert desk.run_jobs() == [polling.PUMP]
    assert (len(seen), looks(desk, Kind.NAME)) == (100, [])


def test_the_daily_reading_skips_what_was_read_today(desk: Desk, live: Callable[[float], None]) -> None:
    desk.released()
    with platform_session("the net") as db:
        polling.find_forgotten(db)
        polling.wake_pumps(db)
    before = readings(desk)
    desk.run_jobs()
    assert readings(desk) == before
    live(1.25)
    assert readings(desk) == before + 1


def test_an_idle_mini_program_costs_little_more_than_two_calls_a_day(desk: Desk, live: Callable[[float], None]) -> None:
    """Before there were rhythms: six calls a day, one of them for the component app's quota."""
    desk.released()
    with platform_session("the net") as db:
        polling.find_forgotten(db)
        polling.wake_pumps(db)
    live(1)
    begun = clock.now()
    live(14)
    with desk.session() as db:
        query = select(WeChatCall.operation, func.count()).group_by(WeChatCall.operation)
        since = (WeChatCall.created_at > begun, WeChatCall.origin == "polling")
        calls = {name: count for name, count in db.execute(query.where(*since)) if name not in _OF_VIOLATIONS}
    assert calls["getVersionInfo"] == calls["getVisitStatus"]
    assert 12 <= calls["getVersionInfo"] <= 16
    assert sum(calls.values()) <= 14 * 3, calls


def readings(desk: Desk) -> int:
    with desk.session() as db:
        query = select(func.count()).select_from(WeChatCall).where(WeChatCall.operation == "getVersionInfo")
        return db.scalar(query) or 0
