"""The desk where mini programs are punished, appeals are decided, and accounts are frozen.

WeChat pushes nothing of it: a provider's platform learns of it by asking.
"""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from saas.sandbox import penalties
from saas.sandbox.components import Unusable
from saas.sandbox.people import change_account, get_account
from saas.sandbox.world import here

pages = Blueprint("penalties", __name__, url_prefix="/desk/penalties")
_REASONS = ("侵犯知识产权", "诱导分享", "类目与内容不符", "违规收集用户信息", "虚假宣传")
_STATUSES = {1: "正常", 14: "已注销", 16: "已封禁", 18: "已告警", 19: "已冻结"}
_ENDS = {2: "申诉成功", 3: "申诉驳回", 4: "申诉撤回"}


@pages.get("")
def desk() -> ResponseReturnValue:
    with here().state.turn() as db:
        found, accounts = penalties.list_all(db), penalties.list_accounts(db)
    return render_template(
        "penalties.html", penalties=found, accounts=accounts, reasons=_REASONS, statuses=_STATUSES, ends=_ENDS,
        said=request.args.get("said", ""),
    )  # fmt: skip


@pages.post("")
def punish() -> ResponseReturnValue:
    world, form = here(), request.form
    try:
        with world.state.turn() as db:
            number = penalties.add_penalty(
                db, world.now(), form.get("appid", ""), reason=form.get("reason", "").strip() or _REASONS[0],
                content=form.get("content", "").strip(),
            )  # fmt: skip
        said = f"已处罚，记录 {number}"
    except Unusable as refused:
        said = str(refused)
    return _back(said)


@pages.post("/accounts")
def change_status() -> ResponseReturnValue:
    appid, status = request.form.get("appid", ""), request.form.get("status", "")
    with here().state.turn() as db:
        if get_account(db, appid) is None or status not in {str(one) for one in _STATUSES}:
            return _back("没有这个小程序，或没有这种状态")
        change_account(db, appid, {"account_status": int(status)})
    return _back(f"账号状态已改为{_STATUSES[int(status)]}")


@pages.post("/<number>")
def decide(number: str) -> ResponseReturnValue:
    """`deed`: appeal (as the merchant), lift, or the end of an appeal."""
    world, form = here(), request.form
    deed, said = form.get("deed", ""), "已处理"
    try:
        with world.state.turn() as db:
            if deed == "appeal":
                penalties.add_appeal(db, world.now(), number, reason=form.get("reason", "").strip() or "我们有授权")
            elif deed == "lift":
                penalties.lift_penalty(db, number)
            elif deed.isdigit() and form.get("appeal", "").isdigit():
                reason = form.get("reason", "").strip()
                penalties.decide_appeal(db, world.now(), int(form["appeal"]), int(deed), reason)
            else:
                said = "没有这种处理"
    except Unusable as refused:
        said = str(refused)
    return _back(said)


def _back(said: str) -> ResponseReturnValue:
    return redirect(url_for("penalties.desk", said=said), 303)
