"""Rules for ordinary QR codes: check file, rule, publication."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.platform import Platform, refused

PREFIX = "https://qr.a.cn/t/"


def add(platform: Platform, appid: str, prefix: str = PREFIX, **more: Any) -> None:
    platform.wx.qrcode_rules.qrcodejumpadd(appid, **{"prefix": prefix, "path": "pages/table/table", **more})


@pytest.fixture
def placed(platform: Platform, shop: str) -> str:
    """The mini program, once its check file is in place."""
    assert platform.wx.qrcode_rules.qrcodejumpdownload(shop)["file_name"].endswith(".txt")
    return shop


def release(platform: Platform, appid: str) -> None:
    template = platform.template()
    platform.wx.code.commit(appid, template_id=template, ext_json="{}", user_version="1", user_desc="x")
    platform.control.approve(platform.wx.code.submit_audit(appid)["auditid"])
    platform.wx.release.release(appid)


def test_a_rule_needs_its_check_file(platform: Platform, shop: str) -> None:
    with refused(85069):
        add(platform, shop)
    platform.wx.qrcode_rules.qrcodejumpdownload(shop)
    platform.control.change_host("qr.a.cn", check_file=0)
    with refused(85069):
        add(platform, shop)
    platform.control.change_host("qr.a.cn", check_file=1)
    add(platform, shop, permit_sub_rule=2, open_version=2, debug_url=[f"{PREFIX}?no=8"])
    listed = platform.wx.qrcode_rules.qrcodejumpget(shop)
    assert (listed["qrcodejump_pub_quota"], listed["list_size"]) == (100, 1)
    assert listed["rule_list"] == [
        {
            "prefix": PREFIX,
            "path": "pages/table/table",
            "permit_sub_rule": 2,
            "open_version": 2,
            "debug_url": [f"{PREFIX}?no=8"],
            "state": 1,
        }
    ]


def test_a_published_rule_is_frozen(platform: Platform, placed: str) -> None:
    rules = platform.wx.qrcode_rules
    add(platform, placed)
    with refused(85074):
        rules.qrcodejumppublish(placed, prefix=PREFIX)
    release(platform, placed)
    add(platform, placed, is_edit=1, path="pages/menu/menu")
    rules.qrcodejumppublish(placed, prefix=PREFIX)
    listed = rules.qrcodejumpget(placed)
    assert listed["qrcodejump_pub_quota"] == 99
    assert (listed["rule_list"][0]["path"], listed["rule_list"][0]["state"]) == ("pages/menu/menu", 2)
    with refused(40097):
        add(platform, placed, is_edit=1)
    rules.qrcodejumpdelete(placed, prefix=PREFIX)
    add(platform, placed)
    assert rules.qrcodejumpget(placed)["rule_list"][0]["state"] == 1


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ({"prefix": "qr.a.cn/t"}, 85066),
        ({"prefix": "https://bad.cn/t/"}, 85070),
        ({"prefix": "https://qr.a.cn/other/", "debug_url": ["https://qr.a.cn/t/1"]}, 85068),
        ({"prefix": PREFIX}, 85071),
        ({"prefix": "https://qr.a.cn/unknown/", "is_edit": 1}, 40097),
        ({"prefix": "https://qr.b.cn/shared/"}, 85072),
        ({"prefix": "https://qr.b.cn/own/deeper/"}, 85072),
    ],
)
def test_a_rule_that_does_not_fit_is_refused(platform: Platform, placed: str, rule: Any, code: int) -> None:
    other = platform.connect("明明书店")
    platform.wx.qrcode_rules.qrcodejumpdownload(other)
    add(platform, other, "https://qr.b.cn/shared/", permit_sub_rule=1)
    add(platform, other, "https://qr.b.cn/own/", permit_sub_rule=2)
    platform.control.change_host("bad.cn", blacklisted=1)
    add(platform, placed)
    add(platform, placed, "https://qr.b.cn/shared/deeper/")
    with refused(code):
        add(platform, placed, **rule)


def test_ten_rules_are_enough(platform: Platform, placed: str) -> None:
    for number in range(10):
        platform.control.move_clock(1.1)
        add(platform, placed, f"https://qr.a.cn/{number}/")
    platform.control.move_clock(1.1)
    with refused(85073):
        add(platform, placed, "https://qr.a.cn/more/")


def test_five_calls_a_second(platform: Platform, placed: str) -> None:
    add(platform, placed)
    with refused(44990):
        for _ in range(50):
            add(platform, placed, is_edit=1)
    platform.control.move_clock(1.1)
    add(platform, placed, is_edit=1)


def test_individuals_have_no_rules(platform: Platform) -> None:
    appid = platform.control.add_account("小明", nick_name="小明的便签", register_type=16)
    platform.exchange(platform.control.grant(platform.appid, appid))
    with refused(85075):
        add(platform, appid)
