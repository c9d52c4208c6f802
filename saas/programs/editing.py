"""What the provider itself says about a mini program: whose it is, who is in charge, tags, a note, template values.

Each of the first three is a step, too, for many mini programs at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from saas.batches.models import BatchItem
from saas.batches.steps import Skipped, step
from saas.components.models import ComponentApp
from saas.errors import N_, Conflict, Invalid
from saas.programs.access import load_program
from saas.programs.models import AuthorizationStatus, Program, ProgramTag
from saas.programs.noticing import Kept, notice
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require
from saas.tenants.merchants import (
    MerchantData,
    add_merchant,
    edit_merchant,
    load_merchant,
    read_ext_values,
    read_tags,
)
from saas.tenants.models import Merchant

_NAME_LENGTH = 60
_NOTE_LENGTH = 2000
_MOST_TAGS = 20
_UNCHANGED = N_("本来就是这样，没有改动")


def add_case(db: Session, component: ComponentApp, *, name: str = "", who: Who) -> Program:
    """Add a mini program that is still to be registered."""
    require(who, Verb.WORK)
    if len(name.strip()) > _NAME_LENGTH:
        raise Invalid(N_("最多 %(limit)s 个字符"), field="program_name", limit=_NAME_LENGTH)
    program = Program(
        provider_id=component.provider_id, component_id=component.id, appid="", name=name.strip(),
        authorization=AuthorizationStatus.UNAUTHORIZED,
    )  # fmt: skip
    db.add(program)
    db.flush()
    activity.record(db, who, "program.add", program)
    return program


def write_subject(db: Session, program: Program, merchant: Merchant | None, data: MerchantData, *, who: Who) -> None:
    """Write down who is behind a mini program: its merchant's data, or a new merchant when it has none."""
    if merchant is None:
        assign_merchant(db, program, add_merchant(db, data, who=who), who=who)
    else:
        edit_merchant(db, merchant, data, who=who)


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


def set_owner(db: Session, program: Program, owner_id: UUID | None, owner_name: str, *, who: Who) -> None:
    """Say which member is in charge; the caller found her among the provider's people."""
    require(who, Verb.WORK)
    if program.owner_id == owner_id:
        return
    program.owner_id = owner_id
    activity.record(db, who, "program.owner", program, detail={"owner": owner_name})


def change_tags(
    db: Session, program: Program, *, add: Collection[str] = (), remove: Collection[str] = (), who: Who
) -> bool:
    """Put tags on and take tags off; says whether that changed anything. Colleagues' other tags stay."""
    require(who, Verb.WORK)
    db.execute(select(Program.id).where(Program.id == program.id).with_for_update(key_share=True))
    before = set(db.scalars(select(ProgramTag.tag).where(ProgramTag.program_id == program.id)))
    after = (before - set(remove)) | set(read_tags(add))
    if after == before:
        return False
    if len(after) > _MOST_TAGS:
        raise Invalid(N_("标签最多 %(limit)s 个"), field="tags", limit=_MOST_TAGS)
    db.execute(delete(ProgramTag).where(ProgramTag.program_id == program.id, ProgramTag.tag.in_(before - after)))
    if new := after - before:
        rows = [{"program_id": program.id, "provider_id": program.provider_id, "tag": tag} for tag in sorted(new)]
        db.execute(insert(ProgramTag).values(rows))
    notice(db, program.id, Kept.SEARCH)
    activity.record(db, who, "program.tags", program, detail={"tags": sorted(after)})
    return True


def set_tags(db: Session, program: Program, tags: Collection[str], *, who: Who) -> None:
    """Leave just these tags."""
    before = set(db.scalars(select(ProgramTag.tag).where(ProgramTag.program_id == program.id)))
    change_tags(db, program, add=tags, remove=before - set(tags), who=who)


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


@step(label=N_("更改商家归属"))
def assign_step(db: Session, item: BatchItem) -> None:
    """Needs `merchant`: an id, or empty for nobody's."""
    program, merchant_id = load_program(db, item.subject_id), item.input["merchant"]
    merchant = load_merchant(db, UUID(merchant_id)) if merchant_id else None
    if program.merchant_id == (merchant.id if merchant else None):
        raise Skipped(_UNCHANGED)
    assign_merchant(db, program, merchant, who=item.starter)


@step(label=N_("指定负责人"))
def owner_step(db: Session, item: BatchItem) -> None:
    """Needs `owner`, an id or empty for nobody, and `owner_name`."""
    program, owner = load_program(db, item.subject_id), item.input["owner"]
    if program.owner_id == (UUID(owner) if owner else None):
        raise Skipped(_UNCHANGED)
    set_owner(db, program, UUID(owner) if owner else None, item.input["owner_name"], who=item.starter)


@step(label=N_("增减标签"))
def tags_step(db: Session, item: BatchItem) -> None:
    """Takes `add` and `remove`, lists of tags."""
    program = load_program(db, item.subject_id)
    if not change_tags(
        db, program, add=item.input.get("add", ()), remove=item.input.get("remove", ()), who=item.starter
    ):
        raise Skipped(_UNCHANGED)
