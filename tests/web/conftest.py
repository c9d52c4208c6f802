"""A Flask client per person of the cast, signed in as a browser would be."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from saas.app import create_app
from saas.config import Settings
from saas.db import platform_session
from saas.tenants import sessions
from saas.tenants.models import User
from tests.cast import Cast

_CSRF = re.compile(r'"X-CSRFToken": "([^"]+)"')


class Browser:
    """A client that sends the CSRF token with every form, as the page it comes from would."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client
        self._tokens: dict[str, str] = {}

    def get(self, path: str, **kwargs: Any) -> TestResponse:
        return self.client.get(path, **kwargs)

    def post(self, path: str, data: dict[str, Any] | None = None, **kwargs: Any) -> TestResponse:
        return self.client.post(path, data={"csrf_token": self.csrf_token(), **(data or {})}, **kwargs)

    def csrf_token(self) -> str:
        """The token of this browser's present session, read once off a page that everybody may see."""
        with self.client.session_transaction() as session:
            secret = session.get("csrf_token", "")
        if secret not in self._tokens:
            found = _CSRF.search(self.client.get("/no-such-page").get_data(as_text=True))
            assert found, "the page has no CSRF token"
            with self.client.session_transaction() as session:
                secret = session["csrf_token"]
            self._tokens[secret] = found[1]
        return self._tokens[secret]

    def text(self, path: str, **kwargs: Any) -> str:
        """The page's HTML; fails when it is not there."""
        response = self.client.get(path, **kwargs)
        assert response.status_code == 200, f"{path}: {response.status_code} {response.location or ''}"
        return response.get_data(as_text=True)


@pytest.fixture(scope="session")
def app(installed: Settings) -> Flask:
    app = create_app(installed)
    app.config.update(TESTING=False, PROPAGATE_EXCEPTIONS=False)
    return app


@pytest.fixture
def anonymous(app: Flask, ground: Settings) -> Browser:
    return Browser(app.test_client())


@pytest.fixture
def browser(app: Flask, cast: Cast) -> Callable[[str], Browser]:
    """`browser("alice")` is alice's signed-in browser; `browser("")` an anonymous one."""
    known: dict[str, Browser] = {}

    def of(name: str) -> Browser:
        if name not in known:
            client = app.test_client()
            if name:
                with platform_session("sign the cast in") as db:
                    user = db.scalars(select(User).where(User.id == cast.users[name])).one()
                token = sessions.open_session(user, ip="127.0.0.1", user_agent="test")
                with client.session_transaction() as cookie:
                    cookie["_user_id"] = token
                    cookie["_fresh"] = True
            known[name] = Browser(client)
        return known[name]

    return of
