"""What comes near: looked at once a day for each provider."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.orm import Session

from jobs.runner import job
from saas.agenda import deadline_alarms
from saas.programs import snoozing


@job(attempts=4)
def look(db: Session, _provider_id: UUID, _attempt: int) -> None:
    """Tell what ends soon, and what was renewed."""
    deadline_alarms.look(db)


def look_at_deadlines(db: Session) -> None:
    """Cron: have every provider's deadlines looked at, and forget what nothing is put off by any more."""
    deadline_alarms.look_at_all(db)
    snoozing.forget_old(db)
