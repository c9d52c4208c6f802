"""What a train asks for, step by step: the batch items that do it, and the row that tells of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from saas import clock
from saas.batches.access import load_batch
from saas.batches.models import Batch, BatchStatus
from saas.batches.starting import open_batch
from saas.releases import bulk, phasing
from saas.trains.models import PATH, StepStatus, Train, TrainStep, TrainStepName, TrainWave

_MANY = 1000
_STEPS = {
    TrainStepName.UPLOAD: bulk.UPLOAD,
    TrainStepName.SUBMIT: bulk.SUBMIT,
    TrainStepName.PHASE: phasing.PHASE,
    TrainStepName.RELEASE: bulk.RELEASE,
}
RANK = {step: number for number, step in enumerate(PATH)}


def batch_of(db: Session, train: Train, wave: TrainWave, step: TrainStepName) -> Batch:
    """The batch that does this step for this wave; a new one when there is none, or somebody cancelled it."""
    known = wave.batches.get(step)
    if known is not None:
        batch = load_batch(db, UUID(known))
        db.refresh(batch, with_for_update=True)
        if batch.status != BatchStatus.CANCELLED:
            return batch
    batch = open_batch(db, _STEPS[step], who=train.starter, params=of_train(train) | _params(train, step))
    wave.batches = {**wave.batches, step.value: str(batch.id)}
    return batch


def batch_ids(waves: Iterable[TrainWave]) -> list[UUID]:
    """The batches that the train's waves work with."""
    return [UUID(one) for wave in waves for one in wave.batches.values()]


def note_steps(
    db: Session, train: Train, step: TrainStepName, rows: Iterable[Mapping[str, Any]],
    status: StepStatus = StepStatus.RUNNING,
) -> None:  # fmt: skip
    """Write that a step begins (again) for some mini programs; what it said before is forgotten but for its tries.

    Each row has `train_program_id`, and maybe `item_id`, `asked`, `before` and other columns.
    """
    table, now = TrainStep.__table__, clock.now()
    fixed: dict[str, Any] = {
        "provider_id": train.provider_id, "train_id": train.id, "step": step.value, "status": status.value,
        "asked": {}, "before": "", "item_id": None, "asked_at": now, "sent_at": None, "answered_at": None,
        "tries": 0, "earlier_tries": 0, "errcode": None, "operation": "", "rid": "", "error": "",
    }  # fmt: skip
    statement = insert(TrainStep)
    kept = ("provider_id", "train_id", "step", "tries", "earlier_tries")
    changes: dict[str, Any] = {name: statement.excluded[name] for name in fixed if name not in kept}
    changes |= {"earlier_tries": table.c.tries, "tries": table.c.tries + statement.excluded.tries}
    upsert = statement.on_conflict_do_update(index_elements=["train_program_id", "step"], set_=changes)
    filled = [{**fixed, **row} for row in rows]
    for start in range(0, len(filled), _MANY):
        db.execute(upsert, filled[start : start + _MANY])


def of_train(train: Train) -> dict[str, str]:
    """What a batch of this train carries, so that its page can name the train."""
    return {"train": str(train.id)}


def _params(train: Train, step: TrainStepName) -> dict[str, Any]:
    if step is TrainStepName.UPLOAD:
        return {
            "template": str(train.template_row_id), "user_version": train.user_version,
            "description": train.description,
        }  # fmt: skip
    if step is TrainStepName.SUBMIT:
        return {"version_desc": train.version_desc}
    if step is TrainStepName.PHASE:
        return {"percent": train.phased_percent, "developers": False, "testers": False}
    return {}
