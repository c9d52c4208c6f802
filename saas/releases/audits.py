"""Audits in WeChat's hands: what an answer about one changes here, and how its end is found out.

An event says only that something happened, without an audit id, and may be lost or late; so it only makes us ask, and
the watch asks anyway. Both ways end in `note_answer`, where every change is made once.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from saas import clock
from saas.components.access import load_component
from saas.components.models import ComponentApp
from saas.components.wechat import wechat
from saas.db import settle
from saas.failures import clear_failure
from saas.programs.access import load_program, program_by_appid, program_by_original_id
from saas.programs.models import Program
from saas.programs.polling import OpenRows, expect, hurry, of_program, polled
from saas.programs.polling_models import Kind
from saas.programs.rhythms import Rhythm, Standing
from saas.queue import Lane, enqueue, waiting
from saas.releases.access import load_audit
from saas.releases.code_state import REFRESH, lock_state, moment
from saas.releases.models import Audit, AuditStatus
from saas.tenants import activity
from saas.tenants.access import system
from saas.wx.events import AuditEvent
from saas.wx.reasons import plain_reason, reason_key, screenshot_ids

log = structlog.get_logger()

FETCH_SCREENSHOTS = "jobs.releases.fetch_screenshots"
RELEASE_APPROVED = "jobs.releases.release_approved"

OPEN = (AuditStatus.IN_REVIEW, AuditStatus.DELAYED)
RUNNING = (AuditStatus.QUEUED, AuditStatus.SUBMITTING, *OPEN)
_OUTCOMES = {
    0: AuditStatus.APPROVED,
    1: AuditStatus.REJECTED,
    2: AuditStatus.IN_REVIEW,
    3: AuditStatus.UNDONE,
    4: AuditStatus.DELAYED,
}


def newest_audit(db: Session, program: Program) -> Audit | None:
    """The newest audit that reached WeChat or is on its way, else the newest at all."""
    query = select(Audit).where(Audit.program_id == program.id)
    return db.scalars(query.order_by(Audit.status == AuditStatus.FAILED, Audit.id.desc()).limit(1)).first()


def newest_submission(db: Session, program: Program) -> Audit | None:
    """The newest audit at all, also one that never reached WeChat."""
    return next(iter(list_audits(db, program, limit=1)), None)


def running_audit(db: Session, program: Program) -> Audit | None:
    """The one audit that is under way, if any."""
    return db.scalar(select(Audit).where(Audit.program_id == program.id, Audit.status.in_(RUNNING)))


def list_audits(db: Session, program: Program, *, before: UUID | None = None, limit: int = 20) -> list[Audit]:
    query = select(Audit).where(Audit.program_id == program.id).order_by(Audit.id.desc()).limit(limit)
    return list(db.scalars(query.where(Audit.id < before) if before else query))


def is_open(audit: Audit) -> bool:
    """Whether WeChat's reviewers have it; a delay is no end."""
    return audit.status in OPEN


def is_fetching_screenshots(db: Session, audit: Audit) -> bool:
    return waiting(db, FETCH_SCREENSHOTS, audit.id) is not None


def outcome_of(answer: Mapping[str, Any]) -> AuditStatus | None:
    """WeChat's number in our words."""
    try:
        return _OUTCOMES.get(int(answer.get("status", -1)))
    except (TypeError, ValueError):
        return None


def note_answer(db: Session, audit: Audit, answer: Mapping[str, Any]) -> bool:
    """Write what WeChat answered about this audit; says whether it changed anything. Safe to repeat and to race."""
    outcome = outcome_of(answer)
    db.refresh(audit, with_for_update=True)
    audit.asked_at = clock.now()
    if outcome is None or audit.status not in (AuditStatus.SUBMITTING, *OPEN):
        return False
    if audit.status == outcome:
        return False
    audit.status = outcome
    clear_failure(audit)
    if outcome is AuditStatus.DELAYED:
        audit.delayed_at = clock.now()
    if outcome in (AuditStatus.DELAYED, AuditStatus.REJECTED):
        audit.reason = plain_reason(answer.get("reason"))
    if outcome not in OPEN:
        audit.decided_at = audit.finished_at = clock.now()
    program = load_program(db, audit.program_id)
    if outcome is AuditStatus.REJECTED:
        audit.reason_key = reason_key(audit.reason, (program.name, program.company_name, program.appid))
        audit.screenshot_media_ids = list(screenshot_ids(answer.get("ScreenShot") or answer.get("screenshot")))
        if audit.screenshot_media_ids:
            enqueue(db, FETCH_SCREENSHOTS, audit.id)
    if outcome is AuditStatus.APPROVED and audit.releases_itself:
        enqueue(db, RELEASE_APPROVED, audit.id)
    state = lock_state(db, audit.program_id, audit.provider_id)
    state.audit_version, state.audit_status, state.audit_at = audit.user_version, outcome, audit.submitted_at
    detail = {"auditid": audit.auditid, "version": audit.user_version}
    activity.record(db, system(audit.provider_id), f"program.audit.{outcome}", program, detail=detail)
    return True


def read_audit(db: Session, audit: Audit) -> bool:
    """Ask WeChat about an open audit; says whether that changed anything."""
    if not audit.auditid or audit.status not in OPEN:
        return False
    program = load_program(db, audit.program_id)
    component = load_component(db, program.component_id)
    settle(db)
    answer = wechat(component).code.get_auditstatus(program.appid, auditid=audit.auditid)
    return note_answer(db, audit, answer)


def watch(db: Session, program: Program, audit: Audit) -> None:
    """Have WeChat asked about an open audit from time to time: the net under its event."""
    expect(db, of_program(Kind.AUDIT, program, audit.id), standing_of(audit))


def standing_of(audit: Audit) -> Standing:
    if audit.status == AuditStatus.DELAYED and audit.delayed_at:
        return Standing(Rhythm.AUDIT_DELAYED, audit.delayed_at)
    return Standing(Rhythm.AUDIT, audit.submitted_at or audit.created_at)


def _open_audits() -> OpenRows:
    query = select(Audit.id, Audit.provider_id, Program.component_id, Program.id)
    return query.join(Program, Program.id == Audit.program_id).where(Audit.status.in_(OPEN))


@polled(Kind.AUDIT, _open_audits)
def look(db: Session, audit_id: UUID) -> Standing | None:
    """How an audit stands; one that WeChat has named no number for yet is only waited for."""
    audit = load_audit(db, audit_id)
    read_audit(db, audit)
    return standing_of(audit) if is_open(audit) else None


def on_audit_event(db: Session, component: ComponentApp, appid: str, event: AuditEvent) -> None:
    """Something happened to the open audit of this mini program: have WeChat asked what."""
    program = program_by_appid(db, component, appid) if appid else None
    program = program or program_by_original_id(db, component, event.user_name)
    if program is None:
        log.info("audit_event_of_unknown_program", appid=appid, user_name=event.user_name)
        return
    audit = running_audit(db, program)
    if audit is not None and audit.auditid:
        hurry(db, of_program(Kind.AUDIT, program, audit.id))
    else:
        enqueue(db, REFRESH, program.id, lane=Lane.URGENT)


def take_over(db: Session, program: Program, latest: Mapping[str, Any]) -> None:
    """Bring our rows in line with the newest audit at WeChat, also one that was submitted elsewhere."""
    auditid, outcome = str(latest.get("auditid") or ""), outcome_of(latest)
    if not auditid or outcome is None:
        return
    known = db.scalar(select(Audit).where(Audit.program_id == program.id, Audit.auditid == auditid))
    if known is not None:
        note_answer(db, known, latest)
        return
    if running_audit(db, program) is not None:
        return  # it is ours and its own job will see it
    audit = Audit(
        provider_id=program.provider_id, program_id=program.id, auditid=auditid,
        user_version=str(latest.get("user_version") or ""), status=AuditStatus.IN_REVIEW,
        submitted_at=submitted_at(latest),
    )  # fmt: skip
    db.add(audit)
    db.flush()
    note_answer(db, audit, latest)
    if audit.status in OPEN:
        watch(db, program, audit)


def submitted_at(latest: Mapping[str, Any]) -> datetime:
    return moment(latest.get("submit_audit_time")) or clock.now()
