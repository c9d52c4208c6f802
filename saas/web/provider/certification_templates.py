"""Certification templates: the list, the three parts of the form, copy and deletion; pictures and personal data."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from uuid import UUID

from flask import g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from saas.errors import AppError, NotFound
from saas.programs import certification_templates as templates
from saas.programs.certification_access import get_paper, get_template, list_templates
from saas.programs.certification_data import FIELDS, Part
from saas.programs.certification_filling import find_identities, place_in, reveal_personal
from saas.programs.certification_models import Certification, CertificationTemplate, Filled
from saas.tenants import activity
from saas.tenants.access import Verb, require
from saas.web.going import done, refused
from saas.web.pages import render
from saas.web.provider.blueprint import provider
from saas.web.provider.certification_forms import PART_NAMES, find_part, next_part, part_form, shown
from saas.web.provider.releases import picture

_COLUMNS = ("customer_type", "pay_type")


@provider.get("/certifications/templates")
def list_certification_templates() -> ResponseReturnValue:
    rows = [(row, shown(row.values, _COLUMNS)) for row in list_templates(g.db)]
    return render("provider/certification/templates.html", rows=rows, tab="templates")


@provider.route("/certifications/templates/new", methods=["GET", "POST"])
def add_certification_template() -> ResponseReturnValue:
    require(g.who, Verb.WORK)
    form = part_form(Part.BASICS, None, "account_name")
    if form.validate_on_submit():
        try:
            row = templates.add_template(g.db, form.name.data or "", form.filling(), who=g.who)
        except AppError as error:
            form.refuse_all(error)
        else:
            return done(_("已保存，请继续填写联系人"), _part_address(row, Part.CONTACT))
    return render(
        "provider/certification/template_edit.html", form=form, row=None, part=Part.BASICS, parts=PART_NAMES,
        status=422 if form.is_submitted() else 200,
    )  # fmt: skip


@provider.route("/certifications/templates/<uuid:certification_template_id>/parts/<section>", methods=["GET", "POST"])
def edit_certification_template(certification_template_id: UUID, section: str) -> ResponseReturnValue:
    row, here = get_template(g.db, g.who, certification_template_id, Verb.WORK), find_part(section)
    form = part_form(here, row, *{Part.BASICS: ("account_name",), Part.CONTACT: ("contact_mobile",)}.get(here, ()))
    if here is Part.BASICS and not form.is_submitted():
        form.name.data = row.name
    if form.validate_on_submit():
        try:
            name = (form.name.data or "") if here is Part.BASICS else None
            templates.edit_template(g.db, row, form.filling(), who=g.who, name=name)
        except AppError as error:
            form.refuse_all(error)
        else:
            after = next_part(here)
            target = _part_address(row, after) if after else url_for("provider.list_certification_templates")
            return done(_("已保存"), target)
    return render(
        "provider/certification/template_edit.html", form=form, row=row, part=here, parts=PART_NAMES,
        status=422 if form.is_submitted() else 200,
    )  # fmt: skip


@provider.post("/certifications/templates/<uuid:certification_template_id>/personal")
def reveal_certification_template(certification_template_id: UUID) -> ResponseReturnValue:
    """Answers the page itself, so that personal data is neither in an address nor in a stored message."""
    row = get_template(g.db, g.who, certification_template_id, Verb.WORK)
    return render_personal(row, _part_address(row, Part.CONTACT), row.name)


def render_personal(filled: Certification | CertificationTemplate, back: str, name: str) -> ResponseReturnValue:
    """Personal data whole, on a page of its own."""
    values = reveal_personal(g.db, filled, who=g.who)
    rows = [(_(FIELDS[one].label), value) for one, value in values.items()]
    return render("provider/certification/personal.html", rows=rows, back=back, name=name)


@provider.post("/certifications/templates/<uuid:certification_template_id>/copy")
def copy_certification_template(certification_template_id: UUID) -> ResponseReturnValue:
    row = get_template(g.db, g.who, certification_template_id, Verb.WORK)
    copy = templates.copy_template(g.db, row, who=g.who)
    return done(_("已复制，请修改名称和不同的内容"), _part_address(copy, Part.BASICS))


@provider.route("/certifications/templates/<uuid:certification_template_id>/delete", methods=["GET", "POST"])
def delete_certification_template(certification_template_id: UUID) -> ResponseReturnValue:
    row = get_template(g.db, g.who, certification_template_id, Verb.WORK)
    if request.method == "GET":
        return render("provider/certification/template_delete.html", row=row)
    templates.delete_template(g.db, row, who=g.who)
    return done(_("已删除模板"), url_for("provider.list_certification_templates"))


@provider.route("/certifications/templates/<uuid:certification_template_id>/identity", methods=["GET", "POST"])
def choose_template_identity(certification_template_id: UUID) -> ResponseReturnValue:
    row = get_template(g.db, g.who, certification_template_id, Verb.WORK)
    back, tree = _part_address(row, Part.BASICS), find_identities(g.db, None)
    if request.method == "POST":
        return save_identity(partial(templates.choose_identity, g.db, row, who=g.who), back)
    return render(
        "provider/certification/identity.html", tree=tree, place=place_in(tree, request.args.get("at", "")) if tree
        else None, chosen=row.values.get("identification", ""), back=back, name=row.name, read_url="",
    )  # fmt: skip


def save_identity(choose: Callable[[str], None], back: str) -> ResponseReturnValue:
    """Keep the identity that was chosen in the tree."""
    try:
        choose(request.form.get("identity", ""))
    except AppError as error:
        return refused(error, request.path)
    return done(_("已保存认证身份"), back)


@provider.get("/certifications/templates/<uuid:certification_template_id>/papers/<uuid:file_id>")
def show_template_paper(certification_template_id: UUID, file_id: UUID) -> ResponseReturnValue:
    """Pictures of people and companies: who looks at one is in the activity log."""
    row = get_template(g.db, g.who, certification_template_id, Verb.WORK)
    return paper_response(row, file_id)


def paper_response(filled: Filled, file_id: UUID) -> ResponseReturnValue:
    file = get_paper(g.db, filled, file_id)
    if file.kind != "certification":
        raise NotFound()
    activity.record(g.db, g.who, "certification.personal.view", filled)
    response = picture(file.id, "certification")
    response.headers["Cache-Control"] = "no-store"
    return response


def _part_address(row: CertificationTemplate, part: Part) -> str:
    return url_for("provider.edit_certification_template", certification_template_id=row.id, section=part.value)
