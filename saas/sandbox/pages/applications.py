"""The desk of all applications that are not audits of code."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from saas.sandbox import applications
from saas.sandbox.components import Unusable
from saas.sandbox.world import here

pages = Blueprint("applications", __name__, url_prefix="/desk/applications")
_WORDS = {
    applications.PRIVACY: ("地理位置接口", "审核员"),
    applications.ORDER_PATH: ("订单页", "审核员"),
    applications.PLUGIN: ("插件", "插件开发者"),
    applications.LINK: ("关联小程序", "公众号管理员，再到小程序管理员"),
}
_STATUS_WORDS = {
    "waiting": "等待处理",
    "confirmed": "等待小程序管理员确认",
    "approved": "已通过",
    "rejected": "已拒绝",
    "expired": "已超时",
}


@pages.get("")
def desk() -> ResponseReturnValue:
    with here().state.turn() as db:
        found = applications.list_applications(db)
    return render_template(
        "applications.html",
        applications=found,
        words=_WORDS,
        status_words=_STATUS_WORDS,
        reason=applications.DEFAULT_REASON,
        said=request.args.get("said", ""),
    )


@pages.post("/<int:number>")
def judge(number: int) -> ResponseReturnValue:
    world = here()
    said = f"申请 {number} 已处理"
    try:
        with world.state.turn() as db:
            verdict, reason = request.form.get("verdict", ""), request.form.get("reason", "")
            applications.decide(db, world.now(), number, verdict, reason=reason)
    except Unusable as refused:
        said = str(refused)
    world.pusher.wake()
    return redirect(url_for("applications.desk", said=said), 303)
