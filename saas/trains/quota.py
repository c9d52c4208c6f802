"""The month's submissions: what a train may take of them, and when there will be enough.

The quota is the whole component app's, counted by WeChat; the reading may be an hour old. So what is under way is taken
off, trains of one component app share by turns, and WeChat's own refusal is no failure but a wait.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from saas import clock
from saas.batches.models import Batch, BatchItem, BatchStatus, ItemStatus
from saas.components.access import load_component
from saas.components.models import ComponentApp
from saas.releases.models import Audit
from saas.trains.models import ProgramState, StepStatus, Train, TrainProgram, TrainStep, TrainStepName
from saas.trains.steps import RANK
from saas.wx.limits import Period

_LOOKED_AT, _FEWEST = 200, 5
_LONG = timedelta(hours=1)


@dataclass(frozen=True)
class Forecast:
    """What a train still `needs`, and what is `left` to it this month; `left` is None while nobody knows.

    `due` of them could be submitted now. `returns_at` is when the month's quota begins anew, `enough_at` when all
    could be submitted; None: never, since the reserve takes all. `ends_at`: when the last of them will be decided, by
    how long audits took of late; None where nothing tells.
    """

    needs: int
    due: int
    left: int | None
    rest: int | None
    limit: int
    reserve: int
    read_at: datetime | None
    returns_at: datetime
    enough_at: datetime | None
    ends_at: datetime | None

    @property
    def short(self) -> int:
        return 0 if self.left is None else max(0, self.needs - self.left)


def forecast(db: Session, train: Train) -> Forecast:
    """Whether the quota suffices for what has not been submitted yet; three queries."""
    component = load_component(db, train.component_id)
    early = [step for step, rank in RANK.items() if rank <= RANK[TrainStepName.SUBMIT]]
    states = (ProgramState.PLANNED, ProgramState.WAITING, ProgramState.READY, ProgramState.RUNNING)
    row = TrainProgram
    waits = (row.step == TrainStepName.SUBMIT, row.state == ProgramState.READY)
    query = select(func.count(), func.count().filter(*waits))
    query = query.where(row.train_id == train.id, row.state.in_(states), row.step.in_(early))
    needs, due = db.execute(query).one()
    rest = known_rest(component)
    left = None if rest is None else max(0, rest - train.reserve)
    returns_at = _month_ends()
    short = 0 if left is None else max(0, needs - left)
    monthly = max(0, (component.audit_quota_limit or 0) - train.reserve)
    enough_at = _after_months(math.ceil(short / monthly)) if monthly else None if short else clock.now()
    typical = _typical_audit(db) if needs else None
    return Forecast(
        needs=needs, due=due, left=left, rest=rest, limit=component.audit_quota_limit or 0, reserve=train.reserve,
        read_at=component.quota_read_at, returns_at=returns_at,
        enough_at=enough_at, ends_at=enough_at + typical if enough_at and typical else None,
    )  # fmt: skip


def room_to_submit(db: Session, train: Train) -> int:
    """How many submissions the train may begin now. Other trains of the component app wait until this one has begun.

    While the quota is unknown one at a time goes: every submission reads it first.
    """
    db.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"quota {train.component_id}", 0))))
    component = load_component(db, train.component_id)
    db.refresh(component)
    return _room(db, train, component)


def waits_for_room(db: Session, train: Train) -> bool:
    """Whether the train has had something to submit for an hour, and may not: others have the rest of the quota under
    way, or nobody could read it this month."""
    row = TrainProgram
    due = (row.train_id == train.id, row.step == TrainStepName.SUBMIT, row.state == ProgramState.READY)
    since = db.scalar(select(func.min(row.state_at)).where(*due))
    if since is None or max(since, train.counts_from or since) > clock.now() - _LONG:
        return False
    return _room(db, train, load_component(db, train.component_id)) == 0


def known_rest(component: ComponentApp) -> int | None:
    """What is left this month, as last read; None when that was last month, or never."""
    read_at: Any = component.quota_read_at
    month = Period.MONTH
    if read_at is None or month.start(read_at) != month.start(clock.now()):
        return None
    return component.audit_quota_rest


def _after_months(count: int) -> datetime:
    """When the quota has begun anew this many times from now."""
    moment = clock.now()
    for _ in range(count):
        moment = _month_ends(moment)
    return moment


def _typical_audit(db: Session) -> timedelta | None:
    """How long nine of ten of the provider's last audits took; None while there are too few to tell."""
    took = (
        select((Audit.decided_at - Audit.submitted_at).label("took"))
        .where(Audit.decided_at.is_not(None), Audit.submitted_at.is_not(None))
        .order_by(Audit.id.desc())
        .limit(_LOOKED_AT)
        .subquery()
    )
    found = db.execute(select(func.count(), func.percentile_cont(0.9).within_group(took.c.took))).one()
    return found[1] if found[0] >= _FEWEST else None


def _room(db: Session, train: Train, component: ComponentApp) -> int:
    under_way = _under_way(db, train.component_id)
    if component.quota_read_at is None:
        return max(0, 1 - under_way)
    rest = known_rest(component)
    return 0 if rest is None else max(0, rest - train.reserve - under_way)


def _under_way(db: Session, component_id: UUID) -> int:
    """The submissions that trains have begun, but for those that a pause holds: nobody knows for how long."""
    begun = BatchItem.status.in_((ItemStatus.RUNNING, ItemStatus.WAITING))
    query = (
        select(func.count())
        .select_from(TrainStep)
        .join(Train, Train.id == TrainStep.train_id)
        .join(BatchItem, BatchItem.id == TrainStep.item_id)
        .join(Batch, Batch.id == BatchItem.batch_id)
        .where(
            Train.component_id == component_id, TrainStep.status == StepStatus.RUNNING,
            TrainStep.step == TrainStepName.SUBMIT, or_(begun, Batch.status != BatchStatus.PAUSED),
        )
    )  # fmt: skip
    return db.scalar(query) or 0


def _month_ends(moment: datetime | None = None) -> datetime:
    end = Period.MONTH.end(Period.MONTH.start(moment or clock.now()))
    assert end is not None
    return end
