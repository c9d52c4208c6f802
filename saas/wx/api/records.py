"""Penalties of one mini program and the appeals against them (违规和申诉记录)."""

from __future__ import annotations

from typing import TypedDict

from saas.wx.chapter import Chapter


class IllegalRecord(TypedDict, total=False):
    illegal_record_id: str
    create_time: int
    illegal_reason: str
    illegal_content: str
    rule_url: str
    rule_name: str


class IllegalRecords(TypedDict):
    records: list[IllegalRecord]


class AppealRecord(TypedDict, total=False):
    """`appeal_status`: 1 in progress, 2 granted, 3 refused, 4 withdrawn."""

    appeal_record_id: str
    appeal_time: int
    appeal_count: int
    appeal_from: int
    appeal_status: int
    audit_time: int
    audit_reason: str
    punish_description: str


class AppealRecords(TypedDict):
    records: list[AppealRecord]


class Records(Chapter):
    """To be read only: no call files an appeal. Once a day is plenty."""

    def getillegalrecords(
        self, appid: str, *, start_time: int | None = None, end_time: int | None = None
    ) -> IllegalRecords:
        """List the penalties between two Unix times; without a start, of the 90 days before the end.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/record-management/api_getillegalrecords.html
        """
        body = {"start_time": start_time, "end_time": end_time}
        return self._read("getIllegalRecords", appid, into=IllegalRecords, body=body)

    def getappealrecords(self, appid: str, *, illegal_record_id: str) -> AppealRecords:
        """List the appeals against one penalty.

        https://developers.weixin.qq.com/doc/oplatform/Third-party_Platforms/2.0/api/records/getappealrecords.html
        """
        body = {"illegal_record_id": illegal_record_id}
        return self._read("getAppealRecords", appid, into=AppealRecords, body=body)
