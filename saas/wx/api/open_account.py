"""The open-platform account through which accounts share a user's unionid (开放平台账号管理)."""

from __future__ import annotations

from typing import TypedDict

from saas.wx.chapter import Chapter, Done


class OpenAccount(TypedDict):
    open_appid: str


class HasOpenAccount(TypedDict):
    have_open: bool


class SameEntity(TypedDict):
    same_entity: bool


class OpenAccounts(Chapter):
    """Read `have` or `get` first: creating and binding fail for an account that is bound."""

    def create(self, appid: str) -> OpenAccount:
        """Create an unverified open-platform account and bind the mini program to it; at most five fit in.

        https://developers.weixin.qq.com/doc/oplatform/openApi/openplatform-management/api_createopenaccount
        """
        return self._write("createOpenAccount", appid, into=OpenAccount, body={"appid": appid})

    def bind(self, appid: str, *, open_appid: str) -> Done:
        """Bind to an existing one of the same subject: 100 accounts when it is verified, else 5.

        https://developers.weixin.qq.com/doc/oplatform/openApi/openplatform-management/api_bindopenaccount.html
        """
        return self._write("bindOpenAccount", appid, into=Done, body={"appid": appid, "open_appid": open_appid})

    def unbind(self, appid: str, *, open_appid: str) -> Done:
        """Unbind, from accounts made with `create` only; the merchant unbinds others in WeChat's consoles.

        https://developers.weixin.qq.com/doc/oplatform/openApi/openplatform-management/api_unbindopenaccount
        """
        return self._write("unbindOpenAccount", appid, into=Done, body={"appid": appid, "open_appid": open_appid})

    def get(self, appid: str) -> OpenAccount:
        """Read which one it is bound to. OpenAccountNotBound is a state, not a failure.

        https://developers.weixin.qq.com/doc/oplatform/openApi/openplatform-management/api_getopenaccount.html
        """
        return self._read("getOpenAccount", appid, into=OpenAccount, body={"appid": appid})

    def have(self, appid: str) -> HasOpenAccount:
        """Read whether it is bound to any; needs fewer permission sets than `get`.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/basic-info-management/api_getbindopenaccount
        """
        return self._read("getBindOpenAccount", appid, into=HasOpenAccount)

    def sameentity(self, appid: str) -> SameEntity:
        """Read whether the bound one has the same subject. Means nothing for an account that is not bound.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/basic-info-management/api_getbindopenaccountentity.md
        """
        return self._read("getBindOpenAccountEntity", appid, into=SameEntity)
