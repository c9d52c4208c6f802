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
from saas.programs.categories import on_category_reviewed
from saas.programs.certification_progress import (
    on_certificate_expired,
    on_certification_message,
    on_certification_moved,
)
from saas.programs.filing_reading import on_both_moved, on_face_checked, on_filing_decided
from saas.programs.naming import on_name_reviewed
from saas.programs.order_page import on_order_pages_reviewed, on_order_pages_submitted
from saas.programs.privacy_interfaces import on_interface_reviewed
from saas.programs.registration_results import on_registered, on_trial_converted, on_trial_created
from saas.queue import Lane, enqueue
from saas.releases.audits import on_audit_event
from saas.wx.callbacks import parse_message
from saas.wx.events import (
    AuditEvent,
    Authorized,
    CategoryReviewed,
    CertificationAndFilingMoved,
    CertificationDispatched,
    CertificationExpired,
    CertificationFailed,
    CertificationMoved,
    CertificationPaid,
    CertificationSentBack,
    Event,
    FaceChecked,
    FilingDecided,
    NicknameReviewed,
    OrderPathsReviewed,
    OrderPathsSubmitted,
    PrivacyInterfaceReviewed,
    ProgramRegistered,
    TicketPushed,
    TrialConverted,
    TrialCreated,
    Unauthorized,
    UnknownEvent,
    parse_event,
)
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
        dispatch(db, component, callback.appid, event)
    callback.status, callback.error, callback.finished_at = CallbackStatus.DONE, "", clock.now()


def dispatch(db: Session, component: ComponentApp, appid: str, event: Event) -> None:
    """Whoever the event is about; `appid` is the mini program's whose address it came to, "" at the component app's."""
    match event:
        case TicketPushed():
            waited = component.last_token_at is None or component.last_error_at is not None
            if store_ticket(db, component, event.ticket, event.created_at) and waited:
                enqueue(db, "jobs.components.check", component.id, lane=Lane.URGENT)
        case Authorized():
            on_authorized(db, component, event)
        case Unauthorized():
            on_unauthorized(db, component, event)
        case ProgramRegistered():
            on_registered(db, component, event)
        case TrialCreated():
            on_trial_created(db, component, event)
        case TrialConverted():
            on_trial_converted(db, component, event)
        case AuditEvent():
            on_audit_event(db, component, appid, event)
        case NicknameReviewed():
            on_name_reviewed(db, component, appid, event)
        case CategoryReviewed():
            on_category_reviewed(db, component, appid, event)
        case PrivacyInterfaceReviewed():
            on_interface_reviewed(db, component, appid, event)
        case OrderPathsSubmitted():
            on_order_pages_submitted(db, component, event)
        case OrderPathsReviewed():
            on_order_pages_reviewed(db, component, event)
        case FaceChecked():
            on_face_checked(db, component, appid, event)
        case FilingDecided():
            on_filing_decided(db, component, event)
        case CertificationAndFilingMoved():
            on_both_moved(db, component, event)
        case CertificationMoved():
            on_certification_moved(db, component, event)
        case CertificationPaid() | CertificationDispatched() | CertificationSentBack() | CertificationFailed():
            on_certification_message(db, component, appid, event)
        case CertificationExpired():
            on_certificate_expired(db, component, event)
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
