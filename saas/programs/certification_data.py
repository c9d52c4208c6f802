"""What a certification asks for: the fields and their rules, what is still missing, and the body that WeChat takes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from saas.errors import N_, Invalid

COMPANY, PERSON, INDIVIDUAL = "1", "15", "12"
FREE_NAME, TRADE_MARK = "1", "2"
PROVIDER_PAYS, MERCHANT_PAYS = "1", "2"
NO_INVOICE, ELECTRONIC, VAT = "1", "2", "4"

CUSTOMER_TYPES = {
    COMPANY: N_("企业"),
    INDIVIDUAL: N_("个体工商户"),
    PERSON: N_("个人"),
    "2": N_("企业媒体"),
    "3": N_("政府"),
    "4": N_("非盈利组织"),
    "5": N_("民营非企业"),
    "6": N_("盈利组织"),
    "8": N_("社会团体"),
    "9": N_("事业媒体"),
    "11": N_("事业单位"),
    "14": N_("海外企业"),
}
NAME_TYPES = {FREE_NAME: N_("自选词汇"), TRADE_MARK: N_("商标名称")}
PAY_TYPES = {MERCHANT_PAYS: N_("商家自己付（管理员在微信里支付）"), PROVIDER_PAYS: N_("服务商付（用认证资源包）")}
INVOICE_TYPES = {NO_INVOICE: N_("不开发票"), ELECTRONIC: N_("电子发票"), VAT: N_("增值税专用发票（数电）")}

MOST_PICTURES = 10


class Part(StrEnum):
    """The steps in which the data is asked for."""

    BASICS = "basics"
    CONTACT = "contact"
    INVOICE = "invoice"


@dataclass(frozen=True)
class Field:
    """`label` is a msgid. Screens mask what is `personal`. `shape` is what a value looks like, else it is `wrong`."""

    label: str
    part: Part
    personal: bool = False
    most: int = 120
    choices: Mapping[str, str] | None = None
    shape: str = ""
    wrong: str = N_("格式不正确")


_PHONE = r"[0-9+()\- ]{5,20}"
_WRONG_PHONE = N_("请填写电话号码，例如 0571-88001234 或手机号")

FIELDS: dict[str, Field] = {
    "customer_type": Field(N_("认证类型"), Part.BASICS, choices=CUSTOMER_TYPES),
    "account_name": Field(N_("认证的小程序名称"), Part.BASICS),
    "account_name_type": Field(N_("命名方式"), Part.BASICS, choices=NAME_TYPES),
    "pay_type": Field(N_("谁付审核费"), Part.BASICS, choices=PAY_TYPES),
    "service_appid": Field(
        N_("服务市场 AppID"), Part.BASICS, shape=r"wx[0-9a-f]{16}", wrong=N_("AppID 以 wx 开头，共 18 位")
    ),
    "identification": Field(N_("认证身份"), Part.BASICS),
    "third_party_phone": Field(N_("服务商联系电话"), Part.CONTACT, most=20, shape=_PHONE, wrong=_WRONG_PHONE),
    "contact_name": Field(N_("联系人姓名"), Part.CONTACT, personal=True, most=30),
    "contact_email": Field(
        N_("联系人邮箱"), Part.CONTACT, personal=True, shape=r"[^@\s]+@[^@\s]+\.[^@\s.]+", wrong=N_("邮箱格式不正确")
    ),
    "contact_mobile": Field(
        N_("联系人手机"), Part.CONTACT, personal=True, most=11, shape=r"1\d{10}", wrong=N_("请填写 11 位手机号")
    ),
    "invoice_type": Field(N_("发票"), Part.INVOICE, choices=INVOICE_TYPES),
    "invoice_title": Field(N_("发票抬头"), Part.INVOICE),
    "taxpayer_id": Field(
        N_("纳税人识别号"), Part.INVOICE, most=20, shape=r"[0-9A-Z]{15}|[0-9A-Z]{17}|[0-9A-Z]{18}|[0-9A-Z]{20}",
        wrong=N_("纳税人识别号为 15、17、18 或 20 位数字和大写字母"),
    ),
    "invoice_note": Field(N_("发票备注"), Part.INVOICE),
    "company_phone": Field(N_("公司电话"), Part.INVOICE, most=20, shape=_PHONE, wrong=_WRONG_PHONE),
    "company_address": Field(N_("公司注册地址"), Part.INVOICE),
    "bank_name": Field(N_("开户银行"), Part.INVOICE),
    "bank_account": Field(
        N_("银行账号"), Part.INVOICE, personal=True, most=34, shape=r"[0-9A-Za-z ]{8,34}",
        wrong=N_("银行账号为 8 到 34 位"),
    ),
    "recipient_name": Field(N_("收件人"), Part.INVOICE, personal=True, most=30),
    "recipient_phone": Field(
        N_("收件人电话"), Part.INVOICE, personal=True, most=20, shape=_PHONE, wrong=_WRONG_PHONE
    ),
    "province": Field(N_("省份"), Part.INVOICE, most=30),
    "city": Field(N_("城市"), Part.INVOICE, most=30),
    "district": Field(N_("区县"), Part.INVOICE, most=30),
    "street": Field(N_("详细地址"), Part.INVOICE, personal=True),
    "postcode": Field(N_("邮政编码"), Part.INVOICE, most=6, shape=r"\d{6}", wrong=N_("邮政编码为 6 位数字")),
}  # fmt: skip
PERSONAL = tuple(name for name, field in FIELDS.items() if field.personal)
_OF_INVOICE = {
    ELECTRONIC: ("invoice_title", "taxpayer_id", "invoice_note"),
    VAT: (
        "invoice_title", "taxpayer_id", "invoice_note", "company_phone", "company_address", "bank_name", "bank_account",
        "recipient_name", "recipient_phone", "province", "city", "district", "street", "postcode",
    ),
}  # fmt: skip

QUALIFICATION, OTHERS, NAME_PROOF, IDENTITY_PROOF = (
    "qualification", "qualification_other", "account_supplemental", "auth_ident_material",
)  # fmt: skip
PAPERS = {
    QUALIFICATION: N_("主体资质证明（如营业执照）"),
    OTHERS: N_("其他资质证明"),
    NAME_PROOF: N_("名称的证明（商标注册证、授权书等）"),
    IDENTITY_PROOF: N_("认证身份的证明"),
}


_NAMED = {
    "customer_type": ("认证类型", "主体类型"),
    "account_name": ("名称",),
    "account_name_type": ("命名方式",),
    QUALIFICATION: ("执照", "资质", "登记证", "主体证明"),
    NAME_PROOF: ("商标", "授权书", "著作权"),
    IDENTITY_PROOF: ("身份证明", "职业", "从业"),
    "contact_name": ("联系人",),
    "contact_email": ("邮箱", "邮件"),
    "contact_mobile": ("手机", "电话", "接听"),
    "invoice_title": ("发票", "抬头"),
    "taxpayer_id": ("税号", "识别号"),
}
"""Words by which reviewers, who write free text, name what they send back."""


def named_in(reason: str) -> dict[str, Part]:
    """The fields and papers that WeChat's reason seems to be about, each with its part, in the order of the form."""
    names = [name for name, words in _NAMED.items() if any(word in reason for word in words)]
    return {name: FIELDS[name].part if name in FIELDS else Part.BASICS for name in names}


class Faults(Invalid):
    """Several fields hold what cannot be; `errors` has one for each."""

    def __init__(self, errors: Sequence[Invalid]) -> None:
        super().__init__(errors[0].message, field=errors[0].field, **errors[0].params)
        self.errors = tuple(errors)


@dataclass(frozen=True)
class Lacking:
    """Something that has to be given before the start; `label` and `why` are msgids."""

    field: str
    part: Part
    label: str
    why: str = ""


def refuse_faults(values: Mapping[str, str]) -> None:
    """Raise Faults for what is given but cannot be; nothing has to be given."""
    if errors := [error for name, value in values.items() if value for error in _faults(name, value)]:
        raise Faults(errors)


def _faults(name: str, value: str) -> Iterator[Invalid]:
    field = FIELDS[name]
    if field.choices is not None and value not in field.choices:
        yield Invalid(N_("请选择列出的选项"), field=name)
    elif len(value) > field.most:
        yield Invalid(N_("不能超过 %(max)d 个字符"), field=name, max=field.most)
    elif field.shape and not re.fullmatch(field.shape, value):
        yield Invalid(field.wrong, field=name)


def asked_for(values: Mapping[str, str], *, refill: bool = False) -> tuple[str, ...]:
    """The fields that matter, given the choices made. `refill`: for handing in again what was sent back."""
    names = ["customer_type", "account_name", "account_name_type", "pay_type"]
    if values.get("pay_type") == PROVIDER_PAYS:
        names.append("service_appid")
    if values.get("customer_type") == PERSON:
        names.append("identification")
    names += ["contact_name", "contact_email", *(["contact_mobile"] if refill else []), "third_party_phone"]
    if values.get("pay_type") != PROVIDER_PAYS:
        names += ["invoice_type", *_OF_INVOICE.get(values.get("invoice_type", ""), ())]
    return tuple(names)


_OPTIONAL = ("identification", "invoice_note", "contact_mobile")


def lacking(values: Mapping[str, str], papers: Mapping[str, Sequence[str]]) -> list[Lacking]:
    """What has to be given or put right before WeChat can be asked, in the order of the form."""
    found = [
        Lacking(name, FIELDS[name].part, FIELDS[name].label)
        for name in asked_for(values)
        if not values.get(name) and name not in _OPTIONAL
    ]
    is_person = values.get("customer_type") == PERSON
    wanted = [
        (QUALIFICATION, not is_person),
        (NAME_PROOF, values.get("account_name_type") == TRADE_MARK),
        (IDENTITY_PROOF, is_person and bool(values.get("identification"))),
    ]
    found += [Lacking(name, Part.BASICS, PAPERS[name]) for name, needed in wanted if needed and not papers.get(name)]
    if is_person and values.get("pay_type") == MERCHANT_PAYS and values.get("invoice_type") == VAT:
        found.append(
            Lacking("invoice_type", Part.INVOICE, FIELDS["invoice_type"].label, N_("个人认证只能不开票或开电子发票"))
        )
    return sorted(found, key=lambda one: list(Part).index(one.part))


def masked(name: str, value: str) -> str:
    """A value as screens show it."""
    if not value or not FIELDS[name].personal:
        return value
    if name == "contact_email":
        local, _, host = value.partition("@")
        return f"{local[:1]}***@{host}"
    if len(value) >= 7:
        return f"{value[:3]}****{value[-2:]}"
    return f"{value[:1]}**"


def auth_data(
    values: Mapping[str, str], papers: Mapping[str, Sequence[str]], upload: Callable[[str], str], *, task_id: str = ""
) -> dict[str, Any]:
    """WeChat's ``auth_data``, for a certification of its own as for one together with the filing.

    `upload` hands a stored picture to WeChat and answers its media id: the combined way wants another interface than
    the plain one. With `task_id` it is for handing in again what was sent back.
    """
    contact = {"name": values["contact_name"], "email": values["contact_email"]}
    if task_id and values.get("contact_mobile"):
        contact["mobile"] = values["contact_mobile"]
    data: dict[str, Any] = {
        "customer_type": int(values["customer_type"]),
        "contact_info": contact,
        "invoice_info": _invoice(values),
        "account_name": values["account_name"],
        "account_name_type": int(values["account_name_type"]),
        "pay_type": int(values["pay_type"]),
        "third_party_phone": values["third_party_phone"],
    }
    is_person = values["customer_type"] == PERSON
    if task_id:
        data["taskid"] = task_id
    if values["pay_type"] == PROVIDER_PAYS:
        data["service_appid"] = values["service_appid"]
    if is_person and values.get("identification"):
        data["auth_identification"] = values["identification"]
    for field in PAPERS:
        files = papers.get(field) or ()
        if field == QUALIFICATION and files:
            data[field] = upload(files[0])
        elif files and (field != IDENTITY_PROOF or is_person):
            data[field] = [upload(file_id) for file_id in files]
    return data


def _invoice(values: Mapping[str, str]) -> dict[str, Any]:
    """When the provider pays, WeChat wants to hear that there is no invoice."""
    kind = NO_INVOICE if values["pay_type"] == PROVIDER_PAYS else values["invoice_type"]
    invoice: dict[str, Any] = {"invoice_type": int(kind)}
    if kind == NO_INVOICE:
        return invoice
    invoice["invoice_title"] = values["invoice_title"]
    taxes = {"id": values["taxpayer_id"], "desc": values.get("invoice_note", "")}
    if kind == ELECTRONIC:
        return {**invoice, "electronic": taxes}
    sent_to = {
        "name": values["recipient_name"], "phone": values["recipient_phone"], "province": values["province"],
        "city": values["city"], "district": values["district"], "address": values["street"],
        "mailing_address": values["postcode"],
    }  # fmt: skip
    company = {
        "enterprise_phone": values["company_phone"], "enterprise_address": values["company_address"],
        "bank_name": values["bank_name"], "bank_account": values["bank_account"],
    }  # fmt: skip
    return {**invoice, "vat": {**taxes, **company, **sent_to}}
