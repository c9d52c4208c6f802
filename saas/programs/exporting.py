"""The list of mini programs as a table: read in parts, so that its length costs no memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from saas.programs.listing import select_programs, tags_of
from saas.programs.models import Program, ProgramStep
from saas.programs.standing import steps_of
from saas.tenants.models import Merchant

_AT_ONCE = 500


@dataclass(frozen=True)
class Exported:
    program: Program
    merchant: Merchant | None
    note: str
    tags: list[str]
    steps: dict[str, ProgramStep]


def export_programs(db: Session, program_ids: Sequence[UUID]) -> Iterator[Exported]:
    """Everything that the list and its pages show of these mini programs, in order; five queries per 500."""
    for start in range(0, len(program_ids), _AT_ONCE):
        programs = select_programs(db, program_ids[start : start + _AT_ONCE])
        ids = [program.id for program in programs]
        merchant_ids = {program.merchant_id for program in programs if program.merchant_id}
        merchants = {one.id: one for one in db.scalars(select(Merchant).where(Merchant.id.in_(merchant_ids)))}
        notes = {row.id: row.note for row in db.execute(select(Program.id, Program.note).where(Program.id.in_(ids)))}
        tags, steps = tags_of(db, ids), steps_of(db, ids)
        for program in programs:
            merchant = merchants.get(program.merchant_id) if program.merchant_id else None
            by_step = {row.step: row for row in steps[program.id]}
            yield Exported(program, merchant, notes[program.id], tags[program.id], by_step)
        db.expunge_all()
