"""Work on what WeChat pushed. The same push may be worked on twice, pushes may be late and out of order."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import structlog
from sqlalchemy import delete
from sqlalchemy.orm import Session

from jobs.runner import job
from saas import clock
from saas.components.access import load_callback, load_component
from saas.components.authorizations import end_authorization
from saas.components.models import Callback, CallbackStatus, ComponentApp
from saas.components.release_check import answer_by_message, authorize_test_account, note_release_check
from saas.components.tickets import store_ticket
from saas.db import settle
from saas.programs.authorization import on_authorized, on_unauthorized
from saas.queue import Lane, enqueue
from saas.releases.audits import on_audit_event
from saas.wx.callbacks import parse_message
from saas.wx.events import AuditEvent, Authorized, Event, TicketPushed, Unauthorized, UnknownEvent, parse_event
from saas.wx.release_check import AnswerByMessage, answer_to, is_test_account

log = structlog.get_logger()


def _gave_up(db: Session, callback_id: UUID, error: BaseException) -> None:
    callback = load_callback(db, callback_id)
    callback.status, callback.error = CallbackStatus.FAILED, f"{type(error).__name__}: {error}"[:500]
    callback.finished_at = clock.now()


@job(gave_up=_gave_up)
def process(db: Session, callback_id: UUID, _attempt: int) -> None:
    """Hand one stored push to whoever it is about."""
    callback = load_callback(db, callback_id)
    if callback.status == CallbackStatus.DONE:
        return
    component = load_component(db, callback.component_id)
    message = parse_message(callback.body.encode())
    event = parse_event(message)
    if is_test_account(callback.appid) or is_test_account(getattr(event, "appid", "")):
        _play_release_check(db, component, callback, event)
    else:
        _dispatch(db, component, callback, event)
    callback.status, callback.error, callback.finished_at = CallbackStatus.DONE, "", clock.now()


def _dispatch(db: Session, component: ComponentApp, callback: Callback, event: Event) -> None:
    match event:
        case TicketPushed():
            waited = component.last_token_at is None or component.last_error_at is not None
            if store_ticket(db, component, event.ticket, event.created_at) and waited:
                enqueue(db, "jobs.components.check", component.id, lane=Lane.URGENT)
        case Authorized():
            on_authorized(db, component, event)
        case Unauthorized():
            on_unauthorized(db, component, event)
        case AuditEvent():
            on_audit_event(db, component, callback.appid, event)
        case UnknownEvent():
            log.info("callback_not_handled", kind=event.name, problem=event.problem)
        case _:
            log.info("callback_not_handled", kind=event.name)


def _play_release_check(db: Session, component: ComponentApp, callback: Callback, event: Event) -> None:
    """WeChat's test accounts are nobody's mini program: exchange their codes, but create and notify nothing."""
    note_release_check(db, component)
    if isinstance(event, Authorized):
        authorize_test_account(db, component, event)
    elif isinstance(event, Unauthorized):
        end_authorization(db, component, event.appid, happened_at=event.created_at)
    else:
        answer = answer_to(callback.appid, event.fields)
        if isinstance(answer, AnswerByMessage):
            settle(db)
            answer_by_message(db, component, callback.appid, answer)


def prune(db: Session) -> None:
    """Forget pushes that were worked on: tickets after a day (they are kept elsewhere), others after a month."""
    now = clock.now()
    done = Callback.status == CallbackStatus.DONE
    is_ticket = Callback.kind == "component_verify_ticket"
    db.execute(delete(Callback).where(done, is_ticket, Callback.last_seen_at < now - timedelta(days=1)))
    db.execute(delete(Callback).where(done, Callback.last_seen_at < now - timedelta(days=30)))
