"""Requests that arrive at a provider's own host: only that provider's merchant pages are there.

The rest of the site is at DAIBAN_PUBLIC_URL, where a GET is sent on to; so are all ways to sign in, and the pages from
which WeChat's authorization page must be opened. A host that nobody has named is treated as ours.
"""

from __future__ import annotations

import hashlib
import secrets
from urllib.parse import urlsplit

from flask import Blueprint, Flask, Response, g, redirect, request, url_for
from flask import session as cookie
from flask.typing import ResponseReturnValue

from saas.config import Settings, settings
from saas.errors import NotFound
from saas.tenants import own_hosts
from saas.tenants.names import slug_of_merchant_page
from saas.web.going import safe_next
from saas.web.security import content_policy, limiter

own_host = Blueprint("own_host", __name__)

_EVERYWHERE = {
    "healthz", "readyz", "metrics", "static", "check_files.show_check_file", "copies.show_copy", "own_host.prove",
}  # fmt: skip
_HERE = {"language.change_language", "account.sign_out"}
_FROM_OUR_ADDRESS = {
    "public.show_authorization", "public.open_authorization", "public.return_authorization",
    "public.authorization_progress", "public.hand_over",
}  # fmt: skip
"""WeChat opens its authorization page only from the registered domain, and gives its code back there."""
_ASKER = "asker"


def receive(app: Flask, config: Settings) -> None:
    """Sort requests by host before any view, and let forms lead from one address to the other."""

    @app.before_request
    def sort_by_host() -> ResponseReturnValue | None:
        g.own_host = ""
        host = request_host()
        if request.endpoint in _EVERYWHERE or not own_hosts.is_foreign(host):
            return None
        slug = own_hosts.slug_at(host)
        if slug is None:
            return None
        g.own_host = slug
        return _at_own_host(slug)

    @app.after_request
    def let_forms_lead_on(response: Response) -> Response:
        other = _other_address()
        if other:
            response.headers.setdefault("Content-Security-Policy", content_policy(config, other))
        return response


@own_host.get(f"{own_hosts.QUESTION}<nonce>")
@limiter.limit("60 per minute")
def prove(nonce: str) -> Response:
    """Our own question whether a host leads here; see `saas.tenants.own_hosts`."""
    found = own_hosts.answer(request_host(), nonce)
    if found is None:
        raise NotFound()
    return Response(found, mimetype="text/plain")


def request_host() -> str:
    """The host that the browser asked for, in lower case and without port."""
    try:
        return (urlsplit(f"//{request.host}").hostname or "").removesuffix(".")
    except ValueError:  # a broken address in brackets
        return ""


def address_to_sign_in(target: str) -> str:
    """Where to go from an own host to sign in at our address and come back to `target`; good for this browser only."""
    asker = cookie.setdefault(_ASKER, secrets.token_urlsafe(24))
    path = url_for("public.hand_over", slug=g.own_host, next=target, asker=hashlib.sha256(asker.encode()).hexdigest())
    return settings().public_url + path


def asker_here() -> bytes | None:
    """The hash of what this browser set out with from this host."""
    asker = cookie.get(_ASKER)
    return hashlib.sha256(asker.encode()).digest() if isinstance(asker, str) else None


def _at_own_host(slug: str) -> ResponseReturnValue | None:
    endpoint, blueprint = request.endpoint or "", request.blueprint
    home = url_for("merchant.home", slug=slug)
    if blueprint in ("merchant", "public", "brands"):
        given = g.slug if blueprint != "brands" else (request.view_args or {}).get("slug")
        if given != slug:
            raise NotFound()
        if endpoint not in _FROM_OUR_ADDRESS:
            return None
    elif endpoint in _HERE or not endpoint:
        return None
    elif endpoint == "home.index":
        return redirect(home, code=303)
    elif endpoint == "account.sign_in" and request.method == "GET":
        wanted = safe_next(default="")
        return redirect(address_to_sign_in(wanted if slug_of_merchant_page(wanted) == slug else home), code=303)
    if request.method not in ("GET", "HEAD") or blueprint == "callbacks":
        raise NotFound()
    return redirect(settings().public_url + request.full_path.rstrip("?"), code=303)


def _other_address() -> str:
    """Where forms of this page may be led on to: from an own host to ours, from our pages to the brand's own host."""
    if g.get("own_host"):
        return settings().public_url
    brand = g.get("brand")
    return brand.address if brand is not None and brand.address != settings().public_url else ""
