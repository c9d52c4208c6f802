"""The merchant's phone: who holds it, scan, confirm an authorization, take it back."""

from __future__ import annotations

import json
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from saas.sandbox.authorizations import AUTH_CODE_SECONDS, list_authorizations_of_person, revoke
from saas.sandbox.filing_sms import list_of_person
from saas.sandbox.pages.handset import COOKIE, get_holder, say
from saas.sandbox.people import get_account, list_accounts, list_people
from saas.sandbox.service_accounts import messages_of
from saas.sandbox.state import Row, one
from saas.sandbox.verify_tasks import list_open_verify_tasks
from saas.sandbox.visits import PageRefused, confirm_visit, get_visit, list_choices, refuse_visit, return_address
from saas.sandbox.world import here

pages = Blueprint("phone", __name__, url_prefix="/phone")


@pages.get("")
def home() -> ResponseReturnValue:
    world = here()
    with world.state.turn() as db:
        person = get_holder(db)
        if person is None:
            return render_template("phone_people.html", people=list_people(db), next="/phone")
        return render_template(
            "phone_home.html",
            person=person,
            accounts=list_accounts(db, person["id"]),
            authorizations=list_authorizations_of_person(db, person["id"]),
            face_checks=list_open_verify_tasks(db, world.now(), person["id"]),
            messages=len(list_of_person(db, world.now(), person["id"])),
            service_messages=len(messages_of(db, person["id"])),
            said=request.args.get("said", ""),
        )


@pages.get("/people")
def people() -> ResponseReturnValue:
    with here().state.turn() as db:
        return render_template("phone_people.html", people=list_people(db), next=request.args.get("next", "/phone"))


@pages.post("/hold")
def hold() -> ResponseReturnValue:
    """Somebody takes the phone."""
    target = request.form.get("next", "/phone")
    path = target.split("?", 1)[0]
    if path not in ("/phone", "/phone/authorize", "/phone/service_messages") and not path.startswith("/phone/sign_in/"):
        target = "/phone"
    response = make_response(redirect(target, 303))
    response.set_cookie(COOKIE, request.form["person"], samesite="Lax", httponly=True)
    return response


@pages.post("/scan")
def scan() -> ResponseReturnValue:
    """A pasted link stands for a scanned code: only the sandbox's own can be opened."""
    link = urlsplit(request.form.get("link", "").strip())
    own = urlsplit(here().public_url).netloc
    if link.netloc != own or not link.path.startswith(("/phone/", "/wxaopen/", "/trial/")):
        return redirect(url_for("phone.home", said="这不是沙箱微信的二维码或链接"), 303)
    return redirect(f"{link.path}?{link.query}", 303)


@pages.get("/authorize")
def authorize() -> ResponseReturnValue:
    """Choose the mini program, tick permission sets, confirm or refuse."""
    world = here()
    via = _via()
    with world.state.turn() as db:
        try:
            visit = get_visit(db, world.now(), request.args.get("pre_auth_code", ""))
        except PageRefused as refused:
            return say("无法授权", str(refused), back="")
        person = get_holder(db)
        if person is None:
            query = urlencode({"pre_auth_code": visit["pre_auth_code"], "via": via})
            return render_template("phone_people.html", people=list_people(db), next=f"/phone/authorize?{query}")
        try:
            if visit["state"] != "open":
                raise PageRefused("这次授权已经处理过了，请重新发起")
            choices = list_choices(db, visit, person["id"])
        except PageRefused as refused:
            return say("无法授权", str(refused), back=_again(visit, via))
        sets = json.loads(visit["sets"])
    return render_template("phone_authorize.html", visit=visit, person=person, choices=choices, sets=sets, via=via)


@pages.post("/authorize")
def answer() -> ResponseReturnValue:
    world = here()
    with world.state.turn() as db:
        try:
            visit = get_visit(db, world.now(), request.form.get("pre_auth_code", ""))
            if request.form.get("answer") == "refuse":
                refuse_visit(db, world.now(), visit)
            else:
                sets = [int(number) for number in request.form.getlist("sets")]
                confirm_visit(
                    db, world.now(), visit, int(request.form["person"]), request.form.get("account", ""), sets
                )
        except PageRefused as refused:
            return say("无法授权", str(refused), back="")
    world.pusher.wake()
    return redirect(url_for("phone.answered", pre_auth_code=visit["pre_auth_code"], via=_via()), 303)


@pages.get("/answered")
def answered() -> ResponseReturnValue:
    """The end of a visit; a phone that opened the page itself goes back to the platform from here."""
    world = here()
    with world.state.turn() as db:
        try:
            visit = get_visit(db, world.now(), request.args.get("pre_auth_code", ""))
        except PageRefused as refused:
            return say("无法授权", str(refused), back="")
        if visit["state"] != "confirmed":
            return say("已拒绝", "没有授权给任何平台。", back="")
        account = one(
            db,
            "select account.* from account join auth_code on auth_code.account = account.appid where value = ?",
            visit["auth_code"],
        )
    if account is None:
        return say("已失效", "这次授权已经取消。", back="")
    address = return_address(visit["redirect_uri"], auth_code=visit["auth_code"], expires_in=AUTH_CODE_SECONDS)
    return render_template("phone_done.html", account=account, visit=visit, via=_via(), address=address)


@pages.post("/revoke")
def take_back() -> ResponseReturnValue:
    """The merchant cancels an authorization; only its own administrator can."""
    world = here()
    with world.state.turn() as db:
        person = get_holder(db)
        account = get_account(db, request.form["account"])
        mine = person is not None and account is not None and account["person"] == person["id"]
        done = mine and revoke(db, world.now(), request.form["component"], request.form["account"])
    world.pusher.wake()
    return redirect(url_for("phone.home", said="已取消授权" if done else "没有这项授权"), 303)


def _via() -> str:
    return "h5" if request.values.get("via") == "h5" else "pc"


def _again(visit: Row, via: str) -> str:
    query = urlencode({"pre_auth_code": visit["pre_auth_code"], "via": via})
    return "/phone/people?" + urlencode({"next": f"/phone/authorize?{query}"})
