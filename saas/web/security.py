"""What every answer carries and every request must bring: headers, content policy, CSRF, rate limits, cookies."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar
from urllib.parse import urlsplit

import structlog
from flask import Flask, Response, abort, g, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import current_user
from flask_wtf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

from saas import vault
from saas.assets import ASSETS
from saas.config import Settings
from saas.web import unit

csrf = CSRFProtect()
limiter = Limiter(get_remote_address, default_limits=[], headers_enabled=True, in_memory_fallback_enabled=True)

MAX_BODY = 12 * 1024 * 1024
_MOST_DRAINED = 100 * 1024 * 1024
View = TypeVar("View", bound=Callable[..., Any])


def takes_up_to(size: int) -> Callable[[View], View]:
    """Below a view's route: its forms may have `size` bytes instead of `MAX_BODY`."""

    def mark(view: View) -> View:
        view.max_body = size  # type: ignore[attr-defined]
        return view

    return mark


def read_to_the_end() -> None:
    """Take in what was refused for its size, within reason: a browser listens only once it has sent all."""
    if (request.content_length or 0) <= _MOST_DRAINED:
        while request.environ["wsgi.input"].read(1 << 20):
            pass


def protect(app: Flask, config: Settings) -> None:
    keys = [vault.derived_key(master, "cookies").hex() for master in config.master_keys]
    app.config.update(
        SECRET_KEY=keys[0],
        SECRET_KEY_FALLBACKS=keys[1:],
        SESSION_COOKIE_NAME="daiban",
        SESSION_COOKIE_SECURE=config.public_url.startswith("https://"),
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=timedelta(days=30),
        MAX_CONTENT_LENGTH=MAX_BODY,
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=False,
        RATELIMIT_STORAGE_URI=_limit_storage(config.redis_url),
        RATELIMIT_STORAGE_OPTIONS={"socket_connect_timeout": 0.2, "socket_timeout": 0.5},
    )
    if config.trusted_proxies:
        hops = config.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]

    @app.before_request
    def allow_more() -> None:
        """Before anything looks into the form, which the check of the token does first."""
        view = app.view_functions.get(request.endpoint or "")
        request.max_content_length = getattr(view, "max_body", MAX_BODY)

    csrf.init_app(app)
    limiter.init_app(app)
    unit.settle_at_the_end(app)
    policy = content_policy(config)

    @app.before_request
    def identify() -> None:
        g.request_id = secrets.token_hex(8)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=g.request_id, path=_logged_path(), method=request.method)

    @app.before_request
    def refuse_nul() -> None:
        """PostgreSQL keeps no NUL character, and nobody types one."""
        sent = [request.args]
        if request.mimetype in ("application/x-www-form-urlencoded", "multipart/form-data"):
            sent.append(request.form)
        if any("\0" in value for values in sent for _name, found in values.lists() for value in found):
            abort(400)

    @app.after_request
    def add_headers(response: Response) -> Response:
        headers = response.headers
        headers["X-Request-Id"] = g.get("request_id", "")
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Referrer-Policy"] = "strict-origin-when-cross-origin"  # WeChat checks where its pages are opened from
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
        headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
        headers.setdefault("Content-Security-Policy", policy)
        if config.is_production:
            headers["Strict-Transport-Security"] = "max-age=31536000"
        if request.endpoint != "static" and "Cache-Control" not in headers:
            headers["Cache-Control"] = "no-store" if current_user.is_authenticated else "no-cache"
        return response


def _logged_path() -> str:
    """The path for the logs; where it holds a secret link, the rule stands for it."""
    if request.url_rule is not None and any(name.endswith("token") for name in request.view_args or ()):
        return request.url_rule.rule
    return request.path


def content_policy(config: Settings, other: str = "") -> str:
    """Scripts and styles by exact address; forms may lead on to WeChat's own pages, where merchants confirm, and to
    the `other` address at which the visitor's way goes on (``https://xcx.example.com``).
    """
    scripts = " ".join(ASSETS[name].url(config.assets_url) for name in ("htmx", "bootstrap"))
    style = ASSETS["css"].url(config.assets_url)
    on = " ".join(filter(None, [*sorted({_origin(config.wechat_mp_url), _origin(config.wechat_open_url)}), other]))
    return (
        f"default-src 'none'; script-src 'self' {scripts}; style-src 'self' {style}; img-src 'self' data:; "
        f"font-src 'self'; connect-src 'self'; form-action 'self' {on}; base-uri 'none'; frame-ancestors 'none'; "
        "manifest-src 'self'"
    )


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def _limit_storage(redis_url: str) -> str:
    return f"redis+{redis_url}" if redis_url.startswith("unix://") else redis_url
