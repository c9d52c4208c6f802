"""Service categories of mini programs: what is set and how its review stands, what could be set, and changing it.

A category that needs papers goes to WeChat's people. The event that tells the end may be lost: it only makes us read,
and the watch reads anyway. All is known of mini programs that were registered through the API only; of the others
WeChat tells no more than the names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from saas import clock
from saas.batches.models import BatchItem, ItemStatus
from saas.batches.starting import Subject, start_one
from saas.batches.steps import Skipped, step
from saas.components.models import ComponentApp
from saas.db import new_id, settle
from saas.errors import N_, Conflict, Invalid, NotFound
from saas.failures import clear_failure, note_failure
from saas.pictures import stitch_pages
from saas.programs.access import load_program, program_of_message
from saas.programs.category_trees import Category, read_tree
from saas.programs.changing import client_of, hand_in, keep_picture, refuse_if_hindered
from saas.programs.models import CategoryState, Program, ReviewStatus
from saas.programs.permissions import BASIC_INFO
from saas.programs.polling import OpenRows, expect, hurry, of_program, polled
from saas.programs.polling_models import Kind
from saas.programs.rhythms import Rhythm, Standing
from saas.programs.standing import note_step
from saas.programs.words import Step, Word
from saas.tenants import activity
from saas.tenants.access import Who
from saas.wx.client import WxClient
from saas.wx.errors import CallFailed
from saas.wx.events import CategoryReviewed

READ = "saas.programs.categories.read_categories"
ADD = "saas.programs.categories.add_category"
MODIFY = "saas.programs.categories.modify_category"
DELETE = "saas.programs.categories.delete_category"
_STATES = {1: ReviewStatus.IN_REVIEW, 2: ReviewStatus.REFUSED, 3: ReviewStatus.APPROVED}


# What is known


def find_state(db: Session, program: Program) -> CategoryState | None:
    return db.scalar(select(CategoryState).where(CategoryState.program_id == program.id))


def find_set(state: CategoryState | None, first: int, second: int) -> dict[str, Any] | None:
    """How a category of a mini program stands, as kept in `CategoryState.categories`."""
    known = state.categories if state else []
    return next((one for one in known if (one["first"], one["second"]) == (first, second)), None)


def last_papers(db: Session, program: Program, first: int, second: int) -> dict[str, str]:
    """The files that were handed in for this category last, by the paper's name."""
    items = db.scalars(
        select(BatchItem)
        .where(
            BatchItem.subject_id == program.id, BatchItem.step.in_([ADD, MODIFY]), BatchItem.status == ItemStatus.DONE
        )
        .order_by(BatchItem.id.desc())
    )
    for item in items:
        if (item.input["first"], item.input["second"]) == (first, second):
            return dict(item.input["papers"])
    return {}


# What people ask for


def request_reading(db: Session, program: Program, *, who: Who) -> BatchItem:
    """Have WeChat asked what is set, and what could be set."""
    refuse_if_hindered(program, BASIC_INFO)
    item = start_one(db, READ, Subject(program.id, program.name), who=who, params={"tree": True})
    activity.record(db, who, "program.read_categories", program)
    return item


def change_category(
    db: Session, program: Program, category: Category, *, who: Who, papers: Mapping[str, Sequence[bytes]]
) -> BatchItem:
    """Have a category added, or the papers of a refused one replaced. `papers`: pages by the paper's name; those that
    were handed in before go along where no new ones replace them.
    """
    refuse_if_hindered(program, BASIC_INFO, by_api=True)
    state = find_state(db, program)
    known = find_set(state, category.first, category.second)
    if known is not None and known["status"] != ReviewStatus.REFUSED:
        raise Conflict(N_("这个类目已经设置，或正在审核"))
    if known is None and state is not None and state.most is not None and len(state.categories) >= state.most:
        raise Conflict(N_("最多设置 %(most)d 个类目，请先删除不用的"), most=state.most)
    before = last_papers(db, program, category.first, category.second) if known else {}
    params = {**describe(category), "papers": keep_papers(db, who, category, papers, before)}
    name, verb = (ADD, "program.add_category") if known is None else (MODIFY, "program.modify_category")
    item = start_one(db, name, Subject(program.id, program.name), who=who, params=params)
    activity.record(db, who, verb, program, detail={"category": category.name})
    return item


def remove_category(db: Session, program: Program, first: int, second: int, *, who: Who) -> BatchItem:
    """Have a category deleted; what is in review cannot be."""
    refuse_if_hindered(program, BASIC_INFO, by_api=True)
    known = find_set(find_state(db, program), first, second)
    if known is None:
        raise NotFound()
    if known["status"] == ReviewStatus.IN_REVIEW:
        raise Conflict(N_("审核中的类目不能删除，请等微信给出结果"))
    params = {"first": first, "second": second, "name": " / ".join(known["names"])}
    item = start_one(db, DELETE, Subject(program.id, program.name), who=who, params=params)
    activity.record(db, who, "program.delete_category", program, detail={"category": params["name"]})
    return item


def describe(category: Category) -> dict[str, Any]:
    """The category in the params of a step."""
    return {"first": category.first, "second": category.second, "name": category.name}


def keep_papers(
    db: Session, who: Who, category: Category, papers: Mapping[str, Sequence[bytes]], before: Mapping[str, str]
) -> dict[str, str]:
    """Make each paper one picture and keep it; answers file ids by the paper's name.

    Raises Invalid at the paper's place (its number in `Category.papers`) unless one whole set is there.
    """
    names = list(category.papers)
    given = {name for name in names if papers.get(name) or name in before}
    if category.sets and not any(given >= {paper.name for paper in papers_of} for papers_of in category.sets):
        begun = max(category.sets, key=lambda papers_of: sum(paper.name in given for paper in papers_of))
        missing = next(paper.name for paper in begun if paper.name not in given)
        raise Invalid(N_("请上传“%(name)s”"), field=f"paper_{names.index(missing)}", name=missing)
    kept = {name: file_id for name, file_id in before.items() if name in names}
    for number, name in enumerate(names):
        if pages := papers.get(name):
            picture = stitch_pages(pages, field=f"paper_{number}")
            kept[name] = keep_picture(db, who.provider_id, "paper", picture)
    return kept


# Steps


@step(label=N_("读取类目"))
def read_categories(db: Session, item: BatchItem) -> None:
    program = load_program(db, item.subject_id)
    client = client_of(db, program)
    read_state(db, program, client)
    if item.input.get("tree") and program.registered_by_api:
        read_tree(db, program, client)


@step(label=N_("添加类目"))
def add_category(db: Session, item: BatchItem) -> None:
    """One of a few chances a month, so a repeated try looks first whether the category is there already."""
    program, wanted = load_program(db, item.subject_id), item.input
    if find_set(find_state(db, program), wanted["first"], wanted["second"]) is not None:
        raise Skipped(N_("类目已经设置"))
    client = client_of(db, program)
    if item.attempt == 1 or find_set(read_state(db, program, client), wanted["first"], wanted["second"]) is None:
        papers = _hand_in(db, client, program, wanted["papers"])
        settle(db)
        category = {"first": wanted["first"], "second": wanted["second"], "certicates": papers}
        client.categories.addcategory(program.appid, categories=[category])
    read_state(db, program, client)


@step(label=N_("重新提交类目资质"))
def modify_category(db: Session, item: BatchItem) -> None:
    program, wanted = load_program(db, item.subject_id), item.input
    client = client_of(db, program)
    known = None if item.attempt == 1 else find_set(read_state(db, program, client), wanted["first"], wanted["second"])
    if known is None or known["status"] == ReviewStatus.REFUSED:
        papers = _hand_in(db, client, program, wanted["papers"])
        settle(db)
        client.categories.modifycategory(
            program.appid, first=wanted["first"], second=wanted["second"], certicates=papers
        )
    read_state(db, program, client)


@step(label=N_("删除类目"))
def delete_category(db: Session, item: BatchItem) -> None:
    program, wanted = load_program(db, item.subject_id), item.input
    client = client_of(db, program)
    if item.attempt == 1 or find_set(read_state(db, program, client), wanted["first"], wanted["second"]) is not None:
        settle(db)
        client.categories.deletecategory(program.appid, first=wanted["first"], second=wanted["second"])
    read_state(db, program, client)


def _hand_in(db: Session, client: WxClient, program: Program, papers: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": name, "value": hand_in(db, client, program, file_id)} for name, file_id in papers.items()]


# Reading


def read_state(db: Session, program: Program, client: WxClient) -> CategoryState:
    """Ask WeChat what is set and keep it, unless what is kept was asked later; what it refuses is kept beside and
    raised.
    """
    read = _read_set if program.registered_by_api else _read_names
    settle(db)
    asked_at = clock.now()
    try:
        categories, most = read(client, program.appid)
    except CallFailed as error:
        note_failure(_lock_state(db, program), error)
        settle(db)
        raise
    state = _lock_state(db, program)
    if state.read_at is not None and asked_at < state.read_at <= clock.now():
        return state
    before, now_open = _open_reviews(state.categories), _open_reviews(categories)
    state.categories, state.most, state.read_at = categories, most, asked_at
    clear_failure(state)
    state.in_review = bool(now_open)
    note_categories(db, program)
    if now_open - before:
        state.in_review_since = state.read_at
        expect(db, of_program(Kind.CATEGORIES, program), Standing(Rhythm.CATEGORIES, state.read_at))
    return state


def _open_reviews(categories: Sequence[Mapping[str, Any]]) -> set[tuple[int, int]]:
    return {(one["first"], one["second"]) for one in categories if one["status"] == ReviewStatus.IN_REVIEW}


def _read_set(client: WxClient, appid: str) -> tuple[list[dict[str, Any]], int | None]:
    answer = client.categories.getcategory(appid)
    categories = [
        {
            "first": one.get("first"), "second": one.get("second"),
            "names": [one.get("first_name") or "", one.get("second_name") or ""],
            "status": _STATES.get(int(one.get("audit_status") or 0), ReviewStatus.APPROVED).value,
            "reason": str(one.get("audit_reason") or ""),
        }
        for one in answer.get("categories") or []
    ]  # fmt: skip
    return categories, answer.get("category_limit")


def _read_names(client: WxClient, appid: str) -> tuple[list[dict[str, Any]], int | None]:
    categories = [
        {
            "first": one.get("first_id"), "second": one.get("second_id"),
            "names": [one[name] for name in ("first_class", "second_class", "third_class") if one.get(name)],
            "status": ReviewStatus.APPROVED.value, "reason": "",
        }
        for one in client.categories.get_category(appid)["category_list"]
    ]  # fmt: skip
    return categories, None


def note_categories(db: Session, program: Program) -> None:
    """Say how the step of the categories stands; before they were ever read, by what the profile tells."""
    state = find_state(db, program)
    if state is None or state.read_at is None:
        word = Word.CATEGORIES_SET if program.profile.get("categories") else Word.CATEGORIES_LACKING
        note_step(db, program, Step.CATEGORIES, word)
        return
    refused = [one for one in state.categories if one["status"] == ReviewStatus.REFUSED]
    if refused:
        detail = {"name": " / ".join(refused[0]["names"]), "reason": refused[0]["reason"]}
        note_step(db, program, Step.CATEGORIES, Word.CATEGORY_REFUSED, detail=detail)
    elif state.in_review:
        note_step(db, program, Step.CATEGORIES, Word.CATEGORY_IN_REVIEW)
    else:
        note_step(db, program, Step.CATEGORIES, Word.CATEGORIES_SET if state.categories else Word.CATEGORIES_LACKING)


def _in_review() -> OpenRows:
    query = select(CategoryState.program_id, CategoryState.provider_id, Program.component_id, Program.id)
    return query.join(Program, Program.id == CategoryState.program_id).where(CategoryState.in_review.is_(True))


@polled(Kind.CATEGORIES, _in_review)
def look(db: Session, program_id: UUID) -> Standing | None:
    """Read as long as a category is in review."""
    program = load_program(db, program_id)
    state = find_state(db, program)
    if state is None or not state.in_review:
        return None
    state = read_state(db, program, client_of(db, program))
    return Standing(Rhythm.CATEGORIES, state.in_review_since or state.created_at) if state.in_review else None


def on_category_reviewed(db: Session, component: ComponentApp, appid: str, event: CategoryReviewed) -> None:
    """WeChat's people decided on a category: have WeChat asked."""
    program = program_of_message(db, component, appid, event)
    if program is None:
        return
    _lock_state(db, program).in_review = True
    hurry(db, of_program(Kind.CATEGORIES, program))


def _lock_state(db: Session, program: Program) -> CategoryState:
    row = insert(CategoryState).values(
        id=new_id(), created_at=clock.now(), provider_id=program.provider_id, program_id=program.id, categories=[],
        in_review=False, operation="", rid="", error="",
    )  # fmt: skip
    db.execute(row.on_conflict_do_nothing(index_elements=["program_id"]))
    query = select(CategoryState).where(CategoryState.program_id == program.id).with_for_update()
    return db.scalars(query.execution_options(populate_existing=True)).one()
