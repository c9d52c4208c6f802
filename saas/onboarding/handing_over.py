"""Where accepted answers flow, so that nobody types them again: the company part into the merchant's own columns, from
which registrations begin; certification and filing into the mini program's drafts. Name, avatar, introduction and
categories are sent by somebody who looks at them (`saas.onboarding.wishes`): they cost chances.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import fields, replace
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from saas.onboarding.fields import Kind
from saas.onboarding.models import Part
from saas.onboarding.parts import Answers
from saas.programs.access import load_program
from saas.programs.certification_access import open_certification
from saas.programs.certification_data import FIELDS, PAPERS
from saas.programs.filing import get_filing
from saas.programs.models import Program
from saas.programs.standing import lock_programs
from saas.programs.taking_over import take_certification, take_filing
from saas.tenants.access import Verb, Who, require
from saas.tenants.merchants import MerchantData, edit_merchant, load_merchant
from saas.tenants.stored_files import load_file, read_file

INTO_DRAFTS = (Part.CERTIFICATION, Part.FILING)
"""What waits for the mini program if there is none yet."""
_COLUMNS = {
    "name": "company_name", "company_code": "company_code", "person_name": "legal_name", "person_wechat": "legal_wechat"
}  # fmt: skip
"""The company part's fields by the merchant's columns; what was left empty keeps what the provider knows."""


def hold_target(db: Session, answers: Answers) -> None:
    """Lock what a part flows into, before the part itself is locked."""
    if answers.key is Part.COMPANY:
        merchant = load_merchant(db, answers.onboarding.merchant_id)
        db.refresh(merchant, with_for_update={"key_share": True})
    elif answers.key in INTO_DRAFTS and answers.onboarding.program_id is not None:
        hold_drafts(db, load_program(db, answers.onboarding.program_id), [answers.key])


def hold_drafts(db: Session, program: Program, keys: Collection[str]) -> None:
    """Lock the drafts that these parts flow into, and then the mini program: the order in which everybody does."""
    if Part.FILING in keys:
        get_filing(db, program)
    if Part.CERTIFICATION in keys and (certification := open_certification(db, program)) is not None:
        db.refresh(certification, with_for_update=True)
    lock_programs(db, [program.id])


def hand_over(db: Session, answers: Answers, *, who: Who) -> bool:
    """Take over what a part says; answers whether it flowed anywhere. The caller holds the target.

    Raises Invalid or Conflict when the merchant's data or the mini program's draft do not take it; nothing of the
    transaction may be kept then.
    """
    require(who, Verb.WORK)
    if answers.key is Part.COMPANY:
        _into_columns(db, answers, who)
        return True
    if answers.key not in INTO_DRAFTS or answers.onboarding.program_id is None:
        return False
    program = load_program(db, answers.onboarding.program_id)
    if answers.key is Part.FILING:
        take_filing(db, program, _asked(answers), _files(answers), who=who)
    else:
        _into_certification(db, answers, program, who)
    return True


def _into_columns(db: Session, answers: Answers, who: Who) -> None:
    merchant, values = load_merchant(db, answers.onboarding.merchant_id), _asked(answers)
    told = {column: str(values[name]) for name, column in _COLUMNS.items() if name in values}
    known = {one.name: getattr(merchant, one.name) for one in fields(MerchantData)}
    code_type = 0 if "company_code" in told else merchant.company_code_type or 0
    data = MerchantData(**{**known, "tags": tuple(merchant.tags), "company_code_type": code_type})
    edit_merchant(db, merchant, replace(data, **told), who=who)  # type: ignore[arg-type]


def _into_certification(db: Session, answers: Answers, program: Program, who: Who) -> None:
    values = {name: value for name, value in _asked(answers).items() if name in FIELDS}
    papers = {
        name: [read_file(load_file(db, UUID(file_id))) for file_id in ids]
        for name, ids in _files(answers).items()
        if name in PAPERS
    }
    take_certification(db, program, values, papers, who=who)


def _asked(answers: Answers) -> dict[str, Any]:
    """What is filled in of the fields that there are. A question of yes or no that nobody touched means yes."""
    values = answers.values
    found = {
        ask.name: values.get(ask.name) or ("yes" if ask.kind is Kind.YES_NO else "")
        for ask in answers.asks()
        if not ask.is_file
    }
    return {name: value for name, value in found.items() if value}


def _files(answers: Answers) -> Mapping[str, list[str]]:
    names = {ask.name for ask in answers.asks() if ask.is_file}
    return {name: ids for name, ids in answers.part.files.items() if name in names and ids}
