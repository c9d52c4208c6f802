"""Merchants: the companies and people that a provider works for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from typing import Any
from uuid import UUID

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from saas import clock
from saas.errors import N_, Conflict, Invalid, NotFound
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require
from saas.tenants.models import Merchant

_CODE_TYPES = {1: re.compile(r"[0-9A-Z]{18}"), 2: re.compile(r"[0-9A-Z]{8}-?[0-9A-Z]"), 3: re.compile(r"[0-9A-Z]{15}")}
_WECHAT_ID = re.compile(r"[A-Za-z][A-Za-z0-9_-]{5,19}")
_PHONE = re.compile(r"\+?[0-9][0-9 -]{4,22}[0-9]")
_EXT_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
_EXT_VALUES_LIMIT = 100
_EXT_VALUE_LENGTH = 2000
_TAGS_LIMIT = 10


@dataclass(frozen=True)
class MerchantData:
    """What a form says about a merchant. None keeps what is stored of what screens never show whole.

    `company_code_type` is WeChat's (see Merchant); 0 finds it out from the code's form.
    """

    name: str
    company_name: str = ""
    company_code: str = ""
    company_code_type: int = 0
    legal_name: str | None = None
    legal_wechat: str | None = None
    contact_name: str = ""
    contact_phone: str | None = None
    contact_email: str = ""
    tags: tuple[str, ...] = field(default=())
    note: str = ""


def get_merchant(db: Session, who: Who, merchant_id: UUID, verb: Verb) -> Merchant:
    """The door: a merchant that `who` may do `verb` to. A merchant's person reaches her own only."""
    query = select(Merchant).where(Merchant.id == merchant_id, Merchant.provider_id == who.provider_id)
    if who.is_merchant:
        query = query.where(Merchant.id.in_(who.merchant_ids))
    merchant = db.scalar(query)
    if merchant is None:
        raise NotFound()
    require(who.at(merchant.id), verb)
    return merchant


def load_merchant(db: Session, merchant_id: UUID) -> Merchant:
    """A merchant for a job, which runs in its provider's session."""
    merchant = db.scalar(select(Merchant).where(Merchant.id == merchant_id))
    if merchant is None:
        raise NotFound()
    return merchant


def add_merchant(db: Session, data: MerchantData, *, who: Who) -> Merchant:
    """Add a merchant; raises Invalid naming the field that cannot be accepted."""
    require(who, Verb.WORK)
    merchant = Merchant(provider_id=who.provider_id, name="")
    _write(merchant, data)
    db.add(merchant)
    db.flush()
    activity.record(db, who, "merchant.add", merchant)
    return merchant


def edit_merchant(db: Session, merchant: Merchant, data: MerchantData, *, who: Who) -> None:
    """Change a merchant's data; the log names the fields that changed, never their values."""
    require(who, Verb.WORK)
    before = {one.name: getattr(merchant, one.name) for one in fields(MerchantData)}
    _write(merchant, data)
    changed = [name for name, value in before.items() if getattr(merchant, name) != value]
    if changed:
        activity.record(db, who, "merchant.edit", merchant, detail={"fields": changed})


def archive_merchant(db: Session, merchant: Merchant, *, who: Who) -> None:
    """Put a merchant away: it leaves the lists and its people can no longer come in; nothing is deleted."""
    require(who, Verb.WORK)
    _claim_archived(db, merchant, archived=True)
    activity.record(db, who, "merchant.archive", merchant)


def restore_merchant(db: Session, merchant: Merchant, *, who: Who) -> None:
    """Bring an archived merchant back."""
    require(who, Verb.WORK)
    _claim_archived(db, merchant, archived=False)
    activity.record(db, who, "merchant.restore", merchant)


def reveal_phone(db: Session, merchant: Merchant, *, who: Who) -> str:
    """The contact's whole phone number, for somebody who has to call; every look is recorded."""
    require(who, Verb.WORK)
    activity.record(db, who, "merchant.phone.view", merchant)
    return merchant.contact_phone


def reveal_legal(db: Session, merchant: Merchant, *, who: Who) -> tuple[str, str]:
    """The legal person's whole name and WeChat id; every look is recorded."""
    require(who, Verb.WORK)
    activity.record(db, who, "merchant.legal.view", merchant)
    return merchant.legal_name, merchant.legal_wechat


def set_merchant_values(db: Session, merchant: Merchant, rows: Iterable[tuple[str, str]], *, who: Who) -> None:
    """Replace the values that template variables take for this merchant's mini programs."""
    require(who, Verb.WORK)
    merchant.ext_values = read_ext_values(rows)
    activity.record(db, who, "merchant.values.edit", merchant, detail={"keys": sorted(merchant.ext_values)})


def read_ext_values(rows: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Key and value rows of a form as a mapping. Rows without a key and value are skipped; raises Invalid."""
    values: dict[str, str] = {}
    for key, value in ((key.strip(), value.strip()) for key, value in rows):
        if not key and not value:
            continue
        if not _EXT_KEY.fullmatch(key):
            raise Invalid(
                N_("变量名“%(key)s”不可用"),
                field="ext_values",
                hint=N_("变量名以英文字母或下划线开头，只含字母、数字、“_”“.”“-”，最多 64 个字符。"),
                key=key,
            )
        if key in values:
            raise Invalid(N_("变量“%(key)s”填了两次"), field="ext_values", key=key)
        if len(value) > _EXT_VALUE_LENGTH:
            raise Invalid(
                N_("变量“%(key)s”的值超过 %(limit)s 个字符"), field="ext_values", key=key, limit=_EXT_VALUE_LENGTH
            )
        values[key] = value
    if len(values) > _EXT_VALUES_LIMIT:
        raise Invalid(N_("变量最多 %(limit)s 个"), field="ext_values", limit=_EXT_VALUES_LIMIT)
    return values


def find_merchants(
    db: Session, *, text: str = "", tag: str = "", archived: bool = False, before: UUID | None = None, limit: int = 50
) -> list[Merchant]:
    """The provider's merchants, newest first, by name, company, contact or tag; `before` is the last id shown."""
    query = select(Merchant).order_by(Merchant.id.desc()).limit(limit)
    query = query.where(Merchant.archived_at.is_not(None) if archived else Merchant.archived_at.is_(None))
    if text:
        query = query.where(
            or_(
                Merchant.name.icontains(text, autoescape=True),
                Merchant.company_name.icontains(text, autoescape=True),
                Merchant.contact_name.icontains(text, autoescape=True),
                Merchant.company_code == text.upper(),
                Merchant.tags.contains([text]),
            )
        )
    if tag:
        query = query.where(Merchant.tags.contains([tag]))
    if before is not None:
        query = query.where(Merchant.id < before)
    return list(db.scalars(query))


def merchants_of(db: Session, who: Who) -> list[Merchant]:
    """The merchants that a merchant's person belongs to, by name."""
    query = select(Merchant).where(Merchant.id.in_(who.merchant_ids)).order_by(Merchant.name)
    return list(db.scalars(query))


def tags_in_use(db: Session, limit: int = 50) -> list[str]:
    """The tags of merchants that are not archived, the most used first."""
    tag = func.unnest(Merchant.tags).label("tag")
    used = select(tag).where(Merchant.archived_at.is_(None)).subquery()
    return list(
        db.scalars(select(used.c.tag).group_by(used.c.tag).order_by(func.count().desc(), used.c.tag).limit(limit))
    )


def check_data(data: MerchantData) -> None:
    """Raise Invalid, naming the field, for what a form would not accept."""
    _checked(data)


def masked_phone(phone: str) -> str:
    """A phone number as screens show it: the middle is hidden."""
    digits = phone.strip()
    if len(digits) < 8:
        return "*" * len(digits)
    return f"{digits[:3]}****{digits[-4:]}"


def masked(text: str) -> str:
    """A name or an id as screens show it: the first letter and stars."""
    return text[:1] + "*" * min(len(text) - 1, 5) if text else ""


def _write(merchant: Merchant, data: MerchantData) -> None:
    """Write what the form says, or nothing at all when any of it cannot be accepted."""
    for name, value in _checked(data).items():
        setattr(merchant, name, value)


def _checked(data: MerchantData) -> dict[str, Any]:
    values: dict[str, Any] = {
        "name": _text(data.name, "name", 60),
        "company_name": _text(data.company_name, "company_name", 120),
        "company_code": _text(data.company_code, "company_code", 18).upper(),
        "contact_name": _text(data.contact_name, "contact_name", 60),
        "contact_email": _email(data.contact_email),
        "tags": read_tags(data.tags),
        "note": _text(data.note, "note", 2000),
    }
    if not values["name"]:
        raise Invalid(N_("请填写商家名称"), field="name")
    values["company_code_type"] = _code_type(values["company_code"], data.company_code_type)
    for name, value in (("legal_name", data.legal_name), ("legal_wechat", data.legal_wechat)):
        if value is not None:
            values[name] = _text(value, name, 60)
    if values.get("legal_wechat") and not _WECHAT_ID.fullmatch(values["legal_wechat"]):
        raise Invalid(N_("微信号应为 6 到 20 位字母、数字、下划线或短横线，以字母开头"), field="legal_wechat")
    if data.contact_phone is not None:
        values["contact_phone"] = _text(data.contact_phone, "contact_phone", 24)
        if values["contact_phone"] and not _PHONE.fullmatch(values["contact_phone"]):
            raise Invalid(N_("电话号码格式不正确"), field="contact_phone")
    return values


def _code_type(code: str, given: int) -> int | None:
    """WeChat's number for the kind of code: as given, or what its form says."""
    if not code:
        return None
    fitting = [kind for kind, form in _CODE_TYPES.items() if form.fullmatch(code)]
    if not fitting:
        raise Invalid(
            N_("企业代码应为 18 位统一社会信用代码、9 位组织机构代码或 15 位营业执照注册号"), field="company_code"
        )
    if given and given not in fitting:
        raise Invalid(N_("企业代码与所选的代码类型不符"), field="company_code_type")
    return fitting[0]


def _email(value: str) -> str:
    address = _text(value, "contact_email", 254)
    if not address:
        return ""
    try:
        return validate_email(address, check_deliverability=False).normalized
    except EmailNotValidError:
        raise Invalid(N_("邮箱格式不正确"), field="contact_email") from None


def _text(value: str, name: str, longest: int) -> str:
    text = value.strip()
    if len(text) > longest:
        raise Invalid(N_("最多 %(limit)s 个字符"), field=name, limit=longest)
    return text


def read_tags(tags: Iterable[str]) -> list[str]:
    """Tags as typed, each once; raises Invalid."""
    found = list(dict.fromkeys(_text(tag, "tags", 20) for tag in tags if tag.strip()))
    if len(found) > _TAGS_LIMIT:
        raise Invalid(N_("标签最多 %(limit)s 个"), field="tags", limit=_TAGS_LIMIT)
    return found


def _claim_archived(db: Session, merchant: Merchant, *, archived: bool) -> None:
    """The change happens once, whoever else clicks at the same moment."""
    now = clock.now()
    here = Merchant.archived_at.is_(None) if archived else Merchant.archived_at.is_not(None)
    changed = db.execute(
        update(Merchant)
        .where(Merchant.id == merchant.id, here)
        .values(archived_at=now if archived else None)
        .returning(Merchant.id)
    ).first()
    if changed is None:
        raise Conflict(N_("该商家已归档") if archived else N_("该商家未归档"))
