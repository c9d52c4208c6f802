"""A provider's colours and logo, for its merchants' pages: from our own address, as pages load from no other."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Flask, Response, g, request

from saas.errors import NotFound
from saas.tenants import branding
from saas.tenants.branding import Brand
from saas.tenants.names import slug_of_merchant_page
from saas.tenants.stored_files import read_file
from saas.web import unit
from saas.web.going import safe_next

brands = Blueprint("brands", __name__, url_prefix="/t/<slug>")
_FOR_LONG = "private, max-age=31536000, immutable"
"""In browsers only: an answer may carry the visitor's session cookie anew, which no shared cache may hand out."""


def show_on_pages(app: Flask) -> None:
    app.jinja_env.globals["page_brand"] = page_brand


def page_brand() -> Brand | None:
    """Whose page this is: a merchant page's provider, or the one whose merchant pages a sign-in leads to."""
    if "brand" not in g:
        slug = slug_of_merchant_page(safe_next(default=""))
        g.brand = branding.find_brand(slug) if slug else None
    return g.brand  # type: ignore[no-any-return]


@brands.get("/brand.css")
def show_style_sheet(slug: str) -> Response:
    """The provider's colours. Pages name its version in the address, so it may be kept."""
    brand = branding.find_brand(slug)
    if brand is None:
        raise NotFound()
    response = Response(branding.style_sheet(brand), content_type="text/css; charset=utf-8")
    is_this = request.args.get("v") == brand.version
    response.headers["Cache-Control"] = _FOR_LONG if is_this else "no-cache"
    response.set_etag(brand.version)
    response.make_conditional(request)
    return response


@brands.get("/logo/<uuid:file_id>")
def show_logo(slug: str, file_id: UUID) -> Response:
    """The present logo and no other file; another logo has another address."""
    row = branding.find_logo(unit.begin_for_platform("show a provider's logo"), slug, file_id)
    response = Response(read_file(row), content_type=row.content_type)
    response.headers["Cache-Control"] = _FOR_LONG
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
