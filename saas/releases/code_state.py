"""What one program's five code slots hold, as last read; and whether something is under way that must end first."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, cast, exists, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import InstrumentedAttribute, Session

from saas import clock
from saas.db import new_id
from saas.errors import N_, Conflict
from saas.programs.models import AuthorizationStatus, Program
from saas.queue import Job, JobStatus, Lane, enqueue, waiting
from saas.releases.models import Audit, AuditStatus, CodeState, Release, ReleaseStatus, Upload, UploadStatus
from saas.tenants.access import Verb, Who, require
from saas.wx.api.release import VersionInfo
from saas.wx.permissions import DEVELOPMENT

REFRESH = "jobs.releases.refresh_code_state"

UPLOAD_RUNNING = (UploadStatus.QUEUED, UploadStatus.SENDING, UploadStatus.SCANNING)
AUDIT_SENDING = (AuditStatus.QUEUED, AuditStatus.SUBMITTING)
RELEASE_RUNNING = (ReleaseStatus.QUEUED, ReleaseStatus.SENDING)
_PHASED = (1, 2)


class Busy(Conflict):
    """Something that the same mini program is about must end first."""


def find_state(db: Session, program: Program) -> CodeState | None:
    """What was read last; None when nothing ever was."""
    return db.scalar(select(CodeState).where(CodeState.program_id == program.id))


def lock_state(db: Session, program_id: UUID, provider_id: UUID) -> CodeState:
    """The program's row, made when it was missing, locked until the transaction ends."""
    made = insert(CodeState).values(
        id=new_id(), created_at=clock.now(), provider_id=provider_id, program_id=program_id, trial_version="",
        trial_description="", audit_version="", audit_status="", online_version="", online_description="",
        phased_developers=False, phased_testers=False, minimum_library="", library_shares=[], categories=[],
        operation="", rid="", error="",
    )  # fmt: skip
    db.execute(made.on_conflict_do_nothing(index_elements=["program_id"]))
    query = select(CodeState).where(CodeState.program_id == program_id)
    return db.scalars(query.with_for_update().execution_options(populate_existing=True)).one()


def request_refresh(db: Session, program: Program, *, who: Who) -> None:
    """Have all slots read again, by a job."""
    require(who, Verb.WORK)
    enqueue(db, REFRESH, program.id, lane=Lane.URGENT)


def is_refreshing(db: Session, program: Program) -> bool:
    return waiting(db, REFRESH, program.id) is not None


def is_first_reading(program_id: ColumnElement[UUID] | InstrumentedAttribute[UUID]) -> ColumnElement[bool]:
    """For a query: the categories of this mini program are still to be read for the first time, and a job does it."""
    read = exists().where(CodeState.program_id == program_id, CodeState.categories_read_at.is_not(None))
    job = exists().where(
        Job.name == REFRESH, Job.subject == cast(program_id, Job.subject.type),
        Job.status.in_([JobStatus.QUEUED, JobStatus.RUNNING]),
    )  # fmt: skip
    return and_(~read, job)


def note_versions(db: Session, state: CodeState, info: VersionInfo) -> None:
    """Write the trial and the online version, and which of our templates they came from."""
    trial, online = info.get("exp_info") or {}, info.get("release_info") or {}
    state.trial_version, state.trial_description = trial.get("exp_version") or "", trial.get("exp_desc") or ""
    state.trial_at = moment(trial.get("exp_time"))
    state.trial_template_row_id = _template_of(db, state.program_id, state.trial_version, newest_only=True)
    state.online_version, state.online_description = (
        online.get("release_version") or "", online.get("release_desc") or ""
    )  # fmt: skip
    state.online_at = moment(online.get("release_time"))
    state.online_template_row_id = _template_of(db, state.program_id, state.online_version)


def runs(plan: Mapping[str, Any]) -> bool:
    """Whether WeChat's plan of a phased release is under way; 2 is a pause."""
    return plan.get("status") in _PHASED


def note_plan(state: CodeState, plan: Mapping[str, Any]) -> None:
    """Write how the phased release stands."""
    running = runs(plan)
    state.phased_percent = plan.get("gray_percentage") if running else None
    state.phased_at = moment(plan.get("create_timestamp")) if running else None
    state.phased_developers = running and bool(plan.get("support_debuger_first"))
    state.phased_testers = running and bool(plan.get("support_experiencer_first"))


def moment(seconds: int | str | None) -> datetime | None:
    """WeChat's unix seconds as a time; it writes 0 or nothing where there is none."""
    return datetime.fromtimestamp(int(seconds), UTC) if seconds else None


def refuse_unless_workable(program: Program) -> None:
    """Every call of code and release needs a living authorization with permission set 18."""
    if program.authorization != AuthorizationStatus.AUTHORIZED:
        raise Conflict(N_("商家没有授权，请先让商家重新授权"))
    if program.permission_sets and DEVELOPMENT not in program.permission_sets:
        raise Conflict(N_("商家的授权里没有“开发管理与数据分析”权限，请让商家重新授权并勾选它"))


def refuse_if_busy(db: Session, program: Program) -> None:
    """Raise Busy while anything runs: WeChat takes one call at a time per mini program.

    Hold the program first, so that nothing begins meanwhile.
    """
    row = db.execute(
        select(
            exists().where(Upload.program_id == program.id, Upload.status.in_(UPLOAD_RUNNING)),
            exists().where(Audit.program_id == program.id, Audit.status.in_(AUDIT_SENDING)),
            exists().where(Release.program_id == program.id, Release.status.in_(RELEASE_RUNNING)),
        )
    ).one()
    if row[0]:
        raise Busy(N_("正在上传代码，请等它完成"))
    if row[1]:
        raise Busy(N_("正在提交审核，请等它完成"))
    if row[2]:
        raise Busy(N_("正在发布或回退，请等它完成"))


def _template_of(db: Session, program_id: UUID, version: str, *, newest_only: bool = False) -> UUID | None:
    """The template of our newest upload, if it (or, for the online slot, any) has this version."""
    query = select(Upload.user_version, Upload.template_row_id).where(
        Upload.program_id == program_id, Upload.committed_at.is_not(None)
    )
    if not newest_only:
        query = query.where(Upload.user_version == version)
    row = db.execute(query.order_by(Upload.id.desc()).limit(1)).first()
    return row.template_row_id if row is not None and row.user_version == version else None
