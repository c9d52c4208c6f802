"""Where to go next: back to a page of ours, never to a stranger's."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Response, flash, redirect, request, url_for
from flask_babel import gettext as _

from saas.errors import AppError


def safe_next(default: str | None = None) -> str:
    """The page named by `next` (form or address) if it is ours."""
    target = request.form.get("next") or request.args.get("next") or ""
    parts = urlsplit(target)
    if target.startswith("/") and not target.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc:
        return target
    return url_for("home.index") if default is None else default


def done(message: str, target: str, tone: str = "success") -> Response:
    """Say what was done on the page that follows: 303 after a form, a redirect header for htmx."""
    flash(message, tone)
    if request.headers.get("HX-Request") == "true":
        return Response(status=200, headers={"HX-Redirect": target})
    return redirect(target, code=303)  # type: ignore[return-value]


def refused(error: AppError, target: str) -> Response:
    """Say on the page that follows why nothing was done."""
    return done(_(error.message, **error.params), target, "warning")
