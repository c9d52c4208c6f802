"""Pushes that were refused: counted by reason in steps of five minutes, without the caller's transaction."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import structlog
from sqlalchemy import delete
from sqlalchemy.orm import Session

from saas import clock
from saas.components.models import CallbackRefusal
from saas.db import new_id, run_at_once

log = structlog.get_logger()

STEP = timedelta(minutes=5)
_KEEP = timedelta(days=8)

_NOTE = """
with counted as (
    insert into callback_refusals (id, created_at, provider_id, component_id, began_at, why, count)
    values (%(refusal_id)s, %(now)s, %(provider_id)s, %(id)s, %(began_at)s, %(why)s, 1)
    on conflict (component_id, began_at, why) do update set count = callback_refusals.count + 1
)
update component_apps set callbacks_refused = callbacks_refused + 1, last_refusal = %(why)s, last_refusal_at = %(now)s
where id = %(id)s
"""
_NEW_KEY = "update component_apps set aes_key_seen_at = %(now)s where id = %(id)s and aes_key_seen_at is null"

_few = threading.BoundedSemaphore(2)
"""A flood of refusals leaves the other connections of `run_at_once` to the genuine pushes."""

_WAIT_SECONDS = 0.2


def note_refusal(provider_id: UUID, component_id: UUID, why: str) -> None:
    """Count one push that was no push, in one statement; whoever sent it costs us no more than that."""
    now = clock.now()
    _note(
        _NOTE,
        {
            "id": component_id, "provider_id": provider_id, "refusal_id": new_id(), "now": now, "why": why,
            "began_at": step_of(now),
        },
    )  # fmt: skip


def note_new_key(component_id: UUID) -> None:
    """A push came with the message key that was changed last: WeChat uses it."""
    _note(_NEW_KEY, {"id": component_id, "now": clock.now()})


def _note(statement: str, values: Mapping[str, Any]) -> None:
    """The answer to WeChat does not depend on it: what would have to wait is only logged."""
    if not _few.acquire(timeout=_WAIT_SECONDS):
        log.warning("callback_not_noted", component=str(values["id"]), why="busy")
        return
    try:
        run_at_once(statement, values)
    except psycopg.errors.LockNotAvailable:
        log.warning("callback_not_noted", component=str(values["id"]), why="locked")
    finally:
        _few.release()


def step_of(at: datetime) -> datetime:
    """When the five minutes began that this moment is in."""
    return at.replace(minute=at.minute - at.minute % 5, second=0, microsecond=0)


def forget_old_refusals(db: Session) -> None:
    """In a platform session."""
    db.execute(delete(CallbackRefusal).where(CallbackRefusal.began_at < clock.now() - _KEEP))
