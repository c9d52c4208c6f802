"""The ways on which a provider's people hear of alarms: added, changed, tried, paused and removed."""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from saas import bots, clock, i18n, posting
from saas.db import platform_session
from saas.errors import N_, Conflict, Invalid, NotFound
from saas.queue import Lane, enqueue
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require
from saas.tenants.alarm_models import (
    AlarmChannel,
    AlarmKind,
    AlarmMessage,
    AlarmTelling,
    ChannelKind,
    MessageStatus,
    Occasion,
)
from saas.tenants.alarm_telling import DELIVER, send
from saas.tenants.alarm_writing import write_test
from saas.tenants.members import Member, list_members
from saas.tenants.models import Provider

KIND_NAMES: Mapping[ChannelKind, str] = {
    ChannelKind.MAIL: N_("邮件"),
    ChannelKind.WEBHOOK: N_("Webhook"),
    ChannelKind.WECOM: N_("企业微信机器人"),
    ChannelKind.DINGTALK: N_("钉钉机器人"),
    ChannelKind.FEISHU: N_("飞书机器人"),
}
SIGNED = (ChannelKind.WEBHOOK, ChannelKind.DINGTALK, ChannelKind.FEISHU)
"""Kinds with a secret that signs; a webhook's is ours to make, a bot's is optional."""
_MOST = 20
_LONGEST_NAME = 60
_SECRET = re.compile(r"[\x21-\x7e]{8,128}")
_TIME = re.compile(r"([01]?\d|2[0-3])[:：]([0-5]\d)")


@dataclass(frozen=True)
class Wish:
    """What a form says of a channel. Empty `address` and `secret` keep what is there; times are ``22:00`` or empty."""

    name: str
    address: str = ""
    secret: str = ""
    member_ids: Sequence[UUID] = ()
    alarm_kinds: Sequence[str] = ()
    only_urgent: bool = False
    quiet_from: str = ""
    quiet_until: str = ""
    quiet_for_all: bool = False
    locale: str = i18n.DEFAULT


def new_secret() -> str:
    """For a new webhook."""
    return secrets.token_urlsafe(32)


def list_channels(db: Session, who: Who) -> list[AlarmChannel]:
    """The provider's channels, in the order in which they were added."""
    require(who, Verb.MANAGE)
    query = select(AlarmChannel).where(AlarmChannel.provider_id == who.provider_id).order_by(AlarmChannel.id)
    return list(db.scalars(query))


def get_channel(db: Session, who: Who, channel_id: UUID) -> AlarmChannel:
    """One channel of the acting member's provider; whoever may not manage is refused."""
    channel = db.scalar(
        select(AlarmChannel).where(AlarmChannel.provider_id == who.provider_id, AlarmChannel.id == channel_id)
    )
    if channel is None or who.is_merchant:
        raise NotFound
    require(who, Verb.MANAGE)
    return channel


def newest_messages(db: Session, channels: Collection[AlarmChannel]) -> dict[UUID, AlarmMessage]:
    """The newest message of each channel; one query."""
    query = (
        select(AlarmMessage)
        .where(AlarmMessage.channel_id.in_([channel.id for channel in channels]))
        .ext(distinct_on(AlarmMessage.channel_id))
        .order_by(AlarmMessage.channel_id, AlarmMessage.id.desc())
    )
    return {message.channel_id: message for message in db.scalars(query)}


def list_messages(
    db: Session, channel: AlarmChannel, *, before: UUID | None = None, limit: int = 30
) -> list[AlarmMessage]:
    """What went out on a channel, newest first; `before` is the last id of the page before."""
    query = select(AlarmMessage).where(AlarmMessage.channel_id == channel.id).order_by(AlarmMessage.id.desc())
    return list(db.scalars((query if before is None else query.where(AlarmMessage.id < before)).limit(limit)))


def list_all_messages(db: Session, limit: int = 100) -> list[tuple[AlarmMessage, str, str]]:
    """The newest messages that are no mails, each with its channel's kind and name, for the demo's page. In a platform
    session.
    """
    query = (
        select(AlarmMessage, AlarmChannel.kind, AlarmChannel.name)
        .join(AlarmChannel, AlarmChannel.id == AlarmMessage.channel_id)
        .where(AlarmChannel.kind != ChannelKind.MAIL)
        .order_by(AlarmMessage.id.desc())
        .limit(limit)
    )
    return [(row[0], row[1], row[2]) for row in db.execute(query)]


def count_receivers(db: Session, alarm_ids: Collection[UUID]) -> dict[UUID, int]:
    """How many channels received each of these alarms; one query."""
    query = (
        select(AlarmTelling.alarm_id, func.count())
        .where(AlarmTelling.alarm_id.in_(alarm_ids), AlarmTelling.received_at.is_not(None))
        .group_by(AlarmTelling.alarm_id)
    )
    return {row[0]: row[1] for row in db.execute(query)}


def list_people(who: Who) -> list[Member]:
    """Who may be chosen to get mails: the provider's people, who stand above the tenant wall."""
    require(who, Verb.MANAGE)
    with platform_session("list whom alarms can be mailed to") as db:
        return list_members(db, who)


def add_channel(db: Session, kind: ChannelKind, wish: Wish, *, who: Who) -> AlarmChannel:
    """A new channel; it hears of what is open now, too. Raises Invalid with the field that is wrong."""
    require(who, Verb.MANAGE)
    count = db.scalar(select(func.count()).where(AlarmChannel.provider_id == who.provider_id)) or 0
    if count >= _MOST:
        raise Conflict(N_("最多 %(most)d 个通知渠道"), most=_MOST)
    channel = AlarmChannel(provider_id=who.provider_id, kind=kind.value, name="")
    _take(channel, wish, who)
    db.add(channel)
    db.flush()
    activity.record(db, who, "alarm_channel.add", channel, detail={"kind": kind.value})
    return channel


def change_channel(db: Session, channel: AlarmChannel, wish: Wish, *, who: Who) -> None:
    """Raises Invalid with the field that is wrong."""
    require(who, Verb.MANAGE)
    _take(channel, wish, who)
    db.flush()
    activity.record(db, who, "alarm_channel.edit", channel)


def remove_channel(db: Session, channel: AlarmChannel, *, who: Who) -> None:
    """Its messages go with it."""
    require(who, Verb.MANAGE)
    activity.record(db, who, "alarm_channel.remove", channel, detail={"kind": channel.kind})
    db.delete(channel)


def pause_channel(db: Session, channel: AlarmChannel, *, who: Who) -> None:
    """Nothing goes out on it until it is resumed; what is open then is told then."""
    require(who, Verb.MANAGE)
    if channel.paused_at is None:
        channel.paused_at = clock.now()
        activity.record(db, who, "alarm_channel.pause", channel)


def resume_channel(db: Session, channel: AlarmChannel, *, who: Who) -> None:
    require(who, Verb.MANAGE)
    if channel.paused_at is not None:
        channel.paused_at = None
        activity.record(db, who, "alarm_channel.resume", channel)


def send_test(db: Session, provider: Provider, channel: AlarmChannel, *, who: Who) -> AlarmMessage:
    """Send a message that says that it is a test, also while the channel is paused or quiet."""
    require(who, Verb.MANAGE)
    activity.record(db, who, "alarm_channel.test", channel)
    return send(db, channel, Occasion.TEST, write_test(provider, channel), 0)


def send_again(db: Session, channel: AlarmChannel, message_id: UUID, *, who: Who) -> AlarmMessage:
    """Try a message anew that could not be delivered."""
    require(who, Verb.MANAGE)
    message = db.scalar(
        select(AlarmMessage).where(AlarmMessage.channel_id == channel.id, AlarmMessage.id == message_id)
    )
    if message is None:
        raise NotFound
    if message.status != MessageStatus.FAILED:
        raise Conflict(N_("这条消息已经送达，或正在发送"))
    message.status, message.error = MessageStatus.QUEUED.value, ""
    enqueue(db, DELIVER, message.id, lane=Lane.URGENT)
    return message


def clock_text(minute: int | None) -> str:
    """A minute of the day as people write it."""
    return "" if minute is None else f"{minute // 60:02d}:{minute % 60:02d}"


def _take(channel: AlarmChannel, wish: Wish, who: Who) -> None:
    kind = ChannelKind(channel.kind)
    name = wish.name.strip()
    if not name or len(name) > _LONGEST_NAME:
        raise Invalid(N_("请填写名称，最多 %(most)d 个字"), field="name", most=_LONGEST_NAME)
    unknown = set(wish.alarm_kinds) - {one.value for one in AlarmKind}
    if unknown or wish.locale not in i18n.LOCALES:
        raise Invalid(N_("请选择列出的选项"), field="alarm_kinds" if unknown else "locale")
    quiet_from, quiet_until = _minute(wish.quiet_from, "quiet_from"), _minute(wish.quiet_until, "quiet_until")
    if (quiet_from is None) != (quiet_until is None):
        field = "quiet_until" if quiet_until is None else "quiet_from"
        raise Invalid(N_("静默时段要填开始和结束两个时间"), field=field)
    if kind is ChannelKind.MAIL:
        channel.member_ids = _members(wish, who)
    else:
        _take_address(channel, kind, wish)
    channel.name, channel.locale = name, wish.locale
    channel.alarm_kinds, channel.only_urgent = sorted(set(wish.alarm_kinds)), wish.only_urgent
    channel.quiet_from, channel.quiet_until, channel.quiet_for_all = quiet_from, quiet_until, wish.quiet_for_all


def _take_address(channel: AlarmChannel, kind: ChannelKind, wish: Wish) -> None:
    address, secret = wish.address.strip(), wish.secret.strip()
    if not address and not channel.address_sealed:
        raise Invalid(N_("请填写网址"), field="address")
    if address and kind is ChannelKind.WEBHOOK:
        try:
            posting.check_address(address)
        except posting.UnsafeAddress as error:
            raise Invalid(str(error), field="address") from None
    elif address and not bots.is_address_of(kind.value, address):
        raise Invalid(
            N_("这不是%(kind)s的地址，应为 %(example)s"), field="address", kind=KIND_NAMES[kind],
            example=bots.example_of(kind.value),
        )  # fmt: skip
    if secret and not _SECRET.fullmatch(secret):
        raise Invalid(N_("密钥应为 8 到 128 位字母、数字或符号"), field="secret")
    if kind is ChannelKind.WEBHOOK and not secret and not channel.secret_sealed:
        raise Invalid(N_("请填写签名密钥"), field="secret")
    if address:
        channel.address = address
    if kind in SIGNED and (secret or (address and kind is not ChannelKind.WEBHOOK)):
        channel.secret = secret  # another bot has another secret, or none


def _members(wish: Wish, who: Who) -> list[UUID]:
    known = {member.user_id for member in list_people(who)}
    chosen = [member_id for member_id in dict.fromkeys(wish.member_ids) if member_id in known]
    if not chosen:
        raise Invalid(N_("请至少选择一位成员"), field="member_ids")
    return chosen


def _minute(text: str, field: str) -> int | None:
    text = text.strip()
    if not text:
        return None
    found = _TIME.fullmatch(text)
    if found is None:
        raise Invalid(N_("请填写时间，例如 22:00"), field=field)
    return int(found[1]) * 60 + int(found[2])


def as_values(channel: AlarmChannel) -> dict[str, Any]:
    """What a form shows of a channel: never its address or secret."""
    return {
        "name": channel.name, "member_ids": [str(one) for one in channel.member_ids],
        "alarm_kinds": list(channel.alarm_kinds), "only_urgent": channel.only_urgent,
        "quiet_from": clock_text(channel.quiet_from), "quiet_until": clock_text(channel.quiet_until),
        "quiet_for_all": channel.quiet_for_all, "locale": channel.locale,
    }  # fmt: skip
