"""What WeChat would refuse in the facts of a registration, found before anything is sent."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from saas.errors import N_, Invalid
from saas.programs.registration_models import RegistrationKind

_LETTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_PHONE = re.compile(r"\+?[0-9][0-9 -]{5,18}[0-9]")
_WECHAT_ID = re.compile(r"[A-Za-z][A-Za-z0-9_-]{5,19}")
_OPENID = re.compile(r"o[A-Za-z0-9_-]{5,39}")
_APPID = re.compile(r"wx[0-9a-f]{16}")
_NOT_IN_TRIAL_NAMES = ("小程序", "微信", "腾讯")


def check_fact(name: str, value: Any, kind: RegistrationKind) -> Any:
    """The value as it is kept; raises Invalid at the field of this name."""
    return _CHECKS[name](value, kind)


def read_credit_code(text: str) -> str:
    """A unified social credit code, whose last letter is computed from the others (GB 32100-2015)."""
    code = text.strip().upper()
    if len(code) != 18:
        raise Invalid(
            N_("统一社会信用代码应为 18 位，您填了 %(count)d 位"), field="company_code", count=len(code),
            hint=N_("微信的快速注册只认统一社会信用代码；还在用旧执照的，请先换成三证合一的执照。"),
        )  # fmt: skip
    if any(letter not in _LETTERS for letter in code):
        raise Invalid(
            N_("统一社会信用代码只含数字和大写字母，没有 I、O、S、V、Z"), field="company_code",
            hint=N_("请检查是否把 0 写成了 O、把 1 写成了 I。"),
        )  # fmt: skip
    total = sum(_LETTERS.index(letter) * pow(3, place, 31) for place, letter in enumerate(code[:17]))
    if _LETTERS[-total % 31] != code[17]:
        raise Invalid(N_("统一社会信用代码的校验位不对，可能抄错了某一位"), field="company_code")
    return code


def _name(text: str, kind: RegistrationKind) -> str:
    name = text.strip()
    if kind is RegistrationKind.TRIAL:
        if not 4 <= len(name) <= 30:
            raise Invalid(N_("名称要有 4 到 30 个字"), field="name")
        for word in _NOT_IN_TRIAL_NAMES:
            if word in name:
                raise Invalid(N_("名称里不能有“%(word)s”"), field="name", word=word)
    elif not 2 <= len(name) <= 100:
        raise Invalid(N_("请填写营业执照上的完整名称"), field="name")
    return name


def _fits(form: re.Pattern[str], field: str, message: str) -> Callable[[str, RegistrationKind], str]:
    def check(text: str, _kind: RegistrationKind) -> str:
        value = text.strip()
        if not form.fullmatch(value):
            raise Invalid(message, field=field)
        return value

    return check


def _person_name(text: str, _kind: RegistrationKind) -> str:
    name = text.strip()
    if not 2 <= len(name) <= 60:
        raise Invalid(N_("请填写身份证上的姓名"), field="person_name")
    return name


_CHECKS: dict[str, Callable[[Any, RegistrationKind], Any]] = {
    "name": _name,
    "company_code": lambda text, _kind: read_credit_code(text),
    "component_phone": _fits(_PHONE, "component_phone", N_("电话号码格式不正确")),
    "person_name": _person_name,
    "person_wechat": _fits(
        _WECHAT_ID, "person_wechat", N_("微信号应为 6 到 20 位字母、数字、下划线或短横线，以字母开头")
    ),
    "person_openid": _fits(_OPENID, "person_openid", N_("openid 以小写字母 o 开头，请从您的公众号或小程序后台复制")),
    "offiaccount_appid": _fits(_APPID, "offiaccount_appid", N_("AppID 以 wx 开头，后面是 16 位数字和小写字母")),
    "copies_verification": lambda value, _kind: bool(value),
}  # fmt: skip
