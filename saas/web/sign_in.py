"""Who is here: Flask-Login over server-side sessions. The cookie holds an opaque token; the row decides."""

from __future__ import annotations

from uuid import UUID

from flask import Flask, g, redirect, request, url_for
from flask import session as cookie
from flask.typing import ResponseReturnValue
from flask_login import AnonymousUserMixin, LoginManager, UserMixin, current_user

from saas import i18n
from saas.tenants import sessions
from saas.web.own_host import address_to_sign_in

_TOKEN = "_user_id"  # noqa: S105 - the name under which Flask-Login keeps its id
_WITHIN = "within"


class Person(UserMixin):  # type: ignore[misc]
    """The signed-in person. `get_id` is the session's token, so closing the row signs this browser out.

    `within` is a provider's slug when she came in by that provider's own WeChat app: its owner could answer for
    anybody there, so such a sign-in opens nothing but her merchant pages at that provider.
    """

    def __init__(self, token: str, found: sessions.SignedIn, within: str = "") -> None:
        self._token = token
        self.within = within
        self.user_id: UUID = found.user_id
        self.session_id: UUID = found.session_id
        self.email: str = found.email
        self.name: str = found.name
        self.locale: str = found.locale
        self.is_verified: bool = found.is_confirmed

    def get_id(self) -> str:
        return self._token


class Anonymous(AnonymousUserMixin):  # type: ignore[misc]
    name = ""
    within = ""
    locale = i18n.DEFAULT
    is_verified = False


def recognise(app: Flask) -> None:
    manager = LoginManager(app)
    manager.anonymous_user = Anonymous
    manager.session_protection = None  # it compares addresses, which change on phones

    @manager.user_loader  # type: ignore[untyped-decorator]
    def load(token: str) -> Person | None:
        found = sessions.session_user(token)
        return Person(token, found, str(cookie.get(_WITHIN) or "")) if found else None

    manager.unauthorized_handler(ask_to_sign_in)


def ask_to_sign_in(after: str | None = None) -> ResponseReturnValue:
    """Lead an anonymous visitor to the sign-in page, and afterwards back or to the page `after`; from an own host to
    our address first.
    """
    here = after or (request.full_path.rstrip("?") if request.method == "GET" else None)
    if g.get("own_host"):
        target = address_to_sign_in(here or url_for("merchant.home", slug=g.own_host))
    else:
        target = url_for("account.sign_in", next=here)
    if request.headers.get("HX-Request") == "true":
        return "", 200, {"HX-Redirect": target}
    return redirect(target, code=303)


def start_session(token: str, *, within: str = "", keep: tuple[str, ...] = ()) -> None:
    """Sign this browser in: everything that the cookie held before is gone (no session fixation), but for `keep`."""
    kept = {name: cookie[name] for name in keep if name in cookie}
    cookie.clear()
    cookie.update(kept)
    cookie.permanent = True
    cookie[_TOKEN] = token
    cookie["_fresh"] = True
    if within:
        cookie[_WITHIN] = within
    g.pop("_login_user", None)


def leave_session() -> None:
    cookie.clear()
    g.pop("_login_user", None)


def client_ip() -> str:
    return request.remote_addr or ""


def is_signed_in() -> bool:
    """Signed in without limits; a sign-in by a provider's own WeChat app does not count (see `Person.within`)."""
    return bool(current_user.is_authenticated) and not current_user.within


def may_enter(path: str) -> bool:
    """Whether this sign-in is good for a page of ours: the limits of `Person.within`."""
    if not current_user.is_authenticated:
        return False
    own = f"/m/{current_user.within}/"
    return not current_user.within or path == "/" or path.startswith(own)
