"""The template library: drafts and templates of a component app, our labels and ext_json."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from uuid import UUID

from flask import g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, FieldList, FormField, HiddenField, SelectField, TextAreaField
from wtforms import Form as PlainForm
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]

from saas.components.access import get_component, list_components
from saas.components.models import ComponentApp
from saas.config import settings
from saas.errors import AppError, Invalid, NotFound
from saas.releases import templates
from saas.releases.access import get_template
from saas.releases.models import LibraryAction, LibraryActionKind
from saas.releases.templates import ExtJsonInvalid
from saas.releases.variables import Definition, Kind
from saas.tenants.access import Verb
from saas.web.forms import Form, TextField, at_most
from saas.web.going import done, refused, safe_next
from saas.web.pages import render
from saas.web.provider.blueprint import provider

MOST_VARIABLES = 500
KINDS = {
    Kind.TEXT.value: _l("文字"),
    Kind.NUMBER.value: _l("数字"),
    Kind.SWITCH.value: _l("是或否"),
    Kind.CHOICE.value: _l("选项"),
    Kind.COLOUR.value: _l("颜色"),
    Kind.URL.value: _l("网址"),
}


class TemplateForm(Form):
    label = TextField(_l("备注名"), [at_most(60)])
    note = TextAreaField(_l("备注"), [at_most(500)])
    ext_json = TextAreaField(_l("ext_json"))


class DeleteForm(Form):
    sure = BooleanField(_l("我知道还有小程序在用它的代码，仍要删除"))


class VariableForm(PlainForm):
    key = HiddenField()
    title = TextField(_l("名称"))
    kind = SelectField(_l("类型"), choices=[SelectChoice(*one) for one in KINDS.items()])
    required = BooleanField(_l("必填"))
    default = TextField(_l("默认值"))
    help = TextField(_l("说明"))
    choices = TextAreaField(_l("可选的值"))

    @property
    def definition(self) -> Definition:
        lines = [line.strip() for line in (self.choices.data or "").splitlines()]
        return Definition(
            key=self.key.data or "", title=self.title.data or "", kind=Kind(self.kind.data),
            required=bool(self.required.data), default=self.default.data or "", help=self.help.data or "",
            choices=tuple(dict.fromkeys(line for line in lines if line)),
        )  # fmt: skip


class VariablesForm(Form):
    variables = FieldList(FormField(VariableForm), max_entries=MOST_VARIABLES)


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
    form = TemplateForm(label=template.label, note=template.note, ext_json=template.ext_json)
    text = form.ext_json.data or ""
    if form.validate_on_submit():
        try:
            templates.save_template(
                g.db, template, who=g.who, label=form.label.data or "", text=text, note=(form.note.data or "").strip()
            )
        except ExtJsonInvalid as error:
            form.refuse(error)
        else:
            return done(_("已保存模板"), url_for("provider.edit_template", template_id=template.id))
    return render(
        "provider/templates/edit.html", row=template, form=form, checked=templates.check_ext_json(template, text),
        use=templates.count_uses(g.db, [template.id])[template.id], sent=posted,
        definitions=templates.definitions_of(template), kinds=KINDS,
        status=422 if posted else 200,
    )  # fmt: skip


@provider.route("/templates/<uuid:template_id>/variables", methods=["GET", "POST"])
def edit_variables(template_id: UUID) -> ResponseReturnValue:
    """One group of fields per variable of the ext_json; what has left the ext_json is forgotten."""
    template = get_template(g.db, g.who, template_id, Verb.WORK)
    known = templates.definitions_of(template)[:MOST_VARIABLES]
    stored = [asdict(one) | {"choices": "\n".join(one.choices)} for one in known]
    form = VariablesForm(variables=stored)
    if form.validate_on_submit():
        names = {one.key for one in known}
        sent = [entry.form.definition for entry in form.variables if entry.form.key.data in names]
        try:
            templates.save_variables(g.db, template, sent, who=g.who)
        except Invalid as error:
            _refuse(form, error)
        else:
            return done(_("已保存变量"), url_for("provider.edit_template", template_id=template.id))
    return render(
        "provider/templates/variables.html", row=template, form=form, status=422 if form.is_submitted() else 200
    )


def _refuse(form: VariablesForm, error: Invalid) -> None:
    """Show a refusal at its field, `variables-<number>-<part>`."""
    _head, number, part = error.field.split("-")
    field = form.variables[int(number)].form[part]
    field.errors = [*field.errors, _(error.message, **error.params)]


@provider.post("/templates/<uuid:template_id>/default")
def set_default_template(template_id: UUID) -> ResponseReturnValue:
    template = get_template(g.db, g.who, template_id, Verb.WORK)
    on = request.form.get("on") == "1"
    try:
        templates.set_default(g.db, template, who=g.who, on=on)
    except AppError as error:
        return refused(error, _library(template.component_id))
    text = _("上传代码时会先选这个模板") if on else _("已取消默认模板")
    return done(text, safe_next(_library(template.component_id)))


@provider.route("/templates/<uuid:template_id>/delete", methods=["GET", "POST"])
def delete_template(template_id: UUID) -> ResponseReturnValue:
    template = get_template(g.db, g.who, template_id, Verb.WORK)
    if template.gone_at is not None:
        raise NotFound()
    form = DeleteForm()
    if form.validate_on_submit():
        component = get_component(g.db, g.who, template.component_id, Verb.WORK)
        try:
            templates.delete_template(g.db, component, template, who=g.who, although_used=form.sure.data)
        except AppError as error:
            form.refuse(error)
        else:
            return done(_("正在删除模板"), _library(template.component_id), "info")
    return render(
        "provider/templates/delete.html", row=template, form=form,
        use=templates.count_uses(g.db, [template.id])[template.id], status=422 if form.is_submitted() else 200,
    )  # fmt: skip


def _library(component_id: UUID) -> str:
    return url_for("provider.list_templates", component=component_id)
