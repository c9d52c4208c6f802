"""The doors to release trains, their waves and mini programs. Merchants have nothing to do with them."""

from __future__ import annotations

from typing import TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from saas.errors import NotFound
from saas.tenants.access import Verb, Who, require
from saas.trains.models import Train, TrainProgram, TrainWave

T = TypeVar("T", Train, TrainWave, TrainProgram)


def get_train(db: Session, who: Who, train_id: UUID, verb: Verb = Verb.VIEW) -> Train:
    """A train of the acting member's provider."""
    query = select(Train).where(Train.id == train_id, Train.provider_id == who.provider_id)
    return _opened(db.scalar(query), who, verb)


def get_wave(db: Session, who: Who, wave_id: UUID, verb: Verb) -> tuple[Train, TrainWave]:
    """A wave with its train."""
    query = select(TrainWave).where(TrainWave.id == wave_id, TrainWave.provider_id == who.provider_id)
    wave = _opened(db.scalar(query), who, verb)
    return load_train(db, wave.train_id), wave


def get_train_program(db: Session, who: Who, row_id: UUID, verb: Verb = Verb.VIEW) -> tuple[Train, TrainProgram]:
    """A mini program's place in a train, with the train."""
    query = select(TrainProgram).where(TrainProgram.id == row_id, TrainProgram.provider_id == who.provider_id)
    row = _opened(db.scalar(query), who, verb)
    return load_train(db, row.train_id), row


def load_train(db: Session, train_id: UUID) -> Train:
    """A train for its job, which runs in its provider's session."""
    train = db.scalar(select(Train).where(Train.id == train_id))
    if train is None:
        raise NotFound()
    return train


def _opened(found: T | None, who: Who, verb: Verb) -> T:
    if found is None or who.is_merchant:
        raise NotFound()
    require(who, verb)
    return found
