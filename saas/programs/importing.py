"""A table of mini programs and their subjects (主体), taken over as a whole or not at all.

A row with an appid is about a mini program that is here; one without is a new case, still to be registered, which its
merchant's and its own name bring back when the table comes again. Only what is filled in changes anything. Every fault
is told with its row and column before anything is written.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from saas.components.models import ComponentApp
from saas.errors import N_, Invalid
from saas.programs.editing import add_case, assign_merchant, change_tags, edit_note, set_owner
from saas.programs.models import Program
from saas.tables import read_table
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require
from saas.tenants.merchants import MerchantData, add_merchant, check_data, edit_merchant, read_tags
from saas.tenants.models import Merchant

MOST_ROWS = 2000
FILE_KIND = "import"
"""Of the stored file that a table lies in until it is taken over."""
COLUMNS = {
    "appid": N_("AppID"),
    "name": N_("小程序名称（新办理时填）"),
    "merchant": N_("商家名称"),
    "company_name": N_("公司名称"),
    "company_code": N_("企业代码"),
    "company_code_type": N_("代码类型"),
    "legal_name": N_("法人姓名"),
    "legal_wechat": N_("法人微信号"),
    "contact_name": N_("联系人"),
    "contact_phone": N_("联系电话"),
    "tags": N_("标签"),
    "owner": N_("负责人"),
    "note": N_("备注"),
}
_OF_MERCHANT = (
    "company_name",
    "company_code",
    "company_code_type",
    "legal_name",
    "legal_wechat",
    "contact_name",
    "contact_phone",
)
_CODE_TYPES = {"": 0, "1": 1, "2": 2, "3": 3, "统一社会信用代码": 1, "组织机构代码": 2, "营业执照注册号": 3}
_SEPARATORS = re.compile(r"[,，、;；\s]+")


@dataclass(frozen=True)
class Fault:
    """Why a row cannot be taken: `line` as the spreadsheet counts, `column` a key of COLUMNS, `message` a msgid."""

    line: int
    column: str
    message: str
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Row:
    """One good row: what it is about and what it changes."""

    line: int
    values: dict[str, str]
    program: Program | None
    owner: tuple[UUID, str] | None = None

    @property
    def is_new(self) -> bool:
        return self.program is None


@dataclass
class Table:
    rows: list[Row]
    faults: list[Fault]


def check_table(
    db: Session, content: bytes, *, headings: Mapping[str, str], owners: Mapping[str, tuple[UUID, str] | None]
) -> Table:
    """Read a file and check all of it; raises Invalid when it is no such table at all.

    `headings` leads from what a column is called to its key, `owners` from a name or address to the member,
    or to None where several members have that name.
    """
    lines = read_table(content, most_rows=MOST_ROWS)
    if not lines or not any(lines[1:]):
        raise Invalid(N_("文件里没有数据"), field="file")
    keys = [headings.get(heading, "") for heading in lines[0]]
    unknown = [heading for heading, key in zip(lines[0], keys, strict=True) if heading and not key]
    if unknown:
        raise Invalid(N_("不认识的列：%(names)s。请使用模板里的表头"), field="file", names="、".join(unknown[:5]))
    if len([key for key in keys if key]) != len({key for key in keys if key}):
        raise Invalid(N_("有的列出现了两次"), field="file")
    rows = [
        (number, {key: value for key, value in zip(keys, cells, strict=False) if key and value})
        for number, cells in enumerate(lines[1:], 2)
        if cells
    ]
    return _check(db, rows, owners)


def apply_table(db: Session, table: Table, component: ComponentApp, *, who: Who) -> dict[str, int]:
    """Write a table without faults; answers how many mini programs and merchants were added and changed."""
    require(who, Verb.WORK)
    if table.faults:
        raise Invalid(N_("表格里还有错误"), field="file")
    counts = {"programs": 0, "new": 0, "merchants": 0, "new_merchants": 0}
    merchants = _merchants_named(db, {row.values["merchant"] for row in table.rows if "merchant" in row.values})
    for row in table.rows:
        merchant = _write_merchant(db, row, merchants, counts, who)
        program = row.program or add_case(db, component, name=row.values.get("name", ""), who=who)
        counts["new" if row.is_new else "programs"] += 1
        if merchant is not None:
            assign_merchant(db, program, merchant, who=who)
        if row.owner is not None:
            set_owner(db, program, *row.owner, who=who)
        if "tags" in row.values:
            change_tags(db, program, add=_split(row.values["tags"]), who=who)
        if "note" in row.values:
            edit_note(db, program, row.values["note"], who=who)
    activity.record(db, who, "program.import_table", component, detail=counts)
    return counts


def _check(
    db: Session, rows: Sequence[tuple[int, dict[str, str]]], owners: Mapping[str, tuple[UUID, str] | None]
) -> Table:  # fmt: skip
    table = Table([], [])
    programs = _programs_of(db, {values["appid"] for _, values in rows if "appid" in values})
    merchants = _merchants_named(db, {values["merchant"] for _, values in rows if "merchant" in values})
    doubled = _names_twice(db, merchants)
    cases, subjects = _cases_of(db, merchants.values()), _subjects_of(db, programs)
    seen: dict[tuple[str, ...], int] = {}
    told: dict[tuple[str, str], tuple[int, str]] = {}
    for line, values in rows:
        appid = values.get("appid", "")
        found = programs.get(appid, [])
        faults: list[tuple[str, str, dict[str, Any]]] = []
        if appid and not found:
            faults.append(("appid", N_("没有 AppID 为 %(appid)s 的小程序；新办理请留空"), {"appid": appid[:40]}))
        elif len(found) > 1:
            faults.append(("appid", N_("它在几个第三方平台下都有，请在页面上修改"), {}))
        merchant_name, name = values.get("merchant", ""), values.get("name", "")
        column = "appid" if appid else "name"
        first = seen.setdefault((appid,) if appid else (merchant_name, name), line)
        if values.get(column) and first != line:
            faults.append((column, N_("和第 %(line)s 行重复"), {"line": first}))
        merchant = merchants.get(merchant_name)
        program = found[0] if found else None
        if not appid and merchant is not None and name:
            program = cases.get((merchant.id, name))
        if not merchant_name and program is not None and program.merchant_id is not None:
            merchant = subjects.get(program.merchant_id)
        if merchant_name in doubled:
            faults.append(("merchant", N_("有几个商家叫这个名称，请先改名区分"), {}))
        if not appid and not merchant_name:
            faults.append(("merchant", N_("新办理的小程序要填商家名称"), {}))
        if not merchant_name and program is not None and program.merchant_id is None and _subject(values):
            faults.append(("merchant", N_("它还没有商家，要填商家名称"), {}))
        for column in _OF_MERCHANT:
            if column in values and merchant_name:
                first, text = told.setdefault((merchant_name, column), (line, values[column]))
                if text != values[column]:
                    faults.append((column, N_("和第 %(line)s 行给同一个商家填的不一样"), {"line": first}))
        faults += _value_faults(values, merchant)
        row = Row(line, values, program)
        if "owner" in values:
            asked = values["owner"].casefold()
            row.owner = owners.get(asked)
            if row.owner is None and asked in owners:
                faults.append(("owner", N_("有几位成员叫“%(name)s”，请填邮箱"), {"name": values["owner"][:40]}))
            elif row.owner is None:
                faults.append(("owner", N_("成员里没有“%(name)s”"), {"name": values["owner"][:40]}))
        table.faults += [Fault(line, column, message, params) for column, message, params in faults]
        table.rows.append(row)
    return table


def _value_faults(values: Mapping[str, str], merchant: Merchant | None) -> list[tuple[str, str, dict[str, Any]]]:
    """What the forms would refuse, one cell at a time."""
    faults: list[tuple[str, str, dict[str, Any]]] = []
    code_type = _CODE_TYPES.get(values.get("company_code_type", ""))
    if code_type is None:
        faults.append(("company_code_type", N_("填 1、2、3 或类型名称，或留空"), {}))
    elif code_type and merchant is not None and merchant.company_code and "company_code" not in values:
        try:
            check_data(MerchantData("-", company_code=merchant.company_code, company_code_type=code_type))
        except Invalid as error:
            faults.append(("company_code_type", error.message, error.params))
    for column in ("merchant", *_OF_MERCHANT):
        if column in values and column != "company_code_type":
            key = "name" if column == "merchant" else column
            data = {"name": "-", key: values[column], "company_code_type": code_type or 0}
            try:
                check_data(MerchantData(**data))  # type: ignore[arg-type]
            except Invalid as error:
                faults.append((column, error.message, error.params))
    if len(values.get("note", "")) > 2000:
        faults.append(("note", N_("最多 %(limit)s 个字符"), {"limit": 2000}))
    if len(values.get("name", "")) > 60:
        faults.append(("name", N_("最多 %(limit)s 个字符"), {"limit": 60}))
    try:
        read_tags(_split(values.get("tags", "")))
    except Invalid as error:
        faults.append(("tags", error.message, error.params))
    return faults


def _subject(values: Mapping[str, str]) -> bool:
    return any(column in values for column in _OF_MERCHANT)


def _write_merchant(
    db: Session, row: Row, merchants: dict[str, Merchant], counts: dict[str, int], who: Who
) -> Merchant | None:
    """The row's merchant, added or brought up to date; None where the row names none."""
    name = row.values.get("merchant", "")
    merchant = merchants.get(name)
    if not name and row.program is not None and row.program.merchant_id is not None and _subject(row.values):
        merchant = db.scalars(select(Merchant).where(Merchant.id == row.program.merchant_id)).one()
    given: dict[str, Any] = {column: row.values[column] for column in _OF_MERCHANT if column in row.values}
    if "company_code" in given or "company_code_type" in given:
        given["company_code_type"] = _CODE_TYPES[given.get("company_code_type", "")]
    if merchant is None:
        if not name:
            return None
        merchants[name] = merchant = add_merchant(db, MerchantData(name=name, **given), who=who)
        counts["new_merchants"] += 1
    elif given:
        known = {
            "name": merchant.name, "company_name": merchant.company_name, "company_code": merchant.company_code,
            "company_code_type": merchant.company_code_type or 0, "contact_name": merchant.contact_name,
            "contact_email": merchant.contact_email, "tags": tuple(merchant.tags), "note": merchant.note,
        }  # fmt: skip
        edit_merchant(db, merchant, MerchantData(**{**known, **given}), who=who)
        counts["merchants"] += 1
    return merchant


def _programs_of(db: Session, appids: Collection[str]) -> dict[str, list[Program]]:
    found: dict[str, list[Program]] = {}
    for program in db.scalars(select(Program).where(Program.appid.in_(appids))):
        found.setdefault(program.appid, []).append(program)
    return found


def _cases_of(db: Session, merchants: Collection[Merchant]) -> dict[tuple[UUID, str], Program]:
    """Mini programs of these merchants that are still to be registered, by merchant and name."""
    ids = [merchant.id for merchant in merchants]
    rows = db.scalars(select(Program).where(Program.appid == "", Program.merchant_id.in_(ids)).order_by(Program.id))
    return {(row.merchant_id, row.name): row for row in rows if row.merchant_id and row.name}


def _subjects_of(db: Session, programs: Mapping[str, Sequence[Program]]) -> dict[UUID, Merchant]:
    """The merchants that the mini programs of a table have now."""
    ids = {one.merchant_id for found in programs.values() for one in found if one.merchant_id}
    return {one.id: one for one in db.scalars(select(Merchant).where(Merchant.id.in_(ids)))}


def _merchants_named(db: Session, names: Collection[str]) -> dict[str, Merchant]:
    query = select(Merchant).where(Merchant.name.in_(names), Merchant.archived_at.is_(None)).order_by(Merchant.id)
    return {merchant.name: merchant for merchant in db.scalars(query)}


def _names_twice(db: Session, names: Collection[str]) -> set[str]:
    query = select(Merchant.name).where(Merchant.name.in_(names), Merchant.archived_at.is_(None))
    every = list(db.scalars(query))
    return {name for name in every if every.count(name) > 1}


def _split(text: str) -> list[str]:
    return [tag for tag in _SEPARATORS.split(text) if tag]
