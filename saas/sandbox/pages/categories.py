"""The desk where the papers of categories are reviewed."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from saas.sandbox import categories
from saas.sandbox.components import Unusable
from saas.sandbox.world import here

pages = Blueprint("categories", __name__, url_prefix="/desk/categories")


@pages.get("")
def desk() -> ResponseReturnValue:
    with here().state.turn() as db:
        reviews = categories.list_reviews(db)
    reason, said = categories.DEFAULT_REASON, request.args.get("said", "")
    return render_template("categories.html", reviews=reviews, reason=reason, said=said)


@pages.post("/<appid>/<int:first>/<int:second>")
def judge(appid: str, first: int, second: int) -> ResponseReturnValue:
    world = here()
    said = "已处理"
    try:
        with world.state.turn() as db:
            verdict, reason = request.form.get("verdict", ""), request.form.get("reason", "")
            categories.decide(db, world.now(), appid, first, second, verdict, reason=reason)
    except Unusable as refused:
        said = str(refused)
    world.pusher.wake()
    return redirect(url_for("categories.desk", said=said), 303)
