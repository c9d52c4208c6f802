"""The pump of batches as a job, and the net under it."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.orm import Session

from jobs import runner, shift
from jobs.runner import job
from saas.batches.access import load_batch
from saas.batches.pump import run_batch
from saas.batches.starting import pump_all
from saas.components import call_log
from saas.programs import access as programs
from saas.queue import lending_hands


@job()
def pump(db: Session, batch_id: UUID, _attempt: int) -> None:
    """Work on one batch. Its threads also run the jobs of the rows that its steps begin."""
    batch = load_batch(db, batch_id)
    with lending_hands(runner.run_named):
        run_batch(db, batch, shift.is_stopping, around=call_log.grouped, read_ahead=programs.read_ahead)


def look_at_batches(db: Session) -> None:
    """Cron: no running batch stays without its pump."""
    pump_all(db)
