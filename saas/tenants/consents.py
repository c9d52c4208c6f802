"""The texts that people agree to, their versions, and who agreed to which. All in a platform session."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from saas.tenants.models import Consent

VERSIONS = {"terms": "2026-11-25", "privacy": "2026-11-25"}
"""The version in force of each text (`saas/templates/account/<document>.<locale>.html`): change it with the text."""


def record_consent(db: Session, user_id: UUID, *, ip: str) -> None:
    """Note that a person agreed to the texts in force."""
    db.add_all(
        Consent(user_id=user_id, document=document, version=version, ip=ip) for document, version in VERSIONS.items()
    )


def consent_is_missing(db: Session, user_id: UUID) -> bool:
    """Whether a text has changed since this person last agreed to it."""
    agreed = db.execute(select(Consent.document, Consent.version).where(Consent.user_id == user_id)).all()
    return not set(VERSIONS.items()) <= {(row.document, row.version) for row in agreed}
