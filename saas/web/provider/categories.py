"""Service categories of a mini program: what is set and how it stands, finding another one, its papers."""

from __future__ import annotations

from uuid import UUID

from flask import g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from markupsafe import Markup

from saas.batches.models import ItemStatus
from saas.batches.progress import newest_items
from saas.components.budgets import left
from saas.errors import N_, AppError, Invalid, NotFound
from saas.onboarding.wishes import category_wishes, papers_for
from saas.pictures import MOST_PAGES
from saas.programs import categories
from saas.programs.access import get_program
from saas.programs.category_trees import find_category, find_tree, search
from saas.programs.changing import obstacle
from saas.programs.models import Program, ReviewStatus
from saas.programs.permissions import BASIC_INFO
from saas.tenants.access import Verb
from saas.web.badges import badge
from saas.web.forms import Form
from saas.web.going import done, refused
from saas.web.pages import render
from saas.web.provider.blueprint import provider
from saas.web.provider.profile import files_of

STEPS = (categories.READ, categories.ADD, categories.MODIFY, categories.DELETE)
_STATES = {
    ReviewStatus.IN_REVIEW: (N_("审核中"), "info"),
    ReviewStatus.REFUSED: (N_("审核不通过"), "danger"),
    ReviewStatus.APPROVED: (N_("已生效"), "success"),
}


@provider.app_template_global()
def review_badge(status: str) -> Markup:
    """How WeChat's people decided, as a coloured word."""
    text, tone = _STATES[ReviewStatus(status)]
    return badge(_(text), tone)


@provider.get("/programs/<uuid:program_id>/categories")
def show_categories(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.VIEW)
    items = newest_items(g.db, program.id, STEPS).values()
    tree = {(one.first, one.second): one for one in find_tree(g.db, program)}
    wishes = [(one.first, one.second) for one in category_wishes(g.db, program) if one.is_open]
    return render(
        "provider/programs/categories.html", program=program, tab="categories",
        state=categories.find_state(g.db, program), chances=left(g.db, program, "category_month"),
        told=[item for item in items if item.is_open or item.status == ItemStatus.FAILED],
        obstacle=obstacle(program, BASIC_INFO, by_api=True), unreadable=obstacle(program, BASIC_INFO),
        wished=[tree[place] for place in wishes if place in tree], known=bool(tree),
        unfit=sum(place not in tree for place in wishes),
    )  # fmt: skip


@provider.post("/programs/<uuid:program_id>/categories/read")
def read_program_categories(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    try:
        categories.request_reading(g.db, program, who=g.who)
    except AppError as error:
        return refused(error, _address(program))
    return done(_("正在向微信读取类目"), _address(program), "info")


@provider.get("/programs/<uuid:program_id>/categories/add")
def choose_category(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    text = request.args.get("q", "").strip()[:100]
    tree, state = find_tree(g.db, program), categories.find_state(g.db, program)
    groups: dict[str, list[object]] = {}
    for one in search(tree, text):
        groups.setdefault(one.names[0], []).append(one)
    return render(
        "provider/programs/categories_choose.html", block="tree", program=program, tab="categories", q=text,
        groups=groups, known=bool(tree), obstacle=obstacle(program, BASIC_INFO, by_api=True),
        taken={(one["first"], one["second"]) for one in (state.categories if state else [])},
        chances=left(g.db, program, "category_month"),
    )  # fmt: skip


@provider.route("/programs/<uuid:program_id>/categories/<int:first>/<int:second>", methods=["GET", "POST"])
def edit_category(program_id: UUID, first: int, second: int) -> ResponseReturnValue:
    """Add the category, or hand it in again after a refusal. What the merchant handed in for it is attached already."""
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    category = find_category(g.db, program, first, second)
    attached = papers_for(g.db, program, category)
    form, errors = Form(), dict[str, str]()
    if form.validate_on_submit():
        papers = {
            name: files_of(f"paper_{number}") or attached.get(name, []) for number, name in enumerate(category.papers)
        }
        try:
            categories.change_category(g.db, program, category, who=g.who, papers=papers)
        except AppError as error:
            if isinstance(error, Invalid) and error.field:
                errors[error.field] = _(error.message, **error.params)
            else:
                form.refuse(error)
        else:
            return done(_("正在提交给微信"), _address(program), "info")
    known = categories.find_set(categories.find_state(g.db, program), first, second)
    return render(
        "provider/programs/categories_edit.html", program=program, tab="categories", category=category, known=known,
        form=form, errors=errors, numbers={name: number for number, name in enumerate(category.papers)},
        before=categories.last_papers(g.db, program, first, second) if known else {}, pages=MOST_PAGES,
        attached={name: len(pages) for name, pages in attached.items()},
        chances=left(g.db, program, "category_month"), status=422 if form.is_submitted() else 200,
    )  # fmt: skip


@provider.route("/programs/<uuid:program_id>/categories/<int:first>/<int:second>/delete", methods=["GET", "POST"])
def delete_category(program_id: UUID, first: int, second: int) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    state = categories.find_state(g.db, program)
    known = categories.find_set(state, first, second)
    if state is None or known is None:
        raise NotFound()
    if request.method == "POST":
        try:
            categories.remove_category(g.db, program, first, second, who=g.who)
        except AppError as error:
            return refused(error, _address(program))
        return done(_("正在删除类目"), _address(program), "info")
    return render(
        "provider/programs/categories_delete.html", program=program, tab="categories", known=known,
        last=len(state.categories) == 1, chances=left(g.db, program, "category_month"),
    )  # fmt: skip


def _address(program: Program) -> str:
    return url_for("provider.show_categories", program_id=program.id)
