"""The template library: drafts and templates of a component app, our labels and ext_json."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import TextAreaField

from saas.components.access import get_component, list_components
from saas.components.models import ComponentApp
from saas.config import settings
from saas.errors import AppError, NotFound
from saas.releases import templates
from saas.releases.access import get_template
from saas.releases.ext_json import Fault
from saas.releases.models import LibraryAction, LibraryActionKind
from saas.releases.templates import ExtJsonInvalid
from saas.tenants.access import Verb
from saas.web.forms import Form, TextField, at_most
from saas.web.going import done
from saas.web.pages import render
from saas.web.provider.blueprint import provider


class TemplateForm(Form):
    label = TextField(_l("备注名"), [at_most(60)])
    ext_json = TextAreaField(_l("ext_json"))


@provider.get("/templates")
def list_templates() -> ResponseReturnValue:
    components = list_components(g.db, g.who)
    if not components:
        return render("provider/templates/empty.html")
    chosen = request.args.get("component", type=UUID)
    component = get_component(g.db, g.who, chosen, Verb.VIEW) if chosen else components[0]
    rows = templates.list_templates(g.db, component.id)
    return render(
        "provider/templates/list.html", block="library", components=components, component=component,
        drafts=templates.list_drafts(g.db, component), rows=rows, added={row.draft_id for row in rows if row.draft_id},
        uses=templates.count_uses(g.db, [row.id for row in rows]), size=settings().template_library_size,
        **_progress(component),
    )  # fmt: skip


def _progress(component: ComponentApp) -> dict[str, Any]:
    actions = templates.list_actions(g.db, component)
    running = [one for one in actions if templates.is_open(one)]
    ended = next((one for one in actions if not templates.is_open(one)), None)
    return {"running": running, "ended": ended, "action_name": action_name}


def action_name(action: LibraryAction) -> str:
    """What is being done to the library, in words."""
    names = {
        LibraryActionKind.SYNC: _("从微信读取草稿和模板"),
        LibraryActionKind.ADD: _("把草稿 %(number)s 添加到模板库", number=action.target),
        LibraryActionKind.DELETE: _("删除模板 %(number)s", number=action.target),
    }
    return str(names[LibraryActionKind(action.kind)])


def fault_text(fault: Fault) -> str:
    """A fault of an ext_json in the page's language."""
    params = {name: _(value) if name in ("type", "reason") else value for name, value in fault.params.items()}
    return str(_(fault.message, **params))


@provider.post("/components/<uuid:component_id>/templates/sync")
def sync_templates(component_id: UUID) -> ResponseReturnValue:
    component = get_component(g.db, g.who, component_id, Verb.WORK)
    templates.request_sync(g.db, component, who=g.who)
    return done(_("正在从微信读取草稿和模板"), _library(component_id), "info")


@provider.post("/components/<uuid:component_id>/drafts/<draft_id>/add")
def add_draft(component_id: UUID, draft_id: str) -> ResponseReturnValue:
    component = get_component(g.db, g.who, component_id, Verb.WORK)
    templates.add_draft(g.db, component, draft_id, who=g.who)
    return done(_("正在把草稿添加到模板库"), _library(component_id), "info")


@provider.route("/templates/<uuid:template_id>", methods=["GET", "POST"])
def edit_template(template_id: UUID) -> ResponseReturnValue:
    posted = request.method == "POST"
    template = get_template(g.db, g.who, template_id, Verb.WORK if posted else Verb.VIEW)
    form = TemplateForm(label=template.label, ext_json=template.ext_json)
    text = form.ext_json.data or ""
    if form.validate_on_submit():
        try:
            templates.save_template(g.db, template, who=g.who, label=form.label.data or "", text=text)
        except ExtJsonInvalid as error:
            form.refuse(error)
        else:
            return done(_("已保存模板"), url_for("provider.edit_template", template_id=template.id))
    return render(
        "provider/templates/edit.html", row=template, form=form, checked=templates.check_ext_json(template, text),
        use=templates.count_uses(g.db, [template.id])[template.id], fault_text=fault_text, sent=posted,
        status=422 if posted else 200,
    )  # fmt: skip


@provider.route("/templates/<uuid:template_id>/delete", methods=["GET", "POST"])
def delete_template(template_id: UUID) -> ResponseReturnValue:
    template = get_template(g.db, g.who, template_id, Verb.WORK)
    if template.gone_at is not None:
        raise NotFound()
    problem = ""
    if request.method == "POST":
        component = get_component(g.db, g.who, template.component_id, Verb.WORK)
        try:
            templates.delete_template(g.db, component, template, who=g.who)
        except AppError as error:
            problem = _(error.message, **error.params)
        else:
            return done(_("正在删除模板"), _library(template.component_id), "info")
    return render(
        "provider/templates/delete.html", row=template, problem=problem, form=Form(),
        use=templates.count_uses(g.db, [template.id])[template.id], uploading=templates.is_uploading(g.db, template),
        status=409 if problem else 200,
    )  # fmt: skip


def _library(component_id: UUID) -> str:
    return url_for("provider.list_templates", component=component_id)
