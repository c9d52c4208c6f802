"""The doors to component apps: the only ways from an id or a key to a row."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from saas.components.models import AccessTokenRow, Callback, ComponentApp, FleetImport
from saas.errors import NotFound
from saas.tenants.access import Verb, Who, require


def get_component(db: Session, who: Who, component_id: UUID, verb: Verb = Verb.VIEW) -> ComponentApp:
    """One component app of the acting member's provider. Merchants have nothing to do with component apps."""
    component = db.scalar(
        select(ComponentApp).where(ComponentApp.provider_id == who.provider_id, ComponentApp.id == component_id)
    )
    if component is None or who.is_merchant:
        raise NotFound
    require(who, verb)
    return component


def load_component(db: Session, component_id: UUID) -> ComponentApp:
    """For jobs, which run in the session of the component app's provider."""
    component = db.get(ComponentApp, component_id)
    if component is None:
        raise NotFound
    return component


def get_import(db: Session, who: Who, component_id: UUID, import_id: UUID, verb: Verb = Verb.VIEW) -> FleetImport:
    """One run of bringing a fleet in, under its component app."""
    component = get_component(db, who, component_id, verb)
    run = db.scalar(select(FleetImport).where(FleetImport.component_id == component.id, FleetImport.id == import_id))
    if run is None:
        raise NotFound
    return run


def load_import(db: Session, import_id: UUID) -> FleetImport:
    """For the job that brings the fleet in."""
    run = db.scalar(select(FleetImport).where(FleetImport.id == import_id))
    if run is None:
        raise NotFound
    return run


def load_callback(db: Session, callback_id: UUID) -> Callback:
    """A stored push, for the job that works on it."""
    callback = db.scalar(select(Callback).where(Callback.id == callback_id))
    if callback is None:
        raise NotFound
    return callback


def load_authorization(db: Session, row_id: UUID) -> AccessTokenRow:
    """What is kept of one authorization, for the job that tells the upper layers of its end."""
    row = db.scalar(select(AccessTokenRow).where(AccessTokenRow.id == row_id))
    if row is None:
        raise NotFound
    return row


def component_by_key(db: Session, key: str) -> ComponentApp | None:
    """Whose callback address this is. In a platform session: a push names no provider."""
    return db.scalar(select(ComponentApp).where(ComponentApp.key == key))


def list_components(db: Session, who: Who) -> list[ComponentApp]:
    """The provider's component apps, in the order in which they were added."""
    if who.is_merchant:
        return []
    require(who, Verb.VIEW)
    query = select(ComponentApp).where(ComponentApp.provider_id == who.provider_id).order_by(ComponentApp.id)
    return list(db.scalars(query))
