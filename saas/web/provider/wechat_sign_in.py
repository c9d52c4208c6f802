"""A provider's own WeChat apps, by which her merchants sign in: set and tried; and how its service account reminds."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from flask import g, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from saas.config import settings
from saas.db import settle
from saas.errors import Invalid
from saas.tenants import wechat_apps, wechat_messages
from saas.tenants.access import Verb, require
from saas.tenants.models import WeChatMessage
from saas.tenants.wechat_apps import Kind
from saas.tenants.wechat_messages import WORDS, Place
from saas.web.forms import Form, TextField, at_most
from saas.web.going import done
from saas.web.pages import render
from saas.web.provider.blueprint import provider
from saas.web.security import limiter
from saas.web.wechat_client import try_app

_FIELDS = {Place.NAME: "name_field", Place.STEP: "step_field", Place.TIME: "time_field"}
_GOOD = {40029, 40163}
"""What WeChat answers to a code that is none when appid and secret are right."""


class AppsForm(Form):
    site_appid = TextField(_l("网站应用 AppID"), [at_most(18)])
    site_secret = TextField(_l("网站应用 AppSecret"), [at_most(64)])
    account_appid = TextField(_l("服务号 AppID"), [at_most(18)])
    account_secret = TextField(_l("服务号 AppSecret"), [at_most(64)])


class ReminderForm(Form):
    template_id = TextField(_l("模板 ID"), [at_most(64)])
    name_field = TextField(_l("小程序名称的字段"), [at_most(20)])
    step_field = TextField(_l("待办事项的字段"), [at_most(20)])
    time_field = TextField(_l("截止时间的字段（模板里没有就留空）"), [at_most(20)])


@provider.route("/settings/wechat-sign-in", methods=["GET", "POST"])
def edit_wechat_sign_in() -> ResponseReturnValue:
    require(g.who, Verb.MANAGE)
    form = _apps_form()
    if form.validate_on_submit():
        try:
            wechat_apps.change_apps(
                g.db, g.provider, who=g.who, site_appid=form.site_appid.data or "",
                site_secret=form.site_secret.data or "", account_appid=form.account_appid.data or "",
                account_secret=form.account_secret.data or "",
            )  # fmt: skip
        except Invalid as error:
            form.refuse(error)
        else:
            return done(_("已保存"), url_for("provider.edit_wechat_sign_in"))
    return _show(form, _reminder_form(formdata=None))


@provider.post("/settings/wechat-sign-in/reminders")
def edit_wechat_reminders() -> ResponseReturnValue:
    require(g.who, Verb.MANAGE)
    form = _reminder_form()
    if form.validate_on_submit():
        given = {name: form[name].data or "" for name in ("template_id", *_FIELDS.values())}
        try:
            wechat_messages.set_template(g.db, g.provider, who=g.who, **given)
        except Invalid as error:
            form.refuse(error)
        else:
            return done(_("已保存"), url_for("provider.edit_wechat_sign_in"))
    return _show(_apps_form(formdata=None), form)


@provider.post("/settings/wechat-sign-in/site/test")
@limiter.limit("30/hour")
def test_sign_in_site() -> ResponseReturnValue:
    return _try(Kind.SITE)


@provider.post("/settings/wechat-sign-in/account/test")
@limiter.limit("30/hour")
def test_sign_in_account() -> ResponseReturnValue:
    return _try(Kind.ACCOUNT)


def _apps_form(**how: Any) -> AppsForm:
    """What is kept; `formdata=None` where another form of the page was posted."""
    kept = wechat_apps.own_apps(g.db)
    return AppsForm(
        data={"site_appid": kept.site_appid if kept else "", "account_appid": kept.account_appid if kept else ""},
        **how,
    )  # fmt: skip


def _reminder_form(**how: Any) -> ReminderForm:
    kept = wechat_apps.own_apps(g.db)
    fields = kept.reminder_fields if kept else {}
    known = {field: fields.get(place, "") for place, field in _FIELDS.items()}
    return ReminderForm(data={"template_id": kept.reminder_template if kept else "", **known}, **how)


def _show(form: AppsForm, reminders: ReminderForm) -> ResponseReturnValue:
    return render(
        "provider/settings/wechat_sign_in.html", form=form, reminders=reminders, kept=wechat_apps.own_apps(g.db),
        kinds=Kind, domain=urlsplit(settings().public_url).netloc, exit_ips=settings().exit_addresses,
        platform={kind: wechat_apps.app_of("", kind) for kind in Kind},
        failed=[(one, refusal_words(one)) for one in wechat_messages.list_failed(g.db)],
        status=422 if form.errors or reminders.errors else 200,
    )  # fmt: skip


def refusal_words(message: WeChatMessage) -> str:
    """Why WeChat did not take a message."""
    code = message.errcode or 0
    why = str(_(WORDS[code]) if code in WORDS else _("微信拒绝了消息"))
    return str(_("%(why)s（%(code)d）", why=why, code=code)) if code else why


def _try(kind: Kind) -> ResponseReturnValue:
    """Ask WeChat whether it knows appid and secret, without signing anybody in."""
    require(g.who, Verb.MANAGE)
    app = wechat_apps.own_app(g.db, g.provider, kind)
    target = url_for("provider.edit_wechat_sign_in")
    if app is None:
        return done(_("请先填写并保存"), target, "warning")
    settle(g.db)
    code = try_app(app)
    if code in _GOOD:
        return done(_("AppID 与 AppSecret 正确。请再确认微信后台的授权回调域已填写。"), target)
    if code == 40125:
        return done(_("AppSecret 不正确（40125），请到微信后台重置后重新填写"), target, "danger")
    if code == 40013:
        return done(_("没有这个 AppID（40013），请检查是否填错"), target, "danger")
    if code == 0:
        return done(_("微信没有回应，请稍后再试"), target, "danger")
    return done(_("微信返回错误码 %(code)d", code=code), target, "danger")
