"""Templates of filings: the list, and the form in three pages that filings have, too."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import RadioField, SelectField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]

from saas.errors import N_, AppError, NotFound
from saas.programs import filing_drafts, filing_reading, filing_sending, filing_templates
from saas.programs.filing_fields import Part
from saas.programs.filing_models import FilingTemplate
from saas.programs.filing_tables import load_tables
from saas.programs.suiting import Suits
from saas.tenants import activity
from saas.tenants.access import Verb, require
from saas.web.forms import Form, TextField, at_most, chosen, required
from saas.web.going import done
from saas.web.pages import render
from saas.web.provider.blueprint import provider
from saas.web.provider.filing import dropped, file_response, read_part
from saas.web.provider.filing_form import errors_of, groups_of, names_of, sent_files, sent_values, summaries
from saas.web.provider.selection import Action, ActionForm, Group, offer


class NameForm(Form):
    name = TextField(_l("模板名称"), [required(), at_most(filing_templates.LONGEST_NAME)])


@provider.get("/filing-templates")
def list_filing_templates() -> ResponseReturnValue:
    require(g.who, Verb.VIEW)
    tables = load_tables(g.db)
    rows = [(row, summaries(row, tables)) for row in filing_templates.list_templates(g.db)]
    return render("provider/filing/list.html", rows=rows)


@provider.route("/filing-templates/new", methods=["GET", "POST"])
def add_filing_template() -> ResponseReturnValue:
    """An empty one, or with `copy` one that begins with what another one holds."""
    require(g.who, Verb.WORK)
    copied = request.args.get("copy", type=UUID)
    copy = filing_templates.get_template(g.db, g.who, copied, Verb.WORK) if copied else None
    form = NameForm(name=_("%(name)s 副本", name=copy.name) if copy else "")
    if form.validate_on_submit():
        try:
            template = filing_templates.add_template(g.db, form.name.data or "", who=g.who, copy=copy)
        except AppError as error:
            form.refuse(error)
        else:
            return done(_("已建立模板"), _part_address(template, Part.SUBJECT))
    return render("provider/filing/new.html", form=form, copy=copy, status=422 if form.is_submitted() else 200)


@provider.get("/filing-templates/<uuid:filing_template_id>")
def show_filing_template(filing_template_id: UUID) -> ResponseReturnValue:
    template = filing_templates.get_template(g.db, g.who, filing_template_id, Verb.VIEW)
    return _show(template)


@provider.post("/filing-templates/<uuid:filing_template_id>/whole")
def reveal_filing_template(filing_template_id: UUID) -> ResponseReturnValue:
    template = filing_templates.get_template(g.db, g.who, filing_template_id, Verb.WORK)
    activity.record(g.db, g.who, "filing_template.view", template)
    return _show(template, whole=True)


def _show(template: FilingTemplate, *, whole: bool = False) -> ResponseReturnValue:
    return render(
        "provider/filing/show.html", mine=template, whole=whole, names_of=names_of,
        parts=summaries(template, load_tables(g.db), whole=whole),
    )  # fmt: skip


@provider.route("/filing-templates/<uuid:filing_template_id>/name", methods=["GET", "POST"])
def rename_filing_template(filing_template_id: UUID) -> ResponseReturnValue:
    template = filing_templates.get_template(g.db, g.who, filing_template_id, Verb.WORK)
    form = NameForm(name=template.name)
    if form.validate_on_submit():
        try:
            filing_templates.rename_template(g.db, template, form.name.data or "", who=g.who)
        except AppError as error:
            form.refuse(error)
        else:
            return done(_("已保存"), _address(template))
    status = 422 if form.is_submitted() else 200
    return render("provider/filing/rename.html", form=form, mine=template, status=status)


@provider.route("/filing-templates/<uuid:filing_template_id>/form/<part>", methods=["GET", "POST"])
def edit_filing_template(filing_template_id: UUID, part: str) -> ResponseReturnValue:
    template = filing_templates.get_template(g.db, g.who, filing_template_id, Verb.WORK)
    page, tables = read_part(part), load_tables(g.db)
    sending, typed, errors = Form().is_submitted(), None, {}
    if sending:
        typed = sent_values(page, template.values)
    if sending and not request.values.get("redraw"):
        try:
            if page is Part.MATERIALS:
                filing_templates.add_files(g.db, template, sent_files(template), who=g.who)
            else:
                filing_templates.edit_part(g.db, template, page, typed or {}, who=g.who)
        except AppError as error:
            errors = errors_of(error)
        else:
            return done(_("已保存"), _next_address(template, page))
    own: dict[str, Any] = {"filing_template_id": template.id}
    return render(
        "provider/filing/edit_template.html", block="form", mine=template, part=page, parts=list(Part),
        groups=groups_of(template, page, tables, typed=typed, errors=errors), wrong=len(errors),
        general=errors.get("", ""), link=lambda one: _part_address(template, one), back=_address(template),
        file_url=url_for("provider.show_filing_template_file", **own),
        drop_url=url_for("provider.drop_filing_template_file", **own), tables_read=tables.read_at,
        service_kinds=tables.services, status=422 if errors else 200,
    )  # fmt: skip


@provider.post("/filing-templates/<uuid:filing_template_id>/file")
def show_filing_template_file(filing_template_id: UUID) -> ResponseReturnValue:
    template = filing_templates.get_template(g.db, g.who, filing_template_id, Verb.WORK)
    file_id = request.form.get("file", type=UUID)
    if file_id is None:
        raise NotFound()
    activity.record(g.db, g.who, "filing_template.view_file", template)
    return file_response(template, file_id)


@provider.post("/filing-templates/<uuid:filing_template_id>/file/drop")
def drop_filing_template_file(filing_template_id: UUID) -> ResponseReturnValue:
    template = filing_templates.get_template(g.db, g.who, filing_template_id, Verb.WORK)
    filing_templates.drop_file(g.db, template, *dropped(), who=g.who)
    return done(_("已移除"), _part_address(template, Part.MATERIALS))


@provider.route("/filing-templates/<uuid:filing_template_id>/delete", methods=["GET", "POST"])
def delete_filing_template(filing_template_id: UUID) -> ResponseReturnValue:
    template = filing_templates.get_template(g.db, g.who, filing_template_id, Verb.WORK)
    if request.method == "GET":
        return render("provider/filing/delete.html", mine=template)
    filing_templates.delete_template(g.db, template, who=g.who)
    return done(_("已删除模板"), url_for("provider.list_filing_templates"))


def _address(template: FilingTemplate) -> str:
    return url_for("provider.show_filing_template", filing_template_id=template.id)


def _part_address(template: FilingTemplate, part: Part) -> str:
    return url_for("provider.edit_filing_template", filing_template_id=template.id, part=part.value)


def _next_address(template: FilingTemplate, part: Part) -> str:
    parts = list(Part)
    number = parts.index(part)
    if "stay" in request.form or part is Part.MATERIALS:
        return _part_address(template, part)
    return _part_address(template, parts[number + 1])


# For a selection


class TemplateForm(ActionForm):
    template = SelectField(_l("备案模板"), [chosen()])

    def prepare(self) -> None:
        rows = filing_templates.list_templates(g.db)
        self.template.choices = [SelectChoice(str(row.id), row.name) for row in rows]

    def params(self) -> dict[str, Any]:
        return {"template": self.template.data}


class WayForm(ActionForm):
    way = RadioField(
        _l("怎么办"), default="alone",
        choices=[
            SelectChoice("alone", _l("只办备案：已经认证的小程序")),
            SelectChoice("together", _l("认证和备案一起办：没有认证的小程序，要先准备好认证资料")),
        ],
    )  # fmt: skip

    def params(self) -> dict[str, Any]:
        return {"together": self.way.data == "together"}


for action in (
    Action(
        "filing_template", N_("从模板建立备案草稿"),
        N_("填入模板的内容，已经填过的不改，也不会提交。完成后列出每个小程序还缺什么。"), filing_drafts.APPLY,
        TemplateForm, Suits.FILING,
    ),
    Action(
        "filing_face", N_("发起备案人脸核验"),
        N_("资料齐全的备案，请微信通知各自的管理员，24 小时内完成；已通知或已通过的跳过，不齐全的列出原因。"),
        filing_sending.ASK_FACE, WayForm, Suits.FILING,
    ),
    Action(
        "filing_send", N_("提交备案"),
        N_("人脸核验已通过的提交给微信，其他的列出原因。和认证一起办的一起提交；服务商付费的会用掉认证资源包。"),
        filing_sending.SEND, suits=Suits.FILING,
    ),
    Action(
        "filing", N_("读取备案状态"), N_("向微信读取审核进度、退回原因和备案号。"), filing_reading.READ,
        suits=Suits.FILING,
    ),
):  # fmt: skip
    offer(action, Group.CERTIFY)
