"""Face checks for a filing (人脸核身): what the administrator does on the phone, and how long it counts."""

from __future__ import annotations

import secrets

from saas.sandbox.components import Unusable
from saas.sandbox.pushes import push_event
from saas.sandbox.state import Db, Row, insert, one, rows, update

DAY = 86400
USABLE_SECONDS, USABLE_WITH_AUTH_SECONDS = 3 * DAY, DAY
NOT_STARTED, WAITING, FAILED, PASSED = 0, 1, 2, 3
AGREED, CONFIRMED = 3, 9
STEP_WORDS = {
    "agree": "同意认证授权",
    "face": "人脸核身通过",
    "face_fail": "人脸核身失败",
    "confirm": "短信验证码正确，确认认证",
    "refuse": "拒绝",
}


def create_verify_task(
    db: Db, now: float, component: str, account: str, *, along_with_auth: bool, confirmed: bool
) -> str:
    """Ask the administrator for the face; answers the task's id.

    `along_with_auth` also asks to agree to the certification, unless that is `confirmed` already.
    """
    task_id = secrets.token_hex(16)
    insert(
        db,
        "verify_task",
        task_id=task_id,
        component=component,
        account=account,
        along_with_auth=int(along_with_auth),
        auth_result=CONFIRMED if along_with_auth and confirmed else 0,
        face_status=NOT_STARTED if along_with_auth and not confirmed else WAITING,
        created_at=now,
    )
    return task_id


def get_verify_task(db: Db, now: float, task_id: str) -> Row | None:
    """One task as it stands now; a day after the notice it has failed."""
    task = one(db, "select * from verify_task where task_id = ?", task_id)
    if task is not None and not task["finished"] and now >= task["created_at"] + DAY:
        return _finish(db, now, task, face_status=FAILED)
    return task


def list_open_verify_tasks(db: Db, now: float, person: int) -> list[Row]:
    """What waits on an administrator's phone, newest first."""
    found = rows(
        db,
        "select verify_task.*, account.nick_name from verify_task join account on account.appid = verify_task.account "
        "where account.person = ? and not finished order by verify_task.rowid desc",
        person,
    )
    return [task for task in found if now < task["created_at"] + DAY]


def list_steps(task: Row) -> list[str]:
    """What the administrator can do now."""
    if task["finished"]:
        return []
    if task["face_status"] == PASSED:
        return ["confirm", "refuse"]
    if task["face_status"] == NOT_STARTED:
        return ["agree", "refuse"]
    return ["face", "face_fail", "refuse"]


def take_step(db: Db, now: float, task_id: str, step: str) -> None:
    """One step of the administrator. A failed check may be tried again; the end is pushed."""
    task = get_verify_task(db, now, task_id)
    if task is None or step not in list_steps(task):
        raise Unusable("这一步现在不能做")
    if step == "agree":
        update(db, "verify_task", task, auth_result=AGREED, face_status=WAITING)
    elif step == "face_fail":
        update(db, "verify_task", task, face_status=FAILED)
    elif step == "refuse":
        _finish(db, now, task, face_status=FAILED)
    elif step == "face" and task["auth_result"] == AGREED:
        update(db, "verify_task", task, face_status=PASSED)
    elif task["along_with_auth"]:
        _finish(db, now, task, face_status=PASSED, auth_result=CONFIRMED)
    else:
        _finish(db, now, task, face_status=PASSED)


def pass_all_steps(db: Db, now: float, task_id: str) -> None:
    """The administrator does all that is asked, at once."""
    task = get_verify_task(db, now, task_id)
    if task is None or task["finished"]:
        raise Unusable("这一步现在不能做")
    while task is not None and not task["finished"]:
        take_step(db, now, task_id, list_steps(task)[0])
        task = get_verify_task(db, now, task_id)


def is_usable(db: Db, now: float, account: str, task_id: str, *, along_with_auth: bool) -> bool:
    """Whether an application of this mini program can name the task: passed, of its kind, and fresh."""
    task = one(db, "select * from verify_task where task_id = ? and account = ?", task_id, account)
    if task is None or not task["finished"] or task["face_status"] != PASSED:
        return False
    seconds = USABLE_WITH_AUTH_SECONDS if along_with_auth else USABLE_SECONDS
    return bool(task["along_with_auth"]) == along_with_auth and now < task["created_at"] + seconds


def _finish(db: Db, now: float, task: Row, **values: int) -> Row:
    task = update(db, "verify_task", task, finished=1, **values)
    fields = {"task_id": task["task_id"], "verify_appid": task["account"], "result": task["face_status"]}
    if task["along_with_auth"]:
        fields["along_with_auth_result"] = task["auth_result"]
    push_event(db, task["component"], "notify_icpfiling_verify_result", fields, now)
    return task
