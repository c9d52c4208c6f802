"""Component apps of a provider: connect one, see what is missing, keep it healthy, bring its fleet in."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response, g, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from markupsafe import Markup

from saas.components import fleet, health, setup, traffic
from saas.components.access import get_component, get_import, list_components
from saas.components.call_days import days_of_component
from saas.components.models import ComponentApp, ComponentStatus, ImportStatus
from saas.errors import N_, AppError, Invalid
from saas.tenants.access import Verb, require
from saas.web.badges import badge
from saas.web.forms import Form, TextField, at_most, required
from saas.web.going import done, refused, safe_next
from saas.web.pages import render
from saas.web.provider.blueprint import provider
from saas.web.provider.call_days import drawn, fleet_sentence

_STATUS = {
    ComponentStatus.WAITING_TICKET: (N_("等待票据"), "warning"),
    ComponentStatus.CHECKING: (N_("正在检查"), "info"),
    ComponentStatus.READY: (N_("已接通"), "success"),
    ComponentStatus.FAULTY: (N_("需要处理"), "danger"),
}


class NewComponentForm(Form):
    name = TextField(_l("平台名称"), [required(), at_most(60)])
    appid = TextField(_l("AppID"), [required()])
    secret = TextField(_l("AppSecret"), [required()])
    token = TextField(_l("消息校验 Token"), [required()])
    aes_key = TextField(_l("消息加解密 Key"), [required()])


class EditComponentForm(Form):
    name = TextField(_l("平台名称"), [required(), at_most(60)])
    appid = TextField(_l("AppID"))
    secret = TextField(_l("新的 AppSecret"))
    token = TextField(_l("新的消息校验 Token"))
    aes_key = TextField(_l("新的消息加解密 Key"))


@provider.app_context_processor
def give_component_badges() -> dict[str, Any]:
    return {"component_badge": component_badge, "ticket_badge": ticket_badge}


def component_badge(component: ComponentApp) -> Markup:
    """Where a component app stands, as a coloured word."""
    text, tone = _STATUS[ComponentStatus(component.status)]
    if component.status == ComponentStatus.READY and health.ticket_age(component).tone == "red":
        text, tone = N_("票据中断"), "danger"
    return badge(_(text), tone)


def ticket_badge(component: ComponentApp) -> Markup:
    """How old the newest ticket is: late after 25 minutes, missing after two hours."""
    age = health.ticket_age(component)
    tone = {"green": "success", "yellow": "warning", "red": "danger"}[age.tone]
    if age.minutes is None:
        return badge(_("还没有"), tone)
    if age.minutes < 120:
        return badge(_("%(count)d 分钟前", count=age.minutes), tone)
    return badge(_("%(count)d 小时前", count=age.minutes // 60), tone)


@provider.get("/components", endpoint="list_components")
def show_list() -> ResponseReturnValue:
    return render("provider/components/list.html", components=list_components(g.db, g.who))


@provider.get("/components/new")
def new_component() -> ResponseReturnValue:
    require(g.who, Verb.MANAGE)
    return render("provider/components/new.html", form=NewComponentForm())


@provider.post("/components/new")
def add_component() -> ResponseReturnValue:
    require(g.who, Verb.MANAGE)
    form = NewComponentForm()
    if form.validate_on_submit():
        try:
            component = setup.add_component(g.db, who=g.who, **_given(form))
        except Invalid as error:
            form.refuse(error)
        else:
            return done(_("已保存，正在检查。请把下面的内容填到微信后台"), _address(component.id))
    return render("provider/components/new.html", form=form, status=422)


@provider.get("/components/<uuid:component_id>")
def show_component(component_id: UUID) -> ResponseReturnValue:
    component = get_component(g.db, g.who, component_id)
    checks = health.list_checks(g.db, component)
    return render(
        "provider/components/show.html", block="checks", component=component, checks=checks,
        working=health.is_working(checks), url=_address(component_id), addresses=setup.addresses(component),
        authorizations=health.count_authorizations(g.db, component), run=fleet.newest_import(g.db, component),
        refusal=health.explain_refusal(component.last_refusal), may_manage=g.who.may(Verb.MANAGE),
        may_work=g.who.may(Verb.WORK),
    )  # fmt: skip


@provider.post("/components/<uuid:component_id>/check")
def check_component(component_id: UUID) -> ResponseReturnValue:
    component = get_component(g.db, g.who, component_id, Verb.WORK)
    setup.request_check(g.db, component, who=g.who)
    return done(_("正在重新检查"), safe_next(_address(component_id)), tone="info")


@provider.get("/components/<uuid:component_id>/edit")
def edit_component(component_id: UUID) -> ResponseReturnValue:
    component = get_component(g.db, g.who, component_id, Verb.MANAGE)
    form = EditComponentForm(data={"name": component.name, "appid": component.appid})
    return _edit_page(component, form)


@provider.post("/components/<uuid:component_id>/edit")
def update_component(component_id: UUID) -> ResponseReturnValue:
    component = get_component(g.db, g.who, component_id, Verb.MANAGE)
    form = EditComponentForm()
    if form.validate_on_submit():
        try:
            changed = setup.update_credentials(g.db, component, who=g.who, **_given(form))
        except Invalid as error:
            form.refuse(error)
        else:
            text = _("已保存，正在用新的凭据重新检查") if changed else _("没有改动")
            return done(text, _address(component_id), tone="success" if changed else "info")
    return _edit_page(component, form, status=422)


@provider.get("/components/<uuid:component_id>/traffic")
def show_traffic(component_id: UUID) -> ResponseReturnValue:
    component = get_component(g.db, g.who, component_id)
    month = days_of_component(g.db, component)
    return render(
        "provider/components/traffic.html", component=component, month=month, chart=drawn(month),
        each=fleet_sentence(month), pushes=traffic.newest_pushes(g.db, component),
        calls=traffic.newest_failed_calls(g.db, component), day=traffic.last_day(g.db, component),
        refusal=health.explain_refusal(component.last_refusal),
    )  # fmt: skip


@provider.get("/components/<uuid:component_id>/release-check")
def show_release_check(component_id: UUID) -> ResponseReturnValue:
    component = get_component(g.db, g.who, component_id)
    checks = health.list_checks(g.db, component)
    return render(
        "provider/components/release_check.html", component=component, working=health.is_working(checks)
    )  # fmt: skip


@provider.get("/components/<uuid:component_id>/import")
def confirm_import(component_id: UUID) -> ResponseReturnValue:
    component = get_component(g.db, g.who, component_id, Verb.MANAGE)
    return render("provider/components/import.html", component=component, run=fleet.newest_import(g.db, component))


@provider.post("/components/<uuid:component_id>/import")
def start_import(component_id: UUID) -> ResponseReturnValue:
    component = get_component(g.db, g.who, component_id, Verb.MANAGE)
    try:
        run = fleet.start_import(g.db, component, who=g.who)
    except AppError as error:
        return refused(error, _address(component_id))
    return done(
        _("开始导入"), url_for("provider.show_import", component_id=component_id, import_id=run.id), tone="info"
    )


@provider.get("/components/<uuid:component_id>/imports/<uuid:import_id>")
def show_import(component_id: UUID, import_id: UUID) -> ResponseReturnValue:
    run = get_import(g.db, g.who, component_id, import_id)
    return render(
        "provider/components/import_progress.html", block="progress", run=run,
        component=get_component(g.db, g.who, component_id), may_manage=g.who.may(Verb.MANAGE),
        is_running=run.status in (ImportStatus.QUEUED, ImportStatus.RUNNING),
        url=url_for("provider.show_import", component_id=component_id, import_id=import_id),
    )  # fmt: skip


def _edit_page(component: ComponentApp, form: EditComponentForm, status: int = 200) -> Response:
    return render("provider/components/edit.html", component=component, form=form, status=status)


def _given(form: Form) -> dict[str, str]:
    return {name: form[name].data or "" for name in ("name", "appid", "secret", "token", "aes_key")}


def _address(component_id: UUID) -> str:
    return url_for("provider.show_component", component_id=component_id)
