"""Official accounts: the one shown after a scan, and links to mini programs."""

from __future__ import annotations

import pytest

from tests.sandbox.platform import Platform, refused


@pytest.fixture
def official(platform: Platform) -> str:
    """An official account of 梅姐's shop, authorized."""
    return platform.connect("梅记茶铺公众号")


def status(platform: Platform, official: str) -> list[int]:
    linked = platform.wx.link_miniprogram.wxamplinkget(official)["wxopens"]["items"]
    return [one["status"] for one in linked]


def test_a_program_shows_an_account_of_its_own_subject(platform: Platform, shop: str, official: str) -> None:
    component, other = platform.wx.subscribe_component, platform.connect("明明书店")
    assert component.getshowwxaitem(other)["can_open"] == 0
    with refused(40013):
        component.updateshowwxaitem(other, official_account=official)
    listed = component.getwxamplinkforshow(shop)
    assert (listed["total_num"], [one["appid"] for one in listed["biz_info_list"]]) == (1, [official])
    assert component.getwxamplinkforshow(shop, page=1)["biz_info_list"] == []
    component.updateshowwxaitem(shop, official_account=official)
    shown = component.getshowwxaitem(shop)
    assert (shown["can_open"], shown["is_open"], shown["nickname"]) == (1, 1, "梅记茶铺公众号")
    component.updateshowwxaitem(shop, official_account=None)
    assert component.getshowwxaitem(shop)["is_open"] == 0


def test_a_link_needs_both_administrators(platform: Platform, shop: str, official: str) -> None:
    links = platform.wx.link_miniprogram
    links.wxamplink(official, miniprogram_appid=shop, show_profile=True)
    number = platform.control.applications(appid=official)[0]["id"]
    assert status(platform, official) == [12]
    platform.control.decide_application(number, "approve")
    assert status(platform, official) == [2]
    platform.control.decide_application(number, "approve")
    assert status(platform, official) == [1]
    links.wxamplink(official, miniprogram_appid=shop)
    assert len(platform.control.applications(appid=official)) == 1
    links.wxampunlink(official, miniprogram_appid=shop)
    assert status(platform, official) == []


def test_a_refused_link_may_be_asked_for_again(platform: Platform, shop: str, official: str) -> None:
    for _ in range(2):
        platform.wx.link_miniprogram.wxamplink(official, miniprogram_appid=shop)
        assert status(platform, official) == [12]
        platform.control.decide_application(platform.control.applications(appid=official)[0]["id"], "reject")
        assert status(platform, official) == [3]


def test_links_are_of_official_accounts_with_programs(platform: Platform, shop: str, official: str) -> None:
    links = platform.wx.link_miniprogram
    with refused(48001):
        links.wxamplinkget(shop)
    for nobody in ("wx0000000000000000", official):
        with refused(40013):
            links.wxamplink(official, miniprogram_appid=nobody)
    with refused(40013):
        links.wxampunlink(official, miniprogram_appid=shop)
    platform.control.change_account(shop, account_status=14)
    with refused(89013):
        links.wxampunlink(official, miniprogram_appid=shop)
