"""Leading mini programs off the way of their train: withdrawing audits, and going back to what was online before.

Somebody who gives a train up means what is being released at that moment, too. Nothing can call that back, so the
train keeps the wish (`Train.rolls_back`) and the conductor leads back what has come to its end since.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session, aliased

from saas.batches.starting import Subject, add_items, open_batch
from saas.releases import bulk, phasing
from saas.trains.models import ProgramState, StepStatus, Train, TrainProgram, TrainStep, TrainStepName
from saas.trains.steps import note_steps, of_train
from saas.trains.window import NOTICED


def returnable(db: Session, train: Train, *conditions: ColumnElement[bool]) -> tuple[list[Any], list[Any], int]:
    """Whose release can be rolled back, whose phased release can be taken back, and how many have nothing before."""
    row, phase, back = TrainProgram, aliased(TrainStep), aliased(TrainStep)
    busy = select(back.id).where(
        back.train_program_id == row.id, back.step == TrainStepName.ROLL_BACK, back.status == StepStatus.RUNNING
    )
    phased = select(phase.id).where(
        phase.train_program_id == row.id, phase.step == TrainStepName.PHASE, phase.status == StepStatus.DONE
    )
    columns = (row.id, row.program_id, row.program_name, row.audit_id, row.version_before)
    here = select(*columns).where(row.train_id == train.id, ~busy.exists(), *conditions).order_by(row.id)
    online = db.execute(here.where(row.state == ProgramState.DONE)).all()
    half = (ProgramState.READY, ProgramState.FAILED, ProgramState.CANCELLED, ProgramState.SKIPPED)
    shared = db.execute(here.where(row.step == TrainStepName.RELEASE, row.state.in_(half), phased.exists())).all()
    able = [one for one in online if one.version_before not in ("", train.user_version)]
    return able, list(shared), len(online) - len(able)


def count_releasing(db: Session, train: Train) -> int:
    """How many are being released now, to some users or to all."""
    row = TrainProgram
    here = (row.train_id == train.id, row.step.in_(NOTICED), row.state == ProgramState.RUNNING)
    return db.scalar(select(func.count()).select_from(row).where(*here)) or 0


def lead_back(db: Session, train: Train, online: Sequence[Any], shared: Sequence[Any]) -> None:
    """Begin the way back of these rows of `returnable`."""
    version = train.user_version
    lead_off(
        db, train, TrainStepName.ROLL_BACK, bulk.ROLL_BACK,
        [
            (one.id, one.program_id, one.program_name,
             {"audit": str(one.audit_id), "version": one.version_before, "online": version})
            for one in online
        ],
    )  # fmt: skip
    lead_off(
        db, train, TrainStepName.ROLL_BACK, phasing.CANCEL,
        [(one.id, one.program_id, one.program_name, {"audit": str(one.audit_id)}) for one in shared],
    )  # fmt: skip


def follow_wish(db: Session, train: Train) -> int:
    """The conductor's part: lead back what has been released since the train was given up; answers how many. Nobody is
    led back twice: where it failed, people look first."""
    if not train.rolls_back:
        return 0
    back = aliased(TrainStep)
    begun = select(back.id).where(back.train_program_id == TrainProgram.id, back.step == TrainStepName.ROLL_BACK)
    online, shared, _ = returnable(db, train, ~begun.exists())
    lead_back(db, train, online, shared)
    return len(online) + len(shared)


def lead_off(
    db: Session, train: Train, step: TrainStepName, function: str,
    rows: Sequence[tuple[UUID, UUID, str, dict[str, Any]]],
) -> None:  # fmt: skip
    """Begin a step off the path: its own batch, and a row each."""
    if not rows:
        return
    batch = open_batch(db, function, who=train.starter, params=of_train(train))
    subjects = [Subject(program_id, name, asked) for _, program_id, name, asked in rows]
    items = add_items(db, batch, subjects)
    note_steps(
        db, train, step,
        [
            {"train_program_id": row_id, "item_id": items[program_id], "asked": asked, "before": train.user_version}
            for row_id, program_id, _, asked in rows
        ],
    )  # fmt: skip
