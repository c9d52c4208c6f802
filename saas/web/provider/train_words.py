"""Release trains in words: states and steps with their colours, why one stopped, and what the quota allows."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from flask import g
from flask_babel import gettext as _
from markupsafe import Markup

from saas.errors import N_
from saas.trains.causes import Cause
from saas.trains.models import (
    Holds,
    OpensAfter,
    ProgramState,
    StepStatus,
    StopReason,
    Train,
    TrainProgram,
    TrainStatus,
    TrainStep,
    TrainStepName,
    TrainWave,
    WaveStatus,
)
from saas.trains.progress import WaveStanding
from saas.trains.quota import Forecast
from saas.web.badges import badge
from saas.web.pages import explain

TRAINS = {
    TrainStatus.DRAFT: (N_("草稿"), "secondary"),
    TrainStatus.RUNNING: (N_("进行中"), "info"),
    TrainStatus.PAUSED: (N_("已暂停"), "warning"),
    TrainStatus.STOPPED: (N_("自动停下"), "danger"),
    TrainStatus.DONE: (N_("已结束"), "success"),
    TrainStatus.CANCELLED: (N_("已取消"), "secondary"),
}
WAVES = {
    WaveStatus.WAITING: (N_("等前一批"), "secondary"),
    WaveStatus.OPEN: (N_("进行中"), "info"),
    WaveStatus.DONE: (N_("已结束"), "success"),
}
STATES = {
    ProgramState.FAILED: (N_("失败"), "danger"),
    ProgramState.RUNNING: (N_("进行中"), "info"),
    ProgramState.READY: (N_("等下一步"), "info"),
    ProgramState.WAITING: (N_("等前一批"), "secondary"),
    ProgramState.PLANNED: (N_("待开始"), "secondary"),
    ProgramState.DONE: (N_("已发布"), "success"),
    ProgramState.UNDONE: (N_("已撤回审核"), "secondary"),
    ProgramState.ROLLED_BACK: (N_("已回退"), "warning"),
    ProgramState.SKIPPED: (N_("已跳过"), "secondary"),
    ProgramState.CANCELLED: (N_("已取消"), "secondary"),
    ProgramState.EXCLUDED: (N_("没有纳入"), "warning"),
}
STEPS = {
    TrainStepName.UPLOAD: N_("上传代码与隐私检测"),
    TrainStepName.CHECK: N_("提交前检查"),
    TrainStepName.SUBMIT: N_("提交审核"),
    TrainStepName.AUDIT: N_("微信审核"),
    TrainStepName.PHASE: N_("灰度发布"),
    TrainStepName.RELEASE: N_("发布"),
    TrainStepName.UNDO: N_("撤回审核"),
    TrainStepName.ROLL_BACK: N_("版本回退"),
}
STEP_STATES = {
    StepStatus.RUNNING: (N_("进行中"), "info"),
    StepStatus.HELD: (N_("等额度"), "warning"),
    StepStatus.DONE: (N_("已完成"), "success"),
    StepStatus.FAILED: (N_("失败"), "danger"),
    StepStatus.CANCELLED: (N_("没有进行"), "secondary"),
}
HOLDS = {
    Holds.NEVER: N_("不用，自动开始下一批"),
    Holds.CANARY: N_("试点批之后等我放行"),
    Holds.EVERY: N_("每一批之后都等我放行"),
}
GOALS = {
    OpensAfter.SUBMITTED: N_("全部提交审核后"),
    OpensAfter.APPROVED: N_("审核都有结果后"),
    OpensAfter.RELEASED: N_("全部发布后"),
}


def train_badge(train: Train) -> Markup:
    if train.starts_at is not None:
        return _badge(N_("已定时"), "info")
    return _badge(*TRAINS[TrainStatus(train.status)])


def wave_badge(wave: TrainWave) -> Markup:
    return _badge(*WAVES[WaveStatus(wave.status)])


def place_badge(place: TrainProgram) -> Markup:
    return _badge(*STATES[ProgramState(place.state)])


def step_badge(step: TrainStep) -> Markup:
    return _badge(*STEP_STATES[StepStatus(step.status)])


def wave_name(wave: TrainWave) -> str:
    return str(_("试点批") if wave.is_canary else _("第 %(number)d 批", number=wave.number))


def step_name(step: str) -> str:
    return str(_(STEPS[TrainStepName(step)]))


def step_text(step: TrainStep) -> str:
    """Why a step failed or waits, in the reader's language."""
    if step.errcode is not None:
        return str(explain(step.errcode, step.operation or None)["cause"])
    return str(_(step.error)) if step.error else ""


def cause_text(cause: Cause) -> str:
    """Why a group failed, in the reader's language."""
    if cause.errcode is not None:
        return str(explain(cause.errcode, cause.operation or None)["cause"])
    return str(_(cause.error)) if cause.error else ""


def stopped_because(train: Train) -> str:
    """Why it stopped by itself."""
    detail = train.why_detail
    cause = ""
    if train.why in (StopReason.EVERYBODY, StopReason.SAME_CAUSE, StopReason.COMPONENT, StopReason.NOBODY):
        code, own = detail.get("errcode"), detail["error"]
        cause = explain(code, detail["operation"] or None)["cause"] if code is not None else _(own)
    texts = {
        StopReason.REJECTS: lambda: _(
            "%(decided)d 个审核结果中有 %(count)d 个被驳回，达到了您设的上限。", **_of(detail, "count", "decided")
        ),
        StopReason.EVERYBODY: lambda: _("这个错误会让每个小程序都失败：%(cause)s", cause=cause),
        StopReason.SAME_CAUSE: lambda: _(
            "%(count)d 个小程序因为同一个原因失败：%(cause)s", cause=cause, **_of(detail, "count")
        ),
        StopReason.COMPONENT: lambda: _("第三方平台现在调用不了微信：%(cause)s", cause=cause),
        StopReason.NOBODY: lambda: _("到了计划的时间，但是没有开始：%(cause)s", cause=cause),
        StopReason.STARTER: lambda: _(
            "到了计划的时间，但是没有开始：安排的 %(name)s 已经不是成员，或没有发布的权限。请由别的成员重新安排。",
            name=detail["name"],
        ),
        StopReason.NOTHING_PASSED: lambda: _("这一批没有一个成功，失败 %(count)d 个。", **_of(detail, "count")),
    }
    return str(texts[StopReason(train.why)]()) if train.why else ""


def quota_text(seen: Forecast) -> str:
    """What is needed, what is left, and when it ends."""
    if not seen.needs:
        return ""
    if seen.left is None:
        return str(
            _("还要提交 %(needs)d 个。还没有读到本月的提审额度，读到之前只会逐个提交。", needs=seen.needs)
        )  # fmt: skip
    numbers = {"needs": seen.needs, "left": seen.left, "rest": seen.rest, "reserve": seen.reserve}
    reserved = _("（剩 %(rest)d 次，保留 %(reserve)d 次）", **numbers) if seen.reserve else ""
    head = _("还要提交 %(needs)d 个，本月还能用 %(left)d 次", **numbers) + reserved
    if not seen.short:
        return _ending(_("%(head)s，够用。", head=head), seen)
    if seen.enough_at is None:
        return str(_("%(head)s。保留的次数不少于每月额度，这样提交不完，请减少保留的次数。", head=head))
    parts = {"head": head, "short": seen.short, "day": _day(seen.returns_at), "end": _day(seen.enough_at)}
    if seen.enough_at > seen.returns_at:
        return _ending(_("%(head)s，差 %(short)d 次：%(day)s 额度恢复后继续，%(end)s 起才能全部提交。", **parts), seen)
    return _ending(_("%(head)s，差 %(short)d 次：%(day)s 额度恢复后继续提交。", **parts), seen)


def _ending(text: str, seen: Forecast) -> str:
    """With the day on which the last one will be decided, where anything tells."""
    if seen.ends_at is None:
        return text
    return str(_("%(text)s按近来的审核时间，预计 %(day)s 全部审完。", text=text, day=_day(seen.ends_at)))


def wave_hint(train: Train, one: WaveStanding) -> str:
    """What a wave waits for, if it is anybody's word or the clock."""
    if one.held:
        return str(_("%(count)d 个已审核通过，等您发布。", count=one.held))
    if one.at_gate:
        return str(_("这一批已经可以了，等您放行下一批。"))
    if one.half:
        return str(_("%(count)d 个正在灰度，等您全量发布。", count=one.half))
    ready = one.wave.release_allowed_at is not None and train.window_from is not None
    if ready and one.states.get(ProgramState.READY) and train.status == TrainStatus.RUNNING:
        hours = {"start": train.window_from, "end": train.window_until}
        return str(_("发布只在 %(start)d 点到 %(end)d 点之间开始。", **hours))
    return ""


def _of(detail: dict[str, int], *names: str) -> dict[str, int]:
    return {name: detail[name] for name in names}


def _day(moment: datetime) -> str:
    return moment.astimezone(ZoneInfo(g.time_zone)).strftime("%Y-%m-%d")


def _badge(text: str, tone: str) -> Markup:
    return badge(_(text), tone)
