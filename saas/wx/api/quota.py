"""Call counters, rid look-up and network checks (openApi 管理)."""

from __future__ import annotations

from typing import Literal, TypedDict

from saas.wx.chapter import Chapter, Done
from saas.wx.contract.operations import Token


class DailyQuota(TypedDict, total=False):
    daily_limit: int
    used: int
    remain: int


class RateLimit(TypedDict, total=False):
    call_count: int
    refresh_second: int


class ApiQuota(TypedDict, total=False):
    quota: DailyQuota
    rate_limit: RateLimit
    component_rate_limit: RateLimit


class RidRequest(TypedDict, total=False):
    invoke_time: int
    cost_in_ms: int
    request_url: str
    request_body: str
    response_body: str
    client_ip: str


class RidInfo(TypedDict):
    request: RidRequest


class IpList(TypedDict):
    ip_list: list[str]


class DnsCheck(TypedDict, total=False):
    ip: str
    real_operator: str


class PingCheck(TypedDict, total=False):
    ip: str
    from_operator: str
    package_loss: str
    time: str


class CallbackCheck(TypedDict, total=False):
    dns: list[DnsCheck]
    ping: list[PingCheck]


class Quota(Chapter):
    """With `appid` a call is about that mini program and uses its token, without it about the component app."""

    def clear_quota(self, appid: str | None = None) -> Done:
        """Reset today's call counters. Ten times per account and month, shared with the console; spends one.

        https://developers.weixin.qq.com/doc/oplatform/en/openApi/OpenApiDoc/openapi/clearQuota.html
        """
        body = {"appid": appid or self._client.component_appid}
        return self._write("clearQuota", appid, into=Done, body=body, token=_side(appid))

    def clear_quota_v2(self, appid: str, *, appsecret: str) -> Done:
        """Reset an account's counters with its own secret, which a provider rarely knows.

        For accounts that authorized us, `component_clear_quota_v2` needs the component app's secret only.
        https://developers.weixin.qq.com/doc/store/API/apimgnt/clearQuotaByAppSecret.html
        """
        return self._write("clearQuotaByAppSecret", appid, into=Done, body={"appid": appid, "appsecret": appsecret})

    def component_clear_quota_v2(self, *, appsecret: str, appid: str | None = None) -> Done:
        """Reset counters with the component app's secret: the way out when no token can be fetched any more.

        https://developers.weixin.qq.com/doc/oplatform/openApi/openapi/api_componentclearquota_v2.md
        """
        body = {"appid": appid, "component_appid": self._client.component_appid, "appsecret": appsecret}
        return self._write("clearComponentQuotaByAppSecret", appid, into=Done, body=body)

    def quota_get(self, appid: str | None = None, *, cgi_path: str) -> ApiQuota:
        """Read the daily quota of one interface; `cgi_path` starts with a slash and has no host.

        https://developers.weixin.qq.com/doc/service/api/apimanage/api_getapiquota
        """
        return self._read("getApiQuota", appid, into=ApiQuota, body={"cgi_path": cgi_path}, token=_side(appid))

    def quota_clear(self, appid: str | None = None, *, cgi_path: str) -> Done:
        """Reset the counter of one interface; read it first to see that it is used up."""
        return self._write("clearApiQuota", appid, into=Done, body={"cgi_path": cgi_path}, token=_side(appid))

    def rid_get(self, appid: str | None = None, *, rid: str) -> RidInfo:
        """Read what WeChat recorded of a failed call, for 7 days, with a token of the account that made it.

        The record holds the request's address and body: never show or log it whole.
        https://developers.weixin.qq.com/doc/service/api/apimanage/api_getridinfo
        """
        return self._read("getRidInfo", appid, into=RidInfo, body={"rid": rid}, token=_side(appid))

    def get_api_domain_ip(self, appid: str | None = None) -> IpList:
        """List the addresses of WeChat's API, for firewalls on the way out. Ask once a day, pin nothing.

        https://developers.weixin.qq.com/doc/offiaccount/subscription/guide/dev/Get_the_WeChat_server_IP_address.html
        """
        return self._read("getApiDomainIp", appid, into=IpList, token=_side(appid))

    def getcallbackip(self, appid: str | None = None) -> IpList:
        """List the addresses that WeChat pushes from. Ask once a day.

        https://developers.weixin.qq.com/doc/channels/api/basic/api_getcallbackip.md
        """
        return self._read("getCallbackIp", appid, into=IpList, token=_side(appid))

    def callback_check(
        self,
        appid: str | None = None,
        *,
        action: Literal["dns", "ping", "all"] = "all",
        check_operator: Literal["CHINANET", "UNICOM", "CAP", "DEFAULT"] | None = None,
    ) -> CallbackCheck:
        """Let WeChat try to reach our callback host: run by hand when pushes stop arriving."""
        body = {"action": action, "check_operator": check_operator}
        return self._read("callbackCheck", appid, into=CallbackCheck, body=body, token=_side(appid))


def _side(appid: str | None) -> Token:
    return "component" if appid is None else "authorizer"
