"""Pictures and videos for WeChat's reviewers, who fetch them by the address that an application names."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response, abort

from saas.programs.evidence import read_evidence
from saas.web import unit

evidence = Blueprint("evidence", __name__)


@evidence.get("/evidence/<uuid:file_id>/<mark>.mp4")
@evidence.get("/evidence/<uuid:file_id>/<mark>.jpg")
def show_evidence(file_id: UUID, mark: str) -> Response:
    found = read_evidence(unit.begin_for_platform("a reviewer looks at evidence"), file_id, mark)
    if found is None:
        abort(404)
    response = Response(found[0], content_type=found[1])
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["X-Robots-Tag"] = "noindex"
    return response
