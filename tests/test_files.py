"""The file store in a bucket: what it holds, and what it has lost."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from saas import files
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
