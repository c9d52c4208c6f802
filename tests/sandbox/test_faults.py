from __future__ import annotations

import time

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
