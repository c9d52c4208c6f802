"""A provider's pages, `/p/<slug>/…`: who comes in, and behind which wall."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import structlog
from flask import Blueprint, g, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from flask_login import current_user

from saas.errors import NotFound
from saas.tenants import providers
from saas.tenants.access import Verb
from saas.web import unit
from saas.web.sign_in import ask_to_sign_in, client_ip, is_signed_in

provider = Blueprint("provider", __name__, url_prefix="/p/<slug>")


def role_name(role: str) -> str:
    """A member's role as the screens call it."""
    return str(gettext(providers.ROLE_NAMES[role]))


@dataclass(frozen=True)
class Entry:
    """One line of the navigation; shown when its view exists and the role may use it. Pages of the endpoints `within`
    are its tabs."""

    endpoint: str
    label: Any
    icon: str
    verb: Verb = Verb.VIEW
    within: tuple[str, ...] = ()


NAVIGATION = (
    Entry("provider.dashboard", _l("工作台"), "home"),
    Entry("provider.show_todo", _l("待办"), "todo"),
    Entry("provider.list_programs", _l("小程序"), "app"),
    Entry("provider.list_merchants", _l("商家"), "store"),
    Entry("provider.list_reviews", _l("资料审核"), "check"),
    Entry("provider.list_batches", _l("批量任务"), "list"),
    Entry(
        "provider.list_trains",
        _l("批量发布"),
        "rocket",
        within=("provider.list_rejects", "provider.show_fleet_versions"),
    ),
    Entry("provider.list_templates", _l("代码模板"), "template"),
    Entry("provider.list_filing_templates", _l("备案模板"), "list"),
    Entry("provider.list_all_certifications", _l("认证"), "check"),
    Entry("provider.list_privacy_templates", _l("隐私模板"), "shield"),
    Entry("provider.list_components", _l("第三方平台"), "plug"),
    Entry(
        "provider.show_health",
        _l("运行状况"),
        "pulse",
        within=("provider.list_budgets", "provider.list_violations", "provider.show_calendar"),
    ),
    Entry("provider.list_members", _l("成员"), "users"),
    Entry("provider.list_activities", _l("操作记录"), "history"),
    Entry("provider.edit_settings", _l("设置"), "settings", Verb.MANAGE),
)


@provider.url_value_preprocessor
def take_slug(_endpoint: str | None, values: dict[str, Any] | None) -> None:
    """Views need not name the provider: it is in `g`."""
    g.slug = (values or {}).pop("slug", "")


@provider.url_defaults
def give_slug(_endpoint: str, values: dict[str, Any]) -> None:
    values.setdefault("slug", g.get("slug", ""))


@provider.context_processor
def give_navigation() -> dict[str, Any]:
    return {"navigation": NAVIGATION, "ui_role": role_name}


@provider.before_request
def enter() -> ResponseReturnValue | None:
    """Anonymous: sign in. A stranger: there is no such page. A member: `g.who`, `g.db` and `g.provider`."""
    if not is_signed_in():
        return ask_to_sign_in()
    if not current_user.is_verified:
        return redirect(url_for("account.verify"), code=303)
    g.who = providers.member_who(current_user.user_id, g.slug, client_ip(), g.request_id)
    if g.who is None:
        raise NotFound()
    structlog.contextvars.bind_contextvars(provider=g.slug)
    g.provider = providers.own_provider(unit.begin_for(g.who.provider_id))
    g.time_zone = g.provider.time_zone
    return None
