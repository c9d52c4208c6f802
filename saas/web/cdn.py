"""Local copies of the CDN's files, served in a demo whose machine cannot reach the CDN; elsewhere there are none."""

from __future__ import annotations

from flask import Blueprint, Response, abort, send_from_directory

from saas.assets import ASSETS
from saas.config import settings

copies = Blueprint("copies", __name__)

_BY_NAME = {asset.name: asset for asset in ASSETS.values()}


@copies.get("/assets/npm/<path:name>")
def show_copy(name: str) -> Response:
    """One of the three files, nothing else. Integrity checks across ports of this machine need the CORS header."""
    asset = _BY_NAME.get(name)
    if asset is None or settings().is_production:
        abort(404)
    response = send_from_directory(settings().copies_folder.absolute(), name, mimetype=asset.content_type)
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cache-Control"] = "public, max-age=86400"
    return response
