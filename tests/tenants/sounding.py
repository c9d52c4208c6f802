"""How tests raise alarms and see what was told of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from sqlalchemy import select

from jobs import alarms as jobs
from saas.db import new_id, platform_session, tenant_session
from saas.tenants import alarm_channels
from saas.tenants.alarm_channels import Wish
from saas.tenants.alarm_models import (
    AlarmKind,
    AlarmMessage,
    ChannelKind,
)
from saas.tenants.alarms import clear_alarm, raise_alarm
from tests.cast import Cast
from tests.tenants.receiver import Receiver

SECRET = "a-secret-of-ours"
LOST = AlarmKind.AUTHORIZATION_LOST
REFUSED = AlarmKind.IP_REFUSED
Run = Callable[..., list[str]]
Move = Callable[[float], None]


def add(cast: Cast, kind: ChannelKind = ChannelKind.WEBHOOK, path: str = "/hook", **wish: Any) -> UUID:
    address = "" if kind is ChannelKind.MAIL else f"http://127.0.0.1:{wish.pop('port')}{path}"
    wish = {"name": "值班群", "secret": SECRET, **wish}
    with tenant_session(cast.alices) as db:
        return alarm_channels.add_channel(db, kind, Wish(address=address, **wish), who=cast.who["alice"]).id


def sound(cast: Cast, kind: AlarmKind = REFUSED, subject: UUID | None = None, **detail: Any) -> UUID:
    subject = subject or new_id()
    with tenant_session(cast.alices) as db:
        raise_alarm(db, cast.alices, kind, subject, {"name": "爱丽平台", "ip": "203.0.113.7", **detail})
    return subject


def still(cast: Cast, subject: UUID, kind: AlarmKind = REFUSED) -> None:
    with tenant_session(cast.alices) as db:
        assert clear_alarm(db, cast.alices, kind, subject)


def look() -> None:
    """What the cron does every minute."""
    with platform_session("test") as db:
        jobs.look_at_alarms(db)


def messages() -> list[AlarmMessage]:
    with platform_session("test") as db:
        return list(db.scalars(select(AlarmMessage).order_by(AlarmMessage.id)))


def occasions(receiver: Receiver) -> list[str]:
    return [one.content["occasion"] for one in receiver.got]
