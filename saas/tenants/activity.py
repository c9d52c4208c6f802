"""The activity log: who did what to which object, how it ended, from where. Written with the change it tells of."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from saas.tenants.access import Who
from saas.tenants.models import Activity


def record(
    db: Session,
    who: Who,
    verb: str,
    thing: Any = None,
    *,
    outcome: str = "ok",
    detail: dict[str, Any] | None = None,
) -> None:
    """Note one action in the caller's transaction.

    `verb` is ``<area>.<what>`` (``program.release``), `thing` a row with an id and maybe a name; `detail` holds plain
    values and never a secret or personal data.
    """
    db.add(
        Activity(
            provider_id=who.provider_id,
            actor_kind=who.kind,
            actor_id=who.user_id,
            actor_name=who.name,
            verb=verb,
            object_kind=thing.__tablename__ if thing is not None else "",
            object_id=thing.id if thing is not None else None,
            object_name=str(getattr(thing, "name", "") or "") if thing is not None else "",
            outcome=outcome,
            detail=detail or {},
            ip=who.ip,
            request_id=who.request_id,
        )
    )


def list_activities(
    db: Session,
    *,
    object_id: UUID | None = None,
    object_kind: str = "",
    actor: str = "",
    verb: str = "",
    verbs: Collection[str] = (),
    before: UUID | None = None,
    limit: int = 50,
) -> list[Activity]:
    """The provider's log, newest first; `before` is the id of the last row of the page before.

    `verb` is how the verb begins, `verbs` are whole ones.
    """
    query = select(Activity).order_by(Activity.id.desc()).limit(limit)
    if object_id is not None:
        query = query.where(Activity.object_id == object_id)
    if object_kind:
        query = query.where(Activity.object_kind == object_kind)
    if actor:
        query = query.where(Activity.actor_name.contains(actor, autoescape=True))
    if verb:
        query = query.where(Activity.verb.startswith(verb, autoescape=True))
    if verbs:
        query = query.where(Activity.verb.in_(verbs))
    if before is not None:
        query = query.where(Activity.id < before)
    return list(db.scalars(query))


def verbs_of(db: Session, thing: Any) -> list[str]:
    """What was done to a thing, each once."""
    query = select(Activity.verb).where(Activity.object_kind == thing.__tablename__, Activity.object_id == thing.id)
    return sorted(db.scalars(query.distinct()))
