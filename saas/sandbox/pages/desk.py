"""The reviewer's desk."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from saas.sandbox.audits import DEFAULT_DELAY, decide, list_audits, suggest_reason
from saas.sandbox.components import Unusable
from saas.sandbox.world import here

pages = Blueprint("desk", __name__, url_prefix="/desk")
_SAID = {"approve": "已通过", "reject": "已驳回", "delay": "已延后"}


@pages.get("/audits")
def audits() -> ResponseReturnValue:
    with here().state.turn() as db:
        waiting = list_audits(db, only_open=True, limit=100)
        reasons = {audit["id"]: suggest_reason(db, audit) for audit in waiting}
        recent = [audit for audit in list_audits(db, limit=60) if audit["status"] not in (2, 4)][:30]
    return render_template(
        "audits.html",
        waiting=waiting,
        recent=recent,
        reasons=reasons,
        delay=DEFAULT_DELAY,
        said=request.args.get("said", ""),
    )


@pages.post("/audits/<int:audit_id>")
def judge(audit_id: int) -> ResponseReturnValue:
    world = here()
    verdict = request.form.get("verdict", "")
    try:
        with world.state.turn() as db:
            decide(
                db,
                world.now(),
                audit_id,
                verdict,
                reason=request.form.get("reason", ""),
                pictures=min(3, int(request.form.get("pictures", "1"))),
            )
        said = f"审核单 {audit_id} {_SAID[verdict]}"
    except (Unusable, ValueError) as error:
        said = str(error)
    world.pusher.wake()
    return redirect(url_for("desk.audits", said=said), 303)
