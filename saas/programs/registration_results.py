"""What becomes of a registration: WeChat's events and our questions, and the mini program at the end.

Events name no case of ours, come late, twice or never; so each is matched by what was sent, and a watch asks as long
as a case is open. Success counts whenever it comes. A failure counts for the attempt that it is about.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import case as sql_case
from sqlalchemy import select
from sqlalchemy.orm import Session

from saas import clock, vault
from saas.components.access import load_component
from saas.components.models import ComponentApp
from saas.components.wechat import wechat
from saas.db import settle
from saas.failures import note_failure
from saas.programs.access import load_program, load_registration, program_by_appid
from saas.programs.authorization import READ_PROFILE, take_event_code
from saas.programs.models import Program
from saas.programs.polling import OpenRows, Pending, expect, hurry, polled
from saas.programs.polling_models import Kind
from saas.programs.registration_finding import adopt_result, find_known_result, find_result, is_result
from saas.programs.registration_kinds import LATE, PENDING, STATES, TIMED_OUT, kind_of
from saas.programs.registration_models import TRANSITIONS, Registration, RegistrationKind, RegistrationStatus
from saas.programs.registration_reasons import REASONS
from saas.programs.rhythms import Rhythm, Standing
from saas.programs.standing import note_step
from saas.programs.words import Step, Word
from saas.queue import Lane, enqueue
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require, system
from saas.wx.errors import CallFailed
from saas.wx.events import ProgramRegistered, RegistrationEvent, TrialConverted, TrialCreated

log = structlog.get_logger()

TRIAL_LIFE = timedelta(days=14)
_GRACE = timedelta(minutes=30)
_S, _K = RegistrationStatus, RegistrationKind
_OPEN = tuple(status for status in RegistrationStatus if status.is_open)
_WORDS = {
    _S.SENDING: Word.REGISTERING,
    _S.WAITING_PERSON: Word.REGISTER_CONFIRM,
    _S.CHECKING: Word.REGISTERING,
    _S.DONE: Word.REGISTERED,
    _S.FAILED: Word.REGISTER_FAILED,
    _S.EXPIRED: Word.REGISTER_EXPIRED,
}


def hash_person(provider_id: UUID, wechat_id: str) -> bytes:
    """By which the case of a WeChat id is found."""
    return vault.keyed_hash(provider_id, wechat_id.lower(), purpose="registrations.person_wechat")


def appid_of(db: Session, case: Registration) -> str:
    """The appid of the trial that the case converts, "" for others."""
    return load_program(db, case.program_id).appid if kind_of(case).of_trial and case.program_id else ""


def move(db: Session, case: Registration, to: RegistrationStatus) -> bool:
    """Change the status if that may follow, and say so on the mini program's timeline; False when it may not."""
    if to not in TRANSITIONS[RegistrationStatus(case.status)]:
        return False
    case.status = to
    if case.program_id:
        _note(db, case, load_program(db, case.program_id))
    return True


def end(
    db: Session, case: Registration, to: RegistrationStatus, *, code: int | None = None,
    refusal: CallFailed | None = None, message: str = "",
) -> None:  # fmt: skip
    """The attempt failed or ran out: by WeChat's result `code`, or because the call was refused. The case can be sent
    again. `message` is WeChat's own text. Safe to repeat and to race.
    """
    db.refresh(case, with_for_update=True)
    if case.status == to or not move(db, case, to):
        return
    case.status_code, case.finished_at = code, clock.now()
    if refusal is not None:
        note_failure(case, refusal)
    elif code not in REASONS:
        case.error = message
    entry = {
        "attempt": case.attempt, "sent_at": case.sent_at.isoformat() if case.sent_at else "",
        "ended_at": case.finished_at.isoformat(), "status": to.value, "code": code, "errcode": case.errcode,
        "operation": case.operation, "rid": case.rid, "error": case.error,
    }  # fmt: skip
    case.history = [*case.history, entry]
    detail = {"code": code, "errcode": case.errcode, "rid": case.rid, "attempt": case.attempt}
    activity.record(db, system(case.provider_id), f"registration.{to.value}", case, detail=detail)


def succeed(db: Session, case: Registration, appid: str, *, happened_at: datetime) -> None:
    """The mini program exists: link it with the case and its merchant. Safe to repeat and to race."""
    db.refresh(case, with_for_update=True)
    program = adopt_result(db, case, appid)
    if case.status == RegistrationStatus.DONE or not move(db, case, RegistrationStatus.DONE):
        return
    case.program_id, case.status_code, case.finished_at, case.ticket = program.id, 0, clock.now(), ""
    if program.merchant_id is None:
        program.merchant_id = case.merchant_id
    if case.kind == _K.TRIAL:
        note_step(db, program, Step.REGISTER, Word.TRIAL, since=happened_at, due_at=happened_at + TRIAL_LIFE)
    else:
        note_step(db, program, Step.REGISTER, Word.REGISTERED, since=happened_at)
    enqueue(db, READ_PROFILE, program.id, lane=Lane.URGENT)
    activity.record(db, system(case.provider_id), "registration.done", case, detail={"appid": appid})


def on_registered(db: Session, component: ComponentApp, event: ProgramRegistered) -> None:
    """WeChat tells how a registration of a company's or a person's mini program ended."""
    if event.succeeded and event.appid and event.code:
        take_event_code(db, component, event.code, appid=event.appid, happened_at=event.created_at)
    if event.appid and is_result(db, component, event.appid):
        return
    case = _case_of(db, component, event)
    if case is not None:
        _hear(db, case, event, event.appid)
        return
    log.info("registration_of_nobody", appid=event.appid, status=event.status)
    for one in _open_cases(db, component, _K.TRADING):
        hurry(db, _pending(one))


def on_trial_created(db: Session, component: ComponentApp, event: TrialCreated) -> None:
    """WeChat tells that a trial mini program was made, or not; its code comes with the authorization."""
    query = select(Registration).where(
        Registration.component_id == component.id, Registration.kind == _K.TRIAL,
        Registration.task_id == event.unique_id,
    )  # fmt: skip
    case = db.scalar(query) if event.unique_id else None
    if case is not None:
        _hear(db, case, event, event.appid)


def on_trial_converted(db: Session, component: ComponentApp, event: TrialConverted) -> None:
    """WeChat tells that a trial mini program became a real one, or not."""
    program = program_by_appid(db, component, event.appid)
    if program is None:
        return
    query = select(Registration).where(
        Registration.program_id == program.id, Registration.kind.in_([_K.CONVERSION, _K.UPGRADE]),
        Registration.sent_at.is_not(None),
    )  # fmt: skip
    case = db.scalars(query.order_by(*_OPEN_FIRST).limit(1)).first()
    if case is not None:
        _hear(db, case, event, event.appid)
    elif event.succeeded:
        note_step(db, program, Step.REGISTER, Word.REGISTERED, since=event.created_at)


def ask(db: Session, case: Registration) -> None:
    """Ask WeChat how the case stands, and go by it. Cases of official accounts and trials cannot be asked about."""
    kind = kind_of(case)
    if kind.ask is None or not (case.task_id or kind.of_trial):
        return
    client, appid, attempt = wechat(load_component(db, case.component_id)), appid_of(db, case), case.attempt
    settle(db)
    state = kind.ask(client, case, appid)
    db.refresh(case, with_for_update=True)
    if case.attempt != attempt or not RegistrationStatus(case.status).is_open:
        return
    case.task_state, case.asked_at = state, clock.now()
    to = _meaning(state)
    if to is RegistrationStatus.DONE:
        _finish(db, case)
    elif to.is_open:
        move(db, case, to)
    else:
        end(db, case, to, code=state)


def is_done_after_all(db: Session, case: Registration) -> bool:
    """Whether the attempt before, which we took for over, led to a mini program; it goes on from there then."""
    kind = kind_of(case)
    if kind.ask is None:
        return False
    client, appid = wechat(load_component(db, case.component_id)), appid_of(db, case)
    settle(db)
    state = kind.ask(client, case, appid)
    db.refresh(case, with_for_update=True)
    if _meaning(state) is not RegistrationStatus.DONE:
        return False
    case.task_state, case.asked_at = state, clock.now()
    _finish(db, case)
    return True


def _open_rows() -> OpenRows:
    row = Registration
    query = select(row.id, row.provider_id, row.component_id, row.program_id)
    return query.where(row.status.in_(_OPEN), row.expires_at.is_not(None))


@polled(Kind.REGISTRATION, _open_rows)
def look(db: Session, registration_id: UUID) -> Standing | None:
    """How a case stands; one whose time is over is ended."""
    case = load_registration(db, registration_id)
    if not RegistrationStatus(case.status).is_open or case.expires_at is None:
        return None
    failure = None
    try:
        ask(db, case)
        _look_for_trial(db, case)
    except CallFailed as error:
        failure = error
    if not RegistrationStatus(case.status).is_open:
        return None
    if clock.now() > case.expires_at + _GRACE and not _is_made(case):
        end(db, case, RegistrationStatus.EXPIRED, code=TIMED_OUT)
        return None
    if failure is not None:
        raise failure
    return _standing(case)


def watch_soon(db: Session, case: Registration) -> None:
    """The case was sent: its way is followed from now on."""
    expect(db, _pending(case), _standing(case))


def ask_now(db: Session, case: Registration, *, who: Who) -> None:
    """Have WeChat asked at once."""
    require(who, Verb.WORK)
    hurry(db, _pending(case), tries=1)


def _pending(case: Registration) -> Pending:
    return Pending(Kind.REGISTRATION, case.id, case.provider_id, case.component_id, case.program_id)


def _standing(case: Registration) -> Standing:
    until = case.expires_at + _GRACE if case.expires_at else None
    return Standing(Rhythm.REGISTRATION, case.sent_at or case.created_at, until)


def trial_ends_at(db: Session, program: Program) -> datetime | None:
    """When WeChat takes the trial mini program away, as far as we saw it begin."""
    query = select(Registration.finished_at).where(
        Registration.program_id == program.id, Registration.kind == _K.TRIAL, Registration.status == _S.DONE
    )
    began = db.scalar(query.order_by(Registration.id.desc()).limit(1))
    return began + TRIAL_LIFE if began else None


_OPEN_FIRST = (sql_case((Registration.status.in_((_S.SENDING, *_OPEN)), 0), else_=1), Registration.id.desc())


def _hear(db: Session, case: Registration, event: RegistrationEvent, appid: str) -> None:
    if event.succeeded:
        succeed(db, case, appid, happened_at=event.created_at)
    elif event.status in PENDING or (case.sent_at and event.created_at < case.sent_at.replace(microsecond=0)):
        log.info("registration_event_passed_over", registration=str(case.id), status=event.status)
    else:
        to = RegistrationStatus.EXPIRED if event.status in LATE else RegistrationStatus.FAILED
        end(db, case, to, code=event.status, message=event.message)


def _case_of(db: Session, component: ComponentApp, event: ProgramRegistered) -> Registration | None:
    """The case that the event is about: one that is open, else the newest that was."""
    query = select(Registration).where(Registration.component_id == component.id, Registration.sent_at.is_not(None))
    if event.company_code:
        query = query.where(
            Registration.kind == _K.ENTERPRISE, Registration.company_code == event.company_code.strip().upper()
        )
    elif event.person_wechat:
        hashed = hash_person(component.provider_id, event.person_wechat)
        query = query.where(Registration.kind == _K.PERSONAL, Registration.person_hash == hashed)
    else:
        only = _open_cases(db, component, _K.TRADING)
        return only[0] if len(only) == 1 else None
    return db.scalars(query.order_by(*_OPEN_FIRST).limit(1)).first()


def _open_cases(db: Session, component: ComponentApp, kind: RegistrationKind) -> list[Registration]:
    query = select(Registration).where(
        Registration.component_id == component.id, Registration.kind == kind, Registration.status.in_(_OPEN)
    )
    return list(db.scalars(query))


def _meaning(state: int) -> RegistrationStatus:
    """A state that WeChat has not documented is no end."""
    return STATES.get(state, _S.FAILED if state in REASONS else _S.CHECKING)


def _is_made(case: Registration) -> bool:
    return case.task_state is not None and _meaning(case.task_state) is RegistrationStatus.DONE


def _finish(db: Session, case: Registration) -> None:
    """A query says that it is done, but only the event names the new mini program: find it, if the event is lost."""
    if kind_of(case).of_trial:
        succeed(db, case, appid_of(db, case), happened_at=clock.now())
        return
    move(db, case, RegistrationStatus.CHECKING)
    if appid := find_result(db, case):
        succeed(db, case, appid, happened_at=clock.now())


def _look_for_trial(db: Session, case: Registration) -> None:
    """The event of a trial may be lost, and there is nothing to ask: its authorization shows that it was made."""
    if case.kind == _K.TRIAL and RegistrationStatus(case.status).is_open and (appid := find_known_result(db, case)):
        succeed(db, case, appid, happened_at=clock.now())


def _note(db: Session, case: Registration, program: Program) -> None:
    if case.status == _S.CANCELLED:
        word = Word.TRIAL if kind_of(case).of_trial else Word.UNREGISTERED
    else:
        word = _WORDS[RegistrationStatus(case.status)]
    ends_at = trial_ends_at(db, program) if word is not Word.REGISTERED else None
    waits_until = case.expires_at if RegistrationStatus(case.status).is_open else None
    due_at = min((moment for moment in (ends_at, waits_until) if moment), default=None)
    note_step(db, program, Step.REGISTER, word, due_at=due_at)
