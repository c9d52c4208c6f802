"""Sealed values open for their own provider and purpose only, and survive a rotation."""

from __future__ import annotations

import base64
import secrets

import pytest
from sqlalchemy import select

import saas.schema  # noqa: F401 - registers every table
from saas import files, vault
from saas.config import settings
from saas.db import Base, tenant_session
from saas.tenants import keys
from saas.tenants.models import Merchant, ProviderKey
from saas.vault import CannotOpen
from tests.cast import Cast


def test_a_sealed_value_opens_again(cast: Cast) -> None:
    sealed = vault.seal(cast.alices, "13800000000", purpose="merchants.contact_phone")
    assert b"13800000000" not in sealed
    assert vault.open_sealed(cast.alices, sealed, purpose="merchants.contact_phone") == b"13800000000"


def test_equal_values_look_different(cast: Cast) -> None:
    one, other = (vault.seal(cast.alices, "same", purpose="p") for _ in range(2))
    assert one != other


def test_it_does_not_open_for_another_provider(cast: Cast) -> None:
    sealed = vault.seal(cast.alices, "secret", purpose="p")
    with pytest.raises(CannotOpen):
        vault.open_sealed(cast.charlies, sealed, purpose="p")


def test_it_does_not_open_in_another_column(cast: Cast) -> None:
    sealed = vault.seal(cast.alices, "secret", purpose="component_apps.secret")
    with pytest.raises(CannotOpen):
        vault.open_sealed(cast.alices, sealed, purpose="component_apps.token")


@pytest.mark.parametrize("place", [0, 5, 20, 30, -1])
def test_a_changed_byte_is_noticed(cast: Cast, place: int) -> None:
    sealed = bytearray(vault.seal(cast.alices, "secret", purpose="p"))
    sealed[place] ^= 1
    with pytest.raises(CannotOpen):
        vault.open_sealed(cast.alices, bytes(sealed), purpose="p")


def test_keyed_hashes_differ_between_providers_and_stay_through_a_rotation(cast: Cast) -> None:
    before = vault.keyed_hash(cast.alices, "13800000000", purpose="phone")
    assert before != vault.keyed_hash(cast.charlies, "13800000000", purpose="phone")
    keys.rotate(cast.alices)
    assert vault.keyed_hash(cast.alices, "13800000000", purpose="phone") == before


def test_a_rotation_seals_rows_anew_and_keeps_their_values(cast: Cast) -> None:
    with tenant_session(cast.alices) as db:
        db.scalars(select(Merchant)).one().contact_phone = "13800000000"
    with tenant_session(cast.alices) as db:
        before = db.scalars(select(Merchant)).one().contact_phone_sealed
    assert keys.rotate(cast.alices) == 1
    with tenant_session(cast.alices) as db:
        merchant = db.scalars(select(Merchant)).one()
        assert before is not None
        assert merchant.contact_phone_sealed is not None
        assert merchant.contact_phone_sealed[1:17] != before[1:17]
        assert merchant.contact_phone == "13800000000"


def test_a_rotation_reaches_every_sealed_column() -> None:
    columns = {(table.name, one.name) for table in Base.metadata.tables.values() for one in table.c}
    sealed = {(table, column) for table, column in columns if column.endswith("_sealed")}
    reached = {(model.__tablename__, f"{name}_sealed") for model, name in keys.sealed_attributes()}  # type: ignore[attr-defined]
    assert reached == sealed


def test_files_sealed_before_a_rotation_still_open(cast: Cast) -> None:
    files.put(cast.alices, "avatar/1", b"picture")
    keys.rotate(cast.alices)
    assert files.get(cast.alices, "avatar/1") == b"picture"


def test_another_provider_cannot_read_a_file(cast: Cast) -> None:
    files.put(cast.alices, "avatar/1", b"picture")
    with pytest.raises(FileNotFoundError):
        files.get(cast.charlies, "avatar/1")


def test_after_a_new_master_key_and_a_rotation_the_old_master_key_is_not_needed(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed = vault.seal(cast.alices, "secret", purpose="p")
    new = base64.b64encode(secrets.token_bytes(32)).decode()
    monkeypatch.setenv("DAIBAN_MASTER_KEY", f"{new},{settings().master_key}")
    settings.cache_clear()
    keys.install()
    keys.rotate_all()
    monkeypatch.setenv("DAIBAN_MASTER_KEY", new)
    settings.cache_clear()
    keys.install()
    assert vault.open_sealed(cast.alices, sealed, purpose="p") == b"secret"


def test_a_tenant_cannot_see_another_ones_keys(cast: Cast) -> None:
    with tenant_session(cast.alices) as db:
        assert {key.provider_id for key in db.scalars(select(ProviderKey))} == {cast.alices}
