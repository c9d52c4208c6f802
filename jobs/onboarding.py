"""Jobs about what is asked of merchants."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.orm import Session

from jobs.runner import job
from saas.onboarding import binding


@job(attempts=4)
def bind(db: Session, merchant_id: UUID, _attempt: int) -> None:
    """Give what is asked of a merchant the mini program that was registered for her."""
    binding.bind(db, merchant_id)


def look_for_registered(db: Session) -> None:
    """Cron: a mini program that has come about is bound within a minute."""
    binding.look_for_registered(db)
