"""Why WeChat or the authority said no, for the entries of the activity log, which do not say it themselves."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from saas.programs.certification_models import Certification
from saas.programs.filing_models import Filing
from saas.programs.models import NameReview
from saas.releases.models import Audit, AuditStatus
from saas.tenants.models import Activity

LONGEST = 300
AUDIT, NAME = "program.audit.rejected", "program.name.refused"
CERTIFICATIONS = frozenset({"program.certification.failed", "program.certification.sent_back"})
FILINGS = frozenset({"program.filing.authority_rejected", "program.filing.platform_rejected"})
EXPLAINED = frozenset({AUDIT, NAME, *CERTIFICATIONS, *FILINGS})
"""Entries for which there is a reason."""


def reasons_of(db: Session, entries: Collection[Activity]) -> dict[UUID, str]:
    """The reasons by the entry's id, as far as they still are known. One query for each kind of entry."""
    found: dict[UUID, str] = {}
    for verbs, of in (
        ({AUDIT}, _of_audits), ({NAME}, _of_names), (CERTIFICATIONS, _of_certifications), (FILINGS, _of_filings),
    ):  # fmt: skip
        some = [one for one in entries if one.verb in verbs and one.object_id is not None]
        if some:
            found |= of(db, some)
    return {entry_id: _short(text) for entry_id, text in found.items() if text}


def _of_audits(db: Session, entries: Collection[Activity]) -> dict[UUID, str]:
    rows = db.execute(
        select(Audit.program_id, Audit.auditid, Audit.reason).where(
            Audit.program_id.in_(_programs(entries)), Audit.status == AuditStatus.REJECTED,
            Audit.auditid.in_([str(one.detail.get("auditid")) for one in entries]),
        )
    )  # fmt: skip
    known = {(row.program_id, row.auditid): row.reason for row in rows}
    return {one.id: known.get((one.object_id, one.detail.get("auditid")), "") for one in entries}


def _of_names(db: Session, entries: Collection[Activity]) -> dict[UUID, str]:
    rows = db.execute(
        select(NameReview.program_id, NameReview.name, NameReview.reason)
        .where(NameReview.program_id.in_(_programs(entries)), NameReview.decided_at.is_not(None))
        .order_by(NameReview.id)
    )
    known = {(row.program_id, row.name): row.reason for row in rows}
    return {one.id: known.get((one.object_id, one.detail.get("name")), "") for one in entries}


def _of_certifications(db: Session, entries: Collection[Activity]) -> dict[UUID, str]:
    """Only of one that still stands so: sent in again, it has another reason or none."""
    rows = db.execute(
        select(Certification.program_id, Certification.status, Certification.reason)
        .where(Certification.program_id.in_(_programs(entries)))
        .order_by(Certification.id)
    )
    known = {(row.program_id, f"program.certification.{row.status}"): row.reason for row in rows}
    return {one.id: known.get((one.object_id, one.verb), "") for one in entries}


def _of_filings(db: Session, entries: Collection[Activity]) -> dict[UUID, str]:
    """Only of one that still stands so."""
    rows = db.execute(
        select(Filing.program_id, Filing.status, Filing.reasons).where(Filing.program_id.in_(_programs(entries)))
    )
    known = {(row.program_id, f"program.filing.{row.status}"): row.reasons for row in rows}
    return {one.id: "；".join(_said(known.get((one.object_id, one.verb), ()))) for one in entries}


def _said(reasons: Iterable[dict[str, str]]) -> list[str]:
    return ["：".join(filter(None, (one.get("name"), one.get("error")))) for one in reasons]


def _programs(entries: Collection[Activity]) -> set[UUID]:
    return {one.object_id for one in entries if one.object_id is not None}


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"
