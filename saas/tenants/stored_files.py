"""Files of a provider: a row in the database, the content sealed in the file store."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import BinaryIO, cast
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from saas import files
from saas.db import after_commit, new_id
from saas.errors import NotFound
from saas.tenants.models import StoredFile
from saas.vault import SealingWriter


def keep_file(
    db: Session, provider_id: UUID, kind: str, content: bytes, *, content_type: str, name: str = ""
) -> StoredFile:
    """Store a file. `kind` says what it is (``avatar``, ``trial_qr``) and is the folder that it lies in."""
    row = StoredFile(
        id=new_id(), provider_id=provider_id, kind=kind, content_type=content_type, size=len(content),
        sha256=hashlib.sha256(content).digest(), name=name,
    )  # fmt: skip
    files.put(provider_id, _key(row), content)
    db.add(row)
    db.flush()
    return row


@contextmanager
def writing_file(
    db: Session, provider_id: UUID, kind: str, *, content_type: str, name: str = ""
) -> Iterator[tuple[BinaryIO, UUID]]:  # fmt: skip
    """Store what is written piece by piece, of any length, under the id that it comes with; `pieces_of` reads it. The
    row is there once all is written.
    """
    row = StoredFile(id=new_id(), provider_id=provider_id, kind=kind, content_type=content_type, name=name)
    with files.writing(provider_id, _key(row)) as sealing:
        counting = _Counting(sealing)
        yield cast(BinaryIO, counting), row.id
    row.size, row.sha256 = counting.size, counting.digest.digest()
    db.add(row)
    db.flush()


class _Counting:
    """Passes on what is written and keeps its length and digest."""

    def __init__(self, target: SealingWriter) -> None:
        self._target, self.size, self.digest = target, 0, hashlib.sha256()

    def write(self, content: bytes) -> int:
        self.size += len(content)
        self.digest.update(content)
        return self._target.write(content)

    def flush(self) -> None:
        self._target.flush()


def pieces_of(row: StoredFile) -> Iterator[bytes]:
    """The content of what `writing_file` stored; NotFound when the store has lost it."""
    pieces = files.read_pieces(row.provider_id, _key(row))
    try:
        first = next(pieces)
    except FileNotFoundError:
        raise NotFound() from None
    return itertools.chain([first], pieces)


def load_file(db: Session, file_id: UUID | None) -> StoredFile:
    """A file's row, for those who have reached the thing that it belongs to through its door."""
    row = db.scalar(select(StoredFile).where(StoredFile.id == file_id)) if file_id else None
    if row is None:
        raise NotFound()
    return row


def find_files(db: Session, ids: Collection[UUID]) -> dict[UUID, StoredFile]:
    """The rows of many files by id, as `load_file` gives one; those that are gone are left out."""
    return {row.id: row for row in db.scalars(select(StoredFile).where(StoredFile.id.in_(ids)))}


def claim_file(db: Session, file_id: UUID | None) -> StoredFile:
    """A file's row for the one who will use it up: whoever comes at the same time waits, and finds it gone."""
    row = db.scalar(select(StoredFile).where(StoredFile.id == file_id).with_for_update()) if file_id else None
    if row is None:
        raise NotFound()
    return row


def read_file(row: StoredFile) -> bytes:
    """The content; NotFound when the store has lost it."""
    try:
        return files.get(row.provider_id, _key(row))
    except FileNotFoundError:
        raise NotFound() from None


def copy_file(db: Session, row: StoredFile, kind: str) -> StoredFile:
    """Keep the same content once more, as another kind: for a thing of its own, which may outlive this one's."""
    return keep_file(db, row.provider_id, kind, read_file(row), content_type=row.content_type, name=row.name)


def drop_file(db: Session, row: StoredFile) -> None:
    """Forget a file: the row now, the content once that is committed."""
    provider_id, key = row.provider_id, _key(row)
    db.delete(row)
    after_commit(db, lambda: files.delete(provider_id, key))


def drop_files_before(db: Session, kind: str, moment: datetime) -> None:
    """Forget the files of a kind that nobody came back for."""
    for row in db.scalars(select(StoredFile).where(StoredFile.kind == kind, StoredFile.created_at < moment)).all():
        drop_file(db, row)


def _key(row: StoredFile) -> str:
    return f"{row.kind}/{row.id}"
