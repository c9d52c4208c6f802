"""Submitting for audit: what a person filled in, checked; and the job that hands it to WeChat exactly once.

A submission is counted by WeChat (a monthly quota of the whole provider). So the newest audit at WeChat is noted before
the call, and whenever the call may have got through, a newer one than that is ours and is taken instead of submitting.
https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/code-management/api_submitaudit
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from saas import clock
from saas.components.access import load_component
from saas.components.models import ComponentApp
from saas.components.quotas import note_used_up
from saas.components.wechat import wechat
from saas.db import settle
from saas.errors import N_, Conflict, Invalid
from saas.failures import clear_failure, note_failure, raise_if_passing
from saas.programs.access import load_program
from saas.programs.models import Program
from saas.queue import Lane, Later, enqueue
from saas.releases.access import hold_program
from saas.releases.audits import OPEN, note_answer, outcome_of, submitted_at, watch
from saas.releases.checks import QUOTA, blocking, pre_audit_checks
from saas.releases.code_state import find_state, lock_state, refuse_if_busy, refuse_unless_workable
from saas.releases.models import Audit, AuditStatus, Upload
from saas.releases.previews import (
    Files,
    Kept,
    feedback_stuff,
    hand_in_files,
    keep_feedback,
    keep_previews,
    preview_info,
)
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require, system
from saas.wx.client import WxClient
from saas.wx.errors import (
    AuditAlreadyRunning,
    AuditQuotaUsedUp,
    CallFailed,
    CodeNotUploaded,
    NoSuchAudit,
    PreviousStepRunning,
    PrivacyScanPending,
)

RUN = "jobs.releases.submit_audit"
_SENDING = (AuditStatus.QUEUED, AuditStatus.SUBMITTING)
_LONGEST_WAIT = timedelta(hours=1)
_OURS = ("files", "feedback_files", "media")
"""Keys of an audit's request that are not WeChat's."""

MOST_ITEMS = 5


class QuotaUsedUp(Conflict):
    """As far as is known, the component app has no submission left this month."""


@dataclass(frozen=True)
class Item:
    """A page with its category for the reviewers. `category` is the key that `category_key` makes."""

    category: str
    address: str = ""
    tag: str = ""
    title: str = ""


@dataclass(frozen=True)
class Ugc:
    """The declaration about what users may publish; WeChat's numbers."""

    scenes: Sequence[int] = ()
    methods: Sequence[int] = ()
    has_audit_team: bool = False
    description: str = ""


@dataclass(frozen=True)
class Submission:
    """What a person fills in. `kept_files` and `kept_feedback_files` are stored already, and sent (once more).

    `releases_itself`: release the version as soon as it is approved.
    """

    items: Sequence[Item]
    version_desc: str = ""
    feedback: str = ""
    ugc: Ugc | None = None
    privacy_not_used: bool = False
    order_path: str = ""
    files: Files = ()
    kept_files: Kept = field(default_factory=list)
    feedback_files: Files = ()
    kept_feedback_files: Kept = field(default_factory=list)
    releases_itself: bool = False


def category_key(category: Mapping[str, Any]) -> str:
    """Names a category in forms: its ids, joined."""
    return "-".join(str(category[name]) for name in ("first_id", "second_id", "third_id") if category.get(name))


def category_name(category: Mapping[str, Any]) -> str:
    return " / ".join(str(category[one]) for one in ("first_class", "second_class", "third_class") if category.get(one))


def submit_for_audit(
    db: Session, program: Program, upload: Upload, *, who: Who, submission: Submission, lane: Lane = Lane.URGENT
) -> Audit:
    """Begin a submission; refused with the reason while anything that we can see would make WeChat refuse it."""
    require(who, Verb.WORK)
    refuse_unless_workable(program)
    hold_program(db, program)
    refuse_if_busy(db, program)
    component, state = load_component(db, program.component_id), find_state(db, program)
    checks = pre_audit_checks(db, component, program, upload, state, privacy_not_used=submission.privacy_not_used)
    wrong = blocking(checks)
    if wrong is not None:
        raise (QuotaUsedUp if wrong.title == QUOTA else Conflict)(wrong.text, **wrong.params)
    request = _request(upload, state.categories if state else [], submission)
    request["files"] = keep_previews(db, program.provider_id, submission.files) or submission.kept_files
    feedback_files = keep_feedback(db, program.provider_id, submission.feedback_files)
    request["feedback_files"] = feedback_files or submission.kept_feedback_files
    audit = Audit(
        provider_id=program.provider_id, program_id=program.id, created_by=who.user_id, upload_id=upload.id,
        user_version=upload.user_version, request=request, releases_itself=submission.releases_itself,
    )  # fmt: skip
    try:
        with db.begin_nested():
            db.add(audit)
            db.flush()
    except IntegrityError:
        raise Conflict(N_("已有一个版本在审核中，请等它结束，或先撤回")) from None
    enqueue(db, RUN, audit.id, lane=lane)
    detail = {"audit": str(audit.id), "version": upload.user_version}
    activity.record(db, who, "program.audit.submit", program, detail=detail)
    return audit


def _request(upload: Upload, categories: Sequence[Mapping[str, Any]], submission: Submission) -> dict[str, Any]:
    """The body for WeChat, field by field checked."""
    if not 1 <= len(submission.items) <= MOST_ITEMS:
        raise Invalid(N_("请填写 1 到 %(max)d 个审核页面"), field="items", max=MOST_ITEMS)
    known = {category_key(category): category for category in categories}
    items = [_item(number, item, known, upload) for number, item in enumerate(submission.items)]
    _limit("version_desc", submission.version_desc, 500)
    _limit("feedback", submission.feedback, 200)
    if submission.order_path and upload.pages and submission.order_path.partition("?")[0] not in upload.pages:
        raise Invalid(N_("这一版代码里没有页面 %(page)s"), field="order_path", page=submission.order_path)
    request: dict[str, Any] = {"item_list": items, "privacy_api_not_use": submission.privacy_not_used}
    optional = {
        "version_desc": submission.version_desc,
        "feedback_info": submission.feedback,
        "order_path": submission.order_path,
    }
    request.update({name: value for name, value in optional.items() if value})
    if submission.ugc is not None:
        request["ugc_declare"] = _ugc(submission.ugc)
    return request


def _item(number: int, item: Item, known: Mapping[str, Mapping[str, Any]], upload: Upload) -> dict[str, Any]:
    place = f"items-{number}"
    category = known.get(item.category)
    if category is None:
        raise Invalid(N_("请选择服务类目"), field=f"{place}-category")
    if item.address and upload.pages and item.address.partition("?")[0] not in upload.pages:
        raise Invalid(N_("这一版代码里没有页面 %(page)s"), field=f"{place}-address", page=item.address)
    tags = item.tag.split()
    if len(tags) > 10 or any(len(tag) > 20 for tag in tags):
        raise Invalid(N_("标签最多 10 个，用空格分开，每个最多 20 个字"), field=f"{place}-tag")
    _limit(f"{place}-title", item.title, 32)
    named = {name: category[name] for name in category if name.endswith(("_class", "_id"))}
    filled = {"address": item.address, "tag": " ".join(tags), "title": item.title}
    return {**named, **{name: value for name, value in filled.items() if value}}


def _ugc(ugc: Ugc) -> dict[str, Any]:
    if not ugc.scenes:
        raise Invalid(N_("请选择用户能在哪些地方发布内容"), field="ugc_scenes")
    if 0 in ugc.scenes:
        return {"scene": [0]}
    if not ugc.methods:
        raise Invalid(N_("请选择怎样审核用户发布的内容"), field="ugc_methods")
    _limit("ugc_description", ugc.description, 256)
    declared: dict[str, Any] = {
        "scene": list(ugc.scenes), "method": list(ugc.methods), "has_audit_team": int(ugc.has_audit_team),
    }  # fmt: skip
    return declared | ({"audit_desc": ugc.description} if ugc.description else {})


def _limit(field: str, text: str, most: int) -> None:
    if len(text) > most:
        raise Invalid(N_("最多 %(max)d 个字"), field=field, max=most)


def run_submission(db: Session, audit: Audit) -> None:
    """Hand a submission to WeChat, once. Its silence is raised: the next run looks before it submits again."""
    if audit.status not in _SENDING:
        return
    program = load_program(db, audit.program_id)
    component = load_component(db, program.component_id)
    client = wechat(component)
    try:
        hand_in_files(db, program, audit, client)
        settle(db)
        latest = _latest(client, program)
        if audit.sent_at is not None and _is_newer(latest, audit):
            _adopt(db, audit, latest)
            return
        if audit.sent_at is None and not _begin(db, component, program, audit, client, latest):
            return
        _submit(db, component, program, audit, client)
    except CallFailed as error:
        raise_if_passing(error)
        fail_submission(db, audit, error)


def fail_submission(db: Session, audit: Audit, error: BaseException) -> None:
    """End a submission that did not reach the reviewers: WeChat refused it, or the runner gave up."""
    db.refresh(audit, with_for_update=True)
    if audit.status not in _SENDING:
        return
    note_failure(audit, error)
    audit.status, audit.finished_at = AuditStatus.FAILED, clock.now()
    program = load_program(db, audit.program_id)
    detail = {"audit": str(audit.id), "version": audit.user_version, "errcode": audit.errcode, "rid": audit.rid}
    activity.record(db, system(audit.provider_id), "program.audit.submit", program, outcome="failed", detail=detail)


def _latest(client: WxClient, program: Program) -> Mapping[str, Any]:
    """The newest audit at WeChat; empty when there never was one."""
    try:
        return client.code.get_latest_auditstatus(program.appid)
    except (NoSuchAudit, CodeNotUploaded):
        return {}


def _is_newer(latest: Mapping[str, Any], audit: Audit) -> bool:
    return str(latest.get("auditid") or "") not in ("", audit.latest_before)


def _begin(
    db: Session,
    component: ComponentApp,
    program: Program,
    audit: Audit,
    client: WxClient,
    latest: Mapping[str, Any],
) -> bool:
    """The last looks before the call that counts; False when it must not be made."""
    if outcome_of(latest) in OPEN:
        known = db.scalar(select(Audit.id).where(Audit.program_id == program.id, Audit.auditid == latest["auditid"]))
        if known is None and latest.get("user_version") == audit.user_version:
            _adopt(db, audit, latest)
        else:
            text = N_("版本 %(version)s 正在审核，请等它结束，或先撤回")
            fail_submission(db, audit, Conflict(text, version=str(latest.get("user_version") or "")))
        return False
    settle(db)
    quota = client.code.queryquota(program.appid)
    component.audit_quota_rest, component.audit_quota_limit = quota.get("rest"), quota.get("limit")
    component.speedup_rest, component.quota_read_at = quota.get("speedup_rest"), clock.now()
    if quota.get("rest") == 0 and quota.get("limit"):
        fail_submission(db, audit, AuditQuotaUsedUp(85085, "rest 0", operation="submitAudit", appid=program.appid))
        return False
    db.refresh(audit, with_for_update=True)
    if audit.status not in _SENDING:
        return False
    audit.status, audit.sent_at = AuditStatus.SUBMITTING, clock.now()
    audit.latest_before = str(latest.get("auditid") or "")
    return True


def _submit(db: Session, component: ComponentApp, program: Program, audit: Audit, client: WxClient) -> None:
    request = {name: value for name, value in audit.request.items() if name not in _OURS}
    preview, stuff = preview_info(audit), feedback_stuff(audit)
    settle(db)
    try:
        answer = client.code.submit_audit(program.appid, **request, preview_info=preview, feedback_stuff=stuff)
    except AuditAlreadyRunning as error:
        latest = _latest(client, program)
        if _is_newer(latest, audit):
            _adopt(db, audit, latest)
            return
        if outcome_of(latest) in OPEN:
            raise
        _wait(audit, error)  # a withdrawal that has not settled at WeChat yet
    except (PrivacyScanPending, PreviousStepRunning) as error:
        _wait(audit, error)
    except AuditQuotaUsedUp:
        note_used_up(db, component)
        raise
    else:
        if component.audit_quota_rest:
            component.audit_quota_rest -= 1
        _note_submitted(db, audit, str(answer["auditid"]))


def _wait(audit: Audit, error: CallFailed) -> None:
    if clock.now() - audit.created_at > _LONGEST_WAIT:
        raise error
    raise Later(timedelta(seconds=20), why=str(error)) from error


def _note_submitted(db: Session, audit: Audit, auditid: str) -> bool:
    db.refresh(audit, with_for_update=True)
    if audit.status not in _SENDING:
        return False
    audit.auditid, audit.status, audit.submitted_at = auditid, AuditStatus.IN_REVIEW, clock.now()
    clear_failure(audit)
    state = lock_state(db, audit.program_id, audit.provider_id)
    state.audit_version, state.audit_status = audit.user_version, AuditStatus.IN_REVIEW
    state.audit_at = audit.submitted_at
    program = load_program(db, audit.program_id)
    detail = {"auditid": auditid, "version": audit.user_version}
    activity.record(db, system(audit.provider_id), "program.audit.in_review", program, detail=detail)
    watch(db, program, audit)
    return True


def _adopt(db: Session, audit: Audit, latest: Mapping[str, Any]) -> None:
    """An earlier try got through: its audit is ours, and it may have been decided meanwhile."""
    if _note_submitted(db, audit, str(latest["auditid"])):
        audit.submitted_at = submitted_at(latest)
        db.flush()
        note_answer(db, audit, latest)
