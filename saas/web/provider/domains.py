"""Domains of one mini program: wished and effective side by side, changes, what the component app lacks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from markupsafe import Markup
from wtforms import SelectField, TextAreaField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]

from saas.components.access import load_component
from saas.components.budgets import left
from saas.components.domains import check_file_of
from saas.components.hosts import SCHEMES
from saas.errors import N_, AppError
from saas.programs import domains
from saas.programs.access import get_program
from saas.programs.changing import obstacle
from saas.programs.domains import DomainState
from saas.programs.models import DomainWay, Program
from saas.tenants.access import Verb
from saas.web.badges import badge
from saas.web.forms import Form
from saas.web.going import done, refused
from saas.web.pages import render
from saas.web.provider.blueprint import provider
from saas.web.provider.component_domains import kept_file_response
from saas.web.provider.telling import telling_item
from saas.wx.permissions import DEVELOPMENT

KINDS = {
    "requestdomain": N_("request 合法域名"),
    "wsrequestdomain": N_("socket 合法域名"),
    "uploaddomain": N_("uploadFile 合法域名"),
    "downloaddomain": N_("downloadFile 合法域名"),
    "udpdomain": N_("udp 合法域名"),
    "tcpdomain": N_("tcp 合法域名"),
    "webviewdomain": N_("业务域名"),
}
WAYS = {
    DomainWay.LISTED: N_("从第三方平台的域名里选用"),
    DomainWay.DIRECT: N_("只给这个小程序直接设置"),
}
_STATES = {
    DomainState.EFFECTIVE: (N_("一致"), "success"),
    DomainState.PENDING: (N_("已设置，但发布后不会生效"), "warning"),
    DomainState.REFUSED: (N_("微信未接受"), "danger"),
    DomainState.UNREGISTERED: (N_("第三方平台未登记"), "warning"),
    DomainState.MISSING: (N_("还没有设置"), "warning"),
    DomainState.EXTRA: (N_("只在微信那边"), "secondary"),
}


class DomainsForm(Form):
    way = SelectField(_l("设置方式"), choices=[SelectChoice(way.value, _l(text)) for way, text in WAYS.items()])
    requestdomain = TextAreaField(_l("request 合法域名"))
    wsrequestdomain = TextAreaField(_l("socket 合法域名"))
    uploaddomain = TextAreaField(_l("uploadFile 合法域名"))
    downloaddomain = TextAreaField(_l("downloadFile 合法域名"))
    udpdomain = TextAreaField(_l("udp 合法域名"))
    tcpdomain = TextAreaField(_l("tcp 合法域名"))
    webviewdomain = TextAreaField(_l("业务域名"))


@provider.app_template_global()
def domain_badge(state: DomainState) -> Markup:
    text, tone = _STATES[state]
    return badge(_(text), tone)


@provider.get("/programs/<uuid:program_id>/domains")
def show_domains(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.VIEW)
    rows, listed = domains.domains_of(g.db, program.id), domains.listed_of(g.db, program)
    states = {row.id: domains.state_of(row, listed) for row in rows}
    return render(
        "provider/programs/domains.html", program=program, tab="domains", states=states, kinds=KINDS, ways=WAYS,
        groups={kind: some for kind in KINDS if (some := [row for row in rows if row.kind == kind])},
        missing=domains.missing_at_platform(rows, listed),
        component=load_component(g.db, program.component_id),
        unset=[row for row in rows if states[row.id] in (DomainState.MISSING, DomainState.REFUSED)],
        budget=_budget(program), obstacle=obstacle(program, DEVELOPMENT), item=telling_item(program.id, domains.STEPS),
        check_file=check_file_of(g.db, program.id) if program.domain_way == DomainWay.DIRECT else None,
    )  # fmt: skip


@provider.post("/programs/<uuid:program_id>/domains/read")
def read_program_domains(program_id: UUID) -> ResponseReturnValue:
    return _start(program_id, domains.start_reading, _("正在向微信读取域名"))


@provider.post("/programs/<uuid:program_id>/domains/missing")
def set_missing_domains(program_id: UUID) -> ResponseReturnValue:
    return _start(program_id, domains.start_missing, _("正在设置域名"))


@provider.post("/programs/<uuid:program_id>/domains/register")
def register_domains(program_id: UUID) -> ResponseReturnValue:
    """Administrators only: the component app's list counts for all its mini programs."""
    program = get_program(g.db, g.who, program_id, Verb.MANAGE)
    target = url_for("provider.show_component_domains", component_id=program.component_id)
    try:
        domains.start_registration(g.db, program, who=g.who)
    except AppError as error:
        return refused(error, _address(program))
    return done(_("正在登记域名；登记好后，回到小程序的域名页面设置"), target, "info")


@provider.route("/programs/<uuid:program_id>/domains/edit", methods=["GET", "POST"])
def edit_domains(program_id: UUID) -> ResponseReturnValue:
    """What is taken away is named and confirmed first."""
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    kept: dict[str, Any] = domains.typed_of(domains.domains_of(g.db, program.id))
    form = DomainsForm(way=program.domain_way, **kept)
    if form.validate_on_submit():
        try:
            way, typed = DomainWay(form.way.data), {kind: form[kind].data or "" for kind in SCHEMES}
            change = domains.plan_change(g.db, program, typed, way=way)
            if change.removed != request.form.getlist("removing"):
                return render(
                    "provider/programs/domains_confirm.html", program=program, tab="domains", change=change, form=form,
                    kinds=KINDS, budget=_budget(program),
                )  # fmt: skip
            item = domains.start_change(g.db, program, change, way=way, who=g.who)
        except AppError as error:
            form.refuse(error)
        else:
            text, tone = (_("正在设置域名"), "info") if item else (_("没有要发给微信的改动"), "success")
            return done(text, _address(program), tone)
    return render(
        "provider/programs/domains_edit.html", program=program, tab="domains", form=form, kinds=KINDS,
        schemes=SCHEMES, most=domains.MOST, budget=_budget(program), status=422 if form.is_submitted() else 200,
    )  # fmt: skip


@provider.get("/programs/<uuid:program_id>/domains/check-file")
def program_check_file(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.VIEW)
    return kept_file_response(check_file_of(g.db, program.id))


def _start(program_id: UUID, service: Callable[..., Any], text: str) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.WORK)
    try:
        service(g.db, program, who=g.who)
    except AppError as error:
        return refused(error, _address(program))
    return done(text, _address(program), "info")


def _budget(program: Program) -> Any:
    return left(g.db, program, domains.BUDGETS[DomainWay(program.domain_way)])


def _address(program: Program) -> str:
    return url_for("provider.show_domains", program_id=program.id)
