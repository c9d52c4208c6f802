"""Renew access tokens ahead of need, so that nobody who works waits for one."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

import structlog
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from saas import clock
from saas.components.models import AccessTokenRow, ComponentApp
from saas.components.tokens import AHEAD_BY_CRON, list_expiring
from saas.components.wechat import component_tokens
from saas.queue import Lane, enqueue_for
from saas.wx.errors import CallFailed

log = structlog.get_logger()

_THREADS = 8
_SECONDS = 60.0
_GIVE_UP = timedelta(days=1)
_FAULT_PAUSE = timedelta(minutes=10)


@dataclass(frozen=True)
class Renewed:
    done: int
    failed: int
    left: int


def enqueue_refreshes(db: Session) -> int:
    """Have the tokens of each component app renewed that has any running out; says of how many. In a platform session.

    A component app that is set up wrongly is tried every ten minutes, a token that nobody could renew for a day is left
    until it is needed.
    """
    now = clock.now()
    due = db.execute(
        select(AccessTokenRow.provider_id, AccessTokenRow.component_id)
        .join(ComponentApp, ComponentApp.id == AccessTokenRow.component_id)
        .where(
            AccessTokenRow.ended_at.is_(None), AccessTokenRow.expires_at < now + AHEAD_BY_CRON,
            AccessTokenRow.expires_at > now - _GIVE_UP,
            or_(ComponentApp.last_error_at.is_(None), ComponentApp.last_error_at < now - _FAULT_PAUSE),
        )
        .distinct()
    ).all()  # fmt: skip
    for provider_id, component_id in due:
        enqueue_for(db, provider_id, "jobs.tokens.refresh", component_id, lane=Lane.POLL)
    return len(due)


def refresh_expiring(component: ComponentApp) -> Renewed:
    """Renew what runs out soon, the component app's own token first, several at a time; stops after a minute.

    Call it without an open transaction. A failed one is logged and tried again at the next turn.
    """
    tokens = component_tokens(component)
    ends = time.monotonic() + _SECONDS
    appids = list_expiring(component.provider_id, component.id)
    try:
        tokens.component_token(ahead=AHEAD_BY_CRON)
    except CallFailed as error:
        log.warning("component_token_not_renewed", component=str(component.id), error=str(error))
        return Renewed(0, 1, 0)  # the cron comes again

    def renew(appid: str) -> bool | None:
        if time.monotonic() >= ends:
            return None
        try:
            tokens.authorizer_token(appid, ahead=AHEAD_BY_CRON)
        except CallFailed as error:
            log.warning("token_not_renewed", component=str(component.id), program=appid, error=str(error))
            return False
        return True

    with ThreadPoolExecutor(_THREADS, thread_name_prefix="renew") as pool:
        outcomes = list(pool.map(renew, [appid for appid in appids if appid]))
    return Renewed(outcomes.count(True), outcomes.count(False), outcomes.count(None))
