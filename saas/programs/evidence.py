"""Pictures and videos that WeChat's reviewers fetch from us by address: only who was given the address finds one."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from saas import vault
from saas.config import settings
from saas.errors import N_, Invalid
from saas.pictures import fit_picture, is_film
from saas.tenants.models import StoredFile
from saas.tenants.stored_files import keep_file, read_file

EVIDENCE = "evidence"
"""The kind of files that are shown so."""
MOST_PICTURES = 10
LARGEST_VIDEO = 10 * 1024 * 1024
_JPEG, _MP4 = "image/jpeg", "video/mp4"


def keep_pictures(db: Session, provider_id: UUID, pictures: Sequence[bytes]) -> list[str]:
    """Keep what people uploaded as JPEG; answers the files' ids. Raises Invalid at `pictures`."""
    if len(pictures) > MOST_PICTURES:
        raise Invalid(N_("最多 %(most)d 张图片"), field="pictures", most=MOST_PICTURES)
    fitted = [fit_picture(one, field="pictures") for one in pictures]
    return [_keep(db, provider_id, one.content, one.content_type) for one in fitted]


def keep_video(db: Session, provider_id: UUID, content: bytes) -> str:
    """Keep an MP4 film; answers the file's id. Raises Invalid at `video`."""
    if not is_film(content):
        raise Invalid(N_("请上传 MP4 视频"), field="video")
    if len(content) > LARGEST_VIDEO:
        raise Invalid(N_("视频不能超过 %(most)d MB"), field="video", most=LARGEST_VIDEO // 1024**2)
    return _keep(db, provider_id, content, _MP4)


def picture_url(provider_id: UUID, file_id: str) -> str:
    """The public address of a kept picture."""
    return _url(provider_id, file_id, "jpg")


def video_url(provider_id: UUID, file_id: str) -> str:
    """The public address of a kept film."""
    return _url(provider_id, file_id, "mp4")


def read_evidence(db: Session, file_id: UUID, mark: str) -> tuple[bytes, str] | None:
    """Content and media type, in a platform session; None when the address is not one of ours."""
    query = select(StoredFile).where(StoredFile.id == file_id, StoredFile.kind == EVIDENCE)
    row = db.scalar(query)
    if row is None or not hmac.compare_digest(_mark(row.provider_id, str(file_id)).encode(), mark.encode()):
        return None
    return read_file(row), _MP4 if row.content_type == _MP4 else _JPEG


def _keep(db: Session, provider_id: UUID, content: bytes, content_type: str) -> str:
    return str(keep_file(db, provider_id, EVIDENCE, content, content_type=content_type).id)


def _url(provider_id: UUID, file_id: str, ending: str) -> str:
    return f"{settings().public_url}/evidence/{file_id}/{_mark(provider_id, file_id)}.{ending}"


def _mark(provider_id: UUID, file_id: str) -> str:
    return vault.keyed_hash(provider_id, file_id, purpose=EVIDENCE).hex()[:32]
