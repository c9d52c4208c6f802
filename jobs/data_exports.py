"""Jobs that put a merchant's data into one file for her."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.orm import Session

from jobs.runner import job
from saas.onboarding import data_exports


def _gave_up(db: Session, export_id: UUID, _error: BaseException) -> None:
    data_exports.give_up_export(db, export_id)


@job(attempts=3, gave_up=_gave_up)
def make_data_export(db: Session, export_id: UUID, _attempt: int) -> None:
    """Write the file that a merchant asked for."""
    data_exports.make_export(db, export_id)
