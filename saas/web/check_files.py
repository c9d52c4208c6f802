"""Check files of hosts that lead to us: WeChat fetches them at the root of the host."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, request

from saas.programs.check_files import check_file_content
from saas.web import unit

check_files = Blueprint("check_files", __name__)


@check_files.get("/<name>.txt")
def show_check_file(name: str) -> Response:
    """Byte for byte, and only to who asks at a host that a provider has named."""
    host = urlsplit(f"//{request.host}").hostname or ""
    content = check_file_content(unit.begin_for_platform("a check file is asked for"), host, f"{name}.txt")
    if content is None:
        abort(404)
    return Response(content, content_type="text/plain; charset=utf-8")
