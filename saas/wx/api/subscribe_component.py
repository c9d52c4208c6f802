"""The official account that one mini program shows after a scan (扫码关注组件)."""

from __future__ import annotations

from typing import TypedDict

from saas.wx.chapter import Chapter, Done


class ShowableAccount(TypedDict, total=False):
    appid: str
    nickname: str
    headimg: str


class ShownAccount(ShowableAccount, total=False):
    """`can_open`: whether one may be set; `is_open`: whether it is shown. The account may be missing."""

    can_open: int
    is_open: int


class ShowableAccounts(TypedDict, total=False):
    """An empty list: no official account of the same or an associated subject."""

    total_num: int
    biz_info_list: list[ShowableAccount]


class SubscribeComponent(Chapter):
    """Only accounts of the same or an associated subject can be shown."""

    def getshowwxaitem(self, appid: str) -> ShownAccount:
        """Read which one is shown.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/subscribe-component/api_getshowitem
        """
        return self._read("getShowItem", appid, into=ShownAccount)

    def updateshowwxaitem(self, appid: str, *, official_account: str | None) -> Done:
        """Show the official account with this appid, or none.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/subscribe-component/api_setshowitem.html
        """
        body = {"wxa_subscribe_biz_flag": 0 if official_account is None else 1, "appid": official_account}
        return self._write("setShowItem", appid, into=Done, body=body)

    def getwxamplinkforshow(self, appid: str, *, page: int = 0, num: int = 20) -> ShowableAccounts:
        """List the candidates, pages from 0 with up to 20. PermissionMissing without permission set 18.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/subscribe-component/api_getlinkforshow
        """
        return self._read("getLinkForShow", appid, into=ShowableAccounts, query={"page": page, "num": num})
