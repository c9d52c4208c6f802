"""Quick registration, from the link to the new mini program."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from saas.sandbox.control import SandboxRefused
from saas.wx import links
from tests.sandbox.platform import BACK, Platform, refused

COMPANY = {"name": "Mei Tea Ltd", "code": "91440101MA5ABCDE1X", "component_phone": "020-12345678"}


def call(platform: Platform, kind: str, action: str, **body: Any) -> dict[str, Any]:
    url = f"{platform.control.base_url}/wxa/component/fastregister{kind}weapp"
    query = {"access_token": platform.tokens.component_token(), "action": action}
    answer: dict[str, Any] = platform.http.post(url, params=query, json={"new_version": True, **body}).json()
    return answer


def tap(platform: Platform, taskid: str, answer: str) -> str:
    person = platform.control.accounts(nick_name="梅记茶铺")[0]["person"]
    with httpx2.Client(base_url=platform.control.base_url, trust_env=False) as phone:
        phone.post("/phone/hold", data={"person": str(person), "next": "/phone"})
        assert 'value="agree"' in phone.get("/phone/registration", params={"taskid": taskid}).text
        return phone.post("/phone/registration", data={"taskid": taskid, "answer": answer}).text


@pytest.mark.parametrize(
    ("kind", "given"),
    [("enterprise", COMPANY), ("personal", {"wxuser": "mei_88", "component_phone": "020-12345678"})],
)
def test_who_agrees_has_a_mini_program(platform: Platform, kind: str, given: dict[str, str]) -> None:
    created = call(platform, kind, "create", **given)
    assert created["authorize_url"].endswith(created["taskid"])
    tap(platform, created["taskid"], "agree")
    [event] = platform.events("notify_third_fasteregister")
    assert (int(event["status"]), event["info"]) == (0, given)
    assert platform.exchange(event["auth_code"]) == event["appid"]
    assert call(platform, kind, "query", taskid=created["taskid"])["status"] == 12


def test_a_refusal_is_only_found_by_asking(platform: Platform) -> None:
    taskid = call(platform, "enterprise", "create", **COMPANY)["taskid"]
    tap(platform, taskid, "refuse")
    assert call(platform, "enterprise", "query", taskid=taskid)["status"] == 2
    assert platform.events("notify_third_fasteregister") == []


def test_a_day_ends_the_link(platform: Platform) -> None:
    taskid = call(platform, "enterprise", "create", **COMPANY)["taskid"]
    platform.control.move_clock(86410)
    platform.control.push_ticket(platform.appid)
    platform.tokens.component = ""
    assert call(platform, "enterprise", "query", taskid=taskid)["status"] == 1
    assert int(platform.events("notify_third_fasteregister")[0]["status"]) == 100003


def test_what_does_not_fit_is_refused(platform: Platform) -> None:
    assert call(platform, "enterprise", "create", **{**COMPANY, "code": "short"})["errcode"] == 89255
    assert call(platform, "enterprise", "create", name="x")["errcode"] == 86030
    for _ in range(5):
        assert call(platform, "personal", "create", wxuser="mei", component_phone="1")["errcode"] == 0
    assert call(platform, "personal", "create", wxuser="mei", component_phone="1")["errcode"] == 91030


def test_the_old_interface_is_offline(platform: Platform) -> None:
    url = f"{platform.control.base_url}/cgi-bin/component/fastregisterweapp"
    query = {"access_token": platform.tokens.component_token(), "action": "create"}
    body = {"name": "Mei", "legal_persona_wechat": "mei_88", "legal_persona_name": "Mei"}
    assert platform.http.post(url, params=query, json=body).json()["errcode"] == -1


def test_the_new_program_says_how_it_was_registered(platform: Platform) -> None:
    created = call(platform, "personal", "create", wxuser="mei_88", component_phone="020-12345678")
    tap(platform, created["taskid"], "agree")
    [event] = platform.events("notify_third_fasteregister")
    profile = platform.wx.component.api_get_authorizer_info(platform.exchange(event["auth_code"]))
    assert profile["authorizer_info"]["register_type"] == 16


def test_a_face_check_may_be_tried_again_until_the_day_is_over(platform: Platform) -> None:
    taskid = call(platform, "enterprise", "create", **COMPANY)["taskid"]
    tap(platform, taskid, "face_fail")
    assert call(platform, "enterprise", "query", taskid=taskid)["status"] == 5
    platform.control.move_clock(86410)
    platform.control.push_ticket(platform.appid)
    platform.tokens.component = ""
    assert call(platform, "enterprise", "query", taskid=taskid)["status"] == 1
    assert int(platform.events("notify_third_fasteregister")[0]["status"]) == 100002


def test_an_upgraded_personal_program_is_registered(platform: Platform) -> None:
    made = platform.wx.registration.fastregistertransactionweapp(openid="oMei_0001", component_phone="020-1")
    platform.control.answer_registration(made["authorize_url"], person="梅姐")
    [event] = platform.events("notify_third_fasteregister")
    assert event["info"] == {"component_phone": "020-1"}
    assert platform.wx.registration.query_fastregistertransactionweapp(taskid=made["taskid"])["status"] == 12
    profile = platform.wx.component.api_get_authorizer_info(platform.exchange(event["auth_code"]))
    assert profile["authorizer_info"]["register_type"] == 17
    with refused(86030):
        platform.wx.registration.fastregistertransactionweapp(component_phone="020-1")


@pytest.fixture
def official(platform: Platform) -> str:
    """梅记茶铺公众号, authorized with the set that lets it lend its subject."""
    platform.control.change_component(platform.appid, permission_sets=[3, 17, 18, 27])
    return platform.connect("梅记茶铺公众号")


def lend(platform: Platform, official: str, **more: Any) -> str:
    """The ticket that the page returns."""
    url = links.fast_register_url(
        platform.control.base_url, component_appid=platform.appid, appid=official, copy_wx_verify=True,
        redirect_uri=BACK,
    )  # fmt: skip
    back = platform.control.run_errand(url, person="梅姐", **more)
    return parse_qs(urlsplit(back).query)["ticket"][0] if back else ""


def test_an_official_account_lends_its_subject(platform: Platform, official: str) -> None:
    ticket = lend(platform, official)
    made = platform.wx.registration.fastregister(official, ticket=ticket)
    assert (made["is_link_succ"], made["is_wx_verify_succ"]) == (True, False)
    assert platform.exchange(made["authorization_code"]) == made["appid"]
    profile = platform.wx.component.api_get_authorizer_info(made["appid"])["authorizer_info"]
    assert (profile["register_type"], profile["verify_type_info"]["id"]) == (2, -1)
    assert profile["principal_name"] == "广州市越秀区梅记茶铺"
    with refused(61058):
        platform.wx.registration.fastregister(official, ticket=ticket)
    assert lend(platform, official, agree=False) == ""


def test_an_official_account_lends_its_subject_five_times_a_month(platform: Platform, official: str) -> None:
    for _ in range(5):
        platform.wx.registration.fastregister(official, ticket=lend(platform, official))
    with refused(61055):
        platform.wx.registration.fastregister(official, ticket=lend(platform, official))


def test_who_may_not_lend_is_told_why(platform: Platform, official: str) -> None:
    ticket = lend(platform, official)
    platform.control.change_account(official, verified=0)
    with refused(61052):
        platform.wx.registration.fastregister(official, ticket=ticket)
    platform.control.change_account(official, verified=1)
    platform.control.change_component(platform.appid, permission_sets=[18, 27])
    with refused(61029):
        platform.wx.registration.fastregister(official, ticket=ticket)
    with refused(61051):
        platform.wx.registration.fastregister(platform.connect(permission_sets=[27]), ticket=ticket)
    with pytest.raises(SandboxRefused, match="权限集 27"):
        lend(platform, platform.connect("梅记茶铺公众号", permission_sets=[3]))


def rebind(platform: Platform, appid: str) -> str:
    url = links.rebind_admin_url(
        platform.control.base_url, component_appid=platform.appid, appid=appid, redirect_uri=BACK
    )
    back = platform.control.run_errand(url, person="梅姐", successor="小明")
    return parse_qs(urlsplit(back).query)["taskid"][0]


def test_the_administrator_hands_a_registered_program_on(platform: Platform, shop: str) -> None:
    with pytest.raises(SandboxRefused, match="快速注册"):
        rebind(platform, shop)
    appid = platform.control.add_account("梅姐", nick_name="梅记外卖", register_type=6)
    platform.exchange(platform.control.grant(platform.appid, appid))
    taskid = rebind(platform, appid)
    platform.wx.registration.componentrebindadmin(appid, taskid=taskid)
    assert appid in [account["appid"] for account in platform.control.accounts(owner="小明")]
    with refused(85060):
        platform.wx.registration.componentrebindadmin(appid, taskid=taskid)
    assert platform.wx.component.api_get_authorizer_info(appid)


def test_a_merchant_resets_counters_with_its_own_secret(platform: Platform, shop: str) -> None:
    url = f"{platform.control.base_url}/cgi-bin/clear_quota/v2"

    def reset(**body: Any) -> int:
        return int(platform.http.post(url, json=body).json()["errcode"])

    assert reset(appid=shop, appsecret="unknown") == 40125
    secret = platform.control.renew_app_secret(shop)
    assert reset(appid="wx0000000000000000", appsecret=secret) == 40013
    assert (reset(appsecret=secret), reset(appid=shop)) == (41002, 41004)
    assert [reset(appid=shop, appsecret=secret) for _ in range(11)] == [0] * 10 + [48006]
