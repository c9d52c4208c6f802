"""What the platform asks a person to confirm: registrations, trials and their conversion, on the phone."""

from __future__ import annotations

import json

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from saas.sandbox.components import Unusable
from saas.sandbox.pages.handset import get_holder, say
from saas.sandbox.people import get_account
from saas.sandbox.registrations import DONE, FACE_FAILED, KINDS, answer_registration, get_registration, is_open
from saas.sandbox.world import here

pages = Blueprint("registration", __name__, url_prefix="/phone/registration")


@pages.get("")
def show() -> ResponseReturnValue:
    world = here()
    with world.state.turn() as db:
        task = get_registration(db, world.now(), request.args.get("taskid", ""))
        person = get_holder(db)
        account = get_account(db, task["account"]) if task else None
        official = get_account(db, json.loads(task["given"]).get("mp_appid", "")) if task else None
    world.pusher.wake()
    if task is None or not is_open(task):
        return say("无法继续", "这个链接已经失效。")
    if person is None:
        return say("先拿起手机", "选好谁拿着手机，再打开这个链接。")
    if task["person"] not in (None, person["id"]):
        return say("换人", "你不是管理员，请由管理员打开。")
    return render_template(
        "phone_registration.html",
        task=task,
        kind=KINDS[task["kind"]],
        person=person,
        account=account,
        official=official,
        given=json.loads(task["given"]),
        is_second_try=task["status"] == FACE_FAILED,
    )


@pages.post("")
def answer() -> ResponseReturnValue:
    world = here()
    taskid = request.form.get("taskid", "")
    try:
        with world.state.turn() as db:
            person = get_holder(db)
            if person is None:
                raise Unusable("没有人拿着手机")
            answer_registration(db, world.now(), taskid, person, request.form.get("answer", ""))
            task = get_registration(db, world.now(), taskid)
    except Unusable as refused:
        return say("无法继续", str(refused))
    world.pusher.wake()
    if task is not None and task["status"] >= DONE:
        return say("已确认", "微信会把结果告诉服务商。")
    if task is not None and task["status"] == FACE_FAILED:
        return say("人脸核身失败", "24 小时内可以再打开链接重试。")
    return say("已拒绝", "什么都没有改变。")
