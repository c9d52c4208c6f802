"""Testers of one mini program: who is one, adding people by WeChat id, the provider's address book."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import Response, g, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import SelectMultipleField, TextAreaField
from wtforms.widgets import CheckboxInput, ListWidget

from saas.errors import AppError
from saas.programs import testers
from saas.programs.access import get_program, get_tester
from saas.programs.changing import obstacle
from saas.programs.models import Program
from saas.tenants.access import Verb
from saas.web.forms import Form, TextField, at_most
from saas.web.going import done, refused
from saas.web.pages import render
from saas.web.provider.blueprint import provider
from saas.web.provider.telling import telling_item
from saas.wx.permissions import DEVELOPMENT


class TestersForm(Form):
    people = TextAreaField(_l("微信号和备注名"))
    known = SelectMultipleField(
        _l("从通讯录选择"), option_widget=CheckboxInput(), widget=ListWidget(prefix_label=False), validate_choice=True
    )


class LabelForm(Form):
    label = TextField(_l("备注名"), [at_most(40)])


@provider.get("/programs/<uuid:program_id>/testers")
def show_testers(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.VIEW)
    return _page(program, _form(program))


@provider.post("/programs/<uuid:program_id>/testers")
def add_testers(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    form = _form(program)
    if form.validate_on_submit():
        try:
            chosen = testers.add_testers(g.db, form.people.data or "", who=g.who)
            chosen += [UUID(one) for one in form.known.data or [] if UUID(one) not in chosen]
            testers.start_binding(g.db, program, chosen, who=g.who)
        except AppError as error:
            form.refuse(error)
        else:
            return done(_("正在添加体验成员"), _address(program), "info")
    return _page(program, form, 422)


@provider.post("/programs/<uuid:program_id>/testers/read")
def read_testers(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    return _start(program, lambda: testers.start_reading(g.db, program, who=g.who), _("正在向微信读取体验成员"))


@provider.route("/programs/<uuid:program_id>/testers/<uuid:row_id>/label", methods=["GET", "POST"])
def label_tester(program_id: UUID, row_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    row = testers.tester_row(g.db, program, row_id)
    form = LabelForm(label=row.label)
    if form.validate_on_submit():
        testers.label_tester(g.db, program, row_id, form.label.data or "", who=g.who)
        return done(_("已保存备注名"), _address(program))
    status = 422 if form.is_submitted() else 200
    return render(
        "provider/programs/tester_label.html", program=program, tab="testers", row=row, form=form, status=status
    )  # fmt: skip


@provider.route("/programs/<uuid:program_id>/testers/<uuid:row_id>/remove", methods=["GET", "POST"])
def remove_tester(program_id: UUID, row_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    row = testers.tester_row(g.db, program, row_id)
    form = Form()
    if form.validate_on_submit():
        return _start(
            program, lambda: testers.start_unbinding(g.db, program, row_id, who=g.who), _("正在移除体验成员")
        )  # fmt: skip
    return render("provider/programs/tester_remove.html", program=program, tab="testers", row=row)


@provider.get("/testers")
def list_testers() -> ResponseReturnValue:
    return render("provider/testers/list.html", people=testers.address_book(g.db, who=g.who), masked=testers.masked)


@provider.post("/testers/<uuid:tester_id>/forget")
def forget_tester(tester_id: UUID) -> ResponseReturnValue:
    tester = get_tester(g.db, g.who, tester_id, Verb.WORK)
    testers.forget_tester(g.db, tester, who=g.who)
    return done(_("已从通讯录删除"), url_for("provider.list_testers"))


def _form(program: Program) -> TestersForm:
    """Those in the address book who are no testers of this mini program yet can be chosen."""
    form = TestersForm()
    bound = {row.tester_id for row in testers.testers_of(g.db, program)}
    free = [one for one in testers.list_testers(g.db) if one.id not in bound]
    form.known.choices = [(str(one.id), f"{one.label} {testers.masked(one.wechat_id)}") for one in free]
    return form


def _page(program: Program, form: TestersForm, status: int = 200) -> Response:
    return render(
        "provider/programs/testers.html", program=program, tab="testers", form=form,
        rows=testers.testers_of(g.db, program), limit=testers.tester_limit(program),
        obstacle=obstacle(program, DEVELOPMENT), item=telling_item(program.id, testers.STEPS), status=status,
    )  # fmt: skip


def _start(program: Program, service: Callable[[], Any], text: str) -> ResponseReturnValue:
    try:
        service()
    except AppError as error:
        return refused(error, _address(program))
    return done(text, _address(program), "info")


def _address(program: Program) -> str:
    return url_for("provider.show_testers", program_id=program.id)
