"""Tell a provider's people of alarms."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.orm import Session

from jobs.runner import job


@job()
def tell(_db: Session, _provider_id: UUID, _attempt: int) -> None:
    """Write the messages that are due, one per channel."""
