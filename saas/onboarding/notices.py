"""Notices: what happened to a merchant's mini programs that her people should know, with a mark of what they have read.

They are written after the activity log by a cron, so that no part of the program has to think of them; the log's row is
the key, so that nothing comes twice. Other parts `tell` what the log does not say.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Text, cast, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from saas import clock
from saas.db import new_id
from saas.onboarding.models import Notice
from saas.onboarding.reasons import reasons_of
from saas.programs.models import Program
from saas.tenants.access import Verb, Who, require
from saas.tenants.models import Activity, MerchantMembership

TOLD = frozenset(
    {
        "program.audit.approved", "program.audit.rejected", "program.certification.failed",
        "program.certification.passed", "program.certification.sent_back", "program.certification.task_expired",
        "program.filing.authority_rejected", "program.filing.cancelled", "program.filing.face", "program.filing.filed",
        "program.filing.platform_rejected", "program.filing.sms", "program.lost", "program.name.approved",
        "program.name.refused", "program.release.done", "program.resume.done", "program.roll_back.done",
        "program.shut.banned", "program.shut.frozen", "program.shut.suspended", "program.shut.warned",
        "program.suspend.done", "program.unauthorized", "program.violation", "program.violation.lifted",
        "program.violation.refused",
    }
)  # fmt: skip
"""Entries of the activity log that become notices."""
_WITH_REASON = ("program.violation", "program.violation.lifted", "program.violation.refused")
"""Whose reason is WeChat's own word to the merchant."""
_BACK = timedelta(days=1)
_SHOWN = ("version", "name")
_ACTIVITY = "activity:"
_BELOW_TIME = 80
"""Bits of a UUIDv7 after its milliseconds."""


def write_notices(db: Session, *, limit: int = 2000) -> int:
    """Write a notice for each entry of the last day's log that has none yet, in a platform session; says how many.

    A few queries, whatever the number, and none reads more than a day. An entry that one merchant was told of is told
    to no other, also when the mini program goes to another one meanwhile.
    """
    since = _ids_since(_BACK)
    key = func.concat(_ACTIVITY, cast(Activity.id, Text))
    known = select(Notice.id).where(Notice.id >= since, Notice.key == key).exists()
    rows = db.execute(
        select(Activity, Program.merchant_id)
        .join(Program, (Program.id == Activity.object_id) & (Program.provider_id == Activity.provider_id))
        .where(
            Activity.id >= since, Activity.verb.in_(TOLD), Activity.outcome == "ok",
            Activity.object_kind == literal(Program.__tablename__), Program.merchant_id.is_not(None), ~known,
        )
        .order_by(Activity.id)
        .limit(limit)
    ).all()  # fmt: skip
    if not rows:
        return 0
    reasons, now = reasons_of(db, [entry for entry, _merchant_id in rows]), clock.now()
    values = []
    for entry, merchant_id in rows:
        detail = {name: entry.detail[name] for name in _SHOWN if entry.detail.get(name)}
        if reason := reasons.get(entry.id) or (entry.detail.get("reason") if entry.verb in _WITH_REASON else ""):
            detail["reason"] = reason
        values.append(
            {
                "id": new_id(), "created_at": now, "provider_id": entry.provider_id, "merchant_id": merchant_id,
                "program_id": entry.object_id, "kind": entry.verb, "key": f"{_ACTIVITY}{entry.id}", "detail": detail,
            }
        )  # fmt: skip
    db.execute(insert(Notice).values(values).on_conflict_do_nothing(index_elements=["merchant_id", "key"]))
    return len(rows)


def tell(
    db: Session, provider_id: UUID, merchant_id: UUID, *, kind: str, key: str, program_id: UUID | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:  # fmt: skip
    """Leave a notice for a merchant; one of the same key is left once. `detail` holds nothing personal."""
    row = insert(Notice).values(
        id=new_id(), created_at=clock.now(), provider_id=provider_id, merchant_id=merchant_id, program_id=program_id,
        kind=kind, key=key, detail=dict(detail or {}),
    )  # fmt: skip
    db.execute(row.on_conflict_do_nothing(index_elements=["merchant_id", "key"]))


def list_notices(
    db: Session, who: Who, *, program_id: UUID | None = None, before: UUID | None = None, limit: int = 20
) -> list[Notice]:
    """The notices for a merchant's person, newest first; `before` is the last id shown."""
    require(who, Verb.VIEW)
    query = select(Notice).where(Notice.merchant_id.in_(who.merchant_ids)).order_by(Notice.id.desc()).limit(limit)
    if program_id is not None:
        query = query.where(Notice.program_id == program_id)
    return list(db.scalars(query.where(Notice.id < before) if before is not None else query))


def unread_ids(db: Session, who: Who, notices: Collection[Notice]) -> set[UUID]:
    """Which of these she has not marked as read."""
    seen = {
        row.merchant_id: row.notices_seen_at
        for row in db.execute(
            select(MerchantMembership.merchant_id, MerchantMembership.notices_seen_at).where(
                MerchantMembership.user_id == who.user_id
            )
        )
    }
    return {
        one.id
        for one in notices
        if (moment := seen.get(one.merchant_id)) is None or one.created_at > moment
    }  # fmt: skip


def count_unread(db: Session, who: Who, *, most: int = 99) -> int:
    """How many notices she has not marked as read, counted up to `most`."""
    unread = (
        select(Notice.id)
        .join(
            MerchantMembership,
            (MerchantMembership.merchant_id == Notice.merchant_id) & (MerchantMembership.user_id == who.user_id),
        )
        .where(
            Notice.merchant_id.in_(who.merchant_ids),
            or_(
                MerchantMembership.notices_seen_at.is_(None),
                Notice.created_at > MerchantMembership.notices_seen_at,
            ),
        )
        .limit(most)
        .subquery()
    )
    return db.scalar(select(func.count()).select_from(unread)) or 0


def mark_read(db: Session, who: Who) -> None:
    """Everything up to now is read by her; her colleagues' marks are their own."""
    require(who, Verb.VIEW)
    db.execute(
        update(MerchantMembership)
        .where(MerchantMembership.user_id == who.user_id, MerchantMembership.merchant_id.in_(who.merchant_ids))
        .values(notices_seen_at=clock.now())
    )


def _ids_since(age: timedelta) -> UUID:
    """The least id that a row made no longer ago than this can have. Ids follow the real clock, also where the demo's
    was moved, so they are compared with one that is made now.
    """
    milliseconds = (new_id().int >> _BELOW_TIME) - int(age / timedelta(milliseconds=1))
    return UUID(int=milliseconds << _BELOW_TIME)
