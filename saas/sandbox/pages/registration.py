"""A quick registration on the phone of the legal person or the individual."""

from __future__ import annotations

import json

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from saas.sandbox.components import Unusable
from saas.sandbox.people import get_person
from saas.sandbox.registrations import answer_registration, get_registration
from saas.sandbox.state import Db, Row
from saas.sandbox.world import here

pages = Blueprint("registration", __name__, url_prefix="/phone/registration")


@pages.get("")
def show() -> ResponseReturnValue:
    world = here()
    with world.state.turn() as db:
        task = get_registration(db, world.now(), request.args.get("taskid", ""))
        person = _holder(db)
    world.pusher.wake()
    if task is None or task["status"] != 0:
        return _message("无法注册", "这个注册链接已经失效。")
    if person is None:
        return _message("先拿起手机", "选好谁拿着手机，再打开这个链接。")
    return render_template("phone_registration.html", task=task, person=person, given=json.loads(task["given"]))


@pages.post("")
def answer() -> ResponseReturnValue:
    world = here()
    agree = request.form.get("answer") == "agree"
    try:
        with world.state.turn() as db:
            person = _holder(db)
            if person is None:
                raise Unusable("没有人拿着手机")
            answer_registration(db, world.now(), request.form.get("taskid", ""), person["name"], agree=agree)
    except Unusable as refused:
        return _message("无法注册", str(refused))
    world.pusher.wake()
    return _message("注册成功" if agree else "已拒绝", "新的小程序已创建并授权。" if agree else "没有创建小程序。")


def _message(title: str, text: str) -> str:
    return render_template("phone_message.html", title=title, text=text, back="/phone/people")


def _holder(db: Db) -> Row | None:
    value = request.cookies.get("holder", "")
    return get_person(db, int(value)) if value.isdigit() else None
