"""Pushes that were refused: counted by reason in steps of five minutes, without the caller's transaction."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.orm import Session

from saas import clock
from saas.components.models import CallbackRefusal
from saas.db import new_id, run_at_once

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


def note_refusal(provider_id: UUID, component_id: UUID, why: str) -> None:
    """Count one push that was no push, in one statement; whoever sent it costs us no more than that."""
    now = clock.now()
    run_at_once(
        _NOTE,
        {
            "id": component_id, "provider_id": provider_id, "refusal_id": new_id(), "now": now, "why": why,
            "began_at": step_of(now),
        },
    )  # fmt: skip


def note_new_key(component_id: UUID) -> None:
    """A push came with the message key that was changed last: WeChat uses it."""
    run_at_once(_NEW_KEY, {"id": component_id, "now": clock.now()})


def step_of(at: datetime) -> datetime:
    """When the five minutes began that this moment is in."""
    return at.replace(minute=at.minute - at.minute % 5, second=0, microsecond=0)


def forget_old_refusals(db: Session) -> None:
    """In a platform session."""
    db.execute(delete(CallbackRefusal).where(CallbackRefusal.began_at < clock.now() - _KEEP))
