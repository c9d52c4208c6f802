"""What a privacy guide says: whom users reach, which information is collected for what, which SDKs take part.

A guide is a plain value; people write it, templates hold it, WeChat reads and answers it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cache
from typing import Any

from saas.errors import N_, Invalid
from saas.wx.api.privacy import OwnerSetting, PrivacySetting
from saas.wx.contract.operations import code_table

CONTACTS = ("contact_phone", "contact_email", "contact_weixin", "contact_qq")
LONGEST_PURPOSE = 200
MOST_SDKS = 20
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_PHONE = re.compile(r"[0-9+() -]{5,20}")
_DAYS = re.compile(r"[1-9][0-9]{0,4}")
_LEADING = re.compile(r"^(为了|用于)")
_LONGEST = 60


@dataclass(frozen=True)
class Sdk:
    """A third party's code inside the mini program; `purposes` as in `Guide`."""

    name: str
    company: str
    purposes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Guide:
    """`days` is how long data is kept, "" for WeChat's standard text. `purposes` by WeChat's key or an own word.

    `own_text` is the id of a kept file, in what WeChat answers a media id. `merchants_contact`: in a template, phone
    and e-mail are those of each mini program's merchant.
    """

    contact_phone: str = ""
    contact_email: str = ""
    contact_weixin: str = ""
    contact_qq: str = ""
    notice_method: str = ""
    days: str = ""
    purposes: Mapping[str, str] = field(default_factory=dict)
    sdks: tuple[Sdk, ...] = ()
    own_text: str = ""
    merchants_contact: bool = False

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Guide:
        """From what `plain` made; what is not known is left out."""
        given = {name: plain[name] for name in _NAMES & plain.keys()}
        given["sdks"] = tuple(Sdk(**one) for one in plain.get("sdks") or ())
        return cls(**given)

    def plain(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def contacts(self) -> dict[str, str]:
        return {name: value for name in CONTACTS if (value := getattr(self, name))}

    @property
    def is_empty(self) -> bool:
        return not self.notice_method and not self.purposes


_NAMES = {one.name for one in fields(Guide)}


@cache
def labels() -> dict[str, str]:
    """WeChat's Chinese name of every key that may be declared, in its order."""
    return {key: facts["zh"] for key, facts in code_table("privacy_keys").items()}


def label_of(key: str) -> str:
    """An own word stands for itself."""
    return labels().get(key, key)


def key_of(label: str) -> str:
    """The key of a Chinese name, of a key, or an own word as it is."""
    return next((key for key, name in labels().items() if label in (key, name)), label)


# What people write


def check_guide(guide: Guide) -> Guide:
    """The guide as WeChat takes it; raises Invalid at the field that WeChat would refuse."""
    if not guide.contacts and not guide.merchants_contact:
        raise Invalid(N_("请至少填写一种联系方式"), field="contact_phone")
    if guide.contact_phone and not _PHONE.fullmatch(guide.contact_phone):
        raise Invalid(N_("电话格式不正确"), field="contact_phone")
    if guide.contact_email and not _EMAIL.fullmatch(guide.contact_email):
        raise Invalid(N_("邮箱格式不正确"), field="contact_email")
    if not guide.notice_method:
        raise Invalid(N_("请填写怎样通知用户"), field="notice_method")
    for name in (*CONTACTS, "notice_method"):
        if len(getattr(guide, name)) > _LONGEST:
            raise Invalid(N_("不能超过 %(most)d 个字"), field=name, most=_LONGEST)
    if guide.days and not _DAYS.fullmatch(guide.days):
        raise Invalid(N_("请填写天数，例如 30；不填则由微信写“最短必要时间”"), field="days")
    for number, sdk in enumerate(guide.sdks):
        if not sdk.name or not sdk.company or not sdk.purposes:
            raise Invalid(N_("SDK 的名称、提供方和收集的信息都要填写"), field=f"sdk_{number}")
    return replace(
        guide, purposes=_checked(guide.purposes, "purpose_{}"),
        sdks=tuple(replace(sdk, purposes=_checked(sdk.purposes, f"sdk_{n}")) for n, sdk in enumerate(guide.sdks)),
    )  # fmt: skip


def _checked(purposes: Mapping[str, str], field_name: str) -> dict[str, str]:
    """WeChat builds the sentence around the purpose, so it begins without 为了 or 用于."""
    found = {key: _LEADING.sub("", text.strip()) for key, text in purposes.items()}
    for key, text in found.items():
        if not text:
            raise Invalid(N_("请写明“%(name)s”的用途"), field=field_name.format(key), name=label_of(key))
        if len(text) > LONGEST_PURPOSE:
            raise Invalid(
                N_("“%(name)s”的用途不能超过 %(most)d 个字"), field=field_name.format(key), name=label_of(key),
                most=LONGEST_PURPOSE,
            )  # fmt: skip
    return found


# Templates and mini programs


def missing_keys(guide: Guide, used: Iterable[str]) -> list[str]:
    """What the code collects and the guide says no purpose for."""
    return [key for key in used if not guide.purposes.get(key)]


def from_template(
    template: Guide, now: Guide, used: Collection[str], *, only_used: bool, phone: str, email: str
) -> Guide:
    """What a mini program's guide becomes by a template. What it says already stays where the code uses it and the
    template is silent. `only_used` leaves out what the scan did not find. `phone` and `email` are the merchant's.
    """
    kept = {key: text for key, text in now.purposes.items() if key in used}
    added = {key: text for key, text in template.purposes.items() if key in used or not only_used}
    contact: dict[str, Any] = {"contact_phone": phone, "contact_email": email} if template.merchants_contact else {}
    return replace(template, purposes=kept | added, merchants_contact=False, **contact)


# What WeChat reads and answers


def owner_setting(guide: Guide, own_text: str = "") -> OwnerSetting:
    """`own_text` is the media id of the uploaded file."""
    owner = {**guide.contacts, "notice_method": guide.notice_method}
    if guide.days:
        owner["store_expire_timestamp"] = f"{guide.days}天"
    if own_text:
        owner["ext_file_media_id"] = own_text
    return owner  # type: ignore[return-value]


def setting_list(purposes: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"privacy_key": key, "privacy_text": text} for key, text in purposes.items()]


def sdk_list(guide: Guide) -> list[dict[str, Any]]:
    return [
        {"sdk_name": sdk.name, "sdk_biz_name": sdk.company, "sdk_list": setting_list(sdk.purposes)}
        for sdk in guide.sdks
    ]


def read_guide(answer: PrivacySetting) -> Guide:
    """The guide in WeChat's answer."""
    owner: Mapping[str, Any] = answer.get("owner_setting") or {}
    said: dict[str, Any] = {name: str(owner.get(name) or "") for name in (*CONTACTS, "notice_method")}
    return Guide(
        **said,
        days=str(owner.get("store_expire_timestamp") or "").removesuffix("天"),
        own_text=str(owner.get("ext_file_media_id") or ""),
        purposes=_purposes(answer.get("setting_list") or ()),
        sdks=tuple(
            Sdk(one.get("sdk_name") or "", one.get("sdk_biz_name") or "", _purposes(one.get("sdk_list") or ()))
            for one in answer.get("sdk_privacy_info_list") or ()
        ),
    )  # fmt: skip


def _purposes(items: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Those without a text were found by the scan and declared by nobody."""
    return {str(one["privacy_key"]): str(one["privacy_text"]) for one in items if one.get("privacy_text")}
