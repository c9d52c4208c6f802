"""Codes and links that lead into one mini program (小程序码与小程序链接)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypedDict

from saas.wx.chapter import Chapter, Download

Version = Literal["release", "trial", "develop"]


class LineColor(TypedDict):
    r: int
    g: int
    b: int


class Look(TypedDict, total=False):
    """`width` is 280 to 1280 pixels, `is_hyaline` makes the ground transparent, `auto_color` overrules the colour."""

    width: int
    auto_color: bool
    line_color: LineColor
    is_hyaline: bool


class Target(TypedDict, total=False):
    """The home page of the online version, where nothing is said."""

    path: str
    query: str
    env_version: Version


class Scheme(TypedDict):
    openlink: str


class UrlLink(TypedDict):
    url_link: str


class ShortLink(TypedDict):
    link: str


class Entries(Chapter):
    """Codes hold for ever, links 30 days at most; links are for released mini programs of organisations only."""

    def getwxacode(
        self, appid: str, *, path: str, env_version: Version | None = None, look: Look | None = None
    ) -> Download:
        """Draw a code for a page with its query. Only 100,000 in all, never given back: BudgetUsedUp.

        https://developers.weixin.qq.com/miniprogram/dev/server/API/qrcode-link/qr-code/api_getqrcode
        """
        body = {"path": path, "env_version": env_version, **(look or {})}
        return self._download("getQRCode", appid, body=body, counted=True)

    def getwxacodeunlimit(
        self,
        appid: str,
        *,
        scene: str,
        page: str | None = None,
        check_path: bool | None = None,
        env_version: Version | None = None,
        look: Look | None = None,
    ) -> Download:
        """Draw a code whose page reads `scene`: up to 32 letters, digits and !#$&'()*+,/:;=?@-._~.

        `page` has neither a leading slash nor a query. With `check_path` false it need not be online: up to 60,000
        such pages. NothingOnline.
        https://developers.weixin.qq.com/miniprogram/dev/server/API/qrcode-link/qr-code/api_getunlimitedqrcode
        """
        body = {"scene": scene, "page": page, "check_path": check_path, "env_version": env_version, **(look or {})}
        return self._download("getUnlimitedQRCode", appid, body=body)

    def generatescheme(
        self,
        appid: str,
        *,
        jump_wxa: Target | None = None,
        expire_time: int | None = None,
        expire_interval: int | None = None,
    ) -> Scheme:
        """Make a weixin:// address that ends at a Unix time or after days, 30 at most. Some browsers block it.

        500,000 a day together with URL links. NothingOnline.
        https://developers.weixin.qq.com/miniprogram/dev/server/API/qrcode-link/url-scheme/api_generatescheme
        """
        body = {"jump_wxa": jump_wxa, **_until(expire_time, expire_interval)}
        return self._write("generateScheme", appid, into=Scheme, body=body)

    def generate_urllink(
        self,
        appid: str,
        *,
        path: str | None = None,
        query: str | None = None,
        expire_time: int | None = None,
        expire_interval: int | None = None,
        cloud_base: Mapping[str, Any] | None = None,
        env_version: Version | None = None,
    ) -> UrlLink:
        """Make an https:// address that ends at a Unix time or after days, 30 at most.

        500,000 a day together with schemes. NothingOnline.
        https://developers.weixin.qq.com/miniprogram/dev/server/API/qrcode-link/url-link/api_generateurllink
        """
        where = {"path": path, "query": query, "cloud_base": cloud_base, "env_version": env_version}
        body = {**where, **_until(expire_time, expire_interval)}
        return self._write("generateUrlLink", appid, into=UrlLink, body=body)

    def genwxashortlink(
        self, appid: str, *, page_url: str, page_title: str | None = None, is_permanent: bool | None = None
    ) -> ShortLink:
        """Make a link that works inside WeChat, for 30 days or for ever (100,000 in all: BudgetUsedUp).

        https://developers.weixin.qq.com/miniprogram/dev/server/API/qrcode-link/short-link/api_generateshortlink
        """
        body = {"page_url": page_url, "page_title": page_title, "is_permanent": is_permanent}
        return self._write("generateShortLink", appid, into=ShortLink, body=body)


def _until(expire_time: int | None, expire_interval: int | None) -> dict[str, int]:
    if expire_interval is not None:
        return {"expire_type": 1, "expire_interval": expire_interval}
    return {} if expire_time is None else {"expire_type": 0, "expire_time": expire_time}
