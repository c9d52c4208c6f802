"""Two rows of one mini program become one: what was prepared here stays, and the row that an authorization made goes.

Everything hangs on the prepared row, also what layers above keep; so that row stays, and the database itself is asked
which columns name mini programs.
"""

from __future__ import annotations

from contextlib import suppress
from uuid import UUID

from sqlalchemy import Text, Uuid, any_, cast, column, func, literal, select, table, text, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from saas.batches.models import BatchItem
from saas.components.models import CheckFile
from saas.programs.models import Program, ProgramGram
from saas.programs.noticing import Kept, notice
from saas.programs.polling_models import Look
from saas.queue import Job, JobStatus

KEPT = frozenset({
    "id", "created_at", "provider_id", "component_id", "stage", "turn", "stage_since", "due_at", "trial_version",
    "trial_version_key", "trial_template", "online_version", "online_version_key", "online_template",
    "rejected_audit_id", "reject_key", "search_text",
})  # fmt: skip
"""Columns that stay as they are, or follow by themselves before the commit."""

OURS = frozenset({"merchant_id", "owner_id", "note", "ext_values"})
"""Columns that people filled in; all others are WeChat's word."""

POINTING = (
    (BatchItem.__tablename__, "subject_id"), (CheckFile.__tablename__, "owner_id"), (Look.__tablename__, "subject_id"),
)  # fmt: skip
"""Columns that name mini programs among other things."""


def merge(db: Session, prepared: Program, made: Program) -> None:
    """Make `prepared`, which has no appid yet, the mini program that `made` is, and delete `made`. Both must be locked
    for update, so that nothing comes to hang on them meanwhile.

    What hangs on `made` moves; where both have a row of which there can be one only, the prepared one's counts. The
    activity log is never changed: what it tells of `made` stays in the provider's log.
    """
    facts = {one.key: getattr(made, one.key) for one in Program.__table__.columns if one.key not in KEPT | OURS}
    facts = {key: value or getattr(prepared, key) for key, value in facts.items()}
    facts |= {
        "merchant_id": prepared.merchant_id or made.merchant_id,
        "owner_id": prepared.owner_id or made.owner_id,
        "note": "\n".join(dict.fromkeys(one for one in (prepared.note, made.note) if one)),
        "ext_values": {**made.ext_values, **prepared.ext_values},
    }
    db.flush()
    _move(db, made.id, prepared.id)
    db.expire_all()
    db.delete(made)
    db.flush()
    for key, value in facts.items():
        setattr(prepared, key, value)
    db.flush()
    for kept in Kept:
        notice(db, prepared.id, kept)


def mentions(db: Session) -> list[tuple[str, str, bool]]:
    """Table and column of everything that names mini programs by id, and whether it is a list of ids."""
    rows = db.execute(
        text(
            "select table_name, column_name, udt_name = '_uuid' from information_schema.columns"
            " where table_schema = current_schema() and table_name <> :derived and"
            r" (udt_name = 'uuid' and column_name like '%program\_id'"
            r" or udt_name = '_uuid' and column_name like '%program\_ids') order by 1, 2"
        ),
        {"derived": ProgramGram.__tablename__},
    )
    return [(where, name, several) for where, name, several in rows]


def _move(db: Session, made: UUID, prepared: UUID) -> None:
    for where, name, several in mentions(db):
        if several:
            ids = column(name, ARRAY(Uuid()))
            renamed = {name: func.array_replace(ids, made, prepared)}
            db.execute(update(table(where, ids)).where(literal(made, Uuid()) == any_(ids)).values(renamed))
        else:
            _move_rows(db, where, name, made, prepared)
    for where, name in POINTING:
        _move_rows(db, where, name, made, prepared)
    is_open = Job.status.in_([JobStatus.QUEUED, JobStatus.RUNNING])
    for job_id in db.scalars(select(Job.id).where(Job.subject == str(made), is_open)).all():
        with suppress(IntegrityError), db.begin_nested():
            db.execute(update(Job).where(Job.id == job_id).values(subject=str(prepared)))


def _move_rows(db: Session, where: str, name: str, made: UUID, prepared: UUID) -> None:
    """Row by row: one that the prepared mini program has already, by any unique key, stays behind."""
    program_id, place = column(name, Uuid()), cast(column("ctid"), Text)
    rows = table(where, program_id, column("ctid"))
    for row in db.scalars(select(place).select_from(rows).where(program_id == made).with_for_update()).all():
        with suppress(IntegrityError), db.begin_nested():
            db.execute(update(rows).where(program_id == made, place == row).values({name: prepared}))
