"""Template messages of service accounts: the two calls, and the phone's list of what came."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, render_template, request
from flask.typing import ResponseReturnValue

from saas.sandbox import service_accounts
from saas.sandbox.pages.handset import get_holder
from saas.sandbox.people import list_people
from saas.sandbox.service_accounts import MessageRefused
from saas.sandbox.state import Db
from saas.sandbox.world import here

pages = Blueprint("service_messages", __name__)


@pages.route("/cgi-bin/stable_token", methods=["GET", "POST"])
def stable_token() -> Response:
    return _call(lambda db, now: service_accounts.give_token(db, now, request.get_data()))


@pages.route("/cgi-bin/message/template/send", methods=["GET", "POST"])
def send() -> Response:
    token = request.args.get("access_token", "")
    return _call(lambda db, now: service_accounts.take_message(db, now, token, request.get_data()))


@pages.get("/phone/service_messages")
def list_messages() -> ResponseReturnValue:
    """What service accounts wrote to whoever holds the phone."""
    with here().state.turn() as db:
        person = get_holder(db)
        if person is None:
            return render_template("phone_people.html", people=list_people(db), next=request.path)
        return render_template(
            "phone_service_messages.html", person=person, messages=service_accounts.messages_of(db, person["id"])
        )


def _call(deed: Callable[[Db, float], dict[str, Any]]) -> Response:
    """WeChat answers with status 200, whatever happened."""
    world = here()
    try:
        if request.method != "POST":
            raise MessageRefused(43002)
        with world.state.turn() as db:
            found = deed(db, world.now())
    except MessageRefused as refused:
        found = refused.answer
    return Response(json.dumps(found, ensure_ascii=False), mimetype="application/json")
