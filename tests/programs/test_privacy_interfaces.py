"""Location interfaces and the order page at the sandbox: applied for with pictures, decided by people, told why."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from jobs import callbacks
from saas import clock
from saas.batches.models import BatchItem, ItemStatus
from saas.batches.starting import Subject, start_batch
from saas.components.access import load_component
from saas.db import platform_session
from saas.errors import Conflict, Invalid, NotFound
from saas.programs import order_page, privacy, privacy_interfaces
from saas.programs.access import load_program
from saas.programs.evidence import read_evidence
from saas.programs.models import Program, ReviewStatus
from saas.programs.privacy_models import InterfaceStatus, OrderPage
from saas.tenants.access import Who
from saas.wx.api.order_path import OrderPaths
from saas.wx.events import OrderPathsSubmitted, OrderPathSubmission, parse_event
from tests.programs.shop import Shop, picture

LOCATION = "wx.getLocation"
WHY = "顾客下单时查找附近的门店"
FILM = b"\x00\x00\x00\x18ftypmp42" + b"\x00" * 64


@pytest.fixture
def lacking(shop: Shop) -> Shop:
    """WeChat has not granted the location interface, and we know it."""
    shop.control.change_account(shop.appid, missing_privacy=["getLocation"])
    shop.do(privacy.request_reading)
    return shop


def interface(shop: Shop) -> tuple[int, str]:
    with shop.session() as db:
        found = privacy_interfaces.get_interface(db, load_program(db, shop.id), LOCATION)
        return found["status"], found["reason"]


def ask(shop: Shop, **options: Any) -> BatchItem:
    given = {"content": WHY, "pictures": [picture()]} | options
    return shop.do(privacy_interfaces.request_interface, LOCATION, **given)


def given(shop: Shop) -> dict[str, Any]:
    """What the newest application says."""
    found: dict[str, Any] = json.loads(shop.control.applications(appid=shop.appid)[0]["given"])
    return found


def read(address: str) -> tuple[bytes, str]:
    """What WeChat's reviewer gets at an address."""
    file_id, mark = address.split("/evidence/")[1].rpartition(".")[0].split("/")
    with platform_session("look at evidence") as db:
        found = read_evidence(db, UUID(file_id), mark)
    if found is None:
        raise NotFound()
    return found


def number(shop: Shop) -> str:
    return str(shop.control.applications(appid=shop.appid)[0]["id"])


def hear(shop: Shop, name: str, fields: dict[str, Any], appid: str = "") -> None:
    """WeChat pushes an event: about this mini program, or to the component app."""
    now = str(int(clock.now().timestamp()))
    event = parse_event({"ToUserName": "gh_x", "CreateTime": now, "MsgType": "event", "Event": name, **fields})
    with shop.session() as db:
        callbacks.dispatch(db, load_component(db, shop.component.id), appid, event)
    shop.run_jobs()


def reviewed(shop: Shop, **verdict: str) -> None:
    hear(shop, "order_path_audit_result_notify", {"list": {"appid": shop.appid, **verdict}})


def order(shop: Shop) -> OrderPage:
    with shop.session() as db:
        found = order_page.find_order_page(db, load_program(db, shop.id))
        assert found is not None
        return found


def test_an_interface_is_applied_for_with_pictures_that_reviewers_can_fetch(lacking: Shop) -> None:
    assert interface(lacking) == (InterfaceStatus.NOT_APPLIED, "")
    assert ask(lacking).status == ItemStatus.DONE
    assert interface(lacking)[0] == InterfaceStatus.IN_REVIEW
    (address,) = given(lacking)["pic_list"]
    content, kind = read(address)
    assert (content[:2], kind) == (b"\xff\xd8", "image/jpeg")
    with pytest.raises(NotFound):
        read(address.replace(address[-36:-4], "0" * 32))
    with pytest.raises(Conflict):
        ask(lacking)
    lacking.control.decide_application(number(lacking), "approve", push=False)
    hear(lacking, "wxa_privacy_apply", {"result_info": {"api_name": LOCATION, "status": "3"}}, lacking.appid)
    assert interface(lacking)[0] == InterfaceStatus.GRANTED
    with pytest.raises(Conflict):
        ask(lacking)


def test_why_it_was_refused_is_read_and_the_pictures_can_go_again(lacking: Shop) -> None:
    ask(lacking)
    lacking.control.decide_application(number(lacking), "reject", reason="未见使用场景", push=False)
    with lacking.session() as db:
        assert privacy_interfaces.look(db, lacking.id) is None
    assert interface(lacking) == (InterfaceStatus.REFUSED, "未见使用场景")
    assert ask(lacking, pictures=[], keep_files=True).status == ItemStatus.DONE
    assert len(given(lacking)["pic_list"]) == 1


def test_a_long_review_is_asked_about_less_often(lacking: Shop) -> None:
    ask(lacking)
    begun = lacking.counts()["getPrivacyInterface"]
    lacking.run_jobs(wait=3 * 3600)
    often = lacking.counts()["getPrivacyInterface"]
    assert 3 <= often - begun <= 12
    lacking.run_jobs(wait=12 * 3600)
    assert 2 <= lacking.counts()["getPrivacyInterface"] - often <= 12


def test_a_film_shows_the_use_as_well_as_a_picture(lacking: Shop) -> None:
    with pytest.raises(Invalid) as refused:
        ask(lacking, pictures=[], video=b"no film at all")
    assert refused.value.field == "video"
    assert ask(lacking, pictures=[], video=FILM).status == ItemStatus.DONE
    (address,) = given(lacking)["video_list"]
    assert address.endswith(".mp4")
    assert read(address) == (FILM, "video/mp4")


def test_in_a_batch_nobody_asks_for_what_is_granted_or_asked_for(lacking: Shop) -> None:
    def start(db: Session, program: Program, name: str, *, who: Who) -> BatchItem:
        params = privacy_interfaces.application(db, name, who=who, content=WHY, pages="https://example.cn/map")
        batch = start_batch(db, privacy_interfaces.APPLY, [Subject(program.id, program.name)], who=who, params=params)
        return db.scalars(select(BatchItem).where(BatchItem.batch_id == batch.id)).one()

    assert lacking.do(start, "wx.chooseAddress").status == ItemStatus.SKIPPED
    assert lacking.do(start, LOCATION).status == ItemStatus.DONE
    assert lacking.do(start, LOCATION).status == ItemStatus.SKIPPED
    assert lacking.counts()["applyPrivacyInterface"] == 1


def test_what_wechat_refuses_about_an_interface_is_told(lacking: Shop) -> None:
    lacking.control.fail_next("applyPrivacyInterface", 61036)
    item = ask(lacking)
    assert (item.status, item.errcode) == (ItemStatus.FAILED, 61036)


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"content": " "}, "content"), ({"content": "长" * 301}, "content"), ({"pictures": []}, "pictures"),
        ({"pictures": [b"no picture"]}, "pictures"), ({"pictures": [b"x"] * 11}, "pictures"),
        ({"pages": "example.cn"}, "pages"), ({"pages": "https://a.cn b"}, "pages"),
    ],
)  # fmt: skip
def test_an_application_that_does_not_fit_stays_here(lacking: Shop, options: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        ask(lacking, **options)
    assert refused.value.field == field
    assert lacking.counts().get("applyPrivacyInterface", 0) == 0


def test_an_unknown_interface_is_not_there(lacking: Shop) -> None:
    with pytest.raises(NotFound):
        lacking.start(privacy_interfaces.request_interface, "wx.login", content=WHY)


def test_an_order_page_is_applied_for_and_approved(shop: Shop) -> None:
    item = shop.do(
        order_page.request_order_page, "/pages/order/list", pictures=[picture()], account="reviewer", password="s3cret"
    )
    assert item.status == ItemStatus.DONE
    assert "s3cret" not in str(item.input)
    assert (order(shop).path, order(shop).status) == ("pages/order/list", ReviewStatus.IN_REVIEW)
    assert (given(shop)["test_pwd"], len(given(shop)["img_list"])) == ("s3cret", 1)
    with pytest.raises(Conflict):
        shop.start(order_page.request_order_page, "pages/order/list")
    shop.control.decide_application(number(shop), "approve", push=False)
    reviewed(shop, status="4")
    assert (order(shop).online_path, order(shop).status) == ("pages/order/list", ReviewStatus.APPROVED)
    assert order(shop).test_login == ""


def test_why_an_order_page_was_refused_comes_with_the_event(shop: Shop) -> None:
    shop.do(order_page.request_order_page, "pages/order/list")
    shop.control.decide_application(number(shop), "reject", reason="页面打不开", push=False)
    reviewed(shop, status="3", reason="页面打不开")
    assert (order(shop).status, order(shop).reason) == (ReviewStatus.REFUSED, "页面打不开")
    shop.do(order_page.request_reading)
    assert (order(shop).reason, order(shop).online_path) == ("页面打不开", "")


def test_an_application_that_wechat_did_not_take_is_open_again(shop: Shop) -> None:
    shop.do(order_page.request_order_page, "pages/order/list")
    hear(shop, "order_path_apply_result_notify", {"list": {"appid": shop.appid, "ret_code": "-1"}})
    assert order(shop).status == ReviewStatus.REFUSED
    assert "请再提交一次" in order(shop).reason


def test_an_application_refused_while_it_was_sent_is_open_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The event may be there before the step goes on."""

    def send(_paths: OrderPaths, **_given: Any) -> None:
        with shop.session() as db:
            submitted = OrderPathsSubmitted(
                "order_path_apply_result_notify", {}, clock.now(), (OrderPathSubmission(shop.appid, "", -2),)
            )
            order_page.on_order_pages_submitted(db, load_component(db, shop.component.id), submitted)

    monkeypatch.setattr(OrderPaths, "applysetorderpathinfo", send)
    assert shop.do(order_page.request_order_page, "pages/order/list").status == ItemStatus.DONE
    assert order(shop).status == ReviewStatus.REFUSED
    assert "AppID" in order(shop).reason


def look(shop: Shop) -> ReviewStatus:
    """WeChat is asked once."""
    with shop.session() as db:
        order_page.look(db, shop.id)
    return ReviewStatus(order(shop).status)


def age(shop: Shop, **since: float) -> None:
    """So long ago was the application sent."""
    with shop.session() as db:
        db.scalars(select(OrderPage)).one().applied_at = clock.now() - timedelta(**since)


def ignore_applications(monkeypatch: pytest.MonkeyPatch) -> None:
    """WeChat does not take them and its event is lost."""
    monkeypatch.setattr(OrderPaths, "applysetorderpathinfo", lambda _paths, **_given: None)


def test_an_application_that_wechat_does_not_know_ends_after_a_day(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as lost:
        ignore_applications(lost)
        assert shop.do(order_page.request_order_page, "pages/order/list").status == ItemStatus.DONE
    assert look(shop) == ReviewStatus.IN_REVIEW
    age(shop, hours=23)
    assert look(shop) == ReviewStatus.IN_REVIEW
    age(shop, hours=25)
    assert look(shop) == ReviewStatus.REFUSED
    assert "再提交一次" in order(shop).reason
    assert shop.do(order_page.request_order_page, "pages/order/list").status == ItemStatus.DONE
    assert look(shop) == ReviewStatus.IN_REVIEW
    age(shop, hours=25)
    assert look(shop) == ReviewStatus.IN_REVIEW, "WeChat knows it"


def test_the_verdict_on_an_earlier_application_is_not_that_on_the_last_one(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, move_clock: Callable[[float], None]
) -> None:
    shop.do(order_page.request_order_page, "pages/order/list")
    shop.control.decide_application(number(shop), "reject", push=False)
    reviewed(shop, status="3", reason="页面打不开")
    move_clock(3600)
    ignore_applications(monkeypatch)
    shop.do(order_page.request_order_page, "pages/order/mine")
    assert look(shop) == ReviewStatus.IN_REVIEW
    assert order(shop).path == "pages/order/mine"


def test_a_page_that_holds_was_taken(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """WeChat may forget an application that is over."""
    shop.do(order_page.request_order_page, "pages/order/list")
    monkeypatch.setattr(
        OrderPaths, "getorderpathinfo",
        lambda _paths, _appid, info_type: {"msg": {} if info_type else {"path": "pages/order/list", "status": 4}},
    )  # fmt: skip
    age(shop, hours=25)
    assert look(shop) == ReviewStatus.APPROVED


@pytest.mark.parametrize("code", [61044, -1])
def test_an_order_page_that_wechat_refused_at_once_stands_as_before(shop: Shop, code: int) -> None:
    shop.do(order_page.request_order_page, "pages/order/list")
    shop.control.decide_application(number(shop), "approve", push=False)
    reviewed(shop, status="4")
    before = order(shop)
    shop.control.fail_next("applySetOrderPathInfo", code, times=9)
    item = shop.start(order_page.request_order_page, "pages/order/mine")
    shop.run_jobs(wait=600)
    assert (shop.item(item).status, shop.item(item).errcode) == (ItemStatus.FAILED, code)
    after = order(shop)
    assert (after.path, after.status, after.applied_at) == (before.path, before.status, before.applied_at)


def test_an_answer_that_got_lost_applies_for_the_order_page_once(shop: Shop) -> None:
    shop.control.cut_next("applySetOrderPathInfo")
    item = shop.do(order_page.request_order_page, "pages/order/list")
    assert (item.status, item.attempt) == (ItemStatus.DONE, 2)
    assert order(shop).status == ReviewStatus.IN_REVIEW
    assert len(shop.control.applications(appid=shop.appid)) == 1
    assert shop.control.counts(component_appid=shop.component.appid)["applySetOrderPathInfo"] == 1


def test_a_process_that_died_before_the_call_applies_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it wrote down beforehand is no sign that WeChat has it."""
    sent: list[str] = []
    send = OrderPaths.applysetorderpathinfo

    def die_once(paths: OrderPaths, **given: Any) -> Any:
        sent.append(given["path"])
        if len(sent) == 1:
            raise RuntimeError("killed")
        return send(paths, **given)

    monkeypatch.setattr(OrderPaths, "applysetorderpathinfo", die_once)
    item = shop.do(order_page.request_order_page, "pages/order/list")
    assert (item.status, item.attempt) == (ItemStatus.DONE, 2)
    assert len(shop.control.applications(appid=shop.appid)) == 1


def test_what_wechat_refuses_about_an_order_page_is_told(shop: Shop) -> None:
    shop.control.fail_next("applySetOrderPathInfo", 61044)
    item = shop.do(order_page.request_order_page, "pages/order/list")
    assert (item.status, item.errcode) == (ItemStatus.FAILED, 61044)


@pytest.mark.parametrize("path", ["", "pages/order/list?id=1", "页面", "https://a.cn/x"])
def test_a_path_that_does_not_fit_stays_here(shop: Shop, path: str) -> None:
    with pytest.raises(Invalid) as refused:
        shop.start(order_page.request_order_page, path)
    assert refused.value.field == "path"
