"""A filing on the phone (face check, text messages) and on the desk of WeChat's reviewer and the authority."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from saas.sandbox import filing_sms, filings, verify_tasks
from saas.sandbox.components import Unusable
from saas.sandbox.filing_checks import list_media
from saas.sandbox.pages.handset import get_holder, say
from saas.sandbox.people import get_account
from saas.sandbox.world import here

pages = Blueprint("filing", __name__)
_PAPERS = {
    "certificate_photo": "主体证件",
    "certificate_photo_front": "证件正面",
    "certificate_photo_back": "证件反面",
    "authorization_letter": "授权书",
    "residence_permit": "居住证明",
    "media": "前置审批文件",
}


@pages.get("/phone/face_check")
def face_check() -> ResponseReturnValue:
    world = here()
    with world.state.turn() as db:
        task = verify_tasks.get_verify_task(db, world.now(), request.args.get("task_id", ""))
        account = get_account(db, task["account"]) if task else None
        person = get_holder(db)
    world.pusher.wake()
    if task is None or account is None:
        return say("无法核身", "这个链接无效。")
    if person is None or account["person"] != person["id"]:
        return say("无法核身", "你不是该小程序的管理员，请由管理员打开。")
    steps = verify_tasks.list_steps(task)
    words = verify_tasks.STEP_WORDS
    return render_template("phone_face_check.html", task=task, account=account, steps=steps, words=words)


@pages.post("/phone/face_check")
def take_step() -> ResponseReturnValue:
    world = here()
    task_id = request.form.get("task_id", "")
    try:
        with world.state.turn() as db:
            task = verify_tasks.get_verify_task(db, world.now(), task_id)
            account = get_account(db, task["account"]) if task else None
            person = get_holder(db)
            if account is None or person is None or account["person"] != person["id"]:
                raise Unusable("你不是该小程序的管理员")
            verify_tasks.take_step(db, world.now(), task_id, request.form.get("step", ""))
    except Unusable as refused:
        return say("无法核身", str(refused))
    world.pusher.wake()
    return redirect(url_for("filing.face_check", task_id=task_id), 303)


@pages.get("/phone/sms")
def list_sms() -> ResponseReturnValue:
    """The administrator's phone gets the messages of all persons in charge."""
    world = here()
    with world.state.turn() as db:
        person = get_holder(db)
        found = filing_sms.list_of_person(db, world.now(), person["id"]) if person else []
    if person is None:
        return redirect(url_for("phone.people"), 303)
    return render_template("phone_sms.html", person=person, messages=found, said=request.args.get("said", ""))


@pages.post("/phone/sms/<int:sms_id>")
def answer_sms(sms_id: int) -> ResponseReturnValue:
    world = here()
    with world.state.turn() as db:
        said = filings.answer_sms(db, world.now(), sms_id, request.form.get("code", "").strip())
    world.pusher.wake()
    return redirect(url_for("filing.list_sms", said=said), 303)


@pages.get("/desk/filings")
def desk() -> ResponseReturnValue:
    world = here()
    with world.state.turn() as db:
        found = filings.list_filings(db, world.now())
    shown = [(filing, filings.stage(filing), _list_papers(json.loads(filing["application"]))) for filing in found]
    said = request.args.get("said", "")
    return render_template("filings.html", filings=shown, verdicts=filings.VERDICTS, said=said)


@pages.post("/desk/filings/<appid>")
def judge(appid: str) -> ResponseReturnValue:
    """Reasons come as three lists of fields: name, what is wrong, what to do."""
    world = here()
    given = zip(*(request.form.getlist(name) for name in ("key_name", "error", "suggest")), strict=False)
    reasons = [dict(zip(("key_name", "error", "suggest"), row, strict=True)) for row in given if row[0] and row[1]]
    said = "已处理"
    try:
        with world.state.turn() as db:
            filings.decide(db, world.now(), appid, request.form.get("verdict", ""), reasons)
    except Unusable as refused:
        said = str(refused)
    world.pusher.wake()
    return redirect(url_for("filing.desk", said=said), 303)


def _list_papers(application: dict[str, Any]) -> list[tuple[str, str]]:
    """Name and media id of each file, once."""
    found: dict[str, str] = {}
    for place, media_id, _ in list_media(application):
        name = place.rstrip(".0123456789").rpartition(".")[2]
        found.setdefault(media_id, _PAPERS.get(name, "其它材料"))
    return [(word, media_id) for media_id, word in found.items()]
