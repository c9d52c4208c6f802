"""Check component apps, watch their tickets, bring their fleets in."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.orm import Session

from jobs.runner import job
from saas.components.access import load_component, load_import
from saas.components.alarming import watch_health
from saas.components.fleet import fail_import
from saas.components.health import check_component, read_quota
from saas.components.refusals import forget_old_refusals
from saas.components.watch import enqueue_quota_reads, watch_tickets
from saas.components.watch import prune_call_log as forget_old_calls
from saas.programs.asking import who_may_ask
from saas.programs.imports import import_fleet as bring_in


@job(attempts=4)
def check(db: Session, component_id: UUID, _attempt: int) -> None:
    """Start the ticket push or prove the credentials, whichever is due."""
    component = load_component(db, component_id)
    check_component(db, component, who_may_ask(db, component))


@job(attempts=2)
def refresh_quota(db: Session, component_id: UUID, _attempt: int) -> None:
    """Read the audit quota that is left."""
    component = load_component(db, component_id)
    read_quota(db, component, who_may_ask(db, component))


def _import_gave_up(db: Session, import_id: UUID, error: BaseException) -> None:
    fail_import(load_import(db, import_id), error)


@job(gave_up=_import_gave_up)
def import_fleet(db: Session, import_id: UUID, _attempt: int) -> None:
    """Bring in what had authorized the component app before."""
    bring_in(db, load_import(db, import_id))


def look_at_tickets(db: Session) -> None:
    """Cron: start late ticket pushes again, open a to-do for missing ones."""
    watch_tickets(db)


def look_at_health(db: Session) -> None:
    """Cron: raise and clear the alarms of all component apps."""
    watch_health(db)


def look_at_quotas(db: Session) -> None:
    """Cron: have the audit quotas of working component apps read."""
    enqueue_quota_reads(db)


def prune_call_log(db: Session) -> None:
    """Cron: forget old calls and refused pushes."""
    forget_old_calls(db)
    forget_old_refusals(db)
