"""Avatars of mini programs: fetched from WeChat once, kept in the file store, served by us."""

from __future__ import annotations

import hashlib
from urllib.parse import urlsplit

import httpx2
import structlog
from sqlalchemy.orm import Session

from saas.components.wechat import refuse_open_transaction
from saas.config import settings
from saas.db import settle
from saas.programs.models import Program
from saas.tenants.models import StoredFile
from saas.tenants.stored_files import drop_file, keep_file, load_file
from saas.wx.transport import process_http

log = structlog.get_logger()

LARGEST = 2 * 1024 * 1024
_HOSTS = (".qlogo.cn", ".qpic.cn")
_SIGNATURES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}


class AvatarRefused(Exception):
    """The address is not one of WeChat's, or what it answers is no picture of a sane size."""


def fetch_avatar(db: Session, program: Program) -> StoredFile | None:
    """Keep the avatar that the profile names; None when there is none to trust. Raises on a broken connection."""
    address = program.avatar_url
    settle(db)
    try:
        content, content_type = _download(address)
    except AvatarRefused as error:
        log.warning("avatar_refused", program=str(program.id), why=str(error))
        return None
    db.refresh(program, with_for_update=True)
    old = load_file(db, program.avatar_file_id) if program.avatar_file_id else None
    if old is not None and old.sha256 == hashlib.sha256(content).digest():
        return old
    new = keep_file(db, program.provider_id, "avatar", content, content_type=content_type)
    program.avatar_file_id = new.id
    if old is not None:
        drop_file(db, old)
    return new


def is_wechats(address: str) -> bool:
    """Whether an address lies on WeChat's picture hosts or on the hosts that stand for WeChat in the settings."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return False
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        return False
    bases = (settings().wechat_api_url, settings().wechat_mp_url, settings().wechat_open_url)
    if (parts.scheme, parts.netloc) in {urlsplit(base)[:2] for base in bases}:
        return True
    return port in (None, 80, 443) and f".{parts.hostname}".endswith(_HOSTS)


def _download(address: str) -> tuple[bytes, str]:
    """Picture and type, judged by the bytes; redirects are not followed, since they could lead anywhere."""
    if not is_wechats(address):
        raise AvatarRefused("not one of WeChat's addresses")
    refuse_open_transaction()
    content = bytearray()
    with process_http().stream("GET", address, timeout=httpx2.Timeout(10, connect=3)) as response:
        if response.status_code >= 500:
            response.raise_for_status()
        if response.status_code != 200:
            raise AvatarRefused(f"HTTP {response.status_code}")
        for part in response.iter_bytes():
            content += part
            if len(content) > LARGEST:
                raise AvatarRefused("too large")
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return bytes(content), "image/webp"
    for signature, content_type in _SIGNATURES.items():
        if content.startswith(signature):
            return bytes(content), content_type
    raise AvatarRefused("no picture")
