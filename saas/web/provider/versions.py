"""The five slots of a mini program's code side by side, and what each lets one do: phased release, service switch,
minimum base library.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import g, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, IntegerField
from wtforms.validators import InputRequired, NumberRange

from saas.errors import AppError
from saas.programs.access import get_program
from saas.programs.changing import obstacle
from saas.programs.models import Program
from saas.releases import code_state, phasing, releasing, serving, templates
from saas.releases.audits import newest_audit
from saas.releases.models import AuditStatus
from saas.tenants.access import Verb
from saas.web.forms import Form, TextField, required
from saas.web.going import done, refused
from saas.web.pages import render
from saas.web.provider.blueprint import provider
from saas.web.provider.telling import telling_item
from saas.wx.permissions import DEVELOPMENT

STEPS = (*phasing.STEPS, *serving.STEPS)


_PERCENT = _l("请填写 0 到 100 的整数")


class PhaseForm(Form):
    percent = IntegerField(_l("用户比例（%）"), [InputRequired(_PERCENT), NumberRange(0, 100, _PERCENT)])
    developers = BooleanField(_l("项目成员先收到"))
    testers = BooleanField(_l("体验成员先收到"))


class LibraryForm(Form):
    version = TextField(_l("最低基础库版本"), [required()])


@provider.get("/programs/<uuid:program_id>/versions")
def show_versions(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.VIEW)
    state, audit = code_state.find_state(g.db, program), newest_audit(g.db, program)
    approved = audit if audit is not None and audit.status == AuditStatus.APPROVED else None
    used = [one for one in (state.trial_template_row_id, state.online_template_row_id) if one] if state else []
    return render(
        "provider/releases/versions.html", program=program, tab="versions", state=state,
        audit=audit, approved=approved, releasable=approved is not None and not releasing.is_released(g.db, approved),
        templates=templates.template_rows(g.db, used), versions=releasing.list_past_versions(g.db, program),
        obstacle=obstacle(program, DEVELOPMENT), phase_obstacle=phasing.obstacle_to_phase(g.db, program),
        item=telling_item(program.id, STEPS), refreshing=code_state.is_refreshing(g.db, program),
    )  # fmt: skip


@provider.route("/programs/<uuid:program_id>/phased-release", methods=["GET", "POST"])
def phase_release(program_id: UUID) -> ResponseReturnValue:
    """Start or widen; the page says what follows, so sending the form is the confirmation."""
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    state, hindered = code_state.find_state(g.db, program), phasing.obstacle_to_phase(g.db, program)
    form = PhaseForm(
        developers=bool(state and state.phased_developers), testers=bool(state and state.phased_testers)
    )  # fmt: skip
    if form.validate_on_submit():
        try:
            phasing.start_phase(
                g.db, program, who=g.who, percent=form.percent.data, developers=form.developers.data,
                testers=form.testers.data,
            )  # fmt: skip
        except AppError as error:
            form.refuse(error)
        else:
            return done(_("正在灰度发布"), _address(program), "info")
    return render(
        "provider/releases/phase.html", program=program, tab="versions", state=state, form=form,
        audit=newest_audit(g.db, program), obstacle=hindered, status=422 if form.is_submitted() else 200,
    )  # fmt: skip


@provider.route("/programs/<uuid:program_id>/phased-release/cancel", methods=["GET", "POST"])
def cancel_phase(program_id: UUID) -> ResponseReturnValue:
    return _confirmed(program_id, "phase_cancel", phasing.start_cancel, _("正在取消灰度发布"))


@provider.route("/programs/<uuid:program_id>/service/suspend", methods=["GET", "POST"])
def suspend_service(program_id: UUID) -> ResponseReturnValue:
    return _confirmed(program_id, "suspend", serving.start_switch, _("正在暂停服务"), open_=False)


@provider.route("/programs/<uuid:program_id>/service/resume", methods=["GET", "POST"])
def resume_service(program_id: UUID) -> ResponseReturnValue:
    return _confirmed(program_id, "resume", serving.start_switch, _("正在恢复服务"), open_=True)


@provider.post("/programs/<uuid:program_id>/base-library/read")
def read_base_library(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    try:
        serving.start_reading_library(g.db, program, who=g.who)
    except AppError as error:
        return refused(error, _address(program))
    return done(_("正在读取基础库版本"), _address(program), "info")


@provider.route("/programs/<uuid:program_id>/base-library", methods=["GET", "POST"])
def set_base_library(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    state = code_state.find_state(g.db, program)
    form = LibraryForm(version=state.minimum_library if state else "")
    if form.validate_on_submit():
        try:
            serving.start_library(g.db, program, form.version.data or "", who=g.who)
        except AppError as error:
            form.refuse(error)
        else:
            return done(_("正在设置最低基础库版本"), _address(program), "info")
    return render(
        "provider/releases/library.html", program=program, tab="versions", state=state, form=form,
        status=422 if form.is_submitted() else 200,
    )  # fmt: skip


def _confirmed(
    program_id: UUID, template: str, service: Callable[..., Any], text: str, **options: Any
) -> ResponseReturnValue:  # fmt: skip
    """A page that names the consequence, with the button on it."""
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    form, problem = Form(), ""
    if form.validate_on_submit():
        try:
            service(g.db, program, who=g.who, **options)
        except AppError as error:
            problem = _(error.message, **error.params)
        else:
            return done(text, _address(program), "info")
    return render(
        f"provider/releases/{template}.html", program=program, tab="versions", form=form,
        problem=problem or (_(hindered) if (hindered := obstacle(program, DEVELOPMENT)) else ""),
        state=code_state.find_state(g.db, program), status=409 if problem else 200,
    )  # fmt: skip


def _address(program: Program) -> str:
    return url_for("provider.show_versions", program_id=program.id)
