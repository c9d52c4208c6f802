"""Waiting for WeChat: what is pending there is asked about by one rule for all kinds (`rhythms`), by one pump for all
mini programs of a component app (`polling_pump`).

Whoever begins something calls `expect`; who hears of it calls `hurry`. The kind's own function, marked `polled`, asks
WeChat and says how it stands now, or None when it is over. It need not care about failures, rests or a wrong secret.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, case, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from saas import clock
from saas.components.models import ComponentApp, ComponentStatus
from saas.db import new_id
from saas.programs.models import AuthorizationStatus, Program
from saas.programs.polling_models import Kind, Look
from saas.programs.rhythms import Rhythm, Standing, longest_pause, pause
from saas.queue import Job, JobStatus, Lane, enqueue_for, hasten

PUMP = "jobs.polling.look"
ANSWER = "jobs.polling.answer"
TRIES = 3
"""How often an event makes us ask before we believe that it was about something else."""
_VISITED = timedelta(minutes=5)
_FORGOTTEN_AT_ONCE = 10_000

Function = Callable[[Session, UUID], Standing | None]
OpenRows = Select[*tuple[Any, ...]]
"""Rows that should have a look: subject, provider, component app and mini program."""


@dataclass(frozen=True)
class Polled:
    """A kind's function, and the query for its open rows."""

    function: Function
    open_rows: Callable[[], OpenRows]


@dataclass(frozen=True)
class _Plan:
    """Where the kind lives, its usual rhythm, and whether it rests without the merchant's permission: a registration
    needs none, and a filing has time limits that end nevertheless.
    """

    module: str
    rhythm: Rhythm
    needs_authorization: bool = True


PLANS: Mapping[Kind, _Plan] = {
    Kind.AUDIT: _Plan("saas.releases.audits", Rhythm.AUDIT),
    Kind.CATEGORIES: _Plan("saas.programs.categories", Rhythm.CATEGORIES),
    Kind.CERTIFICATION: _Plan("saas.programs.certification_progress", Rhythm.CERTIFICATION),
    Kind.CODE: _Plan("saas.releases.reading", Rhythm.CODE),
    Kind.FILING: _Plan("saas.programs.filing_reading", Rhythm.FILING_BY_PLATFORM, needs_authorization=False),
    Kind.NAME: _Plan("saas.programs.naming", Rhythm.NAME),
    Kind.ORDER_PAGE: _Plan("saas.programs.order_page", Rhythm.ORDER_PAGE),
    Kind.PRIVACY: _Plan("saas.programs.privacy_interfaces", Rhythm.PRIVACY),
    Kind.REGISTRATION: _Plan(
        "saas.programs.registration_results", Rhythm.REGISTRATION, needs_authorization=False
    ),
    Kind.VIOLATIONS: _Plan("saas.programs.violations", Rhythm.VIOLATIONS),
}  # fmt: skip
_KNOWN: dict[Kind, Polled] = {}


@dataclass(frozen=True)
class Pending:
    """What is waited for, by its kind and its row."""

    kind: Kind
    subject_id: UUID
    provider_id: UUID
    component_id: UUID
    program_id: UUID | None


def of_program(kind: Kind, program: Program, subject_id: UUID | None = None) -> Pending:
    """What a mini program waits for; kinds that it has one of at most are known by its own id."""
    return Pending(kind, subject_id or program.id, program.provider_id, program.component_id, program.id)


def polled(kind: Kind, open_rows: Callable[[], OpenRows]) -> Callable[[Function], Function]:
    """Mark the function that asks about a kind."""

    def register(function: Function) -> Function:
        _KNOWN[kind] = Polled(function, open_rows)
        return function

    return register


def find(kind: Kind) -> Polled:
    """The kind's function, wherever it lives."""
    if kind not in _KNOWN:
        importlib.import_module(PLANS[kind].module)
    return _KNOWN[kind]


def expect(db: Session, pending: Pending, standing: Standing) -> None:
    """It is pending from now on, or stands otherwise than before: it is asked about by its rhythm.

    As by all that plan a look outside its pump, `due_at` is moved, so that an answer on its way does not count.
    """
    now = clock.now()
    delay = pause(standing, now)
    row = _row(pending, standing, due_at=now + delay)
    hurried = Look.hurried > 0
    change = {
        "rhythm": row["rhythm"], "since": row["since"], "until": row["until"], "failures": 0,
        "due_at": case((hurried, func.least(Look.due_at, now)), else_=row["due_at"]),
    }  # fmt: skip
    db.execute(upsert(Look).values(row).on_conflict_do_update(index_elements=["kind", "subject_id"], set_=change))
    hasten(db, PUMP, pending.component_id, lane=Lane.POLL, delay=delay)


def hurry(db: Session, pending: Pending, *, tries: int = TRIES) -> None:
    """Have WeChat asked now: an event came, or a person wants to know. An event may be ahead of WeChat's own answer, so
    without news one asks again, up to `tries` times.
    """
    now = clock.now()
    row = {**_row(pending, Standing(PLANS[pending.kind].rhythm, now), due_at=now), "hurried": tries, "since": None}
    change = {"due_at": now, "hurried": func.greatest(Look.hurried, tries)}
    db.execute(upsert(Look).values(row).on_conflict_do_update(index_elements=["kind", "subject_id"], set_=change))
    hasten(db, ANSWER, pending.component_id, lane=Lane.URGENT)


def visit(db: Session, program: Program) -> None:
    """Somebody looks at the page of this mini program: what it waits for is asked about, every five minutes at most."""
    now = clock.now()
    looked = func.coalesce(Look.looked_at, Look.created_at)
    stale = (Look.program_id == program.id, Look.kind != Kind.CODE, Look.hurried == 0, looked < now - _VISITED)
    if program.authorization != AuthorizationStatus.AUTHORIZED:
        return
    hurried = db.execute(
        update(Look).where(*stale).values(due_at=now, hurried=1)
        .returning(Look.id).execution_options(synchronize_session=False)
    ).first()  # fmt: skip
    if hurried is not None:
        hasten(db, ANSWER, program.component_id, lane=Lane.URGENT)


def wake(db: Session, program: Program) -> None:
    """The merchant has authorized (again): nothing rests any more. What is due is written, too, lest a pump that has
    not heard of it yet lets it rest afterwards.
    """
    now = clock.now()
    rest = update(Look).where(Look.program_id == program.id).values(due_at=now, failures=0)
    rested = db.execute(rest.returning(Look.id).execution_options(synchronize_session=False)).first()
    if rested is not None:
        hasten(db, PUMP, program.component_id, lane=Lane.POLL)


def looks_of(db: Session, program: Program) -> list[Look]:
    """What the mini program waits for, the next to be asked about first."""
    query = select(Look).where(Look.program_id == program.id).order_by(Look.due_at, Look.id)
    return list(db.scalars(query))


def find_forgotten(db: Session) -> int:
    """Cron: nothing that is pending stays without its look; says how many did. In a platform session."""
    return sum(_find_forgotten(db, kind) for kind in Kind)


def _find_forgotten(db: Session, kind: Kind) -> int:
    wanted = find(kind).open_rows().subquery()
    subject, provider, component, program = wanted.c
    missing = select(subject, provider, component, program).where(
        ~exists().where(Look.kind == kind, Look.subject_id == subject)
    )
    now = clock.now()
    rows = db.execute(missing.limit(_FORGOTTEN_AT_ONCE)).all()
    if rows:
        standing = Standing(PLANS[kind].rhythm, now)
        new = [{**_row(Pending(kind, *row), standing, due_at=now), "since": None} for row in rows]
        db.execute(upsert(Look).on_conflict_do_nothing(index_elements=["kind", "subject_id"]), new)
    return len(rows)


def wake_pumps(db: Session) -> int:
    """Cron: every component app that has looks due has its pump; says how many had. In a platform session. One that
    does not work has only those that time ends.

    After the clock was put back, nothing may sleep until a far future.
    """
    now = clock.now()
    too_late = update(Look).where(Look.due_at > now + longest_pause()).values(due_at=now)
    db.execute(too_late.execution_options(synchronize_session=False))
    works = ComponentApp.status == ComponentStatus.READY
    is_due = (Look.component_id == ComponentApp.id, Look.due_at <= now, works | Look.until.is_not(None))
    found = db.execute(select(ComponentApp.provider_id, ComponentApp.id).where(exists().where(*is_due))).all()
    for provider_id, component_id in found:
        enqueue_for(db, provider_id, PUMP, component_id, lane=Lane.POLL)
    ids = [str(component_id) for _, component_id in found]
    asleep = (Job.name == PUMP, Job.subject.in_(ids), Job.status == JobStatus.QUEUED, Job.run_at > now)
    db.execute(update(Job).where(*asleep).values(run_at=now, rung_at=None))
    return len(found)


def _row(pending: Pending, standing: Standing, **more: Any) -> dict[str, Any]:
    return {
        "id": new_id(), "created_at": clock.now(), "provider_id": pending.provider_id, "kind": pending.kind.value,
        "subject_id": pending.subject_id, "component_id": pending.component_id, "program_id": pending.program_id,
        "rhythm": standing.rhythm.value, "since": standing.since, "until": standing.until, "hurried": 0,
        "failures": 0, **more,
    }  # fmt: skip
