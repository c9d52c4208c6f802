from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.platform import Platform


def post(platform: Platform, appid: str, path: str, /, **body: Any) -> dict[str, Any]:
    """A bare call; the platform holds the answer against the contract."""
    answer: dict[str, Any] = _send(platform, appid, path, body).json()
    return answer


def _send(platform: Platform, appid: str, path: str, body: dict[str, Any]) -> Any:
    token = platform.tokens.authorizer_token(appid)
    return platform.http.post(f"{platform.control.base_url}{path}", params={"access_token": token}, json=body)


@pytest.fixture
def online(platform: Platform, shop: str) -> str:
    template = platform.template(pages=["pages/index/index"])
    platform.wx.code.commit(shop, template_id=template, ext_json="{}", user_version="1.0.0", user_desc="x")
    platform.control.approve(platform.wx.code.submit_audit(shop)["auditid"])
    platform.wx.release.release(shop)
    return shop


def test_codes_and_links_need_a_released_version(platform: Platform, shop: str) -> None:
    assert post(platform, shop, "/wxa/getwxacodeunlimit", scene="a=1")["errcode"] == 41030
    assert post(platform, shop, "/wxa/generate_urllink")["errcode"] == 85079
    assert post(platform, shop, "/wxa/generatescheme")["errcode"] == 85079
    assert post(platform, shop, "/wxa/genwxashortlink", page_url="pages/index/index")["errcode"] == 40066
    drawn = _send(platform, shop, "/wxa/getwxacodeunlimit", {"scene": "a=1", "check_path": False})
    assert drawn.content.startswith(b"\x89PNG")


def test_codes_and_links_open_released_pages_only(platform: Platform, online: str) -> None:
    for path in ("/wxa/getwxacode", "/wxa/getwxacodeunlimit"):
        body = {"path": "pages/index/index?x=1"} if path.endswith("code") else {"scene": "a=1"}
        assert _send(platform, online, path, body).content.startswith(b"\x89PNG")
    assert post(platform, online, "/wxa/getwxacodeunlimit", scene="a=1", page="pages/gone")["errcode"] == 41030
    assert post(platform, online, "/wxa/getwxacodeunlimit", scene="a b")["errcode"] == 40129
    assert post(platform, online, "/wxa/getwxacodeunlimit", scene="a" * 33)["errcode"] == 40169
    assert post(platform, online, "/wxa/generate_urllink", path="pages/index/index")["url_link"]
    assert post(platform, online, "/wxa/generate_urllink", path="pages/gone")["errcode"] == 40165
    assert post(platform, online, "/wxa/generate_urllink", expire_time=1)["errcode"] == 85401
    assert post(platform, online, "/wxa/generatescheme", jump_wxa={"query": "a b"})["errcode"] == 40212
    assert post(platform, online, "/wxa/genwxashortlink", page_url="pages/index/index?a=1")["link"]


def test_testers_are_bound_once_and_unbound_by_either_id(platform: Platform, shop: str) -> None:
    wechat_id = "wxid_nobody"
    assert post(platform, shop, "/wxa/bind_tester", wechatid=wechat_id)["errcode"] == 85001
    wechat_id = platform.control.people()[0]["wechat_id"]
    userstr = post(platform, shop, "/wxa/bind_tester", wechatid=wechat_id)["userstr"]
    assert post(platform, shop, "/wxa/bind_tester", wechatid=wechat_id)["errcode"] == 85004
    assert post(platform, shop, "/wxa/memberauth", action="get_experiencer")["members"] == [{"userstr": userstr}]
    assert post(platform, shop, "/wxa/unbind_tester", userstr=userstr)["errcode"] == 0
    assert post(platform, shop, "/wxa/unbind_tester", wechatid=wechat_id)["errcode"] == -1


def test_search_can_be_switched_off(platform: Platform, shop: str) -> None:
    token = platform.tokens.authorizer_token(shop)
    address = f"{platform.control.base_url}/wxa/getwxasearchstatus"
    assert platform.http.get(address, params={"access_token": token}).json()["status"] == 0
    assert post(platform, shop, "/wxa/changewxasearchstatus", status=1)["errcode"] == 0
    assert platform.http.get(address, params={"access_token": token}).json()["status"] == 1
