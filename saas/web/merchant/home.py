"""A merchant's first page: her mini programs, where each stands, and what only she can do."""

from __future__ import annotations

from uuid import UUID

from flask import g, redirect, url_for
from flask.typing import ResponseReturnValue

from saas.programs import links, listing
from saas.programs.access import get_link, get_program
from saas.programs.words import Word
from saas.releases.status import ProgramStatus, statuses_of
from saas.tenants.access import Verb
from saas.tenants.merchants import merchants_of
from saas.web.merchant.blueprint import merchant
from saas.web.pages import render
from saas.web.provider.programs import avatar_response

_ROAD = ("authorized", "uploaded", "reviewed", "released")
_REACHED = {
    Word.UNAUTHORIZED: 0, Word.NO_CODE: 1, Word.UPLOADING: 1, Word.SCANNING: 1, Word.UPLOAD_FAILED: 1,
    Word.READY: 2, Word.SUBMITTING: 2, Word.SUBMIT_FAILED: 2, Word.IN_REVIEW: 2, Word.DELAYED: 2,
    Word.REJECTED: 2, Word.UNDONE: 2, Word.APPROVED: 3, Word.RELEASING: 3, Word.RELEASE_FAILED: 3,
    Word.RELEASED: 4, Word.ROLLED_BACK: 4,
}  # fmt: skip
_FAILED = frozenset({Word.UPLOAD_FAILED, Word.SUBMIT_FAILED, Word.REJECTED, Word.RELEASE_FAILED})


@merchant.get("/")
def home() -> ResponseReturnValue:
    programs = listing.programs_of(g.db, g.who.merchant_ids)
    statuses = statuses_of(g.db, [program.id for program in programs])
    return render(
        "merchant/home.html", programs=programs, statuses=statuses, road=road,
        merchants=merchants_of(g.db, g.who), links=links.usable_links(g.db, g.who.merchant_ids),
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


def road(status: ProgramStatus) -> list[tuple[str, str]]:
    """The four stations on the way online, each done, now, failed or todo."""
    reached = _REACHED[status.stage]
    here = "failed" if status.stage in _FAILED else "now"
    states = ["done" if place < reached else here if place == reached else "todo" for place in range(len(_ROAD))]
    return list(zip(_ROAD, states, strict=True))
