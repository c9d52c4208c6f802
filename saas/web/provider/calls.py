"""Every call to WeChat for one mini program, with what its errcode means."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import g, request, url_for
from flask.typing import ResponseReturnValue

from saas.components.access import load_component
from saas.components.call_days import days_of_component, days_of_program
from saas.programs.access import get_program
from saas.programs.calls import list_calls, operations_called
from saas.programs.polling import looks_of
from saas.tenants.access import Verb
from saas.web.pages import render
from saas.web.provider.blueprint import provider
from saas.web.provider.call_days import drawn, program_sentence

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
    first_page = before is None
    month = days_of_program(g.db, program.component_id, program.appid) if first_page else None
    fleet = days_of_component(g.db, load_component(g.db, program.component_id)) if month else None
    return render(
        "provider/programs/calls.html", program=program, tab="calls", rows=rows, failed=failed, month=month,
        chart=drawn(month) if month else None, each=program_sentence(month, fleet) if month and fleet else "",
        looks=looks_of(g.db, program) if first_page else [],
        operations=operations, operation=wanted,
        next_url=url_for("provider.show_program_calls", before=rows[-1].id, **here) if more else "",
        first_url=url_for("provider.show_program_calls", **here) if before else "",
    )  # fmt: skip
