"""Files that go with a submission: preview pictures and a video, and pictures for the reviewers after a rejection.

WeChat's media ids live three days only, so the files are kept and handed in right before each submission.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from saas.db import settle
from saas.errors import N_, Invalid
from saas.pictures import is_film, picture_type
from saas.programs.models import Program
from saas.releases.models import Audit
from saas.tenants.stored_files import keep_file, load_file, read_file
from saas.wx.chapter import Upload as File
from saas.wx.client import WxClient

MOST_PICTURES = 10
MOST_FEEDBACK_PICTURES = 5
LARGEST_PICTURE = 2 * 1024 * 1024
LARGEST_VIDEO = 10 * 1024 * 1024
LARGEST_SUBMISSION = LARGEST_VIDEO + (MOST_PICTURES + MOST_FEEDBACK_PICTURES) * LARGEST_PICTURE
"""All that one submission may bring along, in bytes."""
VIDEO = "video/mp4"

Files = Sequence[tuple[str, bytes]]
"""Names and contents, as sent in."""
Kept = list[dict[str, str]]
"""`file`, the stored file's id, and `kind`, its content type: what an audit's request holds."""


def keep_previews(db: Session, provider_id: UUID, files: Files) -> Kept:
    """Keep preview pictures and a video; raises Invalid at `files`."""
    kinds = [picture_type(content) or (VIDEO if is_film(content) else "") for _, content in files]
    for (name, content), kind in zip(files, kinds, strict=True):
        if not kind:
            raise Invalid(N_("%(name)s 不是图片（PNG、JPG、GIF）或 MP4 视频"), field="files", name=name)
        if len(content) > (LARGEST_VIDEO if kind == VIDEO else LARGEST_PICTURE):
            raise Invalid(N_("%(name)s 太大：图片最大 2 MB，视频最大 10 MB"), field="files", name=name)
    videos = kinds.count(VIDEO)
    if videos > 1 or len(kinds) - videos > MOST_PICTURES:
        raise Invalid(N_("最多 1 个视频和 %(max)d 张图片"), field="files", max=MOST_PICTURES)
    return _keep(db, provider_id, files, kinds)


def keep_feedback(db: Session, provider_id: UUID, files: Files) -> Kept:
    """Keep pictures that show the reviewers what has changed; raises Invalid at `feedback_files`."""
    kinds = [picture_type(content) for _, content in files]
    for (name, content), kind in zip(files, kinds, strict=True):
        if kind not in ("image/png", "image/jpeg"):
            raise Invalid(N_("%(name)s 不是 PNG 或 JPG 图片"), field="feedback_files", name=name)
        if len(content) > LARGEST_PICTURE:
            raise Invalid(N_("%(name)s 太大，图片最大 2 MB"), field="feedback_files", name=name)
    if len(files) > MOST_FEEDBACK_PICTURES:
        raise Invalid(N_("最多 %(max)d 张图片"), field="feedback_files", max=MOST_FEEDBACK_PICTURES)
    return _keep(db, provider_id, files, kinds)


def hand_in_files(db: Session, program: Program, audit: Audit, client: WxClient) -> None:
    """Give WeChat the files of this submission, each once."""
    for name in ("files", "feedback_files"):
        for one in audit.request.get(name, []):
            if one["file"] in audit.request.get("media", {}):
                continue
            media = File(_name(one["kind"]), read_file(load_file(db, UUID(one["file"]))), one["kind"])
            settle(db)
            if name == "files":
                media_id = client.media.uploadmedia(program.appid, media=media)["mediaid"]
            else:
                media_id = client.media.upload(program.appid, media=media)["media_id"]
            known = audit.request.get("media", {})
            audit.request = {**audit.request, "media": {**known, one["file"]: str(media_id)}}


def preview_info(audit: Audit) -> dict[str, list[str]] | None:
    """The media ids of preview pictures and video, as `submit_audit` takes them."""
    info: dict[str, list[str]] = {}
    for one in audit.request.get("files", []):
        name = "video_id_list" if one["kind"] == VIDEO else "pic_id_list"
        info.setdefault(name, []).append(_media(audit, one))
    return info or None


def feedback_stuff(audit: Audit) -> str | None:
    """The media ids of the pictures for the reviewers, as `submit_audit` takes them."""
    return "|".join(_media(audit, one) for one in audit.request.get("feedback_files", [])) or None


def _media(audit: Audit, one: Mapping[str, Any]) -> str:
    return str(audit.request["media"][one["file"]])


def _keep(db: Session, provider_id: UUID, files: Files, kinds: Sequence[str]) -> Kept:
    kept = []
    for (name, content), kind in zip(files, kinds, strict=True):
        row = keep_file(db, provider_id, "audit_preview", content, content_type=kind, name=name[:200])
        kept.append({"file": str(row.id), "kind": kind})
    return kept


def _name(kind: str) -> str:
    return f"preview.{kind.partition('/')[2].replace('jpeg', 'jpg')}"
