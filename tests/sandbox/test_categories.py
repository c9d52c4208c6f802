"""Categories and the reviews of their papers, from the tree to the event."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.sandbox.platform import Platform, refused
from tests.sandbox.test_names import connect, move, upload

DAY = 86400
LAUNDRY = {"first": 150, "second": 158}
DRINKS = {"first": 304, "second": 321}
LICENCE = "《食品经营许可证》"


@pytest.fixture
def made(platform: Platform) -> str:
    """A company's mini program that was registered by API; it is set for ordering food."""
    return connect(platform, "青禾果蔬", principal_name="青禾果蔬有限公司", register_type=6)


def with_papers(platform: Platform, appid: str, *names: str, **ids: int) -> dict[str, Any]:
    return {**ids, "certicates": [{"key": name, "value": upload(platform, appid)} for name in names]}


def standing(platform: Platform, appid: str) -> dict[int, tuple[int, str]]:
    """Second level → audit_status and audit_reason."""
    found = platform.wx.categories.getcategory(appid)["categories"]
    return {one["second"]: (one["audit_status"], one["audit_reason"]) for one in found}


def named(platform: Platform, appid: str) -> list[str]:
    """What an audit may name, and the profile says the same."""
    found = platform.wx.categories.get_category(appid)["category_list"]
    info = platform.wx.component.api_get_authorizer_info(appid)["authorizer_info"]["MiniProgramInfo"]
    assert [one["second"] for one in info["categories"]] == [one["second_class"] for one in found]
    return [one["second_class"] for one in found]


def test_the_tree_is_whole_and_differs_by_subject(platform: Platform, made: str) -> None:
    flat = platform.wx.categories.getallcategories(made)["categories_list"]["categories"]
    nodes = {node["id"]: node for node in flat}
    assert len(nodes) == len(flat) > 60
    for node in flat[1:]:
        assert node["id"] in nodes[node["father"]]["children"]
        assert bool(node["sensitive_type"]) == bool(node["qualify"]["exter_list"])
    assert nodes[321]["qualify"]["exter_list"][0]["inner_list"][0]["name"] == LICENCE
    sample = httpx2.get(nodes[321]["qualify"]["exter_list"][0]["inner_list"][0]["url"], trust_env=False)
    assert sample.headers["Content-Type"] == "image/png"
    by_type = platform.wx.categories.getcategoriesbytype
    assert by_type(made, verify_type=1)["categories_list"]["categories"] == flat
    personal = by_type(made)["categories_list"]["categories"]
    assert {node["id"] for node in personal} < set(nodes)
    assert 304 not in {node["id"] for node in personal}
    assert 491 in {node["id"] for node in by_type(made, verify_type=3)["categories_list"]["categories"]}


def test_a_harmless_category_holds_at_once(platform: Platform, made: str) -> None:
    platform.wx.categories.addcategory(made, categories=[LAUNDRY])
    assert named(platform, made) == ["点餐平台", "洗衣"]
    assert standing(platform, made) == {632: (3, ""), 158: (3, "")}
    answer = platform.wx.categories.getcategory(made)
    assert (answer["limit"], answer["quota"], answer["category_limit"]) == (5, 4, 20)
    platform.wx.categories.deletecategory(made, **LAUNDRY)
    assert named(platform, made) == ["点餐平台"]
    assert platform.wx.categories.getcategory(made)["quota"] == 4
    assert platform.events("wxa_category_audit") == []


def test_papers_are_reviewed_rejected_and_replaced(platform: Platform, made: str) -> None:
    with refused(53311):
        platform.wx.categories.addcategory(made, categories=[DRINKS])
    platform.wx.categories.addcategory(made, categories=[with_papers(platform, made, LICENCE, **DRINKS)])
    assert standing(platform, made)[321] == (1, "")
    assert named(platform, made) == ["点餐平台"]
    again = with_papers(platform, made, LICENCE)["certicates"]
    with refused(53308):
        platform.wx.categories.deletecategory(made, **DRINKS)
    with refused(53307):
        platform.wx.categories.modifycategory(made, certicates=again, **DRINKS)
    platform.control.decide_category(made, 304, 321, "reject", reason="证件过期")
    assert standing(platform, made)[321] == (2, "证件过期")
    with refused(53304):
        platform.wx.categories.addcategory(made, categories=[{**DRINKS, "certicates": again}])
    platform.wx.categories.modifycategory(made, certicates=again, **DRINKS)
    assert standing(platform, made)[321] == (1, "")
    platform.control.decide_category(made, 304, 321, "approve")
    assert standing(platform, made)[321] == (3, "")
    assert named(platform, made) == ["点餐平台", "食品饮料"]
    events = platform.events("wxa_category_audit")
    assert [(int(one["ret"]), one["first"], one["second"]) for one in events] == [(2, "304", "321"), (3, "304", "321")]
    assert events[0]["reason"] == "证件过期"
    with refused(53307):
        platform.wx.categories.modifycategory(made, certicates=again, **DRINKS)
    assert platform.wx.categories.getcategory(made)["quota"] == 4


def test_the_desk_shows_the_papers_and_decides(platform: Platform, made: str) -> None:
    platform.wx.categories.addcategory(made, categories=[with_papers(platform, made, LICENCE, **DRINKS)])
    [review] = platform.control.categories(appid=made)
    assert (review["second_name"], review["status"]) == ("食品饮料", 1)
    with httpx2.Client(base_url=platform.control.base_url, trust_env=False) as browser:
        desk = browser.get("/desk/categories").text
        assert LICENCE in desk
        assert "食品饮料" in desk
        browser.post(f"/desk/categories/{made}/304/321", data={"verdict": "approve"})
        again = browser.post(f"/desk/categories/{made}/304/321", data={"verdict": "reject"})
        assert "现在不在审核中" in browser.get(again.headers["Location"]).text
    assert named(platform, made) == ["点餐平台", "食品饮料"]


def test_a_lost_event_is_found_by_asking(platform: Platform, made: str) -> None:
    platform.wx.categories.addcategory(made, categories=[with_papers(platform, made, LICENCE, **DRINKS)])
    platform.control.decide_category(made, 304, 321, "reject", push=False)
    assert platform.events("wxa_category_audit") == []
    status, reason = standing(platform, made)[321]
    assert status == 2
    assert reason
    platform.wx.categories.deletecategory(made, **DRINKS)
    assert 321 not in standing(platform, made)


def test_some_categories_need_several_papers(platform: Platform, made: str) -> None:
    wine = {"first": 304, "second": 326}
    for names in ((LICENCE,), ("《酒类零售许可证》",)):
        with refused(53311):
            platform.wx.categories.addcategory(made, categories=[with_papers(platform, made, *names, **wine)])
    both = with_papers(platform, made, LICENCE, "《酒类零售许可证》", **wine)
    platform.wx.categories.addcategory(made, categories=[both])
    assert standing(platform, made)[326] == (1, "")


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ([], 53303),
        ([{"first": 304, "second": 9999}], 53303),
        ([{"first": 150, "second": 321}], 53303),
        ([{"first": 470, "second": 471}], 53302),
        ([{"first": 220, "second": 632}], 53304),
        ([LAUNDRY, LAUNDRY], 53304),
        ([LAUNDRY, {"first": 304, "second": 9999}], 53303),
        ([{**LAUNDRY, "certicates": [{"key": "随便", "value": "x"}]}], 53303),
        ([{**DRINKS, "certicates": [{"key": LICENCE, "value": "unknown"}]}], 40007),
    ],
)
def test_what_does_not_fit_is_refused_whole(
    platform: Platform, made: str, given: list[dict[str, Any]], code: int
) -> None:
    with refused(code):
        platform.wx.categories.addcategory(made, categories=given)
    assert named(platform, made) == ["点餐平台"]


def test_five_additions_a_month(platform: Platform, made: str) -> None:
    first_five = [{"first": 304, "second": second} for second in (305, 307, 309, 311, 313)]
    platform.wx.categories.addcategory(made, categories=first_five[:3])
    with refused(53300):
        platform.wx.categories.addcategory(made, categories=[*first_five[3:], LAUNDRY])
    platform.wx.categories.addcategory(made, categories=first_five[3:])
    with refused(53300):
        platform.wx.categories.addcategory(made, categories=[LAUNDRY])
    move(platform, 31 * DAY)
    assert platform.wx.categories.getcategory(made)["quota"] == 5
    platform.wx.categories.addcategory(made, categories=[LAUNDRY])


def test_twenty_categories_at_most(platform: Platform, made: str) -> None:
    held = [
        {"first_class": "商家自营", "second_class": f"第{number}类", "first_id": 304, "second_id": 900 + number}
        for number in range(20)
    ]
    platform.control.change_account(made, categories=held)
    with refused(53301):
        platform.wx.categories.addcategory(made, categories=[LAUNDRY])


def test_a_person_may_set_less(platform: Platform) -> None:
    mine = connect(platform, "阿梅手作", register_type=16)
    platform.wx.categories.addcategory(mine, categories=[{"first": 287, "second": 293}])
    with refused(53302):
        platform.wx.categories.addcategory(mine, categories=[LAUNDRY])


def test_only_what_is_set_can_be_changed(platform: Platform, made: str) -> None:
    with refused(53303):
        platform.wx.categories.deletecategory(made, **LAUNDRY)
    with refused(53306):
        platform.wx.categories.modifycategory(made, certicates=[], **LAUNDRY)


def test_no_category_by_api_for_one_registered_on_the_website(platform: Platform, shop: str) -> None:
    calls = platform.wx.categories
    for call in (calls.getallcategories, calls.getcategoriesbytype, calls.getcategory):
        with refused(41033):
            call(shop)
    with refused(41033):
        calls.addcategory(shop, categories=[LAUNDRY])
    assert calls.get_category(shop)["category_list"]
