"""The page of budgets, and where every limit is said before the click."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from saas import clock
from saas.components import budgets, call_days, quotas
from saas.components.access import load_component
from saas.components.models import Budget, ComponentApp, WeChatCall
from saas.programs import polling
from saas.programs.budgeting import without_chance
from saas.programs.models import Program
from saas.programs.polling_models import Kind
from saas.programs.rhythms import Rhythm, Standing
from saas.wx.limits import BY_NAME, LIMITS
from tests.agenda.conftest import Fleet, fleet  # noqa: F401 - a fixture
from tests.web.conftest import Browser

Open = Callable[[str], Browser]

SHOWN_AT = {
    "undo_audit_day": ("releases/undo.py", "templates/provider/releases/undo.html"),
    "undo_audit_month": ("releases/undo.py", "templates/provider/releases/undo.html"),
    "speedup_audit_month": ("releases/speedup.py", "templates/provider/releases/speed_up.html"),
    "nickname_year": ("web/provider/profile.py", "templates/provider/programs/profile.html"),
    "avatar_month": ("web/provider/profile.py", "templates/provider/programs/profile.html"),
    "avatar_year": ("web/provider/profile.py", "templates/provider/programs/profile.html"),
    "signature_month": ("web/provider/profile.py", "templates/provider/programs/profile.html"),
    "category_month": ("web/provider/categories.py", "templates/provider/programs/categories_edit.html"),
    "server_domain_month": ("programs/domains.py", "templates/provider/programs/domains_confirm.html"),
    "server_domain_directly_month": ("programs/domains.py", "templates/provider/programs/domains_confirm.html"),
    "platform_domain_month": ("components/domains.py", "templates/provider/components/domains_confirm.html"),
    "qrcode_rule_month": ("programs/qr_rules.py", "templates/provider/programs/qr_rule_publish.html"),
    "code_ever": ("programs/codes.py", "templates/provider/programs/code_new.html"),
    "link_day": ("programs/codes.py", "templates/provider/programs/code_new.html"),
    "short_link_day": ("programs/codes.py", "templates/provider/programs/code_new.html"),
    "short_link_ever": ("programs/codes.py", "templates/provider/programs/code_new.html"),
    "personal_registration_day": ("programs/registration_kinds.py", "templates/provider/registrations/show.html"),
    "offiaccount_registration_month": ("programs/registration_kinds.py", "templates/provider/registrations/show.html"),
    "filing_day": ("programs/filing_sending.py", "templates/provider/programs/filing.html"),
    "counter_reset_month": ("components/repairs.py", "templates/provider/components/clear_counters.html"),
}
"""Where the limit is named, and the page on which it stands before the click."""

SAID_OTHERWISE = {
    "submit_audit_month": ("audit_quota_rest", "templates/provider/releases/show.html"),
    "certification_refill_ever": ("left", "templates/provider/certification/confirm.html"),
}
"""Limits that another fact tells: WeChat's own reading, the row's own count."""

NO_CLICK = {
    "qrcode_rule_add_second", "qrcode_rule_delete_second", "privacy_interface_minute", "unlimited_code_minute",
    "component_token_day", "program_token_day", "prefetch_domain_month",
}  # fmt: skip
"""Waited for by itself, taken by the machine, or not offered."""


def test_every_limit_is_said_before_the_click() -> None:
    known = set(SHOWN_AT) | set(SAID_OTHERWISE) | NO_CLICK
    assert {limit.name for limit in LIMITS} == known
    assert len(known) == len(SHOWN_AT) + len(SAID_OTHERWISE) + len(NO_CLICK)


@pytest.mark.parametrize("name", [*SHOWN_AT, *SAID_OTHERWISE])
def test_it_stands_where_we_say(name: str) -> None:
    saas = Path("saas")
    if name in SHOWN_AT:
        where, page = SHOWN_AT[name]
        assert f'"{name}"' in (saas / where).read_text()
        words = ("chances_text", "budget", "month_left", "chances", "own")
    else:
        fact, page = SAID_OTHERWISE[name]
        words = (fact,)
    text = (saas / page).read_text()
    assert any(word in text for word in words), page


def use(fleet: Fleet, program: Program, name: str, used: int, **more: Any) -> None:  # noqa: F811
    with fleet.session() as db:
        db.add(Budget(
            provider_id=fleet.cast.alices, component_id=program.component_id, owner=program.appid, name=name,
            used=used, **{"starts_on": BY_NAME[name].period.start(clock.now()), **more},
        ))  # fmt: skip


def quota(fleet: Fleet, component_id: Any, rest: int, limit: int = 300) -> None:  # noqa: F811
    with fleet.session() as db:
        component = load_component(db, component_id)
        quotas.note_quota(db, component, {"rest": rest, "limit": limit, "speedup_rest": 2, "speedup_limit": 10})


@pytest.fixture
def shop(fleet: Fleet) -> Program:  # noqa: F811
    return fleet.add(name="梅记茶铺")


def test_the_page_tells_what_is_left_and_whose_is_used_up(browser: Open, fleet: Fleet, shop: Program) -> None:  # noqa: F811
    page = browser("bob").text("/p/alice/budgets")
    assert "本月还没有读到提审额度" in page
    assert "没有小程序用完次数" in page
    quota(fleet, shop.component_id, 250)
    use(fleet, shop, "undo_audit_day", 5)
    use(fleet, shop, "signature_month", 5, told=5)
    use(fleet, shop, "avatar_year", 4)
    page = browser("bob").text("/p/alice/budgets")
    for part in ("250", "共 300 次，已用 50 次", "梅记茶铺", "5 / 5", "每天撤回审核", "每月修改介绍"):
        assert part in page, part
    assert "4 / 5" not in page
    only = browser("bob").text("/p/alice/budgets?limit=signature_month")
    assert only.count("梅记茶铺</a>") == 1
    assert "Withdrawals" not in only


def test_whose_is_used_up_pages_by_key(browser: Open, fleet: Fleet) -> None:  # noqa: F811
    for number in range(51):
        use(fleet, fleet.add(name=f"第{number:02}家"), "undo_audit_day", 5)
    first = browser("alice").text("/p/alice/budgets")
    assert "第49家" in first
    assert "第50家" not in first
    after = first.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&")
    second = browser("alice").text(after)
    assert "第50家" in second
    assert "第49家" not in second


def test_charlie_sees_nothing_of_it(browser: Open, fleet: Fleet, shop: Program) -> None:  # noqa: F811
    use(fleet, shop, "undo_audit_day", 5)
    assert browser("charlie").get("/p/alice/budgets").status_code == 404
    assert "梅记茶铺" not in browser("charlie").text("/p/charlie/budgets")


def test_before_an_action_for_many_one_sees_who_has_no_chance_left(
    browser: Open,
    fleet: Fleet,  # noqa: F811
    shop: Program,
) -> None:
    other = fleet.add(name="另一家")
    use(fleet, shop, "signature_month", 5, told=5)
    with fleet.session() as db:
        assert without_chance(db, [shop, other], ["signature_month"]) == {shop.id}
    path = f"/p/alice/programs/selection/start?action=introduction&id={shop.id}&id={other.id}"
    page = browser("alice").text(path)
    assert "1 个小程序没有次数了" in page


def test_before_many_are_submitted_one_sees_whether_the_quota_suffices(
    browser: Open,
    fleet: Fleet,  # noqa: F811
    shop: Program,
) -> None:
    ids = "".join(f"&id={one.id}" for one in (shop, fleet.add(name="另一家")))
    path = f"/p/alice/programs/selection/start?action=submit{ids}"
    assert "还没有读到本月的剩余额度" in browser("alice").text(path)
    for left, said in ((1, "有 1 个会因为额度用完而失败"), (5, "提交之后还剩 3 次")):
        with fleet.session() as db:
            component = load_component(db, shop.component_id)
            component.audit_quota_rest, component.audit_quota_limit, component.quota_read_at = left, 20, clock.now()
        page = browser("alice").text(path)
        assert f"需要 2 次提审额度，本月还剩 {left} 次" in page
        assert said in page


def test_calls_by_the_day_stand_on_both_pages(browser: Open, fleet: Fleet, shop: Program) -> None:  # noqa: F811
    with fleet.session() as db:
        component = load_component(db, shop.component_id)
        for operation, origin in (("getAuditStatus", "polling"), ("release", "work")):
            db.add(WeChatCall(
                provider_id=component.provider_id, component_id=component.id, appid=shop.appid, operation=operation,
                errcode=0, ms=3, origin=origin,
            ))  # fmt: skip
        db.flush()
        call_days.count_calls(db, component)
        polling.expect(db, polling.of_program(Kind.AUDIT, shop, shop.id), Standing(Rhythm.AUDIT, clock.now()))
    page = browser("bob").text(f"/p/alice/components/{shop.component_id}/traffic")
    for part in ("最近 30 天的接口调用", "getAuditStatus", "查询微信结果 1 次", "操作和发布 1 次", "<svg"):
        assert part in page, part
    page = browser("bob").text(f"/p/alice/programs/{shop.id}/calls")
    for part in ("最近 30 天的接口调用", "平均每天 2.0 次", "正在等微信的结果", "代码审核"):
        assert part in page, part


def test_months_are_kept_for_thirteen_and_days_for_two(fleet: Fleet, shop: Program, move_clock: Any) -> None:  # noqa: F811
    with fleet.session() as db:
        component: ComponentApp = load_component(db, shop.component_id)
    names = {"undo_audit_day", "undo_audit_month", "avatar_year"}
    for name in names:
        use(fleet, shop, name, 1, starts_on=clock.now().date())
    for days, kept in ((100, names - {"undo_audit_day"}), (300, {"avatar_year"}), (400, set())):
        move_clock(days * 86_400)
        with fleet.session() as db:
            budgets.forget_old_budgets(db)
            assert {row.name for row in db.query(Budget).filter_by(component_id=component.id)} == kept
