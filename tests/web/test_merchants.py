"""The merchants' pages at a provider: who comes in, forms, people, values, links."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select

from saas.components.models import ComponentApp
from saas.db import platform_session, tenant_session
from saas.programs.models import AuthorizationLink, LinkStatus
from saas.tenants.models import Activity, Invitation, Merchant, MerchantMembership
from tests.cast import Cast
from tests.web.conftest import Browser

Open = Callable[[str], Browser]


@pytest.fixture
def component(cast: Cast) -> ComponentApp:
    with tenant_session(cast.alices) as db:
        row = ComponentApp(provider_id=cast.alices, key="alicekey", name="爱丽平台", appid="wx8a2b1c3d4e5f6071")
        db.add(row)
    return row


def merchant(cast: Cast) -> Merchant:
    with tenant_session(cast.alices) as db:
        return db.scalars(select(Merchant).where(Merchant.id == cast.meis)).one()


def test_alice_adds_a_merchant_and_finds_it(browser: Open, cast: Cast) -> None:
    alice = browser("alice")
    answer = alice.post(
        "/p/alice/merchants/new",
        {
            "name": "青禾咖啡", "company_name": "青禾餐饮管理有限公司", "company_code": "91310000ma1fl0l24x",
            "contact_phone": "138 0013 8000", "contact_email": "qh@example.com", "tags": "连锁，上海 咖啡",
        },
    )  # fmt: skip
    assert answer.status_code == 303
    page = alice.text(answer.location)
    assert "青禾咖啡" in page
    assert "91310000MA1FL0L24X" in page
    assert "138****8000" in page
    assert "0013" not in page
    for query in ("青禾", "餐饮", "连锁"):
        assert "青禾咖啡" in alice.text(f"/p/alice/merchants?q={query}")
    assert "青禾咖啡" not in alice.text("/p/alice/merchants?q=奶茶")
    assert "青禾咖啡" in alice.text("/p/alice/merchants?tag=咖啡")


def test_a_wrong_field_keeps_the_form_and_changes_nothing(browser: Open, cast: Cast) -> None:
    alice = browser("alice")
    for data in ({"name": ""}, {"name": "新商家", "company_code": "123"}, {"name": "新商家", "contact_phone": "abc"}):
        assert alice.post("/p/alice/merchants/new", data).status_code == 422
    answer = alice.post(f"/p/alice/merchants/{cast.meis}/edit", {"name": "改名", "contact_email": "no-address"})
    assert answer.status_code == 422
    assert "邮箱格式不正确" in answer.get_data(as_text=True)
    assert merchant(cast).name == "梅记茶铺"
    assert "新商家" not in alice.text("/p/alice/merchants")


def test_the_whole_phone_is_shown_on_request_and_that_is_recorded(browser: Open, cast: Cast) -> None:
    max_ = browser("max")
    max_.post(f"/p/alice/merchants/{cast.meis}/edit", {"name": "梅记茶铺", "contact_phone": "13800138000"})
    max_.post(f"/p/alice/merchants/{cast.meis}/edit", {"name": "梅记茶铺", "contact_phone": ""})
    answer = max_.post(f"/p/alice/merchants/{cast.meis}/phone")
    assert "13800138000" in answer.get_data(as_text=True)
    with tenant_session(cast.alices) as db:
        assert db.scalars(select(Activity).where(Activity.verb == "merchant.phone.view")).one().actor_name == "Max"
    max_.post(f"/p/alice/merchants/{cast.meis}/edit", {"name": "梅记茶铺", "clear_phone": "y"})
    assert merchant(cast).contact_phone == ""


def test_archived_merchants_leave_the_list_with_their_links_and_come_back(
    browser: Open, cast: Cast, component: ComponentApp
) -> None:
    alice = browser("alice")
    link = alice.post(
        f"/p/alice/merchants/{cast.meis}/links/new", {"component_id": str(component.id), "days": "7"}
    ).location
    assert browser("mei").get("/m/alice/").status_code == 200
    assert "不受影响" in alice.text(f"/p/alice/merchants/{cast.meis}/archive")
    assert alice.post(f"/p/alice/merchants/{cast.meis}/archive").status_code == 303
    assert alice.post(f"/p/alice/merchants/{cast.meis}/archive").status_code == 409
    assert "梅记茶铺" not in alice.text("/p/alice/merchants")
    assert "梅记茶铺" in alice.text("/p/alice/merchants?archived=1")
    assert "已撤销" in alice.text(link)
    assert browser("mei").get("/m/alice/").status_code == 404
    assert alice.get(f"/p/alice/merchants/{cast.meis}/links/new").status_code == 200
    assert alice.post(
        f"/p/alice/merchants/{cast.meis}/links/new", {"component_id": str(component.id), "days": "7"}
    ).status_code == 422  # fmt: skip
    alice.post(f"/p/alice/merchants/{cast.meis}/restore")
    assert browser("mei").get("/m/alice/").status_code == 200


def test_values_are_kept_by_key_and_a_wrong_key_is_named(browser: Open, cast: Cast) -> None:
    alice = browser("alice")
    path = f"/p/alice/merchants/{cast.meis}/values"
    assert alice.post(path, {"key": ["shopId", "", "color"], "value": ["42", "", "绿"]}).status_code == 303
    assert merchant(cast).ext_values == {"shopId": "42", "color": "绿"}
    answer = alice.post(path, {"key": ["店号"], "value": ["42"]})
    assert answer.status_code == 422
    assert "店号" in answer.get_data(as_text=True)
    assert alice.post(path, {"key": ["a", "a"], "value": ["1", "2"]}).status_code == 422
    assert merchant(cast).ext_values == {"shopId": "42", "color": "绿"}


def test_people_are_invited_by_mail_demoted_and_removed(browser: Open, cast: Cast) -> None:
    alice = browser("alice")
    people = f"/p/alice/merchants/{cast.meis}/people"
    assert alice.post(f"{people}/new", {"email": "lin@example.com", "name": "林", "role": "helper"}).status_code == 303
    page = alice.text(f"/p/alice/merchants/{cast.meis}")
    assert "lin@example.com" in page
    assert "mei@example.com" in page
    with platform_session("test") as db:
        invitation = db.scalars(select(Invitation)).one()
        membership = db.scalars(select(MerchantMembership).where(MerchantMembership.user_id == cast.users["mei"])).one()
    assert alice.post(f"{people}/{membership.id}/role", {"role": "helper"}).status_code == 303
    assert alice.post(f"{people}/{membership.id}/role", {"role": "emperor"}).status_code == 422
    assert alice.post(f"{people}/{membership.id}/remove").status_code == 303
    assert browser("mei").get("/m/alice/").status_code == 404
    invitations = f"/p/alice/merchants/{cast.meis}/invitations/{invitation.id}"
    assert alice.post(f"{invitations}/resend").status_code == 303
    assert alice.post(f"{invitations}/revoke").status_code == 303
    assert alice.post(f"{invitations}/revoke").status_code == 404


def test_a_link_is_made_shown_replaced_and_revoked(browser: Open, cast: Cast, component: ComponentApp) -> None:
    alice = browser("alice")
    new = f"/p/alice/merchants/{cast.meis}/links/new"
    data = {"component_id": str(component.id), "days": "3", "permission_sets": ["18", "30"]}
    shown = alice.post(new, data).location
    page = alice.text(shown)
    assert "/m/alice/authorize/" in page
    assert "18、30" in page
    replaced = alice.post(f"{shown}/replace").location
    assert replaced != shown
    assert "已撤销" in alice.text(shown)
    assert alice.post(f"{replaced}/revoke").status_code == 303
    assert alice.post(f"{replaced}/revoke").status_code == 409
    assert alice.post(new, {**data, "permission_sets": ["9999"]}).status_code == 422
    with tenant_session(cast.alices) as db:
        assert {row.status for row in db.scalars(select(AuthorizationLink))} == {LinkStatus.REVOKED}


def test_who_may_what(browser: Open, cast: Cast, component: ComponentApp) -> None:
    link = browser("alice").post(
        f"/p/alice/merchants/{cast.meis}/links/new", {"component_id": str(component.id), "days": "7"}
    ).location  # fmt: skip
    page, edit = f"/p/alice/merchants/{cast.meis}", f"/p/alice/merchants/{cast.meis}/edit"
    assert browser("max").get(edit).status_code == 200
    bob = browser("bob")
    assert bob.get(page).status_code == 200
    assert "/authorize/" not in bob.text(page)
    for path in (edit, link, f"{page}/archive", f"{page}/values", f"{page}/people/new", f"{page}/links/new"):
        assert bob.get(path).status_code == 403, path
    assert bob.get("/p/alice/merchants/new").status_code == 403
    assert bob.post(f"{page}/phone").status_code == 403
    assert bob.post(f"{link}/revoke").status_code == 403
    for name in ("charlie", "mei", "ming"):
        assert browser(name).get(page).status_code == 404
        assert browser(name).get(link).status_code == 404
    assert browser("charlie").get(f"/p/charlie/merchants/{cast.meis}").status_code == 404
    assert browser("").get(page).status_code == 303


def test_lists_page_by_keyset(browser: Open, cast: Cast) -> None:
    with tenant_session(cast.alices) as db:
        db.add_all(Merchant(provider_id=cast.alices, name=f"商家{number:03}") for number in range(60))
    alice = browser("alice")
    first = alice.text("/p/alice/merchants")
    assert first.count("/p/alice/merchants/0") == 50
    with tenant_session(cast.alices) as db:
        ids = list(db.scalars(select(Merchant.id).order_by(Merchant.id.desc())))
    assert f"before={ids[49]}" in first
    assert alice.text(f"/p/alice/merchants?before={ids[49]}").count("/p/alice/merchants/0") == 11


def test_a_nul_character_is_refused_wherever_it_stands(browser: Open, cast: Cast) -> None:
    alice = browser("alice")
    for path in ("/p/alice/merchants?q=%00", "/p/alice/merchants?tag=a%00", "/p/alice/programs?q=%00"):
        assert alice.get(path).status_code == 400
    assert alice.post("/p/alice/merchants/new", {"name": "a\0b"}).status_code == 400
    answer = alice.post(f"/p/alice/merchants/{cast.meis}/values", {"key": ["a", "b"], "value": ["x", "y\0"]})
    assert answer.status_code == 400


def test_the_legal_person_is_masked_until_somebody_looks(browser: Open, cast: Cast) -> None:
    alice, path = browser("alice"), f"/p/alice/merchants/{cast.meis}"
    form = {
        "name": "梅记茶铺", "company_code": "91310000MA1FL0L24X", "company_code_type": "1", "legal_name": "林青禾",
        "legal_wechat": "qinghe_fr",
    }  # fmt: skip
    assert alice.post(f"{path}/edit", form).status_code == 303
    assert alice.post(f"{path}/edit", {"name": "梅记茶铺", "company_code": "91310000MA1FL0L24X"}).status_code == 303
    page = alice.text(path)
    assert "林**" in page
    assert "林青禾" not in page + alice.text(f"{path}/edit")
    assert "qinghe_fr" not in page
    shown = alice.post(f"{path}/legal").get_data(as_text=True)
    assert "林青禾" in shown
    assert "qinghe_fr" in shown
    assert "查看完整法人资料" in alice.text(path)
    assert alice.post(f"{path}/edit", {"name": "梅记茶铺", "clear_legal": "y"}).status_code == 303
    assert "显示完整法人资料" not in alice.text(path)
    for wrong in (
        {"legal_wechat": "1"},
        {"company_code": "1"},
        {"company_code": "123456789012345", "company_code_type": "1"},
    ):
        assert alice.post(f"{path}/edit", {"name": "梅记茶铺", **wrong}).status_code == 422
