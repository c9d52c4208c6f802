"""Mini programs of a provider: the list, one program's overview and permissions, whose it is."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response, g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, SelectField, TextAreaField

from saas.components.access import load_component
from saas.errors import N_, AppError, Invalid, NotFound
from saas.programs import editing, links, listing, profile, saved_filters, standing
from saas.programs.access import get_program
from saas.programs.listing import ProgramFilter
from saas.programs.permissions import matrix, missing_sets
from saas.tenants.access import Verb
from saas.tenants.merchants import find_merchants, get_merchant
from saas.tenants.stored_files import load_file, read_file
from saas.web.forms import Form, TextField, at_most, required
from saas.web.going import done
from saas.web.pages import render
from saas.web.provider.blueprint import provider
from saas.web.provider.program_filters import filter_choices
from saas.web.provider.program_page import timeline
from saas.web.provider.values import ValueRows

PAGE = 50
ACCOUNT_STATES = {1: N_("正常"), 14: N_("已注销"), 16: N_("已封禁"), 18: N_("已告警"), 19: N_("已冻结")}


class SaveForm(Form):
    name = TextField(_l("名称"), [required(), at_most(40)])
    shared = BooleanField(_l("同事也能使用"))


class AssignForm(Form):
    merchant_id = SelectField()


class NoteForm(Form):
    note = TextAreaField(validators=[at_most(2000)])


@provider.get("/programs")
def list_programs() -> ResponseReturnValue:
    return show_list(SaveForm())


def show_list(form: SaveForm, status: int = 200) -> ResponseReturnValue:
    """The list as the address filters it, with the form that saves the filter."""
    wanted, before = ProgramFilter.read(request.args), request.args.get("before", type=UUID)
    page = listing.list_programs(g.db, wanted, before=before, limit=PAGE)
    ids = [program.id for program in page.programs]
    kept: dict[str, Any] = wanted.parts()
    return render(
        "provider/programs/list.html", page=page, wanted=wanted, kept=kept, form=form, most=listing.MOST_SELECTED,
        names=listing.merchant_names(g.db, page.programs), tags=listing.tags_of(g.db, ids),
        steps=standing.steps_of(g.db, ids), filters=saved_filters.list_filters(g.db, g.who),
        choices=filter_choices(wanted), missing_sets=missing_sets, status=status,
        next_url=url_for("provider.list_programs", before=ids[-1], **kept) if page.more else "",
        first_url=url_for("provider.list_programs", **kept) if before else "",
    )  # fmt: skip


@provider.post("/programs/filters")
def save_filter() -> ResponseReturnValue:
    form, wanted = SaveForm(), ProgramFilter.read(request.args)
    kept: dict[str, Any] = wanted.parts()
    if form.validate():
        try:
            saved_filters.save_filter(g.db, wanted, name=form.name.data or "", shared=form.shared.data, who=g.who)
        except AppError as error:
            form.refuse(error)
        else:
            return done(_("已保存筛选"), url_for("provider.list_programs", **kept))
    return show_list(form, 422)


@provider.post("/programs/filters/<uuid:filter_id>/delete")
def delete_filter(filter_id: UUID) -> ResponseReturnValue:
    saved_filters.delete_filter(g.db, filter_id, who=g.who)
    return done(_("已删除筛选"), url_for("provider.list_programs"))


@provider.get("/programs/<uuid:program_id>")
def show_program(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.VIEW)
    merchant = get_merchant(g.db, g.who, program.merchant_id, Verb.VIEW) if program.merchant_id else None
    missing = missing_sets(program.permission_sets) if program.permission_sets else []  # not known before it is read
    return render(
        "provider/programs/show.html", block="profile", program=program, tab="overview", merchant=merchant,
        component=load_component(g.db, program.component_id), missing=missing,
        timeline=timeline(program, standing.steps_of(g.db, [program.id])[program.id]),
        reading=profile.is_reading(g.db, program), account_states=ACCOUNT_STATES,
        links=links.list_links(g.db, program_id=program.id, limit=5), state_of=links.state_of,
    )  # fmt: skip


@provider.post("/programs/<uuid:program_id>/profile")
def read_program_profile(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    profile.request_profile(g.db, program, who=g.who)
    return done(_("正在向微信读取资料"), url_for("provider.show_program", program_id=program.id), "info")


@provider.get("/programs/<uuid:program_id>/permissions")
def show_permissions(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.VIEW)
    return render(
        "provider/programs/permissions.html", program=program, tab="permissions",
        rows=matrix(program.permission_sets), missing=missing_sets(program.permission_sets),
    )  # fmt: skip


@provider.get("/programs/<uuid:program_id>/avatar")
def program_avatar(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.VIEW)
    return avatar_response(program.avatar_file_id)


def avatar_response(file_id: UUID | None) -> Response:
    """The picture itself. Its address changes with the file, so that a browser may keep it."""
    row = load_file(g.db, file_id)
    if row.kind != "avatar":
        raise NotFound()
    response = Response(read_file(row), content_type=row.content_type)
    response.headers["Cache-Control"] = "private, max-age=86400"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


@provider.route("/programs/<uuid:program_id>/merchant", methods=["GET", "POST"])
def assign_program(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    text = request.args.get("q", "").strip()[:100]
    choices = find_merchants(g.db, text=text, limit=100)
    form = AssignForm(merchant_id=str(program.merchant_id or ""))
    if program.merchant_id and program.merchant_id not in {one.id for one in choices}:
        choices.insert(0, get_merchant(g.db, g.who, program.merchant_id, Verb.VIEW))
    form.merchant_id.choices = [("", _("不归属任何商家")), *((str(one.id), one.name) for one in choices)]
    if form.validate_on_submit():
        chosen = form.merchant_id.data
        merchant = get_merchant(g.db, g.who, UUID(chosen), Verb.WORK) if chosen else None
        editing.assign_merchant(g.db, program, merchant, who=g.who)
        return done(_("已更新小程序的商家"), url_for("provider.show_program", program_id=program.id))
    status = 422 if form.is_submitted() else 200
    return render("provider/programs/assign.html", program=program, tab="overview", form=form, q=text, status=status)


@provider.route("/programs/<uuid:program_id>/note", methods=["GET", "POST"])
def edit_program_note(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    form = NoteForm(note=program.note)
    if form.validate_on_submit():
        editing.edit_note(g.db, program, form.note.data or "", who=g.who)
        return done(_("已保存备注"), url_for("provider.show_program", program_id=program.id))
    status = 422 if form.is_submitted() else 200
    return render("provider/programs/note.html", program=program, tab="overview", form=form, status=status)


@provider.route("/programs/<uuid:program_id>/values", methods=["GET", "POST"])
def edit_program_values(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    rows = ValueRows(program.ext_values)
    if rows.is_submitted:
        try:
            editing.set_program_values(g.db, program, rows.pairs, who=g.who)
        except Invalid as error:
            rows.refuse(error)
        else:
            return done(_("已保存模板变量"), url_for("provider.show_program", program_id=program.id))
    return render(
        "provider/programs/values.html", program=program, tab="overview", rows=rows,
        status=422 if rows.is_submitted else 200,
    )  # fmt: skip
