"""Which mini program runs what: versions over the fleet, and the way from those left behind to a release train."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import g, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from saas.components.access import list_components
from saas.programs import listing
from saas.programs.listing import Compares, ProgramFilter, VersionOf
from saas.releases import fleet_versions
from saas.releases.fleet_versions import Age
from saas.tenants.access import Verb, require
from saas.web.pages import render
from saas.web.provider.blueprint import provider
from saas.web.provider.program_filters import age_choices, filter_choices

_PAGE = 50
_FILTERS = ("component", "merchant", "owner", "tag")


@provider.get("/fleet-versions")
def show_fleet_versions() -> ResponseReturnValue:
    require(g.who, Verb.VIEW)
    wanted = ProgramFilter.read(request.args)
    kept: dict[str, Any] = wanted.parts()
    return render(
        "provider/fleet_versions/show.html", wanted=wanted, kept=kept, choices=filter_choices(wanted),
        filters=_FILTERS, fleet=fleet_versions.fleet_map(g.db, wanted), link=_link, share=_share,
        names={one.id: one.name for one in list_components(g.db, g.who)}, most=fleet_versions.MOST_SHOWN,
        ages=[choice for choice in age_choices() if choice[0]], age_name=_age_name, kinds=VersionOf,
        carried=_carried,
    )  # fmt: skip


@provider.get("/fleet-versions/phased")
def list_phased_programs() -> ResponseReturnValue:
    """The mini programs whose newest version only some users have yet."""
    require(g.who, Verb.VIEW)
    wanted, before = ProgramFilter.read(request.args), request.args.get("before", type=UUID)
    kept: dict[str, Any] = wanted.parts()
    rows = fleet_versions.list_phased(g.db, wanted, before=before, limit=_PAGE + 1)
    more, rows = len(rows) > _PAGE, rows[:_PAGE]
    return render(
        "provider/fleet_versions/phased.html", rows=rows, kept=kept,
        merchants=listing.merchant_names(g.db, [program for program, _state in rows]),
        next_url=url_for("provider.list_phased_programs", before=rows[-1][0].id, **kept) if more else "",
        first_url=url_for("provider.list_phased_programs", **kept) if before else "",
    )  # fmt: skip


def _link(
    kept: dict[str, Any], component_id: UUID | None, kind: VersionOf | str = "", version: str = "",
    compares: Compares | str = "", *, age: str = "", endpoint: str = "provider.list_programs",
) -> str:  # fmt: skip
    """A list of just those that a number counts: the map's filter, and what the number is of. Without a version, those
    that have none."""
    parts = dict(kept)
    if component_id is not None:
        parts["component"] = str(component_id)
    if kind:
        asked = compares or (Compares.EQUALS if version else Compares.NONE)
        parts |= {"version_of": str(kind), "compares": str(asked), "version": version}
    if age:
        parts["age"] = age
    if endpoint == "provider.plan_train":
        parts["all"] = "1"
    return url_for(endpoint, **{name: value for name, value in parts.items() if value})


def _carried(kept: dict[str, Any], component_id: UUID) -> dict[str, str]:
    """Hidden fields of a form that narrows the map's filter to a component app."""
    return {
        **{name: value for name, value in kept.items() if name != "age"},
        "component": str(component_id),
        "all": "1",
    }


def _share(count: int, whole: int) -> str:
    """A percentage that says when it is small, but not none."""
    percent = 100 * count / whole if whole else 0
    return f"{percent:.0f}%" if percent >= 1 or not count else "<1%"


def _age_name(age: Age) -> str:
    if age.least is None:
        return str(_("不知道什么时候上线"))
    if age.most is None:
        return str(_("一年以上"))
    if age.least == 0:
        return str(_("%(days)d 天以内", days=age.most))
    return str(_("%(least)d 到 %(most)d 天", least=age.least, most=age.most))
