"""The pages of registrations as a browser without JavaScript uses them, at a real sandbox."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from jobs import callbacks
from saas.components.access import load_component
from saas.components.models import ComponentStatus
from saas.programs.access import load_program
from saas.programs.models import Program
from saas.programs.registration_models import Registration, RegistrationStatus
from saas.tenants import activity
from saas.tenants.merchants import load_merchant
from saas.wx.callbacks import parse_message
from saas.wx.events import parse_event
from tests.programs.shop import Shop, control, sandbox, shop  # noqa: F401 - fixtures
from tests.web.conftest import Browser

Browsers = Callable[[str], Browser]
S = RegistrationStatus
CODE, OTHER_CODE = "91440101MA5ABCDE1M", "91350100M000100Y43"
FACTS = {"name": "梅记餐饮有限公司", "company_code": CODE, "component_phone": "020-12345678"}
BASE = "/p/alice/registrations"
_CREATE = "fastRegisterEnterpriseWeapp"


@pytest.fixture(autouse=True)
def ready(shop: Shop) -> None:  # noqa: F811
    with shop.session() as db:
        load_component(db, shop.component.id).status = ComponentStatus.READY
        merchant = load_merchant(db, shop.cast.meis)
        merchant.company_name, merchant.contact_email = "梅记餐饮有限公司", "mei@example.com"
        merchant.legal_name, merchant.legal_wechat = "周老板", "zhou_laoban"


def form_of(shop: Shop, kind: str = "enterprise") -> str:  # noqa: F811
    return f"{BASE}/new/{kind}?merchant={shop.cast.meis}"


def add(shop: Shop, alice: Browser, kind: str = "enterprise", **facts: Any) -> str:  # noqa: F811
    """Fill the form in; answers the page of the case."""
    given = {"component_id": str(shop.component.id), **(facts or FACTS)}
    answer = alice.post(form_of(shop, kind), given)
    assert answer.status_code == 303, answer.text
    return str(answer.location)


def send(shop: Shop, alice: Browser, page: str) -> None:  # noqa: F811
    assert alice.post(f"{page}/start").status_code == 303
    shop.run_jobs(wait=30)


def case_at(shop: Shop, page: str) -> Registration:  # noqa: F811
    with shop.session() as db:
        return db.scalars(select(Registration).where(Registration.id == page.rpartition("/")[2])).one()


def hear(shop: Shop) -> None:  # noqa: F811
    """What WeChat pushed comes in."""
    for row in sorted(shop.control.pushes(component_appid=shop.component.appid), key=lambda row: row["id"]):
        with shop.session() as db:
            event = parse_event(parse_message(row["xml"].encode()))
            callbacks.dispatch(db, load_component(db, shop.component.id), "", event)
    shop.run_jobs()


def test_a_company_from_the_form_to_its_mini_program(shop: Shop, browser: Browsers) -> None:  # noqa: F811
    alice = browser("alice")
    assert "梅记" in alice.text(f"{BASE}/new")
    text = alice.text(f"{BASE}/new?merchant={shop.cast.meis}")
    assert "企业小程序" in text
    assert "试用小程序转正" not in text
    assert 'value="梅记餐饮有限公司"' in alice.text(form_of(shop))
    page = add(shop, alice)
    text = alice.text(page)
    assert "待提交" in text
    assert "提交给微信" in text
    send(shop, alice, page)
    text = alice.text(page)
    case = case_at(shop, page)
    for words in ("等待本人确认", "剩余", case.link, "<svg", "必须由法人本人", 'hx-trigger="load'):
        assert words in text, words
    shop.control.answer_registration(case.link, person="梅姐")
    hear(shop)
    text = alice.text(page)
    assert "注册成功" in text
    assert "提交给微信</button>" not in text
    assert 'hx-trigger="load' not in text
    assert "注册成功" in alice.text(f"{BASE}?status=done")
    program = case_at(shop, page).program_id
    assert "注册记录" in alice.text(f"/p/alice/programs/{program}/registration")
    assert page in alice.text(f"/p/alice/merchants/{shop.cast.meis}")


@pytest.mark.parametrize(
    ("kind", "change", "words"),
    [
        ("enterprise", {"company_code": CODE[:-1] + "X"}, "校验位不对"),
        ("enterprise", {"company_code": CODE[:-1]}, "应为 18 位，您填了 17 位"),
        ("enterprise", {"component_phone": ""}, "请填写这一项"),
        ("personal", {"person_wechat": "1380000"}, "微信号应为 6 到 20 位"),
        ("trial", {"name": "梅记小程序", "person_openid": "oMei_0001"}, "名称里不能有“小程序”"),
        ("offiaccount", {"offiaccount_appid": "wx0123456789abcdef"}, "没有授权给所选的第三方平台"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_sent(
    shop: Shop, browser: Browsers, kind: str, change: dict[str, str], words: str  # noqa: F811
) -> None:  # fmt: skip
    given = {"component_id": str(shop.component.id), **FACTS, **change}
    answer = browser("alice").post(form_of(shop, kind), given)
    assert answer.status_code == 422
    assert words in answer.text
    [(name, value)] = list(change.items())[:1]
    assert not value or f'value="{value}"' in answer.text, name
    with shop.session() as db:
        assert list(db.scalars(select(Registration))) == []
    assert _CREATE not in shop.control.counts(component_appid=shop.component.appid)


def test_what_wechat_refused_is_explained_edited_and_sent_again(shop: Shop, browser: Browsers) -> None:  # noqa: F811
    alice = browser("alice")
    page = add(shop, alice)
    shop.control.fail_next(_CREATE, 86022)
    send(shop, alice, page)
    text = alice.text(page)
    for words in ("注册失败", "怎么办：", "错误码", "86022", "rid"):
        assert words in text, words
    assert alice.post(f"{page}/edit", {**FACTS, "company_code": "1"}).status_code == 422
    assert alice.post(f"{page}/edit", {**FACTS, "company_code": OTHER_CODE}).status_code == 303
    send(shop, alice, page)
    shop.control.answer_registration(case_at(shop, page).link, person="梅姐", answer="refuse")
    alice.post(f"{page}/ask")
    shop.run_jobs()
    text = alice.text(page)
    for words in ("对方拒绝了注册", "请与商家确认是否还要注册", "结果码", "历次提交", "第 2 次", "第 1 次"):
        assert words in text, words
    assert case_at(shop, page).person_name == "周老板"
    assert len(case_at(shop, page).history) == 2


def test_while_it_waits_it_can_neither_be_edited_nor_sent(shop: Shop, browser: Browsers) -> None:  # noqa: F811
    alice = browser("alice")
    page = add(shop, alice)
    send(shop, alice, page)
    assert alice.get(f"{page}/edit").status_code == 303
    assert alice.post(f"{page}/edit", FACTS).status_code == 303
    assert "这个注册现在不能提交" in alice.post(f"{page}/start", follow_redirects=True).text
    assert "/start" not in alice.text(page)


def test_what_hinders_is_said_before_the_click(shop: Shop, browser: Browsers) -> None:  # noqa: F811
    alice = browser("alice")
    page, second = add(shop, alice), add(shop, alice)
    send(shop, alice, page)
    text = alice.text(second)
    assert "这家公司有一个注册正在进行" in text
    assert f"{second}/start" not in text
    assert "这家公司有一个注册正在进行" in alice.post(f"{BASE}/start", ids(second), follow_redirects=True).text
    with shop.session() as db:
        load_component(db, shop.component.id).status = ComponentStatus.FAULTY
    third = add(shop, alice, **{**FACTS, "company_code": OTHER_CODE})
    assert "第三方平台还没有接通" in alice.text(third)


def test_links_are_mailed_one_by_one_and_together(shop: Shop, browser: Browsers) -> None:  # noqa: F811
    alice = browser("alice")
    page, draft = add(shop, alice), add(shop, alice, **{**FACTS, "company_code": OTHER_CODE})
    assert "现在没有可以发送的链接" in alice.post(f"{draft}/mail", follow_redirects=True).text
    assert "没有可以发送的链接" in alice.post(f"{BASE}/mail", ids(draft), follow_redirects=True).text
    send(shop, alice, page)
    assert "已把链接发到" in alice.post(f"{page}/mail", follow_redirects=True).text
    text = alice.post(f"{BASE}/mail", ids(page, draft), follow_redirects=True).text
    assert "已发出 1 封邮件；另有 1 个没有可用的链接或联系邮箱" in text
    with shop.session() as db:
        load_merchant(db, shop.cast.meis).contact_email = ""
    assert f"{page}/mail" not in alice.text(page)
    assert "没有联系邮箱" in alice.post(f"{page}/mail", follow_redirects=True).text


def test_a_table_becomes_registrations_that_are_sent_together(shop: Shop, browser: Browsers) -> None:  # noqa: F811
    alice = browser("alice")
    given = {"component_id": str(shop.component.id), "component_phone": "020-12345678"}
    rows = [f"青禾餐饮管理有限公司,{OTHER_CODE},林青禾,qinghe_fr", "梅记餐饮有限公司\t9144"]
    answer = alice.post(f"{BASE}/import", {**given, "rows": "\n".join(rows)})
    assert answer.status_code == 422
    for words in ("有 1 行不能导入", "第 2 行", "您填了 4 位", "青禾餐饮管理有限公司"):
        assert words in answer.text, words
    answer = alice.post(f"{BASE}/import", {**given, "rows": "\n".join([rows[0], f"梅记餐饮有限公司\t{CODE}"])})
    assert answer.status_code == 303
    text = alice.text(answer.location)
    found = re.findall(r'name="id" value="([^"]+)"', text)
    assert len(found) == 2
    assert "请" not in alice.post(f"{BASE}/start", {"id": found}).location
    shop.run_jobs(wait=30)
    assert alice.text(f"{BASE}?status=running").count("等待本人确认") >= 2
    answer = alice.post(f"{BASE}/start", {"id": found}, follow_redirects=True)
    assert "这个注册现在不能提交" in answer.text


def test_a_cancelled_registration_says_what_lives_on(shop: Shop, browser: Browsers) -> None:  # noqa: F811
    alice = browser("alice")
    page = add(shop, alice)
    send(shop, alice, page)
    assert "微信无法撤回" in alice.text(f"{page}/cancel")
    assert "已取消" in alice.post(f"{page}/cancel", follow_redirects=True).text
    assert "这个注册现在不能取消" in alice.post(f"{page}/cancel", follow_redirects=True).text
    shop.control.answer_registration(case_at(shop, page).link, person="梅姐")
    hear(shop)
    assert case_at(shop, page).status == S.DONE


def test_a_person_is_shown_whole_only_on_demand_and_it_is_recorded(
    shop: Shop, browser: Browsers  # noqa: F811
) -> None:  # fmt: skip
    alice = browser("alice")
    page = add(shop, alice)
    text = alice.text(page)
    for secret in ("周老板", "zhou_laoban"):
        assert secret not in text
        assert secret not in alice.text(f"{page}/edit")
        assert secret not in alice.text(f"{BASE}")
    text = alice.post(f"{page}/person").text
    assert "周老板" in text
    assert "zhou_laoban" in text
    with shop.session() as db:
        seen = [row.verb for row in activity.list_activities(db, object_id=case_at(shop, page).id, limit=20)]
    assert seen.count("registration.person.view") == 1


def test_a_viewer_looks_and_changes_nothing(shop: Shop, browser: Browsers) -> None:  # noqa: F811
    page = add(shop, browser("alice"))
    bob = browser("bob")
    text = bob.text(page) + bob.text(BASE)
    for words in ("/start", "/cancel", "/edit", "/person", "批量导入", 'name="id"'):
        assert words not in text, words


def test_nothing_of_another_provider_is_accepted(shop: Shop, browser: Browsers) -> None:  # noqa: F811
    alice = browser("alice")
    page = add(shop, alice)
    charlie = browser("charlie")
    assert charlie.get(page.replace("/p/alice/", "/p/charlie/")).status_code == 404
    assert charlie.get(page).status_code == 404
    for kind in ("enterprise", "trial"):
        assert alice.get(f"{BASE}/new/{kind}?merchant={shop.cast.mings}").status_code == 404
    foreign = {**FACTS, "component_id": str(shop.cast.charlies)}
    assert alice.post(form_of(shop), foreign).status_code == 422


def test_a_prepared_mini_program_gets_its_appid(shop: Shop, browser: Browsers) -> None:  # noqa: F811
    alice = browser("alice")
    with shop.session() as db:
        prepared = Program(
            provider_id=shop.cast.alices, component_id=shop.component.id, merchant_id=shop.cast.meis, name="梅记新店",
            appid="", authorization="unauthorized",
        )  # fmt: skip
        db.add(prepared)
        db.flush()
        prepared_id = prepared.id
        load_merchant(db, shop.cast.meis).company_code = CODE
    assert "注册小程序" in alice.text(f"/p/alice/programs/{prepared_id}/registration")
    with shop.session() as db:
        load_program(db, prepared_id).merchant_id = None
    answer = alice.get(f"{BASE}/new/enterprise?program={prepared_id}", follow_redirects=True)
    assert "这个小程序还没有商家，请先指定" in answer.text
    with shop.session() as db:
        load_program(db, prepared_id).merchant_id = shop.cast.meis
    start = f"/p/alice/programs/selection/start?action=register&id={prepared_id}"
    assert "服务商联系电话" in alice.text(start)
    assert alice.post(start, {"do-component_phone": "020-12345678"}).status_code == 303
    shop.run_jobs(wait=30)
    with shop.session() as db:
        case = db.scalars(select(Registration)).one()
    assert case.status == S.WAITING_PERSON
    shop.control.answer_registration(case.link, person="梅姐")
    hear(shop)
    with shop.session() as db:
        assert load_program(db, prepared_id).appid.startswith("wx")


def test_a_trial_is_renamed_and_converted(shop: Shop, browser: Browsers) -> None:  # noqa: F811
    alice = browser("alice")
    page = add(shop, alice, "trial", name="梅记试用店", person_openid="oMei_0001")
    send(shop, alice, page)
    shop.control.answer_registration(case_at(shop, page).link, person="梅姐")
    hear(shop)
    program = f"/p/alice/programs/{case_at(shop, page).program_id}"
    text = alice.text(f"{program}/registration")
    for words in ("剩余 13 天", "到期前没有转正就会被微信收回", "转正为企业小程序", "转正为个人升级版"):
        assert words in text, words
    answer = alice.post(f"{program}/registration", {"name": "微信小店店"})
    assert (answer.status_code, "名称里不能有“微信”" in answer.text) == (422, True)
    assert alice.post(f"{program}/registration", {"name": "梅记外带店"}).status_code == 303
    shop.run_jobs(wait=30)
    assert "梅记外带店" in alice.text(f"{program}/registration")
    new = f"{BASE}/new/conversion?program={program.rpartition('/')[2]}"
    given = {**FACTS, "component_id": str(shop.component.id)}
    case = str(alice.post(new, given).location)
    send(shop, alice, case)
    shop.control.answer_registration(case_at(shop, case).link, person="梅姐")
    hear(shop)
    assert "转正成功" in alice.text(case)
    text = alice.text(f"{program}/registration")
    assert "转正为企业小程序" not in text
    assert "只有试用小程序才能转正" in alice.post(new, given).text


def test_a_ticket_that_nobody_gave_is_refused(shop: Shop, browser: Browsers) -> None:  # noqa: F811
    alice = browser("alice")
    page = add(shop, alice)
    assert "不等公众号管理员" in alice.get(f"{page}/ticket?ticket=forged", follow_redirects=True).text
    assert "不等公众号管理员" in alice.post(f"{page}/lend", follow_redirects=True).text


def ids(*pages: str) -> dict[str, list[str]]:
    return {"id": [page.rpartition("/")[2] for page in pages]}
