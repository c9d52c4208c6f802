"""Where each mini program's code stands, whose turn it is and since when: for lists, timelines and the next button."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import and_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session, aliased

from saas.errors import N_
from saas.programs.models import AuthorizationStatus, Program
from saas.releases.models import (
    Audit,
    AuditStatus,
    CodeState,
    Release,
    ReleaseKind,
    ReleaseStatus,
    Upload,
    UploadStatus,
)


class Stage(StrEnum):
    UNAUTHORIZED = "unauthorized"
    NO_CODE = "no_code"
    UPLOADING = "uploading"
    SCANNING = "scanning"
    UPLOAD_FAILED = "upload_failed"
    READY = "ready"
    SUBMITTING = "submitting"
    SUBMIT_FAILED = "submit_failed"
    IN_REVIEW = "in_review"
    DELAYED = "delayed"
    REJECTED = "rejected"
    UNDONE = "undone"
    APPROVED = "approved"
    RELEASING = "releasing"
    RELEASE_FAILED = "release_failed"
    RELEASED = "released"
    ROLLED_BACK = "rolled_back"


class Turn(StrEnum):
    """Who has to do something."""

    PROVIDER = "provider"
    MERCHANT = "merchant"
    WECHAT = "wechat"
    NOBODY = "nobody"


class NextStep(StrEnum):
    """What the one primary button does; WAIT has none."""

    AUTHORIZE = "authorize"
    UPLOAD = "upload"
    SUBMIT = "submit"
    RELEASE = "release"
    WAIT = "wait"


_FACTS: dict[Stage, tuple[str, Turn, NextStep]] = {
    Stage.UNAUTHORIZED: (N_("等商家授权"), Turn.MERCHANT, NextStep.AUTHORIZE),
    Stage.NO_CODE: (N_("未上传代码"), Turn.PROVIDER, NextStep.UPLOAD),
    Stage.UPLOADING: (N_("上传中"), Turn.WECHAT, NextStep.WAIT),
    Stage.SCANNING: (N_("隐私接口检测中"), Turn.WECHAT, NextStep.WAIT),
    Stage.UPLOAD_FAILED: (N_("上传失败"), Turn.PROVIDER, NextStep.UPLOAD),
    Stage.READY: (N_("待提交审核"), Turn.PROVIDER, NextStep.SUBMIT),
    Stage.SUBMITTING: (N_("提交审核中"), Turn.WECHAT, NextStep.WAIT),
    Stage.SUBMIT_FAILED: (N_("提交审核失败"), Turn.PROVIDER, NextStep.SUBMIT),
    Stage.IN_REVIEW: (N_("审核中"), Turn.WECHAT, NextStep.WAIT),
    Stage.DELAYED: (N_("审核延后"), Turn.WECHAT, NextStep.WAIT),
    Stage.REJECTED: (N_("审核不通过"), Turn.PROVIDER, NextStep.UPLOAD),
    Stage.UNDONE: (N_("已撤回审核"), Turn.PROVIDER, NextStep.SUBMIT),
    Stage.APPROVED: (N_("审核通过，待发布"), Turn.PROVIDER, NextStep.RELEASE),
    Stage.RELEASING: (N_("发布中"), Turn.WECHAT, NextStep.WAIT),
    Stage.RELEASE_FAILED: (N_("发布失败"), Turn.PROVIDER, NextStep.RELEASE),
    Stage.RELEASED: (N_("已发布"), Turn.NOBODY, NextStep.UPLOAD),
    Stage.ROLLED_BACK: (N_("已回退"), Turn.PROVIDER, NextStep.UPLOAD),
}


@dataclass(frozen=True)
class ProgramStatus:
    """`label` is a msgid. `suspended` says that users cannot open the online version."""

    stage: Stage
    since: datetime | None
    version: str = ""
    online_version: str = ""
    suspended: bool = False

    @property
    def label(self) -> str:
        return _FACTS[self.stage][0]

    @property
    def turn(self) -> Turn:
        return _FACTS[self.stage][1]

    @property
    def next_step(self) -> NextStep:
        return _FACTS[self.stage][2]


def statuses_of(db: Session, program_ids: Collection[UUID]) -> dict[UUID, ProgramStatus]:
    """The status of each of these mini programs; one query, whatever the number."""
    if not program_ids:
        return {}
    upload, audit, row = _newest(Upload, program_ids), _newest(Audit, program_ids), _newest(Release, program_ids)
    query = (
        select(Program, upload, audit, row, CodeState)
        .outerjoin(upload, upload.program_id == Program.id)
        .outerjoin(audit, audit.program_id == Program.id)
        .outerjoin(row, row.program_id == Program.id)
        .outerjoin(CodeState, and_(CodeState.program_id == Program.id))
        .where(Program.id.in_(program_ids))
    )
    return {found[0].id: derive(*found) for found in db.execute(query)}


def status_of(db: Session, program: Program) -> ProgramStatus:
    return statuses_of(db, [program.id])[program.id]


def derive(
    program: Program, upload: Upload | None, audit: Audit | None, row: Release | None, state: CodeState | None
) -> ProgramStatus:
    """The stage from the newest upload, audit and release and from what is online."""
    stage, since, version = _stage(program, upload, audit, row, state)
    online = state.online_version if state else ""
    return ProgramStatus(stage, since, version, online, suspended=bool(state and online and state.visible is False))


_AUDIT_STAGES = {
    AuditStatus.QUEUED: Stage.SUBMITTING,
    AuditStatus.SUBMITTING: Stage.SUBMITTING,
    AuditStatus.IN_REVIEW: Stage.IN_REVIEW,
    AuditStatus.DELAYED: Stage.DELAYED,
    AuditStatus.REJECTED: Stage.REJECTED,
    AuditStatus.UNDONE: Stage.UNDONE,
    AuditStatus.APPROVED: Stage.APPROVED,
    AuditStatus.FAILED: Stage.SUBMIT_FAILED,
}
_UPLOAD_STAGES = {
    UploadStatus.QUEUED: Stage.UPLOADING,
    UploadStatus.SENDING: Stage.UPLOADING,
    UploadStatus.SCANNING: Stage.SCANNING,
    UploadStatus.READY: Stage.READY,
    UploadStatus.SUPERSEDED: Stage.READY,
    UploadStatus.FAILED: Stage.UPLOAD_FAILED,
}
_WAITING = (Stage.SUBMITTING, Stage.IN_REVIEW, Stage.DELAYED)


def _stage(
    program: Program, upload: Upload | None, audit: Audit | None, row: Release | None, state: CodeState | None
) -> tuple[Stage, datetime | None, str]:
    """What runs comes first; then what is approved and not online; then whatever happened last."""
    if program.authorization != AuthorizationStatus.AUTHORIZED:
        return Stage.UNAUTHORIZED, program.unauthorized_at, ""
    if row is not None and row.status in (ReleaseStatus.QUEUED, ReleaseStatus.SENDING):
        return Stage.RELEASING, row.created_at, row.user_version
    loaded = _UPLOAD_STAGES[UploadStatus(upload.status)] if upload else None
    if upload is not None and loaded in (Stage.UPLOADING, Stage.SCANNING):
        return loaded, upload.committed_at or upload.created_at, upload.user_version
    reviewed = _AUDIT_STAGES[AuditStatus(audit.status)] if audit else None
    if audit is not None and reviewed in _WAITING:
        return reviewed, audit.delayed_at or audit.submitted_at or audit.created_at, audit.user_version
    if audit is not None and reviewed is Stage.APPROVED:
        if not _went_online(audit, row, state):
            failed = row is not None and row.audit_id == audit.id and row.status == ReleaseStatus.FAILED
            since = row.finished_at if failed and row else audit.decided_at
            return (Stage.RELEASE_FAILED if failed else Stage.APPROVED), since, audit.user_version
        reviewed = Stage.RELEASED
    return _last(upload, loaded, audit, reviewed, row, state)


def _went_online(audit: Audit, row: Release | None, state: CodeState | None) -> bool:
    """By our release, by a later roll back, or elsewhere."""
    if row is not None and row.id > audit.id and row.status == ReleaseStatus.DONE:
        return True
    taken_over = audit.upload_id is None and state is not None
    return bool(taken_over and state and state.online_version == audit.user_version)


def _last(
    upload: Upload | None,
    loaded: Stage | None,
    audit: Audit | None,
    reviewed: Stage | None,
    row: Release | None,
    state: CodeState | None,
) -> tuple[Stage, datetime | None, str]:
    """The newest thing that ended decides."""
    found: list[tuple[datetime, Stage, str]] = []
    if upload is not None and loaded is not None:
        found.append((upload.created_at, loaded, upload.user_version))
    if audit is not None and reviewed is not None and reviewed is not Stage.RELEASED:
        found.append((audit.created_at, reviewed, audit.user_version))
    if row is not None and row.status == ReleaseStatus.DONE:
        stage = Stage.ROLLED_BACK if row.kind == ReleaseKind.ROLL_BACK else Stage.RELEASED
        found.append((row.created_at, stage, row.user_version))
    if found:
        newest: Any = max(found, key=lambda one: one[0])
        return newest[1], newest[0], newest[2]
    if state is not None and state.online_version:
        return Stage.RELEASED, state.online_at, state.online_version
    return Stage.NO_CODE, None, ""


def _newest(model: Any, program_ids: Collection[UUID]) -> Any:
    """The newest row of each mini program."""
    newest = (
        select(model)
        .ext(distinct_on(model.program_id))
        .where(model.program_id.in_(program_ids))
        .order_by(model.program_id, model.id.desc())
        .subquery()
    )
    return aliased(model, newest)
