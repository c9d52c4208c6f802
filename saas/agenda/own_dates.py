"""Dates of the provider's own: a qualification that ends, a promise. People say when they are done with."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from saas import clock
from saas.agenda.models import OwnDate
from saas.errors import N_, Conflict, Invalid, NotFound
from saas.programs.models import Program
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require

LONGEST_TITLE, LONGEST_NOTE = 60, 500
_FARTHEST = timedelta(days=366 * 20)


def add_date(
    db: Session, title: str, day: date, *, who: Who, note: str = "", program: Program | None = None
) -> OwnDate:
    """Keep a date; raises Invalid at `title`, `day` and `note`."""
    require(who, Verb.WORK)
    row = OwnDate(provider_id=who.provider_id, program_id=program.id if program else None, by_name=who.name)
    _write(row, title, day, note)
    db.add(row)
    db.flush()
    activity.record(db, who, "own_date.add", row, detail={"day": day.isoformat()})
    return row


def edit_date(db: Session, row: OwnDate, title: str, day: date, *, who: Who, note: str = "") -> None:
    """Change it; raises Invalid at `title`, `day` and `note`."""
    require(who, Verb.WORK)
    _write(row, title, day, note)
    activity.record(db, who, "own_date.edit", row, detail={"day": day.isoformat()})


def finish_date(db: Session, row: OwnDate, *, who: Who) -> None:
    """It needs nothing more; raises Conflict when somebody said so before."""
    require(who, Verb.WORK)
    db.refresh(row, with_for_update=True)
    if row.done_at is not None:
        raise Conflict(N_("已经标记为处理完"))
    row.done_at, row.done_by = clock.now(), who.name
    activity.record(db, who, "own_date.finish", row)


def get_date(db: Session, who: Who, date_id: UUID, verb: Verb) -> OwnDate:
    """A date that a member may do `verb` to; merchants have nothing to do with them."""
    query = select(OwnDate).where(OwnDate.id == date_id, OwnDate.provider_id == who.provider_id)
    row = None if who.is_merchant else db.scalar(query)
    if row is None:
        raise NotFound()
    require(who, verb)
    return row


def _write(row: OwnDate, title: str, day: date, note: str) -> None:
    title, note = title.strip(), note.strip()
    if not title:
        raise Invalid(N_("请填写这一项"), field="title")
    for text, most, field in ((title, LONGEST_TITLE, "title"), (note, LONGEST_NOTE, "note")):
        if len(text) > most:
            raise Invalid(N_("不能超过 %(most)d 个字"), field=field, most=most)
    today = clock.now().date()
    if not today - timedelta(days=366) <= day <= today + _FARTHEST:
        raise Invalid(N_("请选择一年前到二十年后之间的日期"), field="day")
    row.title, row.day, row.note = title, day, note
