"""What WeChat checks in commit's ext_json against the template."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from saas.sandbox.refusals import Refused

LOCATION_APIS = (
    "getFuzzyLocation",
    "getLocation",
    "onLocationChange",
    "startLocationUpdate",
    "startLocationUpdateBackground",
    "chooseLocation",
    "choosePoi",
    "chooseAddress",
)
_NOT_BESIDE_FUZZY = {"getLocation", "onLocationChange", "startLocationUpdate", "startLocationUpdateBackground"}
KNOWN_KEYS = frozenset(
    {
        "extAppid", "ext", "extPages", "pages", "subPackages", "subpackages", "window", "tabBar", "networkTimeout",
        "customOpen", "functionalPages", "navigateToMiniProgramAppIdList", "plugins", "requiredPrivateInfos", "sitemap",
        "lazyCodeLoading", "embeddedAppIdList", "renderer", "extEnable", "directCommit",
    }
)  # fmt: skip


def read_ext_json(text: str, *, appid: str, pages: Sequence[str], lacking: Iterable[str]) -> dict[str, Any]:
    """The document, or Refused. `lacking` are the privacy interfaces that the mini program has no permission for."""
    try:
        ext = json.loads(text)
    except ValueError as error:
        raise Refused(85048) from error
    if not isinstance(ext, dict):
        raise Refused(85048)
    if ext.get("extAppid", appid) != appid:
        raise Refused(85013, "extAppid is not the appid of this mini program")
    _check_pages(ext, pages)
    _check_tab_bar(ext.get("tabBar"), pages)
    plugins = ext.get("plugins", {})
    if not isinstance(plugins, dict) or not all(isinstance(named, dict) for named in plugins.values()):
        raise Refused(85048)
    _check_private_infos(ext.get("requiredPrivateInfos"), set(lacking))
    return ext


def effective_pages(ext: dict[str, Any], pages: Sequence[str]) -> list[str]:
    """The pages of the merged code."""
    return list(ext["pages"]) if "pages" in ext else list(pages)


def _check_pages(ext: dict[str, Any], pages: Sequence[str]) -> None:
    if "pages" in ext:
        named = ext["pages"]
        if not isinstance(named, list) or not all(isinstance(page, str) for page in named):
            raise Refused(85048)
        if not named:
            raise Refused(85047)
        _check_known(named, pages)
    ext_pages = ext.get("extPages", {})
    if not isinstance(ext_pages, dict):
        raise Refused(85048)
    _check_known(ext_pages, pages)


def _check_tab_bar(tab_bar: Any, pages: Sequence[str]) -> None:
    if tab_bar is None:
        return
    entries = tab_bar.get("list", []) if isinstance(tab_bar, dict) else None
    if not isinstance(entries, list):
        raise Refused(85048)
    for entry in entries:
        path = entry.get("pagePath") if isinstance(entry, dict) else None
        if not path:
            raise Refused(85046)
        _check_known([path], pages)


def _check_known(named: Iterable[str], pages: Sequence[str]) -> None:
    for page in named:
        if page not in pages:
            raise Refused(85045, f"({page})")


def _check_private_infos(infos: Any, lacking: set[str]) -> None:
    if infos is None:
        return
    if not isinstance(infos, list) or any(name not in LOCATION_APIS for name in infos):
        raise Refused(85310)
    if "getFuzzyLocation" in infos and _NOT_BESIDE_FUZZY & set(infos):
        raise Refused(85311)
    if lacking & set(infos):
        raise Refused(85312)
