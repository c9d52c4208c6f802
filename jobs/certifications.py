"""Jobs about certifications of mini programs."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.orm import Session

from jobs.runner import job
from saas.programs import certification_progress
from saas.programs.access import load_program
from saas.programs.certification_access import load_certification


@job()
def watch(db: Session, certification_id: UUID, _attempt: int) -> None:
    """Ask about a certification until it is over."""
    certification_progress.watch(db, load_certification(db, certification_id))


@job()
def note(db: Session, program_id: UUID, _attempt: int) -> None:
    """Write anew how the certification of a mini program stands, because time has passed."""
    certification_progress.note_certification(db, load_program(db, program_id))


def look_at_certifications(db: Session) -> None:
    """Cron: nothing at WeChat stays without its watch, no certificate ends unnoticed."""
    certification_progress.watch_open_certifications(db)
    certification_progress.look_at_certificates(db)
