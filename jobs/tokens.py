"""Renew tokens ahead of their end, and tell the mini programs whose authorization turned out to be over."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from jobs.runner import job
from saas import clock
from saas.components.access import load_authorization, load_component
from saas.components.authorizations import authorization_id
from saas.components.models import AuthorizationEnd
from saas.components.refresh import enqueue_refreshes, refresh_expiring
from saas.db import settle
from saas.programs.access import program_by_appid
from saas.programs.authorization import mark_ended
from saas.queue import Later
from saas.tenants.alarm_models import AlarmKind
from saas.tenants.alarms import raise_alarm
from saas.tenants.models import TaskKind
from saas.tenants.tasks import open_task


def look_for_expiring(db: Session) -> None:
    """Cron: enqueue the refresh of what runs out soon."""
    enqueue_refreshes(db)


@job()
def refresh(db: Session, component_id: UUID, _attempt: int) -> None:
    """Renew the tokens of one component app and its mini programs that run out soon."""
    component = load_component(db, component_id)
    settle(db)
    if refresh_expiring(component).left:
        raise Later(timedelta(0), why="more tokens are about to run out")


@job()
def tell_of_end(db: Session, row_id: UUID, _attempt: int) -> None:
    """A refresh found that the authorization is over: show it on the mini program, unless it was renewed meanwhile.

    A lost one's to-do is given what only this layer knows: which mini program it is about.
    """
    row = load_authorization(db, row_id)
    component = load_component(db, row.component_id)
    program = program_by_appid(db, component, row.appid)
    if program is None or not row.ended_why:
        return
    mark_ended(db, program, happened_at=row.ended_at or clock.now(), why=AuthorizationEnd(row.ended_why))
    if row.ended_why == AuthorizationEnd.LOST:
        detail = {
            "component_id": str(component.id), "appid": row.appid, "program_id": str(program.id), "name": program.name,
        }  # fmt: skip
        subject = authorization_id(component.id, row.appid)
        open_task(db, component.provider_id, TaskKind.REAUTHORIZE, subject, detail)
        raise_alarm(db, component.provider_id, AlarmKind.AUTHORIZATION_LOST, subject, detail)
