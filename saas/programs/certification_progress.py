"""How far certifications are: told by WeChat on request, which is the truth, and by its events, which make us ask.

Most failures before the order have no event, so it is asked about as long as something may change.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from saas import clock
from saas.components.models import ComponentApp
from saas.db import settle
from saas.programs.access import load_program, program_by_appid, program_of_message
from saas.programs.authorization import READ_PROFILE
from saas.programs.certification_access import load_certification, newest_certification, open_certification
from saas.programs.certification_charges import reserve_charge, settle_charge
from saas.programs.certification_models import (
    ENDED,
    OF_ADMINISTRATOR,
    Certification,
)
from saas.programs.certification_models import (
    CertificationStatus as S,
)
from saas.programs.certification_states import WORDS, may_become, state_of
from saas.programs.changing import client_of
from saas.programs.models import Program, ProgramStep
from saas.programs.polling import OpenRows, expect, hurry, of_program, polled
from saas.programs.polling_models import Kind
from saas.programs.rhythms import Rhythm, Standing
from saas.programs.standing import note_step
from saas.programs.words import Step, Word
from saas.queue import Lane, enqueue, enqueue_for
from saas.tenants import activity
from saas.tenants.access import system
from saas.wx.api.certification import CertificationState
from saas.wx.events import CertificationExpired, CertificationMoved, MessageEvent
from saas.wx.reasons import plain_reason

log = structlog.get_logger()

NOTE = "jobs.certifications.note"
ENDING = timedelta(days=90)
_VALID = timedelta(days=365)
_RECORDED = (S.SENT_BACK, *ENDED)


def read_progress(db: Session, certification: Certification) -> None:
    """Ask WeChat how far it is, and keep that. One that goes together with the filing is read with it."""
    if not certification.is_at_wechat or certification.procedure_id:
        return
    program = load_program(db, certification.program_id)
    client, asked_at = client_of(db, program), clock.now()
    settle(db)
    answer = client.certification.queryauth(program.appid, taskid=certification.task_id)
    db.refresh(certification, with_for_update=True)
    if certification.changed_at <= asked_at:
        _note_answer(db, program, certification, answer)


def _note_answer(db: Session, program: Program, certification: Certification, answer: CertificationState) -> None:
    certification.read_at = clock.now()
    if answer.get("auth_url"):
        certification.auth_url = answer["auth_url"]
    order = str(answer.get("orderid") or "")
    certification.order_id = order if order not in ("", "0") else certification.order_id
    if dispatch := answer.get("dispatch_info"):
        certification.agency = {"name": dispatch.get("provider", ""), "contact": dispatch.get("contact", "")}
    status = state_of(answer)
    if status is None:
        log.info("certification_state_unknown", certification=str(certification.id), answer=dict(answer))
        return
    reason = {S.SENT_BACK: answer.get("refill_reason"), S.FAILED: answer.get("fail_reason")}.get(status)
    move(db, program, certification, status, reason=plain_reason(reason))


def move(db: Session, program: Program, certification: Certification, status: S, *, reason: str = "") -> None:
    """Bring it into another state, if that can be the newer one; safe to repeat. Its row has to be locked."""
    old = S(certification.status)
    if status is old:
        certification.reason = reason or certification.reason
    elif may_become(old, status):
        if old is S.DRAFT:
            certification.started_at = clock.now()
            reserve_charge(db, program, certification)
        if old is S.SENT_BACK and status is S.IN_REVIEW:
            certification.refills += 1
        certification.status, certification.changed_at, certification.reason = status, clock.now(), reason
        if status is S.SENT_BACK:
            certification.sent_back_at = certification.sent_back_at or clock.now()
        db.flush()
        settle_charge(db, certification)
        if status is S.PASSED:
            enqueue(db, READ_PROFILE, program.id)
        if status in _RECORDED:
            activity.record(db, system(program.provider_id), f"program.certification.{status}", program)
    note_certification(db, program)


def begin(db: Session, program: Program, certification: Certification, task_id: str, auth_url: str = "") -> None:
    """WeChat has taken the data: the administrator's day begins."""
    db.refresh(certification, with_for_update=True)
    certification.task_id = task_id
    certification.auth_url = auth_url or certification.auth_url
    if certification.status == S.DRAFT:
        move(db, program, certification, S.ADMIN_PENDING)
    expect(db, of_program(Kind.CERTIFICATION, program, certification.id), _standing(certification))


def _at_wechat() -> OpenRows:
    row = Certification
    query = select(row.id, row.provider_id, Program.component_id, Program.id)
    is_read_here = row.status.not_in((*ENDED, S.DRAFT)) & (row.procedure_id == "")
    return query.join(Program, Program.id == row.program_id).where(is_read_here)


@polled(Kind.CERTIFICATION, _at_wechat)
def look(db: Session, certification_id: UUID) -> Standing | None:
    """How a certification stands; one that goes together with the filing is asked about with it."""
    certification = load_certification(db, certification_id)
    read_progress(db, certification)
    return _standing(certification) if certification.is_at_wechat and not certification.procedure_id else None


def _standing(certification: Certification) -> Standing:
    by_admin = certification.status in OF_ADMINISTRATOR
    rhythm = Rhythm.CERTIFICATION_BY_ADMIN if by_admin else Rhythm.CERTIFICATION
    return Standing(rhythm, certification.changed_at, certification.due_at)


def _hurry(db: Session, certification: Certification) -> None:
    hurry(db, of_program(Kind.CERTIFICATION, load_program(db, certification.program_id), certification.id))


def on_certification_moved(db: Session, component: ComponentApp, event: CertificationMoved) -> None:
    """Have WeChat asked. A task that nobody knows belongs to the start whose answer has not come (yet)."""
    certification = db.scalar(select(Certification).where(Certification.task_id == event.task_id))
    if certification is None:
        program = program_by_appid(db, component, event.appid)
        certification = open_certification(db, program) if program else None
        if program is None or certification is None or certification.task_id or certification.sent_at is None:
            log.info("certification_of_somebody_else", appid=event.appid, task=event.task_id)
            return
        begin(db, program, certification, event.task_id)
    if certification.is_at_wechat:
        _hurry(db, certification)


def on_certification_message(db: Session, component: ComponentApp, appid: str, event: MessageEvent) -> None:
    """Paid, dispatched, sent back or failed: these events name no task, and come for the merchant's own, too."""
    program = program_of_message(db, component, appid, event)
    certification = open_certification(db, program) if program else None
    if certification is not None and certification.is_at_wechat:
        _hurry(db, certification)


def on_certificate_expired(db: Session, component: ComponentApp, event: CertificationExpired) -> None:
    """The certificate's year is over, or was over 30 or 60 days ago."""
    program = program_by_appid(db, component, event.appid)
    if program is not None and event.expires_at is not None:
        db.refresh(program, with_for_update=True)
        program.profile = {**program.profile, "certificate_ends_at": event.expires_at.isoformat()}
        note_certification(db, program)
        enqueue(db, READ_PROFILE, program.id)


def note_certification(db: Session, program: Program) -> None:
    """Say how the step of the certification stands: what is under way, else what failed, else the certificate."""
    draft, newest = open_certification(db, program), newest_certification(db, program)
    read_at = program.profile_read_at or datetime.min.replace(tzinfo=UTC)
    if newest is not None and newest.is_at_wechat:
        _note(db, program, WORDS[S(newest.status)], newest)
    elif draft is not None and draft.error:
        detail = {"errcode": draft.errcode, "operation": draft.operation, "error": draft.error}
        note_step(db, program, Step.CERTIFY, Word.CERTIFY_CHECK_FAILED, detail=detail)
    elif newest is not None and newest.status != S.PASSED and not (program.verified and read_at > newest.changed_at):
        _note(db, program, WORDS[S(newest.status)], newest)
    else:
        passed = newest if newest is not None and newest.status == S.PASSED else None
        _note_certificate(db, program, passed, verified=program.verified or _is_newer(passed, read_at))


def _is_newer(passed: Certification | None, read_at: datetime) -> bool:
    return passed is not None and passed.changed_at > read_at


def _note(db: Session, program: Program, word: Word, certification: Certification) -> None:
    detail = {"reason": certification.reason} if certification.reason else {}
    since, due_at = certification.changed_at, certification.due_at
    note_step(db, program, Step.CERTIFY, word, since=since, due_at=due_at, detail=detail)


def _note_certificate(db: Session, program: Program, passed: Certification | None, *, verified: bool) -> None:
    ends_at, now = certificate_ends_at(program, passed), clock.now()
    if ends_at is not None and ends_at <= now:
        note_step(db, program, Step.CERTIFY, Word.CERTIFICATE_ENDED, since=ends_at)
    elif not verified:
        note_step(db, program, Step.CERTIFY, Word.NOT_CERTIFIED)
    elif ends_at is not None and ends_at - ENDING <= now:
        note_step(db, program, Step.CERTIFY, Word.CERTIFICATE_ENDING, since=ends_at - ENDING, due_at=ends_at)
    else:
        since = passed.changed_at if passed else None
        note_step(db, program, Step.CERTIFY, Word.CERTIFIED, since=since, due_at=ends_at)


def certificate_ends_at(program: Program, passed: Certification | None) -> datetime | None:
    """When the certificate ends, by the best that is known: WeChat's word, its event, a year from the verdict."""
    told = (program.profile.get("basic") or {}).get("wx_verify_info") or {}
    known = [passed.changed_at + _VALID] if passed else []
    if end := int(told.get("annual_review_end_time") or 0):
        known.append(datetime.fromtimestamp(end, UTC))
    if end_text := program.profile.get("certificate_ends_at"):
        known.append(datetime.fromisoformat(end_text))
    return max(known, default=None)


def look_at_certificates(db: Session) -> int:
    """Cron: have the step written anew where a certificate is about to end, or has ended; says how many."""
    now = clock.now()
    is_due = (
        (ProgramStep.word == Word.CERTIFIED) & (ProgramStep.due_at <= now + ENDING)
        | (ProgramStep.word == Word.CERTIFICATE_ENDING) & (ProgramStep.due_at <= now)
    )  # fmt: skip
    query = select(ProgramStep.program_id, ProgramStep.provider_id).where(ProgramStep.step == Step.CERTIFY, is_due)
    rows = db.execute(query.limit(5000)).all()
    for row in rows:
        enqueue_for(db, row.provider_id, NOTE, row.program_id, lane=Lane.POLL)
    return len(rows)
