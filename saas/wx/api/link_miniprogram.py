"""Mini programs linked to one official account, whose appid and token count here (公众号关联小程序)."""

from __future__ import annotations

from typing import TypedDict

from saas.wx.chapter import Chapter, Done


class LinkedFunction(TypedDict, total=False):
    """`id`: 1 certification, 2 payment; `status` 1: opened."""

    id: int
    status: int
    name: str


class LinkedProgram(TypedDict, total=False):
    """`status`: 1 linked, 2 waiting for the mini program's administrator, 3 refused by them, 12 waiting for the
    official account's. `username` is the gh_ id.
    """

    status: int
    appid: str
    username: str
    source: str
    nickname: str
    selected: int
    nearby_display_status: int
    released: int
    headimg_url: str
    email: str
    func_infos: list[LinkedFunction]


class LinkedItems(TypedDict, total=False):
    items: list[LinkedProgram]


class LinkedPrograms(TypedDict, total=False):
    wxopens: LinkedItems


class LinkMiniprogram(Chapter):
    """The account's administrator confirms first, then the mini program's. No event: read the list."""

    def wxamplinkget(self, appid: str) -> LinkedPrograms:
        """List the links with their state.

        https://developers.weixin.qq.com/doc/oplatform/openApi/officalaccount-management/link-miniprogram/api_getlinkminiprogram
        """
        return self._read("getLinkMiniprogram", appid, into=LinkedPrograms)

    def wxamplink(
        self, appid: str, *, miniprogram_appid: str, notify_users: bool = False, show_profile: bool = False
    ) -> Done:
        """Ask to link one; tell the followers, show it on the account's profile.

        https://developers.weixin.qq.com/doc/oplatform/openApi/officalaccount-management/link-miniprogram/api_linkminiprogram.html
        """
        body = {
            "appid": miniprogram_appid,
            "notify_users": str(int(notify_users)),
            "show_profile": str(int(show_profile)),
        }
        return self._write("linkMiniprogram", appid, into=Done, body=body)

    def wxampunlink(self, appid: str, *, miniprogram_appid: str) -> Done:
        """Ask to take a link away; the account's administrator confirms.

        https://developers.weixin.qq.com/doc/oplatform/openApi/officalaccount-management/link-miniprogram/api_unlinkminiprogram.html
        """
        return self._write("unlinkMiniprogram", appid, into=Done, body={"appid": miniprogram_appid})
