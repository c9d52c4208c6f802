"""The start of a campaign as a job, and the look for those whose time has come."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.orm import Session

from jobs.runner import job
from saas.campaigns import starting
from saas.campaigns.access import load_campaign


def _gave_up(db: Session, campaign_id: UUID, _error: BaseException) -> None:
    starting.give_up(db, load_campaign(db, campaign_id))


@job(attempts=4, gave_up=_gave_up)
def start(db: Session, campaign_id: UUID, _attempt: int) -> None:
    starting.start_due(db, load_campaign(db, campaign_id))


def look_for_due(db: Session) -> None:
    """Cron: what is due is started, also what became due while nothing ran."""
    starting.look(db)
