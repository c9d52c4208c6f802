"""Withdrawing an audit: 5 times a day, 10 a month per mini program; the submission that it used is not given back.

No event follows, and WeChat needs a moment: the state is read until it says so.
https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/code-management/api_undoaudit
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.orm import Session

from saas import clock
from saas.components.access import load_component
from saas.components.budgets import Budget, left_in_bulk
from saas.components.wechat import wechat
from saas.db import settle
from saas.errors import N_, AppError, Conflict
from saas.failures import GAVE_UP, WENT_WRONG, explain_failure, raise_if_passing
from saas.programs.access import load_program
from saas.programs.models import Program
from saas.queue import Lane, Later, enqueue
from saas.releases.audits import is_open, read_audit
from saas.releases.code_state import refuse_unless_workable
from saas.releases.models import Audit
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require, system
from saas.wx.errors import AuditNotOpen, CallFailed

RUN = "jobs.releases.undo_audit"
_SETTLES_WITHIN = timedelta(minutes=2)
_LONGEST = timedelta(minutes=20)


@dataclass(frozen=True)
class Chances:
    """How many withdrawals a mini program has left; `left` is None where none are refused here."""

    day: Budget
    month: Budget

    @property
    def left(self) -> int | None:
        return min((one.left for one in (self.day, self.month) if one.holds and one.left is not None), default=None)


def undo_chances(db: Session, program: Program) -> Chances:
    """How many withdrawals this mini program has left, by our own count; one query."""
    budgets = left_in_bulk(db, [program], ["undo_audit_day", "undo_audit_month"])
    return Chances(budgets[program.id, "undo_audit_day"], budgets[program.id, "undo_audit_month"])


def is_undoing(audit: Audit) -> bool:
    """Whether a withdrawal is under way."""
    return is_open(audit) and audit.undo_requested_at is not None and not audit.undo_error


def undo_audit(db: Session, program: Program, audit: Audit, *, who: Who, lane: Lane = Lane.URGENT) -> None:
    """Begin a withdrawal; a second request while one runs changes nothing."""
    require(who, Verb.WORK)
    refuse_unless_workable(program)
    db.refresh(audit, with_for_update=True)
    if not is_open(audit):
        raise Conflict(N_("这次审核已经结束，不能撤回"))
    if is_undoing(audit):
        return
    if undo_chances(db, program).left == 0:
        raise Conflict(N_("撤回次数已用完，请等次数恢复"))
    audit.undo_requested_at, audit.undo_sent_at = clock.now(), None
    audit.undo_errcode, audit.undo_rid, audit.undo_error = None, "", ""
    enqueue(db, RUN, audit.id, lane=lane)
    detail = {"auditid": audit.auditid, "version": audit.user_version}
    activity.record(db, who, "program.audit.undo", program, detail=detail)


def run_undo(db: Session, audit: Audit) -> None:
    """Withdraw, and look until WeChat says so. The state is read before every call, since each accepted one counts."""
    if not is_undoing(audit):
        return
    program = load_program(db, audit.program_id)
    component = load_component(db, program.component_id)
    try:
        read_audit(db, audit)
        if not is_open(audit):
            return  # withdrawn, or the reviewers were faster
        sent = audit.undo_sent_at
        if sent is None or clock.now() - sent > _SETTLES_WITHIN:
            requested = audit.undo_requested_at or audit.created_at
            if sent is not None and clock.now() - requested > _LONGEST:
                fail_undo(db, audit, Conflict(N_("微信没有完成撤回，可以再试一次")))
                return
            audit.undo_sent_at = clock.now()
            settle(db)
            try:
                wechat(component).code.undocodeaudit(program.appid)
            except AuditNotOpen as error:
                raise Later(timedelta(seconds=5), counts=True, why=str(error)) from error
            read_audit(db, audit)
            if not is_open(audit):
                return
    except CallFailed as error:
        raise_if_passing(error)
        fail_undo(db, audit, error)
        return
    raise Later(timedelta(seconds=5), why="WeChat has not finished the withdrawal")


def fail_undo(db: Session, audit: Audit, error: BaseException) -> None:
    """The withdrawal did not work; the audit goes on."""
    db.refresh(audit, with_for_update=True)
    if not is_open(audit):
        return
    if isinstance(error, CallFailed):
        failure = explain_failure(error)
        audit.undo_errcode, audit.undo_rid = failure.errcode, failure.rid
        audit.undo_error = failure.error if failure.errcode is not None else GAVE_UP
    else:
        audit.undo_error = error.message if isinstance(error, AppError) else WENT_WRONG
    program = load_program(db, audit.program_id)
    detail = {"auditid": audit.auditid, "errcode": audit.undo_errcode, "rid": audit.undo_rid}
    activity.record(db, system(audit.provider_id), "program.audit.undo", program, outcome="failed", detail=detail)
