"""Who holds the phone, and what it says when it cannot go on."""

from __future__ import annotations

from flask import render_template, request

from saas.sandbox.people import get_person
from saas.sandbox.state import Db, Row

COOKIE = "holder"


def get_holder(db: Db) -> Row | None:
    value = request.cookies.get(COOKIE, "")
    return get_person(db, int(value)) if value.isdigit() else None


def say(title: str, text: str, *, back: str = "/phone/people") -> str:
    """A page with one message; `back` is where somebody else takes the phone."""
    return render_template("phone_message.html", title=title, text=text, back=back)
