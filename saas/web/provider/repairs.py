"""The repair buttons of the health board that need a page of their own: reset counters, rotate the message key."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response, g, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import RadioField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]

from saas.components import repairs
from saas.components.access import get_component
from saas.components.budgets import left
from saas.components.models import ComponentApp
from saas.errors import AppError
from saas.tenants.access import Verb
from saas.web.forms import Form
from saas.web.going import done, refused
from saas.web.pages import render
from saas.web.provider.batches import SUBJECT_PAGES
from saas.web.provider.blueprint import provider
from saas.web.provider.telling import telling_item

SUBJECT_PAGES[repairs.CLEAR] = ("provider.clear_counters", "component_id")


class ClearForm(Form):
    appid = RadioField(_l("清零谁的次数"))


@provider.route("/components/<uuid:component_id>/clear-counters", methods=["GET", "POST"])
def clear_counters(component_id: UUID) -> ResponseReturnValue:
    """Names what it costs before it is done."""
    component = get_component(g.db, g.who, component_id, Verb.MANAGE)
    form = _clear_form(component)
    if form.validate_on_submit():
        try:
            repairs.start_clearing(g.db, component, form.appid.data or "", who=g.who)
        except AppError as error:
            form.refuse(error)
        else:
            return done(_("正在请微信清零"), _clear_address(component_id), "info")
    return render(
        "provider/components/clear_counters.html", component=component, form=form,
        budget=left(g.db, component, repairs.RESETS), item=telling_item(component.id, [repairs.CLEAR]),
        status=422 if form.is_submitted() else 200,
    )  # fmt: skip


@provider.get("/components/<uuid:component_id>/message-key")
def show_message_key(component_id: UUID) -> Response:
    """Where a rotation stands. The new key is shown to those who manage until WeChat uses it, and to nobody after."""
    component = get_component(g.db, g.who, component_id, Verb.MANAGE)
    response = render(
        "provider/components/message_key.html", block="progress", component=component,
        new_key=component.aes_key if component.awaits_new_key else "",
        url=url_for("provider.show_message_key", component_id=component_id),
    )  # fmt: skip
    response.headers["Cache-Control"] = "no-store"
    return response


@provider.post("/components/<uuid:component_id>/message-key/rotate")
def rotate_message_key(component_id: UUID) -> ResponseReturnValue:
    return _change_key(component_id, repairs.rotate_key, _("新的 Key 已生成，请填到微信后台"))


@provider.post("/components/<uuid:component_id>/message-key/take-back")
def take_message_key_back(component_id: UUID) -> ResponseReturnValue:
    return _change_key(component_id, repairs.take_key_back, _("已撤销，继续使用原来的 Key"))


@provider.post("/components/<uuid:component_id>/message-key/drop-previous")
def drop_previous_key(component_id: UUID) -> ResponseReturnValue:
    return _change_key(component_id, repairs.drop_previous_key, _("上一把 Key 已停用"))


@provider.post("/components/<uuid:component_id>/retry-pushes")
def retry_pushes(component_id: UUID) -> ResponseReturnValue:
    component = get_component(g.db, g.who, component_id, Verb.WORK)
    count = repairs.retry_pushes(g.db, component, who=g.who)
    text = _("正在重新处理 %(count)d 条推送", count=count) if count else _("没有处理失败的推送")
    return done(text, url_for("provider.show_health"), "info")


def _change_key(component_id: UUID, change: Any, text: str) -> ResponseReturnValue:
    component = get_component(g.db, g.who, component_id, Verb.MANAGE)
    target = url_for("provider.show_message_key", component_id=component_id)
    try:
        change(g.db, component, who=g.who)
    except AppError as error:
        return refused(error, target)
    return done(text, target)


def _clear_form(component: ComponentApp) -> ClearForm:
    """The component app itself, and whoever had calls refused for their number lately."""
    accounts = repairs.list_accounts(g.db, component)
    resets = repairs.resets_left(g.db, accounts)
    form = ClearForm(data={"appid": ""})
    form.appid.choices = [
        SelectChoice(
            one.appid,
            _(
                "%(name)s：24 小时内被拒绝 %(refused)d 次，本月还能清零 %(left)d 次",
                name=one.appid or component.name, refused=one.refused, left=resets[one.appid].left or 0,
            ),
        )
        for one in accounts
    ]  # fmt: skip
    return form


def _clear_address(component_id: UUID) -> str:
    return url_for("provider.clear_counters", component_id=component_id)
