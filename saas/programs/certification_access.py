"""The door to certifications and their templates: the only ways from an id to one of them."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from saas.errors import NotFound
from saas.programs.certification_models import (
    ENDED,
    Certification,
    CertificationStatus,
    CertificationTemplate,
    Filled,
)
from saas.programs.models import Program
from saas.tenants.access import Verb, Who, require
from saas.tenants.models import StoredFile
from saas.tenants.stored_files import load_file


def get_template(db: Session, who: Who, template_id: UUID, verb: Verb) -> CertificationTemplate:
    """A template of the acting member's provider; merchants have nothing to do with them."""
    found = None if who.is_merchant else find_template(db, template_id)
    if found is None or found.provider_id != who.provider_id:
        raise NotFound()
    require(who, verb)
    return found


def find_template(db: Session, template_id: UUID) -> CertificationTemplate | None:
    """A template, for a step, which runs in its provider's session."""
    return db.scalar(select(CertificationTemplate).where(CertificationTemplate.id == template_id))


def list_templates(db: Session) -> list[CertificationTemplate]:
    return list(db.scalars(select(CertificationTemplate).order_by(CertificationTemplate.name)))


def load_certification(db: Session, certification_id: UUID) -> Certification:
    """A certification for a job, which runs in its provider's session."""
    found = db.scalar(select(Certification).where(Certification.id == certification_id))
    if found is None:
        raise NotFound()
    return found


def open_certification(db: Session, program: Program) -> Certification | None:
    """The mini program's certification that is not over, a draft, too."""
    is_open = Certification.status.not_in(ENDED)
    return db.scalar(select(Certification).where(Certification.program_id == program.id, is_open))


def list_certifications_of(db: Session, program: Program) -> list[Certification]:
    """All of one mini program, the newest first."""
    query = select(Certification).where(Certification.program_id == program.id)
    return list(db.scalars(query.order_by(Certification.id.desc())))


def newest_certification(db: Session, program: Program) -> Certification | None:
    """The newest one that has reached WeChat, over or not."""
    query = select(Certification).where(
        Certification.program_id == program.id, Certification.status != CertificationStatus.DRAFT
    )
    return db.scalars(query.order_by(Certification.id.desc()).limit(1)).first()


def list_certifications(
    db: Session, *, statuses: tuple[CertificationStatus, ...] = (), before: UUID | None = None, limit: int = 50
) -> list[tuple[Certification, Program]]:
    """The provider's certifications with their mini programs, the newest first; all or those of some states."""
    query = select(Certification, Program).join(Program, Program.id == Certification.program_id)
    if statuses:
        query = query.where(Certification.status.in_(statuses))
    if before is not None:
        query = query.where(Certification.id < before)
    return [(row[0], row[1]) for row in db.execute(query.order_by(Certification.id.desc()).limit(limit))]


def get_paper(db: Session, filled: Filled, file_id: UUID) -> StoredFile:
    """A picture that belongs to this template or certification."""
    if not any(str(file_id) in files for files in filled.papers.values()):
        raise NotFound()
    return load_file(db, file_id)
