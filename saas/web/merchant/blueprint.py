"""A merchant's pages, `/m/<slug>/…`: her own programs at one provider, mostly on a phone."""

from __future__ import annotations

from typing import Any

import structlog
from flask import Blueprint, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from saas.errors import NotFound
from saas.tenants import providers
from saas.tenants.branding import brand_of
from saas.tenants.models import Provider
from saas.web import unit
from saas.web.sign_in import ask_to_sign_in, client_ip, may_enter

merchant = Blueprint("merchant", __name__, url_prefix="/m/<slug>")
public = Blueprint("public", __name__, url_prefix="/m/<slug>")
"""Pages of the same address space that need no sign-in: they prove themselves by the token in their address."""


def _take_slug(_endpoint: str | None, values: dict[str, Any] | None) -> None:
    g.slug = (values or {}).pop("slug", "")


def _give_slug(_endpoint: str, values: dict[str, Any]) -> None:
    values.setdefault("slug", g.get("slug", ""))


for _blueprint in (merchant, public):
    _blueprint.url_value_preprocessor(_take_slug)
    _blueprint.url_defaults(_give_slug)


@merchant.before_request
def enter() -> ResponseReturnValue | None:
    """Anonymous: sign in. A stranger: there is no such page. A merchant's person: `g.who`, `g.db`, `g.provider`."""
    if not may_enter(request.path):
        return ask_to_sign_in()
    if not current_user.is_verified:
        return redirect(url_for("account.verify"), code=303)
    found = providers.merchant_entry(current_user.user_id, g.slug, client_ip(), g.request_id)
    if found is None:
        raise NotFound()
    g.who, provider = found
    _begin(provider)
    return None


@public.before_request
def enter_public() -> None:
    """The provider of the address, whoever looks: `g.db` and `g.provider`, no `g.who`."""
    provider = providers.working_provider(g.slug)
    if provider is None:
        raise NotFound()
    _begin(provider)


def _begin(provider: Provider) -> None:
    structlog.contextvars.bind_contextvars(provider=g.slug)
    unit.begin_for(provider.id)
    g.provider = provider
    g.brand = brand_of(provider)
    g.time_zone = provider.time_zone
