"""What an action for many takes of WeChat's limits, said before the click: who of the chosen has no chance left, and
whether the month's audit quota suffices for all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import g

from saas.components.access import list_components
from saas.components.models import ComponentApp
from saas.programs.budgeting import without_chance
from saas.programs.models import Program
from saas.trains.quota import known_rest
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


TAKES_QUOTA = frozenset({"submit"})
"""Actions that take a submission of their component app's audit quota for each mini program."""


@dataclass(frozen=True)
class Submissions:
    """What the chosen ones of a component app take of this month's audit quota; `left` is None while nobody knows."""

    component: ComponentApp
    needs: int
    left: int | None

    @property
    def short(self) -> int:
        return 0 if self.left is None else max(0, self.needs - self.left)


def submissions(action: str, programs: Sequence[Program]) -> list[Submissions]:
    """By component app; one query, none for an action that takes none."""
    if action not in TAKES_QUOTA or not programs:
        return []
    needs = Counter(one.component_id for one in programs)
    return [Submissions(one, needs[one.id], known_rest(one)) for one in list_components(g.db, g.who) if one.id in needs]
