"""The fields of a filing, as one table: where WeChat has them, what they are called, who has to fill them in.

A path is WeChat's, so its hints land on our fields; LEGAL and SAME are questions of ours that decide which fields there
are. Labels are WeChat's words, so that the reasons of its reviewers, which name labels only, find their fields.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from saas.errors import N_
from saas.programs.filing_models import Values
from saas.programs.filing_tables import PERSON


class Part(StrEnum):
    """The three pages of the form."""

    SUBJECT = "subject"
    PROGRAM = "program"
    MATERIALS = "materials"

    @property
    def label(self) -> str:
        """A msgid."""
        return {"subject": N_("主体信息"), "program": N_("小程序信息"), "materials": N_("备案材料")}[self]


class Kind(StrEnum):
    TEXT = "text"
    AREA = "area"
    MOBILE = "mobile"
    PHONE = "phone"
    EMAIL = "email"
    CERTIFICATE = "certificate"
    DAY = "day"
    LAST_DAY = "last_day"
    CHOICE = "choice"
    SERVICES = "services"
    YES_NO = "yes_no"
    PICTURE = "picture"
    VIDEO = "video"


class Need(StrEnum):
    HIDDEN = "hidden"
    OPTIONAL = "optional"
    REQUIRED = "required"


Rule = Callable[[Values], Need]

TYPE = "icp_subject.base_info.type"
NAME = "icp_subject.base_info.name"
PROVINCE, CITY, DISTRICT = (f"icp_subject.base_info.{level}" for level in ("province", "city", "district"))
SUBJECT_PERSON, PROGRAM_PERSON = "icp_subject.principal_info", "icp_applets.principal_info"
PAPER_TYPE = "icp_subject.organize_info.certificate_type"
PAPER_NUMBER = "icp_subject.organize_info.certificate_number"
PAPER_PHOTO = "icp_subject.organize_info.certificate_photo"
LEGAL_NAME, LEGAL_NUMBER = "icp_subject.legal_person_info.name", "icp_subject.legal_person_info.certificate_number"
SERVICES = "icp_applets.base_info.service_content_types"
COMMENT = "icp_applets.base_info.comment"
APPROVALS = "icp_applets.base_info.nrlx_details"
TASK = f"{PROGRAM_PERSON}.verify_task_id"
LEGAL, SAME = "legal_in_charge", "same_person"
MOST_APPROVALS = 4
MOST_SERVICES = 5


def of_person(values: Values) -> bool:
    """Whether a person files, not an organisation."""
    return bool(values.get(TYPE) == str(PERSON))


def legal_in_charge(values: Values) -> bool:
    """Whether the legal representative is in charge of the subject; true until somebody says no."""
    return of_person(values) or values.get(LEGAL) != "no"


def same_person(values: Values) -> bool:
    """Whether one person is in charge of subject and mini program; true until somebody says no."""
    return of_person(values) or values.get(SAME) != "no"


def _always(_values: Values) -> Need:
    return Need.REQUIRED


def _maybe(_values: Values) -> Need:
    return Need.OPTIONAL


def _of_organisations(values: Values) -> Need:
    return Need.HIDDEN if of_person(values) else Need.REQUIRED


def _of_persons(values: Values) -> Need:
    return Need.OPTIONAL if of_person(values) else Need.HIDDEN


def _unless_legal(values: Values) -> Need:
    return Need.HIDDEN if legal_in_charge(values) else Need.REQUIRED


def _unless_same(values: Values) -> Need:
    return Need.HIDDEN if same_person(values) else Need.REQUIRED


def _second_letter(values: Values) -> Need:
    """The person in charge of the mini program needs a letter unless she is the legal representative."""
    legal = values.get(f"{SUBJECT_PERSON}.certificate_number") if legal_in_charge(values) else values.get(LEGAL_NUMBER)
    if same_person(values) or (legal and values.get(f"{PROGRAM_PERSON}.certificate_number") == legal):
        return Need.HIDDEN
    return Need.REQUIRED


def _approval(number: int) -> Rule:
    """One line for each thing that needs approval; the next opens once the one before is filled."""

    def rule(values: Values) -> Need:
        if number == 0:
            return Need.REQUIRED
        return Need.OPTIONAL if needs_approval(values, number - 1) else Need.HIDDEN

    return rule


def _of_approval(number: int) -> Rule:
    return lambda values: Need.REQUIRED if needs_approval(values, number) else Need.HIDDEN


def needs_approval(values: Values, number: int) -> bool:
    """Whether this line of the approvals names something that needs one."""
    before = all(needs_approval(values, one) for one in range(number))
    return before and values.get(f"{APPROVALS}.{number}.type", "") not in ("", "24")


@dataclass(frozen=True)
class Field:
    """`most` is the length of a text or the number of files. `personal`: shown masked, and whole only on request.

    `group` and `hint` are msgids. `certificate` is the path of the field that says what a picture shows.
    """

    path: str
    label: str
    kind: Kind
    part: Part
    group: str
    rule: Rule = _always
    most: int = 200
    personal: bool = False
    hint: str = ""
    certificate: str = ""

    @property
    def is_file(self) -> bool:
        return self.kind in (Kind.PICTURE, Kind.VIDEO)

    def is_personal(self, values: Values) -> bool:
        return self.personal or (of_person(values) and self.path in _PERSONAL_OF_PERSONS)


_PERSONAL_OF_PERSONS = (
    NAME, "icp_subject.base_info.address", "icp_subject.organize_info.certificate_address",
)  # fmt: skip
_SUBJECT, _PAPER, _APPROVAL = N_("主体"), N_("主体证件"), N_("前置审批")
_FIRST, _SECOND, _LEGAL = N_("主体负责人"), N_("小程序负责人"), N_("法定代表人")
_SERVICE, _PICTURES, _LETTERS = N_("服务内容"), N_("证件照片"), N_("承诺书和其他材料")


def _person(place: str, group: str, rule: Rule) -> tuple[Field, ...]:
    part = Part.SUBJECT if place == SUBJECT_PERSON else Part.PROGRAM
    return (
        Field(f"{place}.name", N_("姓名"), Kind.TEXT, part, group, rule, 60, True),
        Field(f"{place}.certificate_type", N_("证件类型"), Kind.CHOICE, part, group, rule),
        Field(f"{place}.certificate_number", N_("证件号码"), Kind.CERTIFICATE, part, group, rule, 40, True),
        Field(
            f"{place}.certificate_validity_date_start", N_("证件有效期起始日期"), Kind.DAY, part, group, rule,
            hint=N_("8 位数字，如 20190601"),
        ),
        Field(
            f"{place}.certificate_validity_date_end", N_("证件有效期截止日期"), Kind.LAST_DAY, part, group, rule,
            hint=N_("8 位数字，或“长期”。离到期要超过一个月"),
        ),
        Field(
            f"{place}.mobile", N_("手机号"), Kind.MOBILE, part, group, rule, 20, True,
            N_("工信部的核验短信发到这个号码"),
        ),
        Field(
            f"{place}.emergency_contact", N_("应急联系电话"), Kind.PHONE, part, group, rule, 20, True,
            N_("不能和手机号相同"),
        ),
        Field(f"{place}.email", N_("邮箱"), Kind.EMAIL, part, group, rule, 120, True),
    )  # fmt: skip


def _photos(place: str, group: str, rule: Rule) -> tuple[Field, ...]:
    kind = f"{place}.certificate_type"
    return (
        Field(
            f"{place}.certificate_photo_front", N_("证件正面照片"), Kind.PICTURE, Part.MATERIALS, group, rule, 1,
            hint=N_("身份证是人像那一面"), certificate=kind,
        ),
        Field(
            f"{place}.certificate_photo_back", N_("证件反面照片"), Kind.PICTURE, Part.MATERIALS, group, rule, 1,
            certificate=kind,
        ),
    )  # fmt: skip


def _letter(name: str, label: str, most: int = 1, kind: Kind = Kind.PICTURE, hint: str = "") -> Field:
    return Field(f"icp_materials.{name}", label, kind, Part.MATERIALS, _LETTERS, _maybe, most, hint=hint)


FIELDS: tuple[Field, ...] = (
    Field(TYPE, N_("主体性质"), Kind.CHOICE, Part.SUBJECT, _SUBJECT, hint=N_("个体工商户选“企业”")),
    Field(NAME, N_("主办单位名称"), Kind.TEXT, Part.SUBJECT, _SUBJECT, most=100, hint=N_("必须和小程序的主体一字不差")),
    Field(PROVINCE, N_("省份"), Kind.CHOICE, Part.SUBJECT, _SUBJECT),
    Field(CITY, N_("城市"), Kind.CHOICE, Part.SUBJECT, _SUBJECT),
    Field(DISTRICT, N_("区县"), Kind.CHOICE, Part.SUBJECT, _SUBJECT),
    Field(
        "icp_subject.base_info.address", N_("通讯地址"), Kind.TEXT, Part.SUBJECT, _SUBJECT, most=200,
        hint=N_("不用再写省、市、区"),
    ),
    Field(
        "icp_subject.base_info.comment", N_("主体备注"), Kind.AREA, Part.SUBJECT, _SUBJECT, _maybe, 200,
        hint=N_("有的省份要求写固定的说明"),
    ),
    Field(PAPER_TYPE, N_("主体证件类型"), Kind.CHOICE, Part.SUBJECT, _PAPER, _of_organisations),
    Field(PAPER_NUMBER, N_("主体证件号码"), Kind.TEXT, Part.SUBJECT, _PAPER, _of_organisations, 40),
    Field(
        "icp_subject.organize_info.certificate_address", N_("证件住所"), Kind.TEXT, Part.SUBJECT, _PAPER, most=200,
        hint=N_("照证件上的地址填写"),
    ),
    Field(LEGAL, N_("主体负责人就是法定代表人"), Kind.YES_NO, Part.SUBJECT, _FIRST, _of_organisations),
    *_person(SUBJECT_PERSON, _FIRST, _always),
    Field(LEGAL_NAME, N_("法定代表人姓名"), Kind.TEXT, Part.SUBJECT, _LEGAL, _unless_legal, 60, True),
    Field(LEGAL_NUMBER, N_("法定代表人证件号码"), Kind.TEXT, Part.SUBJECT, _LEGAL, _unless_legal, 40, True),
    Field(
        SERVICES, N_("小程序服务内容类型"), Kind.SERVICES, Part.PROGRAM, _SERVICE, most=MOST_SERVICES,
        hint=N_("最多 5 项，第一项必选"),
    ),
    Field(
        COMMENT, N_("小程序备注"), Kind.AREA, Part.PROGRAM, _SERVICE, _maybe, 200,
        hint=N_("20 到 200 个字，写清楚小程序实际提供什么服务"),
    ),
    *(
        field
        for number in range(MOST_APPROVALS)
        for field in (
            Field(
                f"{APPROVALS}.{number}.type", N_("前置审批项"), Kind.CHOICE, Part.PROGRAM, _APPROVAL,
                _approval(number),
            ),
            Field(
                f"{APPROVALS}.{number}.code", N_("前置审批号"), Kind.TEXT, Part.PROGRAM, _APPROVAL,
                _of_approval(number), 60,
            ),
        )
    ),
    Field(
        SAME, N_("小程序负责人和主体负责人是同一人"), Kind.YES_NO, Part.PROGRAM, _SECOND, _of_organisations,
        hint=N_("小程序负责人要做人脸核验，核验通知发给小程序管理员"),
    ),
    *_person(PROGRAM_PERSON, _SECOND, _unless_same),
    Field(
        PAPER_PHOTO, N_("主体证件照片"), Kind.PICTURE, Part.MATERIALS, _PICTURES, _of_organisations, 1,
        hint=N_("企业是营业执照"), certificate=PAPER_TYPE,
    ),
    *_photos(SUBJECT_PERSON, _FIRST, _always),
    Field(
        f"{SUBJECT_PERSON}.authorization_letter", N_("负责人授权书"), Kind.PICTURE, Part.MATERIALS, _FIRST,
        _unless_legal, 1, hint=N_("主体负责人不是法定代表人时需要"),
    ),
    Field(
        "icp_subject.personal_info.residence_permit", N_("临时居住证明"), Kind.PICTURE, Part.MATERIALS, _FIRST,
        _of_persons, 1, hint=N_("户籍不在当地的个人需要"),
    ),
    *_photos(PROGRAM_PERSON, _SECOND, _unless_same),
    Field(
        f"{PROGRAM_PERSON}.authorization_letter", N_("负责人授权书"), Kind.PICTURE, Part.MATERIALS, _SECOND,
        _second_letter, 1, hint=N_("小程序负责人不是法定代表人时需要"),
    ),
    *(
        Field(
            f"{APPROVALS}.{number}.media", N_("前置审批文件"), Kind.PICTURE, Part.MATERIALS, _APPROVAL,
            _of_approval(number), 1,
        )
        for number in range(MOST_APPROVALS)
    ),
    _letter("commitment_letter", N_("互联网信息服务承诺书"), hint=N_("多数省份要求")),
    _letter("authenticity_commitment_letter", N_("小程序备案信息真实性承诺书")),
    _letter("authenticity_responsibility_letter", N_("网站备案信息真实性责任告知书")),
    _letter("business_name_change_letter", N_("主体更名函")),
    _letter("party_building_confirmation_letter", N_("党建确认函")),
    _letter("website_construction_proposal", N_("小程序建设方案书")),
    _letter("holding_certificate_photo", N_("手持证件照")),
    _letter("promise_video", N_("承诺视频"), kind=Kind.VIDEO, hint=N_("MP4，不超过 10 MB")),
    _letter("subject_other_materials", N_("主体其他附件"), 10),
    _letter("applets_other_materials", N_("小程序其他附件"), 10),
)  # fmt: skip

BY_PATH = {field.path: field for field in FIELDS}


def fields_of(values: Values, part: Part | None = None) -> list[Field]:
    """The fields that there are for these values, on one page of the form or on all."""
    return [
        field for field in FIELDS if part in (None, field.part) and field.rule(values) is not Need.HIDDEN
    ]  # fmt: skip


def field_at(path: str, values: Values) -> Field | None:
    """The field that WeChat's path means: lists carry numbers, and what was copied stands where it was typed."""
    if path.startswith(f"{PROGRAM_PERSON}.") and same_person(values):
        path = SUBJECT_PERSON + path.removeprefix(PROGRAM_PERSON)
    if of_person(values) and path in (PAPER_TYPE, PAPER_NUMBER):
        path = path.replace("organize_info", "principal_info")
    if path == APPROVALS:
        path = f"{APPROVALS}.0.type"
    return BY_PATH.get(path) or BY_PATH.get(re.sub(r"\.\d+$", "", path))


def field_named(name: str) -> Field | None:
    """The field that a reviewer's words mean, if they mean one: its label, the group in front where it is needed."""
    named = [field for field in FIELDS if field.label == name or field.group + field.label == name]
    if not named:
        named = [field for field in FIELDS if name.startswith(field.group) and name.endswith(field.label)]
    return named[0] if len(named) == 1 else None
