"""Who is here: Flask-Login over server-side sessions. The cookie holds an opaque token; the row decides."""

from __future__ import annotations

from uuid import UUID

from flask import Flask, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import AnonymousUserMixin, LoginManager, UserMixin, current_user

from saas import i18n
from saas.tenants import sessions

_TOKEN = "_user_id"  # noqa: S105 - the name under which Flask-Login keeps its id


class Person(UserMixin):  # type: ignore[misc]
    """The signed-in person. `get_id` is the session's token, so closing the row signs this browser out."""

    def __init__(self, token: str, found: sessions.SignedIn) -> None:
        self._token = token
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
    locale = i18n.DEFAULT
    is_verified = False


def recognise(app: Flask) -> None:
    manager = LoginManager(app)
    manager.anonymous_user = Anonymous
    manager.session_protection = None  # it compares addresses, which change on phones

    @manager.user_loader  # type: ignore[untyped-decorator]
    def load(token: str) -> Person | None:
        found = sessions.session_user(token)
        return Person(token, found) if found else None

    manager.unauthorized_handler(ask_to_sign_in)


def ask_to_sign_in() -> ResponseReturnValue:
    """Lead an anonymous visitor to the sign-in page and back afterwards."""
    target = url_for("account.sign_in", next=request.full_path.rstrip("?") if request.method == "GET" else None)
    if request.headers.get("HX-Request") == "true":
        return "", 200, {"HX-Redirect": target}
    return redirect(target, code=303)


def start_session(token: str) -> None:
    """Sign this browser in: everything that the cookie held before is gone (no session fixation)."""
    session.clear()
    session.permanent = True
    session[_TOKEN] = token
    session["_fresh"] = True
    g.pop("_login_user", None)


def leave_session() -> None:
    session.clear()
    g.pop("_login_user", None)


def client_ip() -> str:
    return request.remote_addr or ""


def is_signed_in() -> bool:
    return bool(current_user.is_authenticated)
