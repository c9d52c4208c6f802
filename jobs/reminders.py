"""Jobs that remind merchants of what waits for their side."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.orm import Session

from jobs.runner import job
from saas.onboarding import reminding
from saas.programs.access import load_program, load_registration


@job(attempts=4)
def remind(db: Session, program_id: UUID, _attempt: int) -> None:
    """Send what is due about one mini program, once."""
    reminding.remind_when_due(db, load_program(db, program_id))


@job(attempts=4)
def remind_of_registration(db: Session, registration_id: UUID, _attempt: int) -> None:
    """The same for a registration that has no mini program yet."""
    reminding.remind_when_due(db, load_registration(db, registration_id))


def look_for_due(db: Session) -> None:
    """Cron: what has begun, or runs out, is due."""
    reminding.look_for_due(db)
