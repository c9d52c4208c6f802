"""Testers of one mini program, who may open its trial version (体验成员)."""

from __future__ import annotations

from typing import TypedDict

from saas.wx.chapter import Chapter, Done


class Tester(TypedDict):
    userstr: str


class TesterList(TypedDict):
    members: list[Tester]


class Testers(Chapter):
    """WeChat never tells WeChat ids again: keep which `userstr` belongs to whom."""

    def bind_tester(self, appid: str, *, wechatid: str) -> Tester:
        """Add a tester. TesterAlreadyBound when the person is one; the administrator needs no adding.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/member-management/api_bindtester.html
        """
        return self._write("bindTester", appid, into=Tester, body={"wechatid": wechatid})

    def unbind_tester(self, appid: str, *, wechatid: str | None = None, userstr: str | None = None) -> Done:
        """Remove a tester, named one way: by `userstr` it works even after the person changed the WeChat id.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/member-management/api_unbindtester.html
        """
        return self._write("unbindTester", appid, into=Done, body={"wechatid": wechatid, "userstr": userstr})

    def memberauth(self, appid: str) -> TesterList:
        """List the testers, those added in WeChat's console too, without names.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/member-management/api_gettester.html
        """
        return self._read("getTester", appid, into=TesterList, body={"action": "get_experiencer"})
