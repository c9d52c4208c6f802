"""Certifying a mini program: the draft, the start, handing in again, beginning anew. The calls themselves are steps."""

from __future__ import annotations

from sqlalchemy.orm import Session

from saas import clock
from saas.batches.models import BatchItem
from saas.batches.progress import open_item
from saas.batches.starting import Subject, start_one
from saas.errors import N_, Conflict, Invalid
from saas.programs.certification_access import open_certification
from saas.programs.certification_data import lacking
from saas.programs.certification_filling import (
    Filling,
    all_papers,
    drop_unused,
    fill,
    fill_identity,
    find_identities,
)
from saas.programs.certification_models import Certification, CertificationStatus, CertificationTemplate
from saas.programs.certification_progress import note_certification
from saas.programs.certification_states import Ways, ways
from saas.programs.changing import NAME_CHECK, refuse_if_hindered
from saas.programs.filing_sending import SEND
from saas.programs.models import Program
from saas.programs.naming import read_name
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require
from saas.wx.permissions import DEVELOPMENT

APPLY = "saas.programs.certification_steps.apply_template"
START = "saas.programs.certification_steps.start"
RESUBMIT = "saas.programs.certification_steps.resubmit"
REFRESH = "saas.programs.certification_steps.refresh"
READ_IDENTITIES = "saas.programs.certification_steps.read_identities"
CHECK_NAME = "saas.programs.certification_steps.check_name"
STEPS = (START, RESUBMIT, REFRESH, READ_IDENTITIES, CHECK_NAME)
_SENDING = (START, RESUBMIT, SEND)


def ways_now(db: Session, program: Program, certification: Certification | None) -> Ways:
    """`ways`; none while a step hands its data to WeChat, so that they stay as they are sent."""
    found = ways(certification)
    if (found.edit or found.start) and any(open_item(db, step, program.id) for step in _SENDING):
        return Ways(why=N_("资料正在提交给微信，有结果之前不能修改。"))
    return found


def make_draft(
    db: Session, program: Program, *, who: Who, template: CertificationTemplate | None = None,
    like: Certification | None = None,
) -> Certification:  # fmt: skip
    """A draft, from a template or like an earlier certification; raises Conflict while one is open."""
    require(who, Verb.WORK)
    db.refresh(program, with_for_update=True)
    if open_certification(db, program) is not None:
        raise Conflict(N_("这个小程序已经有一个没结束的认证"))
    made_like: CertificationTemplate | Certification | None = template or like
    draft = Certification(
        provider_id=program.provider_id, program_id=program.id, made_by=who.name, changed_at=clock.now(),
        template_name=template.name if template else like.template_name if like else "",
        papers=dict(made_like.papers) if made_like else {}, status=CertificationStatus.DRAFT,
    )  # fmt: skip
    values = made_like.values if made_like else {}
    draft.values = {**values, "account_name": program.name if template else values.get("account_name") or program.name}
    db.add(draft)
    db.flush()
    activity.record(db, who, "program.certification.draft", program, detail={"template": draft.template_name})
    return draft


def fill_draft(db: Session, program: Program, certification: Certification, filling: Filling, *, who: Who) -> None:
    """Keep one part; what is at WeChat, or on its way there, can be changed only while it is sent back."""
    require(who, Verb.WORK)
    _lock_to_edit(db, program, certification)
    fill(db, certification, filling, who=who)
    activity.record(db, who, "program.certification.edit", program)


def choose_identity(db: Session, program: Program, certification: Certification, name: str, *, who: Who) -> None:
    """Keep what a person is certified as; raises Invalid for what is no leaf of WeChat's tree."""
    require(who, Verb.WORK)
    _lock_to_edit(db, program, certification)
    fill_identity(certification, name, find_identities(db, program))
    activity.record(db, who, "program.certification.edit", program)


def _lock_to_edit(db: Session, program: Program, certification: Certification) -> None:
    db.refresh(certification, with_for_update=True)
    if not ways_now(db, program, certification).edit:
        raise Conflict(N_("认证正在办理，现在不能修改资料"))


def discard_draft(db: Session, program: Program, certification: Certification, *, who: Who) -> None:
    """Forget a draft."""
    require(who, Verb.WORK)
    db.refresh(certification, with_for_update=True)
    if certification.status != CertificationStatus.DRAFT or not ways_now(db, program, certification).edit:
        raise Conflict(N_("已经提交给微信，不能丢弃"))
    papers = all_papers(certification)
    db.delete(certification)
    db.flush()
    drop_unused(db, papers)
    note_certification(db, program)
    activity.record(db, who, "program.certification.discard", program)


def request_start(db: Session, program: Program, certification: Certification, *, who: Who) -> BatchItem:
    """Have the draft handed to WeChat; raises Conflict or Invalid where that would be in vain."""
    if not ways(certification).start:
        raise Conflict(N_("认证已经发起，请查看进度"))
    return _hand_in(db, program, certification, START, "program.certification.start", who)


def request_resubmission(db: Session, program: Program, certification: Certification, *, who: Who) -> BatchItem:
    """Have what was sent back handed in again; WeChat allows that in no other state."""
    if not ways(certification).resubmit:
        raise Conflict(N_("只有被打回、还有补充机会的认证才能重新提交"))
    return _hand_in(db, program, certification, RESUBMIT, "program.certification.resubmit", who)


def _hand_in(
    db: Session, program: Program, certification: Certification, step: str, verb: str, who: Who
) -> BatchItem:  # fmt: skip
    refuse_if_hindered(program, DEVELOPMENT)
    if lacking(certification.values, certification.papers):
        raise Invalid(N_("资料不完整，请先补齐"))
    item = start_one(db, step, Subject(program.id, program.name), who=who)
    activity.record(db, who, verb, program)
    return item


def request_progress(db: Session, program: Program, *, who: Who) -> BatchItem:
    """Have WeChat asked how far it is."""
    return start_one(db, REFRESH, Subject(program.id, program.name), who=who)


def request_identities(db: Session, program: Program, *, who: Who) -> BatchItem:
    """Have the tree of identities read."""
    refuse_if_hindered(program, DEVELOPMENT)
    return start_one(db, READ_IDENTITIES, Subject(program.id, program.name), who=who)


def ask_about_name(db: Session, program: Program, name: str, *, who: Who) -> BatchItem:
    """Have WeChat asked whether this name needs proof; costs nothing."""
    refuse_if_hindered(program, NAME_CHECK)
    return start_one(db, CHECK_NAME, Subject(program.id, program.name), who=who, params={"name": read_name(name)})
