"""Names of mini programs: whether one may be had, setting it, and the review of those that need proof.

A name holds at once or goes to WeChat's people for days. The event that tells the end names no review and may be lost:
it only makes us ask, and the watch asks anyway.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from saas import clock
from saas.batches.models import BatchItem
from saas.batches.starting import Subject, start_one
from saas.batches.steps import step
from saas.components.models import ComponentApp
from saas.db import settle
from saas.errors import N_, Conflict, Invalid
from saas.pictures import MOST_PAGES, fit_picture, stitch_pages
from saas.programs.access import load_name_review, load_program, program_of_message
from saas.programs.changing import (
    NAME_CHECK,
    client_of,
    hand_in,
    keep_picture,
    refuse_if_hindered,
)
from saas.programs.models import NameReview, Program, ReviewStatus
from saas.programs.permissions import BASIC_INFO
from saas.programs.polling import OpenRows, expect, hurry, of_program, polled
from saas.programs.polling_models import Kind
from saas.programs.profile import newest_review, note_profile
from saas.programs.rhythms import Rhythm, Standing
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require, system
from saas.wx.client import WxClient
from saas.wx.events import NicknameReviewed
from saas.wx.reasons import plain_reason

CHECK_NAME = "saas.programs.naming.check_name"
SET_NAME = "saas.programs.naming.set_name"

NARROWEST, WIDEST = 4, 30
LICENCE, ID_CARD, OTHER = "license", "id_card", "naming_other_stuff"
MOST_OTHERS = 5
_STATES = {1: ReviewStatus.IN_REVIEW, 2: ReviewStatus.REFUSED, 3: ReviewStatus.APPROVED}


def read_name(text: str) -> str:
    """The name as WeChat takes it, as far as rules are public; raises Invalid at `name`."""
    name = text.strip()
    width = sum(1 if letter.isascii() else 2 for letter in name)
    if not NARROWEST <= width <= WIDEST:
        raise Invalid(
            N_("名称要有 %(least)d 到 %(most)d 个字符，一个汉字算 2 个"), field="name", least=NARROWEST, most=WIDEST
        )
    if "小程序" in name:
        raise Invalid(N_("名称里不能有“小程序”"), field="name")
    return name


def ask_about_name(db: Session, program: Program, name: str, *, who: Who) -> BatchItem:
    """Have WeChat asked whether the name may be had and whether it needs proof; costs no chance."""
    refuse_if_hindered(program, NAME_CHECK, by_api=True)
    item = start_one(db, CHECK_NAME, Subject(program.id, program.name), who=who, params={"name": read_name(name)})
    activity.record(db, who, "program.check_name", program, detail={"name": item.input["name"]})
    return item


def change_name(
    db: Session, program: Program, name: str, *, who: Who, papers: Mapping[str, Sequence[bytes]] | None = None,
    again: NameReview | None = None,
) -> BatchItem:  # fmt: skip
    """Have the name set; one of two chances a year.

    `papers` are pictures: the pages of LICENCE or ID_CARD become one, those of OTHER stay single. `again` is a refused
    review whose papers go along where no new ones replace them.
    """
    refuse_if_hindered(program, BASIC_INFO, by_api=True)
    name = read_name(name)
    if name == program.name:
        raise Invalid(N_("和现在的名称一样"), field="name")
    review = newest_review(db, program)
    if review is not None and review.status == ReviewStatus.IN_REVIEW:
        raise Conflict(N_("“%(name)s”正在审核，请等微信给出结果"), name=review.name)
    kept = dict(again.papers) if again else {}
    new = _keep_papers(db, who, papers or {})
    if any(field.startswith(OTHER) for field in new):
        kept = {field: file_id for field, file_id in kept.items() if not field.startswith(OTHER)}
    params = {"name": name, "papers": {**kept, **new}}
    item = start_one(db, SET_NAME, Subject(program.id, program.name), who=who, params=params)
    activity.record(db, who, "program.set_name", program, detail={"name": name})
    return item


def _keep_papers(db: Session, who: Who, papers: Mapping[str, Sequence[bytes]]) -> dict[str, str]:
    kept = {}
    for field in (LICENCE, ID_CARD):
        if pages := papers.get(field):
            if len(pages) > MOST_PAGES:
                raise Invalid(N_("请上传 1 到 %(most)d 页"), field=field, most=MOST_PAGES)
            kept[field] = keep_picture(db, who.provider_id, "paper", stitch_pages(pages, field=field))
    others = papers.get(OTHER) or ()
    if len(others) > MOST_OTHERS:
        raise Invalid(N_("其他证明最多 %(most)d 张"), field=OTHER, most=MOST_OTHERS)
    for number, content in enumerate(others, start=1):
        picture = fit_picture(content, field=OTHER)
        kept[f"{OTHER}_{number}"] = keep_picture(db, who.provider_id, "paper", picture)
    return kept


@step(label=N_("检测名称"))
def check_name(db: Session, item: BatchItem) -> dict[str, Any]:
    """`proof` of the result says what the name needs, "" when nothing."""
    program = load_program(db, item.subject_id)
    client, name = client_of(db, program), item.input["name"]
    settle(db)
    answer = client.profile.checkwxverifynickname(program.appid, nick_name=name)
    return {"name": name, "proof": str(answer.get("wording") or "") if answer.get("hit_condition") else ""}


@step(label=N_("修改名称"))
def set_name(db: Session, item: BatchItem) -> dict[str, Any]:
    """Ends with the name set or in review: the review has its own row. A repeated try looks first whether it holds."""
    program = load_program(db, item.subject_id)
    client, name, papers = client_of(db, program), item.input["name"], item.input["papers"]
    settle(db)
    if item.attempt > 1 and _holds(client, program, name):
        return _note_given(db, program, name)
    media = {field: hand_in(db, client, program, file_id) for field, file_id in papers.items()}
    others = tuple(media[field] for field in sorted(media) if field.startswith(OTHER))
    settle(db)
    answer = client.profile.setnickname(
        program.appid, nick_name=name, license=media.get(LICENCE), id_card=media.get(ID_CARD),
        naming_other_stuff=others,
    )  # fmt: skip
    audit_id = str(answer.get("audit_id") or "")
    if audit_id in ("", "0"):
        return _note_given(db, program, name)
    review = NameReview(
        provider_id=program.provider_id, program_id=program.id, name=name, audit_id=audit_id, papers=dict(papers)
    )
    db.add(review)
    db.flush()
    note_profile(db, program)
    expect(db, of_program(Kind.NAME, program, review.id), Standing(Rhythm.NAME, review.created_at))
    return {"review": str(review.id)}


def _holds(client: WxClient, program: Program, name: str) -> bool:
    info = client.component.api_get_authorizer_info(program.appid)
    return info["authorizer_info"].get("nick_name") == name


def _note_given(db: Session, program: Program, name: str) -> dict[str, Any]:
    """A name that was refused before is wanted no more."""
    db.refresh(program, with_for_update=True)
    program.name = name
    review = newest_review(db, program)
    if review is not None and review.status == ReviewStatus.REFUSED:
        review.dropped_at = review.dropped_at or clock.now()
    note_profile(db, program)
    return {}


def drop_review(db: Session, program: Program, review: NameReview, *, who: Who) -> None:
    """Nobody wants the refused name any more: the mini program waits for nobody because of it."""
    require(who, Verb.WORK)
    if review.status != ReviewStatus.REFUSED:
        raise Conflict(N_("只有没通过的名称才能放弃"))
    review.dropped_at = clock.now()
    note_profile(db, program)
    activity.record(db, who, "program.drop_name", program, detail={"name": review.name})


def read_review(db: Session, review: NameReview) -> None:
    """Ask WeChat about an open review."""
    if review.status != ReviewStatus.IN_REVIEW or not review.audit_id:
        return
    program = load_program(db, review.program_id)
    client = client_of(db, program)
    settle(db)
    answer = client.profile.api_wxa_querynickname(program.appid, audit_id=review.audit_id)
    status = _STATES.get(int(answer.get("audit_stat") or 0), ReviewStatus.IN_REVIEW)
    _note_status(db, program, review, status, plain_reason(answer.get("fail_reason")))


def _note_status(db: Session, program: Program, review: NameReview, status: ReviewStatus, reason: str) -> None:
    """Safe to repeat and to race."""
    db.refresh(review, with_for_update=True)
    if review.status != ReviewStatus.IN_REVIEW or status == ReviewStatus.IN_REVIEW:
        return
    review.status, review.reason, review.decided_at = status, reason, clock.now()
    if status == ReviewStatus.APPROVED:
        db.refresh(program, with_for_update=True)
        program.name = review.name
    note_profile(db, program)
    detail = {"name": review.name}
    activity.record(db, system(program.provider_id), f"program.name.{status}", program, detail=detail)


def _open_reviews() -> OpenRows:
    of = Program.id == NameReview.program_id
    query = select(NameReview.id, NameReview.provider_id, Program.component_id, NameReview.program_id).join(Program, of)
    return query.where(NameReview.status == ReviewStatus.IN_REVIEW)


@polled(Kind.NAME, _open_reviews)
def look(db: Session, review_id: UUID) -> Standing | None:
    """How a review stands by WeChat's word; None once it is decided."""
    review = load_name_review(db, review_id)
    read_review(db, review)
    return Standing(Rhythm.NAME, review.created_at) if review.status == ReviewStatus.IN_REVIEW else None


def on_name_reviewed(db: Session, component: ComponentApp, appid: str, event: NicknameReviewed) -> None:
    """WeChat's people decided on a name: have WeChat asked. A review that was begun elsewhere cannot be asked about, so
    there the event is believed. It may be a repeated one: what was decided the same way, or later, stays.
    """
    program = program_of_message(db, component, appid, event)
    if program is None:
        return
    known = db.scalars(
        select(NameReview)
        .where(NameReview.program_id == program.id, NameReview.name == event.nickname)
        .order_by(NameReview.id.desc())
    ).first()
    status = ReviewStatus.APPROVED if event.passed else ReviewStatus.REFUSED
    if known is not None and known.status == ReviewStatus.IN_REVIEW and known.audit_id:
        hurry(db, of_program(Kind.NAME, program, known.id))
        return
    if known is not None and known.decided_at is not None:
        if known.status == status or event.created_at <= known.decided_at:
            return
        known = None
    if known is None:
        known = NameReview(provider_id=program.provider_id, program_id=program.id, name=event.nickname)
        db.add(known)
        db.flush()
    _note_status(db, program, known, status, plain_reason(event.reason))
