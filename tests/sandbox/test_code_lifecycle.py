from __future__ import annotations

import json
from typing import Any

import pytest

from saas.wx.chapter import Download, Upload
from tests.sandbox.platform import Platform, refused

PNG = b"\x89PNG\r\n\x1a\n" + b"x" * 100


def upload(platform: Platform, shop: str, version: str = "1.0.0", ext: Any = None, **draft: Any) -> None:
    text = ext if isinstance(ext, str) else json.dumps(ext if ext is not None else {"extAppid": shop})
    template = platform.template(user_version=version, **draft)
    platform.wx.code.commit(shop, template_id=template, ext_json=text, user_version=version, user_desc="说明")


def submit(platform: Platform, shop: str, **more: Any) -> str:
    category = platform.wx.categories.get_category(shop)["category_list"][0]
    return platform.wx.code.submit_audit(shop, **{"item_list": [category], **more})["auditid"]


def put_online(platform: Platform, shop: str, version: str) -> None:
    upload(platform, shop, version)
    platform.control.approve(submit(platform, shop))
    platform.wx.release.release(shop)


def test_from_draft_to_online(platform: Platform, shop: str) -> None:
    put_online(platform, shop, "1.0.0")
    info = platform.wx.release.getversioninfo(shop)
    assert info["release_info"]["release_version"] == "1.0.0"
    assert info["exp_info"]["exp_version"] == "1.0.0"
    assert platform.events("weapp_audit_success")[-1]["ToUserName"].startswith("gh_")
    assert platform.received[-1][0] == f"/{shop}/messages"
    with refused(85052):
        platform.wx.release.release(shop)


def test_what_went_online_is_told_with_what_the_reviewers_said(platform: Platform, shop: str) -> None:
    for version in ("1.0.0", "1.1.0"):
        put_online(platform, shop, version)
    told = platform.control.releases(platform.appid)
    assert [(one["appid"], one["user_version"], one["status"], one["is_online"]) for one in told] == [
        (shop, "1.0.0", 0, 0), (shop, "1.1.0", 0, 1),
    ]  # fmt: skip


def test_the_draft_box_keeps_the_newest_upload_of_each_development_program(platform: Platform) -> None:
    for version in ("1.0.0", "1.1.0"):
        platform.control.add_draft(platform.appid, user_version=version)
    platform.control.add_draft(platform.appid, user_version="9.0.0", source_name="另一个开发版")
    drafts = platform.wx.templates.gettemplatedraftlist()["draft_list"]
    assert [draft["user_version"] for draft in drafts] == ["1.1.0", "9.0.0"]


def test_templates_are_deleted_for_good(platform: Platform, shop: str) -> None:
    with refused(85064):
        platform.wx.templates.addtotemplate(draft_id=999)
    template = platform.template()
    platform.wx.templates.deletetemplate(template_id=template)
    with refused(85064):
        platform.wx.templates.deletetemplate(template_id=template)
    with refused(85014):
        platform.wx.code.commit(shop, template_id=template, ext_json="{}", user_version="1", user_desc="")
    assert platform.template() != template


def test_the_library_holds_two_hundred(platform: Platform) -> None:
    draft = platform.control.add_draft(platform.appid, user_version="1")
    for _ in range(200):
        platform.wx.templates.addtotemplate(draft_id=draft)
    with refused(85065):
        platform.wx.templates.addtotemplate(draft_id=draft)


@pytest.mark.parametrize(
    ("ext", "code"),
    [
        ("{broken", 85048),
        ("[]", 85048),
        ({"extAppid": "wx0000000000000000"}, 85013),
        ({"pages": []}, 85047),
        ({"pages": ["pages/none/none"]}, 85045),
        ({"extPages": {"pages/none/none": {}}}, 85045),
        ({"tabBar": {"list": [{"text": "首页"}]}}, 85046),
        ({"requiredPrivateInfos": ["getEverything"]}, 85310),
        ({"requiredPrivateInfos": ["getFuzzyLocation", "getLocation"]}, 85311),
    ],
)
def test_a_wrong_ext_json_is_refused(platform: Platform, shop: str, ext: Any, code: int) -> None:
    with refused(code):
        upload(platform, shop, ext=ext)
    with refused(86001):
        platform.wx.code.get_page(shop)


def test_ext_json_keys_that_wechat_ignores_are_noted(platform: Platform, shop: str) -> None:
    upload(platform, shop, ext={"shopName": "梅记", "pages": ["pages/menu/menu"]})
    assert platform.wx.code.get_page(shop)["page_list"] == ["pages/menu/menu"]
    assert [one["example"] for one in platform.control.mistakes() if one["operation"] == "commit"] == ["shopName"]


def test_the_privacy_scan_takes_its_time_and_starts_anew_with_each_upload(platform: Platform, shop: str) -> None:
    platform.control.set_scan_seconds(60)
    upload(platform, shop)
    with refused(61039):
        platform.wx.code.get_code_privacy_info(shop)
    with refused(61039):
        submit(platform, shop)
    platform.control.move_clock(61)
    assert platform.wx.code.get_code_privacy_info(shop)["without_auth_list"] == []
    upload(platform, shop)
    with refused(61039):
        platform.wx.code.get_code_privacy_info(shop)


def test_privacy_interfaces_need_permission_and_declaration(platform: Platform, shop: str) -> None:
    platform.control.change_account(shop, missing_privacy=["getLocation"])
    upload(platform, shop, privacy=["getLocation", "chooseAddress"])
    with refused(61040):
        platform.wx.code.get_code_privacy_info(shop)
    with refused(61040):
        submit(platform, shop)
    with refused(85312):
        upload(platform, shop, ext={"requiredPrivateInfos": ["getLocation"]})
    platform.control.change_account(shop, missing_privacy=[])
    declared = {"requiredPrivateInfos": ["getLocation", "chooseAddress"]}
    upload(platform, shop, ext=declared, privacy=["getLocation", "chooseAddress"])
    assert submit(platform, shop)


def test_one_upload_at_a_time(platform: Platform, shop: str) -> None:
    platform.control.set_commit_seconds(30)
    upload(platform, shop)
    with refused(9402202):
        upload(platform, shop)
    platform.control.move_clock(31)
    upload(platform, shop)


def test_nothing_can_be_asked_before_an_upload(platform: Platform, shop: str) -> None:
    with refused(86001):
        platform.wx.code.get_qrcode(shop)
    with refused(85086):
        submit(platform, shop)
    with refused(85058):
        platform.wx.code.get_latest_auditstatus(shop)
    with refused(85019):
        platform.wx.release.release(shop)
    with refused(87012):
        platform.wx.code.undocodeaudit(shop)
    with refused(85012):
        platform.wx.code.get_auditstatus(shop, auditid="1")
    assert platform.wx.release.getversioninfo(shop).keys() == {"errcode", "errmsg"}


def test_the_trial_code_is_a_picture(platform: Platform, shop: str) -> None:
    upload(platform, shop)
    code = platform.wx.code.get_qrcode(shop, path="pages/menu/menu?table=3")
    assert code.content.startswith(b"\x89PNG")
    assert code.content_type == "image/png"


def test_one_audit_at_a_time(platform: Platform, shop: str) -> None:
    upload(platform, shop)
    audit = submit(platform, shop)
    with refused(85009):
        submit(platform, shop)
    platform.control.delay(audit)
    assert platform.wx.code.get_auditstatus(shop, auditid=audit)["status"] == 4
    with refused(85009):
        submit(platform, shop)
    with refused(85020):
        platform.wx.release.release(shop)
    assert platform.events("weapp_audit_delay")[-1]["Reason"]


def test_a_rejection_brings_reason_and_screenshots(platform: Platform, shop: str) -> None:
    upload(platform, shop)
    audit = submit(platform, shop)
    platform.control.reject(audit, reason="1: 类目不符:<br>请改", screenshots=2)
    event = platform.events("weapp_audit_fail")[-1]
    latest = platform.wx.code.get_latest_auditstatus(shop)
    assert event["Reason"] == latest["reason"] == "1: 类目不符:<br>请改"
    assert event["ScreenShot"] == latest["screenshot"]
    shots = latest["screenshot"].split("|")
    assert len(shots) == 2
    for media_id in shots:
        picture = platform.wx.media.get_material(shop, media_id=media_id)
        assert isinstance(picture, Download)
        assert picture.content.startswith(b"\x89PNG")
    other = platform.connect("明明书店")
    with refused(40007):
        platform.wx.media.get_material(other, media_id=shots[0])
    assert submit(platform, shop) != audit


def test_a_lost_event_is_found_by_asking(platform: Platform, shop: str) -> None:
    upload(platform, shop)
    audit = submit(platform, shop)
    platform.control.approve(audit, push=False)
    assert platform.events("weapp_audit_success") == []
    assert platform.wx.code.get_auditstatus(shop, auditid=audit)["status"] == 0


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"item_list": []}, 85023),
        ({"item_list": [{"first_class": "教育", "second_class": "培训", "first_id": 1, "second_id": 2}]}, 85008),
        ({"item_list": [{"first_class": "", "second_class": "", "first_id": 1, "second_id": 2}]}, 85010),
        ({"preview_info": {"pic_id_list": ["nothing"]}}, 85092),
        ({"preview_info": {"video_id_list": ["a", "b"]}}, 85093),
        ({"feedback_stuff": "nothing"}, 40007),
    ],
)
def test_a_wrong_submission_is_refused_and_costs_nothing(
    platform: Platform, shop: str, more: dict[str, Any], code: int
) -> None:
    upload(platform, shop)
    with refused(code):
        submit(platform, shop, **more)
    assert platform.wx.code.queryquota(shop)["rest"] == 500


def test_items_must_name_pages_of_the_code(platform: Platform, shop: str) -> None:
    upload(platform, shop)
    category = platform.wx.categories.get_category(shop)["category_list"][0]
    with refused(85007):
        submit(platform, shop, item_list=[{**category, "address": "pages/none/none"}])
    with refused(85006):
        submit(platform, shop, item_list=[{**category, "tag": "长" * 21}])
    assert submit(platform, shop, item_list=[{**category, "address": "pages/menu/menu", "tag": "奶茶 点单"}])


def test_preview_pictures_are_uploaded_first(platform: Platform, shop: str) -> None:
    upload(platform, shop)
    picture = platform.wx.media.uploadmedia(shop, media=Upload("首页.png", PNG, "image/png"))["mediaid"]
    assert submit(platform, shop, preview_info={"pic_id_list": [picture]})


def test_the_audit_quota_is_shared_and_monthly(platform: Platform, shop: str) -> None:
    platform.control.change_component(platform.appid, audit_limit=1)
    other = platform.connect("明明书店")
    upload(platform, shop)
    upload(platform, other)
    submit(platform, shop)
    assert platform.wx.code.queryquota(other)["rest"] == 0
    with refused(85085):
        submit(platform, other)
    platform.control.move_clock(32 * 86400)
    platform.control.push_ticket(platform.appid)
    assert submit(platform, other)


def test_an_audit_is_undone_five_times_a_day_and_ten_a_month(platform: Platform, shop: str) -> None:
    upload(platform, shop)
    for day in range(2):
        for _ in range(5):
            submit(platform, shop)
            platform.wx.code.undocodeaudit(shop)
        submit(platform, shop)
        with refused(87013):
            platform.wx.code.undocodeaudit(shop)
        platform.control.approve(platform.control.audits(appid=shop)[0]["id"])
        if day == 0:
            # A day later; when that is another month the monthly count starts anew, and this proves the daily one.
            platform.control.move_clock(86400)
            platform.control.push_ticket(platform.appid)


def test_an_undone_audit_is_withdrawn_without_an_event(platform: Platform, shop: str) -> None:
    upload(platform, shop)
    audit = submit(platform, shop)
    pushed = len(platform.received)
    platform.wx.code.undocodeaudit(shop)
    assert platform.wx.code.get_auditstatus(shop, auditid=audit)["status"] == 3
    platform.control.wait_for_pushes()
    assert len(platform.received) == pushed
    with refused(87012):
        platform.wx.code.undocodeaudit(shop)


def test_speeding_up_works_once_while_open(platform: Platform, shop: str) -> None:
    platform.control.change_component(platform.appid, speedup_limit=1)
    upload(platform, shop)
    audit = submit(platform, shop)
    platform.wx.code.speedupaudit(shop, auditid=audit)
    with refused(89404):
        platform.wx.code.speedupaudit(shop, auditid=audit)
    platform.control.approve(audit)
    with refused(89402):
        platform.wx.code.speedupaudit(shop, auditid=audit)
    other = platform.connect("明明书店")
    upload(platform, other)
    with refused(89405):
        platform.wx.code.speedupaudit(other, auditid=submit(platform, other))


def test_rolling_back_goes_to_a_chosen_version_once(platform: Platform, shop: str) -> None:
    with refused(87012):
        platform.wx.release.revertcoderelease(shop)
    for version in ("1.0.0", "1.1.0", "1.2.0"):
        put_online(platform, shop, version)
    history = platform.wx.release.get_history_version(shop)["version_list"]
    assert [one["user_version"] for one in history] == ["1.1.0", "1.0.0"]
    with refused(40097):
        platform.wx.release.revertcoderelease(shop, app_version="77")
    platform.wx.release.revertcoderelease(shop, app_version=history[1]["app_version"])
    assert platform.wx.release.getversioninfo(shop)["release_info"]["release_version"] == "1.0.0"
    assert platform.wx.release.get_history_version(shop)["version_list"] == []
    with refused(87012):
        platform.wx.release.revertcoderelease(shop)
    put_online(platform, shop, "1.3.0")
    assert platform.wx.release.getversioninfo(shop)["release_info"]["release_version"] == "1.3.0"
    assert platform.wx.release.get_history_version(shop)["version_list"]


def test_a_phased_release_only_widens(platform: Platform, shop: str) -> None:
    upload(platform, shop)
    platform.control.approve(submit(platform, shop))
    with refused(85079):
        platform.wx.release.grayrelease(shop, gray_percentage=10)
    platform.wx.release.release(shop)
    upload(platform, shop, "2.0.0")
    audit = submit(platform, shop)
    with refused(85080):
        platform.wx.release.grayrelease(shop, gray_percentage=10)
    platform.control.approve(audit)
    for percentage in (0, 101):
        with refused(85081):
            platform.wx.release.grayrelease(shop, gray_percentage=percentage)
    platform.wx.release.grayrelease(shop, gray_percentage=0, support_debuger_first=True)
    platform.wx.release.grayrelease(shop, gray_percentage=10)
    with refused(85082):
        platform.wx.release.grayrelease(shop, gray_percentage=10)
    plan = platform.wx.release.getgrayreleaseplan(shop)["gray_release_plan"]
    assert (plan["status"], plan["gray_percentage"]) == (1, 10)
    with refused(87011):
        platform.wx.release.revertcoderelease(shop)
    platform.wx.release.revertgrayrelease(shop)
    assert platform.wx.release.getgrayreleaseplan(shop)["gray_release_plan"]["status"] == 4
    platform.wx.release.grayrelease(shop, gray_percentage=5)
    platform.wx.release.release(shop)
    assert platform.wx.release.getgrayreleaseplan(shop)["gray_release_plan"]["status"] == 3


def test_service_is_suspended_and_resumed(platform: Platform, shop: str) -> None:
    with refused(85021):
        platform.wx.release.change_visitstatus(shop, action="close")
    put_online(platform, shop, "1.0.0")
    platform.wx.release.change_visitstatus(shop, action="close")
    assert platform.wx.release.getvisitstatus(shop)["status"] == 0
    platform.wx.release.change_visitstatus(shop, action="open")
    assert platform.wx.release.getvisitstatus(shop)["status"] == 1


def test_the_minimum_base_library_is_kept(platform: Platform, shop: str) -> None:
    with refused(89014):
        platform.wx.release.setweappsupportversion(shop, version="newest")
    platform.wx.release.setweappsupportversion(shop, version="3.5.8")
    assert platform.wx.release.getweappsupportversion(shop)["now_version"] == "3.5.8"
