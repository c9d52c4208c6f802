"""Envelope encryption: a data key per provider, wrapped by the master key; sealed attributes; keyed hashes.

A sealed value is ``version(1) | key id(16) | nonce(12) | AES-256-GCM ciphertext``. The additional data binds it to its
provider and its column, so a value copied to another row's column or another tenant does not open. `saas.tenants.keys`
hands the key functions over at start (`use_keys`), because keys are rows and the vault lies below the database.

What is too long for memory is sealed in chunks: ``version(2) | key id(16)``, then ``nonce(12) | ciphertext of 1 MiB``
each. A chunk is also bound to its number and to whether it is the last, so none can be left out, moved or cut off.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol, overload
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_VERSION, _CHUNKED = b"\x01", b"\x02"
_CHUNK, _BESIDES = 1 << 20, 12 + 16
"""How much one chunk holds; nonce and tag come on top of it."""


class CannotOpen(Exception):
    """The value was sealed for something else, was changed, or its key is gone."""


@dataclass(frozen=True)
class DataKey:
    id: UUID
    secret: bytes


class KeySource(Protocol):
    def current(self, provider_id: UUID) -> DataKey:
        """The key that new values of this provider are sealed with."""

    def by_id(self, provider_id: UUID, key_id: UUID) -> DataKey:
        """A key that an old value was sealed with; raises CannotOpen when it is not this provider's."""

    def lookup(self, provider_id: UUID) -> bytes:
        """The provider's key for keyed hashes; never rotated, so that look-ups keep working."""


_keys: KeySource | None = None


def use_keys(source: KeySource) -> None:
    """Tell the vault where keys come from; once per process."""
    global _keys
    _keys = source


def _source() -> KeySource:
    if _keys is None:
        raise RuntimeError("the vault has no keys yet: call saas.tenants.keys.install() first")
    return _keys


def seal(provider_id: UUID, value: str | bytes, *, purpose: str) -> bytes:
    """Encrypt for one provider and one purpose (``table.column``)."""
    key = _source().current(provider_id)
    raw = value.encode() if isinstance(value, str) else value
    nonce = os.urandom(12)
    return _VERSION + key.id.bytes + nonce + AESGCM(key.secret).encrypt(nonce, raw, _bound_to(provider_id, purpose))


def open_sealed(provider_id: UUID, sealed: bytes, *, purpose: str) -> bytes:
    """Decrypt what `seal` made for the same provider and purpose; raises CannotOpen."""
    if len(sealed) < 45 or sealed[:1] != _VERSION:
        raise CannotOpen("not a sealed value")
    key = _source().by_id(provider_id, UUID(bytes=bytes(sealed[1:17])))
    try:
        return AESGCM(key.secret).decrypt(sealed[17:29], sealed[29:], _bound_to(provider_id, purpose))
    except InvalidTag:
        raise CannotOpen(f"a sealed {purpose} does not belong to this provider or was changed") from None


class SealingWriter:
    """Seals what is written to it into `target`, a chunk at a time. `close` writes the last one; without it nothing
    opens again. `target` stays open.
    """

    def __init__(self, target: BinaryIO, provider_id: UUID, *, purpose: str) -> None:
        key = _source().current(provider_id)
        self._target, self._cipher, self._bound_to = target, AESGCM(key.secret), _bound_to(provider_id, purpose)
        self._waiting, self._number = bytearray(), 0
        target.write(_CHUNKED + key.id.bytes)

    def write(self, content: bytes) -> int:
        self._waiting += content
        while len(self._waiting) > _CHUNK:
            self._seal(bytes(self._waiting[:_CHUNK]), last=False)
            del self._waiting[:_CHUNK]
        return len(content)

    def flush(self) -> None:
        """Nothing: a chunk goes out when it is full."""

    def close(self) -> None:
        self._seal(bytes(self._waiting), last=True)

    def _seal(self, content: bytes, *, last: bool) -> None:
        nonce = os.urandom(12)
        bound_to = self._bound_to + _place_of(self._number, last=last)
        self._target.write(nonce + self._cipher.encrypt(nonce, content, bound_to))
        self._number += 1


def open_chunks(source: BinaryIO, provider_id: UUID, *, purpose: str) -> Iterator[bytes]:
    """Decrypt what a SealingWriter wrote for the same provider and purpose, a chunk at a time; raises CannotOpen, maybe
    after some of it.
    """
    head = source.read(17)
    if head[:1] != _CHUNKED or len(head) < 17:
        raise CannotOpen("not sealed in chunks")
    cipher, bound_to = (
        AESGCM(_source().by_id(provider_id, UUID(bytes=head[1:])).secret),
        _bound_to(provider_id, purpose),
    )
    number, sealed = 0, _read_whole(source)
    while sealed:
        following = _read_whole(source)
        try:
            yield cipher.decrypt(sealed[:12], sealed[12:], bound_to + _place_of(number, last=not following))
        except (InvalidTag, ValueError):
            raise CannotOpen(f"a sealed {purpose} does not belong to this provider, was changed or cut off") from None
        number, sealed = number + 1, following
    if not number:
        raise CannotOpen(f"a sealed {purpose} was cut off")


def _read_whole(source: BinaryIO) -> bytes:
    """One sealed chunk; a network may give it in pieces."""
    found = b""
    while len(found) < _CHUNK + _BESIDES and (piece := source.read(_CHUNK + _BESIDES - len(found))):
        found += piece
    return found


def _place_of(number: int, *, last: bool) -> bytes:
    return number.to_bytes(8) + bytes([last])


def keyed_hash(provider_id: UUID, value: str, *, purpose: str) -> bytes:
    """A hash that finds equal values of one provider without revealing them (phone numbers, id numbers)."""
    return hmac.digest(_source().lookup(provider_id), f"{purpose}\0{value}".encode(), hashlib.sha256)


def wrap(master: bytes, secret: bytes, *, key_id: UUID) -> bytes:
    """Wrap a data key under a master key."""
    nonce = os.urandom(12)
    return nonce + AESGCM(master).encrypt(nonce, secret, key_id.bytes)


def unwrap(masters: list[bytes], wrapped: bytes, *, key_id: UUID) -> bytes:
    """Unwrap with whichever master key fits; raises CannotOpen."""
    for master in masters:
        try:
            return AESGCM(master).decrypt(wrapped[:12], wrapped[12:], key_id.bytes)
        except InvalidTag:
            continue
    raise CannotOpen("no master key in DAIBAN_MASTER_KEY opens this data key")


def derived_key(master: bytes, purpose: str, length: int = 32) -> bytes:
    """A key for one purpose of the platform itself (cookie signing), derived from the master key."""
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=purpose.encode()).derive(master)


def _bound_to(provider_id: UUID, purpose: str) -> bytes:
    return provider_id.bytes + purpose.encode()


class Sealed:
    """An attribute of a model that is encrypted at rest.

    ``secret = Sealed()`` reads and writes the mapped column ``secret_sealed`` of the same row. The row's `provider_id`
    must be set first. Decryption happens on reading, so a list that does not read it costs nothing.
    """

    registry: list[tuple[type, str]] = []

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name
        self.column = f"{name}_sealed"
        self.registry.append((owner, name))

    @overload
    def __get__(self, row: None, owner: type) -> Sealed: ...
    @overload
    def __get__(self, row: Any, owner: type) -> str: ...
    def __get__(self, row: Any, owner: type) -> Sealed | str:
        if row is None:
            return self
        sealed = getattr(row, self.column)
        if not sealed:
            return ""
        return open_sealed(row.provider_id, sealed, purpose=self._purpose(row)).decode()

    def __set__(self, row: Any, value: str) -> None:
        if row.provider_id is None:
            raise RuntimeError(f"set provider_id before {self.name}")
        setattr(row, self.column, seal(row.provider_id, value, purpose=self._purpose(row)) if value else None)

    def _purpose(self, row: Any) -> str:
        return f"{row.__tablename__}.{self.name}"
