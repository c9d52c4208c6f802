"""Alarms reach the channels that want them: once, again while they last, and once when they are over."""

from __future__ import annotations

import hashlib
import hmac
import re
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, update

from saas import clock
from saas.db import new_id, platform_session, tenant_session
from saas.queue import Job
from saas.tenants import alarm_channels, alarms
from saas.tenants.alarm_models import (
    Alarm,
    AlarmChannel,
    AlarmKind,
    AlarmTelling,
    MessageStatus,
    Occasion,
)
from saas.tenants.alarm_telling import tell
from saas.tenants.alarm_words import WORDS, say
from saas.tenants.alarms import TELL, Cause, clear_alarm, clear_alarms, raise_alarm, raise_alarms
from saas.tenants.models import Provider, ProviderStatus
from saas.tenants.providers import own_provider
from tests.cast import Cast
from tests.tenants.receiver import Receiver
from tests.tenants.sounding import LOST, REFUSED, SECRET, Move, Run, add, look, messages, occasions, sound, still


def test_an_open_alarm_is_not_opened_again(cast: Cast) -> None:
    subject = new_id()
    with tenant_session(cast.alices) as db:
        assert raise_alarm(db, cast.alices, REFUSED, subject, {"name": "一"})
        assert not raise_alarm(db, cast.alices, REFUSED, subject, {"name": "二"})
        alarm = db.scalars(select(Alarm)).one()
        assert (alarm.times, alarm.detail) == (2, {"name": "二"})
        assert clear_alarm(db, cast.alices, REFUSED, subject)
        assert not clear_alarm(db, cast.alices, REFUSED, subject)
        assert raise_alarm(db, cast.alices, REFUSED, subject)


def test_many_of_several_providers_are_raised_in_one_statement(cast: Cast) -> None:
    subject = new_id()
    causes = [Cause(cast.alices, LOST, subject), Cause(cast.alices, LOST, subject), Cause(cast.charlies, LOST, subject)]
    with platform_session("test") as db:
        assert raise_alarms(db, causes) == 2
        assert raise_alarms(db, causes) == 0
        assert raise_alarms(db, []) == 0
        assert clear_alarms(db, cast.charlies, [LOST], [subject]) == 1
    with tenant_session(cast.alices) as db:
        assert len(alarms.open_alarms(db, cast.alices)) == 1
        assert raise_alarm(db, cast.alices, LOST, subject) is False


def test_an_alarm_is_told_once_and_its_end_once(
    cast: Cast, receiver: Receiver, run_jobs: Run, move_clock: Move
) -> None:
    add(cast, port=receiver.port)
    subject = sound(cast)
    assert run_jobs() == []  # they gather first
    run_jobs(wait=60)
    look()
    run_jobs(wait=60)
    assert occasions(receiver) == ["raised"]
    still(cast, subject)
    run_jobs(wait=60)
    move_clock(7 * 86400)
    look()
    run_jobs(wait=60)
    assert occasions(receiver) == ["raised", "cleared"]
    assert "已恢复" in receiver.got[1].content["title"]


def test_what_was_over_before_it_was_told_is_never_told(cast: Cast, receiver: Receiver, run_jobs: Run) -> None:
    add(cast, port=receiver.port)
    still(cast, sound(cast))
    run_jobs(wait=60)
    look()
    run_jobs(wait=60)
    assert receiver.got == []


def test_a_storm_is_one_message_with_a_count(cast: Cast, receiver: Receiver, run_jobs: Run, move_clock: Move) -> None:
    add(cast, port=receiver.port)
    subjects = [new_id() for _ in range(1000)]
    with tenant_session(cast.alices) as db:
        raise_alarms(db, [Cause(cast.alices, LOST, one, {"name": f"小店{n}"}) for n, one in enumerate(subjects)])
    run_jobs(wait=60)
    first = receiver.got[0].content
    assert (len(receiver.got), first["count"]) == (1, 1000)
    assert "1000 个小程序的授权已失效" in first["title"]
    assert "小店0、小店1" in first["text"]
    assert len(first["text"]) < 500
    sound(cast, LOST, name="落后的")
    run_jobs(wait=60)
    look()
    run_jobs(wait=60)
    assert len(receiver.got) == 1  # stragglers wait
    move_clock(300)
    look()
    run_jobs(wait=60)
    assert [one.content["count"] for one in receiver.got] == [1000, 1]
    with tenant_session(cast.alices) as db:
        assert clear_alarms(db, cast.alices, [LOST], subjects) == 1000
    run_jobs(wait=60)
    assert [(one.content["occasion"], one.content["count"]) for one in receiver.got][2:] == [("cleared", 1000)]


def test_another_kind_does_not_wait_for_a_storm(cast: Cast, receiver: Receiver, run_jobs: Run) -> None:
    add(cast, port=receiver.port)
    sound(cast, LOST)
    run_jobs(wait=60)
    sound(cast)
    run_jobs(wait=60)
    assert [one.content["alarms"][0]["kind"] for one in receiver.got] == ["authorization_lost", "ip_refused"]


def test_reminders_come_at_growing_intervals(cast: Cast, receiver: Receiver, run_jobs: Run, move_clock: Move) -> None:
    add(cast, port=receiver.port)
    sound(cast)
    run_jobs(wait=60)
    found = []
    for _ in range(60):
        move_clock(3600)
        look()
        run_jobs(wait=60)
        found.append(len(receiver.got) - 1)
    assert occasions(receiver) == ["raised", "reminder", "reminder", "reminder"]
    assert [found.index(count) for count in (1, 2, 3)] == [1, 13, 37]  # after 2, 12 and 24 hours


def test_a_channel_gets_only_the_kinds_it_wants(cast: Cast, receiver: Receiver, run_jobs: Run) -> None:
    add(cast, port=receiver.port, path="/lost", alarm_kinds=[LOST.value])
    add(cast, port=receiver.port, path="/urgent", only_urgent=True)
    sound(cast, LOST)
    sound(cast, REFUSED)
    run_jobs(wait=60)
    look()
    run_jobs()
    assert sorted((one.path, one.content["alarms"][0]["kind"]) for one in receiver.got) == [
        ("/lost", "authorization_lost"), ("/urgent", "ip_refused"),
    ]  # fmt: skip


def test_quiet_hours_hold_what_may_wait(cast: Cast, receiver: Receiver, run_jobs: Run, move_clock: Move) -> None:
    with tenant_session(cast.alices) as db:
        now = clock.now().astimezone(ZoneInfo(own_provider(db).time_zone))
    begin, end = f"{(now.hour - 1) % 24:02d}:{now.minute:02d}", f"{(now.hour + 2) % 24:02d}:{now.minute:02d}"
    add(cast, port=receiver.port, path="/some", quiet_from=begin, quiet_until=end)
    add(cast, port=receiver.port, path="/all", quiet_from=begin, quiet_until=end, quiet_for_all=True)
    sound(cast, LOST)
    sound(cast, REFUSED)
    run_jobs(wait=60)
    assert [(one.path, one.content["alarms"][0]["kind"]) for one in receiver.got] == [("/some", "ip_refused")]
    move_clock(3 * 3600)
    look()
    run_jobs(wait=60)
    later = sorted((one.path, one.content["occasion"], one.content["count"]) for one in receiver.got[1:])
    assert later == [("/all", "raised", 2), ("/some", "raised", 1), ("/some", "reminder", 1)]


def test_a_webhook_is_signed_over_time_and_body(cast: Cast, receiver: Receiver, run_jobs: Run) -> None:
    add(cast, port=receiver.port)
    sound(cast)
    run_jobs(wait=60)
    got = receiver.got[0]
    stamp = got.headers["X-Daiban-Timestamp"]
    expected = hmac.new(SECRET.encode(), stamp.encode() + b"." + got.body, hashlib.sha256).hexdigest()
    assert got.headers["X-Daiban-Signature"] == f"v1={expected}"
    assert abs(int(stamp) - clock.now().timestamp()) < 60
    assert got.content["id"] == got.headers["X-Daiban-Delivery"] == str(messages()[0].id)


def test_a_message_is_tried_again_until_it_goes_through(
    cast: Cast, receiver: Receiver, run_jobs: Run, move_clock: Move
) -> None:
    add(cast, port=receiver.port)
    receiver.says({}, status=503)
    subject = sound(cast)
    run_jobs(wait=40)
    one = messages()[0]
    assert (one.status, one.error) == (MessageStatus.QUEUED, "HTTP 503")
    assert one.tries >= 2
    still(cast, subject)  # over before it got through
    run_jobs(wait=20)
    assert len(messages()) == 1  # the all-clear waits for what it takes back
    receiver.says({})
    run_jobs(wait=120)
    look()
    run_jobs(wait=120)
    assert [message.occasion for message in messages()] == [Occasion.RAISED, Occasion.CLEARED]
    ids = [got.headers["X-Daiban-Delivery"] for got in receiver.got]
    assert len(set(ids)) == 2  # every try of one message has the same name


def test_who_never_got_an_alarm_gets_no_all_clear(cast: Cast, receiver: Receiver, run_jobs: Run) -> None:
    channel_id = add(cast, port=receiver.port)
    receiver.says({}, status=410)
    subject = sound(cast)
    run_jobs(wait=60)
    assert messages()[0].status == MessageStatus.FAILED
    receiver.says({})
    still(cast, subject)
    run_jobs(wait=60)
    look()
    run_jobs(wait=60)
    assert len(receiver.got) == 1
    with tenant_session(cast.alices) as db:
        assert db.scalar(select(func.count()).where(AlarmTelling.over_at.is_(None))) == 0
        channel = alarm_channels.get_channel(db, cast.who["alice"], channel_id)
        alarm_channels.send_again(db, channel, messages()[0].id, who=cast.who["alice"])
    run_jobs()
    assert messages()[0].status == MessageStatus.SENT


def test_a_message_that_nobody_takes_is_given_up(cast: Cast, receiver: Receiver, run_jobs: Run) -> None:
    add(cast, port=receiver.port)
    receiver.says({}, status=500)
    sound(cast)
    run_jobs(wait=3600)
    assert (messages()[0].status, messages()[0].tries) == (MessageStatus.FAILED, 9)
    assert "HTTP 500" in messages()[0].error


def test_what_is_over_one_by_one_is_told_in_few_messages(
    cast: Cast, receiver: Receiver, run_jobs: Run, move_clock: Move
) -> None:
    add(cast, port=receiver.port)
    subjects = [new_id() for _ in range(6)]
    with tenant_session(cast.alices) as db:
        raise_alarms(db, [Cause(cast.alices, LOST, one, {"name": "小店"}) for one in subjects])
    run_jobs(wait=60)
    for subject in subjects:
        still(cast, subject, LOST)
        run_jobs(wait=25)
        move_clock(60)
        look()
        run_jobs(wait=25)
    move_clock(900)
    look()
    run_jobs(wait=60)
    told = [one.content["count"] for one in receiver.got if one.content["occasion"] == "cleared"]
    assert (sum(told), told[0]) == (6, 1)
    assert len(told) <= 3


def test_whom_a_message_did_not_reach_is_told_anew(
    cast: Cast, receiver: Receiver, run_jobs: Run, move_clock: Move
) -> None:
    add(cast, port=receiver.port)
    receiver.says({}, status=410)
    sound(cast, AlarmKind.DEADLINE)  # a kind that is not repeated
    run_jobs(wait=60)
    receiver.says({})
    look()
    run_jobs()
    assert len(receiver.got) == 1
    move_clock(1801)
    for _ in range(3):
        look()
        run_jobs(wait=60)
        move_clock(90000)
    assert occasions(receiver) == ["raised", "reminder"]


@pytest.mark.parametrize("status", [ProviderStatus.SUSPENDED, ProviderStatus.CLOSED])
def test_who_is_not_served_hears_nothing(
    cast: Cast, receiver: Receiver, run_jobs: Run, move_clock: Move, status: ProviderStatus
) -> None:
    add(cast, port=receiver.port)
    sound(cast)
    run_jobs(wait=60)
    with platform_session("test") as db:
        db.execute(update(Provider).where(Provider.id == cast.alices).values(status=status))
    sound(cast)
    move_clock(86400)
    look()
    run_jobs(wait=60)
    with tenant_session(cast.alices) as db:
        assert tell(db, own_provider(db)) == 0
    assert len(receiver.got) == 1


def pause(cast: Cast, channel_id: UUID, *, again: bool = False) -> None:
    who = cast.who["alice"]
    act = alarm_channels.resume_channel if again else alarm_channels.pause_channel
    with tenant_session(cast.alices) as db:
        act(db, alarm_channels.get_channel(db, who, channel_id), who=who)


def test_pausing_stops_what_is_tried_again(cast: Cast, receiver: Receiver, run_jobs: Run) -> None:
    channel_id = add(cast, port=receiver.port)
    receiver.says({}, status=503)
    sound(cast)
    run_jobs(wait=30)
    pause(cast, channel_id)
    tries = len(receiver.got)
    receiver.says({})
    run_jobs(wait=3600)
    assert (len(receiver.got), messages()[0].status) == (tries, MessageStatus.FAILED)
    pause(cast, channel_id, again=True)
    look()
    run_jobs(wait=60)
    assert [one.status for one in messages()] == [MessageStatus.FAILED, MessageStatus.SENT]


def test_a_reminder_of_what_is_over_is_dropped(cast: Cast, receiver: Receiver, run_jobs: Run, move_clock: Move) -> None:
    add(cast, port=receiver.port)
    subject = sound(cast)
    run_jobs(wait=60)
    move_clock(7201)
    look()
    receiver.says({}, status=503)
    run_jobs(wait=30)
    still(cast, subject)
    receiver.says({})
    run_jobs(wait=3600)
    assert [(one.occasion, one.status) for one in messages()] == [
        (Occasion.RAISED, MessageStatus.SENT), (Occasion.REMINDER, MessageStatus.FAILED),
        (Occasion.CLEARED, MessageStatus.SENT),
    ]  # fmt: skip


def test_nobody_is_woken_for_what_no_channel_takes(
    cast: Cast, receiver: Receiver, run_jobs: Run, move_clock: Move
) -> None:
    channel_id = add(cast, port=receiver.port)
    subject = sound(cast)
    run_jobs(wait=60)
    move_clock(86400)
    with tenant_session(cast.alices) as db:
        db.execute(update(AlarmChannel).values(alarm_kinds=[LOST.value]))
    look()
    assert run_jobs() == []
    with tenant_session(cast.alices) as db:
        db.execute(update(AlarmChannel).values(alarm_kinds=[]))
    pause(cast, channel_id)
    still(cast, subject)
    run_jobs(wait=60)
    look()
    assert run_jobs() == []
    pause(cast, channel_id, again=True)
    look()
    run_jobs(wait=60)
    assert occasions(receiver) == ["raised", "cleared"]


def test_an_alarm_holds_no_job_while_its_transaction_lasts(cast: Cast, run_jobs: Run) -> None:
    with tenant_session(cast.alices) as db:
        raise_alarm(db, cast.alices, REFUSED, new_id())
        raise_alarm(db, cast.alices, REFUSED, new_id())
        assert len(db.info["after_commit"]) == 1
        with platform_session("test") as other:
            assert other.scalar(select(func.count()).select_from(Job).where(Job.name == TELL)) == 0
    assert TELL in run_jobs(wait=30)


def test_every_kind_has_its_words_in_both_languages() -> None:
    assert set(WORDS) == set(AlarmKind)
    detail = {"name": "X", "count": 3}
    for words in WORDS.values():
        for text in (words.title, words.many, words.act, words.over):
            assert say("zh_CN", text, detail)
            assert not re.search("[一-鿿]", say("en", text, detail)), text
