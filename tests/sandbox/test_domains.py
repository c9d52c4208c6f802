from __future__ import annotations

from tests.sandbox.platform import Platform, refused
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


def test_a_release_takes_away_what_left_the_platform_list(platform: Platform, shop: str) -> None:
    platform.wx.platform_domains.modify_wxa_server_domain(action="set", wxa_server_domain=["a.cn", "b.cn"])
    urls = ["https://a.cn", "https://b.cn"]
    platform.wx.domains.modify_domain(shop, action="set", domains={"requestdomain": urls})
    platform.wx.platform_domains.modify_wxa_server_domain(action="set", wxa_server_domain=["a.cn"])
    assert platform.wx.domains.modify_domain(shop, action="get")["requestdomain"] == urls
    assert platform.wx.domains.get_effective_domain(shop)["effective_domain"]["requestdomain"] == urls[:1]
    platform.wx.code.commit(shop, template_id=platform.template(), ext_json="{}", user_version="1", user_desc="x")
    platform.control.approve(platform.wx.code.submit_audit(shop)["auditid"])
    platform.wx.release.release(shop)
    assert platform.wx.domains.modify_domain(shop, action="get")["requestdomain"] == urls[:1]


def test_direct_business_domains_need_their_check_file(platform: Platform, shop: str) -> None:
    domains, url = platform.wx.domains, "https://h5.a.cn"
    with refused(86103):
        domains.setwebviewdomain_directly(shop, action="add", webviewdomain=[url])
    file = domains.get_webviewdomain_confirmfile(shop)
    assert domains.get_webviewdomain_confirmfile(shop) == file
    assert domains.setwebviewdomain_directly(shop, action="add", webviewdomain=[url])["webviewdomain"] == [url]
    platform.control.change_host("h5.b.cn", check_file=0)
    platform.control.change_host("h5.c.cn", owners=100)
    platform.control.change_host("h5.d.cn", filed=0)
    for host, code in (("h5.b.cn", 86103), ("h5.c.cn", 506015), ("h5.d.cn", 45082), ("h5.e.cn/x", 40097)):
        with refused(code):
            domains.setwebviewdomain_directly(shop, action="set", webviewdomain=[url, f"https://{host}"])
    platform.control.change_host("h5.c.cn", owners=99)
    domains.setwebviewdomain_directly(shop, action="add", webviewdomain=["https://h5.c.cn"])
    other = platform.connect("明明书店")
    domains.get_webviewdomain_confirmfile(other)
    with refused(506015):
        domains.setwebviewdomain_directly(other, action="add", webviewdomain=["https://h5.c.cn"])
    effective = domains.get_effective_webviewdomain(shop)
    assert effective["effective_webviewdomain"] == effective["direct_webviewdomain"] == [url, "https://h5.c.cn"]
    assert domains.setwebviewdomain_directly(shop, action="delete", webviewdomain=[url])["webviewdomain"] == [
        "https://h5.c.cn"
    ]


def test_prefetched_hosts_are_few_and_filed(platform: Platform, shop: str) -> None:
    domains, hosts = platform.wx.domains, [f"a{number}.cn" for number in range(6)]
    with refused(9420002):
        domains.set_prefetchdnsdomain(shop, hosts=hosts)
    for host in ("a.test", "https://a.cn"):
        with refused(9420001):
            domains.set_prefetchdnsdomain(shop, hosts=[host])
    domains.set_prefetchdnsdomain(shop, hosts=hosts[:5])
    kept = domains.get_prefetchdnsdomain(shop)
    assert [entry["url"] for entry in kept["prefetch_dns_domain"]] == hosts[:5]
    assert len(hosts[:5]) == kept["size_limit"]
    for _ in range(49):
        domains.set_prefetchdnsdomain(shop, hosts=["a.cn"])
    with refused(9420000):
        domains.set_prefetchdnsdomain(shop, hosts=["a.cn"])


def test_individuals_have_no_business_domains(platform: Platform) -> None:
    appid = platform.control.add_account("小明", nick_name="小明的便签", register_type=16)
    platform.exchange(platform.control.grant(platform.appid, appid))
    with refused(89231):
        platform.wx.domains.setwebviewdomain_directly(appid, action="get")
