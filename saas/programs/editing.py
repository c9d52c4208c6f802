"""What the provider itself says about a mini program: whose it is, a note, values for templates."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy.orm import Session

from saas.errors import N_, Conflict, Invalid
from saas.programs.models import Program
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require
from saas.tenants.merchants import read_ext_values
from saas.tenants.models import Merchant

_NOTE_LENGTH = 2000


def assign_merchant(db: Session, program: Program, merchant: Merchant | None, *, who: Who) -> None:
    """Say whose mini program this is, or that it is nobody's. The merchant's people see it from then on."""
    require(who, Verb.WORK)
    if merchant is not None and merchant.archived_at is not None:
        raise Conflict(N_("该商家已归档"))
    if program.merchant_id == (merchant.id if merchant else None):
        return
    before = program.merchant_id
    program.merchant_id = merchant.id if merchant else None
    detail = {"merchant": merchant.name if merchant else "", "before": str(before or "")}
    activity.record(db, who, "program.assign", program, detail=detail)


def edit_note(db: Session, program: Program, note: str, *, who: Who) -> None:
    """Write down what colleagues should know."""
    require(who, Verb.WORK)
    if len(note) > _NOTE_LENGTH:
        raise Invalid(N_("最多 %(limit)s 个字符"), field="note", limit=_NOTE_LENGTH)
    program.note = note.strip()
    activity.record(db, who, "program.note.edit", program)


def set_program_values(db: Session, program: Program, rows: Iterable[tuple[str, str]], *, who: Who) -> None:
    """Replace the values that template variables take for this mini program; they win over its merchant's."""
    require(who, Verb.WORK)
    program.ext_values = read_ext_values(rows)
    activity.record(db, who, "program.values.edit", program, detail={"keys": sorted(program.ext_values)})
