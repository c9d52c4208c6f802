"""From the platform's address, where people sign in, over to a provider's own host."""

from __future__ import annotations

from flask import g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from saas.db import settle
from saas.errors import NotFound
from saas.tenants import hand_overs, own_hosts, providers, sessions
from saas.tenants.mail_tokens import LinkIsOver
from saas.tenants.names import slug_of_merchant_page
from saas.web import unit
from saas.web.account import is_wechat
from saas.web.going import safe_next
from saas.web.merchant.blueprint import public
from saas.web.own_host import asker_here
from saas.web.pages import render
from saas.web.security import limiter
from saas.web.sign_in import ask_to_sign_in, client_ip, may_enter, start_session


@public.route("/hand-over", methods=["GET", "POST"])
@limiter.limit("60 per minute")
def hand_over() -> ResponseReturnValue:
    """At our address: sign in, and on to the own host. Who is no merchant's person of this provider is asked first,
    because the host's owner learns who she is.
    """
    asker = _asker()
    if not may_enter(request.path):
        return ask_to_sign_in()
    if own_hosts.address_of(g.provider) != own_hosts.host_url(g.provider.host_name or ""):
        return redirect(_target(), code=303)
    belongs = providers.merchant_who(current_user.user_id, g.slug) is not None
    if request.method == "GET" and not belongs:
        return render("merchant/hand_over.html", host=g.provider.host_name, here=request.full_path)
    host, target = g.provider.host_name, _target()
    db = unit.begin_for_platform("hand a sign-in over to a provider's own host")
    token = hand_overs.make_hand_over(db, current_user.session_id, host=host, asker=asker)
    path = url_for("public.come_over", token=token, next=target)
    return redirect(own_hosts.host_url(host) + path, code=303)


@public.get("/come-over/<token>")
@limiter.limit("60 per minute")
def come_over(token: str) -> ResponseReturnValue:
    """At the own host: a sign-in that opens this provider's merchant pages and nothing else, anywhere."""
    asker = asker_here()
    if not g.own_host:
        raise NotFound()
    if may_enter(request.path):  # in another tab she was faster
        return redirect(_target(), code=303)
    if asker is None:
        raise LinkIsOver()
    host, target = g.provider.host_name, _target()
    db = unit.begin_for_platform("take over a sign-in at a provider's own host")
    try:
        user, session_id = hand_overs.use_hand_over(db, token, host=host, asker=asker)
    finally:
        settle(db)  # used up, whatever it was good for
    started = sessions.open_session(
        user, ip=client_ip(), user_agent=request.user_agent.string, remember=is_wechat(), parent_id=session_id
    )
    start_session(started, within=g.slug)
    return redirect(target, code=303)


def _target() -> str:
    """The page of this provider's merchants that she was on her way to."""
    target = safe_next(default="")
    return target if slug_of_merchant_page(target) == g.slug else url_for("merchant.home")


def _asker() -> bytes:
    try:
        asker = bytes.fromhex(request.args.get("asker", ""))
    except ValueError:
        asker = b""
    if len(asker) != 32:
        raise NotFound()
    return asker
