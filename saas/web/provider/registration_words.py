"""Registrations in words: states, labels of fields, what WeChat's states and results mean."""

from __future__ import annotations

from datetime import datetime

from flask import g
from flask_babel import gettext as _
from markupsafe import Markup

from saas import clock
from saas.errors import N_
from saas.programs import registration
from saas.programs.registration import RegistrationData
from saas.programs.registration_kinds import CONVERTED, DECLINED, FACE_FAILED, PHONE_FAILED, kind_of
from saas.programs.registration_models import Registration, RegistrationKind, RegistrationStatus
from saas.programs.registration_reasons import Reason, reason_of
from saas.programs.words import Turn
from saas.tenants.merchants import masked
from saas.tenants.models import Merchant
from saas.web.badges import badge
from saas.web.language import span
from saas.web.provider.blueprint import provider

_K, _S = RegistrationKind, RegistrationStatus
STATUSES = {
    _S.DRAFT: (N_("待提交"), "secondary", Turn.PROVIDER),
    _S.SENDING: (N_("提交中"), "info", Turn.WECHAT),
    _S.WAITING_PERSON: (N_("等待本人确认"), "warning", Turn.MERCHANT),
    _S.CHECKING: (N_("核验中"), "info", Turn.WECHAT),
    _S.DONE: (N_("注册成功"), "success", Turn.NOBODY),
    _S.FAILED: (N_("注册失败"), "danger", Turn.PROVIDER),
    _S.EXPIRED: (N_("超时未确认"), "danger", Turn.PROVIDER),
    _S.CANCELLED: (N_("已取消"), "secondary", Turn.NOBODY),
}
_CONVERSIONS = {_S.DONE: N_("转正成功"), _S.FAILED: N_("转正失败")}
LABELS: dict[str, str] = {
    "name": N_("公司名称"),
    "company_code": N_("统一社会信用代码"),
    "component_phone": N_("服务商联系电话"),
    "person_name": N_("法人姓名"),
    "person_wechat": N_("法人微信号"),
    "person_openid": N_("openid"),
    "offiaccount_appid": N_("公众号 AppID"),
    "copies_verification": N_("同时复用公众号的微信认证（政府、媒体、其他组织必须勾选）"),
}
_OWN_LABELS: dict[tuple[RegistrationKind, str], str] = {
    (_K.TRIAL, "name"): N_("试用小程序的名称"),
    (_K.PERSONAL, "person_name"): N_("本人姓名"),
    (_K.PERSONAL, "person_wechat"): N_("本人微信号"),
    (_K.TRADING, "person_name"): N_("本人姓名"),
    (_K.TRADING, "person_openid"): N_("本人 openid"),
    (_K.TRIAL, "person_openid"): N_("管理员 openid"),
    (_K.UPGRADE, "person_name"): N_("管理员姓名"),
}
_HELP: dict[str, str] = {
    "name": N_("与营业执照完全一致。个体工商户没有字号的，写“个体户”加经营者姓名。"),
    "company_code": N_("18 位，在营业执照上。"),
    "component_phone": N_("微信会展示给对方，有疑问时打这个电话。"),
    "person_openid": N_("对方在您的公众号或小程序里的 openid。"),
    "offiaccount_appid": N_("公众号要已认证，并已把“快速注册小程序”权限授权给您的第三方平台。"),
}
_OWN_HELP: dict[tuple[RegistrationKind, str], str] = {
    (_K.TRIAL, "name"): N_("4 到 30 个字，微信会在后面加上“的体验小程序”。"),
    (_K.ENTERPRISE, "person_name"): N_("选填，方便您确认把链接发给谁；不会发给微信。"),
    (_K.CONVERSION, "person_name"): N_("选填，方便您确认把链接发给谁；不会发给微信。"),
    (_K.PERSONAL, "person_wechat"): N_("以后就是小程序的管理员。每个微信号每天最多提交 5 次。"),
}
PERSON = ("person_name", "person_wechat", "person_openid")
_NOTES = {
    3: N_("对方已同意，正在核验身份。"),
    4: N_("对方正在做人脸核验。"),
    FACE_FAILED: N_("人脸核验没有通过，对方可以在有效期内用同一链接再试。"),
    6: N_("人脸核验已通过，等对方验证手机号。"),
    7: N_("短信验证码已发出，等对方填写。"),
    PHONE_FAILED: N_("手机验证没有通过，对方可以在有效期内用同一链接再试。"),
    9: N_("身份和手机都已核验，微信正在创建小程序。"),
    10: N_("微信正在创建小程序。"),
    12: N_("微信已创建小程序，正在取得它的 AppID。"),
    CONVERTED: N_("微信已完成转正，正在更新资料。"),
}


@provider.app_template_global()
def registration_badge(case: Registration) -> Markup:
    text, tone, _turn = STATUSES[RegistrationStatus(case.status)]
    if kind_of(case).of_trial:
        text = _CONVERSIONS.get(RegistrationStatus(case.status), text)
    return badge(_(text), tone)


@provider.app_template_global()
def registration_turn(case: Registration) -> str:
    return str(STATUSES[RegistrationStatus(case.status)][2])


@provider.app_template_global()
def registration_kind(case: Registration) -> str:
    return str(_(kind_of(case).label))


@provider.app_template_global()
def remaining(moment: datetime) -> str:
    """How long it still is until then, in words."""
    return span(max((moment - clock.now()).total_seconds(), 0))


@provider.app_template_global()
def moment(text: str) -> datetime:
    """A moment from a row's JSON."""
    return datetime.fromisoformat(text)


@provider.app_template_global()
def count_running_registrations() -> int:
    return registration.count_running(g.db)


@provider.app_template_global()
def registrations_of_merchant(merchant: Merchant) -> list[Registration]:
    return registration.find_registrations(g.db, merchant_id=merchant.id, limit=5)


def label_of(kind: RegistrationKind, field: str) -> str:
    """What this kind of registration calls a field."""
    return str(_(_OWN_LABELS.get((kind, field), LABELS[field])))


def help_of(kind: RegistrationKind, field: str, known: RegistrationData) -> str:
    """What to write there; of what screens never show whole, the beginning of what is known."""
    msgid = _OWN_HELP.get((kind, field)) or _HELP.get(field)
    stored = masked(getattr(known, field) or "") if field in PERSON else ""
    kept = _("已有 %(value)s，不修改请留空。", value=stored) if stored else ""
    return " ".join(filter(None, [_(msgid) if msgid else "", kept]))


def note_on(case: Registration) -> str:
    """What WeChat said last about an open case."""
    return _(_NOTES[case.task_state]) if case.task_state in _NOTES else ""


def steps_of(case: Registration) -> list[dict[str, str]]:
    """The way of a case: what is done, what is under way, where it stopped."""
    status = RegistrationStatus(case.status)
    reached = {_S.DRAFT: 1, _S.SENDING: 1, _S.WAITING_PERSON: 2, _S.CHECKING: 3, _S.DONE: 5}.get(status)
    stopped = reached is None
    if reached is None:
        by_person = status is not _S.FAILED or case.status_code in {DECLINED, FACE_FAILED, PHONE_FAILED}
        refused = not case.link or case.errcode is not None
        reached = 3 if case.kind == _K.OFFIACCOUNT else 1 if refused else 2 if by_person else 3
    here = "failed" if stopped else "todo" if status is _S.DRAFT else "now"
    labels = [_("填写资料"), _("提交给微信"), _("本人确认"), _("微信核验并创建")]
    states = [
        "done" if place < reached else "todo" if place > reached else here for place in range(len(labels))
    ]  # fmt: skip
    return [{"label": label, "state": state, "detail": ""} for label, state in zip(labels, states, strict=True)]


@provider.app_template_global()
def registration_reason(code: int | None) -> Reason | None:
    """Why WeChat did not register, unless the call itself was refused."""
    return reason_of(code) if code else None
