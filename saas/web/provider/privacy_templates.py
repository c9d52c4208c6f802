"""Templates of privacy guides: the list, the form, deletion."""

from __future__ import annotations

from uuid import UUID

from flask import g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from saas.errors import AppError
from saas.programs import privacy_templates as templates
from saas.programs.privacy import keep_own_text
from saas.programs.privacy_guides import Guide
from saas.programs.privacy_models import PrivacyTemplate
from saas.tenants.access import Verb, require
from saas.web.forms import TextField, at_most, required
from saas.web.going import done
from saas.web.pages import render
from saas.web.provider.blueprint import provider
from saas.web.provider.privacy_forms import GuideForm, with_text


class TemplateForm(GuideForm):
    name = TextField(_l("模板名称"), [required(), at_most(templates.LONGEST_NAME)])

    def guide_to_keep(self) -> Guide:
        """With the uploaded text, which is kept now. Raises Invalid."""
        text = self.uploaded_text()
        return with_text(self.guide(), keep_own_text(g.db, g.who, text) if text else "")


@provider.get("/privacy-templates")
def list_privacy_templates() -> ResponseReturnValue:
    require(g.who, Verb.VIEW)
    return render("provider/privacy/list.html", rows=templates.list_templates(g.db))


@provider.get("/privacy-templates/<uuid:privacy_template_id>")
def show_privacy_template(privacy_template_id: UUID) -> ResponseReturnValue:
    row = templates.get_template(g.db, g.who, privacy_template_id, Verb.VIEW)
    return render("provider/privacy/show.html", row=row)


@provider.route("/privacy-templates/new", methods=["GET", "POST"])
def add_privacy_template() -> ResponseReturnValue:
    """An empty one, or with `copy` one that begins with what another one says."""
    require(g.who, Verb.WORK)
    copied = request.args.get("copy", type=UUID)
    copy = templates.get_template(g.db, g.who, copied, Verb.WORK) if copied else None
    form = TemplateForm(copy.guide if copy else Guide(notice_method=_("弹窗")))
    if copy and not form.is_submitted():
        form.name.data = _("%(name)s 副本", name=copy.name)
    if form.validate_on_submit():
        try:
            templates.add_template(g.db, form.name.data or "", form.guide_to_keep(), who=g.who)
        except AppError as error:
            form.refuse(error)
        else:
            return done(_("已建立模板"), url_for("provider.list_privacy_templates"))
    return _form_page(form, None)


@provider.route("/privacy-templates/<uuid:privacy_template_id>/edit", methods=["GET", "POST"])
def edit_privacy_template(privacy_template_id: UUID) -> ResponseReturnValue:
    row = templates.get_template(g.db, g.who, privacy_template_id, Verb.WORK)
    form = TemplateForm(row.guide)
    if not form.is_submitted():
        form.name.data = row.name
    if form.validate_on_submit():
        try:
            templates.edit_template(g.db, row, form.name.data or "", form.guide_to_keep(), who=g.who)
        except AppError as error:
            form.refuse(error)
        else:
            return done(_("已保存；用过它的小程序不会变，需要时重新套用"), url_for("provider.list_privacy_templates"))
    return _form_page(form, row)


@provider.route("/privacy-templates/<uuid:privacy_template_id>/delete", methods=["GET", "POST"])
def delete_privacy_template(privacy_template_id: UUID) -> ResponseReturnValue:
    row = templates.get_template(g.db, g.who, privacy_template_id, Verb.WORK)
    if request.method == "GET":
        return render("provider/privacy/delete.html", row=row)
    templates.delete_template(g.db, row, who=g.who)
    return done(_("已删除模板"), url_for("provider.list_privacy_templates"))


def _form_page(form: TemplateForm, row: PrivacyTemplate | None) -> ResponseReturnValue:
    status = 422 if form.is_submitted() else 200
    return render("provider/privacy/edit.html", form=form, row=row, status=status)
