"""What an alarm says, per kind: the one place for its words, its level and the page that helps.

Texts are msgids. Their ``%(name)s`` places are filled from the alarm's `detail`; `name` is the thing concerned (a
component app, a mini program), and `count` is there in `many`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from saas import i18n
from saas.errors import N_
from saas.tenants.alarm_models import AlarmKind


class Level(StrEnum):
    """Urgent ones break work now; the others want to be known today."""

    URGENT = "urgent"
    WARNING = "warning"


@dataclass(frozen=True)
class Words:
    """`title` names one alarm, `many` several of this kind; `act` is what to do, `over` the all-clear of one, `path`
    the page below the provider's address. `reminds`: people hear of it again while it stays open.
    """

    level: Level
    title: str
    many: str
    act: str
    over: str
    path: str = "/health"
    reminds: bool = True


WORDS: Mapping[AlarmKind, Words] = {
    AlarmKind.TICKET_LATE: Words(
        Level.WARNING,
        N_("“%(name)s”已有 %(minutes)s 分钟没有收到验证票据"),
        N_("%(count)s 个第三方平台的验证票据迟到"),
        N_("系统已请微信重新推送。若一直没有，请核对授权事件接收 URL。"),
        N_("“%(name)s”又收到验证票据了"),
    ),
    AlarmKind.TICKET_MISSING: Words(
        Level.URGENT,
        N_("“%(name)s”已有 %(hours)s 小时没有收到验证票据"),
        N_("%(count)s 个第三方平台的验证票据中断"),
        N_("票据 12 小时后失效，届时所有接口都会停止。请到运行状况页启动推送，并核对授权事件接收 URL。"),
        N_("“%(name)s”又收到验证票据了"),
    ),
    AlarmKind.SECRET_WRONG: Words(
        Level.URGENT,
        N_("“%(name)s”的 AppSecret 被微信拒绝（%(errcode)s）"),
        N_("%(count)s 个第三方平台的 AppSecret 被微信拒绝"),
        N_("请在微信后台重置 AppSecret，再到运行状况页更新。"),
        N_("“%(name)s”的 AppSecret 已恢复正常"),
    ),
    AlarmKind.IP_REFUSED: Words(
        Level.URGENT,
        N_("“%(name)s”的出口 IP %(ip)s 不在微信的白名单里"),
        N_("%(count)s 个第三方平台的出口 IP 不在白名单里"),
        N_("请把这个 IP 加进微信后台的白名单，再到运行状况页重新检查。"),
        N_("“%(name)s”的出口 IP 已被微信接受"),
    ),
    AlarmKind.CALLBACKS_REFUSED: Words(
        Level.URGENT,
        N_("“%(name)s”的推送解不开：最近 %(minutes)s 分钟拒收 %(refused)s 条"),
        N_("%(count)s 个第三方平台的推送解不开"),
        N_("请核对消息校验 Token 和消息加解密 Key 是否与微信后台一致。"),
        N_("“%(name)s”的推送又能解开了"),
    ),
    AlarmKind.CALLBACKS_SILENT: Words(
        Level.URGENT,
        N_("“%(name)s”已有 %(minutes)s 分钟没有收到微信的任何推送"),
        N_("%(count)s 个第三方平台没有收到微信的任何推送"),
        N_("请确认服务器可从外网访问，并核对微信后台填写的网址。"),
        N_("“%(name)s”又收到微信的推送了"),
    ),
    AlarmKind.CALLBACKS_FAILING: Words(
        Level.WARNING,
        N_("“%(name)s”有 %(failed)s 条推送处理失败"),
        N_("%(count)s 个第三方平台有推送处理失败"),
        N_("请到运行状况页查看原因；处理失败的推送不会丢失。"),
        N_("“%(name)s”的推送处理恢复正常"),
    ),
    AlarmKind.CALLS_FAILING: Words(
        Level.WARNING,
        N_("“%(name)s”调用微信接口的失败率达到 %(percent)s%%"),
        N_("%(count)s 个第三方平台调用微信接口大量失败"),
        N_("请到运行状况页查看最常见的错误码和处理办法。"),
        N_("“%(name)s”调用微信接口恢复正常"),
    ),
    AlarmKind.REFRESH_FAILING: Words(
        Level.URGENT,
        N_("“%(name)s”有 %(failed)s 个小程序的调用凭证刷新失败"),
        N_("%(count)s 个第三方平台的调用凭证刷新失败"),
        N_("凭证 2 小时后失效。请到运行状况页查看原因并重新检查。"),
        N_("“%(name)s”的调用凭证刷新恢复正常"),
    ),
    AlarmKind.AUDIT_QUOTA_LOW: Words(
        Level.WARNING,
        N_("“%(name)s”本月审核额度只剩 %(rest)s 次（共 %(limit)s 次）"),
        N_("%(count)s 个第三方平台的审核额度快用完"),
        N_("请安排好提审的先后，下月初恢复。"),
        N_("“%(name)s”的审核额度已恢复"),
    ),
    AlarmKind.AUDIT_QUOTA_ENDS: Words(
        Level.WARNING,
        N_("“%(name)s”的审核额度照目前的用量撑不到月底：还剩 %(rest)s 次，每天约用 %(pace)s 次，%(day)s 用完"),
        N_("%(count)s 个第三方平台的审核额度撑不到月底"),
        N_("请安排好提审的先后，或向微信申请临时增加额度。"),
        N_("“%(name)s”的审核额度又够用到月底了"),
        path="/budgets",
    ),
    AlarmKind.QUEUE_STUCK: Words(
        Level.URGENT,
        N_("后台任务已有 %(minutes)s 分钟没有进展，%(waiting)s 项在等待"),
        N_("后台任务没有进展"),
        N_("请联系平台运营检查后台进程。"),
        N_("后台任务恢复正常"),
    ),
    AlarmKind.MANY_UNAUTHORIZED: Words(
        Level.URGENT,
        N_("“%(name)s”在 %(minutes)s 分钟内有 %(lost)s 个小程序取消授权"),
        N_("%(count)s 个第三方平台有大量小程序取消授权"),
        N_("请尽快确认原因，再用授权补办活动请商家重新授权。"),
        N_("“%(name)s”没有更多的小程序取消授权"),
    ),
    AlarmKind.AUTHORIZATION_LOST: Words(
        Level.WARNING,
        N_("“%(name)s”的授权已失效，需要商家重新授权"),
        N_("%(count)s 个小程序的授权已失效，需要商家重新授权"),
        N_("请把新的授权链接发给商家。"),
        N_("“%(name)s”已重新授权"),
        path="/programs?authorization=lost",
    ),
    AlarmKind.CAMPAIGN_FAILED: Words(
        Level.WARNING,
        N_("计划“%(name)s”到时间没有开始"),
        N_("%(count)s 个计划到时间没有开始"),
        N_("请打开计划看原因，再重新安排时间。"),
        N_("计划“%(name)s”已重新安排或取消"),
        path="/batches/plans?status=failed",
    ),
    AlarmKind.TRAIN_STOPPED: Words(
        Level.URGENT,
        N_("批量发布“%(name)s”自动停下了"),
        N_("%(count)s 个批量发布自动停下了"),
        N_("请查看停下的原因，处理好后点“继续”，或撤回、回退。"),
        N_("批量发布“%(name)s”已继续或取消"),
        path="/trains",
    ),
    AlarmKind.TRAIN_QUOTA: Words(
        Level.WARNING,
        N_("批量发布“%(name)s”的提审额度用完了，要等下个月"),
        N_("%(count)s 个批量发布的提审额度用完了，要等下个月"),
        N_("额度恢复后会自动继续；也可以减少为新商家保留的次数。"),
        N_("批量发布“%(name)s”不再等提审额度"),
        path="/trains",
    ),
    AlarmKind.TRAIN_FAILURES: Words(
        Level.WARNING,
        N_("批量发布“%(name)s”结束了，%(failed)s 个失败"),
        N_("%(count)s 个批量发布结束时有失败"),
        N_("请按原因处理后重试。"),
        N_("批量发布“%(name)s”的失败已有人处理"),
        path="/trains",
    ),
    AlarmKind.VIOLATION: Words(
        Level.WARNING,
        N_("“%(name)s”被微信处罚：%(reason)s"),
        N_("%(count)s 条新的微信处罚"),
        N_("请到违规页查看条款，需要时请商家在微信公众平台申诉。"),
        N_("“%(name)s”的处罚已撤销"),
        path="/violations",
    ),
    AlarmKind.PROGRAM_SHUT: Words(
        Level.URGENT,
        N_("“%(name)s”被微信限制，用户可能打不开"),
        N_("%(count)s 个小程序被微信限制"),
        N_("请到违规页查看原因，并请商家登录微信公众平台处理。"),
        N_("“%(name)s”恢复正常"),
        path="/violations",
    ),
    AlarmKind.DEADLINE: Words(
        Level.WARNING,
        N_("“%(name)s”还有 %(days)s 天到期：%(what)s（%(day)s）"),
        N_("%(count)s 项即将到期"),
        N_("请到到期日历查看，提前处理。"),
        N_("“%(name)s”已续期或处理好"),
        path="/calendar",
        reminds=False,
    ),
}


class _Blank(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return ""


def say(locale: str, message: str, detail: Mapping[str, Any]) -> str:
    """One of the texts in one language; what `detail` does not hold stays empty. `what` in it is a msgid."""
    filled = _Blank(detail)
    if "what" in filled:
        filled["what"] = i18n.translate(locale, str(filled["what"]))
    return i18n.translate(locale, message) % filled
