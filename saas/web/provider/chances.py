"""What an action for many takes of WeChat's limits: who of the chosen has no chance left, said before the click."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import g

from saas.programs.budgeting import without_chance
from saas.programs.models import Program
from saas.wx.limits import BY_NAME, Limit

LIMITS_OF: Mapping[str, tuple[str, ...]] = {
    "introduction": ("signature_month",),
    "avatar": ("avatar_month", "avatar_year"),
    "category": ("category_month",),
    "domains": ("server_domain_month", "server_domain_directly_month"),
    "domains_remove": ("server_domain_month", "server_domain_directly_month"),
    "undo": ("undo_audit_day", "undo_audit_month"),
}
"""By the action's key, the limits of mini programs that it takes a chance of."""


@dataclass(frozen=True)
class Chanceless:
    """Those for whom WeChat would refuse it now, and why."""

    programs: list[Program]
    limits: list[Limit]


def chanceless(action: str, programs: Sequence[Program]) -> Chanceless:
    """Who of these has no chance left; one query, none for an action that takes none."""
    names = LIMITS_OF.get(action, ())
    found = without_chance(g.db, programs, names)
    return Chanceless([one for one in programs if one.id in found], [BY_NAME[name] for name in names])
