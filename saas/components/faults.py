"""What is wrong with a component app itself: noted where a call finds it, cleared where one succeeds."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.orm import Session

from saas import clock
from saas.components.models import ComponentApp, ComponentStatus
from saas.failures import explain_failure
from saas.tenants import activity
from saas.tenants.access import system
from saas.tenants.alarm_models import AlarmKind
from saas.tenants.alarms import clear_alarms, raise_alarm
from saas.tenants.models import TaskKind
from saas.tenants.tasks import close_task, open_task
from saas.wx import errors

_TASKS: Mapping[type[errors.WeChatError], TaskKind | None] = {
    errors.SecretWrong: TaskKind.FIX_SECRET,
    errors.IpNotAllowed: TaskKind.FIX_IP_LIST,
    errors.TicketInvalid: TaskKind.TICKET_MISSING,
    errors.AppidInvalid: None,
}
_ALARMS: Mapping[TaskKind, AlarmKind] = {
    TaskKind.FIX_SECRET: AlarmKind.SECRET_WRONG, TaskKind.FIX_IP_LIST: AlarmKind.IP_REFUSED,
}  # fmt: skip


def note_fault(db: Session, component: ComponentApp, error: errors.WeChatError) -> None:
    """Keep an errcode that means the component app is set up wrongly, with a to-do for whoever can mend it.

    Once it has worked, people are told, too; before that they are setting it up and look at it.
    """
    kind = next((fault for fault in _TASKS if isinstance(error, fault)), None)
    if kind is None:
        return
    if component.last_errcode != error.code:
        detail = {"errcode": error.code, "operation": error.operation, "rid": error.rid or ""}
        activity.record(
            db, system(component.provider_id), "component.fault", component, outcome="failed", detail=detail
        )
    component.status = ComponentStatus.FAULTY
    component.last_errcode = error.code
    component.last_operation = error.operation
    component.last_rid = error.rid or ""
    component.last_error = error.message
    component.last_error_at = clock.now()
    if isinstance(error, errors.IpNotAllowed):
        component.refused_ip = error.address or ""
    task = _TASKS[kind]
    if task is not None:
        detail = {"name": component.name, "errcode": error.code, "ip": component.refused_ip}
        open_task(db, component.provider_id, task, component.id, detail)
        if task in _ALARMS and component.first_ticket_at is not None:
            raise_alarm(db, component.provider_id, _ALARMS[task], component.id, detail)


def note_silence(db: Session, component: ComponentApp, error: errors.CallFailed) -> None:
    """WeChat did not answer, or something else answered in its place: shown until a call gets through again."""
    failure = explain_failure(error)
    component.last_errcode, component.last_rid = None, ""
    component.last_operation, component.last_error = failure.operation, failure.error
    component.last_error_at = clock.now()
    db.flush()


def note_token(db: Session, component: ComponentApp) -> None:
    """A component token was answered: secret, ticket and IP list are right."""
    if component.status != ComponentStatus.READY:
        activity.record(db, system(component.provider_id), "component.ready", component)
    component.status = ComponentStatus.READY
    component.last_token_at = clock.now()
    _forget_fault(db, component)


def note_push_started(db: Session, component: ComponentApp) -> None:
    """WeChat accepted the secret and this address; whether a token comes of it, the first ticket tells."""
    component.push_started_at = clock.now()
    if component.last_operation == "startPushTicket":
        component.status = ComponentStatus.CHECKING if component.first_ticket_at else ComponentStatus.WAITING_TICKET
        _forget_fault(db, component)


def _forget_fault(db: Session, component: ComponentApp) -> None:
    component.last_errcode = None
    component.last_operation = component.last_rid = component.last_error = component.refused_ip = ""
    component.last_error_at = None
    for task in (TaskKind.FIX_SECRET, TaskKind.FIX_IP_LIST):
        close_task(db, component.provider_id, task, component.id)
    clear_alarms(db, component.provider_id, list(_ALARMS.values()), [component.id])
