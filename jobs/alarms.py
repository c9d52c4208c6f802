"""Tell a provider's people of alarms, and deliver what was written to them."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.orm import Session

from jobs.runner import job
from saas.tenants import alarm_sending, alarm_telling
from saas.tenants.providers import own_provider


@job()
def tell(db: Session, provider_id: UUID, _attempt: int) -> None:
    """Write the messages that are due on each channel."""
    provider = own_provider(db)
    if provider.id == provider_id:
        alarm_telling.tell(db, provider)


def _gave_up(db: Session, message_id: UUID, _error: BaseException) -> None:
    alarm_sending.give_up(db, message_id)


@job(attempts=9, gave_up=_gave_up)
def deliver(db: Session, message_id: UUID, _attempt: int) -> None:
    """Deliver one message; again after a failure, for about twenty minutes."""
    alarm_sending.deliver(db, message_id)


def look_at_alarms(db: Session) -> None:
    """Cron: whose messages are due."""
    alarm_telling.enqueue_tellings(db)


def forget_old_alarms(db: Session) -> None:
    """Cron: drop what was over long ago."""
    alarm_telling.forget_old_alarms(db)
