"""The privacy guide from scan to release, and applications for location interfaces."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from saas.wx.chapter import Upload
from tests.sandbox.platform import Platform, refused

OWNER = {"contact_phone": "13800000000", "notice_method": "弹窗"}
PHONE = {"privacy_key": "PhoneNumber", "privacy_text": "登录"}
WANTED: dict[str, Any] = {"api_name": "wx.getLocation", "content": "查找附近门店", "url_list": ["https://a.cn"]}


def upload(platform: Platform, appid: str, *, privacy: list[str]) -> None:
    template = platform.template(privacy=privacy)
    platform.wx.code.commit(appid, template_id=template, ext_json="{}", user_version="1", user_desc="x")


def release(platform: Platform, appid: str) -> None:
    platform.control.approve(platform.wx.code.submit_audit(appid)["auditid"])
    platform.wx.release.release(appid)


def test_the_scan_tells_what_must_be_declared(platform: Platform, shop: str) -> None:
    empty = platform.wx.privacy.getprivacysetting(shop)
    assert (empty["code_exist"], empty["privacy_list"], empty["setting_list"]) == (0, [], [])
    assert {"privacy_key": "PhoneNumber", "privacy_desc": "手机号"} in empty["privacy_desc"]["privacy_desc_list"]
    platform.control.set_scan_seconds(60)
    upload(platform, shop, privacy=["getPhoneNumber", "chooseImage"])
    assert platform.wx.privacy.getprivacysetting(shop)["privacy_list"] == []
    with refused(61039):
        platform.wx.privacy.setprivacysetting(shop, owner_setting=OWNER, setting_list=[PHONE])
    platform.control.move_clock(61)
    assert platform.wx.privacy.getprivacysetting(shop)["privacy_list"] == ["Album", "PhoneNumber"]
    platform.wx.privacy.setprivacysetting(shop, owner_setting=OWNER, setting_list=[PHONE])
    guide = platform.wx.privacy.getprivacysetting(shop)
    assert [(item["privacy_key"], item["privacy_text"]) for item in guide["setting_list"]] == [
        ("PhoneNumber", "登录"),
        ("Album", ""),
    ]
    assert guide["owner_setting"]["contact_email"] == ""


def test_a_release_brings_the_guide_online(platform: Platform, shop: str) -> None:
    privacy = platform.wx.privacy
    with refused(86074):
        privacy.setprivacysetting(shop, privacy_ver=1, owner_setting=OWNER)
    file = Upload("guide.txt", "指引".encode(), "text/plain")
    text = privacy.uploadprivacyextfile(shop, file=file)["ext_file_media_id"]
    own = {**OWNER, "ext_file_media_id": text}
    privacy.setprivacysetting(shop, owner_setting=own, setting_list=[PHONE])
    upload(platform, shop, privacy=[])
    release(platform, shop)
    assert privacy.getprivacysetting(shop, privacy_ver=1)["owner_setting"]["ext_file_media_id"] == text
    with refused(86075):
        privacy.setprivacysetting(shop, privacy_ver=1, owner_setting={**OWNER, "ext_file_media_id": "1"})
    with refused(40097):
        privacy.setprivacysetting(shop, privacy_ver=1, owner_setting=OWNER, setting_list=[PHONE])
    privacy.setprivacysetting(shop, privacy_ver=1, owner_setting={"contact_email": "a@b.cn", "notice_method": "公告"})
    assert privacy.getprivacysetting(shop, privacy_ver=1)["owner_setting"]["contact_email"] == "a@b.cn"
    assert privacy.getprivacysetting(shop)["owner_setting"]["contact_email"] == ""


@pytest.mark.parametrize(
    ("owner", "code"),
    [
        ({"notice_method": "弹窗"}, 86069),
        ({"contact_qq": "1"}, 86070),
        ({"contact_qq": "1", "notice_method": ""}, 86070),
        ({**OWNER, "store_expire_timestamp": "一个月"}, 86072),
        ({**OWNER, "ext_file_media_id": "1"}, 86073),
    ],
)
def test_a_guide_that_does_not_fit_is_refused(platform: Platform, shop: str, owner: Any, code: int) -> None:
    with refused(code):
        platform.wx.privacy.setprivacysetting(shop, owner_setting=owner, setting_list=[PHONE])


def test_own_texts_are_small_txt_files(platform: Platform, shop: str) -> None:
    for name, size, code in (("guide.doc", 10, 40006), ("guide.txt", 100 * 1024 + 1, 40126)):
        with refused(code):
            platform.wx.privacy.uploadprivacyextfile(shop, file=Upload(name, b"x" * size, "text/plain"))


def test_a_reviewer_sees_what_was_not_declared(platform: Platform, shop: str) -> None:
    upload(platform, shop, privacy=["getPhoneNumber", "chooseImage"])
    platform.wx.privacy.setprivacysetting(shop, owner_setting=OWNER, setting_list=[PHONE])
    platform.control.reject(platform.wx.code.submit_audit(shop)["auditid"])
    reason = platform.events("weapp_audit_fail")[-1]["Reason"]
    assert "选中的照片或视频信息" in reason
    assert "手机号" not in reason


def test_an_interface_is_granted_on_the_desk(platform: Platform, shop: str) -> None:
    assert _interface(platform, shop)["status"] == 5
    platform.control.change_account(shop, missing_privacy=["getLocation"])
    assert _interface(platform, shop)["status"] == 1
    audit_id = platform.wx.privacy.apply_privacy_interface(shop, **WANTED)["audit_id"]
    assert _interface(platform, shop)["status"] == 3
    with refused(61031):
        platform.wx.privacy.apply_privacy_interface(shop, **WANTED)
    judge(platform, audit_id, "reject", "看不到用处")
    assert (_interface(platform, shop)["status"], _interface(platform, shop)["fail_reason"]) == (4, "看不到用处")
    audit_id = platform.wx.privacy.apply_privacy_interface(shop, **WANTED)["audit_id"]
    judge(platform, audit_id, "approve")
    assert _interface(platform, shop)["status"] == 5
    verdicts = [event["result_info"] for event in platform.events("wxa_privacy_apply")]
    assert [(one["api_name"], one["status"], one["reason"]) for one in verdicts] == [
        ("wx.getLocation", "2", "看不到用处"),
        ("wx.getLocation", "3", ""),
    ]
    with refused(61035):
        platform.wx.privacy.apply_privacy_interface(shop, **WANTED)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"api_name": "getLocation"}, 61035),
        ({"api_name": "wx.choosePoi"}, 61035),
        ({"content": " "}, 61034),
        ({"content": "字" * 301}, 61034),
        ({"url_list": []}, 61034),
        ({"video_list": ["https://a.cn/v.avi"]}, 61032),
        ({"video_list": ["v.mp4"]}, 61033),
    ],
)
def test_an_application_that_does_not_fit_is_refused(platform: Platform, shop: str, change: Any, code: int) -> None:
    platform.control.change_account(shop, missing_privacy=["getLocation"])
    with refused(code):
        platform.wx.privacy.apply_privacy_interface(shop, **{**WANTED, **change})


def test_without_a_category_no_interface_is_given(platform: Platform, shop: str) -> None:
    platform.control.change_account(shop, missing_privacy=["getLocation"], categories=[])
    assert _interface(platform, shop)["status"] == 2
    with refused(61036):
        platform.wx.privacy.apply_privacy_interface(shop, **WANTED)


def judge(platform: Platform, number: str | int, verdict: str, reason: str = "") -> None:
    desk = f"{platform.control.base_url}/desk/applications"
    assert "wx.getLocation" in httpx2.get(desk, trust_env=False).text
    httpx2.post(f"{desk}/{number}", data={"verdict": verdict, "reason": reason}, trust_env=False)


def _interface(platform: Platform, appid: str) -> dict[str, Any]:
    found = platform.wx.privacy.get_privacy_interface(appid)["interface_list"]
    return {**next(one for one in found if one["api_name"] == "wx.getLocation")}
