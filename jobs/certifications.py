"""Jobs about certifications of mini programs."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.orm import Session

from jobs.runner import job
from saas.programs import certification_progress
from saas.programs.access import load_program


@job()
def note(db: Session, program_id: UUID, _attempt: int) -> None:
    """Write anew how the certification of a mini program stands, because time has passed."""
    certification_progress.note_certification(db, load_program(db, program_id))


def look_at_certifications(db: Session) -> None:
    """Cron: no certificate ends unnoticed."""
    certification_progress.look_at_certificates(db)
