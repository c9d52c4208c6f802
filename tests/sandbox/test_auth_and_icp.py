"""Certification and filing in one go, from the agreement to the number."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from saas.wx.chapter import Upload
from saas.wx.errors import WeChatError
from tests.sandbox.filing_data import LICENCE, PNG, application, face_check, put, upload
from tests.sandbox.platform import Platform, refused

DAY = 86400


@pytest.fixture
def fresh(platform: Platform) -> str:
    """A mini program that is neither certified nor filed."""
    appid = platform.control.add_account(
        "梅姐", nick_name="梅记分店", principal_name="广州市越秀区梅记茶铺", register_type=6, verified=0
    )
    return platform.exchange(platform.control.grant(platform.appid, appid))


def auth_data(platform: Platform, appid: str, **more: Any) -> dict[str, Any]:
    return {
        "customer_type": 1,
        "contact_info": {"name": "陈梅", "email": "mei@example.com"},
        "qualification": upload(platform, appid, LICENCE, 1),
        "account_name": "梅记分店",
        "account_name_type": 1,
        "pay_type": 2,
        "third_party_phone": "020-88001234",
        **more,
    }


def plain_auth_data(platform: Platform, appid: str) -> dict[str, Any]:
    """For a certification alone, whose pictures lie elsewhere."""
    picture = Upload("a.png", PNG, "image/png")
    mediaid = platform.wx.certification.uploadauthmaterial(appid, media=picture)["mediaid"]
    return auth_data(platform, appid, qualification=mediaid)


def given(platform: Platform, appid: str, **more: Any) -> dict[str, Any]:
    """What to submit, after the administrator has agreed, shown the face and confirmed."""
    form = application(platform, appid, face_check(platform, appid, along_with_auth=True))
    return {"auth_data": auth_data(platform, appid, **more), "application": form}


def submit(platform: Platform, appid: str, **more: Any) -> str:
    answer = platform.wx.certification.submit_auth_and_icp(appid, **given(platform, appid, **more))
    return answer["procedure_id"]


def paid(platform: Platform, appid: str) -> str:
    """A procedure that the provider's package has paid for."""
    return submit(platform, appid, pay_type=1, service_appid="wx5a1b2c3d4e5f6071")


def certified(platform: Platform, appid: str) -> str:
    procedure = paid(platform, appid)
    platform.control.decide_certification(appid)
    return procedure


def query(platform: Platform, appid: str, procedure: str) -> dict[str, Any]:
    return dict(platform.wx.certification.query_auth_and_icp(appid, procedure_id=procedure))


def pushed(platform: Platform) -> list[int]:
    return [int(event["procedure_status"]) for event in platform.events("notify_3rd_wxa_auth_and_icp")]


def pass_time(platform: Platform, seconds: float) -> None:
    platform.control.move_clock(seconds)
    platform.control.push_ticket(platform.appid)


# the way to certification and number


def test_the_owner_pays_and_is_certified_and_filed(platform: Platform, fresh: str) -> None:
    assert platform.wx.filing.get_icp_entrance_info(fresh)["info"]["status"] == 1028
    answer = platform.wx.certification.submit_auth_and_icp(fresh, **given(platform, fresh))
    procedure = answer["procedure_id"]
    assert "/phone/certification" in answer["pay_url"]
    state = query(platform, fresh, procedure)
    assert (state["procedure_status"], bool(state["orderid"])) == (15, True)
    platform.control.take_certification_step(fresh, "pay")
    assert query(platform, fresh, procedure)["procedure_status"] == 17
    assert not platform.wx.account.getaccountbasicinfo(fresh)["wx_verify_info"]["qualification_verify"]
    platform.control.decide_certification(fresh)
    assert platform.wx.account.getaccountbasicinfo(fresh)["wx_verify_info"]["qualification_verify"]
    assert query(platform, fresh, procedure)["procedure_status"] == 22
    assert platform.wx.filing.get_icp_entrance_info(fresh)["info"]["status"] == 2
    platform.control.decide_filing(fresh)
    state = query(platform, fresh, procedure)
    assert (state["procedure_status"], state["icp_audit"]) == (24, {"sms_verify_status": 1})
    platform.control.confirm_sms(fresh)
    assert query(platform, fresh, procedure)["icp_audit"] == {"sms_verify_status": 2}
    platform.control.decide_filing(fresh)
    assert query(platform, fresh, procedure)["procedure_status"] == 26
    assert pushed(platform) == [16, 17, 19, 22, 26]
    assert platform.wx.filing.get_online_icp_order(fresh)["icp_applets"]["base_info"]["record_number"]
    assert platform.events("notify_3rd_wxa_auth") == []
    assert {event["procedure_id"] for event in platform.events("notify_3rd_wxa_auth_and_icp")} == {procedure}


def test_the_package_pays_at_once(platform: Platform, fresh: str) -> None:
    data = given(platform, fresh, pay_type=1, service_appid="wx5a1b2c3d4e5f6071")
    answer = platform.wx.certification.submit_auth_and_icp(fresh, **data)
    assert "pay_url" not in answer
    assert query(platform, fresh, answer["procedure_id"])["procedure_status"] == 17
    assert pushed(platform) == [16, 17]


def test_the_desk_of_certifications_goes_on_with_the_filing(platform: Platform, fresh: str) -> None:
    procedure = paid(platform, fresh)
    with httpx2.Client(base_url=platform.control.base_url, trust_env=False) as browser:
        taskid = browser.get("/desk/certifications").text.split('action="/desk/certifications/')[1].split('"')[0]
        browser.post(f"/desk/certifications/{taskid}", data={"verdict": "pass"})
    assert query(platform, fresh, procedure)["procedure_status"] == 22
    with refused(40097):
        platform.wx.certification.reauth(fresh, auth_data=auth_data(platform, fresh, taskid=taskid))


# what is submitted again


def test_a_certification_that_was_sent_back(platform: Platform, fresh: str) -> None:
    procedure = paid(platform, fresh)
    platform.control.decide_certification(fresh, "refill", reason="执照不清楚")
    state = query(platform, fresh, procedure)
    assert (state["procedure_status"], state["refill_reason"]) == (18, "执照不清楚")
    with refused(89604):
        platform.wx.certification.wxaauth(fresh, auth_data=plain_auth_data(platform, fresh))
    assert paid(platform, fresh) == procedure
    assert query(platform, fresh, procedure)["procedure_status"] == 17
    platform.control.decide_certification(fresh)
    assert query(platform, fresh, procedure)["procedure_status"] == 22


def test_a_filing_that_could_not_be_created(platform: Platform, fresh: str) -> None:
    procedure = paid(platform, fresh)
    platform.control.change_account(fresh, principal_name="改名后的公司")
    platform.control.decide_certification(fresh)
    state = query(platform, fresh, procedure)
    assert state["procedure_status"] == 21
    assert [hint["errcode"] for hint in state["icp_audit"]["hints"]] == [86355]
    with pytest.raises(WeChatError, check=lambda error: error.answer["procedure_id"] == procedure):
        submit(platform, fresh)
    platform.control.change_account(fresh, principal_name="广州市越秀区梅记茶铺")
    assert submit(platform, fresh) == procedure
    assert query(platform, fresh, procedure)["procedure_status"] == 22
    assert pushed(platform) == [16, 17, 19, 21, 22]


@pytest.mark.parametrize(("who", "status"), [("platform", 23), ("authority", 25)])
def test_a_filing_that_was_returned(platform: Platform, fresh: str, who: str, status: int) -> None:
    procedure = certified(platform, fresh)
    if who == "authority":
        platform.control.decide_filing(fresh)
        platform.control.confirm_sms(fresh)
    platform.control.decide_filing(fresh, "return")
    state = query(platform, fresh, procedure)
    assert (state["procedure_status"], state["icp_audit"]["audit_data"][0]["key_name"]) == (status, "小程序备注")
    with refused(86358):
        platform.wx.filing.apply_icp_filing(fresh, application=application(platform, fresh, "any"))
    assert submit(platform, fresh) == procedure
    assert pushed(platform)[-2:] == [status, 22]
    assert query(platform, fresh, procedure)["procedure_status"] == 22


def test_messages_that_ran_out(platform: Platform, fresh: str) -> None:
    procedure = certified(platform, fresh)
    platform.control.decide_filing(fresh)
    pass_time(platform, DAY + 10)
    assert query(platform, fresh, procedure)["icp_audit"] == {"sms_verify_status": 3}
    platform.control.decide_filing(fresh, "return")
    assert query(platform, fresh, procedure)["procedure_status"] == 23


def test_a_withdrawn_filing_ends_the_procedure(platform: Platform, fresh: str) -> None:
    with refused(86368):
        platform.wx.filing.cancel_apply_icp_filing(fresh)
    procedure = certified(platform, fresh)
    platform.wx.filing.cancel_apply_icp_filing(fresh)
    assert query(platform, fresh, procedure)["procedure_status"] == 19
    assert platform.wx.filing.get_icp_entrance_info(fresh)["info"]["status"] == 1024
    form = application(platform, fresh, face_check(platform, fresh))
    platform.wx.filing.apply_icp_filing(fresh, application=form)
    assert pushed(platform) == [16, 17, 19, 22]


# what ends it


def test_a_failed_certification(platform: Platform, fresh: str) -> None:
    procedure = paid(platform, fresh)
    platform.control.decide_certification(fresh, "fail", reason="不存续")
    state = query(platform, fresh, procedure)
    assert (state["procedure_status"], state["fail_reason"]) == (20, "不存续")
    assert paid(platform, fresh) != procedure


def test_a_day_ends_what_was_not_paid(platform: Platform, fresh: str) -> None:
    procedure = submit(platform, fresh)
    pass_time(platform, DAY + 10)
    assert query(platform, fresh, procedure)["procedure_status"] == 20
    assert pushed(platform) == [20]
    with pytest.raises(Exception, match="不能做"):
        platform.control.take_certification_step(fresh, "pay")


def test_thirty_days_end_what_was_sent_back(platform: Platform, fresh: str) -> None:
    procedure = paid(platform, fresh)
    platform.control.decide_certification(fresh, "refill")
    pass_time(platform, 30 * DAY + 10)
    assert query(platform, fresh, procedure)["procedure_status"] == 20


# the administrator


def test_the_administrator_agrees_shows_the_face_and_confirms(platform: Platform, fresh: str) -> None:
    created = platform.wx.filing.create_icp_verifytask(fresh, along_with_auth=True)
    mei = platform.control.accounts(nick_name="梅记分店")[0]["person"]
    seen = []
    with httpx2.Client(trust_env=False) as phone:
        phone.post(f"{platform.control.base_url}/phone/hold", data={"person": str(mei), "next": "/phone"})
        for step in ("agree", "face", "confirm"):
            page = phone.get(created["verify_url"]).text
            assert f'value="{step}"' in page
            phone.post(created["verify_url"], data={"task_id": created["task_id"], "step": step})
            answer = platform.wx.filing.query_icp_verifytask(fresh, task_id=created["task_id"])
            seen.append((answer["is_finish"], answer["face_status"], answer["along_with_auth_result"]))
    assert seen == [(False, 1, 3), (False, 3, 3), (True, 3, 9)]
    [event] = platform.events("notify_icpfiling_verify_result")
    assert (event["result"], event["along_with_auth_result"]) == ("3", "9")


def test_only_the_face_is_asked_once_certified(platform: Platform, fresh: str) -> None:
    certified(platform, fresh)
    platform.control.decide_filing(fresh, "return")
    task_id = platform.wx.filing.create_icp_verifytask(fresh, along_with_auth=True)["task_id"]
    answer = platform.wx.filing.query_icp_verifytask(fresh, task_id=task_id)
    assert (answer["face_status"], answer["along_with_auth_result"]) == (1, 9)


@pytest.mark.parametrize("age", ["plain", "a day old", "not passed"])
def test_another_face_check_does_not_do(platform: Platform, fresh: str, age: str) -> None:
    if age == "not passed":
        task_id = platform.wx.filing.create_icp_verifytask(fresh, along_with_auth=True)["task_id"]
    else:
        task_id = face_check(platform, fresh, along_with_auth=age != "plain")
    data = {"auth_data": auth_data(platform, fresh), "application": application(platform, fresh, task_id)}
    if age == "a day old":
        pass_time(platform, DAY + 10)
    with pytest.raises(WeChatError, check=lambda error: error.code == 86202) as found:
        platform.wx.certification.submit_auth_and_icp(fresh, **data)
    [hint] = found.value.answer["hints"]
    assert (hint["errcode"], hint["err_field"]) == (1, "icp_applets.principal_info.verify_task_id")


# what is refused


def test_certified_programs_file_alone(platform: Platform, shop: str) -> None:
    with refused(40097):
        submit(platform, shop)


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("auth_data.customer_type", 7, 89623),
        ("auth_data.qualification", "unknown", 89636),
        ("auth_data.taskid", "x", 40097),
        ("auth_data.contact_info.mobile", "13800138000", 40097),
        ("auth_data.account_name", None, 86202),
        ("application.icp_subject.base_info.name", "别家", 86202),
    ],
)
def test_what_does_not_fit_is_refused(platform: Platform, fresh: str, field: str, value: Any, code: int) -> None:
    with refused(code):
        platform.wx.certification.submit_auth_and_icp(fresh, **put(given(platform, fresh), field, value))


def test_a_program_without_introduction_is_not_ready(platform: Platform, fresh: str) -> None:
    platform.control.change_account(fresh, signature="", categories=[])
    with pytest.raises(WeChatError, check=lambda error: error.code == 86202) as found:
        submit(platform, fresh)
    assert len(found.value.answer["hints"]) == 2


def test_one_procedure_at_a_time(platform: Platform, fresh: str) -> None:
    submit(platform, fresh)
    with refused(89604):
        submit(platform, fresh)
    platform.control.take_certification_step(fresh, "pay")
    with refused(89604):
        submit(platform, fresh)
    platform.control.decide_certification(fresh)
    with refused(86324):
        submit(platform, fresh)
    platform.control.decide_filing(fresh)
    with refused(86324):
        submit(platform, fresh)


def test_not_beside_a_plain_certification(platform: Platform, fresh: str) -> None:
    platform.wx.certification.wxaauth(fresh, auth_data=plain_auth_data(platform, fresh))
    with refused(89604):
        submit(platform, fresh)


def test_only_the_own_procedure_is_found(platform: Platform, fresh: str) -> None:
    procedure = submit(platform, fresh)
    with refused(40097):
        query(platform, platform.connect("明明书店"), procedure)
