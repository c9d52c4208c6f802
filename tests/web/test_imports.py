"""The list as a table, and a table into the list, through the pages."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from uuid import UUID

import openpyxl
import pytest
from sqlalchemy import func, select

from jobs.tenants import forget_the_past
from saas.components.models import ComponentApp
from saas.config import settings
from saas.db import platform_session, tenant_session
from saas.programs.importing import FILE_KIND
from saas.programs.models import Program
from saas.tenants.models import Merchant, StoredFile, User
from saas.web.provider import imports
from tests.cast import Cast
from tests.web.conftest import Browser

Open = Callable[[str], Browser]
PATH = "/p/alice/programs"


@pytest.fixture
def component(cast: Cast) -> UUID:
    with tenant_session(cast.alices) as db:
        component = ComponentApp(provider_id=cast.alices, key="alicekey", name="爱丽平台", appid="wx8a2b1c3d4e5f6071")
        db.add(component)
        db.flush()
        for number, name in enumerate(("=cmd|' /C calc'!A1", "茶铺")):
            db.add(
                Program(
                    provider_id=cast.alices, component_id=component.id, appid=f"wx0{number}", name=name, note="备忘",
                    owner_id=cast.users["max"], merchant_id=cast.meis, profile={"big": "x"},
                )
            )  # fmt: skip
        merchant = db.scalars(select(Merchant).where(Merchant.id == cast.meis)).one()
        merchant.contact_phone, merchant.legal_name = "13800138000", "林青禾"
        return component.id


def test_the_list_comes_as_csv_and_excel(browser: Open, cast: Cast, component: UUID) -> None:
    bob = browser("bob")
    answer = bob.get(f"{PATH}/export?all=1&merchant={cast.meis}")
    assert answer.status_code == 200
    text = answer.get_data().decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["小程序名称"] for row in rows] == ["茶铺", "'=cmd|' /C calc'!A1"]
    assert {(row["备注"], row["负责人"], row["进度"]) for row in rows} == {("备忘", "Max", "未上传代码")}
    assert "13800138000" not in text
    assert "林青禾" not in text
    sheet = openpyxl.load_workbook(io.BytesIO(bob.get(f"{PATH}/export?all=1&q=calc&form=xlsx").get_data())).active
    assert [row[1].value for row in sheet.iter_rows()] == ["小程序名称", "'=cmd|' /C calc'!A1"]
    assert len(browser("charlie").get("/p/charlie/programs/export?all=1").get_data(as_text=True).splitlines()) == 1


def test_excel_is_for_lists_that_it_can_hold(browser: Open, component: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "MOST_SELECTED", 1)
    answer = browser("bob").get(f"{PATH}/export?all=1&q=&form=xlsx")
    assert (answer.status_code, answer.location) == (303, PATH)
    assert browser("bob").get(f"{PATH}/export?all=1").status_code == 200


def send(person: Browser, component: UUID, text: str) -> tuple[int, str]:
    file = (io.BytesIO(text.encode()), "表.csv")
    answer = person.post(f"{PATH}/import", {"component": str(component), "file": file})
    return answer.status_code, answer.get_data(as_text=True)


def test_a_table_is_checked_shown_and_taken_over(browser: Open, cast: Cast, component: UUID) -> None:
    max_ = browser("max")
    heads = [
        cell.value
        for cell in openpyxl.load_workbook(io.BytesIO(max_.get(f"{PATH}/import/template").get_data())).active[1]
    ]
    assert heads[:3] == ["AppID", "小程序名称（新办理时填）", "商家名称"]
    status, page = send(max_, component, "AppID,商家名称,备注\nwx99,,x\nwx00,,y\n")
    assert status == 422
    assert "第 2 行" in page
    assert "没有 AppID 为 wx99 的小程序" in page
    status, page = send(max_, component, "AppID,商家名称,备注,法人姓名\nwx00,,改好,\n,新茶馆,,陈一\n")
    assert status == 200
    assert "陈一" not in page
    with tenant_session(cast.alices) as db:
        file_id = db.scalars(select(StoredFile.id).where(StoredFile.kind == "import")).one()
        assert db.scalar(select(func.count()).select_from(Program)) == 2
    assert (
        browser("charlie").post(f"/p/charlie/programs/import/{file_id}", {"component": str(component)}).status_code
        == 404
    )
    assert max_.post(f"{PATH}/import/{file_id}", {"component": str(component)}).status_code == 303
    page = max_.text(PATH)
    assert "新茶馆" in page
    assert "待注册" in page
    assert max_.post(f"{PATH}/import/{file_id}", {"component": str(component)}).status_code == 404
    assert send(max_, component, "")[0] == 422
    assert "请选择文件" in max_.post(f"{PATH}/import", {"component": str(component)}).get_data(as_text=True)


def test_an_owner_whose_name_somebody_else_has_is_told_by_email(browser: Open, cast: Cast, component: UUID) -> None:
    with platform_session("two members of one name") as db:
        db.scalars(select(User).where(User.id == cast.users["bob"])).one().name = "MAX"
        db.scalars(select(User).where(User.id == cast.users["anna"])).one().name = cast.email("max")
    alice = browser("alice")
    status, page = send(alice, component, "AppID,负责人\nwx00,Max\n")
    assert (status, "有几位成员叫“Max”，请填邮箱" in page) == (422, True)
    status, page = send(alice, component, f"AppID,负责人\nwx00,{cast.email('max')}\n")
    assert status == 200
    with tenant_session(cast.alices) as db:
        db.scalars(select(Program).where(Program.appid == "wx00")).one().owner_id = None
        file_id = db.scalars(select(StoredFile.id).where(StoredFile.kind == "import")).one()
    assert alice.post(f"{PATH}/import/{file_id}", {"component": str(component)}).status_code == 303
    with tenant_session(cast.alices) as db:
        assert db.scalar(select(Program.owner_id).where(Program.appid == "wx00")) == cast.users["max"]


def test_a_table_that_nobody_takes_over_is_forgotten_after_a_day(
    browser: Open, cast: Cast, component: UUID, move_clock: Callable[[float], None]
) -> None:  # fmt: skip
    alice = browser("alice")
    assert send(alice, component, "AppID,备注\nwx00,改好\n")[0] == 200
    folder = settings().files_folder / str(cast.alices) / FILE_KIND

    def forget() -> tuple[int, int]:
        with platform_session("test") as db:
            forget_the_past(db)
        with tenant_session(cast.alices) as db:
            rows = db.scalars(select(StoredFile).where(StoredFile.kind == FILE_KIND)).all()
        return len(rows), len(list(folder.iterdir()))

    move_clock(23 * 3600)
    assert forget() == (1, 1)
    move_clock(2 * 3600)
    assert forget() == (0, 0)
