from __future__ import annotations

from tests.sandbox.platform import Platform
from tests.sandbox.test_entries_and_testers import post

SERVER, JUMP = "/wxa/modify_domain", "/wxa/setwebviewdomain"


def test_server_domains_come_from_the_platform_list(platform: Platform, shop: str) -> None:
    good, bad = "https://api.example.com", "https://api.other.com"
    assert post(platform, shop, SERVER, action="add", requestdomain=[good])["errcode"] == 85018
    platform.wx.platform_domains.modify_wxa_server_domain(action="set", wxa_server_domain=["example.com"])
    answer = post(platform, shop, SERVER, action="add", requestdomain=[good, bad])
    assert answer["requestdomain"] == [good]
    assert answer["invalid_requestdomain"] == [bad]
    assert post(platform, shop, SERVER, action="add", requestdomain=[good])["errcode"] == 85017
    assert post(platform, shop, SERVER, action="get")["requestdomain"] == [good]
    direct = post(platform, shop, f"{SERVER}_directly", action="set", requestdomain=["https://a.cn", "https://a.test"])
    for url, code in (("https://b.test", 45082), ("http://b.cn", 86100), ("https://api.weixin.qq.com", 86101)):
        assert post(platform, shop, f"{SERVER}_directly", action="add", requestdomain=[url])["errcode"] == code
    assert direct["no_icp_domain"] == ["https://a.test"]
    effective = post(platform, shop, "/wxa/get_effective_domain")
    assert effective["effective_domain"]["requestdomain"] == [good, "https://a.cn"]


def test_server_domains_change_fifty_times_a_month(platform: Platform, shop: str) -> None:
    for number in range(50):
        post(platform, shop, f"{SERVER}_directly", action="set", requestdomain=[f"https://a{number}.cn"])
    again = post(platform, shop, f"{SERVER}_directly", action="set", requestdomain=["https://b.cn"])
    assert again["errcode"] == 86102


def test_business_domains_come_from_the_platform_list(platform: Platform, shop: str) -> None:
    assert post(platform, shop, JUMP, action="add", webviewdomain=["https://h5.a.cn"])["errcode"] == 89020
    platform.wx.platform_domains.modify_wxa_jump_domain(action="set", wxa_jump_h5_domain=["a.cn"])
    assert post(platform, shop, JUMP, action="add", webviewdomain=["h5.a.cn"])["errcode"] == 89021
    assert post(platform, shop, JUMP, action="add", webviewdomain=["https://h5.a.cn"])["errcode"] == 0
    assert post(platform, shop, JUMP, action="add", webviewdomain=["https://h5.a.cn"])["errcode"] == 89019
