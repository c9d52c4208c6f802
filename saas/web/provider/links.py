"""Authorization links of a provider: made, shown with QR code, replaced, revoked."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from flask import g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import SelectField, SelectMultipleField

from saas.components.access import get_component, list_components, load_component
from saas.errors import AppError
from saas.programs import authorization, links, listing
from saas.programs.access import get_link, get_program
from saas.programs.models import AuthorizationLink, Program
from saas.programs.permissions import offered_sets
from saas.tenants.access import Verb
from saas.tenants.merchants import get_merchant
from saas.web.forms import Form
from saas.web.going import done
from saas.web.pages import render
from saas.web.provider.blueprint import provider
from saas.wx.permissions import permission_set

LINK_DAYS = (1, 3, 7, 15, 30)


class LinkForm(Form):
    component_id = SelectField(_l("第三方平台"))
    program_id = SelectField(_l("授权哪个小程序"))
    days = SelectField(_l("有效期"), coerce=int, default=7)
    permission_sets = SelectMultipleField(_l("权限集"), coerce=int)


@provider.route("/merchants/<uuid:merchant_id>/links/new", methods=["GET", "POST"])
def create_link(merchant_id: UUID) -> ResponseReturnValue:
    merchant = get_merchant(g.db, g.who, merchant_id, Verb.WORK)
    components = list_components(g.db, g.who)
    programs = listing.programs_of(g.db, [merchant.id], limit=200)
    asked = _asked_program()
    if asked is not None and asked.id not in {one.id for one in programs}:
        programs.insert(0, asked)
    form = LinkForm(program_id=str(asked.id) if asked else "")
    form.component_id.choices = [(str(one.id), one.name) for one in components]
    form.program_id.choices = [
        ("", _("由商家在授权时选择")),
        *((str(one.id), one.name or one.appid) for one in programs),
    ]
    form.days.choices = [(days, _("%(days)s 天", days=days)) for days in LINK_DAYS]
    form.permission_sets.choices = [(one.set.number, one.set.name(_language())) for one in offered_sets()]
    if components and form.validate_on_submit():
        program = get_program(g.db, g.who, UUID(form.program_id.data), Verb.WORK) if form.program_id.data else None
        component = get_component(
            g.db, g.who, program.component_id if program else UUID(form.component_id.data), Verb.VIEW
        )
        try:
            link = links.create_link(
                g.db, component, merchant, who=g.who, program=program,
                permission_sets=form.permission_sets.data or (), lifetime=timedelta(days=form.days.data),
            )  # fmt: skip
        except AppError as error:
            form.refuse(error)
        else:
            return done(_("授权链接已生成"), _page(link))
    return render(
        "provider/merchants/new_link.html", merchant=merchant, form=form, components=components,
        offered=offered_sets(), status=422 if form.is_submitted() else 200,
    )  # fmt: skip


@provider.get("/links/<uuid:link_id>")
def show_link(link_id: UUID) -> ResponseReturnValue:
    link = get_link(g.db, g.who, link_id, Verb.WORK)
    return render(
        "provider/merchants/link.html", block="state", link=link, state=links.state_of(link),
        address=links.link_address(link, g.provider.slug),
        merchant=get_merchant(g.db, g.who, link.merchant_id, Verb.VIEW),
        component=load_component(g.db, link.component_id), program=_program(link.program_id),
        result=_program(link.result_program_id), grant=authorization.newest_grant(g.db, link),
        sets=[permission_set(number) for number in link.permission_sets],
    )  # fmt: skip


@provider.post("/links/<uuid:link_id>/revoke")
def revoke_link(link_id: UUID) -> ResponseReturnValue:
    link = get_link(g.db, g.who, link_id, Verb.WORK)
    links.revoke_link(g.db, link, who=g.who)
    return done(_("链接已撤销"), _page(link))


@provider.post("/links/<uuid:link_id>/replace")
def replace_link(link_id: UUID) -> ResponseReturnValue:
    link = get_link(g.db, g.who, link_id, Verb.WORK)
    merchant = get_merchant(g.db, g.who, link.merchant_id, Verb.WORK)
    component = load_component(g.db, link.component_id)
    new = links.replace_link(g.db, link, component, merchant, who=g.who, program=_program(link.program_id))
    return done(_("新链接已生成，旧链接失效"), _page(new))


def _asked_program() -> Program | None:
    """The mini program that the address names, to be chosen at first."""
    program_id = request.args.get("program", type=UUID)
    return get_program(g.db, g.who, program_id, Verb.WORK) if program_id else None


def _program(program_id: UUID | None) -> Program | None:
    return get_program(g.db, g.who, program_id, Verb.VIEW) if program_id else None


def _page(link: AuthorizationLink) -> str:
    return url_for("provider.show_link", link_id=link.id)


def _language() -> str:
    return str(get_locale())
