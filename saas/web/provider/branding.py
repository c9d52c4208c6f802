"""A provider's brand: what its merchants see on their pages and in their mails."""

from __future__ import annotations

from flask import Response, g, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import FileField, StringField
from wtforms.widgets import ColorInput

from saas.errors import Invalid
from saas.tenants import branding
from saas.tenants.access import Verb, require
from saas.web.forms import Form, TextField, at_most
from saas.web.going import done
from saas.web.pages import render
from saas.web.provider.blueprint import provider
from saas.web.provider.profile import PICTURES, files_of


class BrandForm(Form):
    name = TextField(_l("品牌名称"), [at_most(30)])
    colour = StringField(_l("品牌颜色"), widget=ColorInput())
    contact = TextField(_l("商家联系方式"), [at_most(60)])


class LogoForm(Form):
    logo = FileField(_l("标志图片"), render_kw=PICTURES)


@provider.route("/settings/brand", methods=["GET", "POST"])
def edit_brand() -> ResponseReturnValue:
    require(g.who, Verb.MANAGE)
    own = g.provider
    form = BrandForm(
        data={"name": own.brand_name, "colour": own.brand_colour or branding.COLOUR, "contact": own.brand_contact}
    )
    if form.validate_on_submit():
        try:
            branding.change_brand(
                g.db, own, who=g.who, name=form.name.data or "", colour=_chosen(form.colour.data or ""),
                contact=form.contact.data or "",
            )  # fmt: skip
        except Invalid as error:
            form.refuse(error)
        else:
            return done(_("已保存"), url_for("provider.edit_brand"))
    return _page(form, LogoForm(formdata=None), status=422 if form.errors else 200)


@provider.post("/settings/brand/logo")
def change_logo() -> ResponseReturnValue:
    require(g.who, Verb.MANAGE)
    form = LogoForm()
    pictures = files_of("logo")
    try:
        branding.change_logo(g.db, g.provider, pictures[0] if pictures else b"", who=g.who)
    except Invalid as error:
        form.refuse(error)
        own = g.provider
        kept = {"name": own.brand_name, "colour": own.brand_colour or branding.COLOUR, "contact": own.brand_contact}
        return _page(BrandForm(formdata=None, data=kept), form, status=422)
    return done(_("标志已更换"), url_for("provider.edit_brand"))


@provider.post("/settings/brand/logo/remove")
def remove_logo() -> ResponseReturnValue:
    require(g.who, Verb.MANAGE)
    branding.remove_logo(g.db, g.provider, who=g.who)
    return done(_("标志已移除"), url_for("provider.edit_brand"))


def _chosen(colour: str) -> str:
    """A colour field always has a value: the platform's own counts as none."""
    return "" if colour.strip().lower() == branding.COLOUR else colour


def _page(form: BrandForm, logo_form: LogoForm, *, status: int) -> Response:
    return render(
        "provider/settings/brand.html", form=form, logo_form=logo_form, brand=branding.brand_of(g.provider),
        status=status,
    )  # fmt: skip
