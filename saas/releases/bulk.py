"""Upload, submission, withdrawal, release and roll back as steps of batches.

Each begins the row that a click on one mini program would begin, waits for its end, and ends as the row did. A row is
begun once: only after it has failed does another try begin a new one, which looks at WeChat before it acts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy.orm import Session

from saas.batches.models import BatchItem
from saas.batches.steps import Skipped, step
from saas.errors import N_, Conflict
from saas.programs.access import load_program
from saas.programs.models import Program
from saas.queue import Lane, Later, run_now
from saas.releases import releasing, submissions, undo, uploads
from saas.releases.access import load_audit, load_release, load_template, load_upload
from saas.releases.audits import newest_audit, running_audit
from saas.releases.code_state import find_state, refuse_unless_workable
from saas.releases.last_submission import next_submission
from saas.releases.models import Audit, AuditStatus, Release, ReleaseStatus, Upload, UploadStatus
from saas.releases.reading import refresh_code_state
from saas.releases.resubmission import Changes
from saas.releases.submissions import category_key
from saas.releases.templates import ExtJsonInvalid
from saas.releases.uploading import scan_pause
from saas.wx.errors import AuditQuotaUsedUp, from_answer

READ = "saas.releases.bulk.read"
UPLOAD = "saas.releases.bulk.upload"
SUBMIT = "saas.releases.bulk.submit"
UNDO = "saas.releases.bulk.withdraw"
RELEASE = "saas.releases.bulk.release"
ROLL_BACK = "saas.releases.bulk.roll_back"

_SOON = timedelta(seconds=5)
_ATTEMPTS = 3

_SETTLED = {
    AuditStatus.QUEUED: N_("正在提交审核"),
    AuditStatus.SUBMITTING: N_("正在提交审核"),
    AuditStatus.IN_REVIEW: N_("这一版已经在审核中"),
    AuditStatus.DELAYED: N_("这一版已经在审核中"),
    AuditStatus.APPROVED: N_("这一版已经审核通过"),
}

Row = TypeVar("Row", Upload, Audit, Release)


@step(label=N_("读取代码状态"), attempts=_ATTEMPTS)
def read(db: Session, item: BatchItem) -> dict[str, Any]:
    """Reads all slots and the categories that can be submitted with."""
    program = load_program(db, item.subject_id)
    refuse_unless_workable(program)
    refresh_code_state(db, program)
    state = find_state(db, program)
    if state is not None and state.errcode is not None:
        raise _refusal(state.errcode, state.operation, state.rid, state.error)
    return {"version": state.online_version if state else ""}


@step(label=N_("上传代码"), attempts=_ATTEMPTS)
def upload(db: Session, item: BatchItem) -> dict[str, Any]:
    """Needs `template` (our row's id), `user_version` and `description`. Done once WeChat has scanned the code."""

    def begin(program: Program) -> Upload:
        given, template = item.input, load_template(db, UUID(item.input["template"]))
        try:
            return uploads.start_upload(
                db, program, template, who=item.starter, user_version=given["user_version"],
                description=given["description"], lane=Lane(item.batch.lane),
            )  # fmt: skip
        except ExtJsonInvalid as error:
            lacking = uploads.missing_values(db, template, program, who=item.starter)
            if not lacking:
                raise
            raise Conflict(N_("缺少变量或值不对：%(names)s"), names="、".join(lacking)) from error

    row = _row(db, item, load_upload, begin, uploads.RUN)
    if uploads.is_running(row):
        raise Later(scan_pause(row) if row.status == UploadStatus.SCANNING else _SOON)
    return item.result | {"version": row.user_version}


@step(label=N_("提交审核"), attempts=_ATTEMPTS)
def submit(db: Session, item: BatchItem) -> dict[str, Any]:
    """Submits the trial version as the last submission was; `version_desc`, if given, and `releases_itself` are new,
    and so is what `changes` (`saas.releases.resubmission`) say.

    With `upload` only that one's code; with `after` only while that audit is the newest. Done once the reviewers have
    it.
    """

    def begin(program: Program) -> Audit:
        trial = uploads.trial_upload(db, program)
        if trial is None:
            raise Conflict(N_("还没有上传代码，请先上传"))
        newest = newest_audit(db, program)
        if "after" in item.input and (newest is None or str(newest.id) != item.input["after"]):
            raise Skipped(N_("之后已经提交过审核，不再重复提交"))
        if str(trial.id) != item.input.get("upload", str(trial.id)):
            raise Conflict(N_("体验版已经换成别的代码，请重新上传"))
        if newest is not None and newest.upload_id == trial.id and newest.status in _SETTLED:
            raise Skipped(_SETTLED[AuditStatus(newest.status)])
        state = find_state(db, program)
        categories = state.categories if state else []
        submission = next_submission(db, program, trial, categories)
        given = {name: item.input[name] for name in ("version_desc", "releases_itself") if item.input.get(name)}
        changes, known = Changes.read(item.input.get("changes", {})), [category_key(one) for one in categories]
        submission = changes.applied(replace(submission, **given), known)
        try:
            return submissions.submit_for_audit(
                db, program, trial, who=item.starter, submission=submission,
                lane=Lane(item.batch.lane),
            )  # fmt: skip
        except submissions.QuotaUsedUp as error:
            raise AuditQuotaUsedUp(85085, str(error), operation="submitAudit", appid=program.appid) from error

    row = _row(db, item, load_audit, begin, submissions.RUN)
    if row.status in (AuditStatus.QUEUED, AuditStatus.SUBMITTING):
        raise Later(_SOON)
    return item.result | {"version": row.user_version, "auditid": row.auditid}


@step(label=N_("撤回审核"), attempts=_ATTEMPTS)
def withdraw(db: Session, item: BatchItem) -> dict[str, Any]:
    """Withdraws the audit that is open now; with `audit` only that one."""

    def begin(program: Program) -> Audit:
        audit = running_audit(db, program)
        if audit is None or not audit.auditid or str(audit.id) != item.input.get("audit", str(audit.id)):
            raise Skipped(N_("没有正在审核的版本"))
        undo.undo_audit(db, program, audit, who=item.starter, lane=Lane(item.batch.lane))
        return audit

    row = _row(db, item, load_audit, begin, undo.RUN, _undo_fault)
    if undo.is_undoing(row):
        raise Later(_SOON)
    if row.status != AuditStatus.UNDONE:
        raise Conflict(N_("审核先有了结果，没有撤回"))
    return item.result | {"version": row.user_version}


@step(label=N_("发布"), attempts=_ATTEMPTS)
def release(db: Session, item: BatchItem) -> dict[str, Any]:
    """Releases the approved version; with `audit` only that one's."""

    def begin(program: Program) -> Release:
        audit = newest_audit(db, program)
        if audit is not None and str(audit.id) != item.input.get("audit", str(audit.id)):
            raise Conflict(N_("之后又提交过审核，微信只发布最近一次审核通过的版本"))
        if audit is None or audit.status != AuditStatus.APPROVED:
            raise Conflict(N_("没有审核通过、等待发布的版本"))
        before = releasing.newest_release_of(db, audit)
        if before is not None and before.status == ReleaseStatus.DONE:
            raise Skipped(N_("审核通过的版本已经发布过了"))
        return releasing.release(db, program, audit, who=item.starter, lane=Lane(item.batch.lane))

    return _released(item, _row(db, item, load_release, begin, releasing.RUN))


@step(label=N_("版本回退"), attempts=_ATTEMPTS)
def roll_back(db: Session, item: BatchItem) -> dict[str, Any]:
    """Goes back to `version`, as its people call it; without one to the newest that WeChat offers: the one before.

    With `online` only where that version is still online.
    """

    def begin(program: Program) -> Release:
        state = find_state(db, program)
        if state is not None and state.online_version != item.input.get("online", state.online_version):
            raise Skipped(N_("线上已经不是这个版本"))
        releasing.read_past_versions(db, program)
        versions = releasing.list_past_versions(db, program)
        wanted = item.input.get("version", "")
        chosen = next((one for one in versions if wanted in ("", one.user_version)), None)
        if chosen is None and wanted and versions:
            offered = "、".join(one.user_version for one in versions)
            raise Conflict(N_("不能回退到 %(version)s，只能回退到：%(offered)s"), version=wanted, offered=offered)
        if chosen is None:
            raise Conflict(N_("没有可以回退到的版本"))
        return releasing.roll_back(db, program, chosen, who=item.starter, lane=Lane(item.batch.lane))

    return _released(item, _row(db, item, load_release, begin, releasing.RUN))


def _released(item: BatchItem, row: Release) -> dict[str, Any]:
    if releasing.is_running(row):
        raise Later(_SOON)
    return item.result | {"version": row.user_version}


def _fault(row: Upload | Audit | Release) -> Exception | None:
    return _refusal(row.errcode, row.operation, row.rid, row.error) if row.status == "failed" else None


def _undo_fault(row: Audit) -> Exception | None:
    return _refusal(row.undo_errcode, "undoAudit", row.undo_rid, row.undo_error) if row.undo_error else None


def _row(
    db: Session, item: BatchItem, load: Callable[[Session, UUID], Row], begin: Callable[[Program], Row], job: str,
    fault: Callable[[Row], Exception | None] = _fault,
) -> Row:  # fmt: skip
    """The row of this item; begins it when there is none. Its `job` is run here if nobody else does. Raises what went
    wrong with it.

    A row is begun once in each try; a retry by hand forgets the try, so that it always begins one.
    """
    row = load(db, UUID(item.result["row"])) if "row" in item.result else None
    if row is None or (fault(row) is not None and item.result.get("attempt") != item.attempt):
        row = begin(load_program(db, item.subject_id))
        item.result = {"row": str(row.id), "attempt": item.attempt}
    run_now(db, job, row.id)
    db.refresh(row)
    wrong = fault(row)
    if wrong is not None:
        raise wrong
    return row


def _refusal(errcode: int | None, operation: str, rid: str, text: str) -> Exception:
    """The failure that a row keeps, as it was raised."""
    if errcode is None:
        return Conflict(text.replace("%", "%%"))
    return from_answer({"errcode": errcode, "errmsg": f"{text} rid: {rid}" if rid else text}, operation=operation)
