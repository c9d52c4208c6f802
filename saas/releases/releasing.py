"""Release of an approved audit, and roll back to an earlier version. Both may be asked for twice and harm nothing.

What is online is noted before the call; whenever the call may have got through, it is read first and compared.
https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/code-management/api_release
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from saas import clock
from saas.components.access import load_component
from saas.components.wechat import wechat
from saas.db import settle
from saas.errors import N_, Conflict
from saas.failures import clear_failure, note_failure, raise_if_passing
from saas.programs.access import load_program
from saas.programs.models import Program
from saas.queue import Lane, Later, enqueue, waiting
from saas.releases.access import hold_program
from saas.releases.audits import RUNNING, newest_audit
from saas.releases.code_state import (
    REFRESH,
    RELEASE_RUNNING,
    Busy,
    find_state,
    lock_state,
    moment,
    note_versions,
    refuse_if_busy,
    refuse_unless_workable,
)
from saas.releases.models import Audit, AuditStatus, PastVersion, Release, ReleaseKind, ReleaseStatus
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require, system
from saas.wx.api.release import VersionInfo
from saas.wx.client import WxClient
from saas.wx.errors import AlreadyReleased, CallFailed, CannotRollBack, WeChatError

RUN = "jobs.releases.release"
READ_PAST_VERSIONS = "jobs.releases.read_past_versions"


def release(db: Session, program: Program, audit: Audit, *, who: Who, lane: Lane = Lane.URGENT) -> Release:
    """Begin to put the approved version online. A second click answers the release that the first one began."""
    require(who, Verb.WORK)
    refuse_unless_workable(program)
    hold_program(db, program)
    before = newest_release_of(db, audit)
    if before is not None and before.status != ReleaseStatus.FAILED:
        return before
    newest = newest_audit(db, program)
    db.refresh(audit)
    if audit.status != AuditStatus.APPROVED:
        raise Conflict(N_("这一版还没有审核通过，不能发布"))
    if newest is not None and newest.id != audit.id:
        raise Conflict(N_("之后又提交过审核，微信只发布最近一次审核通过的版本"))
    return _begin(
        db, program, who,
        Release(kind=ReleaseKind.RELEASE, audit_id=audit.id, user_version=audit.user_version), lane,
    )  # fmt: skip


def roll_back(db: Session, program: Program, version: PastVersion, *, who: Who, lane: Lane = Lane.URGENT) -> Release:
    """Begin to go back to one of the versions that WeChat lists. While a roll back to it runs, that one is answered."""
    require(who, Verb.WORK)
    refuse_unless_workable(program)
    hold_program(db, program)
    running = running_release(db, program)
    if running is not None and running.app_version == version.app_version:
        return running
    return _begin(
        db, program, who,
        Release(kind=ReleaseKind.ROLL_BACK, app_version=version.app_version, user_version=version.user_version),
        lane,
    )  # fmt: skip


def set_automatic(db: Session, program: Program, audit: Audit, *, who: Who, on: bool) -> None:
    """Have the version released as soon as it is approved, or held until somebody releases it."""
    require(who, Verb.WORK)
    db.refresh(audit, with_for_update=True)
    if audit.status not in RUNNING:
        raise Conflict(N_("这次审核已经结束，不能再改发布方式"))
    audit.releases_itself = on
    detail = {"version": audit.user_version, "automatic": on}
    activity.record(db, who, "program.audit.automatic", program, detail=detail)


def release_approved(db: Session, audit: Audit) -> None:
    """Begin the release that was wished beforehand, once nothing else runs: a scan may take a day.

    What stands in its way, such as a newer audit, is told in the activity log.
    """
    if audit.status != AuditStatus.APPROVED or not audit.releases_itself:
        return
    program, who = load_program(db, audit.program_id), system(audit.provider_id)
    try:
        release(db, program, audit, who=who, lane=Lane.DEFAULT)
    except Busy as busy:
        raise Later(timedelta(seconds=30), why=busy.message) from busy
    except Conflict as refused:
        detail = {"version": audit.user_version, "why": refused.message}
        activity.record(db, who, "program.release", program, outcome="failed", detail=detail)


def newest_release(db: Session, program: Program) -> Release | None:
    query = select(Release).where(Release.program_id == program.id)
    return db.scalars(query.order_by(Release.id.desc()).limit(1)).first()


def newest_release_of(db: Session, audit: Audit) -> Release | None:
    return db.scalars(select(Release).where(Release.audit_id == audit.id).order_by(Release.id.desc()).limit(1)).first()


def is_released(db: Session, audit: Audit) -> bool:
    """Whether this approved version is online, was, or is on its way there."""
    row = newest_release_of(db, audit)
    return row is not None and row.status != ReleaseStatus.FAILED


def running_release(db: Session, program: Program) -> Release | None:
    return db.scalar(select(Release).where(Release.program_id == program.id, Release.status.in_(RELEASE_RUNNING)))


def list_releases(db: Session, program: Program, *, before: UUID | None = None, limit: int = 20) -> list[Release]:
    query = select(Release).where(Release.program_id == program.id).order_by(Release.id.desc()).limit(limit)
    return list(db.scalars(query.where(Release.id < before) if before else query))


def is_running(one: Release) -> bool:
    return one.status in RELEASE_RUNNING


def list_past_versions(db: Session, program: Program) -> list[PastVersion]:
    """The versions that WeChat would go back to, as last read, newest first."""
    query = select(PastVersion).where(PastVersion.program_id == program.id)
    return sorted(db.scalars(query), key=lambda one: int(one.app_version or 0), reverse=True)


def request_past_versions(db: Session, program: Program, *, who: Who) -> None:
    """Have the list of versions to go back to read, by a job."""
    require(who, Verb.WORK)
    refuse_unless_workable(program)
    enqueue(db, READ_PAST_VERSIONS, program.id, lane=Lane.URGENT)


def is_reading_past_versions(db: Session, program: Program) -> bool:
    return waiting(db, READ_PAST_VERSIONS, program.id) is not None


def _begin(db: Session, program: Program, who: Who, row: Release, lane: Lane) -> Release:
    refuse_if_busy(db, program)
    state = find_state(db, program)
    row.provider_id, row.program_id, row.created_by = program.provider_id, program.id, who.user_id
    row.from_version = state.online_version if state else ""
    try:
        with db.begin_nested():
            db.add(row)
            db.flush()
    except IntegrityError:
        raise Conflict(N_("正在发布或回退，请等它完成")) from None
    enqueue(db, RUN, row.id, lane=lane)
    detail = {"release": str(row.id), "version": row.user_version, "from": row.from_version}
    activity.record(db, who, f"program.{row.kind}", program, detail=detail)
    return row


def run_release(db: Session, row: Release) -> None:
    """Do a release or a roll back and read back what is online. Silence is raised: the next run looks first."""
    if row.status not in RELEASE_RUNNING:
        return
    program = load_program(db, row.program_id)
    client = wechat(load_component(db, program.component_id))
    settle(db)
    try:
        info = client.release.getversioninfo(program.appid)
        db.refresh(row, with_for_update=True)
        if row.status not in RELEASE_RUNNING:
            return
        if row.sent_at is not None and _is_online(info, row):
            _note_done(db, program, row, info)
            return
        again = row.sent_at is not None
        if row.sent_at is None:
            row.sent_at, row.online_before = clock.now(), _fingerprint(info)
        row.status = ReleaseStatus.SENDING
        settle(db)
        refusal = _send(client, program, row, again=again)
        info = client.release.getversioninfo(program.appid)
        if refusal is not None and not _has_version(info, row):
            raise refusal
    except CallFailed as error:
        raise_if_passing(error)
        fail_release(db, row, error)
        return
    _note_done(db, program, row, info)


def fail_release(db: Session, row: Release, error: BaseException) -> None:
    """End it: WeChat refused, or the runner gave up. What is online is unchanged, or the next reading tells."""
    db.refresh(row, with_for_update=True)
    if row.status not in RELEASE_RUNNING:
        return
    note_failure(row, error)
    row.status, row.finished_at = ReleaseStatus.FAILED, clock.now()
    program = load_program(db, row.program_id)
    detail = {"release": str(row.id), "version": row.user_version, "errcode": row.errcode, "rid": row.rid}
    activity.record(db, system(row.provider_id), f"program.{row.kind}", program, outcome="failed", detail=detail)
    enqueue(db, REFRESH, program.id)


def _send(client: WxClient, program: Program, row: Release, *, again: bool) -> WeChatError | None:
    """Make the call; answers the refusal that means "done" when the expected version is online."""
    try:
        if row.kind == ReleaseKind.ROLL_BACK:
            client.release.revertcoderelease(program.appid, app_version=row.app_version)
        else:
            client.release.release(program.appid)
    except AlreadyReleased as error:
        return error
    except CannotRollBack as error:
        if not again:
            raise
        return error
    return None


def _is_online(info: VersionInfo, row: Release) -> bool:
    """Whether an earlier try got through: something else is online than before it, in the expected version."""
    return _fingerprint(info) != row.online_before and _has_version(info, row)


def _has_version(info: VersionInfo, row: Release) -> bool:
    """WeChat now and then leaves the version empty."""
    online: dict[str, Any] = dict(info.get("release_info") or {})
    return bool(online) and online.get("release_version") in ("", None, row.user_version)


def _fingerprint(info: VersionInfo) -> str:
    online = info.get("release_info") or {}
    return f"{online.get('release_version') or ''}@{online.get('release_time') or ''}" if online else ""


def _note_done(db: Session, program: Program, row: Release, info: VersionInfo) -> None:
    db.refresh(row, with_for_update=True)
    if row.status not in RELEASE_RUNNING:
        return
    row.status, row.finished_at = ReleaseStatus.DONE, clock.now()
    clear_failure(row)
    note_versions(db, lock_state(db, program.id, program.provider_id), info)
    detail = {"release": str(row.id), "version": row.user_version, "from": row.from_version}
    activity.record(db, system(program.provider_id), f"program.{row.kind}.done", program, detail=detail)
    enqueue(db, REFRESH, program.id)
    enqueue(db, READ_PAST_VERSIONS, program.id)


def read_past_versions(db: Session, program: Program) -> None:
    """Read the versions that a roll back can go to; WeChat keeps five at most, and none right after a roll back."""
    component = load_component(db, program.component_id)
    settle(db)
    try:
        listed = wechat(component).release.get_history_version(program.appid).get("version_list") or []
    except CannotRollBack:
        listed = []
    except CallFailed as error:
        raise_if_passing(error)
        note_failure(lock_state(db, program.id, program.provider_id), error)
        return
    state = lock_state(db, program.id, program.provider_id)
    state.versions_read_at = clock.now()
    kept = {one.app_version: one for one in list_past_versions(db, program)}
    seen = []
    for version in listed:
        number = str(version.get("app_version") or "")
        row = kept.get(number) or PastVersion(
            provider_id=program.provider_id, program_id=program.id, app_version=number
        )
        row.user_version, row.description = version.get("user_version") or "", version.get("user_desc") or ""
        row.released_at = moment(version.get("commit_time"))
        db.add(row)
        seen.append(number)
    db.flush()
    db.execute(
        delete(PastVersion)
        .where(PastVersion.program_id == program.id, PastVersion.app_version.not_in(seen))
        .execution_options(synchronize_session=False)
    )
