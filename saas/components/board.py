"""The health of a component app, line by line: what people see on the board, what the doctor says, what alarms tell.

`examine` is the one place that judges; it reads the component app's row and the numbers of `saas.components.vitals`,
and asks nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from saas import clock
from saas.components import health
from saas.components.budgets import Budget
from saas.components.health import IP_CODES, SECRET_CODES, TICKET_MISSING, Repair
from saas.components.models import ComponentApp
from saas.components.tickets import LIFETIME
from saas.components.vitals import RECENT, WITHDRAWN, Vitals
from saas.errors import N_
from saas.tenants.alarm_models import AlarmKind

ALARM_AFTER = timedelta(minutes=35)
"""Late tickets are asked for again after 25 minutes; whoever would have to act hears of it when that did not help."""
_MANY_REFUSED = 3
_FEW_CALLS = 20
_SLOW = 60.0
_RESETS = "counter_reset_month"
_USED_UP = frozenset({45009, 45011, 61007})
_MINUTES = {"minutes": int(RECENT.total_seconds() // 60)}


class Tone(StrEnum):
    """GREY: nothing to say yet."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"
    GREY = "grey"


@dataclass(frozen=True)
class Line:
    """One line of the board. `text` is a msgid filled by `params`; `errcode` is explained by the dictionary besides.

    `since` is when that began, or when it was last seen to be well. `alarms` are the kinds of alarm that it means now,
    with their details. `sets` are permission sets with how many mini programs lack them.
    """

    key: str
    title: str
    tone: Tone
    text: str
    params: Mapping[str, Any] = field(default_factory=dict)
    since: datetime | None = None
    repairs: tuple[Repair, ...] = ()
    errcode: int | None = None
    operation: str = ""
    alarms: Mapping[AlarmKind, Mapping[str, Any]] = field(default_factory=dict)
    sets: tuple[tuple[int, int], ...] = ()
    copy: str = ""


@dataclass(frozen=True)
class Patient:
    """What is looked at. `resets` is the budget of counter resets, where it was read."""

    component: ComponentApp
    vitals: Vitals
    resets: Budget | None = None


def examine(patient: Patient) -> list[Line]:
    """Every line, in the order in which things depend on each other."""
    return [judge(patient) for judge in _JUDGES]


def worst(lines: list[Line]) -> Tone:
    """The tone of the whole."""
    tones = {line.tone for line in lines}
    return next((tone for tone in (Tone.RED, Tone.YELLOW) if tone in tones), Tone.GREEN)


def is_at_work(component: ComponentApp) -> bool:
    """Whether it has worked before: before that people are setting it up, and nothing is an alarm."""
    return component.first_ticket_at is not None


def _ticket(patient: Patient) -> Line:
    component, title = patient.component, N_("验证票据")
    age, at = health.ticket_age(component), component.last_ticket_at
    if at is None:
        text = N_("还没有收到票据。微信约每 10 分钟推送一次。")
        return Line("ticket", title, Tone(age.tone), text, repairs=(Repair.START_PUSH, Repair.ADDRESSES))
    minutes = age.minutes or 0
    params = {"minutes": minutes, "hours": minutes // 60}
    if age.tone == "green":
        return Line("ticket", title, Tone.GREEN, N_("最新一张是 %(minutes)s 分钟前的"), params, since=at)
    gone = clock.now() - at
    repairs = (Repair.START_PUSH, Repair.ADDRESSES)
    if gone > LIFETIME:
        text = N_("最新一张是 %(hours)s 小时前的，已经失效，所有接口都不能调用")
    elif gone > TICKET_MISSING:
        text = N_("已有 %(hours)s 小时没有新票据；满 12 小时失效，届时所有接口都会停止")
    else:
        text = N_("已有 %(minutes)s 分钟没有新票据，系统会请微信重新推送")
    alarms: dict[AlarmKind, Mapping[str, Any]] = {}
    if gone > ALARM_AFTER and not _is_silent(patient):
        alarms[AlarmKind.TICKET_LATE] = params
    if gone > TICKET_MISSING:
        alarms[AlarmKind.TICKET_MISSING] = params
    return Line("ticket", title, Tone(age.tone), text, params, since=at, repairs=repairs, alarms=alarms)


def _token(patient: Patient) -> Line:
    component, title = patient.component, N_("第三方平台凭证")
    code, at = component.last_errcode, component.last_error_at
    if code is not None and code not in IP_CODES:
        wrong_secret = code in SECRET_CODES
        alarms = {AlarmKind.SECRET_WRONG: {"errcode": code}} if wrong_secret else {}
        repairs = (Repair.CREDENTIALS, Repair.CHECK) if wrong_secret else (Repair.CHECK, Repair.CREDENTIALS)
        return Line(
            "token", title, Tone.RED, N_("微信拒绝发放凭证"), since=at, repairs=repairs, errcode=code,
            operation=component.last_operation, alarms=alarms,
        )  # fmt: skip
    if at is not None and code is None:
        return Line("token", title, Tone.RED, component.last_error, since=at, repairs=(Repair.CHECK,))
    if component.last_token_at is None:
        return Line("token", title, Tone.YELLOW, N_("还没有取得过凭证"), repairs=(Repair.CHECK,))
    return Line("token", title, Tone.GREEN, N_("正常，到期前自动更新"), since=component.last_token_at)


def _ip_list(patient: Patient) -> Line:
    component, title = patient.component, N_("IP 白名单")
    if component.last_errcode in IP_CODES:
        address = component.refused_ip
        text = N_("微信拒绝了来自 %(ip)s 的请求：请把它加进微信后台的 IP 白名单，再重新检查")
        if not address:
            text = N_("微信拒绝了本系统的出口 IP：请把出口 IP 加进微信后台的白名单，再重新检查")
        return Line(
            "ip_list", title, Tone.RED, text, {"ip": address}, since=component.last_error_at, copy=address,
            repairs=(Repair.ADDRESSES, Repair.CHECK), errcode=component.last_errcode,
            operation=component.last_operation, alarms={AlarmKind.IP_REFUSED: {"ip": address}},
        )  # fmt: skip
    if component.last_token_at is None:
        return Line("ip_list", title, Tone.GREY, N_("取得凭证后才知道"))
    return Line("ip_list", title, Tone.GREEN, N_("微信接受本系统的出口 IP"), since=component.last_token_at)


def _pushes(patient: Patient) -> Line:
    vitals, title = patient.vitals, N_("微信推送")
    at, day = _last_heard(patient), vitals.pushes_day
    if at is None:
        tone = Tone.RED if is_at_work(patient.component) else Tone.YELLOW
        repairs = (Repair.ADDRESSES, Repair.START_PUSH)
        return Line("pushes", title, tone, N_("还没有收到微信的推送"), repairs=repairs)
    params: dict[str, Any] = {
        "total": day.total, "percent": _percent(1 - day.share), "again": day.again,
        "failed": max(day.failed, vitals.pushes.failed),
        "median": _seconds(day.median), "slowest": _seconds(day.slowest),
        "minutes": int((clock.now() - at).total_seconds() // 60),
    }  # fmt: skip
    if _is_silent(patient):
        text = N_("已有 %(minutes)s 分钟没有收到任何推送：请确认服务器可从外网访问、网址没有改动")
        return Line(
            "pushes", title, Tone.RED, text, params, since=at, repairs=(Repair.ADDRESSES, Repair.START_PUSH),
            alarms={AlarmKind.CALLBACKS_SILENT: {"minutes": params["minutes"]}},
        )  # fmt: skip
    alarms = {}
    if vitals.pushes.failed:
        alarms[AlarmKind.CALLBACKS_FAILING] = {"failed": params["failed"]}
    text = N_("24 小时 %(total)s 条，处理成功 %(percent)s；处理用时 p50 %(median)s、p95 %(slowest)s")
    if params["failed"]:
        text = N_("24 小时 %(total)s 条，%(failed)s 条处理失败；处理用时 p50 %(median)s、p95 %(slowest)s")
        repairs = (Repair.RETRY_PUSHES, Repair.TRAFFIC)
        return Line("pushes", title, Tone.YELLOW, text, params, since=at, repairs=repairs, alarms=alarms)
    if day.slowest is not None and day.slowest > _SLOW:
        return Line("pushes", title, Tone.YELLOW, text, params, since=at, repairs=(Repair.TRAFFIC,))
    if day.again > max(5, day.total // 20):
        text = N_("24 小时 %(total)s 条，其中 %(again)s 条微信重复推送：本系统可能没有在 5 秒内回应")
        return Line("pushes", title, Tone.YELLOW, text, params, since=at, repairs=(Repair.TRAFFIC,))
    return Line("pushes", title, Tone.GREEN, text, params, since=at)


def _refused(patient: Patient) -> Line:
    """A wrong signature may be somebody else's; a body that does not open under the right one is WeChat's."""
    vitals, title = patient.vitals, N_("推送验签与解密")
    component, day = patient.component, vitals.refused_day
    if not day:
        if vitals.newest_push_at is None:
            return Line("refused", title, Tone.GREY, N_("收到推送后才知道"))
        return Line("refused", title, Tone.GREEN, N_("24 小时内全部解开"), since=vitals.newest_push_at)
    reason = vitals.refused.most_common(1) or day.most_common(1)
    params = {"total": day.total(), "key": day["key"], "signature": day["signature"], "why": reason[0][0]}
    from_wechat = vitals.refused["key"] + vitals.refused["appid"]
    nothing_opens = vitals.pushes.total == 0 and vitals.refused["signature"] > 0
    refused = from_wechat + (vitals.refused["signature"] if nothing_opens else 0)
    text = N_("24 小时拒收 %(total)s 条（解不开 %(key)s，签名不对 %(signature)s）")
    common: dict[str, Any] = {"params": params, "since": component.last_refusal_at}
    if refused:
        alarms = {AlarmKind.CALLBACKS_REFUSED: {"refused": refused, **_MINUTES}} if refused >= _MANY_REFUSED else {}
        repairs = (Repair.CREDENTIALS, Repair.ROTATE_KEY)
        return Line("refused", title, Tone.RED, text, **common, repairs=repairs, alarms=alarms)
    if vitals.refused:
        text = N_("24 小时拒收 %(total)s 条；微信的推送仍能解开，可能是别人发来的")
        return Line("refused", title, Tone.YELLOW, text, **common, repairs=(Repair.TRAFFIC,))
    text = N_("24 小时拒收 %(total)s 条，最近半小时没有")
    return Line("refused", title, Tone.GREEN, text, **common)


def _key(patient: Patient) -> Line:
    component, title = patient.component, N_("消息加解密 Key")
    changed, seen = component.aes_key_changed_at, component.aes_key_seen_at
    if component.awaits_new_key:
        text = N_("新的 Key 已保存，微信还在用上一把；两把都有效")
        return Line("key", title, Tone.YELLOW, text, since=changed, repairs=(Repair.ROTATE_KEY,))
    if changed is None:
        return Line(
            "key", title, Tone.GREEN, N_("没有更换过"), since=component.created_at, repairs=(Repair.ROTATE_KEY,)
        )
    text = N_("更换过，微信已在用新的")
    if component.previous_aes_key_sealed:
        text = N_("更换过，微信已在用新的；上一把可以停用了")
    return Line("key", title, Tone.GREEN, text, since=seen or changed, repairs=(Repair.ROTATE_KEY,))


def _refresh(patient: Patient) -> Line:
    vitals, title = patient.vitals, N_("小程序凭证刷新")
    params = {"alive": vitals.alive, "overdue": vitals.overdue}
    if not vitals.overdue:
        if not vitals.alive:
            return Line("refresh", title, Tone.GREY, N_("还没有小程序授权"))
        return Line("refresh", title, Tone.GREEN, N_("%(alive)s 个小程序的凭证都按时刷新"), params)
    many = vitals.overdue >= 3 and vitals.overdue * 20 >= vitals.alive
    return Line(
        "refresh", title, Tone.RED if many else Tone.YELLOW,
        N_("%(overdue)s 个小程序的凭证过期后没有刷新成功（共 %(alive)s 个）"), params, since=vitals.overdue_since,
        repairs=(Repair.CHECK, Repair.TRAFFIC),
        alarms={AlarmKind.REFRESH_FAILING: {"failed": vitals.overdue}} if many else {},
    )  # fmt: skip


def _authorizations(patient: Patient) -> Line:
    vitals, title = patient.vitals, N_("授权")
    params = {"alive": vitals.alive, "lost": vitals.lost, "withdrawn": vitals.withdrawn,
              "minutes": int(WITHDRAWN.total_seconds() // 60)}  # fmt: skip
    many = vitals.withdrawn >= max(5, (vitals.alive + vitals.withdrawn) // 50)
    if many:
        detail = {"minutes": params["minutes"], "lost": vitals.withdrawn}
        return Line(
            "authorizations", title, Tone.RED, N_("%(minutes)s 分钟内有 %(withdrawn)s 个小程序取消授权"), params,
            repairs=(Repair.WITHDRAWN, Repair.TRAFFIC), alarms={AlarmKind.MANY_UNAUTHORIZED: detail},
        )  # fmt: skip
    if vitals.lost:
        text = N_("%(lost)s 个小程序的授权已失效，需要商家重新授权；有效 %(alive)s 个")
        return Line("authorizations", title, Tone.YELLOW, text, params, repairs=(Repair.LOST,))
    if not vitals.alive:
        return Line("authorizations", title, Tone.GREY, N_("还没有小程序授权"))
    return Line("authorizations", title, Tone.GREEN, N_("%(alive)s 个小程序授权有效"), params)


def _permissions(patient: Patient) -> Line:
    component, title = patient.component, N_("权限集")
    counts, at = component.permission_counts, component.permissions_counted_at
    if at is None or not counts.get("total"):
        return Line("permissions", title, Tone.GREY, N_("有小程序授权后，每 15 分钟核对一次"), since=at)
    essential = tuple((int(number), count) for number, count in counts["essential"].items())
    others = tuple((int(number), count) for number, count in counts["others"].items())
    params = {"total": counts["total"], "count": counts["lacking"], "own": counts["own"]}
    if essential:
        text = N_("%(total)s 个小程序中有 %(count)s 个缺少必需的权限，相关操作会失败")
        return Line("permissions", title, Tone.RED, text, params, at, (Repair.PERMISSIONS,), sets=essential + others)
    if others:
        text = N_("平台有 %(own)s 个权限集，但一部分小程序的授权里没有（多半是授权之后才开通的）")
        return Line("permissions", title, Tone.YELLOW, text, params, at, (Repair.PERMISSIONS,), sets=others)
    return Line("permissions", title, Tone.GREEN, N_("%(total)s 个小程序的权限一致"), params, since=at)


def _quota(patient: Patient) -> Line:
    component, title = patient.component, N_("提审额度")
    rest, limit = component.audit_quota_rest, component.audit_quota_limit
    if rest is None or limit is None:
        return Line("quota", title, Tone.GREY, N_("有小程序授权后，每小时读取一次"))
    params = {"rest": rest, "limit": limit, "speedup": component.speedup_rest or 0}
    low = rest * 10 <= limit
    tone = Tone.RED if rest == 0 else Tone.YELLOW if low else Tone.GREEN
    alarms = {AlarmKind.AUDIT_QUOTA_LOW: {"rest": rest, "limit": limit}} if low else {}
    text = N_("本月还剩 %(rest)s 次，共 %(limit)s 次；加急还剩 %(speedup)s 次")
    return Line("quota", title, tone, text, params, since=component.quota_read_at, alarms=alarms)


def _calls(patient: Patient) -> Line:
    vitals, title = patient.vitals, N_("接口调用")
    day, recent = vitals.calls_day, vitals.calls
    code = next(iter(recent.by_code.most_common(1) or day.by_code.most_common(1)), (None, 0))[0]
    params = {
        "total": day.total, "failed": day.failed, "percent": _percent(day.share), "recent": _percent(recent.share),
        "silent": recent.silent, **_MINUTES,
    }  # fmt: skip
    if not day.total and not recent.total:
        return Line("calls", title, Tone.GREY, N_("24 小时内没有调用"))
    if recent.silent * 5 >= recent.total and recent.silent >= _FEW_CALLS // 2:
        return Line(
            "calls", title, Tone.RED, N_("最近 %(minutes)s 分钟有 %(silent)s 次微信没有回应"), params,
            repairs=(Repair.CHECK, Repair.TRAFFIC),
            alarms={AlarmKind.CALLS_FAILING: {"percent": round(recent.share * 100)}},
        )  # fmt: skip
    if recent.failed * 2 >= recent.total and recent.total >= _FEW_CALLS:
        return Line(
            "calls", title, Tone.RED, N_("最近 %(minutes)s 分钟的失败率为 %(recent)s"), params,
            repairs=(Repair.TRAFFIC,), errcode=code,
            alarms={AlarmKind.CALLS_FAILING: {"percent": round(recent.share * 100)}},
        )  # fmt: skip
    text = N_("24 小时 %(total)s 次，失败 %(failed)s 次（%(percent)s）")
    if day.failed * 5 >= day.total and day.total >= _FEW_CALLS:
        return Line("calls", title, Tone.YELLOW, text, params, repairs=(Repair.TRAFFIC,), errcode=code)
    return Line("calls", title, Tone.GREEN, text, params)


def _counters(patient: Patient) -> Line:
    vitals, title, resets = patient.vitals, N_("调用次数"), patient.resets
    left = resets.left if resets is not None else None
    params = {"left": left if left is not None else 10, "used": sum(vitals.calls.by_code[one] for one in _USED_UP)}
    if params["used"]:
        text = N_("最近有 %(used)s 次调用被微信以次数用完拒绝；本月还能清零 %(left)s 次")
        code = next(one for one in _USED_UP if vitals.calls.by_code[one])
        repairs = (Repair.CLEAR_QUOTA, Repair.TRAFFIC)
        return Line("counters", title, Tone.RED, text, params, repairs=repairs, errcode=code)
    tone = Tone.YELLOW if left is not None and left <= 2 else Tone.GREEN
    text = N_("没有接口被用完；本月还能清零 %(left)s 次")
    return Line("counters", title, tone, text, params, repairs=(Repair.CLEAR_QUOTA,))


_JUDGES: tuple[Callable[[Patient], Line], ...] = (
    _ticket, _token, _ip_list, _pushes, _refused, _key, _refresh, _authorizations, _permissions, _quota, _calls,
    _counters,
)  # fmt: skip


def _is_silent(patient: Patient) -> bool:
    at = _last_heard(patient)
    return is_at_work(patient.component) and at is not None and clock.now() - at > ALARM_AFTER


def _last_heard(patient: Patient) -> datetime | None:
    """The newest push that is kept; pushes of tickets are not kept for long, tickets' times are."""
    return max(filter(None, (patient.vitals.newest_push_at, patient.component.last_ticket_at)), default=None)


def _percent(share: float) -> str:
    """Never 100 % as long as something is missing, never 0 % as long as something is there."""
    if share in (0, 1):
        return f"{share:.0%}"
    return f"{min(max(share, 0.001), 0.999):.1%}"


def _seconds(value: float | None) -> str:
    return "—" if value is None else f"{value:.1f} s"
