"""Each provider's data keys: made at sign-up, wrapped by the master key, cached per process, rotated on command."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from saas import clock, vault
from saas.config import settings
from saas.db import Base, after_commit, new_id, platform_session
from saas.tenants.models import Provider, ProviderKey
from saas.vault import CannotOpen, DataKey

_DATA, _LOOKUP = "data", "lookup"


@dataclass
class _ProviderKeys:
    current: DataKey
    lookup: bytes
    all: dict[UUID, DataKey] = field(default_factory=dict)


class _Keys:
    """The vault's source: one read per provider and process; an unknown key id makes it look again (rotation)."""

    def __init__(self) -> None:
        self._known: dict[UUID, _ProviderKeys] = {}

    def current(self, provider_id: UUID) -> DataKey:
        return self._of(provider_id).current

    def by_id(self, provider_id: UUID, key_id: UUID) -> DataKey:
        found = self._of(provider_id).all.get(key_id)
        if found is None:
            self.forget(provider_id)
            found = self._of(provider_id).all.get(key_id)
        if found is None:
            raise CannotOpen("the value's key is not one of this provider's")
        return found

    def lookup(self, provider_id: UUID) -> bytes:
        return self._of(provider_id).lookup

    def forget(self, provider_id: UUID | None = None) -> None:
        if provider_id is None:
            self._known.clear()
        else:
            self._known.pop(provider_id, None)

    def remember(self, provider_id: UUID, keys: _ProviderKeys) -> None:
        self._known[provider_id] = keys

    def _of(self, provider_id: UUID) -> _ProviderKeys:
        known = self._known.get(provider_id)
        if known is None:
            with platform_session("read a provider's data keys") as db:
                known = self._known[provider_id] = _read(db, provider_id)
        return known


_keys = _Keys()


def install() -> None:
    """Hand the vault its keys; once per process, and again after a fork."""
    _keys.forget()
    vault.use_keys(_keys)


def create_keys(db: Session, provider_id: UUID) -> None:
    """Make a new provider's keys, in the platform session that makes the provider."""
    rows = {use: _new_key(provider_id, use) for use in (_DATA, _LOOKUP)}
    db.add_all(row for row, _ in rows.values())
    data = DataKey(rows[_DATA][0].id, rows[_DATA][1])
    keys = _ProviderKeys(data, rows[_LOOKUP][1], {data.id: data})
    _keys.remember(provider_id, keys)
    after_commit(db, lambda: _keys.remember(provider_id, keys))


def rotate(provider_id: UUID) -> int:
    """Give a provider a new data key, seal everything anew and wrap all its keys by the current master key.

    Returns how many values were sealed anew. Safe while the program runs (old keys stay readable until nothing uses
    them), and safe to run again after it was cut off. Files keep the key they were sealed with.
    """
    with platform_session("rotate a provider's data key") as db:
        for row in db.scalars(select(ProviderKey).where(ProviderKey.provider_id == provider_id).with_for_update()):
            secret = vault.unwrap(settings().master_keys, row.wrapped, key_id=row.id)
            row.wrapped = vault.wrap(settings().master_keys[0], secret, key_id=row.id)
            if row.use == _DATA and row.retired_at is None:
                row.retired_at = clock.now()
        db.flush()
        db.add(_new_key(provider_id, _DATA)[0])
    _keys.forget(provider_id)
    return sum(_seal_anew(provider_id, model, name) for model, name in sealed_attributes())


def sealed_attributes() -> Iterator[tuple[type, str]]:
    """Every model with each of its sealed attributes, its own and those of classes that it shares with others."""
    models = [mapper.class_ for mapper in Base.registry.mappers]
    for owner, name in vault.Sealed.registry:
        yield from ((model, name) for model in models if issubclass(model, owner))


def rotate_all() -> dict[str, int]:
    """Rotate every provider's key: values sealed anew by slug."""
    with platform_session("list providers to rotate keys") as db:
        providers = db.execute(select(Provider.id, Provider.slug).order_by(Provider.id)).all()
    return {slug: rotate(provider_id) for provider_id, slug in providers}


def _seal_anew(provider_id: UUID, model: Any, name: str, batch: int = 200) -> int:
    """Read and write one sealed attribute of all rows, a short transaction per batch; locked rows wait their turn."""
    count, last = 0, None
    column = getattr(model, f"{name}_sealed")
    current = _keys.current(provider_id).id.bytes
    while True:
        with platform_session("seal values with a new data key") as db:
            query = select(model).where(model.provider_id == provider_id, column.is_not(None))
            if last is not None:
                query = query.where(model.id > last)
            rows = list(db.scalars(query.order_by(model.id).limit(batch).with_for_update()))
            if not rows:
                return count
            for row in rows:
                if getattr(row, f"{name}_sealed")[1:17] != current:
                    setattr(row, name, getattr(row, name))
                    count += 1
            last = rows[-1].id


def _new_key(provider_id: UUID, use: str) -> tuple[ProviderKey, bytes]:
    key_id, secret = new_id(), os.urandom(32)
    wrapped = vault.wrap(settings().master_keys[0], secret, key_id=key_id)
    return ProviderKey(id=key_id, provider_id=provider_id, use=use, wrapped=wrapped), secret


def _read(db: Session, provider_id: UUID) -> _ProviderKeys:
    current: DataKey | None = None
    lookup: bytes | None = None
    opened: dict[UUID, DataKey] = {}
    for row in db.scalars(select(ProviderKey).where(ProviderKey.provider_id == provider_id)):
        secret = vault.unwrap(settings().master_keys, row.wrapped, key_id=row.id)
        if row.use == _LOOKUP:
            lookup = secret
            continue
        key = opened[row.id] = DataKey(row.id, secret)
        if row.retired_at is None:
            current = key
    if current is None or lookup is None:
        raise CannotOpen(f"provider {provider_id} has no data key")
    return _ProviderKeys(current, lookup, opened)
