"""What the filters of the list of mini programs offer, in words."""

from __future__ import annotations

from uuid import UUID

from flask import g
from flask_babel import gettext as _

from saas.components.access import list_components
from saas.db import platform_session
from saas.programs import listing
from saas.programs.listing import NOBODYS, Compares, Due, ProgramFilter, Snoozed, VersionOf
from saas.programs.models import AuthorizationStatus
from saas.programs.permissions import ESSENTIAL, USEFUL
from saas.programs.words import Step, Turn, Word
from saas.tenants.access import Verb
from saas.tenants.members import Member, list_members
from saas.tenants.merchants import get_merchant
from saas.web.language import spoken
from saas.wx.permissions import permission_set
from saas.wx.reasons import UNSTATED

Choices = list[tuple[str, str]]


def filter_choices(wanted: ProgramFilter) -> dict[str, Choices]:
    """The choices of each select, the empty one first."""
    return {
        "turn": [("", _("轮到谁：全部")), *((turn.value, turn_name(turn)) for turn in Turn)],
        "stage": [("", _("进度：全部")), *((word.value, _(word.label)) for word in Word if _leads(word))],
        "certify": [("", _("认证：全部")), *_words(Step.CERTIFY)],
        "file": [("", _("备案：全部")), *_words(Step.FILE)],
        "authorization": [
            ("", _("授权：全部")), (AuthorizationStatus.AUTHORIZED, _("已授权")),
            (AuthorizationStatus.UNAUTHORIZED, _("已取消授权")), (AuthorizationStatus.LOST, _("授权已失效")),
        ],
        "lacking": [("", _("权限：全部")), ("essential", _("缺少必需权限")), *_sets()],
        "owner": [("", _("负责人：全部")), (NOBODYS, _("没有负责人")), *owner_choices(), *_shared(wanted.owner)],
        "component": component_choices(),
        "due": due_choices(),
        "snoozed": [
            ("", _("推迟：全部")), (Snoozed.NO, _("没有推迟")), (Snoozed.ONLY, _("已推迟")),
        ],
        "tag": [("", _("标签：全部")), *((tag, tag) for tag in listing.known_tags(g.db))],
        "merchant": merchant_choices(wanted),
        "version_of": [
            ("", _("版本：全部")), (VersionOf.ONLINE, _("线上版本")), (VersionOf.TRIAL, _("体验版本")),
            (VersionOf.AUDIT, _("审核中的版本")),
            (VersionOf.ONLINE_TEMPLATE, _("线上模板编号")), (VersionOf.TRIAL_TEMPLATE, _("体验版模板编号")),
        ],
        "compares": [(Compares.BELOW, _("低于")), (Compares.EQUALS, _("等于")), (Compares.FROM, _("不低于")),
            (Compares.NONE, _("没有"))],
        "age": age_choices(wanted.age),
        "reject": [("", _("驳回原因：全部")), (wanted.reject, reject_name(wanted.reject))][: 1 + bool(wanted.reject)],
    }  # fmt: skip


def component_choices() -> Choices:
    """The component apps; filters by one make sense where there are several."""
    return [("", _("第三方平台：全部")), *((str(one.id), one.name) for one in list_components(g.db, g.who))]


def due_choices() -> Choices:
    return [
        ("", _("期限：全部")), (Due.OVERDUE, _("已超过期限")),
        (Due.DAY, _("24 小时内到期")), (Due.WEEK, _("7 天内到期")),
    ]  # fmt: skip


def age_choices(wanted: str = "") -> Choices:
    """Since when the online version has been there; a range of the fleet's map, too, if that is wanted."""
    days = {"30-": 30, "90-": 90, "180-": 180, "365-": 365}
    older = [(age, _("上线 %(days)s 天以上", days=count)) for age, count in days.items()]
    choices = [("", _("上线多久：全部")), *older]
    if wanted and wanted not in days:
        least, most = wanted.split("-")
        span = _("上线 %(least)s 到 %(most)s 天", least=least, most=most) if most else ""
        choices.append((wanted, span or _("上线 %(days)s 天以上", days=least)))
    return choices


def reject_name(key: str) -> str:
    """A reason of rejections, as short as a filter."""
    if key == UNSTATED:
        return str(_("微信没有说明原因"))
    return str(_("文字相同的原因") if key.startswith("~") else _("规则 %(rules)s", rules=key.replace("+", _("、"))))


def _shared(owner: str) -> Choices:
    """Somebody's together with those in nobody's charge, as the to-do board asks for them."""
    return [(owner, _("我的，或没有负责人"))] if "," in owner else []


def owner_choices() -> Choices:
    """The members, owners first."""
    return [(str(member.user_id), member.name or member.email) for member in members()]


def members() -> list[Member]:
    """People stand above the tenant wall, so they are read above it."""
    with platform_session("name the provider's members") as db:
        return list_members(db, g.who)


def turn_name(turn: str) -> str:
    names = {
        Turn.PROVIDER: _("需要您处理"), Turn.MERCHANT: _("需要商家处理"), Turn.WECHAT: _("等待微信"),
        Turn.AUTHORITY: _("等待管局"), Turn.NOBODY: _("无需处理"),
    }  # fmt: skip
    return str(names[Turn(turn)])


def _leads(word: Word) -> bool:
    """Whether it can be what a list shows of a mini program."""
    return word.turn is not Turn.NOBODY or word is Word.RELEASED


def _words(step: Step) -> Choices:
    return [(word.value, _(word.label)) for word in Word if word.step is step]


def _sets() -> Choices:
    known = [permission_set(number) for number in (*ESSENTIAL, *USEFUL)]
    return [
        (str(one.number), _("缺少 %(number)s %(name)s", number=one.number, name=one.name(spoken()))) for one in known
    ]


def merchant_choices(wanted: ProgramFilter) -> Choices:
    """All, none, and the one that the address names: there may be too many to list."""
    choices: Choices = [("", _("商家：全部")), (NOBODYS, _("没有商家"))]
    if wanted.merchant not in ("", NOBODYS):
        merchant = get_merchant(g.db, g.who, UUID(wanted.merchant), Verb.VIEW)
        choices.append((str(merchant.id), merchant.name))
    return choices
