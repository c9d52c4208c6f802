"""The doors to templates, uploads, audits and releases: the only way from an id to one of them."""

from __future__ import annotations

from typing import TypeVar
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from saas.errors import NotFound
from saas.programs.access import get_program
from saas.programs.models import Program
from saas.releases.models import Audit, LibraryAction, PastVersion, Release, Template, Upload
from saas.tenants.access import Verb, Who, require

T = TypeVar("T", Template, LibraryAction, Upload, Audit, Release, PastVersion)
OfProgram = TypeVar("OfProgram", Upload, Audit, Release, PastVersion)


def get_template(db: Session, who: Who, template_id: UUID, verb: Verb) -> Template:
    """A template of the acting member's provider. Merchants have nothing to do with templates."""
    template = db.scalar(select(Template).where(Template.id == template_id, Template.provider_id == who.provider_id))
    if template is None or who.is_merchant:
        raise NotFound()
    require(who, verb)
    return template


def get_upload(db: Session, who: Who, upload_id: UUID, verb: Verb) -> tuple[Program, Upload]:
    return _of_program(db, who, select(Upload).where(Upload.id == upload_id), verb)


def get_audit(db: Session, who: Who, audit_id: UUID, verb: Verb) -> tuple[Program, Audit]:
    return _of_program(db, who, select(Audit).where(Audit.id == audit_id), verb)


def get_release(db: Session, who: Who, release_id: UUID, verb: Verb) -> tuple[Program, Release]:
    return _of_program(db, who, select(Release).where(Release.id == release_id), verb)


def get_past_version(db: Session, who: Who, version_id: UUID, verb: Verb) -> tuple[Program, PastVersion]:
    return _of_program(db, who, select(PastVersion).where(PastVersion.id == version_id), verb)


def _of_program(db: Session, who: Who, query: Select[OfProgram], verb: Verb) -> tuple[Program, OfProgram]:
    """Whoever reaches the mini program reaches what belongs to it."""
    thing = db.scalar(query)
    if thing is None or thing.provider_id != who.provider_id:
        raise NotFound()
    return get_program(db, who, thing.program_id, verb), thing


def load_library_action(db: Session, action_id: UUID) -> LibraryAction:
    """For jobs, which run in their provider's session; so are all loaders here."""
    return _found(db.scalar(select(LibraryAction).where(LibraryAction.id == action_id)))


def load_template(db: Session, template_id: UUID) -> Template:
    return _found(db.scalar(select(Template).where(Template.id == template_id)))


def load_upload(db: Session, upload_id: UUID) -> Upload:
    return _found(db.scalar(select(Upload).where(Upload.id == upload_id)))


def load_audit(db: Session, audit_id: UUID) -> Audit:
    return _found(db.scalar(select(Audit).where(Audit.id == audit_id)))


def load_release(db: Session, release_id: UUID) -> Release:
    return _found(db.scalar(select(Release).where(Release.id == release_id)))


def hold_program(db: Session, program: Program) -> None:
    """Let nobody else begin an upload, an audit or a release of this mini program until the transaction ends.

    WeChat takes one call at a time per mini program, and the checks before each look at the others.
    """
    db.execute(select(Program.id).where(Program.id == program.id).with_for_update())


def _found(thing: T | None) -> T:
    if thing is None:
        raise NotFound()
    return thing
