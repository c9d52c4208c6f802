"""Signing in with WeChat: a QR code on a computer, a tap inside WeChat; and binding WeChat to an account.

Who begins and who comes back must be the same browser: the state lies in its session and works once. A WeChat that
nobody has used here yet makes no account by itself: its holder may have one by number or address and binds it there.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import structlog
from authlib.integrations.base_client import OAuthError
from flask import redirect, request, url_for
from flask import session as cookie
from flask.typing import ResponseReturnValue
from flask_babel import get_locale
from flask_babel import gettext as _
from flask_login import current_user

from saas import clock, sms
from saas.config import settings
from saas.db import settle
from saas.errors import N_, AppError
from saas.tenants import identities, wechat_apps
from saas.tenants.identities import Elsewhere
from saas.tenants.wechat_apps import Kind, SignInApp
from saas.web import unit
from saas.web.account import account, is_wechat, origin, sign_in_as
from saas.web.going import done, safe_next
from saas.web.pages import render
from saas.web.security import limiter
from saas.web.sign_in import ask_to_sign_in, is_signed_in
from saas.web.wechat_client import WeChatFailed, app_to_show, ask_who, client_for

log = structlog.get_logger()
_NEW, _NEW_LIVES = "wechat_new", 15 * 60
_STATE_LIVES = 15 * 60


class ComeAgain(AppError):
    """The way back from WeChat does not fit the way there."""

    status = 422

    def __init__(self, message: str = N_("微信登录没有完成"), hint: str = N_("请返回登录页重新发起。")) -> None:
        super().__init__(message, hint=hint)


@account.post("/sign-in/wechat")
@limiter.limit("60/hour")
def sign_in_by_wechat() -> ResponseReturnValue:
    """On to WeChat's page. A form of ours leads there, so nobody is sent there from outside."""
    if not request.form.get("agreed"):
        target = "account.sign_in_by_phone" if sms.is_set_up() else "account.sign_in"
        return done(_("请先勾选同意服务条款与隐私政策"), url_for(target, next=safe_next()), "warning")
    return _go(app_to_show(safe_next()), "sign_in", safe_next())


@account.post("/account/wechat")
@limiter.limit("30/hour")
def bind_wechat() -> ResponseReturnValue:
    """On to WeChat's page to add it to one's own account; always by the platform's app."""
    if not is_signed_in():
        return ask_to_sign_in()
    if not current_user.is_verified:
        return redirect(url_for("account.verify"), code=303)
    return _go(app_to_show("/"), "bind", url_for("account.profile"))


@account.get("/sign-in/wechat/back")
@limiter.limit("120/hour")
def return_from_wechat() -> ResponseReturnValue:
    """WeChat leads back with a code: who is it, and whom does she sign in?"""
    begun = _begun(request.args.get("state", ""))
    if begun is None:
        raise ComeAgain()
    app = wechat_apps.app_of(begun["within"], Kind(begun["kind"]))
    if app is None or app.appid != begun["appid"]:
        raise ComeAgain(N_("微信登录的设置刚刚变了"))
    client = client_for(app)
    if not request.args.get("code"):  # she refused on her phone
        client.framework.clear_state_data(cookie, request.args["state"])
        return done(_("您没有同意微信登录"), url_for("account.sign_in", next=begun["next"]), "warning")
    try:
        found = ask_who(app, client)
    except OAuthError as error:
        raise ComeAgain() from error
    except WeChatFailed as error:
        log.warning("wechat_sign_in_failed", appid=app.appid, errcode=error.code)
        return render("account/wechat_failed.html", code=error.code or None, next=begun["next"], status=502)
    if begun["purpose"] == "bind":
        return _bind(found)
    return _enter(found, app, begun["next"])


@account.route("/sign-in/wechat/new", methods=["GET", "POST"])
@limiter.limit("60/hour", methods=["POST"])
def meet_wechat() -> ResponseReturnValue:
    """A WeChat that is new here: sign in otherwise and bind it, or begin with a new account."""
    waiting = _waiting()
    if waiting is None:
        return redirect(url_for("account.sign_in", next=safe_next()), code=303)
    identity, within = waiting
    if request.method == "POST":
        db = unit.begin_for_platform("make a person by her WeChat")
        user = identities.sign_in_or_make_person(db, identity=identity, locale=str(get_locale()), origin=origin())
        settle(db)
        sign_in_as(user, remember=is_wechat(), within=within)
        return redirect(safe_next(), code=303)
    bind = url_for("account.confirm_wechat", next=safe_next())
    ways = [("account.sign_in", bind)] if not sms.is_set_up() else [("account.sign_in_by_phone", bind)]
    return render(
        "account/wechat_new.html", name=identity.name, other=url_for(ways[0][0], next=bind), next=safe_next()
    )  # fmt: skip


@account.route("/account/wechat/confirm", methods=["GET", "POST"])
def confirm_wechat() -> ResponseReturnValue:
    """Bind the WeChat that waits in this session to the account that has just signed in; asked, never by itself."""
    if not is_signed_in():
        return ask_to_sign_in()
    waiting = _waiting()
    if waiting is None:
        return redirect(safe_next(), code=303)
    if request.method == "POST":
        db = unit.begin_for_platform("bind a WeChat")
        identities.bind_identity(db, current_user.user_id, waiting[0], origin=origin())
        cookie.pop(_NEW, None)
        return done(_("微信已绑定，以后可以直接用微信登录"), safe_next())
    return render("account/wechat_confirm.html", name=waiting[0].name, next=safe_next())


@account.route("/account/wechat/<uuid:identity_id>/remove", methods=["GET", "POST"])
def remove_wechat(identity_id: UUID) -> ResponseReturnValue:
    if not is_signed_in():
        return ask_to_sign_in()
    db = unit.begin_for_platform("take a WeChat off")
    if request.method == "POST":
        identities.unbind_identity(db, current_user.user_id, identity_id, origin=origin())
        return done(_("微信已解除绑定"), url_for("account.profile"))
    identity = identities.get_identity(db, current_user.user_id, identity_id)
    return render("account/remove_wechat.html", identity=identity)


def _go(app: SignInApp | None, purpose: str, target: str) -> ResponseReturnValue:
    if app is None:
        raise ComeAgain(N_("这里还不能用微信登录"), N_("请换一种方式登录。"))
    client, back = client_for(app), settings().public_url + url_for("account.return_from_wechat")
    found = client.create_authorization_url(back)
    client.save_authorize_data(
        redirect_uri=back, **found, next=target, purpose=purpose, within=app.within, kind=app.kind.value,
        appid=app.appid, began=clock.now().timestamp(),
    )  # fmt: skip
    return redirect(found["url"], code=303)


def _begun(state: str) -> dict[str, Any] | None:
    """What this browser set out with; None for a state that is not its own, was used or is old."""
    kept = cookie.get(f"_state_wechat_{state}")
    data = kept.get("data") if isinstance(kept, dict) else None
    if not isinstance(data, dict) or clock.now().timestamp() - data["began"] > _STATE_LIVES:
        return None
    return data


def _enter(found: Elsewhere, app: SignInApp, target: str) -> ResponseReturnValue:
    db = unit.begin_for_platform("sign in by WeChat")
    if identities.person_of(db, found) is None:
        cookie[_NEW] = {
            "issuer": found.issuer, "subject": found.subject, "union": found.union, "name": found.name[:40],
            "within": app.within, "until": clock.now().timestamp() + _NEW_LIVES,
        }  # fmt: skip
        return redirect(url_for("account.meet_wechat", next=target), code=303)
    user = identities.sign_in_or_make_person(db, identity=found, origin=origin())
    settle(db)
    sign_in_as(user, remember=is_wechat(), within=app.within)
    return redirect(target, code=303)


def _bind(found: Elsewhere) -> ResponseReturnValue:
    if not is_signed_in():
        return ask_to_sign_in()
    db = unit.begin_for_platform("bind a WeChat")
    identities.bind_identity(db, current_user.user_id, found, origin=origin())
    return done(_("微信已绑定，以后可以直接用微信登录"), url_for("account.profile"))


def _waiting() -> tuple[Elsewhere, str] | None:
    """The WeChat that has just shown itself in this browser and is nobody's yet, and its app's limits."""
    kept = cookie.get(_NEW)
    if not isinstance(kept, dict) or kept["until"] < clock.now().timestamp():
        return None
    return Elsewhere(kept["issuer"], kept["subject"], kept["union"], kept["name"]), kept["within"]
