"""Alarms and how they reach people: the channels of a provider, the messages that go out, who was told of what."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, LargeBinary, Text, UniqueConstraint, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from saas import clock
from saas.db import Base, TenantOwned
from saas.vault import Sealed


class AlarmKind(StrEnum):
    """What a provider's people are told of by message; the words of each are in `saas.tenants.alarm_words`."""

    TICKET_LATE = "ticket_late"
    TICKET_MISSING = "ticket_missing"
    SECRET_WRONG = "secret_wrong"  # noqa: S105 - a name
    IP_REFUSED = "ip_refused"
    CALLBACKS_REFUSED = "callbacks_refused"
    CALLBACKS_SILENT = "callbacks_silent"
    CALLBACKS_FAILING = "callbacks_failing"
    CALLS_FAILING = "calls_failing"
    REFRESH_FAILING = "refresh_failing"
    AUDIT_QUOTA_LOW = "audit_quota_low"
    AUDIT_QUOTA_ENDS = "audit_quota_ends"
    QUEUE_STUCK = "queue_stuck"
    MANY_UNAUTHORIZED = "many_unauthorized"
    AUTHORIZATION_LOST = "authorization_lost"
    CAMPAIGN_FAILED = "campaign_failed"
    VIOLATION = "violation"
    PROGRAM_SHUT = "program_shut"
    DEADLINE = "deadline"
    TRAIN_STOPPED = "train_stopped"
    TRAIN_QUOTA = "train_quota"
    TRAIN_FAILURES = "train_failures"


class Alarm(TenantOwned, Base):
    """Something is wrong now, or was until `cleared_at`; one open row per kind and subject (see `saas.tenants.alarms`).

    `detail` fills the words' places; `times` counts how often the cause was met since it opened.
    """

    __tablename__ = "alarms"
    __table_args__ = (
        UniqueConstraint("provider_id", "id"),
        Index(
            "uq_alarms_open", "provider_id", "kind", "subject_id", unique=True,
            postgresql_where=text("cleared_at is null"),
        ),
    )  # fmt: skip

    kind: Mapped[str] = mapped_column(Text)
    subject_id: Mapped[UUID]
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    times: Mapped[int] = mapped_column(default=1)
    last_seen_at: Mapped[datetime] = mapped_column(default=clock.now)
    cleared_at: Mapped[datetime | None] = mapped_column(default=None)


class ChannelKind(StrEnum):
    MAIL = "mail"
    WEBHOOK = "webhook"
    WECOM = "wecom"
    DINGTALK = "dingtalk"
    FEISHU = "feishu"


class AlarmChannel(TenantOwned, Base):
    """One way on which a provider's people hear of alarms.

    `address` is the whole address of a webhook or bot; a bot's holds its key, so it is sealed like the `secret` that
    signs messages. `alarm_kinds`: only these, all when empty. `quiet_from` and `quiet_until` are minutes of
    the provider's day; what is not urgent waits for their end, and so does what is urgent when `quiet_for_all`.
    """

    __tablename__ = "alarm_channels"
    __table_args__ = (UniqueConstraint("provider_id", "id"),)

    kind: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    address_sealed: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)
    address = Sealed()
    secret_sealed: Mapped[bytes | None] = mapped_column(LargeBinary, default=None)
    secret = Sealed()
    member_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid), default=list)
    alarm_kinds: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    only_urgent: Mapped[bool] = mapped_column(default=False)
    quiet_from: Mapped[int | None] = mapped_column(default=None)
    quiet_until: Mapped[int | None] = mapped_column(default=None)
    quiet_for_all: Mapped[bool] = mapped_column(default=False)
    locale: Mapped[str] = mapped_column(Text, default="zh_CN")
    paused_at: Mapped[datetime | None] = mapped_column(default=None)


class Occasion(StrEnum):
    """Why a message goes out."""

    RAISED = "raised"
    REMINDER = "reminder"
    CLEARED = "cleared"
    TEST = "test"


class MessageStatus(StrEnum):
    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"


def _channel_key() -> ForeignKeyConstraint:
    """Provider and channel together, so that no row can point at another tenant's channel."""
    return ForeignKeyConstraint(
        ["provider_id", "channel_id"], ["alarm_channels.provider_id", "alarm_channels.id"], ondelete="CASCADE"
    )


class AlarmMessage(TenantOwned, Base):
    """One message to one channel, about one alarm or many (`count`); written in the channel's language.

    `content` is what a webhook gets: the alarms by kind. `error` is why the last try failed, as a msgid or the other
    side's own words.
    """

    __tablename__ = "alarm_messages"
    __table_args__ = (_channel_key(), Index("ix_alarm_messages_newest", "channel_id", "id"))

    channel_id: Mapped[UUID]
    occasion: Mapped[str] = mapped_column(Text)
    count: Mapped[int] = mapped_column(default=0)
    title: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    content: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    status: Mapped[str] = mapped_column(Text, default=MessageStatus.QUEUED)
    tries: Mapped[int] = mapped_column(default=0)
    error: Mapped[str] = mapped_column(Text, default="")
    sent_at: Mapped[datetime | None] = mapped_column(default=None)


class AlarmTelling(TenantOwned, Base):
    """That a channel was told of an alarm. `told_at` is the newest message about it, `remind_at` when the next is due
    while it stays open; `received_at` is the first that went through: only then is an all-clear sent (`over_at`).
    """

    __tablename__ = "alarm_tellings"
    __table_args__ = (
        _channel_key(),
        ForeignKeyConstraint(["provider_id", "alarm_id"], ["alarms.provider_id", "alarms.id"], ondelete="CASCADE"),
        UniqueConstraint("channel_id", "alarm_id"),
        Index("ix_alarm_tellings_alarm", "alarm_id"),
        Index("ix_alarm_tellings_message", "message_id"),
        Index("ix_alarm_tellings_due", "remind_at", postgresql_where=text("over_at is null")),
        Index("ix_alarm_tellings_open", "channel_id", "kind", "told_at", postgresql_where=text("over_at is null")),
    )

    channel_id: Mapped[UUID]
    alarm_id: Mapped[UUID]
    kind: Mapped[str] = mapped_column(Text)
    message_id: Mapped[UUID]
    told_at: Mapped[datetime]
    times: Mapped[int] = mapped_column(default=1)
    remind_at: Mapped[datetime | None] = mapped_column(default=None)
    received_at: Mapped[datetime | None] = mapped_column(default=None)
    over_at: Mapped[datetime | None] = mapped_column(default=None)
