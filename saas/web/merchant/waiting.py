"""What she or her people have to do in WeChat or by text message: what comes where, until when, and 'send again'."""

from __future__ import annotations

from uuid import UUID

from flask import Response, g, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from saas import clock
from saas.errors import AppError
from saas.onboarding import waiting as waitings
from saas.onboarding.access import get_case
from saas.onboarding.waiting import Kind, Waiting
from saas.programs.access import get_program
from saas.programs.models import Program
from saas.programs.registration_models import Registration
from saas.tenants.access import Verb
from saas.web.going import done, refused
from saas.web.language import span
from saas.web.merchant.blueprint import merchant
from saas.web.merchant.timeline import name_of, word_for_her
from saas.web.pages import is_fragment_request, render

_SOON, _CALM = 4, 30
"""Seconds between two looks, while something is sent and while people are awaited."""


@merchant.get("/w/<uuid:program_id>")
def show_waiting(program_id: UUID) -> ResponseReturnValue:
    """All that waits for one mini program. The address is short, for it goes into text messages."""
    program = get_program(g.db, g.who, program_id, Verb.VIEW)
    return _show(
        waitings.waitings_of(g.db, program), program, waitings.newest_case(g.db, program),
        here=url_for("merchant.show_waiting", program_id=program.id),
        again=url_for("merchant.send_again", program_id=program.id),
    )  # fmt: skip


@merchant.post("/w/<uuid:program_id>/again")
def send_again(program_id: UUID) -> ResponseReturnValue:
    program = get_program(g.db, g.who, program_id, Verb.ANSWER)
    here = url_for("merchant.show_waiting", program_id=program.id)
    try:
        waitings.send_again(g.db, program, who=g.who)
    except AppError as error:
        return refused(error, here)
    return done(_("正在请微信再发一次"), here, "info")


@merchant.get("/registrations/<uuid:registration_id>")
def show_registration(registration_id: UUID) -> ResponseReturnValue:
    """The same for a mini program of which there is only a registration so far; then on to the mini program itself."""
    case = get_case(g.db, g.who, registration_id, Verb.VIEW)
    if case.program_id is not None:
        target = url_for("merchant.show_waiting", program_id=case.program_id)
        return Response(headers={"HX-Redirect": target}) if is_fragment_request() else redirect(target)
    found = waitings.of_registration(case)
    return _show(
        [found] if found is not None else [], None, case,
        here=url_for("merchant.show_registration", registration_id=case.id),
        again=url_for("merchant.send_registration_again", registration_id=case.id),
    )  # fmt: skip


@merchant.post("/registrations/<uuid:registration_id>/again")
def send_registration_again(registration_id: UUID) -> ResponseReturnValue:
    case = get_case(g.db, g.who, registration_id, Verb.ANSWER)
    here = url_for("merchant.show_registration", registration_id=case.id)
    try:
        waitings.send_case_again(g.db, case, who=g.who)
    except AppError as error:
        return refused(error, here)
    return done(_("正在请微信再发一次"), here, "info")


def _show(
    found: list[Waiting], program: Program | None, case: Registration | None, *, here: str, again: str
) -> Response:
    item = waitings.sending_of(g.db, program, case)
    sending = item is not None and item.is_open
    merchant_id = program.merchant_id if program is not None else case.merchant_id if case is not None else None
    moves = sending or any(not one.is_over for one in found)
    return render(
        "merchant/waiting.html", block="waiting", found=found, program=program, here=here, again=again,
        may_answer=g.who.at(merchant_id).may(Verb.ANSWER),
        name=name_of(program) if program is not None else case.name if case is not None else "",
        numbers=waitings.numbers_told(g.db, program) if program is not None and _by_text(found) else [],
        sending=sending, failed=item is not None and item.status == "failed" and any(one.is_over for one in found),
        poll=(_SOON if sending else _CALM) if moves else 0, word=word_for_her, remaining=remaining,
    )  # fmt: skip


def _by_text(found: list[Waiting]) -> bool:
    return any(one.kind in (Kind.SMS, Kind.CANCEL) for one in found)


def remaining(waiting: Waiting) -> str:
    """How long it still is, in two units: hours matter on the first day, minutes in the last hour."""
    seconds = (waiting.ends_at - clock.now()).total_seconds() if waiting.ends_at else 0
    if seconds <= 0:
        return ""
    rest = seconds % 86400 if seconds >= 86400 else seconds % 3600 if seconds >= 3600 else 0
    return f"{span(seconds)} {span(rest)}" if rest >= 60 else span(seconds)
