"""Entry links of a merchant: made, shown with QR code, sent by mail or text message, revoked; who came in."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from flask import g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from markupsafe import Markup
from wtforms import BooleanField, RadioField, SelectField, SelectMultipleField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]

from saas import i18n, sms
from saas.errors import N_, AppError
from saas.onboarding import links
from saas.onboarding.access import get_entry_link
from saas.onboarding.links import LinkOver, State, Wanted
from saas.onboarding.models import EntryLink, Part
from saas.programs import listing
from saas.tenants.access import Verb
from saas.tenants.merchants import get_merchant
from saas.tenants.models import Merchant, MerchantRole
from saas.web.badges import badge
from saas.web.forms import Form, TextField, at_most, required
from saas.web.going import done
from saas.web.pages import render
from saas.web.provider.blueprint import provider
from saas.web.provider.links import LINK_DAYS
from saas.web.security import limiter

PAGE = 20
ROLES = {MerchantRole.OWNER.value: N_("负责人：查看并办理"), MerchantRole.HELPER.value: N_("协作者：只能查看")}
PARTS = {
    Part.COMPANY: N_("主体与法人"), Part.PROFILE: N_("名称、头像与简介"), Part.CATEGORIES: N_("服务类目与资质"),
    Part.CERTIFICATION: N_("认证资料"), Part.FILING: N_("备案资料"),
}  # fmt: skip
_STATES = {
    State.OPEN: (N_("可以使用"), "info"), State.USED: (N_("已使用"), "success"),
    State.REVOKED: (N_("已撤销"), "secondary"), State.EXPIRED: (N_("已过期"), "warning"),
}  # fmt: skip


class EntryLinkForm(Form):
    role = RadioField(_l("对方的权限"), default=MerchantRole.OWNER.value)
    people = RadioField(
        _l("谁可以用"), default="one",
        choices=[
            SelectChoice("one", _l("一个人：用过一次就失效")), SelectChoice("many", _l("多个人：有效期内都可以用")),
        ],
    )  # fmt: skip
    days = SelectField(_l("有效期"), coerce=int, default=7)
    programs = SelectMultipleField(_l("办理哪些小程序"))
    authorize = BooleanField(_l("请对方把小程序授权给我们"), default=True)
    parts = SelectMultipleField(_l("请对方填写"))


class SendForm(Form):
    to = TextField(_l("发给谁"), [required(), at_most(254)])
    locale = SelectField(
        _l("语言"), choices=[SelectChoice(code, label) for code, label in i18n.LOCALES.items()], default=i18n.DEFAULT
    )


@provider.get("/merchants/<uuid:merchant_id>/entry-links")
def list_entry_links(merchant_id: UUID) -> ResponseReturnValue:
    merchant = get_merchant(g.db, g.who, merchant_id, Verb.VIEW)
    before = request.args.get("before", type=UUID)
    rows = links.list_links(g.db, merchant, before=before, limit=PAGE + 1)
    more, rows = len(rows) > PAGE, rows[:PAGE]
    here = url_for("provider.list_entry_links", merchant_id=merchant.id)
    return render(
        "provider/merchants/entry_links.html", merchant=merchant, rows=rows, counts=links.count_entries(g.db, rows),
        next_url=f"{here}?before={rows[-1].id}" if more else "", first_url=here if before else "",
    )  # fmt: skip


@provider.route("/merchants/<uuid:merchant_id>/entry-links/new", methods=["GET", "POST"])
def make_entry_link(merchant_id: UUID) -> ResponseReturnValue:
    merchant = get_merchant(g.db, g.who, merchant_id, Verb.WORK)
    programs = listing.programs_of(g.db, [merchant.id], limit=200)
    form = EntryLinkForm(programs=request.args.getlist("program"))
    form.role.choices = [SelectChoice(value, _(label)) for value, label in ROLES.items()]
    form.days.choices = [(days, _("%(days)s 天", days=days)) for days in LINK_DAYS]
    form.programs.choices = [
        SelectChoice(str(one.id), one.name or one.appid or _("待注册的小程序")) for one in programs
    ]
    form.parts.choices = [SelectChoice(part.value, _(label)) for part, label in PARTS.items()]
    if form.validate_on_submit():
        try:
            link = links.make_link(g.db, merchant, _wanted(form), who=g.who)
        except AppError as error:
            form.refuse(error)
        else:
            return done(_("邀请链接已生成，请发给商家"), _page(link))
    return render(
        "provider/merchants/new_entry_link.html", merchant=merchant, form=form, programs=programs,
        status=422 if form.is_submitted() else 200,
    )  # fmt: skip


@provider.get("/entry-links/<uuid:entry_link_id>")
def show_entry_link(entry_link_id: UUID) -> ResponseReturnValue:
    return _show(get_entry_link(g.db, g.who, entry_link_id, Verb.WORK))


@provider.post("/entry-links/<uuid:entry_link_id>/send")
@limiter.limit("120/hour")
def send_entry_link(entry_link_id: UUID) -> ResponseReturnValue:
    """By mail where an address was typed, by text message otherwise."""
    link = get_entry_link(g.db, g.who, entry_link_id, Verb.WORK)
    merchant = get_merchant(g.db, g.who, link.merchant_id, Verb.WORK)
    form = SendForm()
    if form.validate():
        to = form.to.data or ""
        send = links.mail_link if "@" in to or not sms.is_set_up() else links.text_link
        try:
            send(g.db, link, merchant, who=g.who, to=to, locale=form.locale.data)
        except AppError as error:
            _refuse(form, error)
        else:
            return done(_("邀请链接已发送"), _page(link))
    return _show(link, form)


@provider.route("/entry-links/<uuid:entry_link_id>/revoke", methods=["GET", "POST"])
def revoke_entry_link(entry_link_id: UUID) -> ResponseReturnValue:
    link = get_entry_link(g.db, g.who, entry_link_id, Verb.WORK)
    if request.method == "GET":
        merchant = get_merchant(g.db, g.who, link.merchant_id, Verb.VIEW)
        came = links.count_entries(g.db, [link]).get(link.id, 0)
        return render("provider/merchants/revoke_entry_link.html", link=link, merchant=merchant, came=came)
    links.revoke_link(g.db, link, who=g.who)
    return done(_("邀请链接已撤销，已经进来的人不受影响"), _page(link))


@provider.app_template_global()
def entry_link_badge(link: EntryLink, came_in: int) -> Markup:
    """What a link is good for, as a coloured word."""
    text, tone = _STATES[links.state_of(link, came_in)]
    return badge(_(text), tone)


@provider.app_template_global()
def entry_link_words(link: EntryLink) -> dict[str, str]:
    """What a link is for, in words: whom it lets in, as what, and what is asked for."""
    parts = _("、").join(_(label) for part, label in PARTS.items() if part.value in link.parts)
    asked = [_("授权小程序")] if link.authorize else []
    if parts:
        asked.append(_("填写%(parts)s", parts=parts))
    return {
        "role": _(ROLES[link.role]),
        "people": _("多个人：有效期内都可以用") if link.for_many else _("一个人：用过一次就失效"),
        "asked": _("；").join(asked) if asked else _("只查看进度"),
    }


@provider.app_template_global()
def entry_links_of(merchant: Merchant) -> list[tuple[EntryLink, int]]:
    """The newest few links of a merchant, each with how many came in, for her page."""
    rows = links.list_links(g.db, merchant, limit=5)
    counts = links.count_entries(g.db, rows)
    return [(row, counts.get(row.id, 0)) for row in rows]


def _wanted(form: EntryLinkForm) -> Wanted:
    return Wanted(
        role=MerchantRole(form.role.data), for_many=form.people.data == "many",
        program_ids=tuple(UUID(value) for value in form.programs.data or ()), authorize=form.authorize.data,
        parts=tuple(Part(value) for value in form.parts.data or ()), lifetime=timedelta(days=form.days.data),
    )  # fmt: skip


def _refuse(form: SendForm, error: AppError) -> None:
    """A mail address or number that is none belongs to the one field, whatever the service calls it."""
    if isinstance(error, LinkOver):
        form.refuse(error)
    else:
        form.to.errors = [*form.to.errors, _(error.message, **error.params)]


def _show(link: EntryLink, form: SendForm | None = None) -> ResponseReturnValue:
    merchant = get_merchant(g.db, g.who, link.merchant_id, Verb.VIEW)
    visitors = links.list_visitors(g.db, link, who=g.who)
    came_in = links.count_entries(g.db, [link]).get(link.id, 0)
    context: dict[str, Any] = {
        "link": link, "merchant": merchant, "address": links.link_address(link, g.provider),
        "came_in": came_in, "is_open": links.state_of(link, came_in) is State.OPEN, "visitors": visitors,
        "programs": "、".join(
            one.name or one.appid or _("待注册的小程序") for one in listing.select_programs(g.db, link.program_ids)
        ), "by_text": sms.is_set_up(),
        "form": form or SendForm(formdata=None, data={"to": merchant.contact_email}),
    }  # fmt: skip
    return render("provider/merchants/entry_link.html", status=422 if form is not None else 200, **context)


def _page(link: EntryLink) -> str:
    return url_for("provider.show_entry_link", entry_link_id=link.id)
