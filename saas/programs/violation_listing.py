"""Finding penalties: the list of all, those of one mini program, what concerns a merchant; and notes on them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import Session

from saas import clock
from saas.errors import N_, Invalid
from saas.programs.models import Program
from saas.programs.violation_models import STANDING, Shutting, Violation, ViolationState
from saas.programs.violations import WINDOW
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require

STANDING_ONES = "standing"
"""In place of a state: whatever still counts."""
LONGEST_NOTE = 500
_MOST_REASONS = 30


@dataclass(frozen=True)
class ViolationFilter:
    """Which penalties a list shows, as an address carries it; an empty part asks nothing. `seen` is "no" or ""."""

    state: str = STANDING_ONES
    reason: str = ""
    seen: str = ""
    merchant: str = ""

    @classmethod
    def read(cls, given: Mapping[str, str]) -> ViolationFilter:
        """What makes no sense is left out."""
        usual = cls()
        parts = {one.name: given.get(one.name, getattr(usual, one.name)).replace("\0", "")[:200] for one in fields(cls)}
        if parts["state"] not in {"", STANDING_ONES, *ViolationState}:
            parts["state"] = STANDING_ONES
        if parts["seen"] != "no":
            parts["seen"] = ""
        try:
            UUID(parts["merchant"])
        except ValueError:
            parts["merchant"] = ""
        return cls(**parts)

    def parts(self, **changes: str) -> dict[str, Any]:
        """What an address needs to carry."""
        values = {one.name: getattr(self, one.name) for one in fields(self)} | changes
        usual = ViolationFilter()
        return {name: value for name, value in values.items() if value != getattr(usual, name)}


@dataclass(frozen=True)
class Place:
    """The last row of a page."""

    happened_at: datetime
    id: UUID

    def __str__(self) -> str:
        return f"{self.happened_at.timestamp()}_{self.id}"

    @classmethod
    def read(cls, text: str) -> Place | None:
        moment, _, row_id = text.partition("_")
        try:
            return cls(datetime.fromtimestamp(float(moment), UTC), UUID(row_id))
        except (ValueError, OverflowError, OSError):
            return None


@dataclass(frozen=True)
class Trouble:
    """What WeChat holds against a mini program now: why it is shut, and its penalties of late, newest first."""

    shut: tuple[Shutting, ...]
    violations: tuple[Violation, ...]

    def __bool__(self) -> bool:
        return bool(self.shut or self.violations)


def list_violations(
    db: Session, wanted: ViolationFilter, *, who: Who, after: Place | None = None, limit: int = 50
) -> list[tuple[Violation, Program]]:
    """The newest first, each with its mini program."""
    require(who, Verb.VIEW)
    query = _matching(wanted, who).add_columns(Program).order_by(Violation.happened_at.desc(), Violation.id.desc())
    if after is not None:
        same = and_(Violation.happened_at == after.happened_at, Violation.id < after.id)
        query = query.where(or_(Violation.happened_at < after.happened_at, same))
    return [(row, program) for row, program in db.execute(query.limit(limit))]


def count_by_reason(db: Session, wanted: ViolationFilter, *, who: Who) -> list[tuple[str, int]]:
    """How many penalties there are for which reason, the commonest first; whatever reason is asked for."""
    require(who, Verb.VIEW)
    anything = ViolationFilter(wanted.state, "", wanted.seen, wanted.merchant)
    query = _matching(anything, who).with_only_columns(Violation.reason, func.count())
    query = query.group_by(Violation.reason).order_by(func.count().desc(), Violation.reason)
    return [(reason, count) for reason, count in db.execute(query.limit(_MOST_REASONS))]


def violations_of(db: Session, program: Program, limit: int = 100) -> list[Violation]:
    """Those of one mini program, the newest first."""
    query = select(Violation).where(Violation.program_id == program.id)
    return list(db.scalars(query.order_by(Violation.happened_at.desc(), Violation.id.desc()).limit(limit)))


def troubles_of(db: Session, program_ids: Collection[UUID]) -> dict[UUID, Trouble]:
    """What WeChat holds against each of these; those without trouble are left out. Two queries."""
    if not program_ids:
        return {}
    shut = db.scalars(
        select(Shutting).where(
            Shutting.program_id.in_(program_ids), Shutting.ended_at.is_(None), Shutting.by_name == ""
        )
    )
    lately = Violation.happened_at > clock.now() - WINDOW
    standing = Violation.state.in_([state.value for state in STANDING])
    held = db.scalars(
        select(Violation)
        .where(Violation.program_id.in_(program_ids), standing, lately)
        .order_by(Violation.happened_at.desc(), Violation.id.desc())
    )
    shuttings: dict[UUID, list[Shutting]] = {}
    violations: dict[UUID, list[Violation]] = {}
    for one in shut:
        shuttings.setdefault(one.program_id, []).append(one)
    for row in held:
        violations.setdefault(row.program_id, []).append(row)
    return {
        program_id: Trouble(tuple(shuttings.get(program_id, ())), tuple(violations.get(program_id, ())))
        for program_id in {*shuttings, *violations}
    }


def newest_of(db: Session, program_ids: Collection[UUID]) -> dict[UUID, Violation]:
    """The newest penalty of each of these: most likely why it is shut."""
    query = select(Violation).where(Violation.program_id.in_(program_ids)).order_by(Violation.happened_at)
    return {row.program_id: row for row in db.scalars(query)}


def mark_seen(db: Session, violation: Violation, *, who: Who) -> None:
    """Somebody of ours has taken notice; the first one counts."""
    require(who, Verb.WORK)
    db.refresh(violation, with_for_update=True)
    if violation.seen_at is None:
        violation.seen_at, violation.seen_by = clock.now(), who.name


def edit_note(db: Session, violation: Violation, text: str, *, who: Who) -> None:
    """What our people know of it; whoever writes has seen it. Raises Invalid at `note`."""
    require(who, Verb.WORK)
    note = text.strip()
    if len(note) > LONGEST_NOTE:
        raise Invalid(N_("不能超过 %(most)d 个字"), field="note", most=LONGEST_NOTE)
    mark_seen(db, violation, who=who)
    violation.note = note
    activity.record(db, who, "violation.note", violation)


def _matching(wanted: ViolationFilter, who: Who) -> Select[Violation]:
    query = select(Violation).join(Program, Program.id == Violation.program_id)
    query = query.where(Violation.provider_id == who.provider_id)
    if wanted.state == STANDING_ONES:
        query = query.where(Violation.state.in_([state.value for state in STANDING]))
    elif wanted.state:
        query = query.where(Violation.state == wanted.state)
    if wanted.reason:
        query = query.where(Violation.reason == wanted.reason)
    if wanted.seen:
        query = query.where(Violation.seen_at.is_(None))
    if wanted.merchant:
        query = query.where(Program.merchant_id == UUID(wanted.merchant))
    return query
