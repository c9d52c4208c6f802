"""Encrypted file store: bytes by key, in a folder or an S3 bucket. Rows about files are `tenants.StoredFile`."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from saas import vault
from saas.config import settings


def put(provider_id: UUID, key: str, content: bytes) -> None:
    """Seal and keep `content` under `key` (``<kind>/<uuid>``), replacing what was there."""
    sealed = vault.seal(provider_id, content, purpose=f"file:{key}")
    address = urlsplit(settings().files_url)
    if address.scheme == "s3":
        _bucket().put_object(Bucket=address.netloc, Key=_object_name(provider_id, key), Body=sealed)
        return
    path = settings().files_folder / str(provider_id) / key
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    partial.write_bytes(sealed)
    partial.replace(path)


def get(provider_id: UUID, key: str) -> bytes:
    """The content; raises FileNotFoundError when it is not there and vault.CannotOpen when it was changed."""
    address = urlsplit(settings().files_url)
    if address.scheme == "s3":
        bucket = _bucket()
        try:
            sealed = bucket.get_object(Bucket=address.netloc, Key=_object_name(provider_id, key))["Body"].read()
        except bucket.exceptions.NoSuchKey:
            raise FileNotFoundError(key) from None
    else:
        sealed = (settings().files_folder / str(provider_id) / key).read_bytes()
    return vault.open_sealed(provider_id, sealed, purpose=f"file:{key}")


@contextmanager
def writing(provider_id: UUID, key: str) -> Iterator[vault.SealingWriter]:
    """Keep under `key` what is written piece by piece; its length costs no memory, and nothing lies on a disk unsealed.

    `read_pieces` gives it back. An error inside leaves what was there before.
    """
    address = urlsplit(settings().files_url)
    if address.scheme == "s3":
        with tempfile.TemporaryFile() as sealed:
            writer = vault.SealingWriter(sealed, provider_id, purpose=f"file:{key}")
            yield writer
            writer.close()
            sealed.seek(0)
            _bucket().upload_fileobj(sealed, address.netloc, _object_name(provider_id, key))
        return
    path = settings().files_folder / str(provider_id) / key
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    try:
        with partial.open("wb") as sealed_file:
            writer = vault.SealingWriter(sealed_file, provider_id, purpose=f"file:{key}")
            yield writer
            writer.close()
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def read_pieces(provider_id: UUID, key: str) -> Iterator[bytes]:
    """What `writing` kept, about a megabyte at a time; raises FileNotFoundError and vault.CannotOpen."""
    address = urlsplit(settings().files_url)
    if address.scheme == "s3":
        bucket = _bucket()
        try:
            source = bucket.get_object(Bucket=address.netloc, Key=_object_name(provider_id, key))["Body"]
        except bucket.exceptions.NoSuchKey:
            raise FileNotFoundError(key) from None
    else:
        source = (settings().files_folder / str(provider_id) / key).open("rb")
    with closing(source):
        yield from vault.open_chunks(source, provider_id, purpose=f"file:{key}")


def delete(provider_id: UUID, key: str) -> None:
    """Forget the content; nothing happens when it is already gone."""
    address = urlsplit(settings().files_url)
    if address.scheme == "s3":
        _bucket().delete_object(Bucket=address.netloc, Key=_object_name(provider_id, key))
        return
    (settings().files_folder / str(provider_id) / key).unlink(missing_ok=True)


def _object_name(provider_id: UUID, key: str) -> str:
    return "/".join(part for part in (urlsplit(settings().files_url).path.strip("/"), str(provider_id), key) if part)


def _bucket() -> Any:
    import boto3  # an optional extra: daiban[s3]

    return boto3.client("s3")
