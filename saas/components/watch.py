"""Look after all component apps from above: late tickets, quotas, old log rows. In platform sessions."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import Session

from saas import clock
from saas.components.budgets import forget_old_budgets
from saas.components.health import TICKET_LATE, TICKET_MISSING
from saas.components.models import ComponentApp, ComponentStatus, WeChatCall
from saas.queue import Lane, enqueue_for
from saas.tenants.models import TaskKind
from saas.tenants.tasks import open_task

_PUSH_AGAIN = timedelta(minutes=20)
_KEEP_CALLS = timedelta(days=30)


def watch_tickets(db: Session) -> int:
    """Start late pushes again, every twenty minutes at most; open a to-do after two hours. Says how many are late."""
    now = clock.now()
    last = func.coalesce(ComponentApp.last_ticket_at, ComponentApp.created_at)
    late = db.scalars(select(ComponentApp).where(last < now - TICKET_LATE)).all()
    for component in late:
        if component.push_started_at is None or component.push_started_at < now - _PUSH_AGAIN:
            component.push_started_at = now
            enqueue_for(db, component.provider_id, "jobs.components.check", component.id, lane=Lane.POLL)
        if (component.last_ticket_at or component.created_at) < now - TICKET_MISSING:
            open_task(db, component.provider_id, TaskKind.TICKET_MISSING, component.id, {"name": component.name})
    return len(late)


def enqueue_quota_reads(db: Session) -> None:
    """Have the audit quotas read of every component app that works."""
    due = select(ComponentApp).where(
        ComponentApp.status == ComponentStatus.READY,
        or_(ComponentApp.quota_read_at.is_(None), ComponentApp.quota_read_at < clock.now() - timedelta(minutes=50)),
    )
    for component in db.scalars(due):
        enqueue_for(db, component.provider_id, "jobs.components.refresh_quota", component.id, lane=Lane.POLL)


def prune_call_log(db: Session) -> None:
    """Forget calls to WeChat that are older than a month, and the counts of periods that are over for long."""
    db.execute(delete(WeChatCall).where(WeChatCall.created_at < clock.now() - _KEEP_CALLS))
    forget_old_budgets(db)
