"""Domains that a component app's mini programs may use: what is registered at WeChat, changes, the check file."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response, current_app, g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from markupsafe import Markup
from wtforms import BooleanField, TextAreaField

from saas.components import domains
from saas.components.access import get_component
from saas.components.budgets import left
from saas.components.domains import Kind
from saas.components.models import CheckFile, ComponentDomain
from saas.errors import N_, AppError, NotFound
from saas.tenants.access import Verb
from saas.web.badges import badge
from saas.web.forms import Form
from saas.web.going import done, refused
from saas.web.pages import render
from saas.web.provider.batches import SUBJECT_PAGES
from saas.web.provider.blueprint import provider
from saas.web.provider.telling import telling_item

SUBJECT_PAGES.update(dict.fromkeys(domains.STEPS, ("provider.show_component_domains", "component_id")))
KINDS = {Kind.SERVER: N_("服务器域名"), Kind.BUSINESS: N_("业务域名")}


class ComponentDomainsForm(Form):
    server = TextAreaField(_l("服务器域名"))
    business = TextAreaField(_l("业务域名"))
    published = BooleanField(_l("同时更新全网发布的版本"))


@provider.app_template_global()
def platform_domain_badge(row: ComponentDomain, published: bool) -> Markup:
    """How a wish and WeChat's lists compare; `published`: there is a list for everybody."""
    there = row.testing and (row.published or not published)
    if row.wished and there:
        text, tone = _("已登记"), "success"
    elif row.wished:
        text, tone = (_("微信未接受"), "danger") if row.refused else (_("没有登记全"), "warning")
    else:
        text, tone = _("只在微信那边"), "secondary"
    return badge(text, tone)


@provider.context_processor
def give_domain_pieces() -> dict[str, Any]:
    return {"domain_pieces": current_app.jinja_env.get_template("provider/components/_domain_pieces.html").module}


@provider.get("/components/<uuid:component_id>/domains")
def show_component_domains(component_id: UUID) -> ResponseReturnValue:
    component = get_component(g.db, g.who, component_id)
    rows = domains.list_domains(g.db, component.id)
    return render(
        "provider/components/domains.html", component=component, kinds=KINDS, published=domains.is_published(rows),
        rows={kind: [row for row in rows if row.kind == kind] for kind in Kind},
        budget=left(g.db, component, domains.BUDGET), check_file=domains.check_file_of(g.db, component.id),
        item=telling_item(component.id, domains.STEPS),
    )  # fmt: skip


@provider.post("/components/<uuid:component_id>/domains/read")
def read_component_domains(component_id: UUID) -> ResponseReturnValue:
    component = get_component(g.db, g.who, component_id, Verb.WORK)
    try:
        domains.start_reading(g.db, component, who=g.who)
    except AppError as error:
        return refused(error, _address(component_id))
    return done(_("正在向微信读取域名"), _address(component_id), "info")


@provider.route("/components/<uuid:component_id>/domains/edit", methods=["GET", "POST"])
def edit_component_domains(component_id: UUID) -> ResponseReturnValue:
    """What is taken away is named and confirmed first."""
    component = get_component(g.db, g.who, component_id, Verb.MANAGE)
    rows = domains.list_domains(g.db, component.id)
    kept: dict[str, Any] = {kind.value: "\n".join(row.host for row in rows if row.kind == kind) for kind in Kind}
    form = ComponentDomainsForm(**kept, published=domains.is_published(rows))
    budget = left(g.db, component, domains.BUDGET)
    if form.validate_on_submit():
        published = bool(form.published.data)
        try:
            typed = {kind: form[kind.value].data or "" for kind in Kind}
            change = domains.plan_change(g.db, component, typed, published=published)
            if not change:
                return done(_("没有改动"), _address(component_id), "info")
            if change.removed != request.form.getlist("removing"):
                return render(
                    "provider/components/domains_confirm.html", component=component, change=change, form=form,
                    kinds=KINDS, budget=budget, calls=sum(Kind.SERVER in part for part in (change.add, change.remove)),
                )  # fmt: skip
            domains.start_change(g.db, component, change, published=published, who=g.who)
        except AppError as error:
            form.refuse(error)
        else:
            return done(_("正在登记域名"), _address(component_id), "info")
    return render(
        "provider/components/domains_edit.html", component=component, form=form, most=domains.MOST, budget=budget,
        status=422 if form.is_submitted() else 200,
    )  # fmt: skip


@provider.get("/components/<uuid:component_id>/domains/check-file")
def component_check_file(component_id: UUID) -> ResponseReturnValue:
    component = get_component(g.db, g.who, component_id)
    return kept_file_response(domains.check_file_of(g.db, component.id))


def kept_file_response(row: CheckFile | None) -> Response:
    """The file of a component app or a mini program; 404 when it was never read."""
    if row is None:
        raise NotFound()
    return check_file_response(row.name, row.content)


def check_file_response(name: str, content: str) -> Response:
    """A file to put on a host, byte for byte."""
    response = Response(content, content_type="text/plain; charset=utf-8")
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


def _address(component_id: UUID) -> str:
    return url_for("provider.show_component_domains", component_id=component_id)
