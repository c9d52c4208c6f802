from __future__ import annotations

import time

import httpx2
import pytest

from saas.wx.errors import WeChatUnreachable
from tests.sandbox.platform import Platform, refused


def test_the_next_calls_answer_a_chosen_errcode(platform: Platform, shop: str) -> None:
    platform.control.fail_next("getVersionInfo", 45009, times=2)
    for _ in range(2):
        with refused(45009):
            platform.wx.release.getversioninfo(shop)
    assert platform.wx.release.getversioninfo(shop)


def test_a_fault_can_be_meant_for_one_account(platform: Platform, shop: str) -> None:
    other = platform.connect("明明书店")
    platform.control.fail_next("getVersionInfo", 50002, appid=other)
    assert platform.wx.release.getversioninfo(shop)
    with refused(50002):
        platform.wx.release.getversioninfo(other)


def test_a_cut_answer_means_that_it_was_done(platform: Platform) -> None:
    draft = platform.control.add_draft(platform.appid, user_version="1.0.0")
    platform.control.cut_next("addToTemplate")
    with pytest.raises(WeChatUnreachable):
        platform.wx.templates.addtotemplate(draft_id=draft)
    assert len(platform.wx.templates.gettemplatelist()["template_list"]) == 1


def test_a_hanging_call_was_not_done(platform: Platform) -> None:
    draft = platform.control.add_draft(platform.appid, user_version="1.0.0")
    platform.tokens.component_token()
    platform.control.hang_next("addToTemplate", seconds=0.2)
    with pytest.raises(WeChatUnreachable):
        platform.wx.templates.addtotemplate(draft_id=draft)
    assert platform.wx.templates.gettemplatelist()["template_list"] == []


def test_calls_can_be_slow(platform: Platform, shop: str) -> None:
    platform.control.slow_next("getVersionInfo", 0.3)
    started = time.monotonic()
    platform.wx.release.getversioninfo(shop)
    assert time.monotonic() - started >= 0.3


def test_all_tokens_can_die_at_once(platform: Platform, shop: str) -> None:
    platform.wx.code.queryquota(shop)
    old = platform.tokens.authorizers[shop]
    platform.control.invalidate_tokens(platform.appid)
    platform.wx.code.queryquota(shop)
    assert platform.tokens.authorizers[shop] != old


def test_faults_are_cleared(platform: Platform, shop: str) -> None:
    platform.control.fail_next("*", -1, times=100)
    platform.control.clear_faults()
    assert platform.wx.code.queryquota(shop)


def press(platform: Platform, path: str, **form: str | int) -> None:
    """A button of the page of faults."""
    values = {name: str(value) for name, value in form.items()}
    answer = httpx2.post(f"{platform.control.base_url}/faults/{path}", data=values, trust_env=False)
    assert answer.status_code == 303


def test_calls_are_broken_on_the_page(platform: Platform, shop: str) -> None:
    press(platform, "calls", operation="getVersionInfo", kind="errcode", errcode=45009)
    assert "返回错误码 45009" in httpx2.get(f"{platform.control.base_url}/faults", trust_env=False).text
    with refused(45009):
        platform.wx.release.getversioninfo(shop)
    press(platform, "calls", kind="latency", operation="getVersionInfo", seconds=0.3)
    started = time.monotonic()
    platform.wx.release.getversioninfo(shop)
    assert time.monotonic() - started >= 0.3
    for kind in ("timeout", "cut"):
        press(platform, "calls", operation="getVersionInfo", kind=kind, seconds=0.1, times=9)
        with pytest.raises(WeChatUnreachable):
            platform.wx.release.getversioninfo(shop)
        press(platform, "clear")
    assert platform.wx.release.getversioninfo(shop)


@pytest.mark.parametrize(
    ("kind", "states", "came"),
    [
        ("drop", ["dropped"], 0),
        ("duplicate", ["delivered", "delivered"], 2),
        ("reorder", ["delivered"], 1),
        ("forge", ["refused"], 0),
    ],
)
def test_pushes_are_broken_on_the_page(platform: Platform, shop: str, kind: str, states: list[str], came: int) -> None:
    press(platform, "pushes", component=platform.appid, kind=kind, event="unauthorized")
    platform.control.revoke(platform.appid, shop)
    assert len(platform.events("unauthorized")) == came
    assert [push["state"] for push in platform.control.pushes(name="unauthorized")] == states


def test_pushes_come_backwards(platform: Platform, shop: str) -> None:
    press(platform, "pushes", component=platform.appid, kind="reorder", times=2)
    platform.control.revoke(platform.appid, shop)
    platform.control.grant(platform.appid, shop)
    platform.control.wait_for_pushes(component_appid=platform.appid)
    assert [message["InfoType"] for _, message in platform.received[-2:]] == ["authorized", "unauthorized"]


@pytest.mark.parametrize("on_the_page", [True, False])
def test_tickets_and_tokens_are_stopped(platform: Platform, shop: str, on_the_page: bool) -> None:
    if on_the_page:
        press(platform, "tickets", component=platform.appid)
    else:
        platform.control.stop_tickets(platform.appid)
    before = len(platform.events("component_verify_ticket"))
    platform.control.move_clock(3600)
    platform.wx.code.queryquota(shop)
    assert len(platform.events("component_verify_ticket")) == before
    old = platform.tokens.authorizers[shop]
    if on_the_page:
        press(platform, "tokens", component=platform.appid)
    else:
        platform.control.invalidate_tokens(platform.appid)
    platform.wx.code.queryquota(shop)
    assert platform.tokens.authorizers[shop] != old


def test_what_is_no_fault_is_said(platform: Platform) -> None:
    with httpx2.Client(base_url=platform.control.base_url, trust_env=False) as browser:
        for path, form in (("calls", {"kind": "x"}), ("pushes", {"kind": "x"})):
            answer = browser.post(f"/faults/{path}", data=form)
            assert "没有这种故障" in browser.get(answer.headers["Location"]).text
        answer = browser.post("/faults/pushes", data={"kind": "drop", "component": "wx0"})
        assert "没有这个第三方平台" in browser.get(answer.headers["Location"]).text
