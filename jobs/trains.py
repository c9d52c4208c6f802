"""The conductor of release trains as a job, and the net under it."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.orm import Session

from jobs.runner import job
from saas.trains.access import load_train
from saas.trains.conducting import conduct as conduct_train
from saas.trains.conducting import conduct_all


@job()
def conduct(db: Session, train_id: UUID, _attempt: int) -> None:
    """One pass over a train."""
    conduct_train(db, load_train(db, train_id))


def look_at_trains(db: Session) -> None:
    """Cron: no train that moves stays without its conductor."""
    conduct_all(db)
