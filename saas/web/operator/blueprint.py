"""The platform's own pages, `/operator/…`: above the tenants, for its own people only."""

from __future__ import annotations

from flask import Blueprint, g
from flask.typing import ResponseReturnValue
from flask_login import current_user

from saas.errors import NotFound
from saas.tenants import providers
from saas.web import unit
from saas.web.sign_in import ask_to_sign_in, client_ip, is_signed_in

operator = Blueprint("operator", __name__, url_prefix="/operator")


@operator.before_request
def enter() -> ResponseReturnValue | None:
    """Anonymous: sign in. Anybody else but the platform's people: there is no such page."""
    if not is_signed_in():
        return ask_to_sign_in()
    who = providers.platform_who(current_user.user_id, ip=client_ip(), request_id=g.request_id)
    if who is None:
        raise NotFound()
    g.platform_who = who
    unit.begin_for_platform(f"operator's console: {who.role}")
    return None
