"""Putting mini programs off: out of sight of the to-do board for some days, with a word on why."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, exists, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from saas import clock
from saas.db import new_id
from saas.errors import N_, Invalid
from saas.programs.models import Program
from saas.programs.snooze_models import ProgramSnooze
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require

LONGEST = timedelta(days=366)
LONGEST_NOTE = 200
_AT_ONCE = 2000


def is_snoozed() -> ColumnElement[bool]:
    """The condition on mini programs that are put off now."""
    row = ProgramSnooze
    return exists().where(row.program_id == Program.id, row.stage == Program.stage, row.until > clock.now())


def snooze(db: Session, program_ids: Collection[UUID], until: datetime, note: str, *, who: Who) -> int:
    """Put mini programs off until then, as they stand now; says how many. Raises Invalid at `until` and `note`."""
    require(who, Verb.WORK)
    now, note = clock.now(), note.strip()
    if until <= now:
        raise Invalid(N_("请选择以后的日期"), field="until")
    if until > now + LONGEST:
        raise Invalid(N_("最多推迟一年"), field="until")
    if len(note) > LONGEST_NOTE:
        raise Invalid(N_("不能超过 %(most)d 个字"), field="note", most=LONGEST_NOTE)
    stages = select(Program.id, Program.stage).where(
        Program.id.in_(program_ids), Program.provider_id == who.provider_id
    )
    found = db.execute(stages).all()
    for start in range(0, len(found), _AT_ONCE):
        rows = [
            {
                "id": new_id(), "created_at": now, "provider_id": who.provider_id, "program_id": row.id,
                "stage": row.stage, "until": until, "note": note, "by_name": who.name,
            }
            for row in found[start : start + _AT_ONCE]
        ]  # fmt: skip
        made = insert(ProgramSnooze).values(rows)
        changed = {name: made.excluded[name] for name in ("stage", "until", "note", "by_name", "created_at")}
        db.execute(made.on_conflict_do_update(index_elements=["program_id"], set_=changed))
    if found:
        activity.record(db, who, "program.snooze", detail={"count": len(found), "until": until.isoformat()})
    return len(found)


def wake(db: Session, program: Program, *, who: Who) -> None:
    """Bring a mini program back to the board."""
    require(who, Verb.WORK)
    db.execute(delete(ProgramSnooze).where(ProgramSnooze.program_id == program.id))
    activity.record(db, who, "program.wake", program)


def snoozes_of(db: Session, program_ids: Collection[UUID]) -> dict[UUID, ProgramSnooze]:
    """The snooze of each of these mini programs that is put off now; one query."""
    query = (
        select(ProgramSnooze)
        .join(Program, and_(Program.id == ProgramSnooze.program_id, Program.stage == ProgramSnooze.stage))
        .where(ProgramSnooze.program_id.in_(program_ids), ProgramSnooze.until > literal(clock.now()))
    )
    return {row.program_id: row for row in db.scalars(query)}


def forget_old(db: Session) -> None:
    """Cron: rows that put nothing off any more."""
    db.execute(delete(ProgramSnooze).where(ProgramSnooze.until < clock.now() - timedelta(days=30)))
