"""What is left of WeChat's limits: each component app's with history and forecast, and whose are used up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from flask import g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from saas.components import budgets, quotas
from saas.components.access import list_components
from saas.components.budgets import Budget
from saas.components.models import ComponentApp
from saas.components.quotas import Outlook, UsedDay, UsedMonth
from saas.config import settings
from saas.programs.budgeting import OF_PROGRAMS, count_used_up, list_used_up
from saas.releases.templates import count_taken_places
from saas.tenants.access import Verb, require
from saas.trains.needing import Need, needs_of
from saas.web.bars import Chart, chart
from saas.web.pages import render
from saas.web.provider.blueprint import provider
from saas.wx.limits import BY_NAME, LIMITS, ZONE, Scope

_PAGE = 50
_OWN = tuple(
    limit.name
    for limit in LIMITS
    if limit.scope in (Scope.COMPONENT, Scope.ACCOUNT) and limit.period.seconds is None
    and limit.name != "submit_audit_month"
)  # fmt: skip
"""What a component app has of its own, beside the audit quota, which has a place for itself."""


@dataclass(frozen=True)
class Card:
    """A component app's limits. `planned` is what its release trains still need of the audit quota."""

    component: ComponentApp
    outlook: Outlook
    months: list[UsedMonth]
    chart: Chart
    own: list[Budget]
    trains: list[Need]
    templates: int

    @property
    def planned(self) -> int:
        return sum(train.needs for train in self.trains)

    @property
    def short(self) -> int:
        return 0 if self.outlook.rest is None else max(0, self.planned - self.outlook.rest)


@provider.get("/budgets")
def list_budgets() -> ResponseReturnValue:
    require(g.who, Verb.VIEW)
    limit, after = request.args.get("limit", ""), request.args.get("after", type=UUID)
    limit = limit if limit in OF_PROGRAMS else ""
    rows = list_used_up(g.db, limit=limit, after=after, size=_PAGE + 1)
    more, rows = len(rows) > _PAGE, rows[:_PAGE]
    here: dict[str, Any] = {"limit": limit or None}
    return render(
        "provider/health/budgets.html", cards=_cards(), rows=rows, limit=limit, counts=count_used_up(g.db),
        limits=[BY_NAME[name] for name in OF_PROGRAMS], places=settings().template_library_size,
        next_url=url_for("provider.list_budgets", after=rows[-1].key, **here) if more else "",
        first_url=url_for("provider.list_budgets", **here) if after else "",
    )  # fmt: skip


def _cards() -> list[Card]:
    components = list_components(g.db, g.who)
    ids = [component.id for component in components]
    left, needs, slots = (
        budgets.left_in_bulk(g.db, components, _OWN), needs_of(g.db, ids), count_taken_places(g.db, ids),
    )  # fmt: skip
    cards = []
    for component in components:
        view = quotas.outlook(g.db, component)
        own = [left[component.id, name] for name in _OWN]
        cards.append(
            Card(
                component,
                view,
                quotas.months_of(g.db, component),
                _drawn(view),
                own,
                needs.get(component.id, []),
                slots.get(component.id, 0),
            )
        )
    return cards


def _drawn(view: Outlook) -> Chart:
    """What each day of the month has used; the days to come stand empty."""
    days: list[tuple[str, list[tuple[str, float]]]] = [(_day_words(one), [("work", one.used)]) for one in view.days]
    last = view.returns_at.astimezone(ZONE).date() - timedelta(days=1)
    return chart([*days, *(("", []) for _day in range(last.day - len(days)))])


def _day_words(one: UsedDay) -> str:
    day = one.day.strftime("%m-%d")
    if one.rest is None:
        return str(_("%(day)s：用了 %(used)s 次", day=day, used=one.used))
    return str(_("%(day)s：用了 %(used)s 次，剩 %(rest)s 次", day=day, used=one.used, rest=one.rest))
