"""Rules of one mini program for ordinary QR codes and links: what WeChat has, changes, the check file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import Response, g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, SelectField, TextAreaField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]

from saas.components.budgets import left
from saas.errors import N_, AppError, NotFound
from saas.programs import qr_rules
from saas.programs.access import get_program
from saas.programs.changing import obstacle
from saas.programs.models import Program
from saas.programs.qr_rules import DEVELOPED, RELEASED, TRIAL
from saas.tenants.access import Verb
from saas.web.forms import Form, TextField
from saas.web.going import done, refused
from saas.web.pages import render
from saas.web.provider.blueprint import provider
from saas.web.provider.component_domains import check_file_response
from saas.web.provider.telling import telling_item
from saas.wx.permissions import DEVELOPMENT

VERSIONS = {RELEASED: N_("正式版"), TRIAL: N_("体验版"), DEVELOPED: N_("开发版")}


class QrRuleForm(Form):
    prefix = TextField(_l("链接前缀"))
    path = TextField(_l("页面路径"))
    exclusive = BooleanField(_l("占用这个前缀之下的所有链接"))
    links = TextAreaField(_l("测试链接"))
    version = SelectField(
        _l("测试链接打开的版本"),
        choices=[SelectChoice(str(number), _l(text)) for number, text in VERSIONS.items()],
        default=str(TRIAL),
    )


@provider.get("/programs/<uuid:program_id>/qr-rules")
def show_qr_rules(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.VIEW)
    return render(
        "provider/programs/qr_rules.html", program=program, tab="codes", kept=qr_rules.rules_of(g.db, program),
        versions=VERSIONS, budget=left(g.db, program, qr_rules.BUDGET), obstacle=obstacle(program, DEVELOPMENT),
        item=telling_item(program.id, qr_rules.STEPS),
    )  # fmt: skip


@provider.post("/programs/<uuid:program_id>/qr-rules/read")
def read_qr_rules(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    return _start(program, lambda: qr_rules.start_reading(g.db, program, who=g.who), _("正在向微信读取二维码规则"))


@provider.route("/programs/<uuid:program_id>/qr-rules/edit", methods=["GET", "POST"])
def edit_qr_rule(program_id: UUID) -> ResponseReturnValue:
    """A new rule, or with `prefix` one that is there; after a refusal of WeChat the form holds what was typed."""
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    prefix = request.args.get("prefix", "")
    known = qr_rules.rule_of(g.db, program, prefix) if prefix else _refused(program)
    form = QrRuleForm(**known | {"links": "\n".join(known["links"]), "version": str(known["version"])} if known else {})
    if form.validate_on_submit():
        try:
            given = {field: prefix if field == "prefix" and prefix else form[field].data for field in _FIELDS}
            qr_rules.start_saving(g.db, program, given, who=g.who)
        except AppError as error:
            form.refuse(error)
        else:
            return done(_("正在请微信保存规则"), _address(program), "info")
    return render(
        "provider/programs/qr_rule_edit.html", program=program, tab="codes", form=form, prefix=prefix,
        kept=qr_rules.rules_of(g.db, program), status=422 if form.is_submitted() else 200,
    )  # fmt: skip


@provider.route("/programs/<uuid:program_id>/qr-rules/publish", methods=["GET", "POST"])
def publish_qr_rule(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    rule, form = qr_rules.rule_of(g.db, program, request.args.get("prefix", "")), Form()
    if form.validate_on_submit():
        return _start(
            program, lambda: qr_rules.start_publishing(g.db, program, rule, who=g.who), _("正在发布规则")
        )  # fmt: skip
    return render(
        "provider/programs/qr_rule_publish.html", program=program, tab="codes", rule=rule,
        budget=left(g.db, program, qr_rules.BUDGET),
    )  # fmt: skip


@provider.route("/programs/<uuid:program_id>/qr-rules/delete", methods=["GET", "POST"])
def delete_qr_rule(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    rule, form = qr_rules.rule_of(g.db, program, request.args.get("prefix", "")), Form()
    if form.validate_on_submit():
        return _start(program, lambda: qr_rules.start_deleting(g.db, program, rule, who=g.who), _("正在删除规则"))
    return render("provider/programs/qr_rule_delete.html", program=program, tab="codes", rule=rule)


@provider.get("/programs/<uuid:program_id>/qr-rules/check-file")
def qr_rule_check_file(program_id: UUID) -> Response:
    kept = qr_rules.rules_of(g.db, get_program(g.db, g.who, program_id, Verb.VIEW))
    if kept is None or not kept.file_name:
        raise NotFound()
    return check_file_response(kept.file_name, kept.file_content)


_FIELDS = ("prefix", "path", "exclusive", "links", "version")


def _refused(program: Program) -> dict[str, Any] | None:
    item = telling_item(program.id, qr_rules.STEPS)
    return item.input.get("rule") if item is not None and not item.is_open else None


def _start(program: Program, service: Callable[[], Any], text: str) -> ResponseReturnValue:
    try:
        service()
    except AppError as error:
        return refused(error, _address(program))
    return done(text, _address(program), "info")


def _address(program: Program) -> str:
    return url_for("provider.show_qr_rules", program_id=program.id)
