"""What the platform did wrong, and what is to go wrong on demand: calls, pushes, tickets, tokens."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from saas.sandbox import faults, mistakes
from saas.sandbox.api.registry import played
from saas.sandbox.authorizations import void_tokens
from saas.sandbox.components import Unusable, get_component, list_components
from saas.sandbox.pusher import stop_tickets
from saas.sandbox.state import rows
from saas.sandbox.world import here
from saas.wx.contract.operations import all_events

pages = Blueprint("faults", __name__, url_prefix="/faults")


@pages.get("")
def show() -> ResponseReturnValue:
    with here().state.turn() as db:
        seen = mistakes.list_mistakes(db)
        components = list_components(db)
        calls = rows(db, "select * from fault order by id")
        pushes = rows(db, "select * from push_fault order by id")
        failed = rows(db, "select * from failed_call order by at desc limit 30")
    return render_template(
        "faults.html",
        mistakes=seen,
        components=components,
        calls=calls,
        pushes=pushes,
        failed=failed,
        operations=sorted(played()),
        events=[event.name for event in all_events()],
        call_words=faults.CALL_FAULTS,
        push_words=faults.PUSH_FAULTS,
        said=request.args.get("said", ""),
    )


@pages.post("/calls")
def plan_call_fault() -> ResponseReturnValue:
    form = request.form
    if form.get("kind") not in faults.CALL_FAULTS:
        return _back("没有这种故障")
    with here().state.turn() as db:
        faults.add_call_fault(
            db,
            operation=form.get("operation") or "*",
            kind=form["kind"],
            errcode=int(form.get("errcode") or -1),
            seconds=float(form.get("seconds") or 5),
            times=int(form.get("times") or 1),
        )
    return _back("故障已安排")


@pages.post("/pushes")
def plan_push_fault() -> ResponseReturnValue:
    form = request.form
    if form.get("kind") not in faults.PUSH_FAULTS:
        return _back("没有这种故障")
    try:
        with here().state.turn() as db:
            component = get_component(db, form.get("component", ""))["appid"]
            event, times = form.get("event") or "*", int(form.get("times") or 1)
            faults.add_push_fault(db, component=component, kind=form["kind"], event=event, times=times)
    except Unusable as refused:
        return _back(str(refused))
    return _back("故障已安排")


@pages.post("/tickets")
def stop() -> ResponseReturnValue:
    with here().state.turn() as db:
        stop_tickets(db, request.form.get("component", ""))
    return _back("票据已停推，调用 api_start_push_ticket 后恢复")


@pages.post("/tokens")
def void() -> ResponseReturnValue:
    with here().state.turn() as db:
        count = void_tokens(db, request.form.get("component", ""))
    return _back(f"{count} 个 access_token 已作废")


@pages.post("/clear")
def clear() -> ResponseReturnValue:
    with here().state.turn() as db:
        faults.clear_faults(db)
        mistakes.forget(db)
    return _back("已清空")


def _back(said: str) -> ResponseReturnValue:
    return redirect(url_for("faults.show", said=said), 303)
