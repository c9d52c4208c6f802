"""A provider's own host for its merchants' pages: named, led here, looked at."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import g, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from saas.config import settings
from saas.db import platform_session
from saas.errors import Invalid
from saas.programs.check_files import is_anothers
from saas.tenants import own_hosts
from saas.tenants.access import Verb, require
from saas.tenants.own_hosts import Problem
from saas.web.forms import Form, TextField, at_most
from saas.web.going import done
from saas.web.pages import render
from saas.web.provider.blueprint import provider
from saas.web.security import limiter


class HostForm(Form):
    host = TextField(_l("自有域名"), [at_most(260)])


@provider.route("/settings/host", methods=["GET", "POST"])
@limiter.limit("60/hour", methods=["POST"])
def edit_host() -> ResponseReturnValue:
    require(g.who, Verb.MANAGE)
    form = HostForm(data={"host": g.provider.host_name or ""})
    if form.validate_on_submit():
        try:
            own_hosts.change_host(g.db, g.provider, form.host.data or "", who=g.who, is_anothers=_is_anothers)
        except Invalid as error:
            form.refuse(error)
        else:
            return done(_("已保存"), url_for("provider.edit_host"))
    ours = urlsplit(settings().public_url)
    return render(
        "provider/settings/host.html", form=form, ours=ours.hostname, problem=g.provider.host_problem,
        problems=Problem, address=own_hosts.host_url(g.provider.host_name or ""), status=422 if form.errors else 200,
    )  # fmt: skip


@provider.post("/settings/host/look")
@limiter.limit("30/hour")
def look_at_host() -> ResponseReturnValue:
    """Ask now whether the host leads here."""
    require(g.who, Verb.MANAGE)
    target = url_for("provider.edit_host")
    if g.provider.host_name is None:
        return done(_("请先填写并保存"), target, "warning")
    own_hosts.look_at_host(g.db, g.provider)
    if g.provider.host_problem:
        return done(_("还没有生效，原因见下方"), target, "warning")
    return done(_("域名已生效，商家的链接开始使用它"), target)


def _is_anothers(host: str) -> bool:
    """A host that may lead here already, because WeChat has taken it for another provider's mini programs."""
    with platform_session("see whose a host is at WeChat") as db:
        return is_anothers(db, host, g.provider.id)
