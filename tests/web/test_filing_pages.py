"""The pages of filings and their templates, as a browser without JavaScript uses them."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from saas.batches.models import BatchItem
from saas.programs import filing_reading, filing_sending
from saas.programs.access import load_program
from saas.programs.filing_fields import CITY, COMMENT, NAME, PROVINCE, SAME, SUBJECT_PERSON, TYPE
from saas.programs.filing_models import FilingStatus, FilingTemplate
from tests.programs.filing_data import PICTURES, PROGRAM, SUBJECT, filing_of, fill_in
from tests.programs.shop import Shop, control, picture, sandbox, shop  # noqa: F401 - fixtures
from tests.programs.test_filing_together import prepare
from tests.web.conftest import Browser

Browsers = Callable[[str], Browser]
MOBILE = f"{SUBJECT_PERSON}.mobile"


@pytest.fixture
def page(shop: Shop) -> str:  # noqa: F811
    return f"/p/alice/programs/{shop.id}/filing"


def files(pictures: dict[str, list[bytes]]) -> dict[str, Any]:
    return {path: [(io.BytesIO(one), "a.png") for one in contents] for path, contents in pictures.items()}


def template_id(shop: Shop) -> str:  # noqa: F811
    with shop.session() as db:
        return str(db.scalars(select(FilingTemplate.id)).one())


def test_a_filing_is_filled_in_checked_and_sent(shop: Shop, browser: Browsers, page: str) -> None:  # noqa: F811
    alice = browser("alice")
    assert "还没有开始备案" in alice.text(page)
    assert alice.post(f"{page}/begin").location.endswith("/filing/form/subject")
    shop.run_jobs()
    assert "广东省" in alice.text(f"{page}/form/subject")
    assert alice.post(f"{page}/form/subject", SUBJECT).location.endswith("/form/program")
    assert alice.post(f"{page}/form/program", PROGRAM).location.endswith("/form/materials")
    assert "还缺" in alice.text(page)
    assert alice.post(f"{page}/form/materials", files(PICTURES)).status_code == 303
    assert "发起人脸核验" in alice.text(page)
    alice.post(f"{page}/face")
    shop.run_jobs(wait=5)
    assert "等管理员完成人脸核验" in alice.text(page)
    shop.control.pass_face_check(shop.appid)
    shop.run_jobs(wait=60)
    text = alice.text(page)
    assert "可以提交备案了" in text
    assert "今天已用 0 次" in text
    alice.post(f"{page}/send")
    shop.run_jobs(wait=5)
    assert "微信正在审核" in alice.text(page)
    shop.control.decide_filing(shop.appid, "return", reasons=[{"key_name": "小程序备注", "error": "太简单"}])
    alice.post(f"{page}/read")
    shop.run_jobs(wait=5)
    text = alice.text(page)
    assert "退回原因" in text
    assert f"/form/program#{COMMENT}" in text
    assert "太简单" in alice.text(f"{page}/form/program")


def test_wrong_input_is_told_at_its_field_and_kept(shop: Shop, browser: Browsers, page: str) -> None:  # noqa: F811
    alice = browser("alice")
    alice.post(f"{page}/begin")
    answer = alice.post(f"{page}/form/subject", SUBJECT | {MOBILE: "1380013", CITY: "1"})
    text = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "请填写 11 位手机号" in text
    assert 'value="1380013"' in text
    assert 'value="陈梅"' in text
    assert filing_of(shop).values.get(MOBILE) is None
    assert "createIcpVerifyTask" not in shop.counts()


def test_choices_follow_each_other_without_saving(shop: Shop, browser: Browsers, page: str) -> None:  # noqa: F811
    alice = browser("alice")
    alice.post(f"{page}/begin")
    shop.run_jobs()
    typed = {TYPE: "5", PROVINCE: "330000", MOBILE: "138", "redraw": "1"}
    answer = alice.post(f"{page}/form/subject", typed)
    text = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert "杭州市" in text
    assert "主体证件类型" not in text
    assert 'value="138"' in text
    assert PROVINCE not in filing_of(shop).values
    text = alice.post(f"{page}/form/program", {SAME: "no", "redraw": "1"}).get_data(as_text=True)
    assert 'name="icp_applets.principal_info.mobile"' in text


def test_personal_data_is_masked_until_somebody_asks(shop: Shop, browser: Browsers, page: str) -> None:  # noqa: F811
    fill_in(shop)
    alice, bob = browser("alice"), browser("bob")
    for text in (alice.text(page), bob.text(page), alice.text(f"{page}/form/subject")):
        assert "13800138000" not in text
        assert "138＊＊＊＊000" in text
    assert bob.post(f"{page}/whole").status_code == 403
    assert "13800138000" in alice.post(f"{page}/whole").get_data(as_text=True)
    assert "program.filing.view" in shop.seen()
    file_id = next(iter(filing_of(shop).files.values()))[0]
    answer = alice.post(f"{page}/file", {"file": file_id})
    assert (answer.status_code, answer.content_type) == (200, "image/jpeg")
    assert bob.post(f"{page}/file", {"file": file_id}).status_code == 403
    assert "program.filing.view_file" in shop.seen()


def test_an_empty_personal_field_keeps_what_is_stored(shop: Shop, browser: Browsers, page: str) -> None:  # noqa: F811
    fill_in(shop)
    typed = {path: "" if path.startswith(SUBJECT_PERSON) else value for path, value in SUBJECT.items()}
    typed |= {path: value for path, value in SUBJECT.items() if path.endswith(("_type", "_start", "_end"))}
    assert browser("alice").post(f"{page}/form/subject", typed | {NAME: "青禾"}).status_code == 303
    values = filing_of(shop).values
    assert (values[MOBILE], values[NAME]) == ("13800138000", "青禾")


def test_what_is_lacking_is_named_before_anything_is_sent(shop: Shop, browser: Browsers, page: str) -> None:  # noqa: F811
    alice = browser("alice")
    alice.post(f"{page}/begin")
    assert alice.post(f"{page}/face").status_code == 303
    assert "还不能提交，请先修改：主体：主体性质" in alice.text(page)
    with shop.session() as db:
        assert db.scalars(select(BatchItem)).all() == []


def test_withdrawing_and_cancelling_ask_first(shop: Shop, browser: Browsers, page: str) -> None:  # noqa: F811
    fill_in(shop)
    shop.do(filing_sending.request_face_check)
    shop.control.pass_face_check(shop.appid)
    shop.run_jobs(wait=60)
    shop.do(filing_sending.request_sending)
    alice = browser("alice")
    assert "不能撤回了" in alice.text(f"{page}/withdraw")
    alice.post(f"{page}/withdraw")
    shop.run_jobs(wait=5)
    assert filing_of(shop).status == FilingStatus.WITHDRAWN
    shop.do(filing_sending.request_sending)
    shop.control.decide_filing(shop.appid)
    shop.control.confirm_sms(shop.appid)
    shop.control.decide_filing(shop.appid)
    shop.do(filing_reading.request_reading)
    assert filing_of(shop).number in alice.text(page)
    assert alice.post(f"{page}/cancel", {"what": "2", "reason": "1"}).status_code == 422
    assert alice.post(f"{page}/cancel", {"what": "2", "reason": "1", "sure": "y"}).status_code == 303
    shop.run_jobs(wait=5)
    assert "已申请注销" in alice.text(page)


def test_a_template_fills_a_filing(shop: Shop, browser: Browsers, page: str) -> None:  # noqa: F811
    alice, own = browser("alice"), "/p/alice/filing-templates"
    alice.post(f"{own}/new", {"name": "广东餐饮"})
    assert alice.post(f"{own}/new", {"name": "广东餐饮"}).status_code == 422
    first = template_id(shop)
    assert alice.post(f"{own}/{first}/form/program", PROGRAM).status_code == 303
    letter = {"icp_materials.commitment_letter": [picture()]}
    assert alice.post(f"{own}/{first}/form/materials", files(letter)).status_code == 303
    assert alice.post(f"{own}/{first}/form/subject", {MOBILE: "13800138000"}).status_code == 303
    assert "13800138000" not in alice.text(f"{own}/{first}")
    assert "13800138000" in alice.post(f"{own}/{first}/whole").get_data(as_text=True)
    assert alice.post(f"{own}/new?copy={first}", {"name": "副本"}).status_code == 303
    assert "副本" in alice.text(own)
    alice.post(f"{page}/begin", {"template": first})
    filled = filing_of(shop)
    assert filled.values[COMMENT] == PROGRAM[COMMENT]
    assert filled.values[NAME] == "青禾果蔬有限公司"
    assert filled.template_name == "广东餐饮"
    assert alice.post(f"{own}/{first}/delete").status_code == 303
    file_id = filing_of(shop).files["icp_materials.commitment_letter"][0]
    assert alice.post(f"{page}/file", {"file": file_id}).status_code == 200


def test_a_selection_gets_drafts_with_what_is_missing(shop: Shop, browser: Browsers) -> None:  # noqa: F811
    alice = browser("alice")
    alice.post("/p/alice/filing-templates/new", {"name": "广东餐饮"})
    alice.post(f"/p/alice/filing-templates/{template_id(shop)}/form/program", PROGRAM)
    chosen = {"id": str(shop.id), "do-template": template_id(shop)}
    answer = alice.post("/p/alice/programs/selection/start?action=filing_template", chosen)
    assert answer.status_code == 303
    shop.run_jobs(wait=5)
    text = alice.text(answer.location)
    assert "部分完成" in text
    assert "主体负责人 手机号：待补充" in text
    assert "小程序服务内容类型：" not in text
    assert filing_of(shop).status == FilingStatus.DRAFT
    assert alice.post("/p/alice/programs/selection/start?action=filing", {"id": str(shop.id)}).status_code == 303
    shop.run_jobs(wait=5)
    assert filing_of(shop).read_at is not None


def test_both_go_together_from_the_filing_s_page(shop: Shop, browser: Browsers, page: str) -> None:  # noqa: F811
    shop.control.change_account(shop.appid, verified=False)
    with shop.session() as db:
        load_program(db, shop.id).verified = False
    fill_in(shop)
    shop.run_jobs()
    alice = browser("alice")
    text = alice.text(page)
    assert "还没有微信认证" in text
    assert "没有准备" in text
    alice.post(f"{page}/face", {"together": "1"})
    assert "请先准备认证资料" in alice.text(page)
    prepare(shop)
    assert "一起办：发起管理员核验" in alice.text(page)
    alice.post(f"{page}/face", {"together": "1"})
    shop.run_jobs(wait=5)
    text = alice.text(page)
    assert "等管理员完成核验" in text
    assert "/phone/face_check" in text
    assert alice.get(f"{page}/send").status_code == 303
    shop.control.pass_face_check(shop.appid)
    shop.run_jobs(wait=60)
    assert "可以提交认证和备案了" in alice.text(page)
    assert "24 小时内在微信里支付审核费" in alice.text(f"{page}/send")
    alice.post(f"{page}/send")
    shop.run_jobs(wait=5)
    text = alice.text(page)
    assert "认证和备案已一起提交" in text
    assert "管理员付费链接" in text
    shop.control.take_certification_step(shop.appid, "pay")
    shop.control.decide_certification(shop.appid, "refill", reason="营业执照不清楚")
    shop.do(filing_reading.request_reading)
    text = alice.text(page)
    assert "营业执照不清楚" in text
    assert "重新提交" in text
    assert "再到备案页重新提交" in alice.text(page.replace("/filing", "/certification"))
    alice.post(f"{page}/send")
    shop.run_jobs(wait=5)
    shop.control.decide_certification(shop.appid)
    shop.do(filing_reading.request_reading)
    assert "微信正在审核" in alice.text(page)


def test_a_selection_is_checked_and_sent(shop: Shop, browser: Browsers) -> None:  # noqa: F811
    alice, start = browser("alice"), "/p/alice/programs/selection/start?action="
    assert alice.post(f"{start}filing_face", {"id": str(shop.id), "do-way": "alone"}).status_code == 303
    shop.run_jobs(wait=5)
    with shop.session() as db:
        assert [item.status for item in db.scalars(select(BatchItem))] == ["skipped"]
    fill_in(shop)
    alice.post(f"{start}filing_face", {"id": str(shop.id), "do-way": "alone"})
    alice.post(f"{start}filing_face", {"id": str(shop.id), "do-way": "alone"})
    shop.run_jobs(wait=5)
    assert shop.counts()["createIcpVerifyTask"] == 1
    shop.control.pass_face_check(shop.appid)
    shop.run_jobs(wait=60)
    alice.post(f"{start}filing_send", {"id": str(shop.id)})
    shop.run_jobs(wait=5)
    assert filing_of(shop).status == FilingStatus.PLATFORM_REVIEW
