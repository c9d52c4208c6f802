"""How far the authorizations of a component app's mini programs have drifted from its own permission sets.

WeChat tells no component app its own sets; whatever any authorization carries is among them. What most carry and some
lack was usually granted to the component app after those had authorized it, and only a new authorization brings it.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from saas import clock
from saas.components.models import ComponentApp, ComponentStatus
from saas.programs.models import AuthorizationStatus, Program
from saas.programs.permissions import ESSENTIAL
from saas.queue import Lane, enqueue_for

COUNT = "jobs.programs.count_permissions"
EVERY = timedelta(minutes=15)
_SHOWN = 6


def count_permissions(db: Session, component: ComponentApp) -> None:
    """Count anew and keep it in the component app's row, for the health board."""
    authorized = (
        Program.provider_id == component.provider_id, Program.component_id == component.id,
        Program.authorization == AuthorizationStatus.AUTHORIZED,
    )  # fmt: skip
    total = db.scalar(select(func.count()).where(*authorized)) or 0
    number = func.unnest(Program.permission_sets).label("number")
    carried = select(number, Program.id).where(*authorized).subquery()
    query = select(carried.c.number, func.count(carried.c.id.distinct())).group_by(carried.c.number)
    have = {row[0]: row[1] for row in db.execute(query)}
    lacking = db.scalar(
        select(func.count()).where(*authorized, ~Program.permission_sets.contains(list(ESSENTIAL)))
    )  # fmt: skip
    others = {one: total - count for one, count in have.items() if total / 2 <= count < total and one not in ESSENTIAL}
    component.permission_counts = {
        "total": total,
        "own": len(have),
        "lacking": lacking or 0,
        "essential": {str(one): total - have.get(one, 0) for one in ESSENTIAL if have.get(one, 0) < total},
        "others": {
            str(one): count for one, count in sorted(others.items(), key=lambda row: (-row[1], row[0]))[:_SHOWN]
        },
    }
    component.permissions_counted_at = clock.now()


def enqueue_counts(db: Session) -> None:
    """Have them counted for every component app that works. In a platform session."""
    due = select(ComponentApp.provider_id, ComponentApp.id).where(
        ComponentApp.status == ComponentStatus.READY,
        or_(
            ComponentApp.permissions_counted_at.is_(None),
            ComponentApp.permissions_counted_at < clock.now() - EVERY,
        ),
    )
    for provider_id, component_id in db.execute(due):
        enqueue_for(db, provider_id, COUNT, component_id, lane=Lane.POLL)
