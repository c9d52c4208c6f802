"""Who is behind a mini program (主体信息), who looks after it, and mini programs that are still to be registered."""

from __future__ import annotations

import re
from uuid import UUID

from flask import g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import SelectField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]

from saas.components.access import get_component, list_components
from saas.errors import AppError, NotFound
from saas.programs import editing, listing
from saas.programs.access import get_program
from saas.programs.models import Program
from saas.tenants import merchants
from saas.tenants.access import Verb, require
from saas.tenants.merchants import find_merchants, get_merchant
from saas.tenants.models import Merchant
from saas.web.forms import Form, TextField, at_most, chosen
from saas.web.going import done
from saas.web.pages import render
from saas.web.provider.blueprint import provider
from saas.web.provider.merchants import CODE_TYPES, SubjectForm, hidden_of, known_of
from saas.web.provider.program_filters import owner_choices

_OFFERED = 200


class CaseForm(SubjectForm):
    """A mini program to come, of a merchant who is known or of a new one."""

    component = SelectField(_l("第三方平台"), validators=[chosen()])
    program_name = TextField(_l("小程序名称"), [at_most(60)])
    merchant_id = SelectField(_l("商家"))
    name = TextField(_l("商家名称"), [at_most(60)])


class TeamForm(Form):
    owner = SelectField(_l("负责人"))
    tags = TextField(_l("标签"), [at_most(480)])


@provider.route("/programs/new", methods=["GET", "POST"])
def add_program() -> ResponseReturnValue:
    """Write down a mini program that is still to be registered, with its subject."""
    require(g.who, Verb.WORK)
    form, text = CaseForm(), request.args.get("q", "").strip()[:100]
    found = find_merchants(g.db, text=text, limit=_OFFERED)
    given = request.args.get("merchant", type=UUID)
    if given and given not in {one.id for one in found}:
        found.insert(0, get_merchant(g.db, g.who, given, Verb.VIEW))
    form.component.choices = [SelectChoice(str(one.id), one.name) for one in list_components(g.db, g.who)]
    form.merchant_id.choices = [
        SelectChoice("", _("新商家，填写下面的资料")), *(SelectChoice(str(one.id), one.name) for one in found)
    ]  # fmt: skip
    if given and not form.is_submitted():
        form.merchant_id.data = str(given)
    if form.validate_on_submit():
        try:
            return _add_case(form)
        except AppError as error:
            form.refuse(error)
    status = 422 if form.is_submitted() else 200
    return render(
        "provider/programs/new.html", form=form, q=text, many=len(found) >= _OFFERED or bool(text),
        hidden=hidden_of(None), status=status,
    )  # fmt: skip


def _add_case(form: CaseForm) -> ResponseReturnValue:
    component = get_component(g.db, g.who, UUID(form.component.data), Verb.VIEW)
    chosen_id = form.merchant_id.data
    merchant = get_merchant(g.db, g.who, UUID(chosen_id), Verb.WORK) if chosen_id else None
    program = editing.add_case(g.db, component, name=form.program_name.data or "", who=g.who)
    if merchant is not None:
        editing.assign_merchant(g.db, program, merchant, who=g.who)
    else:
        editing.write_subject(g.db, program, None, form.read(None), who=g.who)
    return done(_("已登记，可以开始注册"), url_for("provider.show_subject", program_id=program.id))


@provider.get("/programs/<uuid:program_id>/subject")
def show_subject(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.VIEW)
    merchant = _merchant_of(program)
    return _show(program, merchant, hidden_of(merchant))


@provider.post("/programs/<uuid:program_id>/subject/reveal")
def reveal_subject(program_id: UUID) -> ResponseReturnValue:
    """Answers the page itself, so that personal data is neither in an address nor in a stored message."""
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    merchant = _merchant_of(program)
    if merchant is None:
        raise NotFound()
    name, wechat_id = merchants.reveal_legal(g.db, merchant, who=g.who)
    phone = merchants.reveal_phone(g.db, merchant, who=g.who)
    whole = {"legal_name": name, "legal_wechat": wechat_id, "contact_phone": phone}
    return _show(program, merchant, whole, is_whole=True)


@provider.route("/programs/<uuid:program_id>/subject/edit", methods=["GET", "POST"])
def edit_subject(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    merchant = _merchant_of(program)
    form = SubjectForm(data=known_of(merchant) if merchant else {"company_name": program.company_name})
    if form.validate_on_submit():
        try:
            editing.write_subject(g.db, program, merchant, form.read(merchant), who=g.who)
        except AppError as error:
            form.refuse(error)
        else:
            return done(_("已保存主体信息"), url_for("provider.show_subject", program_id=program.id))
    return render(
        "provider/programs/subject_edit.html", program=program, tab="subject", form=form, merchant=merchant,
        hidden=hidden_of(merchant), others=_others(merchant), status=422 if form.is_submitted() else 200,
    )  # fmt: skip


@provider.route("/programs/<uuid:program_id>/team", methods=["GET", "POST"])
def edit_team(program_id: UUID) -> ResponseReturnValue:
    """Who is in charge, and the tags."""
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    tags = listing.tags_of(g.db, [program.id])[program.id]
    form, names = TeamForm(owner=str(program.owner_id or ""), tags="，".join(tags)), dict(owner_choices())
    form.owner.choices = [SelectChoice("", _("没有负责人")), *(SelectChoice(*one) for one in names.items())]
    if program.owner_id and str(program.owner_id) not in names and not form.is_submitted():
        form.owner.data = ""
    if form.validate_on_submit():
        owner = form.owner.data
        try:
            given = merchants.read_tags(re.split(r"[,，、;；\s]+", form.tags.data or ""))
            editing.set_tags(g.db, program, given, who=g.who)
            editing.set_owner(g.db, program, UUID(owner) if owner else None, names.get(owner, ""), who=g.who)
        except AppError as error:
            form.refuse(error)
        else:
            return done(_("已保存"), url_for("provider.show_subject", program_id=program.id))
    status = 422 if form.is_submitted() else 200
    return render("provider/programs/team.html", program=program, tab="subject", form=form, status=status)


def _show(
    program: Program, merchant: Merchant | None, hidden: dict[str, str], *, is_whole: bool = False
) -> ResponseReturnValue:
    return render(
        "provider/programs/subject.html", program=program, tab="subject", merchant=merchant, hidden=hidden,
        is_whole=is_whole, others=_others(merchant), tags=listing.tags_of(g.db, [program.id])[program.id],
        owner=dict(owner_choices()).get(str(program.owner_id), "") if program.owner_id else "",
        code_type=CODE_TYPES.get((merchant.company_code_type if merchant else 0) or 0, CODE_TYPES[1]),
    )  # fmt: skip


def _merchant_of(program: Program) -> Merchant | None:
    return get_merchant(g.db, g.who, program.merchant_id, Verb.VIEW) if program.merchant_id else None


def _others(merchant: Merchant | None) -> int:
    """How many more mini programs share the merchant's data."""
    return listing.count_by_merchant(g.db, [merchant.id]).get(merchant.id, 1) - 1 if merchant else 0
