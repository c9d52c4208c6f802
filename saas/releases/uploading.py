"""The way of one upload: commit, pages, trial QR, privacy scan. Runs as a job and may be cut off anywhere.

Every commit starts the privacy scan anew, so a commit that WeChat may have got is looked for before it is repeated.
https://developers.weixin.qq.com/doc/oplatform/openApi/miniprogram-management/code-management/api_commit
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import update
from sqlalchemy.orm import Session

from saas import clock
from saas.components.access import load_component
from saas.components.wechat import wechat
from saas.db import settle
from saas.errors import N_, Conflict
from saas.failures import clear_failure, note_failure, raise_if_passing
from saas.programs.access import load_program
from saas.programs.models import Program
from saas.programs.privacy import READ_AFTER_UPLOAD
from saas.queue import Lane, Later, enqueue
from saas.releases.access import load_template
from saas.releases.code_state import REFRESH, UPLOAD_RUNNING, lock_state, note_versions
from saas.releases.ext_json import lists_pages
from saas.releases.models import Upload, UploadStatus
from saas.releases.pictures import fetch_trial_qr
from saas.tenants import activity
from saas.tenants.access import system
from saas.wx.api.release import VersionInfo
from saas.wx.client import WxClient
from saas.wx.errors import (
    CallFailed,
    PreviousStepRunning,
    PrivacyInterfaceRefused,
    PrivacyScanPending,
)

log = structlog.get_logger()

_SENDING = (UploadStatus.QUEUED, UploadStatus.SENDING)
_LONGEST_SCAN = timedelta(hours=24)
_LONGEST_WAIT = timedelta(minutes=30)


def run_upload(db: Session, upload: Upload) -> None:
    """Take the upload as far as it goes now; raises Later while WeChat scans or works on an earlier call."""
    program = load_program(db, upload.program_id)
    client = wechat(load_component(db, program.component_id))
    try:
        if upload.status in _SENDING:
            _send(db, program, upload, client)
        if upload.status == UploadStatus.SCANNING:
            _look_at_code(db, program, upload, client)
            _scan(db, program, upload, client)
    except CallFailed as error:
        raise_if_passing(error)
        fail_upload(db, upload, error)


def fail_upload(db: Session, upload: Upload, error: BaseException) -> None:
    """End the upload: WeChat refused it, or the runner gave up."""
    db.refresh(upload, with_for_update=True)
    if upload.status not in UPLOAD_RUNNING:
        return
    note_failure(upload, error)
    upload.status, upload.finished_at = UploadStatus.FAILED, clock.now()
    program = load_program(db, upload.program_id)
    detail = {"upload": str(upload.id), "version": upload.user_version, "errcode": upload.errcode, "rid": upload.rid}
    activity.record(db, system(upload.provider_id), "program.upload", program, outcome="failed", detail=detail)


def _send(db: Session, program: Program, upload: Upload, client: WxClient) -> None:
    settle(db)
    info = client.release.getversioninfo(program.appid)
    db.refresh(upload, with_for_update=True)
    if upload.status not in _SENDING:
        return
    if upload.sent_at is not None and _is_trial(info, upload):
        _note_committed(db, program, upload, info)
        return
    if upload.sent_at is None:
        upload.sent_at, upload.trial_before = clock.now(), _fingerprint(info)
    upload.status = UploadStatus.SENDING
    settle(db)
    try:
        client.code.commit(
            program.appid, template_id=upload.template_id, ext_json=upload.ext_json,
            user_version=upload.user_version, user_desc=upload.description,
        )  # fmt: skip
    except PreviousStepRunning as error:
        if clock.now() - upload.created_at > _LONGEST_WAIT:
            fail_upload(db, upload, error)
            return
        raise Later(timedelta(seconds=10), why=str(error)) from error
    info = client.release.getversioninfo(program.appid)
    _note_committed(db, program, upload, info)


def _is_trial(info: VersionInfo, upload: Upload) -> bool:
    """Whether the trial version is this upload's: another one than before it, with its version and description."""
    trial = info.get("exp_info") or {}
    named = (trial.get("exp_version"), trial.get("exp_desc")) == (upload.user_version, upload.description)
    return named and _fingerprint(info) != upload.trial_before


def _fingerprint(info: VersionInfo) -> str:
    return str((info.get("exp_info") or {}).get("exp_time") or "")


def _note_committed(db: Session, program: Program, upload: Upload, info: VersionInfo) -> None:
    db.refresh(upload, with_for_update=True)
    if upload.status not in _SENDING:
        return
    upload.status, upload.committed_at = UploadStatus.SCANNING, clock.now()
    clear_failure(upload)
    db.execute(
        update(Upload)
        .where(Upload.program_id == program.id, Upload.id != upload.id, Upload.status == UploadStatus.READY)
        .values(status=UploadStatus.SUPERSEDED)
    )
    db.flush()
    note_versions(db, lock_state(db, program.id, program.provider_id), info)
    enqueue(db, REFRESH, program.id)


def _look_at_code(db: Session, program: Program, upload: Upload, client: WxClient) -> None:
    """Pages and trial QR: nice to have while the scan runs, and never a reason to fail."""
    try:
        if not upload.pages:
            _read_pages(db, program, upload, client)
        if upload.trial_qr_file_id is None:
            fetch_trial_qr(db, upload)
    except (CallFailed, Later) as error:
        log.warning("code_not_looked_at", upload=str(upload.id), error=str(error))


def _read_pages(db: Session, program: Program, upload: Upload, client: WxClient) -> None:
    """Which pages the code has; right after a commit the list may be empty or hold repeats."""
    settle(db)
    listed = client.code.get_page(program.appid).get("page_list") or []
    pages = list(dict.fromkeys(str(page) for page in listed if page))
    if not pages:
        return
    db.refresh(upload, with_for_update=True)
    upload.pages = pages
    if not lists_pages(upload.ext_json):
        load_template(db, upload.template_row_id).pages = pages


def _scan(db: Session, program: Program, upload: Upload, client: WxClient) -> None:
    settle(db)
    answer: Mapping[str, Any]
    try:
        answer = client.code.get_code_privacy_info(program.appid)
    except PrivacyScanPending as error:
        if clock.now() - (upload.committed_at or upload.created_at) > _LONGEST_SCAN:
            fail_upload(db, upload, Conflict(N_("微信的隐私接口检测一直没有结束，请重新上传代码")))
            return
        raise Later(scan_pause(upload), why=str(error)) from error
    except PrivacyInterfaceRefused as error:
        answer = error.answer
    db.refresh(upload, with_for_update=True)
    if upload.status != UploadStatus.SCANNING:
        return
    upload.scan_result = {
        "without_auth": [str(one) for one in answer.get("without_auth_list") or []],
        "without_conf": [str(one) for one in answer.get("without_conf_list") or []],
    }
    upload.status = UploadStatus.READY
    upload.scanned_at = upload.finished_at = clock.now()
    clear_failure(upload)
    detail = {"upload": str(upload.id), "version": upload.user_version}
    activity.record(db, system(upload.provider_id), "program.upload.ready", program, detail=detail)
    enqueue(db, REFRESH, program.id, lane=Lane.DEFAULT)
    enqueue(db, READ_AFTER_UPLOAD, program.id, lane=Lane.POLL)


def scan_pause(upload: Upload) -> timedelta:
    """How long to wait before asking for the scan again: often at first, then once a minute."""
    age = clock.now() - (upload.committed_at or upload.created_at)
    if age < timedelta(seconds=30):
        return timedelta(seconds=3)
    return timedelta(seconds=15) if age < timedelta(minutes=5) else timedelta(minutes=1)
