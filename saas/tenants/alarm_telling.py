"""Who hears of which alarm, and how often: one message for whatever came together, and no more than that.

A channel is told of an alarm once, reminded at growing intervals while it stays open, and told once when it is over, if
it had been told at all. More of the same kind within an hour wait longer and longer, so a storm is one message with a
count and a few with the stragglers; all-clears are held back in the same way. In quiet hours what may wait does.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Interval, and_, delete, exists, func, insert, literal, or_, select, update
from sqlalchemy.orm import Session

from saas import clock
from saas.db import new_id
from saas.queue import Lane, enqueue, enqueue_for
from saas.tenants.alarm_models import (
    Alarm,
    AlarmChannel,
    AlarmKind,
    AlarmMessage,
    AlarmTelling,
    MessageStatus,
    Occasion,
)
from saas.tenants.alarm_words import WORDS, Level
from saas.tenants.alarm_writing import Written, write
from saas.tenants.alarms import GATHER, TELL
from saas.tenants.models import Provider, ProviderStatus

DELIVER = "jobs.alarms.deliver"
_URGENT = [kind.value for kind, words in WORDS.items() if words.level is Level.URGENT]
_PACE = timedelta(minutes=5)
_PACE_OVER = timedelta(hours=1)
_REMINDERS = {
    Level.URGENT: (timedelta(hours=2), timedelta(hours=12), timedelta(days=1), timedelta(days=3)),
    Level.WARNING: (timedelta(days=1), timedelta(days=7)),
}
_AFTER_FAILURE = timedelta(minutes=30)
_SERVED = (ProviderStatus.TRIAL, ProviderStatus.ACTIVE)
_KEEP = timedelta(days=90)
_MOST = 5000


def tell(db: Session, provider: Provider) -> int:
    """Write the messages that are due on each of a provider's channels; says how many. In the provider's session."""
    if provider.status not in _SERVED:
        return 0
    written = 0
    query = select(AlarmChannel).where(AlarmChannel.provider_id == provider.id, AlarmChannel.paused_at.is_(None))
    for channel in db.scalars(query.order_by(AlarmChannel.id)):
        levels = _levels_now(provider, channel)
        for occasion, alarms in (
            (Occasion.CLEARED, _over(db, channel, levels)),
            (Occasion.RAISED, _new(db, channel, levels)),
            (Occasion.REMINDER, _due_again(db, channel, levels)),
        ):
            if alarms:
                message = send(db, channel, occasion, write(provider, channel, occasion, alarms), len(alarms))
                _note(db, channel, occasion, message, alarms)
                written += 1
    return written


def send(db: Session, channel: AlarmChannel, occasion: Occasion, written: Written, count: int) -> AlarmMessage:
    """Have one message delivered by a job."""
    message = AlarmMessage(
        provider_id=channel.provider_id, channel_id=channel.id, occasion=occasion.value, count=count,
        title=written.title, body=written.body, content=written.content,
    )  # fmt: skip
    db.add(message)
    db.flush()
    enqueue(db, DELIVER, message.id, lane=Lane.URGENT)
    return message


def note_received(db: Session, message: AlarmMessage) -> None:
    """A message went through: an all-clear will be owed to its channel."""
    db.execute(
        update(AlarmTelling)
        .where(AlarmTelling.message_id == message.id, AlarmTelling.received_at.is_(None))
        .values(received_at=clock.now())
        .execution_options(synchronize_session=False)
    )


def note_failed(db: Session, message: AlarmMessage, *, after: timedelta = _AFTER_FAILURE) -> None:
    """A message will not go through: who never heard of its alarms is told anew, each time after a longer while."""
    seconds = after.total_seconds() * func.power(2, func.least(AlarmTelling.times - 1, 6))
    soon = literal(clock.now()) + func.make_interval(0, 0, 0, 0, 0, 0, seconds, type_=Interval())
    db.execute(
        update(AlarmTelling)
        .where(
            AlarmTelling.message_id == message.id, AlarmTelling.received_at.is_(None), AlarmTelling.over_at.is_(None)
        )
        .values(remind_at=func.least(func.coalesce(AlarmTelling.remind_at, soon), soon))
        .execution_options(synchronize_session=False)
    )  # fmt: skip


def is_stale(db: Session, message: AlarmMessage) -> bool:
    """Whether it reminds of nothing that is still open."""
    if message.occasion != Occasion.REMINDER:
        return False
    still = (
        select(AlarmTelling.id)
        .join(Alarm, Alarm.id == AlarmTelling.alarm_id)
        .where(AlarmTelling.message_id == message.id, Alarm.cleared_at.is_(None))
    )
    return not db.scalar(select(still.exists()))


def enqueue_tellings(db: Session) -> int:
    """Have the providers told for whom something is due: what was held, a reminder, an all-clear.

    It is also the net under the job that an alarm rings for. In a platform session.
    """
    now = clock.now()
    told = exists().where(AlarmTelling.channel_id == AlarmChannel.id, AlarmTelling.alarm_id == Alarm.id)
    untold = (
        select(Alarm.provider_id)
        .join(AlarmChannel, AlarmChannel.provider_id == Alarm.provider_id)
        .join(Provider, Provider.id == Alarm.provider_id)
        .where(
            Alarm.cleared_at.is_(None), Alarm.created_at <= now - GATHER, AlarmChannel.paused_at.is_(None), ~told,
            _wants(Alarm.kind), Provider.status.in_(_SERVED),
        )
    )  # fmt: skip
    open_tellings = (
        select(AlarmTelling.provider_id)
        .join(Alarm, Alarm.id == AlarmTelling.alarm_id)
        .join(AlarmChannel, AlarmChannel.id == AlarmTelling.channel_id)
        .join(Provider, Provider.id == AlarmTelling.provider_id)
        .where(
            AlarmTelling.over_at.is_(None), AlarmChannel.paused_at.is_(None), Provider.status.in_(_SERVED),
            or_(Alarm.cleared_at.is_not(None), and_(AlarmTelling.remind_at <= now, _wants(Alarm.kind))),
        )
    )  # fmt: skip
    due = db.scalars(untold.union(open_tellings)).all()
    for provider_id in due:
        enqueue_for(db, provider_id, TELL, provider_id, lane=Lane.DEFAULT)
    return len(due)


def forget_old_alarms(db: Session) -> None:
    """Drop what was over long ago, and old messages. In a platform session."""
    before = clock.now() - _KEEP
    db.execute(delete(Alarm).where(Alarm.cleared_at < before))
    db.execute(delete(AlarmMessage).where(AlarmMessage.created_at < before))


def _new(db: Session, channel: AlarmChannel, levels: Collection[Level]) -> list[Alarm]:
    """Open alarms that the channel has not been told of, without kinds that it heard of a moment ago."""
    told = exists().where(AlarmTelling.channel_id == channel.id, AlarmTelling.alarm_id == Alarm.id)
    query = (
        select(Alarm)
        .where(
            Alarm.provider_id == channel.provider_id, Alarm.cleared_at.is_(None), ~told,
            Alarm.kind.in_(_kinds_of(channel, levels)),
        )
        .order_by(Alarm.id)
        .limit(_MOST)
    )  # fmt: skip
    found = list(db.scalars(query))
    paced = _paced(db, channel) if found else set()
    return [alarm for alarm in found if alarm.kind not in paced]


def _paced(db: Session, channel: AlarmChannel) -> set[str]:
    """Kinds of which the next message must wait: five minutes after one within the hour, then ten, then twenty."""
    now = clock.now()
    query = (
        select(AlarmTelling.kind, func.max(AlarmTelling.told_at), func.count(AlarmTelling.message_id.distinct()))
        .where(AlarmTelling.channel_id == channel.id, AlarmTelling.told_at > now - _PACE_OVER)
        .group_by(AlarmTelling.kind)
    )
    return {kind for kind, last, times in db.execute(query) if now < last + _PACE * 2 ** (times - 1)}


def _paced_over(db: Session, channel: AlarmChannel) -> set[str]:
    """The same for all-clears: all that one message tells of end at one moment."""
    now = clock.now()
    query = (
        select(AlarmTelling.kind, func.max(AlarmTelling.over_at), func.count(AlarmTelling.over_at.distinct()))
        .where(
            AlarmTelling.channel_id == channel.id, AlarmTelling.over_at > now - _PACE_OVER,
            AlarmTelling.received_at.is_not(None),
        )
        .group_by(AlarmTelling.kind)
    )  # fmt: skip
    return {kind for kind, last, times in db.execute(query) if now < last + _PACE * 2 ** (times - 1)}


def _due_again(db: Session, channel: AlarmChannel, levels: Collection[Level]) -> list[Alarm]:
    query = (
        select(Alarm)
        .join(AlarmTelling, AlarmTelling.alarm_id == Alarm.id)
        .where(
            AlarmTelling.channel_id == channel.id, AlarmTelling.over_at.is_(None), Alarm.cleared_at.is_(None),
            AlarmTelling.remind_at <= clock.now(), Alarm.kind.in_(_kinds_of(channel, levels)),
        )
        .limit(_MOST)
    )  # fmt: skip
    return list(db.scalars(query))


def _over(db: Session, channel: AlarmChannel, levels: Collection[Level]) -> list[Alarm]:
    """Alarms that are over and of which the channel had heard. Those of which it never heard are closed in silence,
    those of which a message is still on its way wait for it.
    """
    query = (
        select(Alarm, AlarmTelling.id.label("telling_id"), AlarmTelling.received_at, AlarmMessage.status)
        .join(AlarmTelling, AlarmTelling.alarm_id == Alarm.id)
        .outerjoin(AlarmMessage, AlarmMessage.id == AlarmTelling.message_id)
        .where(
            AlarmTelling.channel_id == channel.id, AlarmTelling.over_at.is_(None), Alarm.cleared_at.is_not(None),
            Alarm.kind.in_([kind.value for kind in WORDS if WORDS[kind].level in levels]),
        )
        .limit(_MOST)
    )  # fmt: skip
    rows = db.execute(query).all()
    silent = [row.telling_id for row in rows if row.received_at is None and row.status != MessageStatus.QUEUED]
    if silent:
        _close(db, silent)
    paced = _paced_over(db, channel) if rows else set()
    return [row.Alarm for row in rows if row.received_at is not None and row.Alarm.kind not in paced]


def _note(
    db: Session, channel: AlarmChannel, occasion: Occasion, message: AlarmMessage, alarms: Sequence[Alarm]
) -> None:
    now = clock.now()
    mine = [AlarmTelling.channel_id == channel.id, AlarmTelling.alarm_id.in_([alarm.id for alarm in alarms])]
    if occasion is Occasion.CLEARED:
        db.execute(update(AlarmTelling).where(*mine).values(over_at=now, remind_at=None).execution_options(
            synchronize_session=False))  # fmt: skip
    elif occasion is Occasion.RAISED:
        db.execute(
            insert(AlarmTelling),
            [
                {
                    "id": new_id(), "created_at": now, "provider_id": channel.provider_id, "channel_id": channel.id,
                    "alarm_id": alarm.id, "kind": alarm.kind, "message_id": message.id, "told_at": now, "times": 1,
                    "remind_at": _reminder_after(alarm, 1, now),
                }
                for alarm in alarms
            ],
        )  # fmt: skip
    else:
        for telling, alarm in db.execute(
            select(AlarmTelling, Alarm).join(Alarm, Alarm.id == AlarmTelling.alarm_id).where(*mine)
        ):
            telling.times += 1
            telling.told_at, telling.message_id = now, message.id
            telling.remind_at = _reminder_after(alarm, telling.times, now)


def _close(db: Session, telling_ids: Collection[UUID]) -> None:
    db.execute(
        update(AlarmTelling)
        .where(AlarmTelling.id.in_(telling_ids))
        .values(over_at=clock.now(), remind_at=None)
        .execution_options(synchronize_session=False)
    )


def _reminder_after(alarm: Alarm, times: int, now: datetime) -> datetime | None:
    words = WORDS[AlarmKind(alarm.kind)]
    if not words.reminds:
        return None
    pauses = _REMINDERS[words.level]
    return now + pauses[min(times, len(pauses)) - 1]


def _kinds_of(channel: AlarmChannel, levels: Collection[Level]) -> list[str]:
    """The kinds that go out on a channel now."""
    allowed = [kind.value for kind, words in WORDS.items() if words.level in levels]
    if channel.only_urgent:
        allowed = [kind for kind in allowed if kind in _URGENT]
    return [kind for kind in allowed if not channel.alarm_kinds or kind in channel.alarm_kinds]


def _wants(kind: Any) -> Any:
    """`_kinds_of` without the time of day, in SQL."""
    chosen = or_(func.cardinality(AlarmChannel.alarm_kinds) == 0, kind == func.any(AlarmChannel.alarm_kinds))
    return and_(chosen, or_(AlarmChannel.only_urgent.is_(False), kind.in_(_URGENT)))


def is_quiet(provider: Provider, channel: AlarmChannel, now: datetime) -> bool:
    """Whether these are the channel's quiet hours, by the provider's clock; they may go over midnight."""
    begin, end = channel.quiet_from, channel.quiet_until
    if begin is None or end is None or begin == end:
        return False
    local = now.astimezone(ZoneInfo(provider.time_zone))
    minute = local.hour * 60 + local.minute
    return begin <= minute < end if begin < end else minute >= begin or minute < end


def _levels_now(provider: Provider, channel: AlarmChannel) -> frozenset[Level]:
    if not is_quiet(provider, channel, clock.now()):
        return frozenset(Level)
    return frozenset() if channel.quiet_for_all else frozenset({Level.URGENT})
