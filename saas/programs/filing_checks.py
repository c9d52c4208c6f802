"""What is wrong or missing in a filing, found before WeChat counts a submission."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta

from saas import clock
from saas.errors import N_, Invalid
from saas.programs.filing_fields import (
    APPROVALS,
    CITY,
    COMMENT,
    DISTRICT,
    MOST_APPROVALS,
    NAME,
    PAPER_TYPE,
    PROGRAM_PERSON,
    PROVINCE,
    SUBJECT_PERSON,
    TYPE,
    Field,
    Kind,
    Need,
    Part,
    fields_of,
    needs_approval,
    same_person,
)
from saas.programs.filing_models import Values
from saas.programs.filing_tables import NO_APPROVAL, PERSON, Choices, Tables
from saas.wx.limits import ZONE

FOR_EVER = "长期"
_ID_CARD = "2"
_LEAST_COMMENT = 20
_LEFT = timedelta(days=30)
_MOBILE = re.compile(r"1[3-9]\d{9}", re.ASCII)
_PHONE = re.compile(r"1[3-9]\d{9}|0\d{2,3}-?\d{7,8}", re.ASCII)
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_ID_NUMBER = re.compile(r"\d{17}[\dX]", re.ASCII)
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK = "10X98765432"
_APART = (
    ("mobile", N_("两位负责人的手机号不能相同")),
    ("certificate_number", N_("和主体负责人是同一人，请改选“是”")),
)


def choices_of(field: Field, values: Values, tables: Tables) -> Choices:
    """What a field of Kind.CHOICE offers, given the others."""
    if field.path == TYPE:
        return tables.subjects
    if field.path == PROVINCE:
        return tables.provinces
    if field.path == CITY:
        return tables.areas_in(str(values.get(PROVINCE, "")))
    if field.path == DISTRICT:
        return tables.areas_in(str(values.get(PROVINCE, "")), str(values.get(CITY, "")))
    if field.path == PAPER_TYPE:
        return list(tables.certificates.get(str(values.get(TYPE, "")), []))
    if field.path.startswith(APPROVALS):
        return tables.approvals
    return list(tables.certificates.get(str(PERSON), []))


def tidy(field: Field, text: str) -> str:
    """What was typed, as WeChat wants it: dates without dashes, numbers in capitals."""
    text = text.strip()
    if field.kind in (Kind.DAY, Kind.LAST_DAY):
        return re.sub(r"[-./年月日\s]", "", text)
    if field.path.endswith("certificate_number"):
        return text.upper().replace(" ", "")
    if field.kind in (Kind.MOBILE, Kind.PHONE):
        return text.replace(" ", "")
    return text


def find_faults(values: Values, tables: Tables, part: Part | None = None) -> list[Invalid]:
    """What is wrong with the fields that are filled in, at their paths; what is missing is no fault of a draft."""
    found = []
    for field in fields_of(values, part):
        value = values.get(field.path)
        if value:
            try:
                _check(field, value, values, tables)
            except Invalid as fault:
                found.append(fault)
    wrong = {fault.field for fault in found}
    return [*found, *(fault for fault in _between(values, part) if fault.field not in wrong)]


def find_missing(values: Values, files: Mapping[str, Sequence[str]], part: Part | None = None) -> list[Field]:
    """The fields that still have to be filled in."""
    return [
        field
        for field in fields_of(values, part)
        if field.rule(values) is Need.REQUIRED
        and field.kind is not Kind.YES_NO
        and not (files if field.is_file else values).get(field.path)
    ]


def find_obstacles(
    values: Values, files: Mapping[str, Sequence[str]], tables: Tables, company_name: str
) -> list[Invalid]:
    """All that WeChat would refuse, as far as it can be told here; nothing may be sent before this is empty."""
    found = find_faults(values, tables)
    found += [Invalid(N_("请填写这一项"), field=field.path) for field in find_missing(values, files)]
    if company_name and values.get(NAME) and values[NAME] != company_name:
        found.append(
            Invalid(N_("要和小程序的主体一致：%(name)s"), field=NAME, name=company_name)
        )  # fmt: skip
    return found


def _check(field: Field, value: object, values: Values, tables: Tables) -> None:
    path = field.path
    if isinstance(value, str) and field.kind is not Kind.CHOICE and len(value) > field.most:
        raise Invalid(N_("不能超过 %(most)d 个字"), field=path, most=field.most)
    match field.kind:
        case Kind.CHOICE:
            if value not in {number for number, _name in choices_of(field, values, tables)}:
                raise Invalid(N_("请重新选择"), field=path)
        case Kind.SERVICES:
            _check_services(field, value, tables)
        case Kind.MOBILE:
            _match(_MOBILE, value, path, N_("请填写 11 位手机号"))
        case Kind.PHONE:
            _match(_PHONE, value, path, N_("请填写手机号，或带区号的座机号"))
        case Kind.EMAIL:
            _match(_EMAIL, value, path, N_("邮箱格式不正确"))
        case Kind.CERTIFICATE:
            kind = values.get(path.removesuffix("number") + "type")
            if kind == _ID_CARD and not is_id_number(str(value)):
                raise Invalid(N_("身份证号码不对，请检查每一位"), field=path)
        case Kind.DAY | Kind.LAST_DAY:
            _check_day(field, str(value), values)
        case Kind.AREA if path == COMMENT and len(str(value)) < _LEAST_COMMENT:
            raise Invalid(N_("至少写 %(least)d 个字"), field=path, least=_LEAST_COMMENT)


def is_id_number(number: str) -> bool:
    """Whether the last digit of a resident's id number fits the others."""
    if not _ID_NUMBER.fullmatch(number):
        return False
    total = sum(int(digit) * weight for digit, weight in zip(number[:17], _WEIGHTS, strict=True))
    return _CHECK[total % 11] == number[17]


def _match(pattern: re.Pattern[str], value: object, path: str, message: str) -> None:
    if not pattern.fullmatch(str(value)):
        raise Invalid(message, field=path)


def _check_services(field: Field, value: object, tables: Tables) -> None:
    known = {number for kinds in tables.services.values() for number, _name in kinds}
    chosen = list(value) if isinstance(value, list) else []
    if len(chosen) > field.most:
        raise Invalid(N_("最多选 %(most)d 项"), field=field.path, most=field.most)
    if len(set(chosen)) < len(chosen):
        raise Invalid(N_("有重复的选项"), field=field.path)
    if not known.issuperset(chosen):
        raise Invalid(N_("请重新选择"), field=field.path)


def _check_day(field: Field, value: str, values: Values) -> None:
    today = clock.now().astimezone(ZONE).date()
    if field.kind is Kind.LAST_DAY and value == FOR_EVER:
        return
    day = _day(value)
    if day is None:
        raise Invalid(N_("请写成 8 位数字，如 20190601"), field=field.path)
    if field.kind is Kind.DAY:
        if day > today:
            raise Invalid(N_("起始日期不能晚于今天"), field=field.path)
        return
    start = _day(str(values.get(field.path.removesuffix("end") + "start", "")))
    if day <= today + _LEFT or (start is not None and day <= start):
        raise Invalid(N_("证件快到期或已过期，请换新证件后再备案"), field=field.path)


def _day(text: str) -> date | None:
    try:
        return datetime.strptime(text, "%Y%m%d").date() if len(text) == 8 else None  # noqa: DTZ007 - a day, no moment
    except ValueError:
        return None


def _between(values: Values, part: Part | None) -> Iterator[Invalid]:
    """Faults that two fields make together."""
    for place, home in ((SUBJECT_PERSON, Part.SUBJECT), (PROGRAM_PERSON, Part.PROGRAM)):
        mobile = values.get(f"{place}.mobile")
        shown = part in (None, home) and (place == SUBJECT_PERSON or not same_person(values))
        if shown and mobile and mobile == values.get(f"{place}.emergency_contact"):
            yield Invalid(N_("不能和手机号相同"), field=f"{place}.emergency_contact")
    if part not in (None, Part.PROGRAM):
        return
    if not same_person(values):
        for name, message in _APART:
            first, second = (values.get(f"{place}.{name}") for place in (SUBJECT_PERSON, PROGRAM_PERSON))
            if first and first == second:
                yield Invalid(message, field=f"{PROGRAM_PERSON}.{name}")
    seen: set[str] = set()
    for number in range(MOST_APPROVALS):
        kind, path = values.get(f"{APPROVALS}.{number}.type", ""), f"{APPROVALS}.{number}.type"
        if number and not needs_approval(values, number - 1):
            return
        if kind and kind in seen:
            yield Invalid(N_("有重复的选项"), field=path)
        if number and kind == str(NO_APPROVAL):
            yield Invalid(N_("已有需要审批的项，这里留空即可"), field=path)
        seen.add(kind)


class FilingFaults(Invalid):
    """What was typed cannot be kept or sent; `faults` name the fields."""

    def __init__(self, faults: Sequence[Invalid]) -> None:
        super().__init__(N_("有 %(count)d 项要修改"), count=len(faults))
        self.faults = tuple(faults)
