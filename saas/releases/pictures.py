"""Pictures that WeChat hands out: the trial QR code and the reviewer's screenshots, kept in the file store."""

from __future__ import annotations

from uuid import UUID

import structlog
from sqlalchemy.orm import Session

from saas.components.access import load_component
from saas.components.wechat import wechat
from saas.db import settle
from saas.failures import raise_if_passing
from saas.pictures import picture_type
from saas.programs.access import load_program
from saas.releases.models import Audit, Upload
from saas.tenants.stored_files import drop_file, keep_file, load_file
from saas.wx.chapter import Download
from saas.wx.errors import CallFailed

log = structlog.get_logger()


def fetch_trial_qr(db: Session, upload: Upload) -> None:
    """Fetch the trial version's QR code for the page that was asked for. Passing failures are raised."""
    program = load_program(db, upload.program_id)
    component = load_component(db, program.component_id)
    path = upload.trial_qr_path
    settle(db)
    try:
        download = wechat(component).code.get_qrcode(program.appid, path=path or None)
    except CallFailed as error:
        raise_if_passing(error)
        log.warning("trial_qr_not_fetched", upload=str(upload.id), error=str(error))
        return
    kind = picture_type(download.content)
    if not kind:
        log.warning("trial_qr_is_no_picture", upload=str(upload.id), size=len(download.content))
        return
    db.refresh(upload, with_for_update=True)
    old = upload.trial_qr_file_id
    new = keep_file(
        db, upload.provider_id, "trial_qr", download.content, content_type=kind, name=_ending(kind, "trial-qr")
    )
    upload.trial_qr_file_id = new.id
    if old is not None:
        drop_file(db, load_file(db, old))


def fetch_screenshots(db: Session, audit: Audit) -> None:
    """Fetch the reviewer's pictures, each once. One that WeChat no longer has is left out: that is common."""
    program = load_program(db, audit.program_id)
    component = load_component(db, program.component_id)
    client = wechat(component)
    for media_id in [one for one in audit.screenshot_media_ids if one not in audit.screenshots]:
        settle(db)
        try:
            answer = client.media.get_material(program.appid, media_id=media_id)
        except CallFailed as error:
            raise_if_passing(error)
            log.warning("screenshot_not_fetched", audit=str(audit.id), error=str(error))
            continue
        kind = picture_type(answer.content) if isinstance(answer, Download) else ""
        if not isinstance(answer, Download) or not kind:
            log.warning("screenshot_is_no_picture", audit=str(audit.id))
            continue
        db.refresh(audit, with_for_update=True)
        if media_id in audit.screenshots:
            continue
        name = _ending(kind, f"screenshot-{len(audit.screenshots) + 1}")
        row = keep_file(db, audit.provider_id, "screenshot", answer.content, content_type=kind, name=name)
        audit.screenshots = {**audit.screenshots, media_id: str(row.id)}


def screenshot_files(audit: Audit) -> list[UUID]:
    """The files of the pictures that could be fetched, in the reviewer's order."""
    return [UUID(audit.screenshots[one]) for one in audit.screenshot_media_ids if one in audit.screenshots]


def _ending(kind: str, name: str) -> str:
    return f"{name}.{kind.removeprefix('image/').replace('jpeg', 'jpg')}"
