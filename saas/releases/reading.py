"""Reading a mini program's whole code state from WeChat: the way to see what nobody pushes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from saas import clock
from saas.components.access import load_component
from saas.components.quotas import note_quota
from saas.components.wechat import wechat
from saas.db import settle
from saas.failures import clear_failure, note_failure, raise_if_passing
from saas.programs.access import load_program
from saas.programs.models import AuthorizationStatus, Program
from saas.programs.polling import OpenRows, polled
from saas.programs.polling_models import Kind
from saas.programs.rhythms import Rhythm, Standing
from saas.programs.shutting import note_service
from saas.releases.audits import outcome_of, submitted_at, take_over
from saas.releases.code_state import find_state, lock_state, moment, note_plan, note_versions
from saas.releases.models import CodeState
from saas.wx.api.release import VersionInfo
from saas.wx.errors import CallFailed, CodeNotUploaded, NoSuchAudit, WeChatError

log = structlog.get_logger()

_IN_SERVICE = 1
_FRESH = timedelta(hours=20)
_FULLY = timedelta(days=7)
_QUOTA = timedelta(minutes=50)


def _all_with_code() -> OpenRows:
    query = select(CodeState.program_id, CodeState.provider_id, Program.component_id, Program.id)
    authorized = Program.authorization == AuthorizationStatus.AUTHORIZED
    return query.join(Program, Program.id == CodeState.program_id).where(authorized)


@polled(Kind.CODE, _all_with_code)
def look(db: Session, program_id: UUID) -> Standing | None:
    """The day's look at what nobody pushes: a suspension, or what was done in WeChat's console. Nothing is asked when
    an event, an action or a person had the state read today.
    """
    program = load_program(db, program_id)
    state = find_state(db, program)
    if state is None or program.authorization != AuthorizationStatus.AUTHORIZED:
        return None
    now, read_at = clock.now(), state.read_at
    if read_at is None or now - read_at > _FRESH:
        refresh_code_state(db, program, briefly=True)
        read_at = None
    return Standing(Rhythm.CODE, state.created_at, read_at=read_at)


def refresh_code_state(db: Session, program: Program, *, briefly: bool = False) -> None:
    """Read all five slots, categories and audit quota. A part that WeChat refuses stays as it was.

    `briefly`: while the versions are those that we know, only they and the service switch are read, the rest weekly.
    """
    component = load_component(db, program.component_id)
    client, appid, now = wechat(component), program.appid, clock.now()
    known = _known(find_state(db, program)) if briefly else None
    needs_quota = component.quota_read_at is None or now - component.quota_read_at > _QUOTA
    settle(db)
    try:
        info = client.release.getversioninfo(appid)
    except CallFailed as error:
        raise_if_passing(error)
        note_failure(lock_state(db, program.id, program.provider_id), error)
        return
    visit = _part(lambda: client.release.getvisitstatus(appid))
    latest = gray = categories = quota = None
    if known is None or known != _versions(info):
        latest = _part(lambda: client.code.get_latest_auditstatus(appid), {NoSuchAudit, CodeNotUploaded})
        gray = _part(lambda: client.release.getgrayreleaseplan(appid))
        categories = _part(lambda: client.categories.get_category(appid))
        quota = _part(lambda: client.code.queryquota(appid)) if needs_quota else None

    state = lock_state(db, program.id, program.provider_id)
    note_versions(db, state, info)
    clear_failure(state)
    state.read_at = clock.now()
    if visit is not None:
        state.visible = visit.get("status") == _IN_SERVICE
        note_service(db, {program.id: bool(state.online_version) and not state.visible})
    if gray is not None:
        note_plan(state, gray.get("gray_release_plan") or {})
    if categories is not None:
        state.categories, state.categories_read_at = list(categories.get("category_list") or []), clock.now()
    if quota is not None:
        note_quota(db, component, quota)
    if latest is not None:
        state.audit_version = str(latest.get("user_version") or "")
        state.audit_status = outcome_of(latest) or ""
        state.audit_at = submitted_at(latest) if latest else None
        take_over(db, program, latest)


def _known(state: CodeState | None) -> tuple[Any, ...] | None:
    """The versions as kept, None when a short reading would not do."""
    read_at = state.categories_read_at if state else None
    if state is None or read_at is None or clock.now() - read_at > _FULLY or state.phased_percent is not None:
        return None
    return state.trial_version, state.trial_at, state.online_version, state.online_at


def _versions(info: VersionInfo) -> tuple[Any, ...]:
    trial, online = info.get("exp_info") or {}, info.get("release_info") or {}
    return (
        trial.get("exp_version") or "", moment(trial.get("exp_time")),
        online.get("release_version") or "", moment(online.get("release_time")),
    )  # fmt: skip


def fail_refresh(db: Session, program: Program, error: BaseException) -> None:
    """The runner gave up: say so beside what was read last."""
    note_failure(lock_state(db, program.id, program.provider_id), error)


def _part(
    read: Callable[[], Mapping[str, Any]], nothing: set[type[WeChatError]] | None = None
) -> Mapping[str, Any] | None:
    """One part of the state: empty for the errors that say "there is none", None when WeChat refuses it. What passes by
    itself is raised, to read all again."""
    try:
        return read()
    except CallFailed as error:
        if nothing and isinstance(error, tuple(nothing)):
            return {}
        raise_if_passing(error)
        log.info("code_state_part_not_read", error=str(error))
        return None
