"""Who is behind a mini program: masked, shown by a recorded look, refused at the field, known before it exists."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest
from sqlalchemy import select

from saas.components.models import ComponentApp
from saas.db import tenant_session
from saas.programs.listing import tags_of
from saas.programs.models import Program
from saas.tenants.models import Activity, Merchant
from tests.cast import Cast
from tests.web.conftest import Browser

Open = Callable[[str], Browser]
PATH = "/p/alice/programs"


@pytest.fixture
def fleet(cast: Cast) -> list[UUID]:
    """Two of mei's, whose legal person and phone are known, one of nobody's."""
    with tenant_session(cast.alices) as db:
        component = ComponentApp(provider_id=cast.alices, key="alicekey", name="爱丽平台", appid="wx8a2b1c3d4e5f6071")
        db.add(component)
        db.flush()
        rows = [
            Program(provider_id=cast.alices, component_id=component.id, appid=f"wx0{number}", merchant_id=merchant_id)
            for number, merchant_id in enumerate((cast.meis, cast.meis, None))
        ]
        rows[2].company_name = "第三家有限公司"
        db.add_all(rows)
        merchant = db.scalars(select(Merchant).where(Merchant.id == cast.meis)).one()
        merchant.company_name, merchant.tags, merchant.note = "梅记餐饮有限公司", ["老客户"], "先电话"
        merchant.contact_phone, merchant.legal_name, merchant.legal_wechat = "13800138000", "林青禾", "qinghe_fr"
        db.flush()
        return [row.id for row in rows]


def test_personal_data_is_masked_until_somebody_looks(browser: Open, cast: Cast, fleet: list[UUID]) -> None:
    page = browser("bob").text(f"{PATH}/{fleet[0]}/subject")
    assert "梅记餐饮有限公司" in page
    assert "138****8000" in page
    assert "另有 1 个小程序" in page
    assert "显示完整内容" not in page
    for secret in ("13800138000", "林青禾", "qinghe_fr"):
        assert secret not in page
    whole = browser("max").post(f"{PATH}/{fleet[0]}/subject/reveal").get_data(as_text=True)
    for secret in ("13800138000", "林青禾", "qinghe_fr"):
        assert secret in whole
    with tenant_session(cast.alices) as db:
        verbs = set(db.scalars(select(Activity.verb).where(Activity.object_id == cast.meis)))
        assert verbs >= {"merchant.phone.view", "merchant.legal.view"}
    assert browser("max").post(f"{PATH}/{fleet[2]}/subject/reveal").status_code == 404
    assert "还没有主体信息" in browser("bob").text(f"{PATH}/{fleet[2]}/subject")


def test_what_is_wrong_is_said_at_its_field(browser: Open, cast: Cast, fleet: list[UUID]) -> None:
    max_, path = browser("max"), f"{PATH}/{fleet[0]}/subject/edit"
    assert "还有 1 个小程序" in max_.text(path)
    form = {"name": "梅记", "company_name": "梅记", "company_code": "123", "contact_name": "梅姐"}
    answer = max_.post(path, form)
    assert answer.status_code == 422
    page = answer.get_data(as_text=True)
    assert 'id="company_code-error"' in page
    assert 'value="梅姐"' in page
    code = {"company_code": "91310000MA1FL0L24X", "company_code_type": "3"}
    assert 'id="company_code_type-error"' in max_.post(path, form | code).get_data(as_text=True)
    assert max_.post(path, form | code | {"company_code_type": "0"}).status_code == 303
    with tenant_session(cast.alices) as db:
        merchant = db.scalars(select(Merchant).where(Merchant.id == cast.meis)).one()
        assert (merchant.company_code, merchant.company_code_type) == ("91310000MA1FL0L24X", 1)
        assert (merchant.contact_phone, merchant.legal_name, merchant.tags) == ("13800138000", "林青禾", ["老客户"])
        assert merchant.note == "先电话"
    assert max_.post(path).status_code == 303  # what is not sent stays


def test_a_mini_program_without_a_merchant_gets_one(browser: Open, cast: Cast, fleet: list[UUID]) -> None:
    max_, path = browser("max"), f"{PATH}/{fleet[2]}/subject/edit"
    assert 'value="第三家有限公司"' in max_.text(path)
    assert max_.post(path, {"name": "", "company_name": "第三家有限公司"}).status_code == 422
    assert max_.post(path, {"name": "三店", "contact_phone": "13900139000"}).status_code == 303
    page = max_.text(f"{PATH}/{fleet[2]}/subject")
    assert "三店" in page
    assert "139****9000" in page


def test_a_person_in_charge_and_tags(browser: Open, cast: Cast, fleet: list[UUID]) -> None:
    max_, path = browser("max"), f"{PATH}/{fleet[0]}/team"
    assert max_.post(path, {"owner": str(cast.users["max"]), "tags": "重点，连锁"}).status_code == 303
    assert max_.post(path, {"owner": str(cast.users["max"]), "tags": "连锁 上海"}).status_code == 303
    assert max_.post(path, {"owner": str(cast.users["charlie"]), "tags": ""}).status_code == 422
    assert 'id="tags-error"' in max_.post(path, {"owner": "", "tags": "很" * 21}).get_data(as_text=True)
    with tenant_session(cast.alices) as db:
        assert tags_of(db, [fleet[0]])[fleet[0]] == ["上海", "连锁"]
        assert db.scalars(select(Program.owner_id).where(Program.id == fleet[0])).one() == cast.users["max"]
    assert "Max" in max_.text(f"{PATH}/{fleet[0]}/subject")


def test_one_that_is_still_to_be_registered(browser: Open, cast: Cast, fleet: list[UUID]) -> None:
    max_ = browser("max")
    with tenant_session(cast.alices) as db:
        component_id = db.scalars(select(ComponentApp.id)).one()
    form = {"component": str(component_id), "program_name": "新店", "merchant_id": ""}
    answer = max_.post(f"{PATH}/new", form)
    assert answer.status_code == 422
    assert 'id="name-error"' in answer.get_data(as_text=True)
    new = form | {"name": "新商家", "company_name": "新商家有限公司", "company_code": "91310000MA1FL0L24X"}
    assert "新商家有限公司" in max_.text(max_.post(f"{PATH}/new", new).location)
    assert max_.post(f"{PATH}/new", form | {"merchant_id": str(cast.meis)}).status_code == 303
    assert max_.post(f"{PATH}/new", form | {"merchant_id": str(cast.mings)}).status_code == 422
    with tenant_session(cast.alices) as db:
        cases = list(db.scalars(select(Program).where(Program.appid == "")))
        assert {row.name for row in cases} == {"新店"}
        assert cast.meis in {row.merchant_id for row in cases}
    assert f'value="{cast.meis}" selected' in max_.text(f"{PATH}/new?merchant={cast.meis}").replace(
        f'selected value="{cast.meis}"', f'value="{cast.meis}" selected'
    )
