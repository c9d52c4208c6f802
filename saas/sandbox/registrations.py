"""Quick registrations: the platform asks, a person agrees on the phone, and a new mini program is authorized."""

from __future__ import annotations

import json
from typing import Any

from saas.sandbox.authorizations import authorize
from saas.sandbox.components import Unusable, get_component
from saas.sandbox.people import add_account
from saas.sandbox.pushes import push_event
from saas.sandbox.state import Db, Row, one

TASK_SECONDS = 24 * 3600
CREATED, EXPIRED, DECLINED, DONE = 0, 1, 2, 12
_TYPES = {"enterprise": 6, "personal": 16}


def get_registration(db: Db, now: float, taskid: str) -> Row | None:
    """One task as it stands now; WeChat tells the platform (100003) when a day has passed."""
    task = one(db, "select * from registration where taskid = ?", taskid)
    if task is not None and task["status"] == CREATED and now >= task["created_at"] + TASK_SECONDS:
        _end(db, now, task, EXPIRED, {"status": 100003, "msg": "法人未确认且已超时"})
        return one(db, "select * from registration where taskid = ?", taskid)
    return task


def answer_registration(db: Db, now: float, taskid: str, person: str, *, agree: bool) -> None:
    """The person agrees (face and phone included), and the mini program exists; or refuses, which is not pushed."""
    task = get_registration(db, now, taskid)
    if task is None or task["status"] != CREATED:
        raise Unusable("这个注册链接已经失效")
    if not agree:
        db.execute("update registration set status = ? where taskid = ?", (DECLINED, taskid))
        return
    given = json.loads(task["given"])
    name = given.get("name", person)
    appid = add_account(
        db, person, nick_name=name, principal_name=name, signature="", register_type=_TYPES[task["kind"]]
    )
    sets = json.loads(get_component(db, task["component"])["permission_sets"])
    code = authorize(db, now, task["component"], appid, sets, push=False)
    _end(db, now, task, DONE, {"appid": appid, "status": 0, "auth_code": code, "msg": "OK"})


def _end(db: Db, now: float, task: Row, status: int, fields: dict[str, Any]) -> None:
    db.execute("update registration set status = ? where taskid = ?", (status, task["taskid"]))
    push_event(db, task["component"], "notify_third_fasteregister", {**fields, "info": json.loads(task["given"])}, now)
