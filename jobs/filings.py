"""Jobs about filings of mini programs."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.orm import Session

from jobs.runner import job
from saas.programs import filing_tables
from saas.programs.access import load_program


@job(attempts=4)
def read_tables(db: Session, program_id: UUID, _attempt: int) -> None:
    """Read the lists that filings choose from."""
    filing_tables.read_tables(db, load_program(db, program_id))
