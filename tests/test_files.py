"""The file store: what it holds, what it has lost, and what is too long for memory."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from saas import files, vault
from saas.config import settings
from tests.cast import Cast


class Bucket:
    """As boto3's client answers."""

    class exceptions:  # noqa: N801 - boto3's name
        class NoSuchKey(Exception): ...

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], bytes] = {}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> None:  # noqa: N803
        self.held[Bucket, Key] = Body

    def upload_fileobj(self, source: io.BufferedIOBase, bucket: str, key: str) -> None:
        self.held[bucket, key] = source.read()

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        if (Bucket, Key) not in self.held:
            raise self.exceptions.NoSuchKey
        return {"Body": io.BytesIO(self.held[Bucket, Key])}

    def delete_object(self, *, Bucket: str, Key: str) -> None:  # noqa: N803
        self.held.pop((Bucket, Key), None)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    made = Bucket()
    monkeypatch.setitem(sys.modules, "boto3", SimpleNamespace(client=lambda _service: made))
    monkeypatch.setenv("DAIBAN_FILES_URL", "s3://daiban/files")
    settings.cache_clear()
    yield made
    monkeypatch.undo()
    settings.cache_clear()


def test_a_bucket_gives_back_what_was_put_and_says_what_is_gone(cast: Cast, bucket: Bucket) -> None:
    files.put(cast.alices, "code/1", b"content")
    assert b"content" not in b"".join(bucket.held.values())
    assert files.get(cast.alices, "code/1") == b"content"
    files.delete(cast.alices, "code/1")
    with pytest.raises(FileNotFoundError):
        files.get(cast.alices, "code/1")


def test_long_content_comes_back_piece_by_piece(cast: Cast) -> None:
    _write_and_read(cast)


def test_long_content_in_a_bucket(cast: Cast, bucket: Bucket) -> None:
    _write_and_read(cast)
    assert b"content" not in b"".join(bucket.held.values())


@pytest.mark.parametrize("length", [0, 1, 1 << 20, (1 << 20) + 1, 2 << 20])
def test_any_length(cast: Cast, length: int) -> None:
    with files.writing(cast.alices, "data_export/2") as out:
        out.write(b"x" * length)
    assert sum(len(piece) for piece in files.read_pieces(cast.alices, "data_export/2")) == length


def test_what_was_cut_off_changed_or_is_another_providers_does_not_open(cast: Cast) -> None:
    with files.writing(cast.alices, "data_export/3") as out:
        out.write(b"content" * 400_000)
    place = settings().files_folder / str(cast.alices) / "data_export/3"
    whole, chunk = place.read_bytes(), (1 << 20) + 28
    for wrong in (whole[: 17 + chunk], whole[:17], whole[:17] + whole[17 + chunk :], whole[:40] + b"?" + whole[41:]):
        place.write_bytes(wrong)
        with pytest.raises(vault.CannotOpen):
            list(files.read_pieces(cast.alices, "data_export/3"))
    other = settings().files_folder / str(cast.charlies) / "data_export/3"
    other.parent.mkdir(parents=True, exist_ok=True)
    other.write_bytes(whole)
    with pytest.raises(vault.CannotOpen):
        list(files.read_pieces(cast.charlies, "data_export/3"))


def test_what_fails_while_it_is_written_leaves_nothing(cast: Cast) -> None:
    with pytest.raises(TypeError), files.writing(cast.alices, "data_export/4") as out:
        out.write(None)  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError):
        next(files.read_pieces(cast.alices, "data_export/4"))
    assert list((settings().files_folder / str(cast.alices) / "data_export").glob("*.part")) == []


def _write_and_read(cast: Cast) -> None:
    with files.writing(cast.alices, "data_export/1") as out:
        for _ in range(300):
            out.write(b"content" * 2000)
    pieces = list(files.read_pieces(cast.alices, "data_export/1"))
    assert b"".join(pieces) == b"content" * 600_000
    assert max(len(piece) for piece in pieces) <= 1 << 20
