"""A provider's own settings: its name, its time zone, whom the platform may reach."""

from __future__ import annotations

from zoneinfo import available_timezones

from flask import g, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import SelectField

from saas.campaigns.planning import follow_time_zone
from saas.errors import Invalid
from saas.tenants import providers
from saas.tenants.access import Verb, require
from saas.web.forms import Form, TextField, at_most, required
from saas.web.going import done
from saas.web.pages import render
from saas.web.provider.blueprint import provider

_NEAR = ("Asia/Shanghai", "Asia/Hong_Kong", "Asia/Macau", "Asia/Taipei", "Asia/Singapore", "Asia/Tokyo", "UTC")


class SettingsForm(Form):
    name = TextField(_l("服务商名称"), [required(), at_most(50)])
    time_zone = SelectField(_l("时区"))
    contact = TextField(_l("联系方式"), [at_most(100)])


@provider.route("/settings", methods=["GET", "POST"])
def edit_settings() -> ResponseReturnValue:
    require(g.who, Verb.MANAGE)
    form = SettingsForm(obj=g.provider)
    before = g.provider.time_zone
    form.time_zone.choices = [(zone, zone.replace("_", " ")) for zone in _zones()]
    if form.validate_on_submit():
        try:
            providers.change_settings(
                g.db, g.provider, who=g.who, name=form.name.data or "", time_zone=form.time_zone.data,
                contact=form.contact.data or "",
            )  # fmt: skip
        except Invalid as error:
            form.refuse(error)
        else:
            if g.provider.time_zone != before:
                follow_time_zone(g.db, who=g.who)
            return done(_("已保存"), url_for("provider.edit_settings"))
    return render("provider/settings/edit.html", form=form, status=422 if form.errors else 200)


def _zones() -> list[str]:
    """The near ones first, then the rest of the world."""
    rest = sorted(zone for zone in available_timezones() if "/" in zone and zone not in _NEAR)
    return [*_NEAR, *(zone for zone in rest if not zone.startswith(("Etc/", "SystemV/", "US/")))]
