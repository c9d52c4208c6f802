"""Templates of filings: what a provider fills in again and again, kept once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from saas import clock
from saas.db import new_id
from saas.errors import N_, Invalid, NotFound
from saas.programs.filing_fields import Part
from saas.programs.filing_forms import attach, detach, fill_in, forget_files
from saas.programs.filing_models import FilingTemplate
from saas.programs.filing_tables import load_tables
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require

LONGEST_NAME = 60
MOST = 200


def list_templates(db: Session) -> list[FilingTemplate]:
    """By name."""
    return list(db.scalars(select(FilingTemplate).order_by(FilingTemplate.name).limit(MOST)))


def get_template(db: Session, who: Who, template_id: UUID, verb: Verb) -> FilingTemplate:
    """A template of the acting member's provider; merchants have nothing to do with them."""
    query = select(FilingTemplate).where(
        FilingTemplate.id == template_id, FilingTemplate.provider_id == who.provider_id
    )
    row = None if who.is_merchant else db.scalar(query)
    if row is None:
        raise NotFound()
    require(who, verb)
    return row


def load_template(db: Session, template_id: UUID) -> FilingTemplate | None:
    """A template for a step; None when it was deleted meanwhile."""
    return db.scalar(select(FilingTemplate).where(FilingTemplate.id == template_id))


def add_template(db: Session, name: str, *, who: Who, copy: FilingTemplate | None = None) -> FilingTemplate:
    """A new template, empty or with what `copy` holds."""
    require(who, Verb.WORK)
    if db.scalar(select(func.count()).select_from(FilingTemplate)) >= MOST:  # type: ignore[operator]
        raise Invalid(N_("最多保存 %(most)d 个备案模板"), field="name", most=MOST)
    row = FilingTemplate(
        id=new_id(), provider_id=who.provider_id, name=_free_name(db, name), files=dict(copy.files) if copy else {},
        changed_at=clock.now(), changed_by=who.name,
    )  # fmt: skip
    row.values = copy.values if copy else {}
    db.add(row)
    db.flush()
    activity.record(db, who, "filing_template.add", row)
    return row


def rename_template(db: Session, template: FilingTemplate, name: str, *, who: Who) -> None:
    require(who, Verb.WORK)
    if name.strip() != template.name:
        template.name = _free_name(db, name)
        _note_change(db, template, who)


def edit_part(db: Session, template: FilingTemplate, part: Part, typed: Mapping[str, Any], *, who: Who) -> None:
    """Keep what was typed on a page; raises FilingFaults."""
    require(who, Verb.WORK)
    db.refresh(template, with_for_update=True)
    fill_in(template, part, typed, load_tables(db))
    _note_change(db, template, who)


def add_files(db: Session, template: FilingTemplate, uploads: Mapping[str, Sequence[bytes]], *, who: Who) -> None:
    """Keep uploaded materials; raises FilingFaults."""
    require(who, Verb.WORK)
    db.refresh(template, with_for_update=True)
    attach(db, template, uploads)
    _note_change(db, template, who)


def drop_file(db: Session, template: FilingTemplate, path: str, file_id: str, *, who: Who) -> None:
    """Take a material away."""
    require(who, Verb.WORK)
    db.refresh(template, with_for_update=True)
    detach(db, template, path, file_id)
    _note_change(db, template, who)


def _note_change(db: Session, template: FilingTemplate, who: Who) -> None:
    template.changed_at, template.changed_by = clock.now(), who.name
    activity.record(db, who, "filing_template.edit", template)


def delete_template(db: Session, template: FilingTemplate, *, who: Who) -> None:
    """Filings that were begun from it keep what they have."""
    require(who, Verb.WORK)
    files = [file_id for ids in template.files.values() for file_id in ids]
    activity.record(db, who, "filing_template.delete", template)
    db.delete(template)
    db.flush()
    forget_files(db, files)


def _free_name(db: Session, name: str) -> str:
    name = name.strip()
    if not name:
        raise Invalid(N_("请填写这一项"), field="name")
    if len(name) > LONGEST_NAME:
        raise Invalid(N_("不能超过 %(most)d 个字"), field="name", most=LONGEST_NAME)
    if db.scalar(select(FilingTemplate.id).where(FilingTemplate.name == name)):
        raise Invalid(N_("已经有同名的备案模板"), field="name")
    return name
