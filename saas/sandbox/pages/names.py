"""The desk where names are reviewed."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from saas.sandbox import names
from saas.sandbox.components import Unusable
from saas.sandbox.world import here

pages = Blueprint("names", __name__, url_prefix="/desk/names")


@pages.get("")
def desk() -> ResponseReturnValue:
    with here().state.turn() as db:
        reviews = names.list_reviews(db)
    return render_template(
        "names.html", reviews=reviews, reason=names.DEFAULT_REASON, said=request.args.get("said", "")
    )


@pages.post("/<int:audit_id>")
def judge(audit_id: int) -> ResponseReturnValue:
    world = here()
    said = "已处理"
    try:
        with world.state.turn() as db:
            verdict, reason = request.form.get("verdict", ""), request.form.get("reason", "")
            names.decide(db, world.now(), audit_id, verdict, reason=reason)
    except Unusable as refused:
        said = str(refused)
    world.pusher.wake()
    return redirect(url_for("names.desk", said=said), 303)
