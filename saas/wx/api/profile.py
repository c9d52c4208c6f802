"""Name, avatar, introduction and search of one mini program (基础信息管理)."""

from __future__ import annotations

from typing import Literal, TypedDict

from saas.wx.chapter import Chapter, Done


class NameSet(TypedDict, total=False):
    """Without `audit_id` the name holds already; with it a review decides (event wxa_nickname_audit)."""

    wording: str
    audit_id: str


class NameReview(TypedDict, total=False):
    """`audit_stat`: 1 in review, 2 refused, 3 approved."""

    nickname: str
    audit_stat: int
    fail_reason: str
    create_time: int
    audit_time: int


class NameCheck(TypedDict, total=False):
    """`hit_condition`: the name needs proof, and `wording` says which."""

    hit_condition: bool
    wording: str


class SearchStatus(TypedDict, total=False):
    """`status`: 0 may be found, 1 hidden."""

    status: int


class FetchData(TypedDict, total=False):
    is_pre_fetch_open: bool
    pre_fetch_type: int
    pre_fetch_url: str
    pre_env: str
    pre_function_name: str
    is_period_fetch_open: bool
    period_fetch_type: int
    period_fetch_url: str
    period_env: str
    period_function_name: str


class Profile(Chapter):
    """A mini program needs name, avatar and introduction before its first release."""

    def setnickname(
        self,
        appid: str,
        *,
        nick_name: str,
        id_card: str | None = None,
        license: str | None = None,  # noqa: A002 - WeChat's name
        naming_other_stuff: tuple[str, ...] = (),
    ) -> NameSet:
        """Set or change the name: two changes a year. Proof is given as temporary media ids of `media.upload`.

        `id_card` is for natural persons, `license` for organisations; up to five other papers. Ask
        `checkwxverifynickname` first.
        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/basic-info-management/api_setnickname
        """
        others = {f"naming_other_stuff_{number}": one for number, one in enumerate(naming_other_stuff, start=1)}
        body = {"nick_name": nick_name, "id_card": id_card, "license": license, **others}
        return self._write("setNickName", appid, into=NameSet, body=body)

    def api_wxa_querynickname(self, appid: str, *, audit_id: str | int) -> NameReview:
        """Read the review of a name; the net under its event.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/basic-info-management/api_getnicknamestatus
        """
        return self._read("getNickNameStatus", appid, into=NameReview, body={"audit_id": int(audit_id)})

    def checkwxverifynickname(self, appid: str, *, nick_name: str) -> NameCheck:
        """Check whether a name is free and whether it needs proof. NotCreatedByApi for self-registered ones.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/basic-info-management/api_checknickname
        """
        return self._read("checkNickName", appid, into=NameCheck, body={"nick_name": nick_name})

    def modifyheadimage(
        self, appid: str, *, head_img_media_id: str, x1: float = 0, y1: float = 0, x2: float = 1, y2: float = 1
    ) -> Done:
        """Change the avatar: five a year, at once and without review. The corners are fractions of the picture.

        The id is one of `media.upload` of the same mini program; a box of zeros answers -1.
        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/basic-info-management/api_setheadimage.html
        """
        corners = {name: f"{value:g}" for name, value in (("x1", x1), ("y1", y1), ("x2", x2), ("y2", y2))}
        return self._write("setHeadImage", appid, into=Done, body={"head_img_media_id": head_img_media_id, **corners})

    def modifysignature(self, appid: str, *, signature: str) -> Done:
        """Change the introduction, at once. What is left of the month tells `account.getaccountbasicinfo`.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/basic-info-management/api_setsignature.html
        """
        return self._write("setSignature", appid, into=Done, body={"signature": signature})

    def getwxasearchstatus(self, appid: str) -> SearchStatus:
        """Read whether WeChat's search may find it.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/basic-info-management/api_getsearchstatus
        """
        return self._read("getSearchStatus", appid, into=SearchStatus)

    def changewxasearchstatus(self, appid: str, *, status: Literal[0, 1]) -> SearchStatus:
        """Let WeChat's search find it (0) or not (1). Read it back: the answer need not carry the state.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/basic-info-management/api_setsearchstatus.html
        """
        return self._write("setSearchStatus", appid, into=SearchStatus, body={"status": status})

    def fetchdatasetting(
        self,
        appid: str,
        *,
        action: Literal["get", "set_pre_fetch", "set_period_fetch"],
        setting: FetchData | None = None,
    ) -> FetchData:
        """Read or set data that WeChat fetches before start and now and then; only the fields of the action count.

        The hosts must be business domains of the component app and of the mini program.
        https://developers.weixin.qq.com/doc/oplatform/en/openApi/OpenApiDoc/miniprogram-management/basic-info-management/getFetchdataSetting.html
        """
        body = {"action": action, **(setting or {})}
        return self._write("getFetchdataSetting", appid, into=FetchData, body=body, only_reads=action == "get")
