"""Sending a filing: the administrator's face check first, then the application; taking it back; cancelling the filing.

WeChat counts submissions a day, refused ones too, so all that can be told here is checked before.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal, cast

from sqlalchemy.orm import Session

from saas import clock
from saas.batches.models import BatchItem
from saas.batches.starting import Subject, start_one
from saas.batches.steps import Skipped, step
from saas.db import settle
from saas.errors import N_, Conflict
from saas.programs import filing_together
from saas.programs.access import load_program
from saas.programs.changing import client_of
from saas.programs.filing import faults_in, get_filing, move, refuse_if_hindered
from saas.programs.filing_checks import FilingFaults, find_obstacles
from saas.programs.filing_fields import TASK
from saas.programs.filing_models import AT_WECHAT, FACE_TIME, SMS_TIME, Filing, FilingStatus
from saas.programs.filing_papers import assemble, hand_in_all
from saas.programs.filing_reading import read_state
from saas.programs.filing_tables import load_tables
from saas.programs.models import Program
from saas.queue import Later
from saas.tenants import activity
from saas.tenants.access import Who
from saas.wx.errors import CallFailed, CertificationRunning, FilingRefused, FilingRunning, NoSuchFiling

ASK_FACE = "saas.programs.filing_sending.ask_face_check"
SEND = "saas.programs.filing_sending.send"
WITHDRAW = "saas.programs.filing_sending.withdraw"
CANCEL = "saas.programs.filing_sending.cancel"
LIMIT = "filing_day"
STEPS = (ASK_FACE, SEND, WITHDRAW, CANCEL)
_S = FilingStatus
SUBJECT, PROGRAM, ACCESS = 1, 2, 3
"""What a cancellation ends: the subject with all under it, the mini program, its access only."""
NO_LONGER_RUN, OTHER_SUBJECT = 1, 2
_LACKING = (
    (1, N_("名称、头像或简介没有设置")), (2, N_("没有设置服务类目")),
    (filing_together.NOT_CERTIFIED, N_("没有通过微信认证")),
)  # fmt: skip
_SENT = N_("已经备案，或正在审核")
_NO_FACE = N_("请先完成管理员的人脸核验")
_UNTIL_THE_EVENT = timedelta(seconds=30)


class NotReady(Conflict):
    """WeChat takes no filing of this mini program yet; `lacking` are msgids."""

    def __init__(self, lacking: list[str]) -> None:
        super().__init__(N_("备案条件不齐，请先补全后重新读取备案状态"))
        self.lacking = lacking


def lacking_of(filing: Filing, *, together: bool = False) -> list[str]:
    """What WeChat wants before any filing, as msgids. Together with the certification that may be lacking."""
    closed = [] if filing.available else [N_("微信暂时关闭了这个小程序的备案入口")]
    bits = filing.lacking & ~filing_together.NOT_CERTIFIED if together else filing.lacking
    return [text for bit, text in _LACKING if bits & bit] + closed


def refuse_unready(db: Session, program: Program, filing: Filing, *, together: bool) -> None:
    """Raise what stands in the way of sending: NotReady, Conflict, or FilingFaults with every field."""
    refuse_if_hindered(program)
    if not FilingStatus(filing.status).is_editable:
        raise Conflict(N_("备案已经提交给微信，现在不能修改"))
    if filing.procedure_id and not together:
        raise Conflict(N_("备案和认证正在一起办，不能单独提交"))
    if lacking := lacking_of(filing, together=together):
        raise NotReady(lacking)
    if together:
        filing_together.refuse_apart(db, program, filing)
    if faults := find_obstacles(filing.values, filing.files, load_tables(db), program.company_name):
        raise FilingFaults(faults)


# Face check


def request_face_check(db: Session, program: Program, *, who: Who, together: bool = False) -> BatchItem:
    """Have the administrator asked for a face check, once all is filled in: it is good for some days only. `together`:
    for certification and filing in one go.
    """
    filing = get_filing(db, program)
    together = together or bool(filing.procedure_id)
    refuse_unready(db, program, filing, together=together)
    params = {"together": together, "again": True}
    item = start_one(db, ASK_FACE, Subject(program.id, program.name), who=who, params=params)
    activity.record(db, who, "program.filing.ask_face", program)
    return item


@step(label=N_("发起备案人脸核验"))
def ask_face_check(db: Session, item: BatchItem) -> None:
    """For many, those whose check waits or holds are not asked twice."""
    program = load_program(db, item.subject_id)
    filing = get_filing(db, program)
    together = bool(item.input.get("together")) or bool(filing.procedure_id)
    _skip_unfit(filing)
    if not item.input.get("again"):
        _skip_asked(filing, together)
    refuse_unready(db, program, filing, together=together)
    client = client_of(db, program)
    settle(db)
    answer = client.filing.create_icp_verifytask(program.appid, along_with_auth=together)
    filing = get_filing(db, program)
    filing.face_task_id, filing.face_asked_at, filing.face_passed = str(answer["task_id"]), clock.now(), False
    filing.face_certifies, filing.face_url = together, answer.get("verify_url", "")
    move(db, program, filing, _S.FACE, due_at=clock.now() + FACE_TIME)


def _skip_unfit(filing: Filing) -> None:
    if not FilingStatus(filing.status).is_editable:
        raise Skipped(_SENT)
    if not filing.content:
        raise Skipped(N_("还没有填写备案资料"))


def _skip_asked(filing: Filing, together: bool) -> None:
    if filing.face_certifies != together:
        return
    if filing.status == _S.FACE and filing.due_at is not None and clock.now() < filing.due_at:
        raise Skipped(N_("已经通知管理员，正在等人脸核验"))
    if face_holds(filing):
        raise Skipped(N_("人脸核验已通过，可以直接提交"))


# Sending


def request_sending(db: Session, program: Program, *, who: Who) -> BatchItem:
    """Have the filing sent, for the first time or again; together with the certification when the face check was for
    both. Needs a face check that still holds.
    """
    filing = get_filing(db, program)
    refuse_unready(db, program, filing, together=filing.face_certifies)
    if not face_holds(filing):
        raise Conflict(_NO_FACE)
    item = start_one(db, SEND, Subject(program.id, program.name), who=who)
    activity.record(db, who, "program.filing.send", program)
    return item


def face_holds(filing: Filing) -> bool:
    """Whether the last face check was passed and may still be sent along."""
    until = filing.face_usable_until
    return until is not None and clock.now() < until and filing.status != _S.FACE


@step(label=N_("提交备案"), attempts=6)
def send(db: Session, item: BatchItem) -> None:
    """Files first: WeChat keeps them for a few days only. A repeated try looks first whether the one before arrived."""
    program = load_program(db, item.subject_id)
    if item.attempt > 1 and read_state(db, program).status in AT_WECHAT:
        return
    filing = get_filing(db, program)
    _skip_unfit(filing)
    refuse_unready(db, program, filing, together=filing.face_certifies)
    if not face_holds(filing):
        raise Conflict(_NO_FACE)
    client, values, task_id = client_of(db, program), filing.values, filing.face_task_id
    media = hand_in_all(db, client, program, filing)
    application = assemble(values, media, task_id)
    settle(db)
    if filing.face_certifies:
        _send_together(db, program, filing, application)
        return
    try:
        client.filing.apply_icp_filing(program.appid, application=application)
    except FilingRefused as error:
        note_refusal(db, program, error)
        raise
    except FilingRunning:
        read_state(db, program)
        settle(db)
        raise
    move(db, program, get_filing(db, program), _S.PLATFORM_REVIEW)


def _send_together(db: Session, program: Program, filing: Filing, application: Any) -> None:
    """No call lists procedures: when an answer was lost, WeChat refuses the next try, and the event that names the
    procedure makes it ours.
    """
    certification = filing_together.refuse_apart(db, program, filing)
    is_first, tried_before = not filing.procedure_id, certification.sent_at is not None
    try:
        filing_together.submit(db, client_of(db, program), program, filing, application, certification)
    except FilingRefused as error:
        filing_together.forget_try(db, certification)
        note_refusal(db, program, error)
        raise
    except (CertificationRunning, FilingRunning) as error:
        if get_filing(db, program).procedure_id:
            read_state(db, program)
            if not is_first:
                settle(db)
                raise
            return
        if tried_before:
            raise Later(_UNTIL_THE_EVENT, counts=True) from error
        filing_together.note_error(db, program, certification, error)
        raise
    except CallFailed as error:
        filing_together.note_error(db, program, certification, error)
        raise


def note_refusal(db: Session, program: Program, error: FilingRefused) -> None:
    """Keep what WeChat found at once, per field. A face check that it does not take has to be done again."""
    filing = get_filing(db, program)
    filing.faults = faults_in(error.answer.get("hints"))
    if TASK in filing.faults:
        filing.face_passed = False
    move(db, program, filing, _S.INVALID)
    settle(db)


# Taking back


def request_withdrawal(db: Session, program: Program, *, who: Who) -> BatchItem:
    """Have the application taken back, while WeChat's people have it."""
    refuse_if_hindered(program)
    if get_filing(db, program).status != _S.PLATFORM_REVIEW:
        raise Conflict(N_("只有平台审核中的备案才能撤回"))
    item = start_one(db, WITHDRAW, Subject(program.id, program.name), who=who)
    activity.record(db, who, "program.filing.withdraw", program)
    return item


@step(label=N_("撤回备案"))
def withdraw(db: Session, item: BatchItem) -> None:
    program = load_program(db, item.subject_id)
    if item.attempt > 1 and read_state(db, program).status == _S.WITHDRAWN:
        return
    _end(db, program, _S.WITHDRAWN, lambda filing: filing.cancel_apply_icp_filing(program.appid))


def request_cancellation(db: Session, program: Program, what: int, reason: int, *, who: Who) -> BatchItem:
    """Have the granted filing cancelled; a person has to confirm it by text message. There is no way back."""
    refuse_if_hindered(program)
    if get_filing(db, program).status != _S.FILED:
        raise Conflict(N_("只有已备案的小程序才能注销备案"))
    params = {"what": what, "reason": reason}
    item = start_one(db, CANCEL, Subject(program.id, program.name), who=who, params=params)
    activity.record(db, who, "program.filing.cancel", program, detail=params)
    return item


@step(label=N_("注销备案"))
def cancel(db: Session, item: BatchItem) -> None:
    program = load_program(db, item.subject_id)
    if item.attempt > 1 and read_state(db, program).status == _S.CANCELLING:
        return
    what = cast(Literal[1, 2, 3], item.input["what"])
    reason = cast(Literal[1, 2], item.input["reason"])
    _end(
        db, program, _S.CANCELLING,
        lambda filing: filing.cancel_icp_filing(program.appid, cancel_type=what, reason_type=reason),
    )  # fmt: skip


def _end(db: Session, program: Program, status: FilingStatus, call: Any) -> None:
    """Make the call and note its success; when WeChat has no such thing, see what it has."""
    client = client_of(db, program)
    settle(db)
    try:
        call(client.filing)
    except (NoSuchFiling, FilingRunning):
        read_state(db, program)
        settle(db)
        raise
    due_at = clock.now() + SMS_TIME if status is _S.CANCELLING else None
    filing = get_filing(db, program)
    move(db, program, filing, status, due_at=due_at)
    if status is _S.WITHDRAWN:
        filing_together.end(filing)
