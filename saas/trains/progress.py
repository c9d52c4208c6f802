"""How trains stand: every wave at every step, the speed, causes of failure, and a page of mini programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from saas import clock
from saas.trains.causes import OWN_TEXTS, Cause, Remedy, head_of, own_words, remedy_of
from saas.trains.conducting import tally, waves_of
from saas.trains.models import (
    OPEN,
    PATH,
    ProgramState,
    StepStatus,
    Train,
    TrainProgram,
    TrainStatus,
    TrainStep,
    TrainStepName,
    TrainWave,
    WaveStatus,
)
from saas.trains.steps import RANK
from saas.trains.waiting import is_at_gate

_WINDOW = timedelta(minutes=10)
_OFF_PATH = (TrainStepName.UNDO, TrainStepName.ROLL_BACK)
_MOST_GROUPS = 40


@dataclass(frozen=True)
class Bar:
    """One step of one wave: how many are past it, at it, and failed at it."""

    step: TrainStepName
    past: int
    running: int
    failed: int


@dataclass(frozen=True)
class WaveStanding:
    """A wave with its bars, and what of it waits for somebody's word: `held` for its release, `half` for the one to
    all, `at_gate` the wave after it."""

    wave: TrainWave
    bars: tuple[Bar, ...]
    states: Mapping[str, int]
    held: int
    half: int
    at_gate: bool


@dataclass(frozen=True)
class Group:
    """Failed steps of one cause; `example` is the whole text of one of them. `retriable`: a retry takes it on."""

    cause: Cause
    remedy: Remedy
    count: int
    example: str
    retriable: bool


@dataclass(frozen=True)
class Standing:
    """`per_minute` counts steps that ended lately; at that speed what needs no reviewer is over at `ends_at`."""

    waves: tuple[WaveStanding, ...]
    states: Mapping[str, int]
    per_minute: float
    ends_at: datetime | None
    groups: tuple[Group, ...]

    @property
    def open(self) -> int:
        return sum(self.states.get(state, 0) for state in OPEN)

    @property
    def in_audit(self) -> int:
        return sum(bar.running for one in self.waves for bar in one.bars if bar.step is TrainStepName.AUDIT)


@dataclass(frozen=True)
class Places:
    """Which of a train's mini programs: those in a state, of a wave, failed for a cause, left out for a reason, with a
    text in their name."""

    state: str = ""
    wave_id: UUID | None = None
    cause: Cause | None = None
    text: str = ""
    reason: str = ""

    def conditions(self, train: Train) -> list[ColumnElement[bool]]:
        row = TrainProgram
        found: list[ColumnElement[bool]] = [row.train_id == train.id]
        if self.state:
            found.append(row.state == self.state)
        if self.wave_id is not None:
            found.append(row.wave_id == self.wave_id)
        if self.text:
            found.append(row.program_name.icontains(self.text, autoescape=True))
        if self.reason:
            found += [row.state == ProgramState.EXCLUDED, head_of(row.reason) == self.reason]
        if self.cause is not None:
            mine = (TrainStep.train_program_id == row.id, TrainStep.status == StepStatus.FAILED)
            stands = or_(
                and_(row.state == ProgramState.FAILED, row.step == TrainStep.step), TrainStep.step.in_(_OFF_PATH)
            )
            found.append(select(TrainStep.id).where(*mine, self.cause.holds, stands).exists())
        return found


ALL = Places()


def path_of(train: Train) -> list[TrainStepName]:
    """The steps that its mini programs go through."""
    return [step for step in PATH if step is not TrainStepName.PHASE or train.phased_percent is not None]


def standing(db: Session, train: Train) -> Standing:
    """Five queries, whatever the size."""
    counts, waves = tally(db, train), waves_of(db, train)
    states: Counter[str] = Counter()
    for here in counts.values():
        for (_, state), count in here.items():
            states[state] += count
    excluded = db.scalar(
        select(func.count())
        .select_from(TrainProgram)
        .where(TrainProgram.train_id == train.id, TrainProgram.state == ProgramState.EXCLUDED)
    )
    states[ProgramState.EXCLUDED] = excluded or 0
    phased = _phased(db, train) if train.phased_percent is not None else {}
    waiting = {one.number for one in waves if one.status == WaveStatus.WAITING}
    shown = tuple(
        _of_wave(train, wave, counts.get(wave.id, Counter()), phased.get(wave.id, 0), wave.number + 1 in waiting)
        for wave in waves
    )
    per_minute, ends_at = _speed(db, train, shown)
    return Standing(shown, states, per_minute, ends_at, _groups(db, train))


@dataclass(frozen=True)
class LeftOut:
    """Mini programs that are left out for one reason; `example` is the whole text of one of them."""

    reason: str
    remedy: Remedy
    count: int
    example: str


def left_out(db: Session, train: Train) -> list[LeftOut]:
    """Who does not go, by reason, the largest first; one query."""
    row = TrainProgram
    head = head_of(row.reason).label("head")
    query = (
        select(head, func.count().label("programs"), func.min(row.reason).label("example"))
        .where(row.train_id == train.id, row.state == ProgramState.EXCLUDED)
        .group_by(head)
        .order_by(func.count().desc(), head)
    )
    return [
        LeftOut(one.head, OWN_TEXTS.get(one.head, Remedy.RETRY), one.programs, one.example) for one in db.execute(query)
    ]


def list_trains(db: Session, *, before: UUID | None = None, limit: int = 30) -> list[Train]:
    """The provider's trains, newest first."""
    query = select(Train).order_by(Train.id.desc()).limit(limit)
    return list(db.scalars(query if before is None else query.where(Train.id < before)))


def count_states(db: Session, train_ids: Collection[UUID]) -> dict[UUID, Counter[str]]:
    """How many mini programs of each train are in which state; one query."""
    found: dict[UUID, Counter[str]] = {train_id: Counter() for train_id in train_ids}
    row = TrainProgram
    query = select(row.train_id, row.state, func.count()).where(row.train_id.in_(train_ids))
    for train_id, state, count in db.execute(query.group_by(row.train_id, row.state)):
        found[train_id][state] = count
    return found


def list_places(
    db: Session, train: Train, wanted: Places = ALL, *, after: UUID | None = None, limit: int = 50
) -> list[TrainProgram]:  # fmt: skip
    """The train's mini programs in their order."""
    query = select(TrainProgram).where(*wanted.conditions(train)).order_by(TrainProgram.id).limit(limit)
    return list(db.scalars(query if after is None else query.where(TrainProgram.id > after)))


def programs_at(db: Session, train: Train, wanted: Places, limit: int) -> list[UUID]:
    """The ids of these mini programs, for what is done with many of them."""
    query = select(TrainProgram.program_id).where(*wanted.conditions(train)).order_by(TrainProgram.id)
    return list(db.scalars(query.limit(limit)))


def count_places(db: Session, train: Train, wanted: Places) -> int:
    return db.scalar(select(func.count()).select_from(TrainProgram).where(*wanted.conditions(train))) or 0


def steps_of(db: Session, place_ids: Collection[UUID]) -> dict[UUID, dict[str, TrainStep]]:
    """The rows of truth of some mini programs, by step; one query."""
    found: dict[UUID, dict[str, TrainStep]] = {place_id: {} for place_id in place_ids}
    for row in db.scalars(select(TrainStep).where(TrainStep.train_program_id.in_(place_ids))):
        found[row.train_program_id][row.step] = row
    return found


def _of_wave(
    train: Train, wave: TrainWave, here: Counter[tuple[str, str]], phased: int, follows: bool
) -> WaveStanding:  # fmt: skip
    states: Counter[str] = Counter()
    for (_, state), count in here.items():
        states[state] += count

    def at(step: TrainStepName, *wanted: ProgramState) -> int:
        return sum(here[step, state] for state in wanted)

    def past(step: TrainStepName) -> int:
        beyond = sum(count for (one, _), count in here.items() if RANK[TrainStepName(one)] > RANK[step])
        ended = (ProgramState.DONE, ProgramState.ROLLED_BACK)
        return beyond + (at(step, *ended) if step is TrainStepName.RELEASE else 0)

    bars = tuple(
        Bar(step, past(step), at(step, ProgramState.RUNNING), at(step, ProgramState.FAILED)) for step in path_of(train)
    )
    ready = at(TrainStepName.RELEASE, ProgramState.READY)
    waits = at(TrainStepName.PHASE, ProgramState.READY) + ready - phased
    return WaveStanding(
        wave, bars, states,
        held=waits if wave.release_allowed_at is None else 0,
        half=phased if wave.full_allowed_at is None else 0, at_gate=follows and is_at_gate(train, wave),
    )  # fmt: skip


def _phased(db: Session, train: Train) -> dict[UUID | None, int]:
    """By wave: how many have the version for some users, and wait for the release to all."""
    row = TrainProgram
    done = select(TrainStep.id).where(
        TrainStep.train_program_id == row.id, TrainStep.step == TrainStepName.PHASE,
        TrainStep.status == StepStatus.DONE,
    )  # fmt: skip
    query = select(row.wave_id, func.count().label("waiting")).where(
        row.train_id == train.id, row.step == TrainStepName.RELEASE, row.state == ProgramState.READY, done.exists()
    )
    return {one.wave_id: one.waiting for one in db.execute(query.group_by(row.wave_id))}


def _speed(db: Session, train: Train, waves: tuple[WaveStanding, ...]) -> tuple[float, datetime | None]:
    """Steps per minute of late, and when those under way now are over; audits are the reviewers' and do not count."""
    now = clock.now()
    since = max(now - _WINDOW, train.started_at or now)
    query = (
        select(func.count())
        .select_from(TrainStep)
        .where(
            TrainStep.train_id == train.id, TrainStep.status == StepStatus.DONE, TrainStep.answered_at > since,
            TrainStep.step.not_in((TrainStepName.AUDIT, TrainStepName.CHECK)),
        )
    )  # fmt: skip
    lately = db.scalar(query) or 0
    minutes = max((now - since).total_seconds(), 1.0) / 60
    calls = (TrainStepName.UPLOAD, TrainStepName.SUBMIT, TrainStepName.PHASE, TrainStepName.RELEASE)
    running = sum(bar.running for one in waves for bar in one.bars if bar.step in calls)
    ends_at = None
    if lately and running and train.status == TrainStatus.RUNNING:
        ends_at = now + timedelta(minutes=running * minutes / lately)
    return lately / minutes, ends_at


def _groups(db: Session, train: Train) -> tuple[Group, ...]:
    """The largest first. Texts of WeChat tell hosts and names, so the errcode makes the group where there is one."""
    step, row = TrainStep, TrainProgram
    columns = (step.step, step.errcode, step.operation, own_words().label("own"))
    repair = func.coalesce(func.min(step.asked["repair"].astext), "").label("repair")
    query = (
        select(*columns, func.count().label("failed"), func.min(step.error).label("example"), repair)
        .join(row, row.id == step.train_program_id)
        .where(step.train_id == train.id, step.status == StepStatus.FAILED, _counts())
        .group_by(*columns)
        .order_by(func.count().desc(), step.step, step.errcode)
        .limit(_MOST_GROUPS)
    )
    groups = []
    for one in db.execute(query):
        cause = Cause(TrainStepName(one.step), one.errcode, one.operation, one.own)
        retriable = one.step not in _OFF_PATH and train.status != TrainStatus.CANCELLED
        groups.append(Group(cause, remedy_of(cause, one.repair), one.failed, one.example, retriable))
    return tuple(groups)


def _counts() -> ColumnElement[bool]:
    """A failure that has been retried is past; one off the path stays until it is begun again."""
    here = and_(TrainProgram.state == ProgramState.FAILED, TrainProgram.step == TrainStep.step)
    return or_(here, TrainStep.step.in_(_OFF_PATH))
