"""Certification and filing in one go: one face check, one submission, one procedure at WeChat over both.

The filing keeps the procedure, the certification the state that it would have alone. As long as the procedure runs both
are sent together only, whatever was sent back; afterwards each goes its own way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from saas import clock
from saas.db import settle
from saas.errors import N_, Conflict
from saas.failures import clear_failure, explain_failure, note_failure
from saas.programs import certification_progress
from saas.programs.certification_access import open_certification
from saas.programs.certification_data import MERCHANT_PAYS, PERSON, QUALIFICATION, Lacking, auth_data, lacking
from saas.programs.certification_models import ENDED, MOST_REFILLS, Certification, CertificationStatus
from saas.programs.changing import obstacle
from saas.programs.filing import due_of, faults_in, get_filing, move, note, reasons_in
from saas.programs.filing_fields import PAPER_PHOTO, PAPER_TYPE, of_person
from saas.programs.filing_models import AT_WECHAT, PAY_TIME, Filing, FilingStatus
from saas.programs.models import Program
from saas.tenants.stored_files import load_file, read_file
from saas.wx.chapter import Upload
from saas.wx.client import WxClient
from saas.wx.errors import CallFailed
from saas.wx.permissions import DEVELOPMENT
from saas.wx.reasons import plain_reason

CERTIFICATION = N_("微信认证")
"""Whose reasons they are, among those of the filing."""
NOT_CERTIFIED = 4
"""The bit of `Filing.lacking` that does not matter here."""
_WHO_MAY = (0, 1)
_OTHER_PICTURES = "icp_materials.subject_other_materials"
_LICENCE = 1


class Procedure(IntEnum):
    """WeChat's states of both, after `saas.wx.api.certification.CombinedState`."""

    PAY = 15
    PAID = 16
    CERTIFYING = 17
    SENT_BACK = 18
    CERTIFIED = 19
    FAILED = 20
    REFUSED = 21
    PLATFORM_REVIEW = 22
    PLATFORM_REJECTED = 23
    AUTHORITY_REVIEW = 24
    AUTHORITY_REJECTED = 25
    DONE = 26


_P, _S, _C = Procedure, FilingStatus, CertificationStatus
_FILING = {
    _P.PAY: _S.CERTIFYING, _P.PAID: _S.CERTIFYING, _P.CERTIFYING: _S.CERTIFYING, _P.SENT_BACK: _S.CERTIFY_SENT_BACK,
    _P.CERTIFIED: _S.CERTIFYING, _P.FAILED: _S.DRAFT, _P.REFUSED: _S.INVALID, _P.PLATFORM_REVIEW: _S.PLATFORM_REVIEW,
    _P.PLATFORM_REJECTED: _S.PLATFORM_REJECTED, _P.AUTHORITY_REJECTED: _S.AUTHORITY_REJECTED, _P.DONE: _S.FILED,
}  # fmt: skip
_CERTIFICATION = {
    _P.PAY: _C.PAY_PENDING, _P.PAID: _C.ORDER_CREATED, _P.CERTIFYING: _C.IN_REVIEW, _P.SENT_BACK: _C.SENT_BACK,
    _P.FAILED: _C.FAILED,
}  # fmt: skip
_WITH_REVIEWERS = frozenset({_S.PLATFORM_REVIEW, _S.SMS, _S.SMS_EXPIRED, _S.AUTHORITY_REVIEW})
_MAKING, _MAKING_AT_MOST = timedelta(minutes=5), timedelta(hours=6)
"""How long WeChat may need to make the filing after it took it again, and after the certification has passed."""
_OF_MESSAGE = {1: FilingStatus.SMS, 3: FilingStatus.SMS_EXPIRED}


def of_message(sms_verify_status: Any) -> FilingStatus:
    """How a filing stands that went on to the authority: the ministry's text message comes first."""
    return _OF_MESSAGE.get(int(sms_verify_status or 0), FilingStatus.AUTHORITY_REVIEW)


# May both go together?


@dataclass(frozen=True)
class Together:
    """`closed` is a msgid why both cannot go together, "" when they can; `missing` is lacking in the certification."""

    closed: str
    certification: Certification | None
    missing: list[Lacking]

    @property
    def is_ready(self) -> bool:
        return not self.closed and self.certification is not None and not self.missing


def look(db: Session, program: Program, filing: Filing) -> Together:
    """Whether this mini program can be certified and filed in one go, or what is sent back sent again."""
    certification = certification_of(db, filing)
    missing = lacking(certification.values, certification.papers) if certification is not None else []
    return Together(_closed(program, filing, certification), certification, missing)


def _closed(program: Program, filing: Filing, certification: Certification | None) -> str:
    if text := obstacle(program, DEVELOPMENT):
        return text
    if filing.procedure_id:
        if certification is not None and _is_used_up(certification):
            return N_("认证补充资料的 3 次机会已经用完，等微信结束这次认证后再重新办理")
        return ""
    if program.verified:
        return N_("已经通过微信认证，只办备案即可")
    kind = (program.profile.get("basic") or {}).get("principal_type")
    if kind is not None and kind not in _WHO_MAY:
        return N_("只有个人和企业主体可以一起办，请先认证再备案")
    if certification is None:
        return ""
    if certification.status != CertificationStatus.DRAFT:
        return N_("认证已经单独发起，请等认证结束后再备案")
    customer_type = certification.values.get("customer_type", "")
    if customer_type and filing.content and (customer_type == PERSON) != of_person(filing.values):
        return N_("认证类型和备案的主体性质不一致：一个是个人，另一个不是")
    return ""


def _is_used_up(certification: Certification) -> bool:
    return certification.status == CertificationStatus.SENT_BACK and certification.refills >= MOST_REFILLS


def refuse_apart(db: Session, program: Program, filing: Filing) -> Certification:
    """The certification that goes along; raises Conflict when both cannot go together (yet)."""
    both = look(db, program, filing)
    if both.closed:
        raise Conflict(both.closed)
    if both.certification is None:
        raise Conflict(N_("请先准备认证资料，再和备案一起提交"))
    if both.missing:
        raise Conflict(N_("认证资料不完整，请先补齐"))
    return both.certification


def certification_of(db: Session, filing: Filing) -> Certification | None:
    """The certification that goes along, or would: that of the procedure, else the open one."""
    query = select(Certification).where(Certification.program_id == filing.program_id)
    if filing.procedure_id:
        return db.scalar(query.where(Certification.procedure_id == filing.procedure_id))
    return db.scalar(query.where(Certification.status.not_in(ENDED)))


def is_certified(db: Session, filing: Filing) -> bool:
    """Whether WeChat has passed the certification of the procedure: only the filing is still open."""
    certification = certification_of(db, filing) if filing.procedure_id else None
    return certification is not None and certification.status == CertificationStatus.PASSED


# Sending


def submit(
    db: Session, client: WxClient, program: Program, filing: Filing, application: Any, certification: Certification
) -> None:
    """Hand in both; the filing's files are handed in already. Errors are the caller's, see `note_error`."""
    db.refresh(certification, with_for_update=True)  # who was still editing has finished
    data = auth_data(certification.values, certification.papers, _uploader(db, client, program, filing))
    certification.sent_at = clock.now()
    clear_failure(certification)
    settle(db)
    answer = client.certification.submit_auth_and_icp(program.appid, auth_data=data, application=application)
    begin(db, program, get_filing(db, program), str(answer["procedure_id"]), answer.get("pay_url", ""))


def _uploader(db: Session, client: WxClient, program: Program, filing: Filing) -> Any:
    """Hands a picture of the certification to WeChat where it takes those of filings: no other counts here."""
    certification = certification_of(db, filing)
    licences = certification.papers.get(QUALIFICATION, ()) if certification is not None else ()
    paper_type = int(filing.values.get(PAPER_TYPE) or _LICENCE)

    def upload(file_id: str) -> str:
        row = load_file(db, UUID(file_id))
        media = Upload(row.name, read_file(row), row.content_type)
        of_subject = file_id in licences
        settle(db)
        answer = client.filing.upload_icp_media(
            program.appid, media=media, icp_order_field=PAPER_PHOTO if of_subject else _OTHER_PICTURES,
            certificate_type=paper_type if of_subject else None,
        )  # fmt: skip
        return str(answer["media_id"])

    return upload


def note_error(db: Session, program: Program, certification: Certification, error: CallFailed) -> None:
    """Keep why WeChat refused the certification's half for good. Then nothing of this try is under way there."""
    if explain_failure(error).passing:
        return
    db.refresh(certification, with_for_update=True)
    certification.sent_at = None
    note_failure(certification, error)
    certification_progress.note_certification(db, program)
    settle(db)


def forget_try(db: Session, certification: Certification) -> None:
    """WeChat answered that it took nothing: no event can be about this try."""
    db.refresh(certification, with_for_update=True)
    certification.sent_at = None
    settle(db)


def begin(db: Session, program: Program, filing: Filing, procedure_id: str, pay_url: str = "") -> None:
    """WeChat has taken both, for the first time or again. The filing's row has to be locked."""
    certification = certification_of(db, filing)
    filing.procedure_id = procedure_id
    pays = False
    if certification is not None:
        db.refresh(certification, with_for_update=True)
        certification.procedure_id, certification.auth_url = procedure_id, pay_url or certification.auth_url
        if certification.status == CertificationStatus.DRAFT:
            pays = certification.values.get("pay_type") == MERCHANT_PAYS
            first = CertificationStatus.PAY_PENDING if pays else CertificationStatus.ORDER_CREATED
            certification_progress.move(db, program, certification, first)
        elif certification.status == CertificationStatus.SENT_BACK:
            certification_progress.move(db, program, certification, CertificationStatus.IN_REVIEW)
    over = certification is not None and certification.status == CertificationStatus.PASSED
    due_at = clock.now() + PAY_TIME if pays else None
    move(db, program, filing, FilingStatus.PLATFORM_REVIEW if over else FilingStatus.CERTIFYING, due_at=due_at)


def adopt(db: Session, program: Program, procedure_id: str) -> Filing | None:
    """The filing whose start went out without an answer: this procedure must be its own. None when there is none."""
    filing = get_filing(db, program)
    certification = open_certification(db, program)
    is_ours = certification is not None and certification.sent_at is not None and not certification.task_id
    if certification is None or not is_ours or filing.procedure_id or not filing.face_certifies:
        return None
    if certification.status != CertificationStatus.DRAFT:
        return None
    begin(db, program, filing, procedure_id)
    return filing


def end(filing: Filing) -> None:
    """The procedure is over: from now on the filing goes alone, with a face check of its own."""
    if filing.procedure_id or filing.face_certifies:
        filing.procedure_id, filing.face_passed, filing.face_certifies, filing.face_url = "", False, False, ""


# What WeChat tells


def was_made(db: Session, filing: Filing) -> bool:
    """Whether WeChat must have had the filing, so that it is withdrawn when there is none: both before the filing is
    made and after it was withdrawn the procedure is CERTIFIED.
    """
    if filing.status in _WITH_REVIEWERS:
        return clock.now() - filing.moved_at > _MAKING
    certification = certification_of(db, filing)
    if filing.status != _S.CERTIFYING or certification is None or certification.status != _C.PASSED:
        return False
    return clock.now() - max(filing.moved_at, certification.changed_at) > _MAKING_AT_MOST


def take_answer(
    db: Session, program: Program, filing: Filing, answer: Mapping[str, Any], *, withdrawn: bool = False
) -> None:
    """Note how both stand; `withdrawn`: the filing is. Its row has to be locked."""
    status = int(answer.get("procedure_status") or 0)
    before, filing.read_at = filing.read_at, clock.now()
    audit = answer.get("icp_audit") or {}
    why = plain_reason(answer.get("refill_reason" if status == Procedure.SENT_BACK else "fail_reason"))
    _take_certification(db, program, filing, status, answer, why)
    found = _FILING.get(_P(status)) if status in list(_P) else None
    if status == Procedure.AUTHORITY_REVIEW:
        found = of_message(audit.get("sms_verify_status"))
    if withdrawn:
        found = _S.WITHDRAWN
        end(filing)
    elif found is _S.CERTIFYING and filing.status in _WITH_REVIEWERS:
        found = None  # they have got it later than that
    if status in (Procedure.FAILED, Procedure.DONE):
        end(filing)
        filing.faults = {}
    if status >= Procedure.CERTIFIED and status != Procedure.FAILED:
        filing.lacking &= ~NOT_CERTIFIED
    prepares = FilingStatus(filing.status).is_editable and status != Procedure.FAILED
    if found is None or found == filing.status or (prepares and found not in AT_WECHAT):
        if found is FilingStatus.CERTIFYING and status != Procedure.PAY:
            filing.due_at = None
        note(db, program, filing)
        return
    if status in (Procedure.SENT_BACK, Procedure.FAILED):
        filing.reasons = [{"name": CERTIFICATION, "error": why, "suggest": ""}]
    elif found not in AT_WECHAT:
        filing.reasons, filing.faults = reasons_in(audit), faults_in(audit.get("hints"))
    move(db, program, filing, found, due_at=due_of(found, before))


def _take_certification(
    db: Session, program: Program, filing: Filing, status: int, answer: Mapping[str, Any], why: str
) -> None:
    certification = certification_of(db, filing)
    if certification is None:
        return
    db.refresh(certification, with_for_update=True)
    certification.read_at = clock.now()
    order = str(answer.get("orderid") or "")
    certification.order_id = order if order not in ("", "0") else certification.order_id
    found = _CERTIFICATION.get(_P(status)) if status in list(_P) else None
    if found is None and status >= Procedure.CERTIFIED and status in list(_P):
        found = CertificationStatus.PASSED
    if found is not None:
        certification_progress.move(db, program, certification, found, reason=why)
