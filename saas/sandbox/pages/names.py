"""The desk where names are reviewed."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from saas.sandbox import names
from saas.sandbox.components import Unusable
from saas.sandbox.world import here

pages = Blueprint("names", __name__, url_prefix="/desk/names")
_PAPER_WORDS = {"id_card": "身份证", "license": "营业执照"} | {
    f"naming_other_stuff_{number}": f"其他材料 {number}" for number in range(1, 6)
}


@pages.get("")
def desk() -> ResponseReturnValue:
    with here().state.turn() as db:
        reviews = names.list_reviews(db)
    return render_template(
        "names.html",
        reviews=reviews,
        paper_words=_PAPER_WORDS,
        reason=names.DEFAULT_REASON,
        said=request.args.get("said", ""),
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
