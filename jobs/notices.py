"""Notices for merchants, written after the activity log."""

from __future__ import annotations

from sqlalchemy.orm import Session

from saas.onboarding import notices


def look_at_activities(db: Session) -> None:
    notices.write_notices(db)
