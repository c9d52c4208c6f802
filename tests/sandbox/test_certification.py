"""A certification from the first call to the agency's verdict."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.sandbox.platform import Platform

DAY = 86400
PNG = b"\x89PNG\r\n\x1a\n" + b"x" * 100


def call(platform: Platform, appid: str, verb: str, body: dict[str, Any]) -> dict[str, Any]:
    url = f"{platform.control.base_url}/wxa/sec/{verb}"
    query = {"access_token": platform.tokens.authorizer_token(appid)}
    answer: dict[str, Any] = platform.http.post(url, params=query, json=body).json()
    if answer["errcode"] in (40001, 42001):
        platform.tokens.component_token(platform.tokens.component)
        query["access_token"] = platform.tokens.authorizer_token(appid, query["access_token"])
        answer = platform.http.post(url, params=query, json=body).json()
    return answer


def upload(platform: Platform, appid: str) -> str:
    url = f"{platform.control.base_url}/wxa/sec/uploadauthmaterial"
    query = {"access_token": platform.tokens.authorizer_token(appid)}
    answer = platform.http.post(url, params=query, files={"media": ("a.png", PNG, "image/png")}).json()
    return str(answer["mediaid"])


def data(platform: Platform, appid: str, **more: Any) -> dict[str, Any]:
    return {
        "customer_type": 1,
        "contact_info": {"name": "Mei", "email": "mei@example.com"},
        "qualification": upload(platform, appid),
        "account_name": "Mei Tea",
        "account_name_type": 1,
        "pay_type": 2,
        "third_party_phone": "0571-88001234",
        **more,
    }


def start(platform: Platform, appid: str, **more: Any) -> str:
    answer = call(platform, appid, "wxaauth", {"auth_data": data(platform, appid, **more)})
    assert answer["errcode"] == 0
    return str(answer["taskid"])


def tap(platform: Platform, appid: str, taskid: str, *steps: str) -> None:
    person = platform.control.accounts(nick_name="梅记茶铺")[0]["person"]
    with httpx2.Client(base_url=platform.control.base_url, trust_env=False) as phone:
        phone.post("/phone/hold", data={"person": str(person), "next": "/phone"})
        for step in steps:
            assert f'value="{step}"' in phone.get("/phone/certification", params={"taskid": taskid}).text
            assert phone.post("/phone/certification", data={"taskid": taskid, "step": step}).status_code == 303


def judge(platform: Platform, taskid: str, verdict: str, reason: str = "") -> None:
    url = f"{platform.control.base_url}/desk/certifications/{taskid}"
    httpx2.post(url, data={"verdict": verdict, "reason": reason}, trust_env=False)


def state(platform: Platform, appid: str, taskid: str) -> tuple[int, int]:
    answer = call(platform, appid, "queryauth", {"taskid": taskid})
    return answer["task_status"], answer["apply_status"]


def test_the_owner_pays_and_passes(platform: Platform, shop: str) -> None:
    taskid = start(platform, shop)
    tap(platform, shop, taskid, "agree", "face", "send_code", "code")
    assert state(platform, shop, taskid) == (15, 1)
    tap(platform, shop, taskid, "pay")
    assert state(platform, shop, taskid) == (12, 2)
    judge(platform, taskid, "pass")
    assert state(platform, shop, taskid) == (12, 4)
    pushed = [int(event["task_status"]) for event in platform.events("notify_3rd_wxa_auth")]
    assert pushed == [0, 6, 9, 12, 12, 12]
    assert len(platform.events("wx_verify_pay_succ")) == len(platform.events("wx_verify_dispatch")) == 1


def test_only_what_was_sent_back_is_resubmitted(platform: Platform, shop: str) -> None:
    taskid = start(platform, shop, pay_type=1, service_appid="wx5a1b2c3d4e5f6071")
    again = {"auth_data": data(platform, shop, taskid=taskid)}
    assert call(platform, shop, "reauth", again)["errcode"] == 40097
    tap(platform, shop, taskid, "agree", "face", "send_code", "code")
    judge(platform, taskid, "refill", "licence is blurred")
    assert call(platform, shop, "queryauth", {"taskid": taskid})["refill_reason"] == "licence is blurred"
    assert call(platform, shop, "wxaauth", {"auth_data": data(platform, shop)})["errcode"] == 89604
    assert call(platform, shop, "reauth", again)["taskid"] == taskid
    assert state(platform, shop, taskid) == (12, 2)
    judge(platform, taskid, "fail")
    assert state(platform, shop, taskid) == (12, 5)
    assert call(platform, shop, "reauth", again)["errcode"] == 40097
    assert start(platform, shop) != taskid


def test_a_day_ends_a_task_that_the_administrator_left(platform: Platform, shop: str) -> None:
    taskid = start(platform, shop)
    platform.control.move_clock(DAY + 10)
    platform.control.push_ticket(platform.appid)
    assert state(platform, shop, taskid) == (1, 0)
    assert start(platform, shop) != taskid


def test_thirty_days_end_a_refill(platform: Platform, shop: str) -> None:
    taskid = start(platform, shop, pay_type=1, service_appid="wx5a1b2c3d4e5f6071")
    tap(platform, shop, taskid, "agree", "face", "send_code", "code")
    judge(platform, taskid, "refill")
    platform.control.move_clock(30 * DAY + 10)
    platform.control.push_ticket(platform.appid)
    assert state(platform, shop, taskid) == (12, 5)
    assert len(platform.events("wx_verify_fail")) == 1


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"customer_type": 7}, 89623),
        ({"customer_type": 15, "invoice_info": {"invoice_type": 4}}, 89603),
        ({"pay_type": 1}, 89609),
        ({"pay_type": 1, "service_appid": "wx1", "invoice_info": {"invoice_type": 2}}, 89640),
        ({"qualification": "unknown"}, 89636),
        ({"taskid": "x"}, 40097),
    ],
)
def test_what_does_not_fit_is_refused(platform: Platform, shop: str, more: dict[str, Any], code: int) -> None:
    assert call(platform, shop, "wxaauth", {"auth_data": data(platform, shop, **more)})["errcode"] == code


def test_the_identity_tree_and_strangers_tasks(platform: Platform, shop: str) -> None:
    assert call(platform, shop, "authidentitytree", {})["identity_tree_list"]
    taskid = start(platform, shop)
    other = platform.connect("明明书店")
    assert call(platform, other, "queryauth", {"taskid": taskid})["errcode"] == 1
