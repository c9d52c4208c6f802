"""The pages of name, avatar, introduction and search, and of categories, as a browser without JavaScript uses them."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest

from saas.batches.models import BatchItem
from saas.programs import appearance, categories
from saas.programs.access import load_program
from tests.programs.shop import Shop, control, picture, sandbox, shop  # noqa: F401 - fixtures
from tests.web.conftest import Browser

Browsers = Callable[[str], Browser]


@pytest.fixture
def page(shop: Shop) -> str:  # noqa: F811
    return f"/p/alice/programs/{shop.id}"


def upload(*contents: bytes) -> list[tuple[io.BytesIO, str]]:
    return [(io.BytesIO(content), f"page-{number}.png") for number, content in enumerate(contents)]


def started(shop: Shop) -> list[str]:  # noqa: F811
    with shop.session() as db:
        return sorted(item.step.rpartition(".")[2] for item in db.query(BatchItem))


def test_only_what_is_ticked_is_sent(shop: Shop, browser: Browsers, page: str) -> None:  # noqa: F811
    alice = browser("alice")
    text = alice.text(f"{page}/basics")
    assert "今年还剩 2 次，共 2 次" in text
    assert "今年还剩 5 次，共 5 次" in text
    form: dict[str, Any] = {
        "change_introduction": "y", "introduction": "社区果蔬每日直送到家", "change_avatar": "y", "size": "50",
        "avatar": upload(picture()), "name": "青禾鲜果铺", "search": "no",
    }  # fmt: skip
    answer = alice.post(f"{page}/basics", form)
    assert answer.status_code == 303
    assert started(shop) == ["set_avatar", "set_introduction"]
    text = alice.text(f"{page}/basics")
    assert "马上开始" in text
    assert "提交勾选的修改" not in text
    shop.run_jobs(wait=30)
    text = alice.text(f"{page}/basics")
    assert "社区果蔬每日直送到家" in text
    assert "今年还剩 4 次，共 5 次" in text
    assert shop.program().name == "青禾果蔬"


def test_what_is_wrong_is_said_at_its_field_and_nothing_is_sent(
    shop: Shop, browser: Browsers, page: str  # noqa: F811
) -> None:  # fmt: skip
    form: dict[str, Any] = {
        "change_name": "y", "name": "青禾小程序", "change_avatar": "y", "avatar": upload(b"no picture"),
        "change_introduction": "y", "introduction": "果蔬店", "change_search": "y", "search": "maybe",
    }  # fmt: skip
    answer = browser("alice").post(f"{page}/basics", form)
    assert answer.status_code == 422
    for text in (
        "不能有“小程序”",
        "不是能读的图片",
        "4 到 120 个字",
        "请选择",
        'value="青禾小程序"',
        "果蔬店</textarea>",
    ):
        assert text in answer.text, text
    assert started(shop) == []
    assert "请勾选要修改的项目" in browser("alice").post(f"{page}/basics").text
    assert "请填 0 到 100 的数" in browser("alice").post(f"{page}/basics", {"change_search": "y", "x": "200"}).text


def test_a_name_is_checked_reviewed_refused_and_handed_in_again(
    shop: Shop, browser: Browsers, page: str  # noqa: F811
) -> None:  # fmt: skip
    alice = browser("alice")
    assert "不能有“小程序”" in alice.post(f"{page}/basics/check-name", {"name": "青禾小程序"}).text
    alice.post(f"{page}/basics/check-name", {"name": "青禾严选"})
    shop.run_jobs()
    text = alice.text(f"{page}/basics")
    assert "“青禾严选”可以用，但要提交证明" in text
    assert 'value="青禾严选"' in text
    form = {"change_name": "y", "name": "青禾严选"}
    alice.post(f"{page}/basics", form)
    shop.run_jobs()
    assert "使用这个名称需要提交证明材料" in alice.text(f"{page}/basics")
    alice.post(f"{page}/basics", {**form, "license": upload(picture(), picture())})
    shop.run_jobs()
    assert "名称“青禾严选”审核中" in alice.text(f"{page}/basics")
    (review,) = shop.control.names(appid=shop.appid)
    shop.control.decide_name(review["id"], "reject", reason="公章看不清")
    shop.hear("wxa_nickname_audit", ret=2, nickname="青禾严选", reason="公章看不清")
    text = alice.text(f"{page}/basics")
    assert "公章看不清" in text
    assert "沿用上次提交的材料" in text
    alice.post(f"{page}/basics", {**form, "keep_papers": "y"})
    shop.run_jobs()
    assert "名称“青禾严选”审核中" in alice.text(f"{page}/basics")
    assert "没通过的名称" in alice.post(f"{page}/basics/drop-name", follow_redirects=True).text


def test_a_refused_name_is_no_longer_asked_for_once_another_holds(
    shop: Shop, browser: Browsers, page: str  # noqa: F811
) -> None:  # fmt: skip
    alice = browser("alice")
    alice.post(f"{page}/basics", {"change_name": "y", "name": "青禾严选", "license": upload(picture())})
    shop.run_jobs()
    (review,) = shop.control.names(appid=shop.appid)
    shop.control.decide_name(review["id"], "reject")
    shop.hear("wxa_nickname_audit", ret=2, nickname="青禾严选", reason="公章看不清")
    assert 'value="青禾严选"' in alice.text(f"{page}/basics")
    alice.post(f"{page}/basics", {"change_name": "y", "name": "青禾鲜果铺"})
    shop.run_jobs()
    text = alice.text(f"{page}/basics")
    assert 'value="青禾鲜果铺"' in text
    assert "公章看不清" not in text


def test_what_wechat_does_not_allow_is_said_before_the_click(
    shop: Shop, browser: Browsers, page: str  # noqa: F811
) -> None:  # fmt: skip
    with shop.session() as db:
        load_program(db, shop.id).registered_by_api = False
    text = browser("alice").text(f"{page}/basics")
    assert text.count("商家自己注册的") == 1
    assert "change_name" not in text
    assert "change_avatar" in text
    assert "这里只能查看类目" in browser("alice").text(f"{page}/categories")
    assert "change_avatar" not in browser("bob").text(f"{page}/basics")


def test_a_category_is_found_and_added_with_its_papers(
    shop: Shop, browser: Browsers, page: str  # noqa: F811
) -> None:  # fmt: skip
    alice = browser("alice")
    assert "还没有读取可选的类目" in alice.text(f"{page}/categories/add")
    alice.post(f"{page}/categories/read")
    shop.run_jobs()
    text = alice.text(f"{page}/categories")
    assert "餐饮服务 / 点餐平台" in text
    assert "本月还剩 5 次，共 5 次" in text
    found = alice.get(f"{page}/categories/add?q=食品经营 自营", headers={"HX-Request": "true"}).text
    assert "<html" not in found
    assert "食品饮料" in found
    assert "百货" not in found
    drinks = f"{page}/categories/304/321"
    assert "任选一组" in alice.text(drinks)
    answer = alice.post(drinks)
    assert (answer.status_code, "请上传“《食品经营许可证》”" in answer.text) == (422, True)
    assert alice.post(drinks, {"paper_0": upload(picture(), b"no picture")}).status_code == 422
    assert alice.post(drinks, {"paper_0": upload(picture(), picture())}).status_code == 303
    shop.run_jobs()
    assert "审核中" in alice.text(f"{page}/categories")
    assert "审核中的类目不能删除" in alice.post(f"{drinks}/delete", follow_redirects=True).text
    shop.control.decide_category(shop.appid, 304, 321, "reject", reason="证件照片不清晰")
    shop.hear("wxa_category_audit", ret=2, first=304, second=321, reason="证件照片不清晰")
    assert "证件照片不清晰" in alice.text(f"{page}/categories")
    assert "上次交过" in alice.text(drinks)
    assert alice.post(drinks).status_code == 303
    shop.run_jobs()
    assert shop.counts()["modifyCategory"] == 1


def test_a_category_is_deleted_after_a_warning(shop: Shop, browser: Browsers, page: str) -> None:  # noqa: F811
    alice = browser("alice")
    shop.do(categories.request_reading)
    assert "这是最后一个类目" in alice.text(f"{page}/categories/220/632/delete")
    alice.post(f"{page}/categories/220/632/delete")
    shop.run_jobs()
    assert "还没有类目" in alice.text(f"{page}/categories")
    assert alice.get(f"{page}/categories/220/632/delete").status_code == 404
    assert alice.get(f"{page}/categories/1/1").status_code == 404


def test_many_are_changed_at_once(shop: Shop, browser: Browsers) -> None:  # noqa: F811
    alice, chosen = browser("alice"), {"id": str(shop.id)}
    start = "/p/alice/programs/selection/start?action="
    shop.do(categories.request_reading)
    wrong: dict[str, tuple[dict[str, Any], str]] = {
        "introduction": ({"do-introduction": "果蔬店"}, "4 到 120 个字"),
        "avatar": ({"do-avatar": upload(b"no picture")}, "不是能读的图片"),
        "search": ({}, "请选择"),
        "category": ({"do-category": "304-321"}, "请上传“《食品经营许可证》”"),
    }
    for action, (form, text) in wrong.items():
        assert alice.get(f"{start}{action}&id={shop.id}").status_code == 200
        answer = alice.post(f"{start}{action}", {**chosen, **form})
        assert (answer.status_code, text in answer.text) == (422, True), action
    assert started(shop) == ["read_categories"]
    right: dict[str, dict[str, Any]] = {
        "introduction": {"do-introduction": "社区果蔬每日直送到家"},
        "avatar": {"do-avatar": upload(picture())},
        "search": {"do-search": "no"},
        "category": {"do-category": "304-321", "do-paper_0": upload(picture(), picture())},
        "categories": {},
    }
    for action, form in right.items():
        assert alice.post(f"{start}{action}", {**chosen, **form}).status_code == 303, action
        shop.run_jobs(wait=30)
    with shop.session() as db:
        assert {item.status for item in db.query(BatchItem)} == {"done"}
    assert shop.program().introduction == "社区果蔬每日直送到家"
    assert appearance.is_searchable(shop.program()) is False
    assert "审核中" in alice.text(f"/p/alice/programs/{shop.id}/categories")
