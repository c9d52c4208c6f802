"""Count what calls to WeChat and quotas come to, and forget it in the end."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.orm import Session

from jobs.runner import job
from saas.components import call_days, quotas
from saas.components.access import load_component


@job(attempts=2)
def count_calls(db: Session, component_id: UUID, _attempt: int) -> None:
    """Count a component app's calls by the day, and see whether its quota will last."""
    component = load_component(db, component_id)
    call_days.count_calls(db, component)
    quotas.watch_outlook(db, component)


def look_at_calls(db: Session) -> None:
    """Cron: have the calls of every component app counted that made any."""
    call_days.enqueue_counts(db)


def forget_counts(db: Session) -> None:
    """Cron: forget old days."""
    call_days.forget_old_days(db)
    quotas.forget_old_quotas(db)
