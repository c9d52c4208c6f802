"""The conductor: one pass over a train. It looks what became of the steps, applies the rules, and begins what is due.

A pass is one transaction that holds the train's row, so it happens wholly or not at all, and never twice at a time. It
calls nobody: steps are items of batches, whose engine begins nothing twice. Every pass is bounded, whatever the size.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from saas import clock
from saas.batches.starting import Subject, add_items
from saas.programs.models import Program
from saas.queue import Job, JobStatus, Lane, Later, enqueue_for, hasten
from saas.releases.checks import QUOTA, Check, Verdict, check_programs
from saas.releases.code_state import is_first_reading
from saas.tenants import activity
from saas.tenants.access import system
from saas.trains.causes import REPLACED
from saas.trains.collecting import collect
from saas.trains.drafts import set_off_if_due
from saas.trains.models import (
    OPEN,
    OpensAfter,
    ProgramState,
    StepStatus,
    StopReason,
    Train,
    TrainProgram,
    TrainStatus,
    TrainStep,
    TrainStepName,
    TrainWave,
    WaveStatus,
)
from saas.trains.quota import room_to_submit
from saas.trains.retrying import take_back, take_out
from saas.trains.returning import follow_wish
from saas.trains.steps import RANK, batch_of, note_steps
from saas.trains.stopping import go_on_if_mended, stop_if_broken, stop_train
from saas.trains.telling import tell, tell_end
from saas.trains.waiting import holds_after
from saas.trains.window import NOTICED, is_time, keep_window

CONDUCT = "jobs.trains.conduct"

_MOST_OPEN = 500
"""How many items of one step are under way at most: what is not begun stays here, where pauses and rules hold it."""
_MOST_CHECKED = 200
_SOON, _BUSY, _IDLE = timedelta(seconds=2), timedelta(seconds=5), timedelta(seconds=30)
_GOALS = {
    OpensAfter.SUBMITTED: TrainStepName.SUBMIT,
    OpensAfter.APPROVED: TrainStepName.AUDIT,
    OpensAfter.RELEASED: TrainStepName.RELEASE,
}

Tally = dict[UUID, Counter[tuple[str, str]]]
"""By wave: how many of its mini programs are at which step in which state."""


def wake_conductor(db: Session, train: Train) -> None:
    """Have the train looked at now."""
    hasten(db, CONDUCT, train.id, lane=Lane.DEFAULT)


def conduct_all(db: Session) -> int:
    """Give every train that moves, or waits for its component app or its time, a conductor where its job was lost; says
    how many. In a platform session."""
    running = select(TrainStep.id).where(TrainStep.train_id == Train.id, TrainStep.status == StepStatus.RUNNING)
    conducted = select(Job.id).where(
        Job.name == CONDUCT, Job.subject == func.cast(Train.id, Job.subject.type),
        Job.status.in_([JobStatus.QUEUED, JobStatus.RUNNING]),
    )  # fmt: skip
    query = select(Train.id, Train.provider_id).where(
        or_(
            Train.status == TrainStatus.RUNNING, running.exists(),
            and_(Train.status == TrainStatus.STOPPED, Train.why == StopReason.COMPONENT),
            and_(Train.status == TrainStatus.DRAFT, Train.starts_at <= clock.now()),
        ),
        ~conducted.exists(),
    )  # fmt: skip
    rows = db.execute(query.limit(1000)).all()
    for row in rows:
        enqueue_for(db, row.provider_id, CONDUCT, row.id)
    return len(rows)


def conduct(db: Session, train: Train) -> None:
    """One pass; raises Later as long as the train goes on, or something of it is under way."""
    db.refresh(train, with_for_update=True)
    if train.status == TrainStatus.DRAFT and not set_off_if_due(db, train):
        return
    moved = collect(db, train) + follow_wish(db, train) + go_on_if_mended(db, train)
    if train.status == TrainStatus.RUNNING and not stop_if_broken(db, train):
        moved += take_back(db, train) + _open_waves(db, train)
    if train.status == TrainStatus.RUNNING:
        keep_window(db, train)
        moved += take_out(db, train)
        moved += _check(db, train) + sum(_begin(db, train, step) for step in _BEGUN)
        _end(db, train)
    tell(db, train)
    under_way = _under_way(db, train)
    if train.status == TrainStatus.RUNNING and db.scalar(select(exists().where(*_ready(train, TrainStepName.CHECK)))):
        under_way.add(TrainStepName.CHECK)
    if train.status == TrainStatus.RUNNING or under_way:
        is_held = train.status in (TrainStatus.PAUSED, TrainStatus.STOPPED)
        raise Later(_SOON if moved else _IDLE if is_held or under_way <= {TrainStepName.AUDIT} else _BUSY)


_BEGUN = (TrainStepName.UPLOAD, TrainStepName.SUBMIT, TrainStepName.PHASE, TrainStepName.RELEASE)


def tally(db: Session, train: Train) -> Tally:
    """One query over the train's mini programs."""
    row = TrainProgram
    query = select(row.wave_id, row.step, row.state, func.count()).where(
        row.train_id == train.id, row.wave_id.is_not(None)
    )
    found: Any = {}
    for wave_id, step, state, count in db.execute(query.group_by(row.wave_id, row.step, row.state)):
        found.setdefault(wave_id, Counter())[step, state] = count
    return dict(found)


def waves_of(db: Session, train: Train) -> list[TrainWave]:
    """The train's waves in their order."""
    return list(db.scalars(select(TrainWave).where(TrainWave.train_id == train.id).order_by(TrainWave.number)))


def _open_waves(db: Session, train: Train) -> int:
    """Open the next wave once the one before has come far enough and waited its time; answers how many were opened."""
    waves, counts, now = waves_of(db, train), tally(db, train), clock.now()
    for number, wave in enumerate(waves):
        here = counts.get(wave.id, Counter())
        if wave.status == WaveStatus.WAITING:
            _open(db, train, wave)
            return 1
        is_open = any(count for (_, state), count in here.items() if state in OPEN)
        wave.status = WaveStatus.OPEN if is_open else WaveStatus.DONE
        if number + 1 == len(waves) or waves[number + 1].status != WaveStatus.WAITING:
            continue
        if not _has_come_far(train, here):
            return 0
        if wave.reached_at is None:
            wave.reached_at = now
            if _is_alarming(db, train, here):
                return 0
        if now < wave.reached_at + timedelta(hours=train.wait_hours):
            return 0
        if holds_after(train, wave) and wave.let_on_at is None:
            return 0
    return 0


def _open(db: Session, train: Train, wave: TrainWave) -> None:
    now = clock.now()
    wave.status, wave.opened_at = WaveStatus.OPEN, now
    if train.releases_itself:
        wave.release_allowed_at = now
    db.execute(
        update(TrainProgram)
        .where(TrainProgram.wave_id == wave.id, TrainProgram.state == ProgramState.WAITING)
        .values(state=ProgramState.READY, state_at=now)
        .execution_options(synchronize_session=False)
    )


def _has_come_far(train: Train, here: Counter[tuple[str, str]]) -> bool:
    goal = RANK[_GOALS[OpensAfter(train.opens_after)]]
    return not any(
        count for (step, state), count in here.items() if state in OPEN and RANK[TrainStepName(step)] <= goal
    )


def _is_alarming(db: Session, train: Train, here: Counter[tuple[str, str]]) -> bool:
    """Look once more at a whole wave before the next one: stop when nothing of it went well, or a rule says so."""
    failed = sum(count for (_, state), count in here.items() if state == ProgramState.FAILED)
    well = sum(count for (_, state), count in here.items() if state in (*OPEN, ProgramState.DONE))
    if failed and not well:
        stop_train(db, train, StopReason.NOTHING_PASSED, {"count": failed})
        return True
    return stop_if_broken(db, train, least=1)


def _check(db: Session, train: Train) -> int:
    """The pre-audit check of those whose code is up: it spends no quota. One that was never read before waits until it
    is, which its upload asked for.
    """
    row = TrainProgram
    query = select(row.id, row.program_id, row.upload_id, row.changes).where(
        *_ready(train, TrainStepName.CHECK), ~is_first_reading(row.program_id)
    )
    rows = db.execute(query.order_by(row.id).limit(_MOST_CHECKED)).all()
    if not rows:
        return 0
    checked = check_programs(db, [one.program_id for one in rows])
    found = {facts.program.id: (facts.upload, lines) for facts, lines in checked}
    good, wrong = [], []
    for one in rows:
        upload, lines = found[one.program_id]
        if upload is None or upload.id != one.upload_id:
            wrong.append({"train_program_id": one.id, "error": REPLACED})
        elif refused := _refused(lines, waives=bool(one.changes.get("privacy_not_used"))):
            worst = refused[0]
            asked = {"repair": worst.repair.value}
            wrong.append({"train_program_id": one.id, "error": _text(worst), "asked": asked})
        else:
            good.append({"train_program_id": one.id})
    now = clock.now()
    for results, status, values in (
        (good, StepStatus.DONE, {"step": TrainStepName.SUBMIT, "state": ProgramState.READY}),
        (wrong, StepStatus.FAILED, {"state": ProgramState.FAILED}),
    ):
        note_steps(
            db, train, TrainStepName.CHECK, [{"answered_at": now, "tries": 1, **one} for one in results], status
        )  # fmt: skip
        _change(db, [one["train_program_id"] for one in results], **values)
    return len(rows)


def _refused(lines: Collection[Check], *, waives: bool) -> list[Check]:
    """What keeps it from being submitted. Quota is waited for; a submission may declare what it does not use."""
    blocking = [line for line in lines if line.verdict is Verdict.BLOCKING and line.title != QUOTA]
    return [line for line in blocking if not (waives and line.waivable)]


def _text(check: Check) -> str:
    params = {name: "、".join(value) if isinstance(value, list) else value for name, value in check.params.items()}
    return check.text % params if params else check.text


def _begin(db: Session, train: Train, step: TrainStepName) -> int:
    """Begin this step for as many as there is room for. Items and rows are written together."""
    waiting = _ready(train, step)
    if not db.scalar(select(select(TrainProgram.id).where(*waiting).exists())):
        return 0
    room = _MOST_OPEN - _running(db, train, step)
    if step is TrainStepName.SUBMIT:
        room = min(room, room_to_submit(db, train))
    if step in NOTICED and not is_time(db, train):
        return 0
    if room <= 0:
        return 0
    row = TrainProgram
    columns = (
        row.id, row.program_id, row.program_name, row.wave_id, row.upload_id, row.audit_id, row.changes,
        Program.trial_version, Program.online_version,
    )  # fmt: skip
    query = select(*columns).join(Program, Program.id == row.program_id).where(*waiting)
    rows = db.execute(query.order_by(row.id).limit(room)).all()
    for wave in waves_of(db, train):
        if here := [one for one in rows if one.wave_id == wave.id]:
            _set_off(db, train, wave, step, here)
    return len(rows)


def _set_off(db: Session, train: Train, wave: TrainWave, step: TrainStepName, rows: list[Any]) -> None:
    asked = {one.id: _asked(train, step, one) for one in rows}
    batch = batch_of(db, train, wave, step)
    subjects = [Subject(one.program_id, one.program_name, asked[one.id]) for one in rows]
    items = add_items(db, batch, subjects)
    trial = step is TrainStepName.UPLOAD
    note_steps(
        db, train, step,
        [
            {
                "train_program_id": one.id, "item_id": items[one.program_id], "asked": asked[one.id],
                "before": one.trial_version if trial else one.online_version,
            }
            for one in rows
        ],
    )  # fmt: skip
    _change(db, list(asked), state=ProgramState.RUNNING)


def _asked(train: Train, step: TrainStepName, row: Any) -> dict[str, Any]:
    if step is TrainStepName.UPLOAD:
        return {"template_id": train.template_id, "version": train.user_version}
    if step is TrainStepName.SUBMIT:
        return {"upload": str(row.upload_id), **({"changes": row.changes} if row.changes else {})}
    share = {"percent": train.phased_percent} if step is TrainStepName.PHASE else {}
    return {"audit": str(row.audit_id), **share}


def _ready(train: Train, step: TrainStepName) -> tuple[ColumnElement[bool], ...]:
    """Who may begin this step. What is being withdrawn or rolled back goes nowhere else."""
    row, led_off, phase = TrainProgram, aliased(TrainStep), aliased(TrainStep)
    leaving = select(led_off.id).where(
        led_off.train_program_id == row.id, led_off.status == StepStatus.RUNNING,
        led_off.step.in_((TrainStepName.UNDO, TrainStepName.ROLL_BACK)),
    )  # fmt: skip
    conditions: list[ColumnElement[bool]] = [
        row.train_id == train.id, row.step == step, row.state == ProgramState.READY, ~leaving.exists(),
    ]  # fmt: skip
    allowed = select(TrainWave.id).where(TrainWave.train_id == train.id, TrainWave.release_allowed_at.is_not(None))
    full = select(TrainWave.id).where(TrainWave.train_id == train.id, TrainWave.full_allowed_at.is_not(None))
    if step is TrainStepName.PHASE:
        conditions.append(row.wave_id.in_(allowed))
    if step is TrainStepName.RELEASE:
        phased = select(phase.id).where(phase.train_program_id == row.id, phase.step == TrainStepName.PHASE).exists()
        conditions.append(or_(and_(phased, row.wave_id.in_(full)), and_(~phased, row.wave_id.in_(allowed))))
    return tuple(conditions)


def _running(db: Session, train: Train, step: TrainStepName) -> int:
    query = select(func.count()).select_from(TrainStep)
    query = query.where(TrainStep.train_id == train.id, TrainStep.status == StepStatus.RUNNING, TrainStep.step == step)
    return db.scalar(query) or 0


def _under_way(db: Session, train: Train) -> set[str]:
    """The steps of which something is under way."""
    query = select(TrainStep.step).where(TrainStep.train_id == train.id, TrainStep.status == StepStatus.RUNNING)
    return set(db.scalars(query.distinct()))


def _change(db: Session, row_ids: Collection[UUID], **values: Any) -> None:
    if row_ids:
        db.execute(
            update(TrainProgram)
            .where(TrainProgram.id.in_(row_ids))
            .values(state_at=clock.now(), **values)
            .execution_options(synchronize_session=False)
        )


def _end(db: Session, train: Train) -> None:
    """A train is over when nothing of it is open; failures may be retried, then it runs again."""
    is_open = select(TrainProgram.id).where(TrainProgram.train_id == train.id, TrainProgram.state.in_(OPEN))
    if db.scalar(select(is_open.exists())):
        return
    train.status, train.finished_at = TrainStatus.DONE, clock.now()
    for wave in waves_of(db, train):
        wave.status = WaveStatus.DONE
    activity.record(db, system(train.provider_id), "train.done", train, detail={"version": train.user_version})
    tell_end(db, train)
