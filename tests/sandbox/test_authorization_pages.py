from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from saas.sandbox.control import SandboxControl, SandboxRefused
from saas.wx import links
from tests.sandbox.platform import BACK, Platform


def query_of(address: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(address).query)


def test_the_pc_page_goes_on_with_a_code_once_the_phone_has_confirmed(platform: Platform) -> None:
    url = platform.authorization_url()
    back = platform.control.authorize(url, person="梅姐", account="梅记茶铺", permission_sets=[17, 18])
    assert back.startswith("http://127.0.0.1:9/wx/return?state=abc&")
    assert query_of(back)["expires_in"] == ["3600"]
    event = platform.events("authorized")[-1]
    assert event["AuthorizationCode"] == query_of(back)["auth_code"][0]
    assert event["PreAuthCode"] == query_of(url)["pre_auth_code"][0]
    appid = platform.exchange(query_of(back)["auth_code"][0])
    info = platform.wx.component.api_get_authorizer_info(appid)
    assert info["authorizer_info"]["nick_name"] == "梅记茶铺"
    assert [one["funcscope_category"]["id"] for one in info["authorization_info"]["func_info"]] == [17, 18]


def test_the_h5_page_returns_from_the_phone_itself(platform: Platform) -> None:
    code = platform.wx.component.api_create_preauthcode()["pre_auth_code"]
    url = links.h5_authorization_url(
        platform.control.base_url, component_appid=platform.appid, pre_auth_code=code, redirect_uri=BACK
    )
    back = platform.control.authorize(url, person="小明", account="明明书店")
    assert platform.exchange(query_of(back)["auth_code"][0])


def test_authorizing_again_is_an_update_with_a_new_refresh_token(platform: Platform, shop: str) -> None:
    before = platform.tokens.refresh[shop]
    back = platform.control.authorize(platform.authorization_url(biz_appid=shop), person="梅姐", account=shop)
    assert platform.events("updateauthorized")[-1]["AuthorizerAppid"] == shop
    platform.exchange(query_of(back)["auth_code"][0])
    assert platform.tokens.refresh[shop] != before


def test_only_the_administrator_of_the_named_account_may_confirm(platform: Platform) -> None:
    tea = platform.control.accounts(nick_name="梅记茶铺")[0]["appid"]
    url = platform.authorization_url(biz_appid=tea)
    with pytest.raises(SandboxRefused, match="不是该小程序的管理员"):
        platform.control.authorize(url, person="小明", account=tea)
    assert platform.control.authorize(url, person="梅姐", account=tea)


def test_permission_sets_are_those_asked_for(platform: Platform) -> None:
    url = platform.authorization_url(category_id_list=[18, 999])
    back = platform.control.authorize(url, person="梅姐", account="梅记茶铺")
    appid = platform.exchange(query_of(back)["auth_code"][0])
    granted = platform.wx.component.api_get_authorizer_info(appid)["authorization_info"]["func_info"]
    assert granted == [{"funcscope_category": {"id": 18}}]


def test_a_pre_auth_code_opens_one_authorization(platform: Platform) -> None:
    url = platform.authorization_url()
    platform.control.authorize(url, person="梅姐", account="梅记茶铺")
    with pytest.raises(SandboxRefused):
        platform.control.authorize(url, person="梅姐", account="梅记点心")


def test_a_pre_auth_code_dies_after_ten_minutes(platform: Platform) -> None:
    url = platform.authorization_url()
    platform.control.move_clock(601)
    with pytest.raises(SandboxRefused, match="已过期"):
        platform.control.authorize(url, person="梅姐", account="梅记茶铺")


def test_a_refusal_tells_the_platform_nothing(platform: Platform) -> None:
    url = platform.authorization_url()
    platform.control.refuse(url, person="梅姐")
    assert platform.events("authorized") == []
    assert "拒绝了授权" in httpx2.get(url, trust_env=False).text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"redirect_uri": "http://elsewhere.example/back"}, "授权发起页域名"),
        ({"component_appid": "wx0000000000000000"}, "component_appid"),
        ({"pre_auth_code": "preauthcode@@@x"}, "pre_auth_code 无效"),
        ({"auth_type": "two"}, "不是数字"),
    ],
)
def test_a_wrong_address_gets_wechats_error_page(platform: Platform, change: dict[str, str], words: str) -> None:
    parts = urlsplit(platform.authorization_url())
    query = {name: values[0] for name, values in parse_qs(parts.query).items()} | change
    page = httpx2.get(f"{platform.control.base_url}{parts.path}", params=query, trust_env=False)
    assert words in page.text
    assert any(words in mistake["what"] for mistake in platform.control.mistakes())


def test_a_page_opened_from_another_domain_is_refused(platform: Platform) -> None:
    with pytest.raises(SandboxRefused, match="授权发起页域名"):
        platform.control.authorize(
            platform.authorization_url(), person="梅姐", account="梅记茶铺", referer="http://other.example/"
        )


def test_official_accounts_only_leaves_nothing_to_choose(platform: Platform) -> None:
    with pytest.raises(SandboxRefused, match="没有可授权的账号"):
        platform.control.authorize(platform.authorization_url(auth_type=1), person="小明", account="明明书店")
    with pytest.raises(SandboxRefused, match="梅记茶铺公众号"):
        platform.control.authorize(platform.authorization_url(auth_type=1), person="梅姐", account="梅记茶铺")


def test_only_the_owner_takes_an_authorization_back(platform: Platform, shop: str) -> None:
    people = {one["name"]: str(one["id"]) for one in platform.control.people()}
    for name, gone in (("小明", False), ("梅姐", True)):
        with httpx2.Client(base_url=platform.control.base_url, trust_env=False) as phone:
            phone.post("/phone/hold", data={"person": people[name]})
            phone.post("/phone/revoke", data={"component": platform.appid, "account": shop})
        assert bool(platform.events("unauthorized")) is gone


def test_the_phone_opens_only_the_sandboxs_own_codes(control: SandboxControl) -> None:
    with httpx2.Client(base_url=control.base_url, trust_env=False) as phone:
        answer = phone.post("/phone/scan", data={"link": "https://evil.example/phone/authorize"})
        assert answer.headers["Location"].startswith("/phone?said=")
        answer = phone.post("/phone/hold", data={"person": "1", "next": "//evil.example"})
        assert answer.headers["Location"] == "/phone"
