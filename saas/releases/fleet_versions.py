"""The fleet's map of versions: how many mini programs run what online, try what, have what in audit, and for how long.

Four grouped statements over the mini programs that a filter finds, whatever their number. A version is counted by its
sorting key, as the list's filter compares it, so that each number is what its link shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Subquery, case, func, select, tuple_
from sqlalchemy.orm import Session

from saas import clock
from saas.programs.listing import IN_AUDIT, ProgramFilter, matching
from saas.programs.models import Program, ProgramStep
from saas.programs.words import Step
from saas.releases.models import CodeState

AGES = (0, 7, 30, 90, 180, 365)
"""Where the spans of age begin, in days."""
MOST_SHOWN = 25


@dataclass(frozen=True)
class Bar:
    """Mini programs with one version; `older` have an older one. Without a version it is those that have none."""

    version: str
    count: int
    older: int = 0


@dataclass(frozen=True)
class TemplateBar:
    """Mini programs whose online version came from one template of ours; None: from elsewhere."""

    number: int | None
    count: int


@dataclass(frozen=True)
class OfComponent:
    """The mini programs of one component app. `online` has the newest version first and then those without one;
    `folded` counts those of the versions beyond `MOST_SHOWN`."""

    component_id: UUID
    count: int
    online: tuple[Bar, ...]
    trial: tuple[Bar, ...]
    templates: tuple[TemplateBar, ...]
    in_audit: tuple[Bar, ...]
    phased: tuple[Bar, ...]
    folded: int
    folded_trial: int


@dataclass(frozen=True)
class Age:
    """Mini programs whose online version has been there for `least` days or more, less than `most`; `least` is None
    where nobody knows since when."""

    least: int | None
    most: int | None
    count: int


@dataclass(frozen=True)
class FleetMap:
    count: int
    components: tuple[OfComponent, ...]
    ages: tuple[Age, ...]

    @property
    def online(self) -> int:
        return sum(bar.count for one in self.components for bar in one.online if bar.version)


def fleet_map(db: Session, wanted: ProgramFilter) -> FleetMap:
    """Of all mini programs that the filter finds and that have an appid."""
    fleet = _fleet(db, wanted)
    rows = db.execute(_versions(fleet)).all()
    spans = {row.span: row.programs for row in db.execute(_spans(fleet))}
    audits, phased = _by_component(db.execute(_audits(fleet))), _by_component(db.execute(_phased(fleet)))
    ids = sorted({row.component_id for row in rows})
    found = [
        _of_component(one, [row for row in rows if row.component_id == one], audits.get(one, []), phased.get(one, []))
        for one in ids
    ]
    found.sort(key=lambda one: -one.count)
    return FleetMap(sum(one.count for one in found), tuple(found), _ages(spans))


def list_phased(
    db: Session, wanted: ProgramFilter, *, before: UUID | None = None, limit: int = 50
) -> Sequence[tuple[Program, CodeState]]:
    """The mini programs of the filter whose newest version only some users have yet, the newest first."""
    query = matching(db, wanted).join(CodeState, CodeState.program_id == Program.id).add_columns(CodeState)
    query = query.where(CodeState.phased_percent.is_not(None))
    if before is not None:
        query = query.where(Program.id < before)
    return [(program, state) for program, state in db.execute(query.limit(limit))]


def _fleet(db: Session, wanted: ProgramFilter) -> Subquery:
    columns = (
        Program.id, Program.component_id, Program.online_version_key, Program.online_version, Program.online_template,
        Program.trial_version_key, Program.trial_version,
    )  # fmt: skip
    query = matching(db, wanted).with_only_columns(*columns).where(Program.appid > "").order_by(None)
    return query.subquery("fleet")


def _versions(fleet: Subquery) -> Any:
    """One pass over the fleet, grouped three ways: `kind` tells which columns of a row are to be read."""
    row = fleet.c
    sets = (
        (row.component_id, row.online_version_key), (row.component_id, row.trial_version_key),
        (row.component_id, row.online_template),
    )  # fmt: skip
    return select(
        func.grouping(row.online_version_key, row.trial_version_key, row.online_template).label("kind"),
        row.component_id, row.online_version_key.label("online_key"), row.trial_version_key.label("trial_key"),
        row.online_template.label("template"), func.max(row.online_version).label("online"),
        func.max(row.trial_version).label("trial"), func.count().label("programs"),
        func.count().filter(row.online_version_key > "").label("running"),
    ).group_by(func.grouping_sets(*(tuple_(*one) for one in sets)))  # fmt: skip


_ONLINE, _TRIAL, _TEMPLATE = 0b011, 0b101, 0b110
"""What GROUPING answers for each of the sets: a bit is set where the column is not in it."""


def _spans(fleet: Subquery) -> Any:
    """How many online versions are of which age: the number of its span, -1 where nobody knows since when."""
    since, now = ProgramStep.since, clock.now()
    older = [(since <= now - timedelta(days=days), number) for number, days in reversed(list(enumerate(AGES)))]
    span = case((since.is_(None), -1), *older, else_=0).label("span")
    here = (ProgramStep.program_id == fleet.c.id) & (ProgramStep.step == Step.ONLINE)
    query = select(span, func.count().label("programs")).select_from(fleet).outerjoin(ProgramStep, here)
    return query.where(fleet.c.online_version_key > "").group_by(span)


def _audits(fleet: Subquery) -> Any:
    version = ProgramStep.detail["version"].astext.label("version")
    return (
        select(fleet.c.component_id, version, func.count().label("programs"))
        .join(ProgramStep, ProgramStep.program_id == fleet.c.id)
        .where(ProgramStep.step == Step.AUDIT, ProgramStep.word.in_(IN_AUDIT))
        .group_by(fleet.c.component_id, version)
    )  # fmt: skip


def _phased(fleet: Subquery) -> Any:
    """What some users have already is the version that was approved last."""
    return (
        select(fleet.c.component_id, CodeState.audit_version.label("version"), func.count().label("programs"))
        .join(CodeState, CodeState.program_id == fleet.c.id)
        .where(CodeState.phased_percent.is_not(None))
        .group_by(fleet.c.component_id, CodeState.audit_version)
    )  # fmt: skip


def _by_component(rows: Iterable[Any]) -> Mapping[UUID, list[Bar]]:
    found: dict[UUID, list[Bar]] = {}
    for row in rows:
        found.setdefault(row.component_id, []).append(Bar(row.version or "", row.programs))
    for bars in found.values():
        bars.sort(key=lambda bar: -bar.count)
    return found


def _of_component(
    component_id: UUID, rows: Sequence[Any], audits: Sequence[Bar], phased: Sequence[Bar]
) -> OfComponent:  # fmt: skip
    online = _bars((row.online_key, row.online, row.programs) for row in rows if row.kind == _ONLINE)
    trial = _bars((row.trial_key, row.trial, row.programs) for row in rows if row.kind == _TRIAL)
    running = [TemplateBar(row.template, row.running) for row in rows if row.kind == _TEMPLATE and row.running]
    running.sort(key=lambda bar: -1 if bar.number is None else bar.number, reverse=True)
    shown, folded = _fold(online)
    shown_trial, folded_trial = _fold(trial)
    return OfComponent(
        component_id, sum(bar.count for bar in online), shown, shown_trial, tuple(running[:MOST_SHOWN]),
        tuple(audits[:MOST_SHOWN]), tuple(phased[:MOST_SHOWN]), folded, folded_trial,
    )  # fmt: skip


def _bars(groups: Iterable[tuple[str, str, int]]) -> list[Bar]:
    """The newest version first, those without one last."""
    versions: list[Bar] = []
    without: list[Bar] = []
    older = 0
    for key, version, count in sorted(groups):
        if key:
            versions.append(Bar(version, count, older))
            older += count
        else:
            without.append(Bar("", count))
    return [*reversed(versions), *without]


def _fold(bars: Sequence[Bar]) -> tuple[tuple[Bar, ...], int]:
    """The newest `MOST_SHOWN` versions and those without one; how many mini programs the others have."""
    versions, without = [bar for bar in bars if bar.version], [bar for bar in bars if not bar.version]
    return (*versions[:MOST_SHOWN], *without), sum(bar.count for bar in versions[MOST_SHOWN:])


def _ages(counts: Mapping[int, int]) -> tuple[Age, ...]:
    spans = [
        Age(least, AGES[number + 1] if number + 1 < len(AGES) else None, counts.get(number, 0))
        for number, least in enumerate(AGES)
    ]
    return (*spans, *([Age(None, None, counts[-1])] if counts.get(-1) else []))
