"""Signing in with WeChat: the QR page for computers, the page inside WeChat, the phone, and the two calls."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from saas.sandbox import sign_ins
from saas.sandbox.pages.handset import get_holder, say
from saas.sandbox.pages.login import say_no
from saas.sandbox.people import list_people
from saas.sandbox.pictures import qr_svg
from saas.sandbox.sign_ins import Asked, SignInRefused
from saas.sandbox.state import Db
from saas.sandbox.visits import PageRefused
from saas.sandbox.world import here

pages = Blueprint("sign_in", __name__)


@pages.get("/connect/qrconnect")
def qr_page() -> ResponseReturnValue:
    """For computers: a code to be scanned."""
    return _begin("site", "sign_in.wait")


@pages.get("/connect/oauth2/authorize")
def wechat_page() -> ResponseReturnValue:
    """For WeChat's own browser: straight to the phone's question."""
    if "MicroMessenger" not in request.user_agent.string:
        return say_no(here(), PageRefused("请在微信客户端打开链接"))
    return _begin("account", "sign_in.ask")


@pages.get("/connect/confirm/<visit_id>")
def wait(visit_id: str) -> ResponseReturnValue:
    """Shows the code and reloads itself until the phone has answered; then it goes on to redirect_uri."""
    world = here()
    with world.state.turn() as db:
        try:
            visit = sign_ins.get_visit(db, world.now(), visit_id)
        except PageRefused as refused:
            return render_template("login_error.html", message=str(refused))
    if visit["answer"] == "agreed":
        return redirect(sign_ins.return_address(visit), 302)
    phone_url = world.public_url + url_for("sign_in.ask", visit_id=visit_id)
    return render_template("sign_in.html", visit=visit, phone_url=phone_url, qr=qr_svg(phone_url))


@pages.get("/phone/sign_in/<visit_id>")
def ask(visit_id: str) -> ResponseReturnValue:
    world = here()
    with world.state.turn() as db:
        try:
            visit = sign_ins.get_visit(db, world.now(), visit_id)
            if visit["answer"] != "open":
                raise PageRefused("这次登录已经处理过了，请重新发起")
        except PageRefused as refused:
            return say("无法登录", str(refused), back="")
        person = get_holder(db)
        if person is None:
            return render_template("phone_people.html", people=list_people(db), next=request.path)
    return render_template("phone_sign_in.html", visit=visit, person=person)


@pages.post("/phone/sign_in/<visit_id>")
def answer(visit_id: str) -> ResponseReturnValue:
    world = here()
    agrees = request.form.get("answer") == "agree"
    with world.state.turn() as db:
        try:
            visit = sign_ins.get_visit(db, world.now(), visit_id)
            sign_ins.answer_visit(db, world.now(), visit, int(request.form["person"]), agrees=agrees)
        except PageRefused as refused:
            return say("无法登录", str(refused), back="")
        visit = sign_ins.get_visit(db, world.now(), visit_id)
    if visit["kind"] == "account":
        return redirect(sign_ins.return_address(visit), 303)
    return say("已登录" if agrees else "已取消", "请回到电脑，页面会自动继续。" if agrees else "没有登录。", back="")


@pages.get("/sns/oauth2/access_token")
def access_token() -> ResponseReturnValue:
    return _call(sign_ins.exchange_code)


@pages.get("/sns/userinfo")
def userinfo() -> ResponseReturnValue:
    return _call(sign_ins.read_person)


def _begin(kind: str, target: str) -> ResponseReturnValue:
    world, given = here(), request.args
    asked = Asked(
        kind, given.get("appid", ""), given.get("redirect_uri", ""), given.get("response_type", ""),
        given.get("scope", ""), given.get("state", ""),
    )  # fmt: skip
    try:
        with world.state.turn() as db:
            visit = sign_ins.open_visit(db, world.now(), asked)
    except PageRefused as refused:
        return say_no(world, refused)
    return redirect(url_for(target, visit_id=visit), 303)


def _call(deed: Callable[[Db, float, dict[str, str]], dict[str, Any]]) -> Response:
    """WeChat answers these calls with status 200 and as plain text, whatever happened."""
    world = here()
    with world.state.turn() as db:
        try:
            found = deed(db, world.now(), request.args.to_dict())
        except SignInRefused as refused:
            found = refused.answer
    return Response(json.dumps(found, ensure_ascii=False), mimetype="text/plain")
