"""Drafts of filings: begun from nothing or from a template, filled in page by page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from saas.batches.models import BatchItem
from saas.batches.progress import open_item
from saas.batches.steps import Skipped, step
from saas.errors import N_, Conflict
from saas.programs.access import load_program
from saas.programs.filing import get_filing, hindrance, note
from saas.programs.filing_checks import find_faults, find_missing
from saas.programs.filing_fields import NAME, PAPER_NUMBER, TYPE, Field, Part
from saas.programs.filing_forms import attach, detach, fill_in
from saas.programs.filing_models import Filing, FilingStatus, FilingTemplate
from saas.programs.filing_sending import SEND
from saas.programs.filing_tables import load_tables, request_tables
from saas.programs.filing_templates import load_template
from saas.programs.models import Program
from saas.programs.polling import hurry, of_program
from saas.programs.polling_models import Kind
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require
from saas.tenants.merchants import load_merchant

APPLY = "saas.programs.filing_drafts.apply_template"
_COMPANY = "4"
_AT_WECHAT = N_("备案已经提交给微信，现在不能修改")


def may_edit(db: Session, program: Program, filing: Filing) -> bool:
    """Whether WeChat does not have it and nothing is about to hand it in: what is sent stays as it is."""
    return FilingStatus(filing.status).is_editable and open_item(db, SEND, program.id) is None


def begin(db: Session, program: Program, *, who: Who, template: FilingTemplate | None = None) -> Filing:
    """The mini program's filing, ready to be filled in. What a template holds goes where nothing is filled in yet."""
    require(who, Verb.WORK)
    filing = _editable(db, program)
    _take(db, program, filing, template)
    activity.record(db, who, "program.filing.begin", program, detail={"template": filing.template_name})
    return filing


def edit_part(db: Session, program: Program, part: Part, typed: Mapping[str, Any], *, who: Who) -> None:
    """Keep what was typed on a page; raises FilingFaults."""
    require(who, Verb.WORK)
    filing = _editable(db, program)
    changed = fill_in(filing, part, typed, load_tables(db))
    _note_change(db, program, changed, who)


def add_files(db: Session, program: Program, uploads: Mapping[str, Sequence[bytes]], *, who: Who) -> None:
    """Keep uploaded materials; raises FilingFaults."""
    require(who, Verb.WORK)
    filing = _editable(db, program)
    _note_change(db, program, attach(db, filing, uploads), who)


def drop_file(db: Session, program: Program, path: str, file_id: str, *, who: Who) -> None:
    """Take a material away."""
    require(who, Verb.WORK)
    detach(db, _editable(db, program), path, file_id)


@step(label=N_("从模板建立备案草稿"))
def apply_template(db: Session, item: BatchItem) -> dict[str, Any]:
    """Nothing that is filled in already is changed, nothing is sent."""
    program = load_program(db, item.subject_id)
    template = load_template(db, UUID(item.input["template"]))
    if template is None:
        raise Skipped(N_("模板已被删除"))
    filing = get_filing(db, program)
    if not may_edit(db, program, filing):
        raise Skipped(N_("已经备案，或正在审核"))
    _take(db, program, filing, template)
    lacking = find_missing(filing.values, filing.files)
    wrong = find_faults(filing.values, load_tables(db))
    partial = [{"name": name_of(field), "why": N_("待补充")} for field in lacking]
    partial += [{"name": fault.field, "why": fault.message % fault.params} for fault in wrong]
    return {"partial": partial} if partial else {}


def name_of(field: Field) -> str:
    """A field among all others: its group in front."""
    return f"{field.group} {field.label}"


def _take(db: Session, program: Program, filing: Filing, template: FilingTemplate | None) -> None:
    known = {**_known(db, program), **filing.values}
    if template is not None:
        company = {NAME: known[NAME]} if NAME in known else {}
        known = {**template.values, **company, **filing.values}
        filing.files = {**template.files, **filing.files}
        filing.template_name = template.name
    filing.values = known
    note(db, program, filing)
    if not hindrance(program):
        request_tables(db, program)
        if filing.read_at is None:
            # Whether WeChat would take one is not known yet.
            hurry(db, of_program(Kind.FILING, program, filing.id), tries=1)


def _known(db: Session, program: Program) -> dict[str, str]:
    """What we know of the subject already."""
    merchant = load_merchant(db, program.merchant_id) if program.merchant_id else None
    known = {NAME: program.company_name or (merchant.company_name if merchant else "")}
    if merchant is not None and merchant.company_code:
        known |= {TYPE: _COMPANY, PAPER_NUMBER: merchant.company_code}
    return {path: value for path, value in known.items() if value}


def _editable(db: Session, program: Program) -> Filing:
    filing = get_filing(db, program)
    if not FilingStatus(filing.status).is_editable:
        raise Conflict(_AT_WECHAT)
    if not may_edit(db, program, filing):
        raise Conflict(N_("备案正在提交给微信，有结果之前不能修改"))
    return filing


def _note_change(db: Session, program: Program, changed: Sequence[str], who: Who) -> None:
    if changed:
        activity.record(db, who, "program.filing.edit", program, detail={"fields": list(changed)})
