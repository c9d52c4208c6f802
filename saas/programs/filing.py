"""The filing of a mini program and its way through the life cycle. Asking WeChat: `filing_reading`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from saas import clock
from saas.db import new_id
from saas.errors import N_, Conflict
from saas.programs import filing_telling
from saas.programs.changing import obstacle
from saas.programs.filing_models import (
    AT_WECHAT,
    NEXT,
    SMS_TIME,
    WATCHED,
    Filing,
    FilingStatus,
)
from saas.programs.models import Program
from saas.programs.polling import expect, of_program
from saas.programs.polling_models import Kind
from saas.programs.rhythms import Rhythm, Standing
from saas.programs.standing import note_step
from saas.programs.words import Step, Word
from saas.tenants import activity
from saas.tenants.access import system

PERMISSIONS = (18, 156)
"""One of these sets is enough."""
_NO_PERMISSION = N_("商家的授权里没有备案需要的权限，请让商家重新授权并勾选“开发管理与数据分析”")
_RHYTHMS: Mapping[FilingStatus, Rhythm] = {
    FilingStatus.FACE: Rhythm.FILING_FACE,
    FilingStatus.CERTIFYING: Rhythm.FILING_WITH_CERTIFICATION,
    FilingStatus.PLATFORM_REVIEW: Rhythm.FILING_BY_PLATFORM,
    FilingStatus.SMS: Rhythm.FILING_SMS,
    FilingStatus.SMS_EXPIRED: Rhythm.FILING_SMS_EXPIRED,
    FilingStatus.AUTHORITY_REVIEW: Rhythm.FILING_BY_AUTHORITY,
    FilingStatus.CANCELLING: Rhythm.FILING_CANCELLING,
}
"""How often is asked, of all that are WATCHED."""


def find_filing(db: Session, program: Program) -> Filing | None:
    return db.scalar(select(Filing).where(Filing.program_id == program.id))


def get_filing(db: Session, program: Program) -> Filing:
    """The mini program's filing, made if there is none, locked and fresh."""
    row = insert(Filing).values(
        id=new_id(), created_at=clock.now(), provider_id=program.provider_id, program_id=program.id,
        status=FilingStatus.DRAFT.value, template_name="", files={}, faults={}, reasons=[], history=[],
        face_task_id="", face_passed=False, face_certifies=False, face_url="", procedure_id="", moved_at=clock.now(),
        lacking=0, available=True, number="", subject_number="",
    )  # fmt: skip
    db.execute(row.on_conflict_do_nothing(index_elements=["program_id"]))
    query = select(Filing).where(Filing.program_id == program.id).with_for_update()
    return db.scalars(query.execution_options(populate_existing=True)).one()


def load_filing(db: Session, filing_id: Any) -> Filing:
    """A filing for a job, which runs in its provider's session."""
    return db.scalars(select(Filing).where(Filing.id == filing_id)).one()


def hindrance(program: Program) -> str:
    """Why WeChat would refuse every call about the filing, as a msgid; "" when nothing is known against it."""
    if text := obstacle(program):
        return text
    granted = program.permission_sets
    return _NO_PERMISSION if granted and not set(PERMISSIONS) & set(granted) else ""


def refuse_if_hindered(program: Program) -> None:
    """Raise Conflict with the `hindrance`, if there is one."""
    if text := hindrance(program):
        raise Conflict(text)


def move(
    db: Session, program: Program, filing: Filing, status: FilingStatus, *, due_at: datetime | None = None
) -> bool:
    """Go on to another state, if it may follow; says whether it did. The caller holds the row."""
    if status not in NEXT[FilingStatus(filing.status)]:
        return False
    now = clock.now()
    filing.status, filing.moved_at, filing.due_at, filing.reminded_at = status, now, due_at, None
    filing.history = [*filing.history, {"status": status.value, "at": now.isoformat()}]
    if status in AT_WECHAT:
        filing.faults, filing.reasons = {}, []
    if status is FilingStatus.CANCELLED:
        filing.number = filing.subject_number = ""
    note(db, program, filing)
    activity.record(db, system(program.provider_id), f"program.filing.{status}", program)
    if status is FilingStatus.SMS:
        filing_telling.tell_of_sms(db, program, filing)
    if status in WATCHED:
        expect(db, of_program(Kind.FILING, program, filing.id), standing_of(filing))
    return True


def note(db: Session, program: Program, filing: Filing) -> None:
    """Say how the step of the filing stands."""
    detail = {"number": filing.number} if filing.number else {}
    note_step(db, program, Step.FILE, word_of(filing), due_at=filing.due_at, detail=detail)


def word_of(filing: Filing) -> Word:
    """The word for its state; before it is begun, whether WeChat would take one."""
    word = FilingStatus(filing.status).word
    return Word.FILE_NOT_READY if word is Word.FILE_READY and (filing.lacking or not filing.available) else word


def standing_of(filing: Filing) -> Standing:
    """How one stands that is asked about. WeChat may leave a failed face check open for ever, so its time ends here."""
    ends = [filing.due_at, filing.face_ends_at if filing.status == FilingStatus.FACE else None]
    until = min((one for one in ends if one and one > clock.now()), default=None)
    return Standing(_RHYTHMS[FilingStatus(filing.status)], filing.moved_at, until)


def due_of(found: FilingStatus, read_before: datetime | None) -> datetime | None:
    """Until when the ministry's message may be answered. It went out after we last looked: rather warn too early than
    too late.
    """
    if found not in (FilingStatus.SMS, FilingStatus.CANCELLING):
        return None
    return max(read_before or clock.now(), clock.now() - timedelta(hours=1)) + SMS_TIME


def reasons_in(found: Mapping[str, Any]) -> list[dict[str, str]]:
    """What the reviewers or the authority say."""
    return [
        {
            "name": str(one.get("key_name") or ""), "error": str(one.get("error") or ""),
            "suggest": str(one.get("suggest") or ""),
        }
        for one in found.get("audit_data") or []
    ]  # fmt: skip


def faults_in(hints: Any) -> dict[str, str]:
    """What WeChat found at once, by the field's path."""
    found = [hint if isinstance(hint, dict) else {"errmsg": hint} for hint in hints or []]
    return {str(hint.get("err_field") or ""): str(hint.get("errmsg") or "") for hint in found}
