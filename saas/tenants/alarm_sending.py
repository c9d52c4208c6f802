"""Deliver one message about alarms on its channel, whatever that is; tried again by its job until it went through."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from saas import bots, clock, posting
from saas.config import Environment, settings
from saas.db import platform_session, settle
from saas.errors import N_
from saas.tenants.alarm_models import AlarmChannel, AlarmMessage, ChannelKind, MessageStatus, Occasion
from saas.tenants.alarm_telling import is_stale, note_failed, note_received
from saas.tenants.letters import send_letter
from saas.tenants.models import Membership, User

_LONGEST_ERROR = 300


class NotDelivered(Exception):
    """This try failed and a later one may help."""


def deliver(db: Session, message_id: UUID) -> None:
    """Send a message that is not sent yet. In the provider's session; raises NotDelivered to be called again.

    It is marked after the other side took it, so a worker that dies in between sends it twice; a webhook knows it by
    its `X-Daiban-Delivery`.
    """
    message = db.scalar(select(AlarmMessage).where(AlarmMessage.id == message_id).with_for_update())
    if message is None or message.status != MessageStatus.QUEUED:
        return
    channel = db.scalars(select(AlarmChannel).where(AlarmChannel.id == message.channel_id)).one()
    if why := _is_moot(db, channel, message):
        message.status, message.error = MessageStatus.FAILED, why
        note_failed(db, message, after=timedelta(0))
        return
    message.tries += 1
    if channel.kind == ChannelKind.MAIL:
        error, again = _mail(db, channel, message), False
    else:
        address, secret = channel.address, channel.secret
        settle(db)
        error, again = _post(ChannelKind(channel.kind), address, secret, message)
    message.error = error[:_LONGEST_ERROR]
    if not error:
        message.status, message.sent_at = MessageStatus.SENT, clock.now()
        note_received(db, message)
    elif not again:
        message.status = MessageStatus.FAILED
        note_failed(db, message)
    else:
        settle(db)
        raise NotDelivered(error)


def give_up(db: Session, message_id: UUID) -> None:
    """The last try failed, too."""
    message = db.scalar(select(AlarmMessage).where(AlarmMessage.id == message_id))
    if message is not None and message.status == MessageStatus.QUEUED:
        message.status = MessageStatus.FAILED
        note_failed(db, message)


def _is_moot(db: Session, channel: AlarmChannel, message: AlarmMessage) -> str:
    """Why nobody should get it any more; what is open is told when a paused channel is resumed."""
    if channel.paused_at is not None and message.occasion != Occasion.TEST:
        return N_("渠道已暂停，没有发送")
    return N_("告警已恢复，没有再提醒") if is_stale(db, message) else ""


def webhook_headers(secret: str, message_id: UUID, body: bytes) -> dict[str, str]:
    """The signature is HMAC-SHA256 over the time, a full stop and the body."""
    stamp = str(int(clock.now().timestamp()))
    signature = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Daiban-Alarms/1",
        "X-Daiban-Delivery": str(message_id),
        "X-Daiban-Timestamp": stamp,
        "X-Daiban-Signature": f"v1={signature}",
    }


def _post(kind: ChannelKind, address: str, secret: str, message: AlarmMessage) -> tuple[str, bool]:
    """Why it did not go through, empty when it did, and whether to try again. A demo sends nothing and shows it."""
    if settings().env is Environment.DEMO:
        return "", False
    try:
        if kind is ChannelKind.WEBHOOK:
            return _webhook(address, secret, message)
        request = bots.REQUESTS[kind.value](address, secret, f"{message.title}\n{message.body}", clock.now())
        reply = posting.post(request.url, body=request.body, headers=request.headers, is_typed=False)
        bots.read_answer(reply.status, reply.body)
    except posting.UnsafeAddress as error:
        return str(error), False
    except posting.NoAnswer as error:
        return str(error), True
    except bots.BotRefused as error:
        return str(error), error.again
    return "", False


def _webhook(address: str, secret: str, message: AlarmMessage) -> tuple[str, bool]:
    content = {
        "id": str(message.id), "occasion": message.occasion, "title": message.title, "text": message.body,
        "count": message.count, **message.content,
    }  # fmt: skip
    body = json.dumps(content, ensure_ascii=False).encode()
    reply = posting.post(address, body=body, headers=webhook_headers(secret, message.id, body))
    if 200 <= reply.status < 300:
        return "", False
    if 300 <= reply.status < 400:
        return N_("对方要求跳转到别处，系统不跟随跳转，请填写最终的网址"), False
    return f"HTTP {reply.status}", reply.status not in (401, 403, 410)


def _mail(db: Session, channel: AlarmChannel, message: AlarmMessage) -> str:
    """Hand it to the mails of those chosen who are still members; they are sent and repeated like all mails."""
    with platform_session("read where alarms are mailed to") as above:
        addresses = above.scalars(
            select(User.email)
            .join(Membership, Membership.user_id == User.id)
            .where(
                Membership.provider_id == channel.provider_id, User.id.in_(channel.member_ids), User.email != "",
                User.email_verified_at.is_not(None), User.blocked_at.is_(None),
            )
        ).all()  # fmt: skip
    for address in addresses:
        send_letter(
            db, "alarm", to=address, locale=channel.locale, provider_id=channel.provider_id,
            title=message.title, lines=message.body.split("\n"),
        )  # fmt: skip
    return "" if addresses else N_("没有可以收邮件的成员，请重新选择")
