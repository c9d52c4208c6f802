"""The pages of certifications, their templates and what they cost, as a browser without JavaScript uses them."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from saas.batches.models import BatchItem
from saas.programs.access import load_program
from saas.programs.certification_access import list_certifications_of
from saas.programs.certification_models import Certification, CertificationStatus, CertificationTemplate
from saas.programs.certification_progress import note_certification
from tests.programs.shop import Shop, control, picture, sandbox, shop  # noqa: F401 - fixtures
from tests.web.conftest import Browser

Browsers = Callable[[str], Browser]
S = CertificationStatus
OWN = "/p/alice/certifications"
BASICS = {"customer_type": "1", "account_name_type": "1", "pay_type": "2"}
PROVIDER_PAYS = {"pay_type": "1", "service_appid": "wx5a1b2c3d4e5f6071"}
CONTACT = {"contact_name": "林小燕", "contact_email": "lin@example.com", "third_party_phone": "0571-88001234"}
INVOICE = {"invoice_type": "2", "invoice_title": "青禾果蔬有限公司", "taxpayer_id": "91330106MA2K0QH50X"}


@pytest.fixture
def page(shop: Shop) -> str:  # noqa: F811
    return f"/p/alice/programs/{shop.id}/certification"


def licence() -> dict[str, Any]:
    return {"qualification": [(io.BytesIO(picture()), "licence.png")]}


def make_template(alice: Browser, **basics: str) -> str:
    """The three steps; answers the address of the first."""
    given = {"name": "标准", **BASICS, **basics, **licence()}
    contact = alice.post(f"{OWN}/templates/new", given).location
    invoice = alice.post(contact, CONTACT).location
    assert alice.post(invoice, INVOICE).location.endswith("/certifications/templates")
    return contact.replace("/contact", "/basics")


def template_id(shop: Shop) -> str:  # noqa: F811
    with shop.session() as db:
        return str(db.scalars(select(CertificationTemplate.id)).first())


def start(shop: Shop, alice: Browser, page: str, **basics: str) -> None:  # noqa: F811
    make_template(alice, **basics)
    alice.post(page, {"template": template_id(shop)})
    assert "24 小时" in alice.text(f"{page}/start")
    alice.post(f"{page}/start")
    shop.run_jobs(wait=5)


def ask(shop: Shop, alice: Browser, page: str) -> str:  # noqa: F811
    alice.post(f"{page}/refresh")
    shop.run_jobs(wait=5)
    return alice.text(page)


def newest(shop: Shop) -> Certification:  # noqa: F811
    with shop.session() as db:
        return list_certifications_of(db, load_program(db, shop.id))[0]


def tap(shop: Shop, *steps: str) -> None:  # noqa: F811
    for step in steps:
        shop.control.take_certification_step(shop.appid, step)


def items(shop: Shop) -> list[BatchItem]:  # noqa: F811
    with shop.session() as db:
        return list(db.scalars(select(BatchItem).where(BatchItem.step.contains("certification"))))


def test_from_a_template_to_the_certificate(shop: Shop, browser: Browsers, page: str) -> None:  # noqa: F811
    alice = browser("alice")
    assert "发起认证" in alice.text(page)
    start(shop, alice, page)
    text = alice.text(page)
    assert "等管理员确认" in text
    assert "剩 23 小时" in text
    assert newest(shop).auth_url in text.replace("&amp;", "&")
    assert f'action="{page}/refresh"' in text
    assert f"{page}/start" not in text
    tap(shop, "agree", "face", "send_code", "code")
    assert "支付审核费" in ask(shop, alice, page)
    tap(shop, "pay")
    assert "审核公司" in ask(shop, alice, page)
    shop.control.decide_certification(shop.appid, "pass")
    assert "认证已通过，有效期一年" in ask(shop, alice, page)
    assert "有效期至" in alice.text(page)
    assert "青禾果蔬" in alice.text(f"{OWN}?state=passed")
    assert "没有这样的认证" in alice.text(f"{OWN}?state=sent_back")


def test_what_was_sent_back_is_marked_and_handed_in_again(shop: Shop, browser: Browsers, page: str) -> None:  # noqa: F811
    alice = browser("alice")
    start(shop, alice, page)
    tap(shop, "agree", "face", "send_code", "code", "pay")
    shop.control.decide_certification(shop.appid, "refill", reason="营业执照不清楚，联系人电话无人接听")
    text = ask(shop, alice, page)
    assert "营业执照不清楚" in text
    assert f"{page}/parts/basics#qualification" in text
    assert f"{page}/parts/contact#contact_mobile" in text
    assert "剩 29 天" in text
    form = alice.text(f"{page}/parts/contact")
    assert form.count("打回原因提到了这一项") == 2
    wrong = alice.post(f"{page}/parts/contact", {"contact_mobile": "138", "third_party_phone": "0571-88001234"})
    assert wrong.status_code == 422
    assert "请填写 11 位手机号" in wrong.get_data(as_text=True)
    filled = {"contact_mobile": "13800138000", "third_party_phone": "0571-88001234"}
    assert alice.post(f"{page}/parts/contact", filled).status_code == 303
    assert alice.post(f"{page}/parts/basics", {**BASICS, "account_name": "青禾果蔬", **licence()}).status_code == 303
    assert "还可以补充 3 次" in alice.text(f"{page}/resubmit")
    alice.post(f"{page}/resubmit")
    shop.run_jobs(wait=5)
    assert (newest(shop).status, newest(shop).refills) == (S.IN_REVIEW, 1)
    assert f"{page}/resubmit" not in alice.text(page)


def test_what_failed_for_good_is_begun_anew_and_says_why(shop: Shop, browser: Browsers, page: str) -> None:  # noqa: F811
    alice = browser("alice")
    start(shop, alice, page)
    tap(shop, "refuse")
    text = ask(shop, alice, page)
    assert "管理员拒绝了这次认证，微信不允许重新提交" in text
    assert f"{page}/resubmit" not in text
    assert alice.get(f"{page}/resubmit").status_code == 404
    assert "沿用上一次认证的资料" in text
    alice.post(page, {"template": "like"})
    draft = newest(shop)
    assert (draft.status, draft.values["contact_name"]) == (S.DRAFT, "林小燕")
    assert "以前的认证" in alice.text(page)
    assert "不能恢复" in alice.text(f"{page}/discard")
    assert alice.post(f"{page}/discard").status_code == 303
    assert newest(shop).status == S.ADMIN_REFUSED


def test_wechat_refuses_the_start_and_the_page_says_who_must_act(shop: Shop, browser: Browsers, page: str) -> None:  # noqa: F811
    alice = browser("alice")
    shop.control.fail_next("secwxaapiWxaauth", errcode=89639)
    start(shop, alice, page)
    text = alice.text(page)
    assert "89639" in text
    assert newest(shop).status == S.DRAFT
    alice.post(f"{page}/start")
    shop.run_jobs(wait=5)
    assert "89639" not in alice.text(page)
    assert newest(shop).status == S.ADMIN_PENDING


def test_wrong_input_is_told_at_its_field_and_kept(shop: Shop, browser: Browsers, page: str) -> None:  # noqa: F811
    alice = browser("alice")
    alice.post(page, {"template": ""})
    wrong = alice.post(f"{page}/parts/basics", {**BASICS, "pay_type": "1", "service_appid": "wx1"})
    text = wrong.get_data(as_text=True)
    assert wrong.status_code == 422
    assert "AppID 以 wx 开头" in text
    assert 'value="wx1"' in text
    text_file = {"qualification": [(io.BytesIO(b"no picture"), "a.png")]}
    assert alice.post(f"{page}/parts/basics", {**BASICS, **text_file}).status_code == 422
    assert alice.post(f"{page}/parts/contact", {"contact_email": "lin@"}).status_code == 422
    assert alice.post(f"{page}/parts/invoice", {"invoice_type": "4", "taxpayer_id": "1"}).status_code == 422
    assert alice.get(f"{page}/parts/nothing").status_code == 404
    assert "还缺这些" in alice.text(page)
    answer = alice.post(f"{page}/start", follow_redirects=True)
    assert "资料不完整，请先补齐" in answer.get_data(as_text=True)
    assert items(shop) == []
    assert not any(name.startswith("secwxaapi") for name in shop.counts())


def test_a_lacking_permission_is_said_before_the_click(shop: Shop, browser: Browsers, page: str) -> None:  # noqa: F811
    with shop.session() as db:
        load_program(db, shop.id).permission_sets = [30]
    text = browser("alice").text(page)
    assert "没有“开发管理与数据分析”权限" in text
    assert "准备认证资料" not in text


def test_personal_data_is_masked_until_somebody_asks(shop: Shop, browser: Browsers, page: str) -> None:  # noqa: F811
    alice, bob = browser("alice"), browser("bob")
    first = make_template(alice)
    alice.post(page, {"template": template_id(shop)})
    contact = first.replace("/basics", "/contact")
    for text in (alice.text(page), bob.text(page), alice.text(f"{page}/parts/contact"), alice.text(contact)):
        assert "林小燕" not in text
        assert "lin@example.com" not in text
        assert "l***@example.com" in text
    assert bob.post(f"{page}/personal").status_code == 403
    assert "林小燕" in alice.post(f"{page}/personal").get_data(as_text=True)
    assert "lin@example.com" in alice.post(f"{OWN}/templates/{template_id(shop)}/personal").get_data(as_text=True)
    file_id = newest(shop).papers["qualification"][0]
    for address in (f"{page}/papers/{file_id}", f"{OWN}/templates/{template_id(shop)}/papers/{file_id}"):
        answer = alice.get(address)
        assert (answer.status_code, answer.content_type) == (200, "image/jpeg")
        assert answer.headers["Cache-Control"] == "no-store"
        assert bob.get(address).status_code == 403
    assert alice.text("/p/alice/activity").count("查看认证的完整资料") >= 4


def test_an_identity_is_chosen_in_the_tree(shop: Shop, browser: Browsers, page: str) -> None:  # noqa: F811
    alice = browser("alice")
    alice.post(page, {"template": ""})
    assert "还没有读取过认证身份" in alice.text(f"{page}/identity")
    alice.post(f"{page}/identities")
    shop.run_jobs(wait=5)
    assert "职业身份认证" in alice.text(f"{page}/identity")
    assert "教师资格证或在职证明" in alice.text(f"{page}/identity?at=121")
    alice.post(f"{page}/identity", {"identity": "校长"})
    assert "identification" not in newest(shop).values
    alice.post(f"{page}/identity", {"identity": "高校教师"})
    assert newest(shop).values["identification"] == "高校教师"
    alice.post(f"{page}/identity", {"identity": ""})
    assert "identification" not in newest(shop).values


def test_a_name_is_checked(shop: Shop, browser: Browsers, page: str) -> None:  # noqa: F811
    alice = browser("alice")
    make_template(alice)
    alice.post(page, {"template": template_id(shop)})
    alice.post(f"{page}/name")
    shop.run_jobs(wait=5)
    assert "可以使用，不需要证明" in alice.text(page)


def test_templates_are_copied_renamed_and_deleted(shop: Shop, browser: Browsers) -> None:  # noqa: F811
    alice = browser("alice")
    first = make_template(alice)
    assert alice.post(f"{OWN}/templates/new", {"name": "标准"}).status_code == 422
    assert alice.post(f"{OWN}/templates/new", {"name": ""}).status_code == 422
    copy = alice.post(first.replace("/parts/basics", "/copy")).location
    assert "标准 (2)" in alice.text(copy)
    assert alice.post(copy, {"name": "门店", **BASICS}).status_code == 303
    assert "门店" in alice.text(f"{OWN}/templates")
    assert "不能恢复" in alice.text(copy.replace("/parts/basics", "/delete"))
    assert alice.post(copy.replace("/parts/basics", "/delete")).status_code == 303
    assert "门店" not in browser("bob").text(f"{OWN}/templates")


def test_the_ledger_adds_up(shop: Shop, browser: Browsers, page: str) -> None:  # noqa: F811
    alice = browser("alice")
    assert "还没有代付过认证" in alice.text(f"{OWN}/charges")
    make_template(alice, **PROVIDER_PAYS)
    alice.post(page, {"template": template_id(shop)})
    assert "¥300.00" in alice.text(f"{page}/start")
    alice.post(f"{page}/start")
    shop.run_jobs(wait=5)
    assert "预留中" in browser("bob").text(f"{OWN}/charges")
    tap(shop, "agree", "face", "send_code", "code")
    ask(shop, alice, page)
    text = alice.text(f"{OWN}/charges")
    assert "已扣" in text
    assert "¥300.00" in text
    table = alice.get(f"{OWN}/charges.csv").get_data(as_text=True)
    assert table.startswith("\ufeff小程序,AppID,金额（元）")
    assert f"青禾果蔬,{shop.appid},300.00,已扣" in table


def test_a_selection_gets_drafts_and_the_complete_ones_start(shop: Shop, browser: Browsers) -> None:  # noqa: F811
    alice, start = browser("alice"), "/p/alice/programs/selection/start"
    make_template(alice)
    with shop.session() as db:
        program = load_program(db, shop.id)
        program.verified = False
        note_certification(db, program)
    chosen = {"id": str(shop.id)}
    assert "认证与备案" in alice.text(f"/p/alice/programs/selection?id={shop.id}")
    assert alice.post(f"{start}?action=certification_template", {**chosen, "do-template": "x"}).status_code == 422
    answer = alice.post(f"{start}?action=certification_template", {**chosen, "do-template": template_id(shop)})
    shop.run_jobs(wait=5)
    assert "已结束" in alice.text(answer.location)
    assert newest(shop).status == S.DRAFT
    assert "24 小时" in alice.text(f"{start}?action=certification_start&id={shop.id}")
    alice.post(f"{start}?action=certification_start", chosen)
    shop.run_jobs(wait=5)
    assert newest(shop).status == S.ADMIN_PENDING
    for action in ("certification_refresh", "certification_resubmit"):
        assert alice.post(f"{start}?action={action}", chosen).status_code == 303
    shop.run_jobs(wait=5)
    assert shop.counts().get("secwxaapiReauth", 0) == 0
