"""What a person confirms on the phone within a day: quick registrations, trials, conversions, a lent subject."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from saas.sandbox.authorizations import authorize
from saas.sandbox.components import Unusable, get_component
from saas.sandbox.people import PERSONAL, add_account, get_account
from saas.sandbox.pushes import push_event, push_message
from saas.sandbox.state import Db, Row, insert, one, to_json
from saas.sandbox.trials import add_trial, convert_trial

TASK_SECONDS = 24 * 3600
CREATED, EXPIRED, DECLINED, FACE_FAILED, DONE, CONVERTED = 0, 1, 2, 5, 12, 13
_OPEN = (CREATED, FACE_FAILED)
_LATE = {CREATED: (100003, "法人未确认且已超时"), FACE_FAILED: (100002, "超时未进行人脸识别")}
_TYPES = {"enterprise": 6, "personal": PERSONAL, "trading": 17}
_INFO = ("name", "code", "wxuser", "idname", "component_phone")


@dataclass(frozen=True)
class Kind:
    """What the phone shows, and what follows. `late` gets an errcode with its words."""

    title: str
    has_face_check: bool
    agreed: Callable[[Db, float, Row, str], int]
    refused: Callable[[Db, float, Row], None] | None = None
    late: Callable[[Db, float, Row, int, str], None] | None = None


def add_registration(
    db: Db,
    now: float,
    component: str,
    kind: str,
    given: Mapping[str, Any],
    *,
    account: str = "",
    person: int | None = None,
) -> str:
    """Start a task; answers its id. Only `person` may answer, if one is named."""
    taskid = secrets.token_hex(16)
    values = {"component": component, "kind": kind, "given": to_json(given), "account": account, "person": person}
    insert(db, "registration", taskid=taskid, created_at=now, **values)
    return taskid


def get_registration(db: Db, now: float, taskid: str) -> Row | None:
    """One task as it stands now; of most kinds WeChat tells the platform when a day has passed."""
    task = one(db, "select * from registration where taskid = ?", taskid)
    if task is not None and is_open(task) and now >= task["created_at"] + TASK_SECONDS:
        _set_status(db, task, EXPIRED)
        if late := KINDS[task["kind"]].late:
            late(db, now, task, *_LATE[task["status"]])
        return one(db, "select * from registration where taskid = ?", taskid)
    return task


def is_open(task: Row) -> bool:
    return task["status"] in _OPEN


def is_busy(db: Db, now: float, account: str, code: str = "") -> bool:
    """Whether a conversion of this mini program, or one to the subject of this code, still waits for its person."""
    found = db.execute(
        "select taskid from registration where kind in ('conversion', 'upgrade', 'takeover') and status in (?, ?) "
        "and (account = ? or json_extract(given, '$.code') = ?)",
        (*_OPEN, account, code),
    ).fetchall()
    tasks = [get_registration(db, now, row["taskid"]) for row in found]
    return any(task is not None and is_open(task) for task in tasks)


def answer_registration(db: Db, now: float, taskid: str, person: Row, answer: str) -> None:
    """`agree` (face and phone included), `face_fail` (may be tried again until the day is over), or refuse."""
    task = get_registration(db, now, taskid)
    if task is None or not is_open(task):
        raise Unusable("这个链接已经失效")
    if task["person"] not in (None, person["id"]):
        raise Unusable("你不是管理员，请由管理员打开")
    kind = KINDS[task["kind"]]
    if answer == "agree":
        _set_status(db, task, kind.agreed(db, now, task, person["name"]))
    elif answer == "face_fail" and kind.has_face_check:
        _set_status(db, task, FACE_FAILED)
    else:
        _set_status(db, task, DECLINED)
        if kind.refused:
            kind.refused(db, now, task)


def take_ticket(db: Db, now: float, ticket: str, account: str, official: str) -> bool:
    """Use up the ticket of a lent subject."""
    return bool(
        db.execute(
            "update registration set ticket = '' where ticket = ? and account = ? and created_at > ? "
            "and json_extract(given, '$.mp_appid') = ?",
            (ticket or "-", account, now - TASK_SECONDS, official),
        ).rowcount
    )


def _register(db: Db, now: float, task: Row, person: str) -> int:
    given = json.loads(task["given"])
    name = given.get("name", person)
    appid = add_account(
        db, person, nick_name=name, principal_name=name, signature="", register_type=_TYPES[task["kind"]]
    )
    sets = json.loads(get_component(db, task["component"])["permission_sets"])
    code = authorize(db, now, task["component"], appid, sets, push=False)
    _tell_registered(db, now, task, {"appid": appid, "status": 0, "auth_code": code, "msg": "OK"})
    return DONE


def _register_late(db: Db, now: float, task: Row, status: int, msg: str) -> None:
    _tell_registered(db, now, task, {"status": status, "msg": msg})


def _tell_registered(db: Db, now: float, task: Row, fields: dict[str, Any]) -> None:
    info = {name: value for name, value in json.loads(task["given"]).items() if name in _INFO}
    push_event(db, task["component"], "notify_third_fasteregister", {**fields, "info": info}, now)


def _start_trial(db: Db, now: float, task: Row, person: str) -> int:
    """The code comes by the authorized event; this event has the id of the request."""
    given = json.loads(task["given"])
    appid = add_trial(db, now, person, given["openid"], given["name"])
    sets = json.loads(get_component(db, task["component"])["permission_sets"])
    authorize(db, now, task["component"], appid, sets)
    info = {"unique_id": task["taskid"], "name": given["name"]}
    fields = {"appid": appid, "status": 0, "msg": "OK", "info": info}
    push_event(db, task["component"], "notify_third_fastregisterbetaapp", fields, now)
    return DONE


def _convert(db: Db, now: float, task: Row, person: str) -> int:
    """To a company's, or without a company to the person's own."""
    given = json.loads(task["given"])
    convert_trial(db, task["account"], given.get("name", person), given.get("code", ""))
    _tell_converted(db, now, task, 0, "OK")
    return CONVERTED


def _tell_converted(db: Db, now: float, task: Row, status: int, msg: str) -> None:
    fields = {"appid": task["account"], "status": status, "msg": msg, "info": json.loads(task["given"])}
    push_event(db, task["component"], "notify_third_fastverifybetaapp", fields, now)


def _lend(db: Db, now: float, task: Row, _person: str) -> int:
    ticket = f"tk_{secrets.token_hex(16)}"
    db.execute("update registration set ticket = ? where taskid = ?", (ticket, task["taskid"]))
    _tell_trial(db, now, task, "betaapp_authorization_apply_event", {"status": 0, "msg": "ok"}, {"ticket": ticket})
    return DONE


def _refuse_to_lend(db: Db, now: float, task: Row) -> None:
    _tell_trial(db, now, task, "betaapp_authorization_apply_event", {"status": 1, "msg": "refused"})


def _take_over(db: Db, now: float, task: Row, _person: str) -> int:
    official = get_account(db, json.loads(task["given"])["mp_appid"])
    if official is None:
        raise Unusable("这个公众号已经不在")
    convert_trial(db, task["account"], official["principal_name"], official["credential"])
    for event in ("betaapp_verify_apply_event", "betaapp_verify_event"):
        _tell_trial(db, now, task, event, {"status": 0, "msg": "ok"})
    return CONVERTED


def _refuse_to_take_over(db: Db, now: float, task: Row) -> None:
    _tell_trial(db, now, task, "betaapp_verify_apply_event", {"status": 1, "msg": "refused"})


def _tell_trial(db: Db, now: float, task: Row, event: str, outcome: dict[str, Any], more: Any = None) -> None:
    account = get_account(db, task["account"])
    if account is not None:
        parties = {"appid": task["account"], "mp_appid": json.loads(task["given"])["mp_appid"]}
        notice = {**parties, **outcome, "operation_time": str(int(now)), **(more or {})}
        push_message(db, task["component"], account, event, {"ApplyAuthorizationInfoNoitfy": notice}, now)


def _set_status(db: Db, task: Row, status: int) -> None:
    db.execute("update registration set status = ? where taskid = ?", (status, task["taskid"]))


KINDS = {
    "enterprise": Kind("注册小程序", True, _register, late=_register_late),
    "personal": Kind("注册小程序", True, _register, late=_register_late),
    "trading": Kind("注册个人升级版小程序", True, _register, late=_register_late),
    "trial": Kind("创建试用小程序", False, _start_trial),
    "conversion": Kind("试用小程序转正", True, _convert, late=_tell_converted),
    "upgrade": Kind("转正为个人升级版小程序", True, _convert, late=_tell_converted),
    "loan": Kind("用公众号主体认证试用小程序", False, _lend, refused=_refuse_to_lend),
    "takeover": Kind("试用小程序转正", False, _take_over, refused=_refuse_to_take_over),
}
