"""Reading a mini program's whole code state from WeChat: the way to see what nobody pushes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import structlog
from sqlalchemy.orm import Session

from saas import clock
from saas.components.access import load_component
from saas.components.wechat import wechat
from saas.db import settle
from saas.failures import clear_failure, note_failure, raise_if_passing
from saas.programs.models import Program
from saas.releases.audits import outcome_of, submitted_at, take_over
from saas.releases.code_state import lock_state, note_plan, note_versions
from saas.wx.errors import CallFailed, CodeNotUploaded, NoSuchAudit, WeChatError

log = structlog.get_logger()

_IN_SERVICE = 1


def refresh_code_state(db: Session, program: Program) -> None:
    """Read all five slots, categories and audit quota. A part that WeChat refuses stays as it was."""
    component = load_component(db, program.component_id)
    client, appid = wechat(component), program.appid
    settle(db)
    try:
        info = client.release.getversioninfo(appid)
    except CallFailed as error:
        raise_if_passing(error)
        note_failure(lock_state(db, program.id, program.provider_id), error)
        return
    latest = _part(lambda: client.code.get_latest_auditstatus(appid), {NoSuchAudit, CodeNotUploaded})
    visit = _part(lambda: client.release.getvisitstatus(appid))
    gray = _part(lambda: client.release.getgrayreleaseplan(appid))
    categories = _part(lambda: client.categories.get_category(appid))
    quota = _part(lambda: client.code.queryquota(appid))

    state = lock_state(db, program.id, program.provider_id)
    note_versions(db, state, info)
    clear_failure(state)
    state.read_at = clock.now()
    if visit is not None:
        state.visible = visit.get("status") == _IN_SERVICE
    if gray is not None:
        note_plan(state, gray.get("gray_release_plan") or {})
    if categories is not None:
        state.categories, state.categories_read_at = list(categories.get("category_list") or []), clock.now()
    if quota is not None:
        component.audit_quota_rest, component.audit_quota_limit = quota.get("rest"), quota.get("limit")
        component.speedup_rest, component.quota_read_at = quota.get("speedup_rest"), clock.now()
    if latest is not None:
        state.audit_version = str(latest.get("user_version") or "")
        state.audit_status = outcome_of(latest) or ""
        state.audit_at = submitted_at(latest) if latest else None
        take_over(db, program, latest)


def fail_refresh(db: Session, program: Program, error: BaseException) -> None:
    """The runner gave up: say so beside what was read last."""
    note_failure(lock_state(db, program.id, program.provider_id), error)


def _part(
    read: Callable[[], Mapping[str, Any]], nothing: set[type[WeChatError]] | None = None
) -> Mapping[str, Any] | None:
    """One part of the state: empty for the errors that say "there is none", None when it could not be read."""
    try:
        return read()
    except CallFailed as error:
        if nothing and isinstance(error, tuple(nothing)):
            return {}
        log.info("code_state_part_not_read", error=str(error))
        return None
