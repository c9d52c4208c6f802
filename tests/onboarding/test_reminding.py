"""Reminders: once per stage, to people who can be reached, not in the night, and not when it is over."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from jobs import schedule
from saas import clock
from saas.config import Settings
from saas.db import platform_session
from saas.errors import Conflict, Forbidden
from saas.onboarding import reminding
from saas.onboarding.guides import GUIDES
from saas.onboarding.models import Reminder
from saas.onboarding.reminding import Stage, is_quiet, stage_at
from saas.onboarding.waiting import Kind, Waiting
from saas.programs.access import load_registration
from saas.programs.filing_models import Filing, FilingStatus
from saas.programs.models import AuthorizationStatus
from saas.programs.registration_models import RegistrationStatus
from saas.programs.words import Word
from saas.queue import Job
from saas.tenants import phones
from saas.tenants.models import Activity, Merchant, OutgoingMail, OutgoingText, Provider, ProviderStatus, User
from tests.cast import Cast
from tests.onboarding.scenes import Scene, scene  # noqa: F401 - fixture

HOUR = 3600
NOON = datetime(2027, 3, 2, 4, tzinfo=UTC)
"""In Shanghai."""


def waits(hours: float | None = 24, began_at: datetime = NOON) -> Waiting:
    ends_at = began_at + timedelta(hours=hours) if hours is not None else None
    return Waiting(Kind.SMS, Word.FILE_SMS, GUIDES[Word.FILE_SMS], began_at, ends_at=ends_at)


@pytest.mark.parametrize(
    ("hours", "after", "stage"),
    [
        (24, -1, None), (24, 0, Stage.BEGUN), (24, 11, Stage.BEGUN), (24, 12, Stage.HALF), (24, 18, Stage.LAST),
        (24, 24, None), (2, 1, Stage.HALF), (2, 1.6, Stage.LAST), (None, 47, Stage.BEGUN), (None, 48, Stage.HALF),
        (None, 7 * 24, Stage.LAST), (None, 14 * 24, None),
    ],
)  # fmt: skip
def test_stages_follow_the_clock(hours: float | None, after: float, stage: Stage | None) -> None:
    assert stage_at(waits(hours), NOON + timedelta(hours=after)) == stage


@pytest.mark.parametrize(
    ("hour", "ends_in", "quiet"),
    [
        (8, 30, False), (20, 30, False), (21, 30, True), (7, 30, True), (23, 9, True), (23, 30, True),
        (23, 8, False), (2, 5, False), (2, None, True),
    ],
)  # fmt: skip
def test_nobody_is_woken_unless_the_time_runs_out_in_the_night(hour: int, ends_in: int | None, quiet: bool) -> None:
    now = datetime(2027, 3, 2, hour, 30, tzinfo=UTC) - timedelta(hours=8)
    ends_at = now + timedelta(hours=ends_in + 1) if ends_in is not None else None
    assert is_quiet(now, ends_at, "Asia/Shanghai") is quiet


@pytest.fixture
def at_noon(scene: Scene, move_clock: Callable[[float], None]) -> Scene:  # noqa: F811
    """The next noon in Shanghai, and Alice's phone number for Mei."""
    now = clock.now()
    noon = now.replace(hour=4, minute=0, second=0, microsecond=0)
    move_clock((noon + timedelta(days=1 if noon <= now else 0) - now).total_seconds())
    return scene


def give_phone(cast: Cast, name: str = "mei", number: str = "+8613800138000") -> None:
    with platform_session("test") as db:
        user = db.scalars(select(User).where(User.id == cast.users[name])).one()
        phones.set_phone(db, user, number)


def remind() -> int:
    with platform_session("test") as db:
        return reminding.look_for_due(db)


def texts() -> list[OutgoingText]:
    with platform_session("test") as db:
        return list(db.scalars(select(OutgoingText).order_by(OutgoingText.id)))


def mails() -> list[OutgoingMail]:
    with platform_session("test") as db:
        return list(db.scalars(select(OutgoingMail).order_by(OutgoingMail.id)))


def rows() -> list[Reminder]:
    with platform_session("test") as db:
        return list(db.scalars(select(Reminder).order_by(Reminder.id)))


def test_the_cron_is_in_the_table() -> None:
    assert any(cron.function == "jobs.reminders.look_for_due" for cron in schedule.CRONS)


def test_the_text_message_of_a_filing_is_told_at_once_and_twice_more(
    at_noon: Scene, cast: Cast, run_jobs: Callable[..., list[str]], move_clock: Callable[[float], None]
) -> None:
    give_phone(cast)
    at_noon.file(FilingStatus.SMS, due_at=clock.now() + timedelta(hours=24))
    assert remind() == 1
    run_jobs()
    assert remind() == 0
    run_jobs()
    [message] = texts()
    assert message.to == "+8613800138000"
    assert f"/m/alice/w/{at_noon.program_id}" in message.text
    assert "“梅记点单”需要您处理：备案短信核验，" in message.text
    assert {mail.to for mail in mails()} == {"mei@example.com", "hana@example.com"}, "urgent: both ways"
    assert [(row.stage, row.channel) for row in rows()] == [("begun", "text"), ("begun", "mail")]
    assert rows()[0].to == "138****8000"
    assert rows()[1].to == "me***@example.com、ha***@example.com"
    move_clock(6 * HOUR)
    assert remind() == 0
    move_clock(3 * HOUR)  # in the night: half comes in the morning, if at all
    move_clock(3 * HOUR + 60)
    assert remind() == 0
    move_clock(8 * HOUR)
    assert remind() == 1
    run_jobs()
    assert [row.stage for row in rows()][2:] == ["last", "last"]
    assert len(texts()) == 2


def test_who_has_a_number_gets_no_mail_until_the_last_call(
    at_noon: Scene, cast: Cast, run_jobs: Callable[..., list[str]], move_clock: Callable[[float], None]
) -> None:
    give_phone(cast)
    at_noon.file(FilingStatus.FACE, due_at=clock.now() + timedelta(hours=8), face_asked_at=clock.now())
    remind()
    run_jobs()
    assert [mail.to for mail in mails()] == ["hana@example.com"]
    assert mails()[0].subject == "“梅记点单”等您处理：备案人脸核验"
    move_clock(6.1 * HOUR)
    remind()
    run_jobs()
    assert [mail.to for mail in mails()[1:]] == ["mei@example.com", "hana@example.com"]


def test_letters_speak_the_readers_language(at_noon: Scene, cast: Cast, run_jobs: Callable[..., list[str]]) -> None:
    with platform_session("test") as db:
        db.scalars(select(User).where(User.id == cast.users["hana"])).one().locale = "en"
    at_noon.file(FilingStatus.SMS, due_at=clock.now() + timedelta(hours=24))
    remind()
    run_jobs()
    [mail] = [mail for mail in mails() if mail.to == "hana@example.com"]
    assert mail.subject == "“梅记点单” needs you: Text message of the filing"
    assert "text message from 12381" in mail.body_text
    assert "Please finish it before" in mail.body_text


def test_reminders_lead_to_the_providers_own_host(
    at_noon: Scene, cast: Cast, run_jobs: Callable[..., list[str]]
) -> None:  # fmt: skip
    with platform_session("test") as db:
        own = db.scalars(select(Provider).where(Provider.id == cast.alices)).one()
        own.host_name, own.host_seen_at = "xcx.alice.example", clock.now()
    give_phone(cast)
    at_noon.file(FilingStatus.SMS, due_at=clock.now() + timedelta(hours=24))
    remind()
    run_jobs()
    address = f"http://xcx.alice.example:8000/m/alice/w/{at_noon.program_id}"
    assert address in texts()[0].text
    assert f'<a href="{address}"' in mails()[0].body_html


def test_a_job_that_runs_twice_or_in_two_workers_sends_once(at_noon: Scene) -> None:
    at_noon.file(FilingStatus.SMS, due_at=clock.now() + timedelta(hours=24))
    both = threading.Barrier(2)

    def work(wait: Callable[[], object] = both.wait) -> None:
        with at_noon.session() as db:
            program = at_noon.program(db)
            wait()
            reminding.remind_when_due(db, program)

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    work(lambda: None)
    assert sorted(mail.to for mail in mails()) == ["hana@example.com", "mei@example.com"]


def test_what_is_rolled_back_is_sent_later(at_noon: Scene) -> None:
    at_noon.file(FilingStatus.SMS, due_at=clock.now() + timedelta(hours=24))

    def killed() -> None:
        with at_noon.session() as db:
            assert reminding.remind_when_due(db, at_noon.program(db)) == 2
            raise RuntimeError

    with pytest.raises(RuntimeError):
        killed()
    assert (rows(), mails()) == ([], [])
    assert remind() == 1


def test_no_reminder_when_the_step_is_over(at_noon: Scene, run_jobs: Callable[..., list[str]]) -> None:
    at_noon.file(FilingStatus.SMS, due_at=clock.now() + timedelta(hours=24))
    assert remind() == 1
    at_noon.change(Filing, status=FilingStatus.AUTHORITY_REVIEW)
    run_jobs()
    assert (rows(), mails(), remind()) == ([], [], 0)


def test_a_second_face_check_is_told_anew(
    at_noon: Scene, run_jobs: Callable[..., list[str]], move_clock: Callable[[float], None]
) -> None:
    at_noon.file(FilingStatus.FACE, due_at=clock.now() + timedelta(hours=24), face_asked_at=clock.now())
    remind()
    run_jobs()
    move_clock(HOUR)
    at_noon.file(FilingStatus.FACE, due_at=clock.now() + timedelta(hours=24), face_asked_at=clock.now())
    assert remind() == 1
    run_jobs()
    assert [row.stage for row in rows()] == ["begun", "begun"]


def test_without_people_it_is_noted_once(at_noon: Scene, run_jobs: Callable[..., list[str]]) -> None:
    with platform_session("test") as db:
        for user in db.scalars(select(User)):
            user.blocked_at = clock.now()
    at_noon.file(FilingStatus.SMS, due_at=clock.now() + timedelta(hours=24))
    assert remind() == 1
    run_jobs()
    assert remind() == 0
    assert [(row.channel, row.to) for row in rows()] == [("none", "")]


def test_who_took_the_authorization_back_is_left_alone(at_noon: Scene, run_jobs: Callable[..., list[str]]) -> None:
    with at_noon.session() as db:
        program = at_noon.program(db)
        program.authorization, program.unauthorized_at = AuthorizationStatus.UNAUTHORIZED, clock.now()
    assert remind() == 0
    with at_noon.session() as db:
        at_noon.program(db).authorization = AuthorizationStatus.LOST
    assert remind() == 1
    run_jobs()
    assert "微信授权" in mails()[0].subject
    assert "之前完成" not in mails()[0].body_text


def test_missing_permissions_and_prepared_registrations_are_told(
    at_noon: Scene, run_jobs: Callable[..., list[str]]
) -> None:
    prepared = at_noon.prepare(at_noon.register())
    with at_noon.session() as db:
        at_noon.program(db).permission_sets = [18]
        at_noon.program(db).authorized_at = clock.now()
    assert remind() == 2
    run_jobs()
    assert {(row.program_id, row.step) for row in rows()} == {
        (at_noon.program_id, "authorize"), (prepared, "register"),
    }  # fmt: skip


def test_a_registration_without_a_mini_program_is_told(
    at_noon: Scene, cast: Cast, run_jobs: Callable[..., list[str]], move_clock: Callable[[float], None]
) -> None:
    give_phone(cast)
    case = at_noon.register()
    assert remind() == 1
    run_jobs()
    assert remind() == 0
    assert [(row.registration_id, row.program_id, row.step, row.stage, row.channel) for row in rows()] == [
        (case, None, "register", "begun", "text"), (case, None, "register", "begun", "mail"),
    ]  # fmt: skip
    assert texts()[0].params["program"] == "梅记餐饮有限公司"
    [mail] = mails()
    assert (mail.to, mail.subject) == ("hana@example.com", "“梅记餐饮有限公司”等您处理：确认注册")
    assert f"/m/alice/registrations/{case}" in mail.body_text
    move_clock(20.5 * HOUR)  # half of the time is over in the night; its morning is the last call
    assert remind() == 1
    run_jobs()
    assert [row.stage for row in rows()][2:] == ["last", "last"]
    move_clock(6 * HOUR)
    assert remind() == 0


def test_a_registration_that_is_over_or_has_its_mini_program_is_not_told(
    at_noon: Scene, run_jobs: Callable[..., list[str]]
) -> None:
    at_noon.register(status=RegistrationStatus.EXPIRED)
    assert remind() == 0
    case = at_noon.register()
    assert remind() == 1
    prepared = at_noon.prepare(case)
    run_jobs()
    assert rows() == [], "from now on it is told with its mini program"
    assert remind() == 1
    run_jobs()
    assert [(row.program_id, row.registration_id) for row in rows()] == [(prepared, None)]


def test_two_jobs_about_a_registration_send_once(at_noon: Scene) -> None:
    case_id = at_noon.register()
    for _ in range(2):
        with at_noon.session() as db:
            reminding.remind_when_due(db, load_registration(db, case_id))
    assert sorted(mail.to for mail in mails()) == ["hana@example.com", "mei@example.com"]


def test_alice_reminds_of_a_registration_by_hand(at_noon: Scene, cast: Cast) -> None:
    case_id = at_noon.register()

    def by_hand(name: str) -> int:
        with at_noon.session() as db:
            return reminding.remind_by_hand(db, load_registration(db, case_id), who=cast.who[name])

    with pytest.raises(Forbidden):
        by_hand("bob")
    assert by_hand("alice") == 2
    with pytest.raises(Conflict, match="1 小时内"):
        by_hand("max")
    with at_noon.session() as db:
        [row] = reminding.list_reminders(db, load_registration(db, case_id))
        assert (row.sent_by, row.channel) == ("Alice", "mail")
        logged = db.scalars(select(Activity).where(Activity.verb == "registration.remind")).one()
        assert (logged.object_id, logged.detail) == (case_id, {"step": "register", "count": 2})


def test_a_reminder_is_about_one_thing(at_noon: Scene) -> None:
    case = at_noon.register()
    given = {"step": "register", "began_at": NOON, "stage": "begun", "channel": "mail"}
    for about in ({}, {"program_id": at_noon.program_id, "registration_id": case}):
        with pytest.raises(IntegrityError), at_noon.session() as db:
            db.add(Reminder(provider_id=at_noon.cast.alices, **given, **about))


def test_suspended_providers_and_archived_merchants_send_nothing(at_noon: Scene, cast: Cast) -> None:
    at_noon.file(FilingStatus.SMS, due_at=clock.now() + timedelta(hours=24))
    at_noon.register()
    with platform_session("test") as db:
        own = db.scalars(select(Provider).where(Provider.id == cast.alices)).one()
        own.status = ProviderStatus.SUSPENDED
    assert remind() == 0
    with platform_session("test") as db:
        db.scalars(select(Provider).where(Provider.id == cast.alices)).one().status = ProviderStatus.ACTIVE
        db.scalars(select(Merchant).where(Merchant.id == cast.meis)).one().archived_at = clock.now()
    assert remind() == 0


def test_alice_reminds_by_hand_once_an_hour(
    at_noon: Scene, cast: Cast, move_clock: Callable[[float], None]
) -> None:  # fmt: skip
    def by_hand(name: str = "alice") -> int:
        with at_noon.session() as db:
            return reminding.remind_by_hand(db, at_noon.program(db), who=cast.who[name])

    with pytest.raises(Conflict, match="不用提醒"):
        by_hand()
    at_noon.file(FilingStatus.FACE, due_at=clock.now() + timedelta(hours=24), face_asked_at=clock.now())
    with pytest.raises(Forbidden):
        by_hand("bob")
    assert by_hand() == 2
    with pytest.raises(Conflict, match="1 小时内"):
        by_hand("max")
    move_clock(HOUR + 1)
    assert by_hand("max") == 2
    assert [row.sent_by for row in rows()] == ["Alice", "Max"]
    with platform_session("test") as db:
        logged = list(db.scalars(select(Activity).where(Activity.verb == "program.remind")))
        assert [one.detail for one in logged] == [{"step": "face", "count": 2}] * 2
        assert db.scalars(select(Job.name).where(Job.name == reminding.REMIND)).all() == []


def test_a_long_address_gives_way_to_a_short_one(
    at_noon: Scene, cast: Cast, monkeypatch: pytest.MonkeyPatch, installed: Settings
) -> None:
    give_phone(cast)
    monkeypatch.setattr(reminding, "_LONGEST_LINK", 40)
    at_noon.file(FilingStatus.SMS, due_at=clock.now() + timedelta(hours=24))
    with at_noon.session() as db:
        reminding.remind_when_due(db, at_noon.program(db))
    assert texts()[0].params["link"] == "http://localhost:8000/m/alice/"
