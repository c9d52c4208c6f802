"""The pages about penalties and shut mini programs, for the provider and for the merchant."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from saas import clock
from saas.db import new_id, platform_session
from saas.onboarding.notices import write_notices
from saas.programs import shutting
from saas.programs.access import load_program
from saas.programs.models import Program
from saas.programs.violation_models import Violation, ViolationState
from saas.tenants import activity
from saas.tenants.access import system
from tests.agenda.conftest import Fleet, fleet  # noqa: F401 - a fixture
from tests.web.conftest import Browser

Open = Callable[[str], Browser]


def punish(fleet: Fleet, program: Program, reason: str = "诱导分享", *, days: float = 0, **values: Any) -> Violation:  # noqa: F811
    with fleet.session() as db:
        row = Violation(
            id=new_id(), provider_id=fleet.cast.alices, program_id=program.id, record_id=new_id().hex, reason=reason,
            happened_at=clock.now() - timedelta(days=days), **values,
        )  # fmt: skip
        db.add(row)
    return row


@pytest.fixture
def shop(fleet: Fleet) -> Program:  # noqa: F811
    return fleet.add(name="梅记茶铺", merchant_id=fleet.cast.meis)


def test_the_list_shows_what_still_counts_and_is_narrowed(browser: Open, fleet: Fleet, shop: Program) -> None:  # noqa: F811
    assert "没有仍有效的处罚" in browser("alice").text("/p/alice/violations")
    punish(fleet, shop, "诱导分享", content="首页弹窗", rule_name="规范 5", rule_url="https://mp.weixin.qq.com/r")
    punish(fleet, shop, "虚假宣传", days=2, seen_by="Max", seen_at=clock.now())
    punish(fleet, shop, "侵犯知识产权", state=ViolationState.LIFTED)
    page = browser("bob").text("/p/alice/violations")
    for part in ("梅记茶铺", "诱导分享", "首页弹窗", "规范 5", "虚假宣传", "Max 已知晓"):
        assert part in page, part
    assert "侵犯知识产权" not in page
    assert "标记知晓" not in page  # bob only looks
    assert "侵犯知识产权" in browser("bob").text("/p/alice/violations?state=lifted")
    unseen = browser("bob").text("/p/alice/violations?seen=no")
    assert "规范 5" in unseen
    assert "Max 已知晓" not in unseen
    assert "没有符合条件的处罚" in browser("bob").text("/p/alice/violations?reason=没有这种")


def test_an_address_of_wechat_that_is_no_web_page_is_no_link(browser: Open, fleet: Fleet, shop: Program) -> None:  # noqa: F811
    punish(fleet, shop, rule_name="规范", rule_url="javascript:alert(1)")
    assert "javascript:" not in browser("alice").text("/p/alice/violations")


def test_the_list_pages_by_key(browser: Open, fleet: Fleet, shop: Program) -> None:  # noqa: F811
    for number in range(51):
        punish(fleet, shop, "诱导分享", days=number, content=f"第{number:02}次")
    first = browser("alice").text("/p/alice/violations")
    assert "第49次" in first
    assert "第50次" not in first
    after = first.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&")
    second = browser("alice").text(after)
    assert "第50次" in second
    assert "第49次" not in second


def test_staff_mark_and_note(browser: Open, fleet: Fleet, shop: Program) -> None:  # noqa: F811
    row, alice = punish(fleet, shop), browser("alice")
    assert alice.post(f"/p/alice/violations/{row.id}/seen").status_code == 303
    assert browser("max").post(f"/p/alice/violations/{row.id}/note", {"note": "商家在准备材料"}).status_code == 303
    page = alice.text(f"/p/alice/programs/{shop.id}/violations")
    assert "商家在准备材料" in page
    assert "Alice 已知晓" in page
    long = alice.post(f"/p/alice/violations/{row.id}/note", {"note": "长" * 501})
    assert long.status_code == 422


def test_what_is_shut_is_shown_with_the_likely_reason(browser: Open, fleet: Fleet, shop: Program) -> None:  # noqa: F811
    punish(fleet, shop, "虚假宣传")
    with fleet.session() as db:
        program = load_program(db, shop.id)
        program.account_status = 19
        shutting.note_account(db, program)
    page = browser("alice").text("/p/alice/violations")
    assert "账号被冻结" in page
    assert "最近的处罚：" in page
    overview = browser("alice").text(f"/p/alice/programs/{shop.id}")
    assert "账号被冻结" in overview
    assert "1 条仍有效的处罚" in overview
    assert "通知中心" in browser("alice").text(f"/p/alice/programs/{shop.id}/violations")


def test_the_merchant_is_told_in_plain_words(browser: Open, fleet: Fleet, shop: Program) -> None:  # noqa: F811
    assert "微信处罚" not in browser("mei").text("/m/alice/")
    punish(fleet, shop, "虚假宣传")
    punish(fleet, shop, "很久以前", days=120)
    with fleet.session() as db:
        detail = {"reason": "虚假宣传"}
        activity.record(db, system(fleet.cast.alices), "program.violation", load_program(db, shop.id), detail=detail)
    with platform_session("the cron of this test") as db:
        write_notices(db)
    home = browser("mei").text("/m/alice/")
    assert "微信处罚：虚假宣传" in home
    assert "很久以前" not in home
    notices = browser("mei").text("/m/alice/notices")
    assert "被微信处罚" in notices
    assert "虚假宣传" in notices
    assert "微信处罚" not in browser("ming").text("/m/charlie/")


def test_a_reading_is_asked_for(browser: Open, fleet: Fleet, shop: Program) -> None:  # noqa: F811
    page = browser("alice").text(f"/p/alice/programs/{shop.id}/violations")
    assert "还没有查询过" in page
    assert browser("alice").post(f"/p/alice/programs/{shop.id}/violations/read").status_code == 303
    assert browser("bob").post(f"/p/alice/programs/{shop.id}/violations/read").status_code == 403
