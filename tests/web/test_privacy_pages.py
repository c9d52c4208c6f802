"""Pages of privacy: what code and guide say is compared, typed text is kept, refusals land where they belong."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from saas import clock
from saas.batches.models import BatchItem
from saas.db import tenant_session
from saas.i18n import translate
from saas.programs.access import load_program
from saas.programs.models import ReviewStatus
from saas.programs.privacy import STEPS, lock_privacy
from saas.programs.privacy_guides import Guide, Sdk, labels
from saas.programs.privacy_interfaces import NAMES
from saas.programs.privacy_models import InterfaceStatus, OrderPage, PrivacyTemplate, ProgramPrivacy
from saas.web.provider.privacy_words import INTERFACES
from tests.cast import Cast
from tests.programs.shop import picture
from tests.web.conftest import Browser
from tests.web.things import build_things

Browsers = Callable[[str], Browser]
TYPED = {"contact_phone": "0571-88001234", "notice_method": "弹窗", "days": "30"}


@pytest.fixture
def things(cast: Cast) -> dict[str, str]:
    return build_things(cast)


@pytest.fixture
def page(things: dict[str, str]) -> str:
    return f"/p/alice/programs/{things['program_id']}"


def items(cast: Cast) -> list[BatchItem]:
    with tenant_session(cast.alices) as db:
        return list(db.scalars(select(BatchItem).where(BatchItem.status == "queued").order_by(BatchItem.id)))


def set_state(cast: Cast, things: dict[str, str], **values: Any) -> None:
    with tenant_session(cast.alices) as db:
        state = lock_privacy(db, load_program(db, things["program_id"]))  # type: ignore[arg-type]
        guides = {name: values.pop(name) for name in ("development", "online") if name in values}
        state.keep(**guides)
        for name, value in values.items():
            setattr(state, name, value)


def wanted(cast: Cast) -> Guide:
    with tenant_session(cast.alices) as db:
        return db.scalars(select(ProgramPrivacy)).one().wanted


def template(cast: Cast) -> PrivacyTemplate:
    with tenant_session(cast.alices) as db:
        return db.scalars(select(PrivacyTemplate).order_by(PrivacyTemplate.id.desc()).limit(1)).one()


def test_what_is_missing_is_named_with_the_button_that_adds_it(
    cast: Cast, browser: Browsers, things: dict[str, str], page: str
) -> None:
    guide = Guide(contact_phone="0571-88001234", notice_method="弹窗", purposes={"Address": "配送", "Email": "开票"})
    set_state(
        cast, things, has_code=True, used=["Album", "Address"], missing=["Album"], development=guide,
        online=Guide(notice_method="公告"), lacking=["wx.getLocation"], undeclared=["wx.choosePoi"],
    )  # fmt: skip
    text = browser("alice").text(f"{page}/privacy")
    for words in (
        "代码用到 1 种信息，指引没有写用途", "选中的照片或视频信息", "代码用到，指引没写", "代码没有用到", "用模板补上",
        "用户在下次发布后看到它", "wx.getLocation", "requiredPrivateInfos",
    ):  # fmt: skip
        assert words in text
    viewer = browser("bob").text(f"{page}/privacy")
    assert "选中的照片或视频信息" in viewer
    assert "用模板补上" not in viewer
    assert items(cast) == []


def test_a_guide_is_typed_checked_and_sent(cast: Cast, browser: Browsers, things: dict[str, str], page: str) -> None:
    alice = browser("alice")
    for typed, why in (
        ({"contact_phone": "", "purpose_Album": "上传晒单"}, "请至少填写一种联系方式"),
        ({"purpose_Album": "长" * 201}, "用途不能超过 200 个字"),
        ({"days": "一个月", "purpose_Album": "晒"}, "请填写天数"),
        ({"own_name": "会员卡号", "own_purpose": ""}, "请写明“会员卡号”的用途"),
        ({"sdk_name": "统计", "sdk_company": "示例", "sdk_uses": "手机号"}, "请写明“手机号”的用途"),
    ):  # fmt: skip
        answer = alice.post(f"{page}/privacy/edit", {**TYPED, **typed})
        text = answer.get_data(as_text=True)
        assert (answer.status_code, why in text) == (422, True), why
        for value in typed.values():
            assert value in text
    assert items(cast) == []
    sent = {
        **TYPED, "purpose_Album": "用于上传晒单", "own_name": ["会员卡号", ""], "own_purpose": ["积分", ""],
        "sdk_name": "示例统计", "sdk_company": "示例科技", "sdk_uses": "手机号：登录\n设备信息: 统计",
    }  # fmt: skip
    assert alice.post(f"{page}/privacy/edit", sent).status_code == 303
    (item,) = items(cast)
    assert item.step in STEPS
    guide = wanted(cast)
    assert (guide.purposes, guide.days) == ({"Album": "上传晒单", "会员卡号": "积分"}, "30")
    assert guide.sdks == (Sdk("示例统计", "示例科技", {"PhoneNumber": "登录", "DeviceInfo": "统计"}),)


def test_a_form_begins_as_the_template_makes_it(
    cast: Cast, browser: Browsers, things: dict[str, str], page: str
) -> None:
    alice = browser("alice")
    made = {**TYPED, "name": "零售", "purpose_PhoneNumber": "登录和接收通知"}
    assert alice.post("/p/alice/privacy-templates/new", {**made, "notice_method": ""}).status_code == 422
    assert alice.post("/p/alice/privacy-templates/new", made).status_code == 303
    again = alice.post("/p/alice/privacy-templates/new", made)
    assert (again.status_code, "已经有同名的隐私模板" in again.get_data(as_text=True)) == (422, True)
    row = template(cast)
    text = alice.text(f"{page}/privacy/edit?template={row.id}")
    assert "登录和接收通知" in text
    assert "按模板“零售”填好了" in text
    assert browser("charlie").get(f"/p/charlie/privacy-templates/{row.id}").status_code == 404
    copied = alice.text(f"/p/alice/privacy-templates/new?copy={row.id}")
    assert "零售 副本" in copied
    assert "登录和接收通知" in copied
    edited = {**made, "own_text": (io.BytesIO("我们的指引".encode()), "guide.txt")}
    assert alice.post(f"/p/alice/privacy-templates/{row.id}/edit", edited).status_code == 303
    assert len(template(cast).guide.own_text) == 36
    assert "登录和接收通知" in browser("bob").text(f"/p/alice/privacy-templates/{row.id}")


def test_what_a_template_has_no_words_for_is_left_to_people(
    cast: Cast, browser: Browsers, things: dict[str, str], page: str
) -> None:
    alice = browser("alice")
    set_state(cast, things, has_code=True, used=["Album"], missing=["Album"])
    asked = alice.post(f"{page}/privacy/missing", {"template": things["privacy_template_id"]})
    assert asked.location.endswith("/privacy/edit")
    assert "选中的照片或视频信息" in alice.text(f"{page}/privacy/edit")
    assert items(cast) == []


def test_an_interface_is_asked_for_at_its_own_page(
    cast: Cast, browser: Browsers, things: dict[str, str], page: str
) -> None:
    alice, address = browser("alice"), f"{page}/privacy/interfaces/wx.getLocation"
    nothing = alice.post(address, {"content": "找附近的门店"})
    assert (nothing.status_code, "请至少上传一张" in nothing.get_data(as_text=True)) == (422, True)
    assert "找附近的门店" in nothing.get_data(as_text=True)
    sent = {"content": "找附近的门店", "pictures": (io.BytesIO(picture()), "a.png")}
    assert alice.post(address, sent).status_code == 303
    (item,) = items(cast)
    assert (item.input["name"], len(item.input["pictures"])) == ("wx.getLocation", 1)
    refused = {"name": "wx.getLocation", "label": "", "link": "", "status": InterfaceStatus.REFUSED, "reason": "看不清"}
    with tenant_session(cast.alices) as db:
        db.scalars(select(BatchItem).where(BatchItem.id == item.id)).one().status = "done"
    set_state(cast, things, interfaces=[refused])
    assert "重新申请" in alice.text(f"{page}/privacy")
    again = alice.text(address)
    for words in ("看不清", "找附近的门店", "沿用上次提交的截图和视频"):
        assert words in again
    assert alice.get(f"{page}/privacy/interfaces/wx.login").status_code == 404


def test_an_order_page_is_asked_for_and_its_state_told(
    cast: Cast, browser: Browsers, things: dict[str, str], page: str
) -> None:
    alice = browser("alice")
    wrong = alice.post(f"{page}/order-page/apply", {"path": "pages/order?id=1", "account": "reviewer"})
    assert (wrong.status_code, "不带参数" in wrong.get_data(as_text=True)) == (422, True)
    assert "reviewer" in wrong.get_data(as_text=True)
    sent = {"path": "/pages/order/list", "account": "reviewer", "password": "s3cret"}
    assert alice.post(f"{page}/order-page/apply", sent).status_code == 303
    (item,) = items(cast)
    assert "s3cret" not in str(item.input)
    with tenant_session(cast.alices) as db:
        row = db.scalars(select(OrderPage)).one()
        row.path, row.status, row.reason = "pages/order/list", ReviewStatus.REFUSED, "页面打不开"
        row.read_at = clock.now()
    for words in ("页面打不开", "pages/order/list"):
        assert words in browser("bob").text(f"{page}/order-page")
    assert "s3cret" not in alice.text(f"{page}/order-page/apply")


def test_a_selection_gets_a_template(cast: Cast, browser: Browsers, things: dict[str, str]) -> None:
    alice = browser("alice")
    alice.post("/p/alice/privacy-templates/new", {**TYPED, "name": "零售", "purpose_PhoneNumber": "登录"})
    address = "/p/alice/programs/selection/start?action="
    chosen = {"id": things["program_id"]}
    assert alice.post(f"{address}privacy_template", {**chosen, "do-template": "x"}).status_code == 422
    row = template(cast)
    sent = {**chosen, "do-template": str(row.id), "do-only_used": "y"}
    assert alice.post(f"{address}privacy_template", sent).status_code == 303
    (item,) = items(cast)
    assert item.input == {"template": str(row.id), "only_used": True}
    assert alice.post(f"{address}order_page", {**chosen, "do-path": "?"}).status_code == 422
    assert alice.post(f"{address}privacy_interface", {**chosen, "do-name": "wx.getLocation"}).status_code == 422


def test_every_word_of_wechats_has_its_english() -> None:
    for word in labels().values():
        assert translate("en", word) != word
    assert set(INTERFACES) == set(NAMES)
