"""What the door of the API refuses, and what it notes."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from saas.wx.chapter import Upload
from tests.sandbox.platform import Platform, refused


def post(platform: Platform, path: str, content: bytes | dict[str, Any], token: str = "", **query: str) -> Any:
    body = content if isinstance(content, bytes) else json.dumps(content, ensure_ascii=False).encode()
    if token:
        query["access_token"] = token
    answer = httpx2.post(platform.control.base_url + path, params=query, content=body, trust_env=False)
    assert answer.status_code == 200
    return answer.json()


def what(platform: Platform) -> list[str]:
    return [mistake["what"] for mistake in platform.control.mistakes()]


def test_every_refusal_carries_a_rid_that_can_be_asked_for(platform: Platform) -> None:
    answer = post(platform, "/wxa/deletetemplate", {"template_id": 1}, platform.tokens.component_token())
    words, _, rid = answer["errmsg"].rpartition(" rid: ")
    assert answer["errcode"] == 85064
    assert words
    info = platform.wx.quota.rid_get(rid=rid)["request"]
    assert json.loads(info["response_body"])["errcode"] == 85064
    with refused(76001):
        platform.wx.quota.rid_get(rid="00000000-00000000-00000000")
    with refused(76002):
        platform.wx.quota.rid_get(rid="x")


def test_a_rid_is_told_to_its_own_account_only(platform: Platform, shop: str) -> None:
    answer = post(platform, "/wxa/submit_audit", {}, platform.tokens.authorizer_token(shop))
    rid = answer["errmsg"].rpartition(" rid: ")[2]
    with refused(76003):
        platform.wx.quota.rid_get(rid=rid)
    assert platform.wx.quota.rid_get(shop, rid=rid)


def test_the_kind_of_token_is_checked(platform: Platform, shop: str) -> None:
    component, authorizer = platform.tokens.component_token(), platform.tokens.authorizer_token(shop)
    assert post(platform, "/wxa/release", {})["errcode"] == 41001
    assert post(platform, "/wxa/release", {}, "made-up")["errcode"] == 40001
    assert post(platform, "/wxa/release", {}, component)["errcode"] == 61015
    assert post(platform, "/wxa/addtotemplate", {"draft_id": 1}, authorizer)["errcode"] == 61014
    legacy = post(platform, "/wxa/addtotemplate", {"draft_id": 1}, component_access_token=component)
    assert legacy["errcode"] == 85064


def test_a_body_must_name_the_tokens_own_component(platform: Platform) -> None:
    other = platform.control.create_component(name="别家")
    token = platform.tokens.component_token()
    path = "/cgi-bin/component/api_create_preauthcode"
    assert post(platform, path, {"component_appid": other["appid"]}, token)["errcode"] == 40013
    assert post(platform, path, {}, token)["errcode"] == 41018


def test_the_method_is_checked(platform: Platform) -> None:
    token = platform.tokens.component_token()
    assert post(platform, "/wxa/gettemplatelist", {}, token)["errcode"] == 43001
    url = f"{platform.control.base_url}/wxa/addtotemplate"
    assert httpx2.get(url, params={"access_token": token}, trust_env=False).json()["errcode"] == 43002


@pytest.mark.parametrize(
    ("content", "code", "noted"),
    [
        (b"", 44002, "POST 没有请求体"),
        (b"not json", 47001, "UTF-8 的 JSON"),
        ('{"draft_id": "草稿"}'.encode("gbk"), 47001, "UTF-8 的 JSON"),
        (b"[1]", 47001, "JSON 对象"),
        ({}, 47001, "缺少字段 draft_id"),
        ({"draft_id": "71"}, 47001, "字段 draft_id 的类型不对"),
        ({"draft_id": 71, "color": "red"}, 40097, "多余的字段 color"),
        ({"draft_id": 71, "template_type": 7}, 40097, "字段 template_type 的值不对"),
    ],
)
def test_a_body_that_does_not_fit_is_refused_and_noted(
    platform: Platform, content: bytes | dict[str, Any], code: int, noted: str
) -> None:
    answer = post(platform, "/wxa/addtotemplate", content, platform.tokens.component_token())
    assert answer["errcode"] == code
    assert any(noted in one for one in what(platform))


def test_unknown_query_parameters_are_refused(platform: Platform) -> None:
    url = f"{platform.control.base_url}/wxa/gettemplatelist"
    query = {"access_token": platform.tokens.component_token(), "colour": "red"}
    assert httpx2.get(url, params=query, trust_env=False).json()["errcode"] == 40097
    assert what(platform) == ["多余的查询参数 colour"]


def test_calls_over_a_limit_are_refused_and_noted(platform: Platform, shop: str) -> None:
    for _ in range(10):
        platform.wx.quota.clear_quota(shop)
    assert what(platform) == []
    with refused(48006):
        platform.wx.quota.clear_quota(shop)
    assert what(platform) == ["超过微信的限制：清零次数达到上限"]


def test_what_a_fault_on_demand_refuses_is_not_noted(platform: Platform, shop: str) -> None:
    platform.control.fail_next("setCodeAuditQuota", 45009)
    with refused(45009):
        platform.wx.code.queryquota(shop)
    assert what(platform) == []


def test_escaped_chinese_is_noted(platform: Platform, shop: str) -> None:
    body = {"touser": "oSandbox0SystemAccount0000Weapp", "msgtype": "text", "text": {"content": "你好"}}
    token = platform.tokens.authorizer_token(shop)
    assert post(platform, "/cgi-bin/message/custom/send", body, token)["errcode"] == 0
    assert what(platform) == []
    assert post(platform, "/cgi-bin/message/custom/send", json.dumps(body).encode(), token)["errcode"] == 0
    assert len(what(platform)) == 1


def test_an_address_outside_the_white_list_is_named(platform: Platform) -> None:
    platform.control.change_component(platform.appid, ip_whitelist=["203.0.113.7"])
    answer = post(platform, "/wxa/addtotemplate", {"draft_id": 1}, platform.tokens.component or "x")
    assert answer["errcode"] == 40001
    with refused(61004) as refusal:
        platform.tokens.component_token()
    assert "requestIP: 127.0.0.1" in str(refusal.value)
    platform.control.change_component(platform.appid, ip_whitelist=["203.0.113.7", "127.0.0.1"])
    assert platform.tokens.component_token()


def test_a_missing_permission_set_is_61007(platform: Platform) -> None:
    appid = platform.connect(permission_sets=[17, 19])
    with refused(61007):
        platform.wx.code.queryquota(appid)
    appid = platform.connect(permission_sets=[18])
    platform.wx.code.queryquota(appid)
    with refused(61007):
        platform.wx.media.upload(appid, media=Upload("a.png", b"\x89PNG\r\n\x1a\n.", "image/png"))


def test_accepted_calls_are_counted_by_mini_program(platform: Platform, shop: str) -> None:
    platform.control.reset_counts()
    platform.wx.code.queryquota(shop)
    platform.wx.code.queryquota(shop)
    with refused(85058):
        platform.wx.code.get_latest_auditstatus(shop)
    found = platform.control.all_counts(component_appid=platform.appid)
    assert found["counts"] == {"setCodeAuditQuota": 2}
    assert found["by_appid"] == {shop: {"setCodeAuditQuota": 2}}
    assert found["refused"] == {"getLatestAuditStatus": {"85058": 1}}


def test_only_this_machine_gets_in(platform: Platform) -> None:
    for host in ("evil.example", "evil.example:8001"):
        answer = httpx2.get(f"{platform.control.base_url}/console", headers={"Host": host}, trust_env=False)
        assert answer.status_code == 403
