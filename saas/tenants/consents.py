"""The texts that people agree to, their versions, and who agreed to which. All in a platform session."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from saas.tenants.models import Consent

VERSIONS = {"terms": "2026-11-25", "privacy": "2026-11-25"}
"""The version in force of each text (`saas/templates/account/<document>.html`): change it with the text."""
DATA = "merchant_data"
"""What `saas/templates/merchant/_data_text.html` says about what a provider does with a merchant's data."""
DATA_VERSION = "2026-12-01"
"""Change it with that text: everybody is asked again then."""


def record_consent(db: Session, user_id: UUID, *, ip: str) -> None:
    """Note that a person agreed to the texts in force."""
    db.add_all(
        Consent(user_id=user_id, document=document, version=version, ip=ip) for document, version in VERSIONS.items()
    )


def consent_is_missing(db: Session, user_id: UUID) -> bool:
    """Whether a text has changed since this person last agreed to it."""
    agreed = db.execute(select(Consent.document, Consent.version).where(Consent.user_id == user_id)).all()
    return not set(VERSIONS.items()) <= {(row.document, row.version) for row in agreed}


def record_data_consent(db: Session, user_id: UUID, provider_id: UUID, *, ip: str) -> None:
    """Note, once, that somebody agreed to all texts in force, also to what this provider does with her data."""
    if consent_is_missing(db, user_id):
        record_consent(db, user_id, ip=ip)
    if data_consent_is_missing(db, user_id, provider_id):
        db.add(Consent(user_id=user_id, provider_id=provider_id, document=DATA, version=DATA_VERSION, ip=ip))
        db.flush()


def data_consent_is_missing(db: Session, user_id: UUID, provider_id: UUID) -> bool:
    """Whether she has not agreed yet to what this provider does with the data, or not to the words in force."""
    agreed = select(Consent.id).where(
        Consent.user_id == user_id, Consent.provider_id == provider_id, Consent.document == DATA,
        Consent.version == DATA_VERSION,
    )  # fmt: skip
    return db.scalar(agreed.limit(1)) is None


def consents_of(db: Session, user_id: UUID, provider_id: UUID) -> list[Consent]:
    """What a person agreed to at this provider and at the platform, the newest first; each version once."""
    query = select(Consent).where(
        Consent.user_id == user_id, or_(Consent.provider_id.is_(None), Consent.provider_id == provider_id)
    )
    first: dict[tuple[str, str], Consent] = {}
    for row in db.scalars(query.order_by(Consent.id)):
        first.setdefault((row.document, row.version), row)
    return sorted(first.values(), key=lambda row: row.id, reverse=True)
