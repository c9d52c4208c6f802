"""The only renderer, and what templates know everywhere."""

from __future__ import annotations

from typing import Any

import segno
from flask import Flask, Response, g, make_response, render_template, request
from flask_babel import get_locale
from flask_login import current_user
from jinja2 import StrictUndefined
from jinja2_fragments.flask import render_block
from markupsafe import Markup

from saas.assets import ASSETS
from saas.config import Settings
from saas.wx import errcodes


def is_fragment_request() -> bool:
    """Whether htmx asks for a part of a page (a restored page is asked for whole)."""
    headers = request.headers
    return headers.get("HX-Request") == "true" and headers.get("HX-History-Restore-Request") != "true"


def render(template: str, *, block: str | None = None, status: int = 200, **context: Any) -> Response:
    """Render a page; when htmx asks and `block` is given, only that named block of it."""
    if block is not None and is_fragment_request():
        response = make_response(render_block(template, block, **context), status)
    else:
        response = make_response(render_template(template, **context), status)
    response.vary.add("HX-Request")
    return response


def render_with(app: Flask, config: Settings) -> None:
    env = app.jinja_env
    env.undefined = StrictUndefined
    env.trim_blocks = env.lstrip_blocks = True
    env.add_extension("jinja2.ext.do")
    env.policies["ext.i18n.trimmed"] = True
    env.globals.update(
        assets={name: {"url": one.url(config.assets_url), "integrity": one.integrity} for name, one in ASSETS.items()},
        is_demo=config.env == "demo",
        explain=explain,
        qr=qr,
        who=lambda: g.get("who"),
        has_endpoint=lambda name: name in app.view_functions,
        current_user=current_user,
    )  # fmt: skip
    env.globals["ui"] = env.get_template("_ui.html").module


def explain(code: int, operation: str | None = None) -> dict[str, Any]:
    """An errcode for a screen: cause, who must act and the next step in the page's language."""
    entry = errcodes.explain(code, operation)
    language = str(get_locale())
    return {
        "code": code,
        "cause": entry.cause(language),
        "next_step": entry.next_step(language),
        "who": entry.who,
        "retry": entry.retry,
        "known": entry.known,
    }


def qr(text: str, *, scale: int = 5) -> Markup:
    """A QR code as inline SVG."""
    svg = segno.make(text, error="m").svg_inline(scale=scale, border=2, omitsize=True, svgclass="qr", lineclass=None)
    return Markup(svg)  # noqa: S704 - segno's own markup, the text is drawn, not written
