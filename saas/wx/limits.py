"""How often WeChat lets things be done: each limit that can be counted here, by name.

Days, months and years are WeChat's, in Asia/Shanghai. Sizes, stocks (testers, templates, domains) and lifetimes are
no limits of this kind: WeChat's answer tells when they are full.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Shanghai")
EVER = date(1970, 1, 1)

Sent = Mapping[str, Any]


class Scope(StrEnum):
    """Whose limit it is. `ACCOUNT`: of a program or the component app itself, whichever a call is about. `FIELD`: of
    whatever a field of the request names, a person or a task.
    """

    COMPONENT = "component"
    PROGRAM = "program"
    ACCOUNT = "account"
    FIELD = "field"


class Period(StrEnum):
    SECOND = "second"
    MINUTE = "minute"
    DAY = "day"
    MONTH = "month"
    YEAR = "year"
    EVER = "ever"

    @property
    def seconds(self) -> int | None:
        """The length of a period that one waits for; the others are counted."""
        return {Period.SECOND: 1, Period.MINUTE: 60}.get(self)

    def start(self, now: datetime) -> date:
        today = now.astimezone(ZONE).date()
        return {
            Period.MONTH: today.replace(day=1),
            Period.YEAR: today.replace(month=1, day=1),
            Period.EVER: EVER,
        }.get(self, today)

    def end(self, start: date) -> datetime | None:
        """When the period that began on `start` is over; None for the one that never is."""
        if self is Period.EVER:
            return None
        days = {Period.MONTH: 31, Period.YEAR: 366}.get(self, 1)
        following = self.start(datetime.combine(start + timedelta(days=days), time(12), ZONE))
        return datetime.combine(following, time(), ZONE).astimezone(UTC)


def _always(_sent: Sent) -> bool:
    return True


def _changes(sent: Sent) -> bool:
    return sent.get("action") != "get"


def _creates(sent: Sent) -> bool:
    return sent.get("action") == "create"


def _is_permanent(sent: Sent) -> bool:
    return bool(sent.get("is_permanent"))


@dataclass(frozen=True)
class Limit:
    """One limit; calls of its `operations` count together, but only those for which `when` holds.

    `amount` None: WeChat publishes none and may tell it in an answer. `holds`: a call above a known amount is refused
    here; otherwise it is only counted, because the amount or its period is not certain. `errcode` is what WeChat
    answers above it. `counts_refused`: WeChat counts calls that it refuses, too. `field` is for `Scope.FIELD`.
    """

    name: str
    operations: tuple[str, ...]
    scope: Scope
    period: Period
    amount: int | None
    zh: str
    en: str
    holds: bool = True
    errcode: int | None = None
    when: Callable[[Sent], bool] = _always
    counts_refused: bool = False
    field: str = ""

    def words(self, language: str) -> str:
        return self.en if language.startswith("en") else self.zh

    def owner(self, appid: str | None, sent: Sent) -> str:
        """Whose chance a call takes: an appid, "" for the component app, or what the field holds."""
        if self.scope is Scope.COMPONENT:
            return ""
        if self.scope is Scope.PROGRAM:
            return appid or ""
        if self.scope is Scope.ACCOUNT:
            return appid or (str(sent.get("appid") or "") if "component_appid" in sent else "")
        value: Any = sent
        for step in self.field.split("."):
            value = value.get(step) if isinstance(value, Mapping) else None
        return str(value or "")


LIMITS = (
    Limit(
        "undo_audit_day", ("undoAudit",), Scope.PROGRAM, Period.DAY, 5,
        zh="每天撤回审核", en="withdrawals of audits a day", errcode=87013,
    ),
    Limit(
        "undo_audit_month", ("undoAudit",), Scope.PROGRAM, Period.MONTH, 10,
        zh="每月撤回审核", en="withdrawals of audits a month", errcode=87013,
    ),
    Limit(
        "submit_audit_month", ("submitAudit",), Scope.COMPONENT, Period.MONTH, None,
        zh="每月提交审核", en="submissions a month", errcode=85085,
    ),
    Limit(
        "speedup_audit_month", ("speedupCodeAudit",), Scope.COMPONENT, Period.MONTH, None,
        zh="每月加急审核", en="fast reviews a month", errcode=89405,
    ),
    Limit(
        "nickname_year", ("setNickName",), Scope.PROGRAM, Period.YEAR, 2,
        zh="每年修改名称", en="changes of the name a year", holds=False,  # starts anew after a certification, too
    ),
    Limit(
        "avatar_month", ("setHeadImage",), Scope.PROGRAM, Period.MONTH, None,
        zh="每月修改头像", en="changes of the avatar a month", errcode=53202,
    ),
    Limit(
        "avatar_year", ("setHeadImage",), Scope.PROGRAM, Period.YEAR, 5,
        zh="每年修改头像", en="changes of the avatar a year", errcode=53202,
    ),
    Limit(
        "signature_month", ("setSignature",), Scope.PROGRAM, Period.MONTH, None,
        zh="每月修改介绍", en="changes of the introduction a month", errcode=53200,
    ),
    Limit(
        "category_month", ("addCategory",), Scope.PROGRAM, Period.MONTH, None,
        zh="每月添加类目", en="additions of categories a month", holds=False, errcode=53300,
    ),
    Limit(
        "server_domain_month", ("modifyServerDomain",), Scope.PROGRAM, Period.MONTH, 50,
        zh="每月修改服务器域名", en="changes of server domains a month", errcode=86102, when=_changes,
    ),
    Limit(
        "server_domain_directly_month", ("modifyServerDomainDirectly",), Scope.PROGRAM, Period.MONTH, 50,
        zh="每月快速配置服务器域名", en="direct changes of server domains a month", errcode=86102, when=_changes,
    ),
    Limit(
        "prefetch_domain_month", ("setPrefetchDomain",), Scope.PROGRAM, Period.MONTH, 50,
        zh="每月修改 DNS 预解析域名", en="changes of prefetched domains a month", errcode=9420000,
    ),
    Limit(
        "platform_domain_month", ("modifyThirdpartyServerDomain",), Scope.COMPONENT, Period.MONTH, 50,
        zh="每月修改第三方平台服务器域名", en="changes of the component app's server domains a month", errcode=86102,
        when=_changes,
    ),
    Limit(
        "qrcode_rule_month", ("qrcodeJumpPublish",), Scope.PROGRAM, Period.MONTH, 100,
        zh="每月发布二维码规则", en="publications of QR rules a month", errcode=886000,
    ),
    Limit(
        "qrcode_rule_add_second", ("qrcodeJumpAdd",), Scope.PROGRAM, Period.SECOND, 5,
        zh="每秒设置二维码规则", en="settings of QR rules a second",
    ),
    Limit(
        "qrcode_rule_delete_second", ("qrcodeJumpDelete",), Scope.PROGRAM, Period.SECOND, 5,
        zh="每秒删除二维码规则", en="deletions of QR rules a second",
    ),
    Limit(
        "privacy_interface_minute", ("applyPrivacyInterface",), Scope.COMPONENT, Period.MINUTE, 280,
        zh="每分钟申请隐私接口", en="applications for privacy interfaces a minute",
    ),
    Limit(
        "code_ever", ("getQRCode",), Scope.PROGRAM, Period.EVER, 100_000,
        zh="小程序码总数", en="codes in all", errcode=45029,
    ),
    Limit(
        "unlimited_code_minute", ("getUnlimitedQRCode",), Scope.PROGRAM, Period.MINUTE, 5_000,
        zh="每分钟生成不限数量的小程序码", en="codes of the unlimited kind a minute",
    ),
    Limit(
        "link_day", ("generateUrlLink", "generateScheme"), Scope.PROGRAM, Period.DAY, 500_000,
        zh="每天生成链接", en="links a day", errcode=45009,
    ),
    Limit(
        "short_link_day", ("generateShortLink",), Scope.PROGRAM, Period.DAY, 1_000_000,
        zh="每天生成短链", en="short links a day", errcode=45009,
    ),
    Limit(
        "short_link_ever", ("generateShortLink",), Scope.PROGRAM, Period.EVER, 100_000,
        zh="长期有效的短链总数", en="permanent short links in all", errcode=85400, when=_is_permanent,
    ),
    Limit(
        "personal_registration_day", ("fastRegisterPersonalMp",), Scope.FIELD, Period.DAY, 5,
        zh="一个微信号每天注册个人小程序", en="registrations for one WeChat ID a day", errcode=91030, when=_creates,
        counts_refused=True, field="wxuser",
    ),
    Limit(
        "offiaccount_registration_month", ("registerMiniprogramByOffiaccount",), Scope.PROGRAM, Period.MONTH, 5,
        zh="一个公众号每月注册小程序", en="registrations through one official account a month", errcode=61055,
    ),
    Limit(
        "certification_refill_ever", ("secwxaapiReauth",), Scope.FIELD, Period.EVER, 3,
        zh="一次认证的重新提交", en="refills of one certification", holds=False, field="auth_data.taskid",
    ),
    Limit(
        "filing_day", ("applyIcpFiling",), Scope.PROGRAM, Period.DAY, None,
        zh="每天提交备案", en="submissions of a filing a day", holds=False, counts_refused=True,
    ),
    Limit(
        "counter_reset_month", ("clearQuota", "clearQuotaByAppSecret", "clearComponentQuotaByAppSecret"),
        Scope.ACCOUNT, Period.MONTH, 10, zh="每月清零调用次数", en="resets of the call counters a month", errcode=48006,
    ),
    Limit(
        "component_token_day", ("getComponentAccessToken",), Scope.COMPONENT, Period.DAY, None,
        zh="每天获取第三方平台令牌", en="fetches of the component app's token a day", holds=False, errcode=45009,
    ),
    Limit(
        "program_token_day", ("getAuthorizerAccessToken",), Scope.COMPONENT, Period.DAY, None,
        zh="每天获取小程序令牌", en="fetches of mini programs' tokens a day", holds=False, errcode=45009,
    ),
)  # fmt: skip

BY_NAME = {limit.name: limit for limit in LIMITS}


def limits_of(operation: str) -> tuple[Limit, ...]:
    """The limits that a call of this operation falls under, the shortest period first."""
    return _BY_OPERATION.get(operation, ())


@dataclass(frozen=True)
class Told:
    """What an answer of WeChat tells about a limit."""

    limit: Limit
    amount: int | None
    used: int | None
    rest: int | None


def told(operation: str, answer: Any) -> list[Told]:
    """The counters in an answer, if it is one that has some."""
    found = []
    for name, part, amount, used, rest in _TELLING.get(operation, ()):
        numbers = answer.get(part) if part else answer
        if isinstance(numbers, Mapping):
            one = Told(BY_NAME[name], *(_number(numbers.get(key)) for key in (amount, used, rest)))
            if one.rest is not None or (one.used is not None and one.amount is not None):
                found.append(one)
    return found


def tells(operation: str) -> bool:
    return operation in _TELLING


_BY_OPERATION = {
    operation: tuple(limit for limit in LIMITS if operation in limit.operations)
    for operation in {operation for limit in LIMITS for operation in limit.operations}
}

# Name, the part of the answer, and in it the fields of the amount, of what is used, of what is left.
_TELLING: Mapping[str, tuple[tuple[str, str, str, str, str], ...]] = {
    "setCodeAuditQuota": (
        ("submit_audit_month", "", "limit", "", "rest"),
        ("speedup_audit_month", "", "speedup_limit", "", "speedup_rest"),
    ),
    "getAccountBasicInfo": (
        ("nickname_year", "nickname_info", "modify_quota", "modify_used_count", ""),
        ("avatar_year", "head_image_info", "modify_quota", "modify_used_count", ""),
        ("signature_month", "signature_info", "modify_quota", "modify_used_count", ""),
    ),
    "getSettingCategories": (("category_month", "", "limit", "", "quota"),),
    "qrcodeJumpGet": (("qrcode_rule_month", "", "", "", "qrcodejump_pub_quota"),),
}


def _number(value: Any) -> int | None:
    try:
        return max(0, int(value))
    except (TypeError, ValueError, OverflowError):
        return None
