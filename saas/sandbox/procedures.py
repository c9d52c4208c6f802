"""Certification and filing in one go (小程序认证及备案): one status over the certification task and the filing."""

from __future__ import annotations

import secrets
from typing import Any

from saas.sandbox.pushes import push_event
from saas.sandbox.state import Db, Row, insert, one, update

PAY, PAID, CERTIFYING, SENT_BACK, CERTIFIED, CERTIFICATION_FAILED = 15, 16, 17, 18, 19, 20
NOT_CREATED, PLATFORM, PLATFORM_REJECTED, AUTHORITY, AUTHORITY_REJECTED, DONE = 21, 22, 23, 24, 25, 26
RESUBMITTED = (SENT_BACK, NOT_CREATED, PLATFORM_REJECTED, AUTHORITY_REJECTED)
_SILENT = (PAY, AUTHORITY)


def create_procedure(db: Db, component: str, account: str, certification: str, application: str) -> str:
    """Answers its id."""
    procedure_id = secrets.token_hex(16)
    insert(
        db,
        "auth_and_icp",
        procedure_id=procedure_id,
        component=component,
        account=account,
        certification=certification,
        application=application,
        status=PAY,
    )
    return procedure_id


def get_procedure(db: Db, procedure_id: str) -> Row | None:
    return one(db, "select * from auth_and_icp where procedure_id = ?", procedure_id)


def get_procedure_of_certification(db: Db, taskid: str) -> Row | None:
    return one(db, "select * from auth_and_icp where certification = ?", taskid)


def get_running_procedure(db: Db, account: str) -> Row | None:
    """The procedure that keeps a mini program from certifying or filing on its own."""
    return one(db, "select * from auth_and_icp where account = ? and not ended", account)


def move_procedure(db: Db, now: float, procedure_id: str | None, status: int, **values: Any) -> None:
    """Go to another status; the platform is told, except when payment or the authority is waited for."""
    procedure = get_procedure(db, procedure_id or "")
    if procedure is None:
        return
    ended = int(status in (CERTIFICATION_FAILED, DONE))
    update(db, "auth_and_icp", procedure, status=status, ended=ended, **values)
    if status not in _SILENT:
        fields = {"procedure_id": procedure["procedure_id"], "procedure_status": status, "appid": procedure["account"]}
        push_event(db, procedure["component"], "notify_3rd_wxa_auth_and_icp", fields, now)


def end_procedure(db: Db, procedure_id: str | None) -> None:
    """The filing was withdrawn: what remains is the certification."""
    db.execute("update auth_and_icp set status = ?, ended = 1 where procedure_id = ?", (CERTIFIED, procedure_id))
