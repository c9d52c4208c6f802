"""Every call to WeChat for one mini program, with what its errcode means."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import g, request, url_for
from flask.typing import ResponseReturnValue

from saas.programs.access import get_program
from saas.programs.calls import list_calls, operations_called
from saas.tenants.access import Verb
from saas.web.pages import render
from saas.web.provider.blueprint import provider

_PAGE = 50


@provider.get("/programs/<uuid:program_id>/calls")
def show_program_calls(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.VIEW)
    failed, before = request.args.get("show") == "failed", request.args.get("before", type=UUID)
    operations, wanted = operations_called(g.db, program), request.args.get("operation", "")
    wanted = wanted if wanted in operations else ""
    rows = list_calls(g.db, program, failed=failed, operation=wanted, before=before, limit=_PAGE + 1)
    more, rows = len(rows) > _PAGE, rows[:_PAGE]
    here: dict[str, Any] = {
        "program_id": program.id, "show": "failed" if failed else None, "operation": wanted or None,
    }  # fmt: skip
    return render(
        "provider/programs/calls.html", program=program, tab="calls", rows=rows, failed=failed,
        operations=operations, operation=wanted,
        next_url=url_for("provider.show_program_calls", before=rows[-1].id, **here) if more else "",
        first_url=url_for("provider.show_program_calls", **here) if before else "",
    )  # fmt: skip
