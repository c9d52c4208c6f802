"""A filing from the face check to the number, and back."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.sandbox.filing_data import FRONT, application, face_check, faults_of, put, upload
from tests.sandbox.platform import Platform, refused

DAY = 86400
OTHER = {
    "name": "陈立", "mobile": "13700137000", "certificate_number": "440104197502017712",
}  # fmt: skip


def pass_time(platform: Platform, seconds: float) -> None:
    platform.control.move_clock(seconds)
    platform.control.push_ticket(platform.appid)


def apply(platform: Platform, appid: str, **more: Any) -> dict[str, Any]:
    data = application(platform, appid, face_check(platform, appid), **more)
    platform.wx.filing.apply_icp_filing(appid, application=data)
    return data


def state(platform: Platform, appid: str) -> tuple[int, int | None]:
    info = platform.wx.filing.get_icp_entrance_info(appid)["info"]
    return info["status"], info.get("sms_verify_status")


def file(platform: Platform, appid: str, **more: Any) -> None:
    apply(platform, appid, **more)
    platform.control.decide_filing(appid)
    platform.control.confirm_sms(appid)
    platform.control.decide_filing(appid)


def statuses(platform: Platform) -> list[int]:
    return [int(event["beian_status"]) for event in platform.events("notify_apply_icpfiling_result")]


# the way to a number


def test_a_shop_gets_its_number(platform: Platform, shop: str) -> None:
    assert platform.wx.filing.get_icp_entrance_info(shop)["info"] == {
        "status": 1024, "is_canceling": False, "available": 1,
    }  # fmt: skip
    apply(platform, shop)
    assert state(platform, shop) == (2, None)
    with refused(86328):
        platform.wx.filing.get_online_icp_order(shop)
    platform.control.decide_filing(shop)
    assert state(platform, shop) == (4, 1)
    assert platform.control.confirm_sms(shop) == ["核验完成"]
    assert state(platform, shop) == (4, 2)
    assert statuses(platform) == []
    platform.control.decide_filing(shop)
    assert state(platform, shop) == (6, None)
    assert statuses(platform) == [6]
    order = platform.wx.filing.get_online_icp_order(shop)
    number = order["icp_subject"]["base_info"]["record_number"]
    assert number.startswith("粤ICP备")
    assert order["icp_applets"]["base_info"]["record_number"] == f"{number}-1X"
    assert order["icp_applets"]["base_info"]["name"] == "梅记茶铺"
    assert order["icp_subject"]["principal_info"]["mobile"] == "13*******00"
    assert "certificate_photo_front" not in order["icp_subject"]["principal_info"]


def test_programs_of_one_subject_share_its_number(platform: Platform, shop: str) -> None:
    file(platform, shop)
    other = platform.connect("梅记点心")
    file(platform, other)
    first, second = (platform.wx.filing.get_online_icp_order(appid)["icp_applets"] for appid in (shop, other))
    assert first["base_info"]["record_number"].removesuffix("-1X") == second["base_info"]["record_number"].removesuffix(
        "-2X"
    )


def test_what_the_platform_returns_is_applied_for_again(platform: Platform, shop: str) -> None:
    data = apply(platform, shop)
    reason = {"key_name": "小程序备注", "error": "太简单", "suggest": "写详细"}
    platform.control.decide_filing(shop, "return", reasons=[reason])
    info = platform.wx.filing.get_icp_entrance_info(shop)["info"]
    assert (info["status"], info["audit_data"]) == (3, [reason])
    platform.wx.filing.apply_icp_filing(shop, application=data)
    info = platform.wx.filing.get_icp_entrance_info(shop)["info"]
    assert (info["status"], "audit_data" in info) == (2, False)
    assert statuses(platform) == [3]


def test_what_the_authority_returns_is_applied_for_again(platform: Platform, shop: str) -> None:
    data = apply(platform, shop)
    platform.control.decide_filing(shop)
    platform.control.confirm_sms(shop)
    platform.control.decide_filing(shop, "return")
    info = platform.wx.filing.get_icp_entrance_info(shop)["info"]
    assert (info["status"], info["audit_data"][0]["key_name"]) == (5, "小程序备注")
    platform.wx.filing.apply_icp_filing(shop, application=data)
    assert state(platform, shop) == (2, None)
    assert statuses(platform) == [5]


def test_the_desk_decides_only_in_turn(platform: Platform, shop: str) -> None:
    with pytest.raises(Exception, match="不能这样处理"):
        platform.control.decide_filing(shop)
    apply(platform, shop)
    with pytest.raises(Exception, match="不能这样处理"):
        platform.control.decide_filing(shop, "resend")
    platform.control.decide_filing(shop)
    with pytest.raises(Exception, match="不能这样处理"):
        platform.control.decide_filing(shop)


# face checks


def test_a_face_check_is_passed(platform: Platform, shop: str) -> None:
    created = platform.wx.filing.create_icp_verifytask(shop)
    assert "verify_url" not in created
    assert platform.wx.filing.query_icp_verifytask(shop, task_id=created["task_id"])["face_status"] == 1
    platform.control.pass_face_check(shop)
    answer = platform.wx.filing.query_icp_verifytask(shop, task_id=created["task_id"])
    assert (answer["is_finish"], answer["face_status"]) == (True, 3)
    [event] = platform.events("notify_icpfiling_verify_result")
    assert (event["task_id"], event["verify_appid"], event["result"]) == (created["task_id"], shop, "3")


def test_a_failed_face_may_try_again(platform: Platform, shop: str) -> None:
    task_id = platform.wx.filing.create_icp_verifytask(shop)["task_id"]
    platform.control.fail_face_check(shop)
    answer = platform.wx.filing.query_icp_verifytask(shop, task_id=task_id)
    assert (answer["is_finish"], answer["face_status"]) == (False, 2)
    platform.control.pass_face_check(shop)
    assert platform.wx.filing.query_icp_verifytask(shop, task_id=task_id)["face_status"] == 3


def test_who_refuses_ends_the_face_check(platform: Platform, shop: str) -> None:
    task_id = platform.wx.filing.create_icp_verifytask(shop)["task_id"]
    platform.control.fail_face_check(shop, finally_=True)
    answer = platform.wx.filing.query_icp_verifytask(shop, task_id=task_id)
    assert (answer["is_finish"], answer["face_status"]) == (True, 2)
    assert platform.events("notify_icpfiling_verify_result")[0]["result"] == "2"
    with pytest.raises(Exception, match="不能做"):
        platform.control.pass_face_check(shop)


def test_a_day_ends_the_notice(platform: Platform, shop: str) -> None:
    task_id = platform.wx.filing.create_icp_verifytask(shop)["task_id"]
    pass_time(platform, DAY + 10)
    answer = platform.wx.filing.query_icp_verifytask(shop, task_id=task_id)
    assert (answer["is_finish"], answer["face_status"]) == (True, 2)
    assert platform.events("notify_icpfiling_verify_result")[0]["result"] == "2"


def test_three_days_end_a_passed_face_check(platform: Platform, shop: str) -> None:
    task_id = face_check(platform, shop)
    data = application(platform, shop, task_id)
    pass_time(platform, 3 * DAY + 10)
    with refused(1):
        platform.wx.filing.query_icp_verifytask(shop, task_id=task_id)
    assert faults_of(platform, shop, data) == [(1, "icp_applets.principal_info.verify_task_id")]


def test_only_the_own_face_check_is_found(platform: Platform, shop: str) -> None:
    task_id = face_check(platform, platform.connect("明明书店"))
    with refused(86328):
        platform.wx.filing.query_icp_verifytask(shop, task_id=task_id)


def test_ten_face_checks_a_day(platform: Platform, shop: str) -> None:
    for _ in range(10):
        platform.wx.filing.create_icp_verifytask(shop)
    with refused(45009):
        platform.wx.filing.create_icp_verifytask(shop)


def test_the_administrator_checks_the_face_on_the_phone(platform: Platform, shop: str) -> None:
    platform.wx.filing.create_icp_verifytask(shop)
    mei = platform.control.accounts(nick_name="梅记茶铺")[0]["person"]
    with httpx2.Client(base_url=platform.control.base_url, trust_env=False) as phone:
        phone.post("/phone/hold", data={"person": str(mei + 1), "next": "/phone"})
        assert "face_check" not in phone.get("/phone").text
        phone.post("/phone/hold", data={"person": str(mei), "next": "/phone"})
        link = phone.get("/phone").text.split('href="/phone/face_check?task_id=')[1].split('"')[0]
        assert 'value="face"' in phone.get("/phone/face_check", params={"task_id": link}).text
        phone.post("/phone/face_check", data={"task_id": link, "step": "face"})
        assert "核身已完成" in phone.get("/phone/face_check", params={"task_id": link}).text
        assert "不能做" in phone.post("/phone/face_check", data={"task_id": link, "step": "face"}).text
        phone.post("/phone/hold", data={"person": str(mei + 1), "next": "/phone"})
        assert "不是该小程序的管理员" in phone.get("/phone/face_check", params={"task_id": link}).text
    assert len(platform.events("notify_icpfiling_verify_result")) == 1


# text messages


def test_both_persons_in_charge_answer(platform: Platform, shop: str) -> None:
    data = application(platform, shop, face_check(platform, shop))
    person = data["icp_applets"]["principal_info"]
    person |= OTHER | {
        "certificate_photo_front": upload(platform, shop, FRONT, 2),
        "certificate_photo_back": upload(platform, shop, FRONT, 2),
        "authorization_letter": upload(platform, shop, "icp_applets.principal_info.authorization_letter"),
    }
    platform.wx.filing.apply_icp_filing(shop, application=data)
    platform.control.decide_filing(shop)
    first, second = platform.control.filings(appid=shop)[0]["messages"]
    assert (first["mobile"], second["mobile"]) == ("13800138000", "13700137000")
    mei = platform.control.accounts(nick_name="梅记茶铺")[0]["person"]
    with httpx2.Client(base_url=platform.control.base_url, trust_env=False, follow_redirects=True) as phone:
        phone.post("/phone/hold", data={"person": str(mei), "next": "/phone"})
        page = phone.get("/phone/sms").text
        assert first["code"] in page
        assert second["code"] in page
        assert "核验完成" in phone.post(f"/phone/sms/{first['id']}", data={"code": first["code"]}).text
        assert state(platform, shop) == (4, 1)
        assert "已经失效" in phone.post(f"/phone/sms/{first['id']}", data={"code": first["code"]}).text
        phone.post(f"/phone/sms/{second['id']}", data={"code": second["code"]})
    assert state(platform, shop) == (4, 2)


def test_the_sixth_wrong_code_sends_it_back(platform: Platform, shop: str) -> None:
    apply(platform, shop)
    platform.control.decide_filing(shop)
    for _ in range(5):
        assert platform.control.confirm_sms(shop, code="wrong") == ["验证码不对"]
    assert state(platform, shop) == (4, 1)
    platform.control.confirm_sms(shop, code="wrong")
    assert platform.wx.filing.get_icp_entrance_info(shop)["info"]["audit_data"][0]["key_name"] == "短信核验"
    assert statuses(platform) == [3]


@pytest.mark.parametrize(("verdict", "after"), [("resend", (4, 1)), ("return", (3, None))])
def test_a_day_ends_the_messages(platform: Platform, shop: str, verdict: str, after: tuple[int, int | None]) -> None:
    apply(platform, shop)
    platform.control.decide_filing(shop)
    pass_time(platform, DAY + 10)
    assert state(platform, shop) == (4, 3)
    assert platform.control.confirm_sms(shop) == []
    platform.control.decide_filing(shop, verdict)
    assert state(platform, shop) == after


# withdrawing and cancelling


def test_only_under_platform_review_is_withdrawn(platform: Platform, shop: str) -> None:
    filing = platform.wx.filing
    with refused(86368):
        filing.cancel_apply_icp_filing(shop)
    apply(platform, shop)
    filing.cancel_apply_icp_filing(shop)
    assert state(platform, shop) == (1024, None)
    with refused(86368):
        filing.cancel_apply_icp_filing(shop)
    apply(platform, shop)
    platform.control.decide_filing(shop)
    with refused(86330):
        filing.cancel_apply_icp_filing(shop)
    platform.control.confirm_sms(shop)
    platform.control.decide_filing(shop)
    with refused(86330):
        filing.cancel_apply_icp_filing(shop)


def test_a_cancelled_program_is_filed_anew(platform: Platform, shop: str) -> None:
    with refused(86353):
        platform.wx.filing.cancel_icp_filing(shop, cancel_type=2)
    file(platform, shop)
    platform.wx.filing.cancel_icp_filing(shop, cancel_type=2, reason_type=2)
    info = platform.wx.filing.get_icp_entrance_info(shop)["info"]
    assert (info["status"], info["is_canceling"]) == (6, True)
    with refused(86324):
        platform.wx.filing.cancel_icp_filing(shop, cancel_type=2)
    with refused(86330):
        platform.wx.filing.cancel_apply_icp_filing(shop)
    platform.control.confirm_sms(shop)
    info = platform.wx.filing.get_icp_entrance_info(shop)["info"]
    assert (info["status"], info["is_canceling"]) == (1024, False)
    file(platform, shop)
    assert platform.wx.filing.get_online_icp_order(shop)["icp_applets"]["base_info"]["record_number"].endswith("-2X")


def test_a_cancelled_subject_takes_its_programs_along(platform: Platform, shop: str) -> None:
    file(platform, shop)
    other = platform.connect("梅记点心")
    file(platform, other)
    platform.wx.filing.cancel_icp_filing(shop, cancel_type=1, reason_type=1)
    platform.control.confirm_sms(shop)
    assert state(platform, shop) == state(platform, other) == (1024, None)


@pytest.mark.parametrize("how", ["nobody answers", "six wrong codes"])
def test_a_cancellation_that_nobody_confirms_ends(platform: Platform, shop: str, how: str) -> None:
    file(platform, shop)
    platform.wx.filing.cancel_icp_filing(shop, cancel_type=3)
    if how == "nobody answers":
        pass_time(platform, DAY + 10)
    else:
        for _ in range(6):
            platform.control.confirm_sms(shop, code="wrong")
    info = platform.wx.filing.get_icp_entrance_info(shop)["info"]
    assert (info["status"], info["is_canceling"]) == (6, False)


# what is refused


def test_one_application_at_a_time(platform: Platform, shop: str) -> None:
    data = apply(platform, shop)
    for _ in ("platform", "sms", "authority"):
        with refused(86324):
            platform.wx.filing.apply_icp_filing(shop, application=data)
        with refused(86324):
            platform.wx.filing.cancel_icp_filing(shop, cancel_type=2)
        if not platform.control.confirm_sms(shop):
            platform.control.decide_filing(shop)
    with refused(86358):
        platform.wx.filing.apply_icp_filing(shop, application=data)


def test_ten_applications_a_day_refused_ones_too(platform: Platform, shop: str) -> None:
    data = put(application(platform, shop, face_check(platform, shop)), "icp_subject.base_info.name", "别家")
    for _ in range(10):
        with refused(86202):
            platform.wx.filing.apply_icp_filing(shop, application=data)
    with refused(45009):
        platform.wx.filing.apply_icp_filing(shop, application=data)


def test_a_closed_entrance_takes_nothing(platform: Platform, shop: str) -> None:
    platform.control.open_filing_entrance(opened=False)
    assert platform.wx.filing.get_icp_entrance_info(shop)["info"]["available"] == 0
    data = application(platform, shop, face_check(platform, shop))
    with refused(86301):
        platform.wx.filing.apply_icp_filing(shop, application=data)
    platform.control.open_filing_entrance()
    platform.wx.filing.apply_icp_filing(shop, application=data)


# the desk


def test_the_desk_shows_and_decides(platform: Platform, shop: str) -> None:
    apply(platform, shop)
    with httpx2.Client(base_url=platform.control.base_url, trust_env=False, follow_redirects=True) as browser:
        assert "为到店顾客提供扫码点餐" in browser.get("/desk/filings").text
        assert "1 个在办" in browser.get("/").text
        assert "等待短信核验" in browser.post(f"/desk/filings/{shop}", data={"verdict": "pass"}).text
        assert "不能这样处理" in browser.post(f"/desk/filings/{shop}", data={"verdict": "pass"}).text
        platform.control.confirm_sms(shop)
        reason = {
            "verdict": "return",
            "key_name": ["主体名称", ""],
            "error": ["与证件不符", ""],
            "suggest": ["照证件填写", ""],
        }
        assert "管局已驳回" in browser.post(f"/desk/filings/{shop}", data=reason).text
    assert platform.wx.filing.get_icp_entrance_info(shop)["info"]["audit_data"] == [
        {"key_name": "主体名称", "error": "与证件不符", "suggest": "照证件填写"}
    ]


# the code tables


def test_certificates_belong_to_known_subjects(platform: Platform, shop: str) -> None:
    subjects = {item["type"]: item["name"] for item in platform.wx.filing.query_icp_subject_types(shop)["items"]}
    assert subjects[4] == "企业"
    certificates = platform.wx.filing.query_icp_certificate_types(shop)["items"]
    assert {item["subject_type"] for item in certificates} <= set(subjects)
    assert {item["type"] for item in platform.wx.filing.query_icp_nrlx_types(shop)["items"]} >= {3, 24}


def test_services_have_two_levels(platform: Platform, shop: str) -> None:
    services = platform.wx.filing.query_icp_service_content_types(shop)["items"]
    parents = {item["type"] for item in services if item["parent_type"] == 0}
    assert {item["parent_type"] for item in services} == parents | {0}


def test_districts_have_three_levels(platform: Platform, shop: str) -> None:
    for province in platform.wx.filing.query_icp_district_code(shop)["items"]:
        [city] = province["sub_list"]
        assert [province["type"], city["type"], city["sub_list"][0]["type"]] == [1, 2, 3]
