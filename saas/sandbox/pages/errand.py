"""An official account lends its subject, or an administrator hands a mini program on: on the computer and the phone."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from saas.sandbox import errands
from saas.sandbox.components import Unusable
from saas.sandbox.pages.handset import get_holder, say
from saas.sandbox.pages.login import say_no
from saas.sandbox.people import list_people
from saas.sandbox.pictures import qr_svg
from saas.sandbox.visits import PageRefused
from saas.sandbox.world import here

pages = Blueprint("errand", __name__)


@pages.get("/cgi-bin/fastregisterauth")
def lend() -> ResponseReturnValue:
    return _open(errands.LEND, ("component_appid", "appid", "copy_wx_verify", "redirect_uri"))


@pages.get("/wxopen/componentrebindadmin")
def rebind() -> ResponseReturnValue:
    return _open(errands.REBIND, ("appid", "component_appid", "redirect_uri"))


@pages.get("/errand")
def wait() -> ResponseReturnValue:
    """Shows the code and reloads itself until everybody has confirmed; then it goes on to redirect_uri."""
    world = here()
    try:
        with world.state.turn() as db:
            errand = errands.get_errand(db, world.now(), request.args.get("id", ""))
    except PageRefused as refused:
        return say_no(world, refused)
    if errand["state"] == "done":
        return redirect(errands.leave_errand(errand))
    phone_url = f"{world.public_url}/phone/errand?{urlencode({'id': errand['id']})}"
    return render_template("errand.html", errand=errand, phone_url=phone_url, qr=qr_svg(phone_url))


@pages.get("/phone/errand")
def phone() -> ResponseReturnValue:
    world = here()
    try:
        with world.state.turn() as db:
            errand = errands.get_errand(db, world.now(), request.args.get("id", ""))
            person, people = get_holder(db), list_people(db)
            names = {one["id"]: one["name"] for one in people}
    except PageRefused as refused:
        return say("无法继续", str(refused))
    turn = errand["successor"] if errand["state"] == "named" else errand["person"]
    if errand["state"] in ("done", "refused"):
        return say("已经办完", "请回到电脑。")
    if person is None or person["id"] != turn:
        return say("换人", f"现在该由{names.get(turn, '管理员')}确认，请把手机交给 TA，再扫一次码。")
    return render_template("phone_errand.html", errand=errand, person=person, people=people)


@pages.post("/phone/errand")
def answer() -> ResponseReturnValue:
    world = here()
    form = request.form
    try:
        with world.state.turn() as db:
            errand = errands.get_errand(db, world.now(), form.get("id", ""))
            person = get_holder(db)
            if person is None:
                raise Unusable("没有人拿着手机")
            agree = form.get("answer") == "agree"
            errands.answer_errand(db, errand, person, agree=agree, successor=form.get("successor", ""))
    except (PageRefused, Unusable) as refused:
        return say("无法继续", str(refused))
    return redirect(url_for("errand.phone", id=errand["id"]), 303)


def _open(kind: str, needed: tuple[str, ...]) -> ResponseReturnValue:
    world = here()
    given = request.args
    referer = request.headers.get("Referer", "")
    try:
        for name in needed:
            if not given.get(name):
                raise PageRefused(f"参数错误：缺少 {name}")
        if given.get("copy_wx_verify", "0") not in ("0", "1"):
            raise PageRefused("参数错误：copy_wx_verify 应为 0 或 1")
        with world.state.turn() as db:
            number = errands.open_errand(
                db, world.now(), kind, given["component_appid"], given["appid"], given["redirect_uri"], referer
            )
    except PageRefused as refused:
        return say_no(world, refused)
    return redirect(url_for("errand.wait", id=number), 303)
