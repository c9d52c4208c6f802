from __future__ import annotations

import httpx2

from saas.wx.chapter import Download, Upload
from tests.sandbox.platform import Platform, refused

PNG = b"\x89PNG\r\n\x1a\n" + b"x" * 100
MB = 1024 * 1024


def picture(content: bytes = PNG, name: str = "证照.png") -> Upload:
    return Upload(name, content, "image/png")


def test_temporary_files_live_three_days_and_belong_to_their_account(platform: Platform, shop: str) -> None:
    media_id = platform.wx.media.upload(shop, media=picture())["media_id"]
    got = platform.wx.media.get(shop, media_id=media_id)
    assert isinstance(got, Download)
    assert got.content == PNG
    other = platform.connect("明明书店")
    with refused(40007):
        platform.wx.media.get(other, media_id=media_id)
    platform.control.move_clock(3 * 86400 + 10)
    platform.control.push_ticket(platform.appid)
    with refused(40007):
        platform.wx.media.get(shop, media_id=media_id)


def test_a_temporary_video_comes_as_its_address(platform: Platform, shop: str) -> None:
    content = b"\x00\x00\x00\x18ftypmp42" + b"x" * 100
    media_id = platform.wx.media.upload(shop, media=Upload("a.mp4", content, "video/mp4"), type="video")["media_id"]
    found = platform.wx.media.get(shop, media_id=media_id)
    assert isinstance(found, dict)
    assert httpx2.get(found["video_url"], trust_env=False).content == content


def test_files_are_judged_by_content_name_and_size(platform: Platform, shop: str) -> None:
    for wrong in (picture(b"hello"), picture(PNG, "a.jpg"), picture(b"")):
        with refused(40005):
            platform.wx.media.upload(shop, media=wrong)
    with refused(40006):
        platform.wx.media.upload(shop, media=picture(PNG + b"x" * 2 * MB))
    with refused(40005):
        platform.wx.media.uploadmedia(shop, media=Upload("a.pdf", b"%PDF-1.7", "application/pdf"))
    video = Upload("a.mp4", b"\0\0\0\x18ftypmp42" + b"x" * 100, "video/mp4")
    assert platform.wx.media.uploadmedia(shop, media=video)["type"] == "video"


def test_server_domains_of_the_component(platform: Platform) -> None:
    domains = platform.wx.platform_domains
    both = domains.modify_wxa_server_domain(
        action="set", wxa_server_domain=["api.example.com", "http://bad"], is_modify_published_together=True
    )
    assert both["testing_wxa_server_domain"] == both["published_wxa_server_domain"] == "api.example.com"
    assert both["invalid_wxa_server_domain"] == "http://bad"
    domains.modify_wxa_server_domain(action="add", wxa_server_domain=["img.example.com"])
    domains.modify_wxa_server_domain(action="delete", wxa_server_domain=["api.example.com", "gone.example.com"])
    now = domains.modify_wxa_server_domain(action="get")
    assert now["testing_wxa_server_domain"] == "img.example.com"
    assert now["published_wxa_server_domain"] == "api.example.com"


def test_business_domains_of_the_component_and_their_check_file(platform: Platform) -> None:
    file = platform.wx.platform_domains.get_domain_confirmfile()
    assert file["file_name"].endswith(".txt")
    assert file == platform.wx.platform_domains.get_domain_confirmfile()
    answer = platform.wx.platform_domains.modify_wxa_jump_domain(action="add", wxa_jump_h5_domain=["h5.example.com"])
    assert answer["testing_wxa_jump_h5_domain"] == "h5.example.com"


def test_domains_change_fifty_times_a_month(platform: Platform) -> None:
    for number in range(50):
        platform.wx.platform_domains.modify_wxa_server_domain(action="set", wxa_server_domain=[f"a{number}.cn"])
    with refused(89030):
        platform.wx.platform_domains.modify_wxa_server_domain(action="set", wxa_server_domain=["b.cn"])


def test_quotas_can_be_read_and_reset_ten_times_a_month(platform: Platform, shop: str) -> None:
    platform.wx.code.queryquota(shop)
    quota = platform.wx.quota.quota_get(shop, cgi_path="/wxa/queryquota")["quota"]
    assert quota["used"] == 1
    with refused(76003):
        platform.wx.quota.quota_get(cgi_path="wxa/queryquota")
    with refused(76021):
        platform.wx.quota.quota_get(cgi_path="/wxa/nothing")
    with refused(76022):
        platform.wx.quota.quota_get(cgi_path="/wxa/queryquota")
    platform.wx.quota.quota_clear(shop, cgi_path="/wxa/queryquota")
    for _ in range(9):
        platform.wx.quota.clear_quota(shop)
    with refused(48006):
        platform.wx.quota.clear_quota(shop)
    platform.wx.quota.clear_quota()
    platform.wx.quota.component_clear_quota_v2(appsecret=platform.values["secret"], appid=platform.appid)
    with refused(40125):
        platform.wx.quota.component_clear_quota_v2(appsecret="wrong", appid=platform.appid)


def test_the_network_answers(platform: Platform) -> None:
    assert platform.wx.quota.get_api_domain_ip()["ip_list"]
    assert platform.wx.quota.getcallbackip()["ip_list"]
    assert platform.wx.quota.callback_check(action="all", check_operator="UNICOM")["ping"]


def test_basic_information_is_for_accounts_made_by_api(platform: Platform, shop: str) -> None:
    with refused(41033):
        platform.wx.account.getaccountbasicinfo(shop)
    made = platform.control.add_account("梅姐", nick_name="接口注册的店", register_type=6)
    appid = platform.exchange(platform.control.grant(platform.appid, made))
    assert platform.wx.account.getaccountbasicinfo(appid)["nickname"] == "接口注册的店"


def test_options_are_kept(platform: Platform, shop: str) -> None:
    component = platform.wx.component
    assert (
        component.get_authorizer_option(shop, option_name="voice_recognize", side="authorizer")["option_value"] == "0"
    )
    component.set_authorizer_option(shop, option_name="voice_recognize", option_value="1", side="authorizer")
    assert (
        component.get_authorizer_option(shop, option_name="voice_recognize", side="authorizer")["option_value"] == "1"
    )
    with refused(61012):
        component.get_authorizer_option(shop, option_name="mood")
    with refused(61013):
        component.set_authorizer_option(shop, option_name="voice_recognize", option_value="9")


def test_messages_go_to_people_who_wrote(platform: Platform, shop: str) -> None:
    with refused(40003):
        platform.wx.messages.send(shop, touser="nobody", content="你好")
    platform.wx.messages.send(shop, touser="oSandbox0SystemAccount0000Weapp", content="你好")
    assert platform.control.messages()[0]["content"] == "你好"
