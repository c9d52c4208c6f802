"""Domains of the component app, which come before those of its mini programs (第三方平台域名管理)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypedDict

from saas.wx.chapter import Chapter, CheckFile

Action = Literal["add", "delete", "set", "get"]


class PlatformServerDomains(TypedDict, total=False):
    """Hosts joined with ";"."""

    published_wxa_server_domain: str
    testing_wxa_server_domain: str
    invalid_wxa_server_domain: str


class PlatformJumpDomains(TypedDict, total=False):
    """Hosts joined with ";"."""

    published_wxa_jump_h5_domain: str
    testing_wxa_jump_h5_domain: str
    invalid_wxa_jump_h5_domain: str


class PlatformDomains(Chapter):
    """`set` replaces the whole list; without `is_modify_published_together` only the testing list changes."""

    def modify_wxa_server_domain(
        self, *, action: Action, wxa_server_domain: Sequence[str] = (), is_modify_published_together: bool | None = None
    ) -> PlatformServerDomains:
        """Read or change the server domains: 1000 hosts, 50 changes a month. Mini programs may use only these.

        https://developers.weixin.qq.com/doc/oplatform/openApi/thirdparty-management/domain-mgnt/api_modifythirdpartyserverdomain
        """
        body = {
            "action": action,
            "wxa_server_domain": ";".join(wxa_server_domain) or None,
            "is_modify_published_together": is_modify_published_together,
        }
        return self._write(
            "modifyThirdpartyServerDomain", into=PlatformServerDomains, body=body, only_reads=action == "get"
        )

    def get_domain_confirmfile(self) -> CheckFile:
        """Read the check file that must be at the root of every business domain before it is registered.

        https://developers.weixin.qq.com/doc/oplatform/openApi/thirdparty-management/domain-mgnt/api_modifythirdpartyjumpdomain
        """
        return self._read("getThirdpartyJumpDomainConfirmFile", into=CheckFile)

    def modify_wxa_jump_domain(
        self,
        *,
        action: Action,
        wxa_jump_h5_domain: Sequence[str] = (),
        is_modify_published_together: bool | None = None,
    ) -> PlatformJumpDomains:
        """Read or change the business (web-view) domains; the check file must be reachable first.

        https://developers.weixin.qq.com/doc/oplatform/openApi/thirdparty-management/domain-mgnt/api_modifythirdpartyjumpdomain
        """
        body = {
            "action": action,
            "wxa_jump_h5_domain": ";".join(wxa_jump_h5_domain) or None,
            "is_modify_published_together": is_modify_published_together,
        }
        return self._write(
            "modifyThirdpartyJumpDomain", into=PlatformJumpDomains, body=body, only_reads=action == "get"
        )
