"""What ends when; alarms before it, once for each step, with an all-clear; own dates; the file to subscribe to."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from saas import clock
from saas.agenda import deadline_alarms, feeds, own_dates
from saas.agenda.deadlines import Deadline, DeadlineFilter, count_days, list_deadlines, moment_of, read_place
from saas.agenda.ics import Entry, write_calendar
from saas.agenda.models import DeadlineKind as K
from saas.agenda.models import OwnDate
from saas.db import new_id, platform_session, tenant_session
from saas.errors import Conflict, Forbidden, Invalid, NotFound
from saas.onboarding.models import EntryLink
from saas.programs.models import AuthorizationLink, Program, ProgramCode, ProgramStep
from saas.programs.words import Step, Word
from saas.tenants.access import Verb
from saas.tenants.alarm_models import Alarm, AlarmKind
from saas.tenants.alarms import open_alarms
from saas.tenants.models import Membership
from saas.tenants.sessions import token_hash
from tests.agenda.conftest import Fleet

ZONE = "Asia/Shanghai"
DAY = 24


def near(fleet: Fleet, days: int = 400, **wanted: object) -> list[Deadline]:
    now = clock.now()
    with fleet.session() as db:
        return list_deadlines(
            db,
            now,
            now + timedelta(days=days),
            DeadlineFilter(**wanted),
            who=fleet.alice,
            zone=ZONE,  # type: ignore[arg-type]
        )


def today() -> date:
    return clock.now().astimezone(ZoneInfo(ZONE)).date()


def own(fleet: Fleet, title: str, days: int, program: Program | None = None) -> OwnDate:
    with fleet.session() as db:
        return own_dates.add_date(db, title, today() + timedelta(days=days), who=fleet.alice, program=program)


def alarms(fleet: Fleet) -> list[tuple[str, int]]:
    with fleet.session() as db:
        found = open_alarms(db, fleet.cast.alices, kinds=[AlarmKind.DEADLINE])
        return sorted((str(one.detail["name"]), int(one.detail["days"])) for one in found)


def look(fleet: Fleet) -> int:
    with fleet.session() as db:
        return deadline_alarms.look(db)


def test_everything_that_ends_is_found_in_order(fleet: Fleet) -> None:
    certified = fleet.add(Word.CERTIFIED, due=50 * DAY, name="认证的", online=True)
    fleet.add(Word.CERTIFIED, due=-DAY, name="早过了", online=True)
    fleet.add(Word.CERTIFIED, due=DAY, provider=fleet.cast.charlies)
    clock_of = fleet.add(Word.FILE_SMS, due=5, name="等短信的")
    own(fleet, "许可证到期", 3, certified)
    mine = {"provider_id": fleet.cast.alices, "merchant_id": fleet.cast.meis}
    soon = clock.now() + timedelta(days=2)
    with fleet.session() as db:
        link = AuthorizationLink(
            **mine, id=new_id(), component_id=fleet.components[fleet.cast.alices], token_hash=b"1", expires_at=soon
        )
        revoked = EntryLink(**mine, id=new_id(), token_hash=b"2", expires_at=soon, revoked_at=clock.now())
        entry = EntryLink(**mine, id=new_id(), token_hash=b"3", expires_at=soon + timedelta(hours=1))
        code = ProgramCode(
            provider_id=fleet.cast.alices, id=new_id(), program_id=certified.id, form="scheme", link="weixin://x",
            expires_at=soon + timedelta(hours=2),
        )  # fmt: skip
        db.add_all([link, revoked, entry, code])
    found = near(fleet)
    assert [one.kind for one in found] == [K.CLOCK, K.AUTHORIZATION_LINK, K.ENTRY_LINK, K.CODE, K.OWN, K.CERTIFICATE]
    assert [one.name for one in found] == ["等短信的", "梅记茶铺", "梅记茶铺", "认证的", "认证的", "认证的"]
    assert (found[0].program_id, found[0].detail) == (clock_of.id, Word.FILE_SMS)
    assert found[1].merchant_id == fleet.cast.meis
    assert [one.kind for one in near(fleet, kinds=(K.OWN, K.CODE))] == [K.CODE, K.OWN]
    assert near(fleet, days=1, kinds=(K.CERTIFICATE,)) == []


def test_my_work_leaves_out_colleagues_mini_programs(fleet: Fleet) -> None:
    fleet.add(Word.CERTIFIED, due=DAY, name="马克斯的", owner_id=fleet.cast.users["max"], online=True)
    fleet.add(Word.CERTIFIED, due=DAY, name="没人的", online=True)
    wanted = f"{fleet.cast.users['alice']},none"
    assert [one.name for one in near(fleet, owner=wanted)] == ["没人的"]


def test_days_are_the_providers_and_pages_hold_each_once(fleet: Fleet) -> None:
    late = datetime.combine(today() + timedelta(days=5), datetime.min.time(), ZoneInfo(ZONE)) + timedelta(hours=23.5)
    hours = (late - clock.now()).total_seconds() / 3600
    for number in range(3):
        fleet.add(Word.CERTIFIED, due=hours, name=f"门店{number}", online=True)
    fleet.add(Word.FILE_SMS, due=hours + 1)
    since, until = moment_of(today(), ZONE), moment_of(today() + timedelta(days=30), ZONE)
    with fleet.session() as db:
        counts = count_days(db, since, until, DeadlineFilter(), who=fleet.alice, zone=ZONE)
        assert counts == {
            today() + timedelta(days=5): {K.CERTIFICATE: 3}, today() + timedelta(days=6): {K.CLOCK: 1},
        }  # fmt: skip
        seen, after = [], None
        while page := list_deadlines(
            db, since, until, DeadlineFilter(), who=fleet.alice, zone=ZONE, after=after, limit=2
        ):
            seen += [one.subject_id for one in page]
            after = read_place(page[-1].place)
    assert len(seen) == len(set(seen)) == 4


def test_own_dates_are_checked_changed_and_done_with(fleet: Fleet) -> None:
    row = own(fleet, " 许可证 ", 10)
    assert row.title == "许可证"
    with fleet.session() as db:
        kept = own_dates.get_date(db, fleet.alice, row.id, Verb.WORK)
        own_dates.edit_date(db, kept, "新许可证", today() + timedelta(days=20), who=fleet.alice)
        for title, day in (("", today()), ("长" * 61, today()), ("x", today() + timedelta(days=366 * 21))):
            with pytest.raises(Invalid):
                own_dates.edit_date(db, kept, title, day, who=fleet.alice)
    assert [one.detail for one in near(fleet)] == ["新许可证"]
    with fleet.session() as db, pytest.raises(Forbidden):
        own_dates.add_date(db, "x", today(), who=fleet.cast.who["bob"])
    with tenant_session(fleet.cast.charlies) as db, pytest.raises(NotFound):
        own_dates.get_date(db, fleet.cast.who["charlie"], row.id, Verb.VIEW)
    with fleet.session() as db:
        own_dates.finish_date(db, own_dates.get_date(db, fleet.alice, row.id, Verb.WORK), who=fleet.alice)
    with fleet.session() as db, pytest.raises(Conflict):
        own_dates.finish_date(db, own_dates.get_date(db, fleet.alice, row.id, Verb.WORK), who=fleet.alice)
    assert near(fleet) == []


def test_people_are_told_once_for_each_step(fleet: Fleet, move_clock: Callable[[float], None]) -> None:
    fleet.add(Word.CERTIFIED, due=70 * DAY + 1, name="梅记茶铺", online=True)
    assert (look(fleet), alarms(fleet)) == (0, [])
    for passed, left in ((11, 59), (25, 34)):
        move_clock(passed * 86400)
        assert look(fleet) == (1 if left == 59 else 0)
    assert look(fleet) == 0
    assert alarms(fleet) == [("梅记茶铺", 59)]
    move_clock(6 * 86400)
    assert (look(fleet), alarms(fleet)) == (1, [("梅记茶铺", 28)])
    move_clock(22 * 86400)
    assert (look(fleet), alarms(fleet)) == (1, [("梅记茶铺", 6)])
    assert look(fleet) == 0


def test_a_renewed_certificate_gets_its_all_clear_and_begins_anew(
    fleet: Fleet, move_clock: Callable[[float], None]
) -> None:
    program = fleet.add(Word.CERTIFIED, due=20 * DAY, name="梅记茶铺", online=True)
    look(fleet)
    assert len(alarms(fleet)) == 1
    fleet.move(program, Word.CERTIFIED, due=385 * DAY)
    assert (look(fleet), alarms(fleet)) == (0, [])
    move_clock(330 * 86400)
    assert (look(fleet), [name for name, _days in alarms(fleet)]) == (1, ["梅记茶铺"])


def test_what_has_ended_is_no_all_clear(fleet: Fleet, move_clock: Callable[[float], None]) -> None:
    program = fleet.add(Word.CERTIFIED, due=5 * DAY, name="梅记茶铺", online=True)
    own(fleet, "许可证", 5)
    look(fleet)
    move_clock(8 * 86400)
    fleet.move(program, Word.CERTIFICATE_ENDED)
    look(fleet)
    assert [name for name, _days in alarms(fleet)] == ["梅记茶铺", "许可证"]
    with fleet.session() as db:
        row = db.scalars(select(OwnDate)).one()
        own_dates.finish_date(db, row, who=fleet.alice)
    look(fleet)
    assert [name for name, _days in alarms(fleet)] == ["梅记茶铺"]


def test_a_provider_decides_when_to_be_told(fleet: Fleet) -> None:
    fleet.add(Word.CERTIFIED, due=20 * DAY, online=True)
    own(fleet, "许可证", 85)
    with fleet.session() as db:
        deadline_alarms.set_days(db, {K.CERTIFICATE: [], K.OWN: [7, 90, 7]}, who=fleet.alice)
        assert deadline_alarms.days_before(db)[K.OWN] == (90, 7)
        for wrong in ([0], [400], [1, 2, 3, 4, 5, 6]):
            with pytest.raises(Invalid):
                deadline_alarms.set_days(db, {K.OWN: wrong}, who=fleet.alice)
        with pytest.raises(Forbidden):
            deadline_alarms.set_days(db, {}, who=fleet.cast.who["max"])
    look(fleet)
    assert [name for name, _days in alarms(fleet)] == ["许可证"]


def cleared(fleet: Fleet) -> int:
    """How many all-clears are owed."""
    with fleet.session() as db:
        return db.scalar(select(func.count()).select_from(Alarm).where(Alarm.cleared_at.is_not(None))) or 0


def test_asking_for_fewer_days_is_no_all_clear(fleet: Fleet) -> None:
    certified = fleet.add(Word.CERTIFIED, due=20 * DAY, name="梅记茶铺", online=True)
    done = own(fleet, "许可证", 20)
    own(fleet, "年检", 20)
    look(fleet)
    assert len(alarms(fleet)) == 3
    with fleet.session() as db:
        own_dates.finish_date(db, own_dates.get_date(db, fleet.alice, done.id, Verb.WORK), who=fleet.alice)
        deadline_alarms.set_days(db, {K.CERTIFICATE: [], K.OWN: [7]}, who=fleet.alice)
    look(fleet)
    assert (alarms(fleet), cleared(fleet)) == ([], 1)
    with fleet.session() as db:
        deadline_alarms.set_days(db, {K.CERTIFICATE: [30], K.OWN: [30]}, who=fleet.alice)
    look(fleet)
    assert [name for name, _days in alarms(fleet)] == ["年检", "梅记茶铺"]
    with fleet.session() as db:
        deadline_alarms.set_days(db, {K.CERTIFICATE: []}, who=fleet.alice)
    fleet.move(certified, Word.CERTIFIED, due=385 * DAY)
    look(fleet)
    assert cleared(fleet) == 2


def test_what_is_crowded_out_is_no_all_clear(fleet: Fleet) -> None:
    own(fleet, "年检", 20)
    look(fleet)
    own(fleet, "许可证", 10)
    with fleet.session() as db:
        deadline_alarms.look(db, at_once=1)
    assert ([name for name, _days in alarms(fleet)], cleared(fleet)) == (["许可证"], 0)


def test_every_active_provider_is_looked_at(fleet: Fleet, run_jobs: Callable[..., list[str]]) -> None:
    own(fleet, "许可证", 5)
    with platform_session("the cron of this test") as db:
        assert deadline_alarms.look_at_all(db) == 2
    assert run_jobs().count(deadline_alarms.LOOK) == 2
    assert len(alarms(fleet)) == 1


def test_a_secret_address_dies_when_revoked_replaced_or_its_member_leaves(fleet: Fleet) -> None:
    def made() -> str:
        with fleet.session() as db:
            return str(feeds.make_feed(db, [K.OWN], who=fleet.alice, locale="en").token)

    first = made()
    assert feeds.open_feed(first)[0] == fleet.cast.alices
    second = made()
    with pytest.raises(NotFound):
        feeds.open_feed(first)
    provider_id, feed_id, who = feeds.open_feed(second)
    assert (provider_id, who.user_id) == (fleet.cast.alices, fleet.cast.users["alice"])
    with fleet.session() as db:
        feed = feeds.load_feed(db, feed_id)
        assert (feed.kinds, feed.token_hash) == (["own"], token_hash(second))
        assert feed.read_at is not None
    with platform_session("alice leaves") as db:
        db.delete(db.scalars(select(Membership).where(Membership.user_id == fleet.cast.users["alice"])).one())
    with pytest.raises(NotFound):
        feeds.open_feed(second)


def test_an_address_stays_dead_when_its_member_comes_again(fleet: Fleet) -> None:
    with fleet.session() as db:
        token = str(feeds.make_feed(db, [K.OWN], who=fleet.alice, locale="en").token)
    with platform_session("alice leaves and comes again") as db:
        membership = db.scalars(select(Membership).where(Membership.user_id == fleet.cast.users["alice"])).one()
        db.delete(membership)
        db.flush()
        db.add(Membership(provider_id=fleet.cast.alices, user_id=fleet.cast.users["alice"], role=membership.role))
    with pytest.raises(NotFound):
        feeds.open_feed(token)
    with fleet.session() as db:
        assert feeds.find_feed(db, fleet.alice) is None
        token = str(feeds.make_feed(db, [K.OWN], who=fleet.alice, locale="en").token)
        assert feeds.find_feed(db, fleet.alice) is not None
    assert feeds.open_feed(token)[0] == fleet.cast.alices


def test_two_addresses_at_once_come_one_after_the_other(fleet: Fleet) -> None:
    def make() -> str:
        with fleet.session() as db:
            token = str(feeds.make_feed(db, [K.OWN], who=fleet.alice, locale="en").token)
            time.sleep(0.2)
            return token

    with ThreadPoolExecutor(2) as pool:
        made = [one.result() for one in [pool.submit(make), pool.submit(make)]]
    opened = []
    for token in made:
        with contextlib.suppress(NotFound):
            opened.append(feeds.open_feed(token))
    assert len(opened) == 1


def test_a_control_character_does_not_break_the_calendars_file() -> None:
    now = datetime(2026, 12, 1, 8, tzinfo=ZoneInfo("UTC"))
    text = write_calendar("x", [Entry("a@x", now, "a\x00b\x1b\x0bc\x85d", "", "https://x/1")], now=now)
    assert "SUMMARY:abcd\r\n" in text


def test_the_calendars_file_is_folded_and_escaped() -> None:
    now = datetime(2026, 12, 1, 8, tzinfo=ZoneInfo("UTC"))
    entries = [
        Entry("a@x", date(2026, 12, 31), "许可证，到期；" * 8, "第一行\n第二,行", "https://x/1"),
        Entry("b@x", now, "a;b,c\\d", "", "https://x/2"),
    ]
    text = write_calendar("爱丽服务", entries, now=now)
    assert text.startswith("BEGIN:VCALENDAR\r\n")
    assert text.endswith("END:VCALENDAR\r\n")
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    whole = text.replace("\r\n ", "")
    for part in (
        "DTSTART;VALUE=DATE:20261231", "DTEND;VALUE=DATE:20270101", "DTSTART:20261201T080000Z",
        "DTSTAMP:20261201T080000Z",
        "SUMMARY:" + "许可证，到期；" * 8, "DESCRIPTION:第一行\\n第二\\,行", "SUMMARY:a\\;b\\,c\\\\d",
    ):  # fmt: skip
        assert part in whole, part


def test_a_certificates_step_is_what_its_end_hangs_on(fleet: Fleet) -> None:
    program = fleet.add(Word.CERTIFIED, due=DAY, online=True)
    with fleet.session() as db:
        step = db.scalars(
            select(ProgramStep).where(ProgramStep.program_id == program.id, ProgramStep.step == Step.CERTIFY)
        ).one()
    assert [one.subject_id for one in near(fleet)] == [step.id]
