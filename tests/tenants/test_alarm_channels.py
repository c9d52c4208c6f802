"""Channels of alarms: who may set them, what goes out on each kind, and to nobody else."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from saas.db import new_id, platform_session, tenant_session
from saas.errors import Forbidden, Invalid, NotFound
from saas.tenants import alarm_channels
from saas.tenants.alarm_channels import Wish
from saas.tenants.alarm_models import (
    AlarmChannel,
    ChannelKind,
    MessageStatus,
)
from saas.tenants.alarms import raise_alarm
from saas.tenants.members import remove_member
from tests.cast import Cast
from tests.tenants.mailbox import mails_to
from tests.tenants.receiver import Receiver
from tests.tenants.sounding import REFUSED, SECRET, Run, add, look, messages, occasions, sound


def test_a_redirect_is_not_followed(cast: Cast, receiver: Receiver, run_jobs: Run) -> None:
    add(cast, port=receiver.port)
    receiver.answer = (302, b"", {"Location": f"{receiver.url}/elsewhere"})
    sound(cast)
    run_jobs(wait=60)
    assert [one.path for one in receiver.got] == ["/hook"]
    assert messages()[0].status == MessageStatus.FAILED


def test_mails_go_to_the_chosen_who_are_still_members(cast: Cast, run_jobs: Run) -> None:
    chosen = [cast.users["alice"], cast.users["max"], cast.users["charlie"]]
    channel_id = add(cast, ChannelKind.MAIL, member_ids=chosen, locale="en")
    with tenant_session(cast.alices) as db:
        channel = alarm_channels.get_channel(db, cast.who["alice"], channel_id)
        assert cast.users["charlie"] not in channel.member_ids
    with platform_session("test") as db:
        remove_member(db, cast.users["max"], who=cast.who["alice"])
    sound(cast)
    run_jobs(wait=60)
    [letter] = mails_to(cast.email("alice"))
    assert "203.0.113.7" in letter.subject
    assert "/p/alice/health" in letter.body_text
    assert mails_to(cast.email("max")) == mails_to(cast.email("charlie")) == []


def test_a_paused_channel_hears_of_what_is_open_when_it_is_resumed(
    cast: Cast, receiver: Receiver, run_jobs: Run
) -> None:
    channel_id = add(cast, port=receiver.port)
    who = cast.who["alice"]
    with tenant_session(cast.alices) as db:
        alarm_channels.pause_channel(db, alarm_channels.get_channel(db, who, channel_id), who=who)
    sound(cast)
    run_jobs(wait=60)
    look()
    run_jobs(wait=60)
    assert receiver.got == []
    with tenant_session(cast.alices) as db:
        alarm_channels.resume_channel(db, alarm_channels.get_channel(db, who, channel_id), who=who)
    look()
    run_jobs(wait=60)
    assert occasions(receiver) == ["raised"]


def test_secrets_are_sealed(cast: Cast, receiver: Receiver) -> None:
    add(cast, port=receiver.port)
    with tenant_session(cast.alices) as db:
        row = db.scalars(select(AlarmChannel)).one()
        assert (row.address, row.secret) == (f"{receiver.url}/hook", SECRET)
        assert SECRET.encode() not in (row.secret_sealed or b"")
        assert str(receiver.port).encode() not in (row.address_sealed or b"")


def test_charlie_hears_nothing_of_alices_alarms(cast: Cast, receiver: Receiver, run_jobs: Run) -> None:
    with tenant_session(cast.charlies) as db:
        wish = Wish(name="查理的群", address=f"{receiver.url}/charlies", secret=SECRET)
        alarm_channels.add_channel(db, ChannelKind.WEBHOOK, wish, who=cast.who["charlie"])
    sound(cast)
    run_jobs(wait=60)
    look()
    run_jobs(wait=60)
    assert receiver.got == []
    with tenant_session(cast.charlies) as db, pytest.raises(Exception, match="row-level security"):
        raise_alarm(db, cast.alices, REFUSED, new_id())


@pytest.mark.parametrize("kind", [ChannelKind.WECOM, ChannelKind.DINGTALK, ChannelKind.FEISHU])
def test_a_bot_gets_the_alarm_as_text(cast: Cast, receiver: Receiver, run_jobs: Run, kind: ChannelKind) -> None:
    path = {
        ChannelKind.WECOM: "/cgi-bin/webhook/send?key=693a91f6-7f0d-4bc4",
        ChannelKind.DINGTALK: "/robot/send?access_token=0a1b2c3d4e5f",
        ChannelKind.FEISHU: "/open-apis/bot/v2/hook/1f2e3d4c-aaaa",
    }[kind]
    add(cast, kind, path, port=receiver.port)
    sound(cast)
    run_jobs(wait=60)
    assert receiver.got[0].path.startswith(path)
    assert "203.0.113.7 不在微信的白名单里" in receiver.got[0].body.decode()
    assert messages()[0].status == MessageStatus.SENT


def test_a_bot_that_refuses_is_a_failure(cast: Cast, receiver: Receiver, run_jobs: Run) -> None:
    add(cast, ChannelKind.WECOM, "/cgi-bin/webhook/send?key=693a91f6-7f0d-4bc4", port=receiver.port)
    receiver.says({"errcode": 93000, "errmsg": "invalid webhook url"})
    sound(cast)
    run_jobs(wait=60)
    assert (messages()[0].status, messages()[0].error) == (MessageStatus.FAILED, "93000 invalid webhook url")


@pytest.mark.parametrize(
    ("kind", "wish", "field"),
    [
        (ChannelKind.WEBHOOK, {"address": "http://10.0.0.1/"}, "address"),
        (ChannelKind.WEBHOOK, {"address": "https://169.254.169.254/"}, "address"),
        (ChannelKind.WEBHOOK, {"address": ""}, "address"),
        (ChannelKind.WEBHOOK, {"address": "https://hooks.example.com/", "secret": ""}, "secret"),
        (ChannelKind.WECOM, {"address": "https://evil.example.com/cgi-bin/webhook/send?key=693a91f6"}, "address"),
        (ChannelKind.MAIL, {}, "member_ids"),
        (ChannelKind.MAIL, {"name": " "}, "name"),
        (ChannelKind.MAIL, {"alarm_kinds": ["nonsense"]}, "alarm_kinds"),
        (ChannelKind.MAIL, {"quiet_from": "25:00", "quiet_until": "08:00"}, "quiet_from"),
        (ChannelKind.MAIL, {"quiet_from": "22:00"}, "quiet_until"),
    ],
)
def test_a_wrong_channel_names_its_field(cast: Cast, kind: ChannelKind, wish: dict[str, Any], field: str) -> None:
    given = Wish(**{"name": "值班群", "secret": SECRET, **wish})
    with pytest.raises(Invalid) as refused, tenant_session(cast.alices) as db:
        alarm_channels.add_channel(db, kind, given, who=cast.who["alice"])
    assert refused.value.field == field


@pytest.mark.parametrize("name", ["max", "bob", "mei"])
def test_only_those_who_manage_may_set_channels(cast: Cast, receiver: Receiver, name: str) -> None:
    channel_id = add(cast, port=receiver.port)
    with tenant_session(cast.alices) as db, pytest.raises((Forbidden, NotFound)):
        alarm_channels.get_channel(db, cast.who[name], channel_id)


def test_charlie_gets_none_of_alices_channels(cast: Cast, receiver: Receiver) -> None:
    channel_id = add(cast, port=receiver.port)
    with tenant_session(cast.charlies) as db, pytest.raises(NotFound):
        alarm_channels.get_channel(db, cast.who["charlie"], channel_id)
