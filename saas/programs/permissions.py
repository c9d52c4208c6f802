"""Which permission sets our functions need, and which a mini program's merchant granted."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from saas.wx.permissions import DEVELOPMENT, PermissionSet, permission_set

BASIC_INFO = 30
ESSENTIAL = (DEVELOPMENT, BASIC_INFO)
"""Without these the main job cannot be done: upload, audit, release, and the profile that an audit asks for."""

USEFUL = (17, 19, 25, 31, 40, 76, 88, 156)
"""Sets that single functions need: QR codes, customer messages, open account, name check, plugins, violations, links,
filing."""


@dataclass(frozen=True)
class Permission:
    """One row of a mini program's permission matrix."""

    set: PermissionSet
    granted: bool
    essential: bool
    needed: bool


def matrix(granted: Collection[int]) -> list[Permission]:
    """What we need first, granted or not, then whatever else was granted."""
    known = frozenset(granted)
    needed = [_row(number, number in known) for number in (*ESSENTIAL, *USEFUL)]
    return needed + [_row(number, True) for number in sorted(known - {*ESSENTIAL, *USEFUL})]


def missing_sets(granted: Collection[int]) -> list[PermissionSet]:
    """The essential sets that were not granted."""
    return [permission_set(number) for number in ESSENTIAL if number not in frozenset(granted)]


def offered_sets() -> list[Permission]:
    """The sets that a link may ask for: those that we have a use for."""
    return [_row(number, False) for number in (*ESSENTIAL, *USEFUL)]


def _row(number: int, granted: bool) -> Permission:
    essential = number in ESSENTIAL
    return Permission(permission_set(number), granted, essential, needed=essential or number in USEFUL)
