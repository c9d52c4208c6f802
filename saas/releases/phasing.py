"""Phased release (灰度发布): an approved version goes to a growing share of users before it is released to all.

WeChat takes only a larger share than before. Until the release, users outside of it keep the online version.
https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/code-management/api_grayrelease
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from saas.batches.models import BatchItem
from saas.batches.starting import Subject, start_one
from saas.batches.steps import Skipped, step
from saas.db import settle
from saas.errors import N_, AppError, Conflict, Invalid
from saas.programs.access import load_program
from saas.programs.changing import client_of
from saas.programs.models import Program
from saas.releases.audits import newest_audit
from saas.releases.code_state import find_state, lock_state, note_plan, refuse_if_busy, refuse_unless_workable, runs
from saas.releases.models import Audit, AuditStatus
from saas.releases.releasing import is_released
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require
from saas.wx.client import WxClient

PHASE = "saas.releases.phasing.phase"
CANCEL = "saas.releases.phasing.cancel"
STEPS = (PHASE, CANCEL)


def phasable(db: Session, program: Program) -> Audit:
    """The approved version that a phased release would spread; raises Conflict with the reason when there is none."""
    refuse_unless_workable(program)
    refuse_if_busy(db, program)
    state, audit = find_state(db, program), newest_audit(db, program)
    if state is None or not state.online_version:
        raise Conflict(N_("小程序还没有线上版本，第一次上线只能全量发布"))
    if audit is None or audit.status != AuditStatus.APPROVED or is_released(db, audit):
        raise Conflict(N_("没有审核通过、等待发布的版本，不能灰度发布"))
    return audit


def read_share(percent: int | None, *, developers: bool, testers: bool, before: int | None = None) -> dict[str, Any]:
    """The settings of a phased release as WeChat takes them; raises Invalid at `percent`."""
    if percent is None or not 0 <= percent <= 100:
        raise Invalid(N_("请填写 0 到 100 的整数"), field="percent")
    if percent == 0 and not (developers or testers):
        raise Invalid(N_("比例为 0 时，至少要选一类先收到的成员"), field="percent")
    if before is not None and percent <= before:
        raise Invalid(N_("只能比现在的 %(before)d%% 大；要缩小，请先取消灰度"), field="percent", before=before)
    return {"percent": percent, "developers": developers, "testers": testers}


def start_phase(
    db: Session, program: Program, *, who: Who, percent: int | None, developers: bool, testers: bool
) -> BatchItem:
    """Begin a phased release, or widen the one that runs."""
    require(who, Verb.WORK)
    audit, state = phasable(db, program), find_state(db, program)
    before = state.phased_percent if state else None
    share = read_share(percent, developers=developers, testers=testers, before=before)
    item = start_one(db, PHASE, Subject(program.id, program.name), who=who, params=share)
    activity.record(db, who, "program.phase", program, detail={"version": audit.user_version, "percent": percent})
    return item


def start_cancel(db: Session, program: Program, *, who: Who) -> BatchItem:
    """Begin to take a phased release back."""
    require(who, Verb.WORK)
    refuse_unless_workable(program)
    item = start_one(db, CANCEL, Subject(program.id, program.name), who=who)
    activity.record(db, who, "program.phase.cancel", program)
    return item


@step(label=N_("灰度发布"))
def phase(db: Session, item: BatchItem) -> dict[str, Any]:
    """Needs what `read_share` answers; with `audit` only that one's code. The same share once more changes nothing."""
    program, share = load_program(db, item.subject_id), item.input
    audit = phasable(db, program)
    if str(audit.id) != share.get("audit", str(audit.id)):
        raise Conflict(N_("之后又提交过审核，微信只发布最近一次审核通过的版本"))
    client, version = client_of(db, program), audit.user_version
    plan = _plan(db, program, client)
    present = plan.get("gray_percentage") if runs(plan) else None
    if present != share["percent"] or item.attempt == 1:
        _refuse_smaller(present, share["percent"])
        client.release.grayrelease(
            program.appid, gray_percentage=share["percent"], support_debuger_first=share["developers"],
            support_experiencer_first=share["testers"],
        )  # fmt: skip
        plan = _plan(db, program, client)
    _keep(db, program, plan)
    return {"version": version, "percent": share["percent"]}


@step(label=N_("取消灰度发布"))
def cancel(db: Session, item: BatchItem) -> None:
    program = load_program(db, item.subject_id)
    client = client_of(db, program)
    plan = _plan(db, program, client)
    running = runs(plan)
    if running:
        client.release.revertgrayrelease(program.appid)
        plan = _plan(db, program, client)
    _keep(db, program, plan)
    if not running and item.attempt == 1:
        raise Skipped(N_("没有正在进行的灰度发布"))
    if runs(plan):
        settle(db)
        raise Conflict(N_("微信没有取消灰度发布，请稍后再试"))


def obstacle_to_phase(db: Session, program: Program) -> str:
    """Why a phased release cannot begin or be widened now, as a msgid; "" when it can."""
    try:
        phasable(db, program)
    except AppError as error:
        return error.message
    return ""


def _refuse_smaller(present: int | None, wanted: int) -> None:
    if present is not None and wanted <= present:
        raise Conflict(N_("微信那边已经是 %(present)d%%，只能加大"), present=present)


def _plan(db: Session, program: Program, client: WxClient) -> Mapping[str, Any]:
    settle(db)
    return client.release.getgrayreleaseplan(program.appid).get("gray_release_plan") or {}


def _keep(db: Session, program: Program, plan: Mapping[str, Any]) -> None:
    note_plan(lock_state(db, program.id, program.provider_id), plan)
