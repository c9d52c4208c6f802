"""The component_verify_ticket: pushed about every ten minutes, valid twelve hours, needed for every component token."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from saas import clock
from saas.components.models import ComponentApp, ComponentStatus, Ticket
from saas.tenants.alarm_models import AlarmKind
from saas.tenants.alarms import clear_alarms
from saas.tenants.models import TaskKind
from saas.tenants.tasks import close_task

LIFETIME = timedelta(hours=12)


def store_ticket(db: Session, component: ComponentApp, value: str, issued_at: datetime) -> bool:
    """Keep a pushed ticket; False when one that WeChat issued later is known already. Expired ones are forgotten."""
    newest = newest_ticket(db, component)
    if newest is not None and newest.issued_at >= issued_at:
        return False
    ticket = Ticket(provider_id=component.provider_id, component_id=component.id, issued_at=issued_at)
    ticket.value = value
    db.add(ticket)
    db.execute(delete(Ticket).where(Ticket.component_id == component.id, Ticket.issued_at < issued_at - LIFETIME))
    component.last_ticket_at = issued_at
    if component.first_ticket_at is None:
        component.first_ticket_at = clock.now()
    if component.status == ComponentStatus.WAITING_TICKET:
        component.status = ComponentStatus.CHECKING
    close_task(db, component.provider_id, TaskKind.TICKET_MISSING, component.id)
    clear_alarms(db, component.provider_id, [AlarmKind.TICKET_LATE, AlarmKind.TICKET_MISSING], [component.id])
    return True


def newest_ticket(db: Session, component: ComponentApp) -> Ticket | None:
    """The newest by WeChat's own time, however the pushes arrived."""
    query = select(Ticket).where(Ticket.component_id == component.id).order_by(Ticket.issued_at.desc()).limit(1)
    return db.scalar(query)
