"""Jobs about filings of mini programs."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.orm import Session

from jobs.runner import job
from saas.programs import filing_reading, filing_tables
from saas.programs.access import load_program
from saas.programs.filing import load_filing


@job()
def watch(db: Session, filing_id: UUID, _attempt: int) -> None:
    """Ask about a filing until nobody else has to act."""
    filing_reading.watch(db, load_filing(db, filing_id))


@job(attempts=4)
def read_tables(db: Session, program_id: UUID, _attempt: int) -> None:
    """Read the lists that filings choose from."""
    filing_tables.read_tables(db, load_program(db, program_id))


def look_at_filings(db: Session) -> None:
    """Cron: no filing that is under way stays without its watch."""
    filing_reading.watch_open_filings(db)
