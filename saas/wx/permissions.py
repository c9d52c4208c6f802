"""The permission sets (权限集) that merchants grant, in words.

The names are WeChat's; what a set allows is told in one line for people (`contract/permission_sets.json`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from saas.wx.contract import operations

DEVELOPMENT = 18
"""Upload, audit and release. One component app at a time holds it, so a merchant may have to take it back first."""


@dataclass(frozen=True)
class PermissionSet:
    number: int
    zh: str
    en: str
    allows_zh: str = ""
    allows_en: str = ""

    def name(self, language: str) -> str:
        return self.en if language.startswith("en") else self.zh

    def allows(self, language: str) -> str:
        return self.allows_en if language.startswith("en") else self.allows_zh


def permission_set(number: int) -> PermissionSet:
    """One set; numbers that WeChat has not explained keep their number as name."""
    return _sets().get(number) or PermissionSet(number, f"权限集 {number}", f"Permission set {number}")


def all_permission_sets() -> list[PermissionSet]:
    """Every set with a name, by number."""
    return list(_sets().values())


def lacking(operation_id: str, granted: Collection[int]) -> tuple[int, ...]:
    """The sets one of which is needed for a call on a mini program's behalf; empty when the grant is enough."""
    operation = operations.operation(operation_id)
    if operation.token != "authorizer" or set(operation.permission_sets) & set(granted):  # noqa: S105 - a kind
        return ()
    return operation.permission_sets


@cache
def _sets() -> Mapping[int, PermissionSet]:
    text = resources.files("saas.wx.contract").joinpath("permission_sets.json").read_text(encoding="utf-8")
    found = (PermissionSet(int(number), **words) for number, words in json.loads(text).items())
    return {one.number: one for one in sorted(found, key=lambda one: one.number)}
