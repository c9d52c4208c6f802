"""Privacy guide and location interfaces of one mini program (用户隐私保护指引、地理位置接口)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict

from saas.wx.chapter import Chapter, Done, Upload


class PrivacyUse(TypedDict, total=False):
    privacy_key: str
    privacy_text: str
    privacy_label: str


class OwnerSetting(TypedDict, total=False):
    contact_email: str
    contact_phone: str
    contact_qq: str
    contact_weixin: str
    notice_method: str
    store_expire_timestamp: str
    ext_file_media_id: str


class PrivacyKey(TypedDict, total=False):
    privacy_key: str
    privacy_desc: str


class PrivacyKeys(TypedDict, total=False):
    privacy_desc_list: list[PrivacyKey]


class SdkPrivacy(TypedDict, total=False):
    sdk_name: str
    sdk_biz_name: str
    sdk_list: list[PrivacyUse]


class PrivacySetting(TypedDict, total=False):
    """`privacy_list` is what the scan of the code found, `setting_list` what is declared."""

    code_exist: int
    privacy_list: list[str]
    setting_list: list[PrivacyUse]
    update_time: int
    owner_setting: OwnerSetting
    privacy_desc: PrivacyKeys
    sdk_privacy_info_list: list[SdkPrivacy]


class PrivacyFile(TypedDict):
    ext_file_media_id: str


class PrivacyInterface(TypedDict, total=False):
    api_name: str
    api_ch_name: str
    api_desc: str
    apply_time: int
    status: int
    audit_id: str
    fail_reason: str
    api_link: str
    group_name: str


class PrivacyInterfaces(TypedDict):
    interface_list: list[PrivacyInterface]


class AppliedInterface(TypedDict, total=False):
    audit_id: str


class Privacy(Chapter):
    """The guide has an online version (1) and one in development (2), which the next release brings online."""

    def setprivacysetting(
        self,
        appid: str,
        *,
        owner_setting: OwnerSetting,
        privacy_ver: Literal[1, 2] | None = None,
        setting_list: Sequence[Mapping[str, Any]] | None = None,
        sdk_privacy_info_list: Sequence[Mapping[str, Any]] | None = None,
    ) -> Done:
        """Set the guide, after the scan of the uploaded code and before its submission.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/privacy-management/api_setprivacysetting.html
        """
        body = {
            "privacy_ver": privacy_ver,
            "owner_setting": owner_setting,
            "setting_list": None if setting_list is None else list(setting_list),
            "sdk_privacy_info_list": None if sdk_privacy_info_list is None else list(sdk_privacy_info_list),
        }
        return self._write("setPrivacySetting", appid, into=Done, body=body)

    def getprivacysetting(self, appid: str, *, privacy_ver: Literal[1, 2] | None = None) -> PrivacySetting:
        """Read the guide and what the scan found; the findings may lag minutes behind an upload.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/privacy-management/api_getprivacysetting
        """
        return self._read("getPrivacySetting", appid, into=PrivacySetting, body={"privacy_ver": privacy_ver})

    def uploadprivacyextfile(self, appid: str, *, file: Upload) -> PrivacyFile:
        """Upload an own text for the guide: a .txt file of at most 100 KB.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/privacy-management/api_uploadprivacysetting
        """
        return self._write("uploadPrivacySetting", appid, into=PrivacyFile, files={"file": file})

    def get_privacy_interface(self, appid: str) -> PrivacyInterfaces:
        """List the location interfaces with their grants. `status` counts otherwise than the event does.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/privacy-api-management/api_getprivacyinterface
        """
        return self._read("getPrivacyInterface", appid, into=PrivacyInterfaces)

    def apply_privacy_interface(
        self,
        appid: str,
        *,
        api_name: str,
        content: str,
        url_list: Sequence[str] = (),
        pic_list: Sequence[str] = (),
        video_list: Sequence[str] = (),
    ) -> AppliedInterface:
        """Apply for a location interface with at least one page, picture or video. Event wxa_privacy_apply decides.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/privacy-api-management/api_applyprivacyinterface.html
        """
        body = {
            "api_name": api_name,
            "content": content,
            "url_list": list(url_list) or None,
            "pic_list": list(pic_list) or None,
            "video_list": list(video_list) or None,
        }
        return self._write("applyPrivacyInterface", appid, into=AppliedInterface, body=body)
