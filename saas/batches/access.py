"""The doors to batches and their items: the only ways from an id to a row. Merchants have nothing to do with them."""

from __future__ import annotations

from typing import TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from saas.batches.models import Batch, BatchItem
from saas.errors import NotFound
from saas.tenants.access import Verb, Who, require

T = TypeVar("T")


def get_batch(db: Session, who: Who, batch_id: UUID, verb: Verb = Verb.VIEW) -> Batch:
    """A batch of the acting member's provider."""
    query = select(Batch).where(Batch.id == batch_id, Batch.provider_id == who.provider_id)
    return _opened(db.scalar(query), who, verb)


def get_item(db: Session, who: Who, item_id: UUID, verb: Verb = Verb.VIEW) -> BatchItem:
    """An item of the acting member's provider."""
    query = select(BatchItem).where(BatchItem.id == item_id, BatchItem.provider_id == who.provider_id)
    return _opened(db.scalar(query), who, verb)


def load_batch(db: Session, batch_id: UUID) -> Batch:
    """A batch for its pump, which runs in its provider's session."""
    return _found(db.scalar(select(Batch).where(Batch.id == batch_id)))


def load_item(db: Session, item_id: UUID) -> BatchItem:
    """An item for the pump, which runs in its provider's session."""
    return _found(db.scalar(select(BatchItem).where(BatchItem.id == item_id)))


def _opened(found: T | None, who: Who, verb: Verb) -> T:
    if who.is_merchant:
        raise NotFound()
    thing = _found(found)
    require(who, verb)
    return thing


def _found(thing: T | None) -> T:
    if thing is None:
        raise NotFound()
    return thing
