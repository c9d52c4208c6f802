"""Plugins that one mini program uses, and requests to use its own (插件管理)."""

from __future__ import annotations

from typing import Literal, TypedDict

from saas.wx.api.component import MiniProgramCategory
from saas.wx.chapter import Chapter


class UsedPlugin(TypedDict, total=False):
    """`status`: 1 waiting, 2 approved, 3 refused, 4 timed out."""

    appid: str
    status: int
    nickname: str
    headimgurl: str


class UsedPlugins(TypedDict, total=False):
    plugin_list: list[UsedPlugin]


class PluginApplication(UsedPlugin, total=False):
    """The program that asks; `apply_url` describes the use."""

    reason: str
    apply_url: str
    create_time: int
    categories: list[MiniProgramCategory]


class PluginApplications(TypedDict, total=False):
    apply_list: list[PluginApplication]


class Plugins(Chapter):
    """No event tells of a decision: read the list. An upload that names a plugin not held fails."""

    def plugin(
        self,
        appid: str,
        *,
        action: Literal["list", "apply", "unbind", "update"],
        plugin_appid: str | None = None,
        reason: str | None = None,
        user_version: str | None = None,
    ) -> UsedPlugins:
        """List the plugins, or ask for, drop or move one to another version. `reason` is for asking.

        https://developers.weixin.qq.com/miniprogram/dev/server/API/plugin-management/api_manageplugin
        """
        body = {"action": action, "plugin_appid": plugin_appid, "reason": reason, "user_version": user_version}
        return self._write("managePlugin", appid, into=UsedPlugins, body=body, only_reads=action == "list")

    def devplugin(
        self,
        appid: str,
        *,
        action: Literal["dev_apply_list", "dev_agree", "dev_refuse", "dev_delete"],
        page: int | None = None,
        num: int | None = None,
        applicant: str | None = None,
        reason: str | None = None,
    ) -> PluginApplications:
        """List the requests for the plugin that this mini program publishes, or decide on them.

        Approving names the `applicant`'s appid, refusing takes the `reason`, deleting clears the refused ones.
        https://developers.weixin.qq.com/doc/oplatform/Third-party_Platforms/2.0/api/Business/pluginManager.html
        """
        body = {"action": action, "page": page, "num": num, "appid": applicant, "reason": reason}
        reads = action == "dev_apply_list"
        return self._write("managePluginApplication", appid, into=PluginApplications, body=body, only_reads=reads)
