from __future__ import annotations

from typing import Any

import httpx2
import pytest

from saas.sandbox.pictures import avatar_png
from saas.wx.chapter import Upload
from tests.sandbox.platform import Platform, refused
from tests.sandbox.test_entries_and_testers import post

PATH = "/cgi-bin/account/modifysignature"


def test_an_introduction_changes_five_times_a_month(platform: Platform) -> None:
    made = platform.control.add_account("梅姐", nick_name="接口注册的店", register_type=6)
    shop = platform.exchange(platform.control.grant(platform.appid, made))
    assert post(platform, shop, PATH, signature="tea only")["errcode"] == 53204
    for number in range(5):
        assert post(platform, shop, PATH, signature=f"现做的手工茶{number}")["errcode"] == 0
    assert post(platform, shop, PATH, signature="现做的手工茶")["errcode"] == 53200
    info = platform.wx.account.getaccountbasicinfo(shop)["signature_info"]
    assert (info["signature"], info["modify_used_count"]) == ("现做的手工茶4", 5)


def avatar(platform: Platform, appid: str) -> str:
    return platform.wx.media.upload(appid, media=Upload("a.png", avatar_png(10, size=300), "image/png"))["media_id"]


def test_an_avatar_changes_five_times_a_year(platform: Platform) -> None:
    made = platform.control.add_account("梅姐", nick_name="接口注册的店", register_type=6)
    shop = platform.exchange(platform.control.grant(platform.appid, made))
    before = platform.wx.component.api_get_authorizer_info(shop)["authorizer_info"]["head_img"]
    media_id = avatar(platform, shop)
    for _ in range(5):
        platform.wx.profile.modifyheadimage(shop, head_img_media_id=media_id, x2=0.5, y2=0.5)
    with refused(53202):
        platform.wx.profile.modifyheadimage(shop, head_img_media_id=media_id)
    info = platform.wx.account.getaccountbasicinfo(shop)["head_image_info"]
    assert (info["modify_used_count"], info["modify_quota"]) == (5, 5)
    after = platform.wx.component.api_get_authorizer_info(shop)["authorizer_info"]["head_img"]
    assert after == info["head_image_url"] != before
    pictures = [httpx2.get(address, trust_env=False).content for address in (before, after)]
    assert pictures[0] == pictures[1] != avatar_png(10)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"head_img_media_id": ""}, 41006),
        ({"head_img_media_id": "unknown"}, 40007),
        ({"x2": 0, "y2": 0}, -1),
        ({"x1": 0.5, "x2": 0.5}, 40097),
        ({"y2": 1.5}, 40097),
    ],
)
def test_a_crop_lies_in_a_picture(platform: Platform, shop: str, given: dict[str, Any], code: int) -> None:
    with refused(code):
        platform.wx.profile.modifyheadimage(shop, **{"head_img_media_id": avatar(platform, shop), **given})


def test_data_is_fetched_from_business_domains(platform: Platform, shop: str) -> None:
    fetch = platform.wx.profile.fetchdatasetting
    assert fetch(shop, action="get")["is_pre_fetch_open"] is False
    address = {"is_pre_fetch_open": True, "pre_fetch_type": 0, "pre_fetch_url": "https://h5.example.com/pre"}
    with refused(9410016):
        fetch(shop, action="set_pre_fetch", setting=address)
    platform.wx.platform_domains.modify_wxa_jump_domain(action="add", wxa_jump_h5_domain=["h5.example.com"])
    with refused(9410016):
        fetch(shop, action="set_pre_fetch", setting=address)
    platform.wx.domains.setwebviewdomain(shop, action="add", webviewdomain=["https://h5.example.com"])
    fetch(shop, action="set_pre_fetch", setting=address)
    cloud = {"is_period_fetch_open": True, "period_fetch_type": 1, "period_env": "prod-1"}
    with refused(9410017):
        fetch(shop, action="set_period_fetch", setting=cloud)
    fetch(shop, action="set_period_fetch", setting={**cloud, "period_function_name": "daily"})
    kept = fetch(shop, action="get")
    assert (kept["pre_fetch_url"], kept["period_function_name"]) == ("https://h5.example.com/pre", "daily")
    fetch(shop, action="set_pre_fetch", setting={"is_pre_fetch_open": False})
    assert "pre_fetch_url" not in fetch(shop, action="get")
