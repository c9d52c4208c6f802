"""Deleting for good what is kept about a merchant: values and files, a group at a time. Rows that law or WeChat want to
be kept stay without them. See `saas.onboarding.data_requests` for who may.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from saas import clock
from saas.batches.models import OPEN as OPEN_ITEMS
from saas.batches.models import BatchItem
from saas.errors import N_
from saas.onboarding.data_exports import forget_exports
from saas.onboarding.kept_data import Group, certifications_of, filings_of, programs_of
from saas.onboarding.models import EntryLink, Notice, Onboarding, OnboardingPart
from saas.onboarding.saving import forget_files
from saas.programs import filing_forms
from saas.programs.access import load_program
from saas.programs.certification import RESUBMIT, START
from saas.programs.certification_filling import all_papers, drop_unused
from saas.programs.certification_models import Certification, CertificationStatus
from saas.programs.certification_progress import note_certification
from saas.programs.filing_models import WATCHED, FilingStatus
from saas.programs.filing_sending import SEND
from saas.programs.models import NameReview, ReviewStatus
from saas.programs.registration_models import Registration, RegistrationStatus
from saas.programs.registration_results import move
from saas.programs.standing import lock_programs
from saas.tenants.models import Invitation, Merchant

_CERTIFIES, _FILES, _REGISTERS, _NAMES = N_("微信认证"), N_("备案"), N_("注册"), N_("名称审核")


def hindrances(db: Session, merchant: Merchant) -> list[tuple[str, str]]:
    """What is under way and needs her data until it is over: a msgid, and the name of the mini program each."""
    hers = programs_of(db, merchant)
    found = [
        (_CERTIFIES, hers[one.program_id].name) for one in certifications_of(db, merchant) if one.is_at_wechat
    ]  # fmt: skip
    found += [
        (_FILES, hers[one.program_id].name)
        for one in filings_of(db, merchant)
        if FilingStatus(one.status) in WATCHED or one.procedure_id
    ]
    sending = select(BatchItem.subject_id, BatchItem.step).where(
        BatchItem.subject_id.in_(hers), BatchItem.step.in_((START, RESUBMIT, SEND)), BatchItem.status.in_(OPEN_ITEMS)
    )
    found += [(_FILES if row.step == SEND else _CERTIFIES, hers[row.subject_id].name) for row in db.execute(sending)]
    under_way = (RegistrationStatus.SENDING, RegistrationStatus.WAITING_PERSON, RegistrationStatus.CHECKING)
    names = select(Registration.name).where(Registration.merchant_id == merchant.id, Registration.status.in_(under_way))
    found += [(_REGISTERS, name) for name in db.scalars(names)]
    reviews = select(NameReview.program_id).where(
        NameReview.program_id.in_(hers), NameReview.status == ReviewStatus.IN_REVIEW
    )
    found += [(_NAMES, hers[program_id].name) for program_id in db.scalars(reviews)]
    return sorted(set(found))


def hold(db: Session, merchant: Merchant) -> None:
    """Lock the merchant, her mini programs and what hangs on them, in the order in which everybody does, and read it
    anew.
    """
    db.refresh(merchant, with_for_update={"key_share": True})
    lock_programs(db, list(programs_of(db, merchant)))
    for rows in (certifications_of(db, merchant), filings_of(db, merchant)):
        for row in rows:
            db.refresh(row, with_for_update=True)
    cases = select(Registration).where(Registration.merchant_id == merchant.id).order_by(Registration.id)
    db.scalars(cases.with_for_update().execution_options(populate_existing=True)).all()


def erase_groups(db: Session, merchant: Merchant, groups: Collection[Group]) -> None:
    """Delete these groups, and every download. The caller holds the merchant, and nothing is under way."""
    deeds = {
        Group.COMPANY: _erase_company, Group.CONTACT: _erase_contact, Group.ANSWERS: _erase_answers,
        Group.REGISTRATIONS: _erase_registrations, Group.CERTIFICATIONS: _erase_certifications,
        Group.FILINGS: _erase_filings, Group.MESSAGES: _erase_messages,
    }  # fmt: skip
    for group in groups:
        deeds[group](db, merchant)
    forget_exports(db, merchant)
    db.flush()


def _erase_company(_db: Session, merchant: Merchant) -> None:
    merchant.company_name = merchant.company_code = merchant.legal_name = merchant.legal_wechat = ""
    merchant.company_code_type = None


def _erase_contact(db: Session, merchant: Merchant) -> None:
    merchant.contact_name = merchant.contact_phone = merchant.contact_email = merchant.note = ""
    db.execute(delete(Invitation).where(Invitation.merchant_id == merchant.id))
    db.execute(update(EntryLink).where(EntryLink.merchant_id == merchant.id).values(sent_to=""))


def _erase_answers(db: Session, merchant: Merchant) -> None:
    """What was asked goes with what was answered: nothing is left to fill in until the provider asks anew."""
    asked = list(db.scalars(select(Onboarding).where(Onboarding.merchant_id == merchant.id).with_for_update()))
    parts = select(OnboardingPart).where(OnboardingPart.onboarding_id.in_([one.id for one in asked]))
    files = [
        file_id
        for part in db.scalars(parts.with_for_update().execution_options(populate_existing=True))
        for ids in part.files.values()
        for file_id in ids
    ]
    for one in asked:
        db.delete(one)
    db.flush()
    forget_files(db, files)


def _erase_registrations(db: Session, merchant: Merchant) -> None:
    """A case that could be sent again cannot be any more."""
    for row in db.scalars(select(Registration).where(Registration.merchant_id == merchant.id)).all():
        if RegistrationStatus(row.status).is_editable and move(db, row, RegistrationStatus.CANCELLED):
            row.finished_at = row.finished_at or clock.now()
        row.name, row.company_code = merchant.name, ""
        row.person_name = row.person_wechat = row.person_openid = row.ticket = ""
        row.person_hash = None


def _erase_certifications(db: Session, merchant: Merchant) -> None:
    """Ended ones stay as rows, for their orders and charges; drafts go."""
    papers: list[str] = []
    for row in certifications_of(db, merchant):
        papers += all_papers(row)
        _empty_certification(db, row)
    reviews = select(NameReview).where(NameReview.program_id.in_(programs_of(db, merchant)))
    own = []
    for review in db.scalars(reviews):
        own += [str(file_id) for file_id in review.papers.values()]
        review.papers = {}
    db.flush()
    drop_unused(db, papers)
    forget_files(db, own)


def _empty_certification(db: Session, row: Certification) -> None:
    if row.status == CertificationStatus.DRAFT:
        db.delete(row)
        db.flush()
        note_certification(db, load_program(db, row.program_id))
        return
    row.data_sealed, row.papers, row.auth_url = None, {}, ""


def _erase_filings(db: Session, merchant: Merchant) -> None:
    """The row stays for the number that the authority gave, which is public."""
    files: list[str] = []
    for row in filings_of(db, merchant):
        files += [file_id for ids in row.files.values() for file_id in ids]
        row.content_sealed, row.files, row.faults, row.reasons, row.face_url = None, {}, {}, [], ""
    db.flush()
    filing_forms.forget_files(db, files)


def _erase_messages(db: Session, merchant: Merchant) -> None:
    db.execute(delete(Notice).where(Notice.merchant_id == merchant.id))
