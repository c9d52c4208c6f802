"""WeChat's two authorization pages: for computers with a QR code, for phones by link."""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

from flask import Blueprint, redirect, render_template, request
from flask.typing import ResponseReturnValue

from saas.sandbox import mistakes
from saas.sandbox.pictures import qr_svg
from saas.sandbox.state import Row, one
from saas.sandbox.visits import Asked, PageRefused, leave_visit, open_visit
from saas.sandbox.world import World, here

pages = Blueprint("login", __name__)


@pages.get("/cgi-bin/componentloginpage")
def pc_page() -> ResponseReturnValue:
    """Shows the QR code and reloads itself until the phone has answered; then it goes on to redirect_uri."""
    world = here()
    try:
        visit = _open(world)
    except PageRefused as refused:
        return say_no(world, refused)
    if visit["state"] == "confirmed":
        with world.state.turn() as db:
            return redirect(leave_visit(db, world.now(), visit))
    query = urlencode({"pre_auth_code": visit["pre_auth_code"], "via": "pc"})
    phone_url = f"{world.public_url}/phone/authorize?{query}"
    return render_template("login.html", visit=visit, phone_url=phone_url, qr=qr_svg(phone_url))


@pages.get("/wxaopen/safe/bindcomponent")
def h5_page() -> ResponseReturnValue:
    """Goes straight to the phone that opened the link."""
    world = here()
    try:
        if request.args.get("action") != "bindcomponent" or request.args.get("no_scan") != "1":
            raise PageRefused("参数错误：应带 action=bindcomponent&no_scan=1")
        visit = _open(world)
    except PageRefused as refused:
        return say_no(world, refused)
    query = urlencode({"pre_auth_code": visit["pre_auth_code"], "via": "h5"})
    return redirect(f"/phone/authorize?{query}", 303)


def _open(world: World) -> Row:
    asked = _read_address()
    referer = request.headers.get("Referer", "")
    own = urlsplit(referer).netloc == request.host
    with world.state.turn() as db:
        if not referer and one(db, "select 1 from visit where pre_auth_code = ?", asked.pre_auth_code) is None:
            mistakes.note(
                db,
                world.now(),
                "打开授权页时没有带 Referer：真微信据此核对授权发起页域名",
                operation=request.path,
                component=asked.component_appid,
            )
        return open_visit(db, world.now(), asked, "" if own else referer)


def _read_address() -> Asked:
    given = request.args
    for name in ("component_appid", "pre_auth_code", "redirect_uri", "auth_type"):
        if not given.get(name):
            raise PageRefused(f"参数错误：缺少 {name}")
    try:
        auth_type = int(given["auth_type"])
        sets = tuple(int(number) for number in given.get("category_id_list", "").split("|") if number)
    except ValueError as error:
        raise PageRefused("参数错误：auth_type 或 category_id_list 不是数字") from error
    return Asked(
        component_appid=given["component_appid"],
        pre_auth_code=given["pre_auth_code"],
        redirect_uri=given["redirect_uri"],
        auth_type=auth_type,
        biz_appid=given.get("biz_appid", ""),
        sets=sets,
    )


def say_no(world: World, refused: PageRefused) -> str:
    """WeChat answers 200 with a page that says what is wrong."""
    with world.state.turn() as db:
        mistakes.note(
            db,
            world.now(),
            str(refused),
            operation=request.path,
            component=request.args.get("component_appid", ""),
            example=request.args.get("redirect_uri", ""),
        )
    return render_template("login_error.html", message=str(refused))
