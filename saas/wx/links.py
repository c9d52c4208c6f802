"""Addresses of WeChat's own pages, where a person confirms something.

Every `redirect_uri` must lie under the component app's registered domain (登录授权的发起页域名); query parameters of
ours survive the round trip.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from urllib.parse import urlencode


class AuthType(IntEnum):
    """Which kinds of account the authorization page offers."""

    OFFICIAL_ACCOUNTS = 1
    MINI_PROGRAMS = 2
    OFFICIAL_ACCOUNTS_AND_MINI_PROGRAMS = 3
    PROMOTERS = 4
    CHANNELS = 5
    ALL = 6
    SALES_ASSISTANTS = 8


def pc_authorization_url(
    base: str,
    *,
    component_appid: str,
    pre_auth_code: str,
    redirect_uri: str,
    auth_type: int = AuthType.MINI_PROGRAMS,
    biz_appid: str | None = None,
    category_id_list: Iterable[int] = (),
) -> str:
    """The page that shows a QR code on a computer; `base` is https://mp.weixin.qq.com in production.

    A pre_auth_code opens one authorization only, so make the address when it is clicked. `biz_appid` lets only that
    account's administrator confirm; without `category_id_list` WeChat asks for every published permission set.
    https://developers.weixin.qq.com/doc/oplatform/Third-party_Platforms/2.0/api/Before_Develop/Authorization_Process_Technical_Description.html
    """
    query = _authorization_query(component_appid, pre_auth_code, redirect_uri, auth_type, biz_appid, category_id_list)
    return f"{base}/cgi-bin/componentloginpage?{query}"


def h5_authorization_url(
    base: str,
    *,
    component_appid: str,
    pre_auth_code: str,
    redirect_uri: str,
    auth_type: int = AuthType.MINI_PROGRAMS,
    biz_appid: str | None = None,
    category_id_list: Iterable[int] = (),
) -> str:
    """The page for a phone, opened inside WeChat; `base` is https://open.weixin.qq.com in production.

    The address must end with #wechat_redirect and works only in WeChat's own browser.
    https://developers.weixin.qq.com/doc/oplatform/Third-party_Platforms/2.0/api/Before_Develop/Authorization_Process_Technical_Description.html
    """
    query = _authorization_query(component_appid, pre_auth_code, redirect_uri, auth_type, biz_appid, category_id_list)
    return f"{base}/wxaopen/safe/bindcomponent?action=bindcomponent&no_scan=1&{query}#wechat_redirect"


def fast_register_url(base: str, *, component_appid: str, appid: str, copy_wx_verify: bool, redirect_uri: str) -> str:
    """The page where an official account's administrator lends its subject to a new mini program.

    Comes back with `ticket`, to be used at once. Governments, media and other organisations must copy the verification.
    https://developers.weixin.qq.com/doc/oplatform/en/Third-party_Platforms/2.0/product/Register_Mini_Programs/fast_registration_of_mini_program.html
    """
    query = urlencode(
        {
            "component_appid": component_appid,
            "appid": appid,
            "copy_wx_verify": int(copy_wx_verify),
            "redirect_uri": redirect_uri,
        }
    )
    return f"{base}/cgi-bin/fastregisterauth?{query}"


def rebind_admin_url(base: str, *, component_appid: str, appid: str, redirect_uri: str) -> str:
    """The page where a quick-registered mini program changes its administrator; comes back with `taskid`."""
    query = urlencode({"appid": appid, "component_appid": component_appid, "redirect_uri": redirect_uri})
    return f"{base}/wxopen/componentrebindadmin?{query}"


def _authorization_query(
    component_appid: str,
    pre_auth_code: str,
    redirect_uri: str,
    auth_type: int,
    biz_appid: str | None,
    category_id_list: Iterable[int],
) -> str:
    query = {
        "component_appid": component_appid,
        "pre_auth_code": pre_auth_code,
        "redirect_uri": redirect_uri,
        "auth_type": str(int(auth_type)),
    }
    if biz_appid:
        query["biz_appid"] = biz_appid
    categories = "|".join(str(category) for category in category_id_list)
    if categories:
        query["category_id_list"] = categories
    return urlencode(query)
