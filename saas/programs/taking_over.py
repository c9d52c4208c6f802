"""What a merchant handed in, taken over into the drafts of her mini program's filing and certification.

Her values and files win over what a draft holds; what she was not asked, or left empty, stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session

from saas.programs import filing_drafts, filing_forms
from saas.programs.certification import fill_draft, make_draft
from saas.programs.certification_access import open_certification
from saas.programs.certification_data import Part
from saas.programs.certification_filling import Filling
from saas.programs.filing_models import Filing, Values
from saas.programs.models import Program
from saas.tenants import activity
from saas.tenants.access import Who


def take_filing(
    db: Session, program: Program, values: Values, files: Mapping[str, Sequence[str]], *, who: Who
) -> Filing:  # fmt: skip
    """Values and ids of kept files by the dotted path of WeChat's field; the files are copied. Raises Conflict while
    WeChat has the filing.
    """
    filing = filing_drafts.begin(db, program, who=who)
    changed = filing_forms.take_over(db, filing, values, files)
    activity.record(db, who, "program.filing.edit", program, detail={"fields": changed})
    return filing


def take_certification(
    db: Session, program: Program, values: Mapping[str, str], papers: Mapping[str, Sequence[bytes]], *, who: Who
) -> None:
    """Values by field, pictures by paper: into the certification that is open, else into a new draft. Raises Conflict
    while it is under way, Faults for what cannot be.
    """
    draft = open_certification(db, program) or make_draft(db, program, who=who)
    replaced = [file_id for name in papers for file_id in draft.papers.get(name, ())]
    all_at_once = Filling(Part.INVOICE, values, pictures=papers, removed=replaced)  # the part that prunes by choices
    fill_draft(db, program, draft, all_at_once, who=who)
