"""Telling people before something ends: some days before it, by kind, once for each step, with an all-clear once it is
renewed or done. Looked at once a day for each provider.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from saas import clock
from saas.agenda.deadlines import CERTIFICATES, LABELS, Deadline, DeadlineFilter, ends_of, list_deadlines
from saas.agenda.models import DeadlineKind, DeadlineNotice, DeadlineSetting, OwnDate
from saas.db import new_id
from saas.errors import N_, Invalid
from saas.programs.models import ProgramStep
from saas.programs.words import Word
from saas.queue import Lane, enqueue_for
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require, system
from saas.tenants.alarm_models import Alarm, AlarmKind
from saas.tenants.alarms import Cause, clear_alarms, raise_alarms
from saas.tenants.models import Provider, ProviderStatus
from saas.tenants.providers import own_provider

LOOK = "jobs.agenda.look"
DEFAULTS: Mapping[DeadlineKind, tuple[int, ...]] = {
    DeadlineKind.CERTIFICATE: (60, 30, 7),
    DeadlineKind.CLOCK: (),
    DeadlineKind.AUTHORIZATION_LINK: (),
    DeadlineKind.ENTRY_LINK: (),
    DeadlineKind.CODE: (7,),
    DeadlineKind.TRAIN: (),
    DeadlineKind.CAMPAIGN: (),
    DeadlineKind.OWN: (30, 7, 1),
}
"""How many days before; what runs out within hours has reminders of its own."""
MOST_STEPS, FARTHEST = 5, 365
_AT_ONCE = 5000
_RENEWED = timedelta(hours=12)
"""How much later an end must be to be another one."""


def days_before(db: Session) -> dict[DeadlineKind, tuple[int, ...]]:
    """When the session's provider wants to be told, by kind, the farthest first."""
    own = {DeadlineKind(row.kind): tuple(row.days) for row in db.scalars(select(DeadlineSetting))}
    return {kind: own.get(kind, usual) for kind, usual in DEFAULTS.items()}


def set_days(db: Session, wanted: Mapping[DeadlineKind, Collection[int]], *, who: Who) -> None:
    """Decide when to be told; raises Invalid at the kind."""
    require(who, Verb.MANAGE)
    for kind, days in wanted.items():
        chosen = sorted(set(days), reverse=True)
        if len(chosen) > MOST_STEPS:
            raise Invalid(N_("最多填 %(most)d 个天数"), field=kind.value, most=MOST_STEPS)
        if any(not 1 <= one <= FARTHEST for one in chosen):
            raise Invalid(N_("天数要在 1 到 365 之间"), field=kind.value)
        row = insert(DeadlineSetting).values(
            id=new_id(), created_at=clock.now(), provider_id=who.provider_id, kind=kind.value, days=chosen
        )
        db.execute(row.on_conflict_do_update(index_elements=["provider_id", "kind"], set_={"days": chosen}))
    activity.record(db, who, "provider.deadlines", own_provider(db))


def look_at_all(db: Session) -> int:
    """Cron, in a platform session: every active provider has its deadlines looked at; says how many there are."""
    ids = list(
        db.scalars(select(Provider.id).where(Provider.status.in_([ProviderStatus.TRIAL, ProviderStatus.ACTIVE])))
    )
    for provider_id in ids:
        enqueue_for(db, provider_id, LOOK, provider_id, lane=Lane.POLL)
    return len(ids)


def look(db: Session, *, at_once: int = _AT_ONCE) -> int:
    """Tell the session's provider what comes near, and what is over; says how many steps were reached."""
    provider, now = own_provider(db), clock.now()
    who, told = system(provider.id), 0
    known = {(DeadlineKind(row.kind), row.subject_id): row for row in db.scalars(select(DeadlineNotice))}
    near: set[tuple[DeadlineKind, UUID]] = set()
    for kind, days in days_before(db).items():
        if not days:
            continue
        until = now + timedelta(days=max(days))
        found = list_deadlines(db, now, until, DeadlineFilter((kind,)), who=who, zone=provider.time_zone, limit=at_once)
        near |= {(kind, one.subject_id) for one in found}
        told += _tell(db, found, days, known, provider.time_zone)
    gone = [row for key, row in known.items() if key not in near]
    _end(db, provider.id, gone, _still_open(db, gone, who, provider.time_zone))
    return told


def step_of(ends_at: datetime, days: Iterable[int], now: datetime) -> int | None:
    """The nearest step that was reached; None before the first."""
    return min((one for one in days if ends_at <= now + timedelta(days=one)), default=None)


def _tell(
    db: Session, found: Sequence[Deadline], days: Collection[int],
    known: Mapping[tuple[DeadlineKind, UUID], DeadlineNotice], zone: str,
) -> int:  # fmt: skip
    now, causes = clock.now(), []
    for one in found:
        step = step_of(one.ends_at, days, now)
        row = known.get((one.kind, one.subject_id))
        is_told = row is not None and row.days <= (step or 0) and one.ends_at < row.ends_at + _RENEWED
        if step is None or is_told:
            continue
        if row is not None:
            _forget(db, row)
        provider_id = db.info["provider_id"]
        db.add(
            DeadlineNotice(
                provider_id=provider_id, kind=one.kind.value, subject_id=one.subject_id, ends_at=one.ends_at, days=step
            )
        )
        db.flush()
        causes.append(Cause(provider_id, AlarmKind.DEADLINE, _alarm_of(one.subject_id, step), _detail(one, now, zone)))
    raise_alarms(db, causes)
    return len(causes)


def _detail(one: Deadline, now: datetime, zone: str) -> dict[str, str | int]:
    day = one.ends_at.astimezone(ZoneInfo(zone)).date()
    left = max(0, (day - now.astimezone(ZoneInfo(zone)).date()).days)
    what = one.detail if one.kind is DeadlineKind.OWN else LABELS[one.kind]
    return {"name": one.name, "days": left, "what": what, "day": day.isoformat(), "kind": one.kind.value}


def _still_open(db: Session, rows: Sequence[DeadlineNotice], who: Who, zone: str) -> set[UUID]:
    """The notices whose deadline stands as it did: nobody is to be told of it any more, or too many are nearer."""
    open_: set[UUID] = set()
    for kind in {DeadlineKind(row.kind) for row in rows if row.ends_at > clock.now()}:
        mine = [row for row in rows if row.kind == kind and row.ends_at > clock.now()]
        ends = ends_of(db, kind, [row.subject_id for row in mine], who=who, zone=zone)
        open_ |= {row.id for row in mine if row.subject_id in ends and ends[row.subject_id] <= row.ends_at + _RENEWED}
    return open_


def _end(db: Session, provider_id: UUID, rows: Sequence[DeadlineNotice], still_open: Collection[UUID]) -> None:
    """What was told and is not near any more: renewed or done gets its all-clear; what ran out is left as it is, or
    forgotten where nobody can renew it or where it is `still_open`.
    """
    now = clock.now()
    ids = [row.subject_id for row in rows]
    steps = {row.id: row for row in db.scalars(select(ProgramStep).where(ProgramStep.id.in_(ids)))} if ids else {}
    dates = {row.id: row for row in db.scalars(select(OwnDate).where(OwnDate.id.in_(ids)))} if ids else {}
    for row in rows:
        over = row.ends_at <= now
        if row.id in still_open:
            _forget(db, row)
            continue
        if row.kind == DeadlineKind.CERTIFICATE:
            step = steps.get(row.subject_id)
            if step is not None and not _is_renewed(step, row.ends_at):
                continue
        elif row.kind == DeadlineKind.OWN:
            own = dates.get(row.subject_id)
            if own is not None and own.done_at is None and over and _same_day(own.day, row.ends_at):
                continue
        elif over:
            _forget(db, row)
            continue
        clear_alarms(db, provider_id, [AlarmKind.DEADLINE], [_alarm_of(row.subject_id, row.days)])
        db.delete(row)
    db.flush()


def _is_renewed(step: ProgramStep, ended_at: datetime) -> bool:
    """There is a certificate, and it ends later than the one that people were told of."""
    return Word(step.word) in CERTIFICATES and step.due_at is not None and step.due_at > ended_at + _RENEWED


def _same_day(day: date, moment: datetime) -> bool:
    return abs((moment.date() - day).days) <= 1


def _forget(db: Session, row: DeadlineNotice) -> None:
    """Another step takes its place, or nobody cares any more: no all-clear goes out."""
    db.execute(
        delete(Alarm).where(
            Alarm.provider_id == row.provider_id, Alarm.kind == AlarmKind.DEADLINE.value,
            Alarm.subject_id == _alarm_of(row.subject_id, row.days),
        )
    )  # fmt: skip
    db.delete(row)
    db.flush()


def _alarm_of(subject_id: UUID, days: int) -> UUID:
    """Each step is an alarm of its own."""
    return uuid5(subject_id, f"deadline {days}")
