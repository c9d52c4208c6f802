"""Tables of mini programs: every fault is told, nothing half-done; and files that are no tables."""

from __future__ import annotations

import io
from collections.abc import Callable
from uuid import UUID

import openpyxl
import pytest
from sqlalchemy import select

from saas.components.models import ComponentApp
from saas.db import tenant_session
from saas.errors import Invalid
from saas.programs.importing import COLUMNS, MOST_ROWS, apply_table, check_table
from saas.programs.listing import tags_of
from saas.programs.models import Program
from saas.programs.words import Word
from saas.tables import cell, read_table, write_csv, write_xlsx
from saas.tenants.models import Merchant
from tests.cast import Cast

HEADINGS = {label: key for key, label in COLUMNS.items()}
Check = Callable[..., list[tuple[int, str]]]


def table(*rows: dict[str, str]) -> bytes:
    keys = list(dict.fromkeys(key for row in rows for key in row))
    lines = [[COLUMNS[key] for key in keys], *([row.get(key, "") for key in keys] for row in rows)]
    return "".join(write_csv(lines)).encode()


@pytest.fixture
def component(cast: Cast) -> ComponentApp:
    """Alice's component app with two mini programs; one is mei's."""
    with tenant_session(cast.alices) as db:
        component = ComponentApp(provider_id=cast.alices, key="a", name="n", appid="wxa")
        db.add(component)
        db.flush()
        for appid, merchant_id in (("wx01", cast.meis), ("wx02", None)):
            db.add(Program(provider_id=cast.alices, component_id=component.id, appid=appid, merchant_id=merchant_id))
    return component


@pytest.fixture
def bring(cast: Cast, component: ComponentApp) -> Check:
    """Checks a table and takes it over when it is good; answers its faults."""

    def bring(*rows: dict[str, str]) -> list[tuple[int, str]]:
        owners: dict[str, tuple[UUID, str]] = {"max": (cast.users["max"], "Max")}
        with tenant_session(cast.alices) as db:
            found = check_table(db, table(*rows), headings=HEADINGS, owners=owners)
            if not found.faults:
                apply_table(db, found, component, who=cast.who["alice"])
            return [(fault.line, fault.column) for fault in found.faults]

    return bring


def test_a_good_table_changes_what_is_filled_in(cast: Cast, bring: Check) -> None:
    subject = {"company_name": "青禾餐饮管理有限公司", "company_code": "91310000MA1FL0L24X", "legal_name": "林青禾"}
    assert (
        bring(
            {"appid": "wx01", "legal_wechat": "qinghe_fr", "tags": "连锁，上海", "owner": "MAX", "note": "急"},
            {"appid": "wx02", "merchant": "青禾咖啡", **subject, "contact_phone": "13800138000"},
            {"name": "新店", "merchant": "青禾咖啡", "company_code_type": "统一社会信用代码"},
        )
        == []
    )
    with tenant_session(cast.alices) as db:
        programs = {row.appid: row for row in db.scalars(select(Program))}
        merchants = {row.name: row for row in db.scalars(select(Merchant))}
        first, second, case = programs["wx01"], programs["wx02"], programs[""]
        assert (first.merchant_id, first.owner_id, first.note) == (cast.meis, cast.users["max"], "急")
        assert tags_of(db, [first.id])[first.id] == ["上海", "连锁"]
        mei = next(row for row in merchants.values() if row.id == cast.meis)
        assert mei.legal_wechat == "qinghe_fr"
        qinghe = merchants["青禾咖啡"]
        assert second.merchant_id == case.merchant_id == qinghe.id
        assert (qinghe.company_code, qinghe.company_code_type, qinghe.legal_name) == (
            subject["company_code"],
            1,
            "林青禾",
        )
        assert (case.name, case.stage) == ("新店", Word.UNREGISTERED)
        assert b"qinghe_fr" not in (mei.legal_wechat_sealed or b"")


@pytest.mark.parametrize(
    ("rows", "faults"),
    [
        ([{"appid": "wx99", "note": "x"}], [(2, "appid")]),
        ([{"appid": "wx01", "note": "x"}, {"appid": "wx01", "note": "y"}], [(3, "appid")]),
        ([{"merchant": "甲", "name": "新店"}, {"merchant": "甲", "name": "新店"}], [(3, "name")]),
        ([{"appid": "wx01", "merchant": "甲", "company_name": "一"},
          {"merchant": "甲", "company_name": "二", "note": "x"}], [(3, "company_name")]),
        ([{"name": "新店"}], [(2, "merchant")]),
        ([{"appid": "wx02", "company_name": "甲"}], [(2, "merchant")]),
        ([{"appid": "wx01", "company_code": "1"}], [(2, "company_code")]),
        ([{"appid": "wx01", "company_code_type": "9"}], [(2, "company_code_type")]),
        ([{"appid": "wx01", "company_code": "123456789012345", "company_code_type": "1"}], [(2, "company_code")]),
        ([{"appid": "wx01", "legal_wechat": "1"}, {"appid": "wx02", "contact_phone": "x"}],
         [(2, "legal_wechat"), (3, "merchant"), (3, "contact_phone")]),
        ([{"appid": "wx01", "owner": "nobody"}], [(2, "owner")]),
        ([{"appid": "wx01", "tags": "很" * 21}, {"appid": "wx02", "note": "长" * 2001}], [(2, "tags"), (3, "note")]),
        ([{"merchant": "长" * 61, "name": "长" * 61}], [(2, "merchant"), (2, "name")]),
    ],
)  # fmt: skip
def test_every_fault_is_told_and_nothing_is_written(
    cast: Cast, bring: Check, rows: list[dict[str, str]], faults: list[tuple[int, str]]
) -> None:
    assert bring(*rows, {"appid": "wx02", "note": "gut"} if rows[-1].get("appid") == "wx01" else {"note": ""}) == faults
    with tenant_session(cast.alices) as db:
        assert {row.note for row in db.scalars(select(Program))} == {""}


def test_the_same_table_again_adds_nothing(cast: Cast, bring: Check) -> None:
    for note in ("急", "不急了"):
        assert bring({"merchant": "青禾咖啡", "name": "新店", "company_code": "123456789012345", "note": note}) == []
    assert bring({"merchant": "青禾咖啡", "name": "新店", "company_code_type": "1"}) == [(2, "company_code_type")]
    with tenant_session(cast.alices) as db:
        assert [row.note for row in db.scalars(select(Program).where(Program.appid == ""))] == ["不急了"]


def test_a_strangers_mini_program_is_unknown(cast: Cast, component: ComponentApp) -> None:
    with tenant_session(cast.charlies) as db:
        found = check_table(db, table({"appid": "wx01", "note": "x"}), headings=HEADINGS, owners={})
        assert [fault.column for fault in found.faults] == ["appid"]


@pytest.mark.parametrize(
    "content",
    [b"", b"a,b\n1,2", b"AppID,AppID\n1,2", b"PK\x03\x04nonsense", b"\xff\xfe\x00\x81\xff", b"AppID\n"],
)
def test_what_is_no_such_table_is_refused(cast: Cast, component: ComponentApp, content: bytes) -> None:
    with tenant_session(cast.alices) as db, pytest.raises(Invalid):
        check_table(db, content, headings=HEADINGS, owners={})


def test_files_are_read_as_people_made_them() -> None:
    assert read_table("名称,值\n奶茶,1\n,\n".encode("gb18030"), most_rows=5) == [["名称", "值"], ["奶茶", "1"], []]
    file = io.BytesIO()
    write_xlsx([["名称", "数"], ["=1+1", "'x"]], file)
    assert read_table(file.getvalue(), most_rows=5) == [["名称", "数"], ["=1+1", "'x"]]
    book = openpyxl.Workbook()
    book.active.append([310000123456789, 1.5, None])
    file = io.BytesIO()
    book.save(file)
    assert read_table(file.getvalue(), most_rows=5) == [["310000123456789", "1.5"]]
    book.active.append([91310000123456789])
    book.save(file := io.BytesIO())
    with pytest.raises(Invalid, match="太长"):
        read_table(file.getvalue(), most_rows=5)
    with pytest.raises(Invalid):
        read_table(b"a\n" * (MOST_ROWS + 2), most_rows=MOST_ROWS)
    assert read_table(b"a\n1\n" + b"\n" * 20_000 + b"2\n", most_rows=5)[:2] == [["a"], ["1"]]


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@a", "\t=1", "\r=1"])
def test_no_cell_is_a_formula(text: str) -> None:
    assert cell(text) == f"'{text}"
    assert cell("a=1") == "a=1"
