"""Asking WeChat how filings stand, and watching them until they are over.

WeChat tells of little: a decision, a face check. That the ministry's text message waits, and for a day only, has to be
found out by asking.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from saas import clock
from saas.batches.models import BatchItem
from saas.batches.starting import Subject, start_one
from saas.batches.steps import step
from saas.components.models import ComponentApp
from saas.db import settle
from saas.errors import N_
from saas.programs import filing_telling, filing_together
from saas.programs.access import load_program, program_by_appid
from saas.programs.changing import client_of
from saas.programs.filing import (
    due_of,
    find_filing,
    get_filing,
    hindrance,
    load_filing,
    move,
    note,
    reasons_in,
    refuse_if_hindered,
    standing_of,
)
from saas.programs.filing_models import AT_WECHAT, WATCHED, Filing, FilingStatus
from saas.programs.filing_together import Procedure
from saas.programs.models import Program
from saas.programs.polling import OpenRows, hurry, of_program, polled
from saas.programs.polling_models import Kind
from saas.programs.rhythms import Standing
from saas.tenants import activity
from saas.tenants.access import Who
from saas.wx.errors import CallFailed, NoSuchFiling, WeChatError
from saas.wx.events import CertificationAndFilingMoved, FaceChecked, FilingDecided

log = structlog.get_logger()

READ = "saas.programs.filing_reading.refresh"
_NOT_FILED = 1024
_PLATFORM, _PLATFORM_REJECTED, _AUTHORITY, _AUTHORITY_REJECTED, _FILED = 2, 3, 4, 5, 6
_STATES = {
    _PLATFORM: FilingStatus.PLATFORM_REVIEW,
    _PLATFORM_REJECTED: FilingStatus.PLATFORM_REJECTED,
    _AUTHORITY_REJECTED: FilingStatus.AUTHORITY_REJECTED,
    _FILED: FilingStatus.FILED,
}
_FACE_PASSED, _FACE_FAILED, _TASK_OVER, _CONFIRMED = 3, 2, 1, 9


def request_reading(db: Session, program: Program, *, who: Who) -> BatchItem:
    """Have WeChat asked how the filing stands."""
    refuse_if_hindered(program)
    item = start_one(db, READ, Subject(program.id, program.name), who=who)
    activity.record(db, who, "program.filing.read", program)
    return item


@step(label=N_("读取备案状态"))
def refresh(db: Session, item: BatchItem) -> None:
    """The step of `read_state`."""
    program = load_program(db, item.subject_id)
    refuse_if_hindered(program)
    read_state(db, program)


def read_state(db: Session, program: Program) -> Filing:
    """Ask WeChat how the filing stands, and note it. What was asked before the last change is old news."""
    filing = find_filing(db, program)
    if filing is not None and filing.procedure_id:
        return _read_procedure(db, program, filing.procedure_id)
    asked_at, client = clock.now(), client_of(db, program)
    settle(db)
    info: Mapping[str, Any] = client.filing.get_icp_entrance_info(program.appid)["info"]
    status = int(info.get("status") or 0)
    numbers = _read_numbers(db, program) if status == _FILED else None
    filing = get_filing(db, program)
    if filing.moved_at > asked_at or filing.procedure_id:
        return filing
    before, filing.read_at = filing.read_at, clock.now()
    filing.available = info.get("available") != 0
    filing.lacking = status - _NOT_FILED if status >= _NOT_FILED else 0
    if numbers is not None:
        filing.subject_number, filing.number = numbers
    found = _state(info, status, FilingStatus(filing.status))
    if found is not None and found != filing.status:
        if found not in AT_WECHAT:
            filing.reasons = reasons_in(info)
        move(db, program, filing, found, due_at=due_of(found, before))
    else:
        note(db, program, filing)
    return filing


def _read_procedure(db: Session, program: Program, procedure_id: str) -> Filing:
    """The same for one that goes together with the certification. A procedure whose filing was withdrawn falls back to
    CERTIFIED: only the filing's own state tells that from one whose filing is still to be made.
    """
    asked_at, client = clock.now(), client_of(db, program)
    settle(db)
    answer = client.certification.query_auth_and_icp(program.appid, procedure_id=procedure_id)
    status = int(answer.get("procedure_status") or 0)
    numbers = _read_numbers(db, program) if status == Procedure.DONE else None
    info = client.filing.get_icp_entrance_info(program.appid)["info"] if status == Procedure.CERTIFIED else {}
    filing = get_filing(db, program)
    if filing.moved_at > asked_at or filing.procedure_id != procedure_id:
        return filing
    if numbers is not None:
        filing.subject_number, filing.number = numbers
    withdrawn = int(info.get("status") or 0) >= _NOT_FILED and filing_together.was_made(db, filing)
    filing_together.take_answer(db, program, filing, answer, withdrawn=withdrawn)
    return filing


def _state(info: Mapping[str, Any], status: int, known: FilingStatus) -> FilingStatus | None:
    """What WeChat says; None when it has nothing of it, and never had."""
    if status >= _NOT_FILED:
        gone = {FilingStatus.FILED: FilingStatus.CANCELLED, FilingStatus.CANCELLING: FilingStatus.CANCELLED}
        return gone.get(known, FilingStatus.WITHDRAWN if known in AT_WECHAT else None)
    if status == _FILED and info.get("is_canceling"):
        return FilingStatus.CANCELLING
    if status == _AUTHORITY:
        return filing_together.of_message(info.get("sms_verify_status"))
    found = _STATES.get(status)
    if found is None:
        log.warning("filing_state_unknown", status=status)
    return found


def _read_numbers(db: Session, program: Program) -> tuple[str, str]:
    """The numbers of the subject and of the mini program."""
    client = client_of(db, program)
    settle(db)
    granted: Mapping[str, Any] = client.filing.get_online_icp_order(program.appid)
    return _number_of(granted, "icp_subject"), _number_of(granted, "icp_applets")


def _number_of(granted: Mapping[str, Any], part: str) -> str:
    found = granted.get(part) or {}
    one = (found[0] if found else {}) if isinstance(found, list) else found
    return str((one.get("base_info") or {}).get("record_number") or "")


def read_face(db: Session, program: Program, filing: Filing) -> None:
    """Ask how the face check of an administrator went. One that serves both counts once the certification is confirmed,
    too, unless that half is over.
    """
    task_id, client = filing.face_task_id, client_of(db, program)
    confirms = filing.face_certifies and not filing_together.is_certified(db, filing)
    settle(db)
    passed, over = False, True
    try:
        answer = client.filing.query_icp_verifytask(program.appid, task_id=task_id)
        over = bool(answer.get("is_finish")) and answer.get("face_status") in (_FACE_FAILED, _FACE_PASSED)
        confirmed = not confirms or answer.get("along_with_auth_result") == _CONFIRMED
        passed = over and answer.get("face_status") == _FACE_PASSED and confirmed
    except NoSuchFiling:
        pass
    except WeChatError as error:
        if error.code != _TASK_OVER:
            raise
    db.refresh(filing, with_for_update=True)
    if filing.status != FilingStatus.FACE or filing.face_task_id != task_id:
        return
    if passed:
        filing.face_passed = True
        move(db, program, filing, FilingStatus.FACE_PASSED, due_at=filing.face_usable_until)
    elif over:
        move(db, program, filing, FilingStatus.FACE_FAILED)


# Watching


def _watched() -> OpenRows:
    query = select(Filing.id, Filing.provider_id, Program.component_id, Program.id)
    return query.join(Program, Program.id == Filing.program_id).where(Filing.status.in_(sorted(WATCHED)))


@polled(Kind.FILING, _watched)
def look(db: Session, filing_id: UUID) -> Standing | None:
    """Ask as long as somebody else has to act. What the passing of time means is noted even if nobody answers."""
    filing = load_filing(db, filing_id)
    program, face_read, failure = load_program(db, filing.program_id), False, None
    if not hindrance(program):
        try:
            if filing.status == FilingStatus.FACE:
                read_face(db, program, filing)
                face_read = True
            if filing.status != FilingStatus.FACE or filing.procedure_id:
                read_state(db, program)
        except CallFailed as error:
            failure = error
    db.refresh(filing, with_for_update=True)
    if filing.status == FilingStatus.FACE and _is_late(filing, face_read):
        move(db, program, filing, FilingStatus.FACE_FAILED)  # WeChat may leave a failed one open for ever
    if filing.status not in WATCHED:
        return None
    filing_telling.remind_of_sms(db, program, filing)
    if failure is not None:
        settle(db)
        raise failure
    return standing_of(filing)


def _is_late(filing: Filing, face_read: bool) -> bool:
    """Whether the administrator's time is over: as WeChat has just told, or else when a passed check that nobody could
    ask about would no longer count.
    """
    until = filing.due_at if face_read else filing.face_ends_at
    return until is not None and clock.now() > until


def on_face_checked(db: Session, component: ComponentApp, appid: str, event: FaceChecked) -> None:
    """The administrator's face check ended: have WeChat asked."""
    _look_again(db, component, event.appid or appid)


def on_filing_decided(db: Session, component: ComponentApp, event: FilingDecided) -> None:
    """WeChat's people or the authority decided: have WeChat asked, the reasons are not in the event."""
    _look_again(db, component, event.appid)


def on_both_moved(db: Session, component: ComponentApp, event: CertificationAndFilingMoved) -> None:
    """Certification and filing in one go reached another step: have WeChat asked. A procedure that nobody knows belongs
    to the start whose answer has not come (yet).
    """
    of_component = Program.component_id == component.id
    query = select(Filing).join(Program, Program.id == Filing.program_id)
    filing = db.scalar(query.where(Filing.procedure_id == event.procedure_id, of_component))
    if filing is None:
        program = program_by_appid(db, component, event.appid) if event.appid else None
        filing = filing_together.adopt(db, program, event.procedure_id) if program is not None else None
    if filing is None:
        log.info("procedure_of_somebody_else", appid=event.appid, procedure=event.procedure_id)
        return
    hurry(db, of_program(Kind.FILING, load_program(db, filing.program_id), filing.id))


def _look_again(db: Session, component: ComponentApp, appid: str) -> None:
    program = program_by_appid(db, component, appid)
    if program is None:
        log.info("push_about_unknown_program", appid=appid)
        return
    hurry(db, of_program(Kind.FILING, program, get_filing(db, program).id))
