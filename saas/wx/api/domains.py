"""Server and business domains of one mini program (域名管理)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict

from saas.wx.chapter import Chapter, CheckFile, Done

Action = Literal["add", "delete", "set", "get"]


class ServerDomainSet(TypedDict, total=False):
    """The six kinds; addresses with their scheme."""

    requestdomain: list[str]
    wsrequestdomain: list[str]
    uploaddomain: list[str]
    downloaddomain: list[str]
    udpdomain: list[str]
    tcpdomain: list[str]


class ServerDomains(ServerDomainSet, total=False):
    """Success may hold refused hosts all the same: look at the `invalid_` lists and `no_icp_domain`."""

    invalid_requestdomain: list[str]
    invalid_wsrequestdomain: list[str]
    invalid_uploaddomain: list[str]
    invalid_downloaddomain: list[str]
    invalid_udpdomain: list[str]
    invalid_tcpdomain: list[str]
    no_icp_domain: list[str]


class EffectiveServerDomains(TypedDict, total=False):
    """Set by the merchant, from the component app's list, directly; and what holds after the next release."""

    mp_domain: ServerDomainSet
    third_domain: ServerDomainSet
    direct_domain: ServerDomainSet
    effective_domain: ServerDomainSet


class PrefetchHost(TypedDict, total=False):
    url: str
    status: int


class PrefetchHosts(TypedDict, total=False):
    prefetch_dns_domain: list[PrefetchHost]
    size_limit: int


class JumpDomains(TypedDict, total=False):
    webviewdomain: list[str]


class EffectiveJumpDomains(TypedDict, total=False):
    mp_webviewdomain: list[str]
    third_webviewdomain: list[str]
    direct_webviewdomain: list[str]
    effective_webviewdomain: list[str]


class Domains(Chapter):
    """Two ways, not to be mixed: chosen from the component app's list, or set directly. `set` replaces all."""

    def modify_domain(self, appid: str, *, action: Action, domains: ServerDomainSet | None = None) -> ServerDomains:
        """Read or change the server domains, out of the component app's list: 50 changes a month.

        A release drops every host that is not on that list.
        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/domain-management/api_modifyserverdomain
        """
        return self._change("modifyServerDomain", appid, action, domains)

    def modify_domain_directly(
        self, appid: str, *, action: Action, domains: ServerDomainSet | None = None
    ) -> ServerDomains:
        """Read or set the server domains of this mini program alone: 50 changes a month, once is enough.

        https://developers.weixin.qq.com/doc/oplatform/en/openApi/OpenApiDoc/miniprogram-management/domain-management/modifyServerDomainDirectly.html
        """
        return self._change("modifyServerDomainDirectly", appid, action, domains)

    def get_effective_domain(self, appid: str) -> EffectiveServerDomains:
        """Read which server domains hold after the next release.

        https://developers.weixin.qq.com/doc/oplatform/en/openApi/OpenApiDoc/miniprogram-management/domain-management/getEffectiveServerDomain.html
        """
        return self._read("getEffectiveServerDomain", appid, into=EffectiveServerDomains)

    def set_prefetchdnsdomain(self, appid: str, *, hosts: Sequence[str]) -> Done:
        """Replace the hosts whose names are resolved ahead: 50 changes a month, `size_limit` hosts.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/domain-management/api_setprefetchdomain.html
        """
        body = {"prefetch_dns_domain": [{"url": host} for host in hosts]}
        return self._write("setPrefetchDomain", appid, into=Done, body=body)

    def get_prefetchdnsdomain(self, appid: str) -> PrefetchHosts:
        """Read the hosts whose names are resolved ahead.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/domain-management/api_getprefetchdomain.html
        """
        return self._read("getPrefetchDomain", appid, into=PrefetchHosts)

    def setwebviewdomain(self, appid: str, *, action: Action, webviewdomain: Sequence[str] = ()) -> JumpDomains:
        """Read or change the business domains, out of the component app's list; each starts with https://.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/domain-management/api_modifyjumpdomain.html
        """
        body = {"action": action, "webviewdomain": list(webviewdomain) or None}
        return self._write("modifyJumpDomain", appid, into=JumpDomains, body=body, only_reads=action == "get")

    def setwebviewdomain_directly(
        self, appid: str, *, action: Action, webviewdomain: Sequence[str] = ()
    ) -> JumpDomains:
        """Read or set the business domains of this mini program alone; its check file must be in place.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/domain-management/api_modifyjumpdomaindirectly
        """
        body = {"action": action, "webviewdomain": list(webviewdomain) or None}
        return self._write("modifyJumpDomainDirectly", appid, into=JumpDomains, body=body, only_reads=action == "get")

    def get_webviewdomain_confirmfile(self, appid: str) -> CheckFile:
        """Read the check file for directly set business domains; the component app's is another one.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/domain-management/api_getjumpdomainconfirmfile
        """
        return self._read("getJumpDomainConfirmFile", appid, into=CheckFile)

    def get_effective_webviewdomain(self, appid: str) -> EffectiveJumpDomains:
        """Read which business domains hold after the next release.

        https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/domain-management/api_geteffectivejumpdomain
        """
        return self._read("getEffectiveJumpDomain", appid, into=EffectiveJumpDomains)

    def _change(
        self, operation_id: str, appid: str, action: Action, domains: Mapping[str, Any] | None
    ) -> ServerDomains:
        body = {"action": action, **(domains or {})}
        return self._write(operation_id, appid, into=ServerDomains, body=body, only_reads=action == "get")
