"""An account's basic information (基本信息)."""

from __future__ import annotations

from typing import TypedDict

from saas.wx.chapter import Chapter


class WxVerifyInfo(TypedDict, total=False):
    qualification_verify: bool
    naming_verify: bool
    annual_review: bool
    annual_review_begin_time: int
    annual_review_end_time: int


class SignatureInfo(TypedDict, total=False):
    signature: str
    modify_used_count: int
    modify_quota: int


class HeadImageInfo(TypedDict, total=False):
    head_image_url: str
    modify_used_count: int
    modify_quota: int


class NicknameInfo(TypedDict, total=False):
    nickname: str
    modify_used_count: int
    modify_quota: int


class AccountBasicInfo(TypedDict, total=False):
    """The three `modify_` counters tell how many chances are left: introduction a month, avatar and name a year."""

    appid: str
    account_type: int
    principal_type: int
    principal_name: str
    credential: str
    realname_status: int
    customer_type: int
    nickname: str
    registered_country: int
    wx_verify_info: WxVerifyInfo
    signature_info: SignatureInfo
    head_image_info: HeadImageInfo
    nickname_info: NicknameInfo


class Account(Chapter):
    def getaccountbasicinfo(self, appid: str) -> AccountBasicInfo:
        """Read subject, verification and the counters of name, avatar and introduction.

        NotCreatedByApi for mini programs registered in WeChat's console: use api_get_authorizer_info for those.
        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/basic-info-management/api_getaccountbasicinfo
        """
        return self._read("getAccountBasicInfo", appid, into=AccountBasicInfo)
