"""A certification on the administrator's phone and on the review agency's desk."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from saas.sandbox import certifications
from saas.sandbox.components import Unusable
from saas.sandbox.pages.handset import say
from saas.sandbox.people import get_account
from saas.sandbox.world import here

pages = Blueprint("certification", __name__)


@pages.get("/phone/certification")
def phone() -> ResponseReturnValue:
    world = here()
    with world.state.turn() as db:
        task = certifications.get_certification(db, world.now(), request.args.get("taskid", ""))
        account = get_account(db, task["account"]) if task else None
    if task is None or account is None:
        return say("无法认证", "这个认证链接无效。")
    if request.cookies.get("holder") != str(account["person"]):
        return say("无法认证", "你不是该小程序的管理员，请由管理员打开。")
    steps = certifications.list_steps(task)
    words = certifications.STEP_WORDS
    return render_template("phone_certification.html", task=task, account=account, steps=steps, words=words)


@pages.post("/phone/certification")
def take_step() -> ResponseReturnValue:
    world = here()
    taskid = request.form.get("taskid", "")
    try:
        with world.state.turn() as db:
            task = certifications.get_certification(db, world.now(), taskid)
            account = get_account(db, task["account"]) if task else None
            if account is None or request.cookies.get("holder") != str(account["person"]):
                raise Unusable("你不是该小程序的管理员")
            certifications.take_step(db, world.now(), taskid, request.form.get("step", ""))
    except Unusable as refused:
        return say("无法认证", str(refused))
    world.pusher.wake()
    return redirect(url_for("certification.phone", taskid=taskid), 303)


@pages.get("/desk/certifications")
def desk() -> ResponseReturnValue:
    world = here()
    with world.state.turn() as db:
        tasks = certifications.list_certifications(db, world.now())
    return render_template("certifications.html", tasks=tasks, said=request.args.get("said", ""))


@pages.post("/desk/certifications/<taskid>")
def judge(taskid: str) -> ResponseReturnValue:
    world = here()
    said = "已处理"
    try:
        with world.state.turn() as db:
            verdict, reason = request.form.get("verdict", ""), request.form.get("reason", "")
            certifications.decide(db, world.now(), taskid, verdict, reason)
    except Unusable as refused:
        said = str(refused)
    world.pusher.wake()
    return redirect(url_for("certification.desk", said=said), 303)
