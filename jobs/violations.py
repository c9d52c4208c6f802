"""The net that finds mini programs whose calls are refused because of a penalty."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.orm import Session

from saas.programs import violations

_LOOKS_BACK = timedelta(minutes=7)
"""A little more than the cron's pause, so that no call falls between two looks."""


def look_at_refusals(db: Session) -> None:
    """Cron: read those at once."""
    violations.look_at_refusals(db, since=_LOOKS_BACK)
