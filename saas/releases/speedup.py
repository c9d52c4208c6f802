"""Fast review of an open audit (加急审核): a few a month for the whole component app, an answer within hours.

https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/code-management/api_speedupcodeaudit
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from saas import clock
from saas.batches.models import BatchItem
from saas.batches.starting import Subject, start_one
from saas.batches.steps import Skipped, step
from saas.components.access import load_component
from saas.components.budgets import Budget, left
from saas.components.models import ComponentApp
from saas.db import settle
from saas.errors import N_, Conflict
from saas.programs.access import load_program
from saas.programs.changing import client_of
from saas.programs.models import Program
from saas.releases.audits import is_open, running_audit
from saas.releases.code_state import refuse_unless_workable
from saas.releases.models import Audit
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require
from saas.wx.errors import AuditNotOpen

SPEED_UP = "saas.releases.speedup.speed_up"
_ALREADY = 89404
_OVER = N_("没有正在审核的版本，不能加急")


def speedups_left(db: Session, component: ComponentApp) -> Budget:
    """What is left this month; the amount is known once WeChat has told it."""
    return left(db, component, "speedup_audit_month")


def start_speedup(db: Session, program: Program, audit: Audit, *, who: Who) -> BatchItem:
    """Begin to ask for a fast review."""
    require(who, Verb.WORK)
    refuse_unless_workable(program)
    if not is_open(audit):
        raise Conflict(_OVER)
    if audit.sped_up_at is not None:
        raise Conflict(N_("这次审核已经加急过了"))
    if speedups_left(db, load_component(db, program.component_id)).left == 0:
        raise Conflict(N_("本月的加急次数已用完"))
    item = start_one(db, SPEED_UP, Subject(program.id, program.name), who=who)
    activity.record(db, who, "program.audit.speed_up", program, detail={"auditid": audit.auditid})
    return item


@step(label=N_("加急审核"))
def speed_up(db: Session, item: BatchItem) -> dict[str, str]:
    """For the audit that is open now. Asked for twice, it was asked for: WeChat counts once."""
    program = load_program(db, item.subject_id)
    audit = running_audit(db, program)
    if audit is None or not audit.auditid:
        raise Skipped(_OVER)
    client = client_of(db, program)
    settle(db)
    try:
        client.code.speedupaudit(program.appid, auditid=audit.auditid)
    except AuditNotOpen as error:
        if error.code != _ALREADY:
            raise
    db.refresh(audit, with_for_update=True)
    audit.sped_up_at = audit.sped_up_at or clock.now()
    return {"auditid": audit.auditid}
