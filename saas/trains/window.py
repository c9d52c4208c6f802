"""The hours in which users may notice something: phased releases and releases begin in them alone.

Their batches are held outside of these hours, since what was queued inside may still wait when the window closes, or
when the train goes on after a pause. Uploads, submissions, withdrawals and roll-backs know no hours.
"""

from __future__ import annotations

from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from saas import clock
from saas.batches.models import BatchItem, ItemStatus
from saas.batches.steering import pause_all, resume_all
from saas.tenants.providers import own_provider
from saas.trains.models import Train, TrainStepName, TrainWave
from saas.trains.steps import batch_ids

NOTICED = (TrainStepName.PHASE, TrainStepName.RELEASE)
"""Steps that users notice."""


def in_window(train: Train, zone: str) -> bool:
    """Whether users may notice something now: releases begin only in these hours of the provider's day."""
    if train.window_from is None or train.window_until is None:
        return True
    hour = clock.now().astimezone(ZoneInfo(zone)).hour
    if train.window_from < train.window_until:
        return train.window_from <= hour < train.window_until
    return hour >= train.window_from or hour < train.window_until


def is_time(db: Session, train: Train) -> bool:
    """`in_window` of the train's provider."""
    return train.window_from is None or in_window(train, own_provider(db).time_zone)


def keep_window(db: Session, train: Train) -> None:
    """Hold what users would notice outside of the hours, and let it go on in them. For a train that runs.

    A batch of which all has begun is left to run: it only reads what became of it.
    """
    ids = _noticed(db, train)
    if not ids:
        return
    held: set[UUID] = set()
    if not is_time(db, train):
        begins = (BatchItem.batch_id.in_(ids), BatchItem.status == ItemStatus.QUEUED)
        held = set(db.scalars(select(BatchItem.batch_id).where(*begins).distinct()))
        pause_all(db, held)
    resume_all(db, ids - held)


def resume_batches(db: Session, train: Train) -> None:
    """Let the batches of the train go on after a pause, as far as the window allows."""
    waves = db.scalars(select(TrainWave).where(TrainWave.train_id == train.id))
    resume_all(db, set(batch_ids(waves)) - _noticed(db, train))
    keep_window(db, train)


def _noticed(db: Session, train: Train) -> set[UUID]:
    named = db.scalars(select(TrainWave.batches).where(TrainWave.train_id == train.id))
    return {UUID(one[step]) for one in named for step in NOTICED if step in one}
