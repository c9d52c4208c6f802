"""The provider's screens over what merchants handed in: what waits, one part masked and whole, given back, accepted."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import pytest
from PIL import Image
from sqlalchemy import select

from saas import clock
from saas.components.models import ComponentApp
from saas.db import tenant_session
from saas.onboarding.models import OnboardingPart, Part, PartStatus
from saas.onboarding.parts import open_onboarding
from saas.programs.filing_fields import NAME
from saas.programs.filing_models import Filing, FilingStatus
from saas.programs.models import Program
from saas.tenants.merchants import load_merchant
from saas.web.provider import onboarding as pages
from tests.cast import Cast
from tests.web.conftest import Browser

Open = Callable[[str], Browser]
COMPANY = {
    "kind": "enterprise", "name": "梅记餐饮有限公司", "company_code": "91350100M000100Y43",
    "person_name": "陈小梅", "person_wechat": "chenmei_1988",
}  # fmt: skip
PROFILE = {"name": "梅记茶铺", "introduction": "福州手作奶茶，门店自提和外卖"}


@pytest.fixture
def case(cast: Cast) -> str:
    with tenant_session(cast.alices) as db:
        merchant = load_merchant(db, cast.meis)
        return str(open_onboarding(db, merchant, None, [Part.COMPANY, Part.PROFILE], who=cast.who["alice"]).id)


def version_in(page: str) -> str:
    found = re.search(r'name="version" value="(\d+)"', page)
    assert found, "the page has no version"
    return found[1]


def give_in(browser: Open, case: str, part: str = "company") -> None:
    """Mei fills a part in on her phone and hands it in."""
    mei, at = browser("mei"), f"/m/alice/onboarding/{case}/{part}"
    page, typed = ("facts", COMPANY) if part == "company" else ("wishes", PROFILE)
    mei.post(f"{at}/{page}", {"version": version_in(mei.text(f"{at}/{page}")), **typed})
    if part == "profile":
        out = io.BytesIO()
        Image.new("RGB", (300, 300), "red").save(out, "PNG")
        out.seek(0)
        mei.post(f"{at}/files?field=avatar", {"file": [(out, "a.png")]}, content_type="multipart/form-data")
    assert mei.post(f"{at}/hand-in", {"version": version_in(mei.text(at))}).status_code == 303


def test_the_list_is_empty_then_holds_what_waits(browser: Open, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    alice = browser("alice")
    assert "没有等您审核的资料" in alice.text("/p/alice/onboarding")
    assert "审核商家提交的资料" not in alice.text("/p/alice/")
    give_in(browser, case, "profile")
    give_in(browser, case)
    assert "2 份在等您" in alice.text("/p/alice/")
    monkeypatch.setattr(pages, "PAGE", 1)
    first = alice.text("/p/alice/onboarding")
    assert f"/p/alice/onboarding/{case}/profile" in first, "what waits longest"
    assert f"/p/alice/onboarding/{case}/company" not in first
    found = re.search(r'href="(/p/alice/onboarding\?after=[^"]+)"', first)
    assert found
    second = alice.text(found[1])
    assert f"/p/alice/onboarding/{case}/company" in second
    assert 'href="/p/alice/onboarding?after=' not in second
    assert "没有等您审核的资料" in browser("charlie").text("/p/charlie/onboarding")


def test_a_part_is_closed_until_it_is_handed_in(browser: Open, cast: Cast, case: str) -> None:
    at = f"/p/alice/onboarding/{case}/company"
    mei, form = browser("mei"), f"/m/alice/onboarding/{case}/company/facts"
    mei.post(form, {"version": version_in(mei.text(form)), **COMPANY})
    page = browser("alice").text(at)
    assert "商家正在填写" in page
    assert "梅记餐饮有限公司" not in page
    assert browser("alice").post(f"{at}/show").status_code == 409
    assert f"{at}" in browser("alice").text(f"/p/alice/merchants/{cast.meis}")


def test_personal_data_is_masked_and_whole_on_demand(browser: Open, case: str) -> None:
    give_in(browser, case)
    at = f"/p/alice/onboarding/{case}/company"
    for person in ("alice", "bob"):
        page = browser(person).text(at)
        assert "梅记餐饮有限公司" in page
        assert "陈小梅" not in page
        assert "chenmei_1988" not in page
    assert "退回修改" not in browser("bob").text(at)
    answer = browser("alice").post(f"{at}/show")
    assert "陈小梅" in answer.get_data(as_text=True)
    assert browser("bob").post(f"{at}/show").status_code == 403
    assert "查看入驻资料的完整信息" in browser("alice").text("/p/alice/activity")


def test_a_file_is_shown_through_its_part_only(browser: Open, case: str) -> None:
    give_in(browser, case, "profile")
    give_in(browser, case)
    alice, at = browser("alice"), f"/p/alice/onboarding/{case}"
    found = re.search(r'name="file" value="([^"]+)"', alice.text(f"{at}/profile"))
    assert found
    answer = alice.post(f"{at}/profile/files/show", {"file": found[1]})
    assert answer.status_code == 200
    assert answer.content_type.startswith("image/")
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert alice.post(f"{at}/company/files/show", {"file": found[1]}).status_code == 404
    assert alice.post(f"{at}/profile/files/show", {"file": "x"}).status_code == 404
    assert browser("bob").post(f"{at}/profile/files/show", {"file": found[1]}).status_code == 403


def test_a_field_goes_back_with_a_word_and_comes_again(browser: Open, case: str) -> None:
    give_in(browser, case)
    alice, at = browser("alice"), f"/p/alice/onboarding/{case}/company"
    version = version_in(alice.text(at))
    empty = alice.post(f"{at}/return", {"version": version})
    assert empty.status_code == 422
    assert "请至少在一项下面写明要怎么改" in empty.get_data(as_text=True)
    long = alice.post(f"{at}/return", {"version": version, "c:name": "长" * 201, "c:kind": "也要改"})
    assert long.status_code == 422
    assert "不能超过 200 个字" in long.get_data(as_text=True)
    assert 'value="也要改"' in long.get_data(as_text=True)
    answer = alice.post(f"{at}/return", {"version": version, "c:name": "<b>与执照不符</b>", "c:kind": ""})
    assert answer.status_code == 303
    assert "&lt;b&gt;与执照不符" in alice.text(at)
    mei = browser("mei")
    assert "&lt;b&gt;与执照不符" in mei.text(f"/m/alice/onboarding/{case}/company")
    assert "主体与法人资料请修改" in mei.text("/m/alice/notices")
    give_in(browser, case)
    assert "上次退回时说：" in alice.text(at)
    assert "退回入驻资料" in alice.text("/p/alice/activity")


def test_a_colleague_was_faster(browser: Open, case: str) -> None:
    give_in(browser, case)
    at = f"/p/alice/onboarding/{case}/company"
    version = version_in(browser("alice").text(at))
    accepted = browser("max").post(f"{at}/accept", {"version": version})
    assert accepted.status_code == 303
    late = browser("alice").post(f"{at}/return", {"version": version, "c:name": "不对"})
    assert late.status_code == 409
    text = late.get_data(as_text=True)
    assert "您的操作没有生效" in text
    assert 'value="不对"' in text
    assert "已通过" in browser("mei").text(f"/m/alice/onboarding/{case}/company")
    assert "没有等您审核的资料" in browser("alice").text("/p/alice/onboarding")


def test_an_accepted_part_says_where_it_is_used(browser: Open, cast: Cast, case: str) -> None:
    give_in(browser, case)
    give_in(browser, case, "profile")
    alice, mei, at = browser("alice"), browser("mei"), f"/p/alice/onboarding/{case}"
    assert "会写入商家资料" in alice.text(f"{at}/company")
    assert "等“" in mei.text(f"/m/alice/onboarding/{case}")
    for part in ("company", "profile"):
        assert alice.post(f"{at}/{part}/accept", {"version": version_in(alice.text(f"{at}/{part}"))}).status_code == 303
    assert "已写入商家资料" in alice.text(f"{at}/company")
    assert "小程序注册成功后，在这里提交给微信" in alice.text(f"{at}/profile")
    assert "全部资料都已通过" in mei.text(f"/m/alice/onboarding/{case}")
    assert alice.post(f"{at}/profile/hand-over").status_code == 409


def test_a_draft_that_cannot_be_changed_is_no_dead_end(browser: Open, cast: Cast) -> None:
    with tenant_session(cast.alices) as db:
        component = ComponentApp(provider_id=cast.alices, key="k", name="爱丽平台", appid="wx8a2b1c3d4e5f6071")
        db.add(component)
        db.flush()
        program = Program(
            provider_id=cast.alices, component_id=component.id, appid="wx0000000000000001", merchant_id=cast.meis
        )
        db.add(program)
        db.flush()
        onboarding = open_onboarding(db, load_merchant(db, cast.meis), program, [Part.FILING], who=cast.who["alice"])
        part = db.scalars(select(OnboardingPart).where(OnboardingPart.onboarding_id == onboarding.id)).one()
        part.status, part.handed_in_at, part.reviewed_at = PartStatus.ACCEPTED, clock.now(), clock.now()
        part.values, part.version = {NAME: "梅记餐饮有限公司"}, 3
        filing = Filing(provider_id=cast.alices, program_id=program.id, status=FilingStatus.PLATFORM_REVIEW)
        filing.values = {}
        db.add(filing)
    alice, at = browser("alice"), f"/p/alice/onboarding/{onboarding.id}/filing"
    assert f'action="{at}/hand-over"' in alice.text(at)
    assert f'action="{at}/hand-over"' not in browser("bob").text(at)
    refused = alice.post(f"{at}/hand-over")
    assert refused.status_code == 409
    assert "备案已经提交给微信" in refused.get_data(as_text=True)
    with tenant_session(cast.alices) as db:
        db.scalars(select(Filing)).one().status = FilingStatus.PLATFORM_REJECTED
    assert alice.post(f"{at}/hand-over").status_code == 303
    page = alice.text(at)
    assert "已写入小程序的草稿" in page
    assert "再写入一次" not in page
    with tenant_session(cast.alices) as db:
        assert db.scalars(select(Filing)).one().values[NAME] == "梅记餐饮有限公司"
