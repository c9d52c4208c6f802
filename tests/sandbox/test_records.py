"""Penalties and appeals, read day by day."""

from __future__ import annotations

import httpx2
import pytest

from saas.sandbox.control import SandboxRefused
from tests.sandbox.platform import Platform, refused

DAY = 86400


def test_penalties_of_ninety_days(platform: Platform, shop: str) -> None:
    records = platform.wx.records
    assert records.getillegalrecords(shop)["records"] == []
    old = platform.control.add_penalty(shop, reason="诱导分享")
    at = records.getillegalrecords(shop)["records"][0]["create_time"]
    platform.control.move_clock(91 * DAY)
    platform.control.push_ticket(platform.appid)
    new = platform.control.add_penalty(shop, content="首页的商标")
    found = records.getillegalrecords(shop)["records"]
    assert [(one["illegal_record_id"], one["illegal_content"]) for one in found] == [(new, "首页的商标")]
    windows = ({"start_time": at}, {"end_time": at}, {"start_time": at - 1, "end_time": at + 1})
    for window in windows:
        assert [one["illegal_record_id"] for one in records.getillegalrecords(shop, **window)["records"]] == [old]
    assert records.getillegalrecords(shop, start_time=at + 1, end_time=at + 2)["records"] == []


def test_a_penalty_that_is_taken_back_is_listed_no_more(platform: Platform, shop: str) -> None:
    penalty = platform.control.add_penalty(shop)
    platform.control.lift_penalty(penalty)
    assert platform.wx.records.getillegalrecords(shop)["records"] == []
    with pytest.raises(SandboxRefused):
        platform.control.lift_penalty(penalty)


def test_the_desk_punishes_appeals_decides_and_freezes(platform: Platform, shop: str) -> None:
    with httpx2.Client(base_url=platform.control.base_url, trust_env=False) as browser:
        browser.post("/desk/penalties", data={"appid": shop, "reason": "诱导分享", "content": "首页弹窗"})
        (record,) = platform.wx.records.getillegalrecords(shop)["records"]
        number = record["illegal_record_id"]
        assert (record["illegal_reason"], record["illegal_content"]) == ("诱导分享", "首页弹窗")
        browser.post(f"/desk/penalties/{number}", data={"deed": "appeal", "reason": "误会"})
        (appeal,) = platform.wx.records.getappealrecords(shop, illegal_record_id=number)["records"]
        end = {"deed": "2", "appeal": str(appeal["appeal_record_id"]), "reason": "属实"}
        assert "首页弹窗" in browser.get("/desk/penalties").text
        browser.post(f"/desk/penalties/{number}", data=end)
        (appeal,) = platform.wx.records.getappealrecords(shop, illegal_record_id=number)["records"]
        assert (appeal["appeal_status"], appeal["audit_reason"]) == (2, "属实")
        browser.post(f"/desk/penalties/{number}", data={"deed": "lift"})
        assert platform.wx.records.getillegalrecords(shop)["records"] == []
        browser.post("/desk/penalties/accounts", data={"appid": shop, "status": "19"})
        info = platform.wx.component.api_get_authorizer_info(shop)["authorizer_info"]
        assert info["account_status"] == 19
        for data in ({"appid": shop, "status": "3"}, {"appid": "wx0", "status": "1"}):
            browser.post("/desk/penalties/accounts", data=data)
        assert platform.wx.component.api_get_authorizer_info(shop)["authorizer_info"]["account_status"] == 19


def test_an_appeal_and_its_end(platform: Platform, shop: str) -> None:
    records, penalty = platform.wx.records, platform.control.add_penalty(shop)
    assert records.getappealrecords(shop, illegal_record_id=penalty)["records"] == []
    first = platform.control.add_appeal(penalty, reason="有商标授权")
    platform.control.decide_appeal(first, 3, reason="授权已过期")
    platform.control.add_appeal(penalty, by_provider=True)
    found = records.getappealrecords(shop, illegal_record_id=penalty)["records"]
    assert [(one["appeal_count"], one["appeal_from"], one["appeal_status"]) for one in found] == [(1, 0, 3), (2, 1, 1)]
    assert found[0]["audit_reason"] == "授权已过期"
    assert "audit_time" not in found[1]
    other = platform.connect("明明书店")
    with refused(40097):
        records.getappealrecords(other, illegal_record_id=penalty)
