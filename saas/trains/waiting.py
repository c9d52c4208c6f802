"""For whose word a running train waits: the gate after a wave, the release of what is approved, the release to all."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from itertools import pairwise

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from saas import clock
from saas.trains.models import (
    Holds,
    ProgramState,
    StepStatus,
    Train,
    TrainProgram,
    TrainStep,
    TrainStepName,
    TrainWave,
    WaveStatus,
)


class Word(StrEnum):
    """What somebody is to say."""

    LET_ON = "let_on"
    RELEASE = "release"
    RELEASE_ALL = "release_all"


def holds_after(train: Train, wave: TrainWave) -> bool:
    """Whether the wave after this one waits for somebody's word."""
    return train.holds == Holds.EVERY or (train.holds == Holds.CANARY and wave.is_canary)


def is_at_gate(train: Train, wave: TrainWave) -> bool:
    """Whether this wave has come far enough and waited its time, and only the word is lacking."""
    if wave.let_on_at is not None or wave.reached_at is None or not holds_after(train, wave):
        return False
    return clock.now() >= wave.reached_at + timedelta(hours=train.wait_hours)


def waits_for_word(db: Session, train: Train) -> Word | None:
    """What the train waits for, the most pressing first; two queries."""
    waves = list(db.scalars(select(TrainWave).where(TrainWave.train_id == train.id).order_by(TrainWave.number)))
    row, phase = TrainProgram, TrainStep
    half = (
        select(phase.id)
        .where(
            phase.train_program_id == row.id, phase.step == TrainStepName.PHASE, phase.status == StepStatus.DONE
        )
        .exists()
    )  # fmt: skip
    query = (
        select(
            func.count().filter(and_(~half, TrainWave.release_allowed_at.is_(None))).label("approved"),
            func.count().filter(and_(half, TrainWave.full_allowed_at.is_(None))).label("half"),
        )
        .select_from(row)
        .join(TrainWave, TrainWave.id == row.wave_id)
        .where(
            row.train_id == train.id, row.state == ProgramState.READY,
            or_(row.step == TrainStepName.PHASE, row.step == TrainStepName.RELEASE),
        )
    )  # fmt: skip
    found = db.execute(query).one()
    if found.approved:
        return Word.RELEASE
    for wave, after in pairwise(waves):
        if after.status == WaveStatus.WAITING and is_at_gate(train, wave):
            return Word.LET_ON
    return Word.RELEASE_ALL if found.half else None
