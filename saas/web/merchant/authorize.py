"""The page behind an authorization link: who asks for what, on to WeChat, and back. Open to whoever holds the link."""

from __future__ import annotations

from typing import Any

from flask import Response, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from saas.components.access import load_component
from saas.config import settings
from saas.errors import AppError
from saas.programs import authorization, links
from saas.programs.access import load_program
from saas.programs.authorization import Device, NothingCameBack, WeChatPageClosed
from saas.programs.links import LinkOver
from saas.programs.models import AuthorizationLink, GrantStatus, LinkProblem, LinkStatus
from saas.tenants.access import Who
from saas.tenants.models import Merchant
from saas.web.merchant.blueprint import public
from saas.web.pages import render
from saas.web.security import limiter
from saas.web.sign_in import client_ip
from saas.wx.permissions import permission_set


@public.get("/authorize/<token>")
@limiter.limit("60 per minute")
def show_authorization(token: str) -> ResponseReturnValue:
    found = links.link_by_token(g.db, token)
    if found is None:
        return _unknown()
    return _show(*found, token)


@public.post("/authorize/<token>/open")
@limiter.limit("20 per minute")
def open_authorization(token: str) -> ResponseReturnValue:
    """Fetch a code for this one visit and go on to WeChat's page."""
    found = links.link_by_token(g.db, token)
    if found is None:
        return _unknown()
    link, merchant = found
    device = Device.PHONE if request.form.get("device") == Device.PHONE else Device.COMPUTER
    back = settings().public_url + url_for("public.return_authorization", token=token)
    who = Who(link.provider_id, merchant.name, ip=client_ip(), request_id=g.request_id)
    try:
        address = authorization.open_page(g.db, link, device=device, return_to=back, who=who)
    except LinkOver as error:
        return _over(error)
    except WeChatPageClosed as error:
        return _show(link, merchant, token, trouble=error)
    return redirect(address, code=303)


@public.get("/authorize/<token>/return")
@limiter.limit("30 per minute")
def return_authorization(token: str) -> ResponseReturnValue:
    """WeChat sends the merchant's browser here; the code does not stay in the address."""
    found = links.link_by_token(g.db, token)
    if found is None:
        return _unknown()
    try:
        authorization.take_return(g.db, found[0], request.args.get("auth_code", ""))
    except LinkOver as error:
        return _over(error)
    except NothingCameBack as error:
        return _show(*found, token, trouble=error)
    return redirect(url_for("public.authorization_progress", token=token), code=303)


@public.get("/authorize/<token>/progress")
@limiter.limit("120 per minute")
def authorization_progress(token: str) -> ResponseReturnValue:
    found = links.link_by_token(g.db, token)
    if found is None:
        return _unknown()
    link, merchant = found
    grant = authorization.newest_grant(g.db, link)
    if grant is None:
        return redirect(url_for("public.show_authorization", token=token), code=303)
    result = load_program(g.db, grant.program_id) if grant.program_id else None
    settled = grant.status == GrantStatus.EXCHANGED
    accepted = settled and link.status == LinkStatus.USED and link.result_program_id == grant.program_id
    return render(
        "merchant/progress.html", block="progress", token=token, merchant=merchant, grant=grant, result=result,
        accepted=accepted, problem=link.problem if settled and not accepted else "",
        problems=LinkProblem, can_try_again=links.is_usable(link),
        expected=load_program(g.db, link.program_id) if link.program_id else None,
        reading=bool(accepted and result and not result.profile_read_at and not result.profile_error),
    )  # fmt: skip


def _show(link: AuthorizationLink, merchant: Merchant, token: str, trouble: AppError | None = None) -> Response:
    """The page before WeChat's; `trouble` is what went wrong on the way there or back."""
    try:
        links.require_usable(link)
    except LinkOver as error:
        return _over(error)
    context: dict[str, Any] = {
        "link": link, "merchant": merchant, "token": token,
        "component": load_component(g.db, link.component_id),
        "program": load_program(g.db, link.program_id) if link.program_id else None,
        "sets": [permission_set(number) for number in link.permission_sets],
        "address": links.link_address(link, g.provider.slug),
        "in_wechat": "MicroMessenger" in request.headers.get("User-Agent", ""),
    }  # fmt: skip
    status = trouble.status if trouble else 200
    return render("merchant/authorize.html", trouble=trouble, status=status, **context)


def _over(error: LinkOver) -> Response:
    return render("merchant/link_over.html", title=_(error.message), hint=_(error.hint), state=error.state, status=410)


def _unknown() -> Response:
    return render(
        "merchant/link_over.html", title=_("链接无效"), hint=_("请检查链接是否完整，或向服务商要一个新链接。"),
        state="", status=404,
    )  # fmt: skip
