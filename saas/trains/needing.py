"""What the release trains of component apps still have to submit, for whoever plans with the quota."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from saas.trains.models import ProgramState, Train, TrainProgram, TrainStatus, TrainStepName
from saas.trains.steps import RANK

_UNDECIDED = (TrainStatus.DRAFT, TrainStatus.RUNNING, TrainStatus.PAUSED, TrainStatus.STOPPED)
_OPEN = (ProgramState.PLANNED, ProgramState.WAITING, ProgramState.READY, ProgramState.RUNNING)


@dataclass(frozen=True)
class Need:
    """A train and how many submissions it still needs."""

    train_id: UUID
    version: str
    status: str
    needs: int


def needs_of(db: Session, component_ids: Collection[UUID]) -> dict[UUID, list[Need]]:
    """By component app, the trains that are not over and still have something to submit; one query."""
    early = [step for step, rank in RANK.items() if rank <= RANK[TrainStepName.SUBMIT]]
    query = (
        select(Train, func.count())
        .join(TrainProgram, TrainProgram.train_id == Train.id)
        .where(
            Train.component_id.in_(component_ids), Train.status.in_(_UNDECIDED), TrainProgram.state.in_(_OPEN),
            TrainProgram.step.in_(early),
        )
        .group_by(Train.id)
        .order_by(Train.id)
    )  # fmt: skip
    found: dict[UUID, list[Need]] = {}
    for train, count in db.execute(query):
        found.setdefault(train.component_id, []).append(Need(train.id, train.user_version, train.status, count))
    return found
