"""Quick registration, from the link to the new mini program."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.sandbox.platform import Platform

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
