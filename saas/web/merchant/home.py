"""A merchant's first page: her mini programs, where each stands, and what only she can do."""

from __future__ import annotations

from uuid import UUID

from flask import g, redirect, url_for
from flask.typing import ResponseReturnValue

from saas.onboarding import notices
from saas.onboarding.waiting import cases_without_program
from saas.programs import links, listing
from saas.programs.access import get_link, get_program
from saas.programs.violation_listing import troubles_of
from saas.tenants.access import Verb
from saas.tenants.merchants import merchants_of
from saas.web.merchant.blueprint import merchant
from saas.web.merchant.consent import consent_is_missing
from saas.web.merchant.timeline import cards, case_deed, find_open_cases
from saas.web.pages import render
from saas.web.provider.programs import avatar_response


@merchant.get("/")
def home() -> ResponseReturnValue:
    """Links and forms for one of her mini programs are on its card; what is for a new one has a card of its own."""
    programs = listing.programs_of(g.db, g.who.merchant_ids)
    shown = {program.id for program in programs}
    usable = [one for one in links.usable_links(g.db, g.who.merchant_ids) if one.program_id not in shown]
    open_cases = find_open_cases()
    cases = [(one, case_deed(one)) for one in open_cases if one.onboarding.program_id not in shown]
    return render(
        "merchant/home.html", cards=cards(programs, open_cases), troubles=troubles_of(g.db, shown),
        links=usable, cases=cases,
        merchants=merchants_of(g.db, g.who), unread=notices.count_unread(g.db, g.who),
        registrations=cases_without_program(g.db, g.who), consent_missing=consent_is_missing(),
    )  # fmt: skip


@merchant.post("/links/<uuid:link_id>/authorize")
def follow_link(link_id: UUID) -> ResponseReturnValue:
    """On to the page of an open link. Its secret is shown only to those who may answer for the merchant."""
    link = get_link(g.db, g.who, link_id, Verb.ANSWER)
    links.require_usable(link)
    return redirect(url_for("public.show_authorization", token=link.token), code=303)


@merchant.get("/programs/<uuid:program_id>/avatar")
def program_avatar(program_id: UUID) -> ResponseReturnValue:
    return avatar_response(get_program(g.db, g.who, program_id, Verb.VIEW).avatar_file_id)
