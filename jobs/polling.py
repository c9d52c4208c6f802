"""The pumps that ask WeChat about what is pending, and the nets under them."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.orm import Session

from jobs import runner
from jobs.runner import job
from saas.components.access import load_component
from saas.programs import polling
from saas.programs.polling_pump import look_at_due


@job()
def look(db: Session, component_id: UUID, _attempt: int) -> None:
    """Ask about all that is due under one component app."""
    look_at_due(db, load_component(db, component_id), runner.beside(db))


@job()
def answer(db: Session, component_id: UUID, _attempt: int) -> None:
    """Ask about what WeChat told of, or somebody waits for, under one component app."""
    look_at_due(db, load_component(db, component_id), runner.beside(db), hurried_only=True)


def wake_pumps(db: Session) -> None:
    """Cron: no look that is due stays without a pump."""
    polling.wake_pumps(db)


def find_forgotten(db: Session) -> None:
    """Cron: nothing that is pending at WeChat stays without its look."""
    polling.find_forgotten(db)
