"""Jobs about templates, uploads, audits and releases: each opens one row and calls one service.

A job whose row has gone (its component app was deleted) has nothing to do: the runner logs NotFound and gives up.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.orm import Session

from jobs.runner import job
from saas.programs.access import load_program
from saas.releases import library, pictures, reading, releasing, submissions, sweeps, undo, uploading
from saas.releases.access import load_audit, load_library_action, load_release, load_upload


@job(gave_up=lambda db, subject, error: library.fail_library_action(load_library_action(db, subject), error))
def run_library_action(db: Session, action_id: UUID, _attempt: int) -> None:
    library.run_library_action(db, load_library_action(db, action_id))


@job(gave_up=lambda db, subject, error: uploading.fail_upload(db, load_upload(db, subject), error))
def upload(db: Session, upload_id: UUID, _attempt: int) -> None:
    uploading.run_upload(db, load_upload(db, upload_id))


@job(attempts=4)
def fetch_trial_qr(db: Session, upload_id: UUID, _attempt: int) -> None:
    pictures.fetch_trial_qr(db, load_upload(db, upload_id))


@job(gave_up=lambda db, subject, error: submissions.fail_submission(db, load_audit(db, subject), error))
def submit_audit(db: Session, audit_id: UUID, _attempt: int) -> None:
    submissions.run_submission(db, load_audit(db, audit_id))


@job(attempts=4)
def fetch_screenshots(db: Session, audit_id: UUID, _attempt: int) -> None:
    pictures.fetch_screenshots(db, load_audit(db, audit_id))


@job(gave_up=lambda db, subject, error: undo.fail_undo(db, load_audit(db, subject), error))
def undo_audit(db: Session, audit_id: UUID, _attempt: int) -> None:
    undo.run_undo(db, load_audit(db, audit_id))


@job(gave_up=lambda db, subject, error: releasing.fail_release(db, load_release(db, subject), error))
def release(db: Session, release_id: UUID, _attempt: int) -> None:
    releasing.run_release(db, load_release(db, release_id))


@job()
def release_approved(db: Session, audit_id: UUID, _attempt: int) -> None:
    releasing.release_approved(db, load_audit(db, audit_id))


@job(attempts=4)
def read_past_versions(db: Session, program_id: UUID, _attempt: int) -> None:
    releasing.read_past_versions(db, load_program(db, program_id))


@job(attempts=4, gave_up=lambda db, subject, error: reading.fail_refresh(db, load_program(db, subject), error))
def refresh_code_state(db: Session, program_id: UUID, _attempt: int) -> None:
    reading.refresh_code_state(db, load_program(db, program_id))


@job(attempts=4)
def check_standing(db: Session, _provider_id: UUID, _attempt: int) -> None:
    sweeps.check_standing(db)


def look_at_standing(db: Session) -> None:
    """Cron: compare every stage with what it is derived from."""
    sweeps.check_all_standing(db)
