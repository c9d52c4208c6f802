"""Release, phased release, roll-back and service switch of one mini program (代码管理: 发布)."""

from __future__ import annotations

from typing import Literal, TypedDict

from saas.wx.chapter import Chapter, Done


class HistoryVersion(TypedDict):
    app_version: str
    user_version: str
    user_desc: str
    commit_time: int


class HistoryVersions(TypedDict):
    version_list: list[HistoryVersion]


class GrayReleasePlan(TypedDict, total=False):
    """`status`: 0 initial, 1 running, 2 paused, 3 finished, 4 cancelled."""

    status: int
    create_timestamp: int
    gray_percentage: int
    support_debuger_first: bool
    support_experiencer_first: bool


class GrayRelease(TypedDict):
    gray_release_plan: GrayReleasePlan


class VisitStatus(TypedDict):
    """`status`: 0 suspended (by the owner or by WeChat), 1 in service."""

    status: int


class LibraryShare(TypedDict):
    version: str
    percentage: float


class LibraryShares(TypedDict):
    items: list[LibraryShare]


class SupportVersion(TypedDict, total=False):
    now_version: str
    uv_info: LibraryShares


class TrialVersion(TypedDict, total=False):
    exp_time: int
    exp_version: str
    exp_desc: str


class OnlineVersion(TypedDict, total=False):
    release_time: int
    release_version: str
    release_desc: str


class VersionInfo(TypedDict, total=False):
    """A slot is missing when nothing was ever uploaded, or released."""

    exp_info: TrialVersion
    release_info: OnlineVersion


class Release(Chapter):
    """What users get. None of these calls is followed by an event: read the state back."""

    def release(self, appid: str) -> Done:
        """Put the approved version online for everybody.

        AlreadyReleased means done when getversioninfo shows the expected version; privacy guide and domain changes
        take effect with it, and server domains not registered for the component app are dropped.
        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/code-management/api_release
        """
        return self._write("release", appid, into=Done)

    def get_history_version(self, appid: str) -> HistoryVersions:
        """List the versions that a roll-back can go to: at most 5, none right after a roll-back. Changes nothing.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/code-management/api_revertcoderelease
        """
        return self._read("revertCodeRelease", appid, into=HistoryVersions, query={"action": "get_history_version"})

    def revertcoderelease(self, appid: str, *, app_version: str | int | None = None) -> Done:
        """Roll back at once to a version of `get_history_version`; without one, to the version before.

        The version rolled back from cannot be returned to except by a new upload, audit and release.
        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/code-management/api_revertcoderelease
        """
        return self._write("revertCodeRelease", appid, into=Done, query={"app_version": app_version})

    def grayrelease(
        self,
        appid: str,
        *,
        gray_percentage: int,
        support_debuger_first: bool | None = None,
        support_experiencer_first: bool | None = None,
    ) -> Done:
        """Start a phased release or widen it: 1 to 100, only ever upwards; 0 with one of the flags for members only.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/code-management/api_grayrelease
        """
        body = {
            "gray_percentage": gray_percentage,
            "support_debuger_first": support_debuger_first,
            "support_experiencer_first": support_experiencer_first,
        }
        return self._write("grayRelease", appid, into=Done, body=body)

    def revertgrayrelease(self, appid: str) -> Done:
        """Cancel the phased release.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/code-management/api_revertgrayrelease
        """
        return self._write("revertGrayRelease", appid, into=Done)

    def getgrayreleaseplan(self, appid: str) -> GrayRelease:
        """Read the phased release.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/code-management/api_getgrayreleaseplan
        """
        return self._read("getGrayReleasePlan", appid, into=GrayRelease)

    def change_visitstatus(self, appid: str, *, action: Literal["open", "close"]) -> Done:
        """Suspend or resume the online version. Does not lift a suspension by WeChat: read the status back.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/code-management/api_setvisitstatus
        """
        return self._write("setVisitStatus", appid, into=Done, body={"action": action})

    def getvisitstatus(self, appid: str) -> VisitStatus:
        """Read whether the online version is in service; the only way to notice a suspension by WeChat.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/code-management/api_getvisitstatus
        """
        return self._read("getVisitStatus", appid, into=VisitStatus)

    def getweappsupportversion(self, appid: str) -> SupportVersion:
        """Read the minimum base library and how users spread over versions.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/code-management/api_getsupportversion
        """
        return self._read("getSupportVersion", appid, into=SupportVersion)

    def setweappsupportversion(self, appid: str, *, version: str) -> Done:
        """Set the minimum base library; users below it are told to upgrade WeChat.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/code-management/api_setsupportversion
        """
        return self._write("setSupportVersion", appid, into=Done, body={"version": version})

    def getversioninfo(self, appid: str) -> VersionInfo:
        """Read the trial and the online version; with the newest audit it gives the whole state.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/code-management/api_getversioninfo
        """
        return self._read("getVersionInfo", appid, into=VersionInfo)
