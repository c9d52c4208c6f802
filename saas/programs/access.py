"""The door to mini programs and authorization links: the only way from an id to one of them."""

from __future__ import annotations

from collections.abc import Collection
from typing import TypeVar
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from saas.components.models import ComponentApp
from saas.db import copy_row
from saas.errors import NotFound
from saas.programs.models import AuthorizationLink, Grant, NameReview, Program, ProgramCode, Tester
from saas.programs.registration_models import Registration
from saas.programs.violation_models import Violation
from saas.tenants.access import Verb, Who, require
from saas.wx.events import MessageEvent

log = structlog.get_logger()

T = TypeVar("T")


def get_program(db: Session, who: Who, program_id: UUID, verb: Verb) -> Program:
    """A mini program that `who` may do `verb` to; a merchant's person reaches those of her merchants only."""
    query = select(Program).where(Program.id == program_id, Program.provider_id == who.provider_id)
    if who.is_merchant:
        query = query.where(Program.merchant_id.in_(who.merchant_ids))
    program = _found(db.scalar(query))
    return _opened(program, who.at(program.merchant_id), verb)


def get_link(db: Session, who: Who, link_id: UUID, verb: Verb) -> AuthorizationLink:
    """An authorization link that `who` may do `verb` to; a merchant's person reaches those of her merchants only."""
    query = select(AuthorizationLink).where(
        AuthorizationLink.id == link_id, AuthorizationLink.provider_id == who.provider_id
    )
    if who.is_merchant:
        query = query.where(AuthorizationLink.merchant_id.in_(who.merchant_ids))
    link = _found(db.scalar(query))
    return _opened(link, who.at(link.merchant_id), verb)


def load_program(db: Session, program_id: UUID) -> Program:
    """A mini program for a job, which runs in its provider's session."""
    return _found(db.get(Program, program_id))


def read_ahead(db: Session, subject_ids: Collection[UUID]) -> dict[UUID, tuple[Program, ComponentApp]]:
    """For a pump of items: those of these subjects that are mini programs, each with its component app. They are in no
    session, to be added to one each, where `load_program` and `load_component` find them.
    """
    programs = list(db.scalars(select(Program).where(Program.id.in_(subject_ids))))
    ids = {program.component_id for program in programs}
    components = {row.id: row for row in db.scalars(select(ComponentApp).where(ComponentApp.id.in_(ids)))}
    for row in (*programs, *components.values()):
        db.expunge(row)
    return {program.id: (program, copy_row(components[program.component_id])) for program in programs}


def load_name_review(db: Session, review_id: UUID) -> NameReview:
    """A review of a name for a job, which runs in its provider's session."""
    return _found(db.scalar(select(NameReview).where(NameReview.id == review_id)))


def load_grant(db: Session, grant_id: UUID) -> Grant:
    """An authorization code for a job, which runs in its provider's session."""
    return _found(db.scalar(select(Grant).where(Grant.id == grant_id)))


def get_tester(db: Session, who: Who, tester_id: UUID, verb: Verb) -> Tester:
    """Somebody of the provider's address book of testers; merchants have nothing to do with it."""
    query = select(Tester).where(Tester.id == tester_id, Tester.provider_id == who.provider_id)
    return _opened(None if who.is_merchant else db.scalar(query), who, verb)


def get_code(db: Session, who: Who, code_id: UUID, verb: Verb) -> tuple[Program, ProgramCode]:
    """A code or link with its mini program, as far as `who` reaches that one."""
    code = _found(db.scalar(select(ProgramCode).where(ProgramCode.id == code_id)))
    return get_program(db, who, code.program_id, verb), code


def get_registration(db: Session, who: Who, registration_id: UUID, verb: Verb) -> Registration:
    """A registration that a member may do `verb` to."""
    query = select(Registration).where(Registration.id == registration_id, Registration.provider_id == who.provider_id)
    return _opened(None if who.is_merchant else db.scalar(query), who, verb)


def get_violation(db: Session, who: Who, violation_id: UUID, verb: Verb) -> Violation:
    """A penalty that a member may do `verb` to."""
    query = select(Violation).where(Violation.id == violation_id, Violation.provider_id == who.provider_id)
    return _opened(None if who.is_merchant else db.scalar(query), who, verb)


def load_registration(db: Session, registration_id: UUID) -> Registration:
    """A registration for a job, which runs in its provider's session."""
    return _found(db.scalar(select(Registration).where(Registration.id == registration_id)))


def program_by_appid(db: Session, component: ComponentApp, appid: str) -> Program | None:
    """The mini program that WeChat names so under this component app, if we know it."""
    return db.scalar(select(Program).where(Program.component_id == component.id, Program.appid == appid))


def program_by_original_id(db: Session, component: ComponentApp, original_id: str) -> Program | None:
    """The mini program of a ``gh_…`` id: audit events name no appid."""
    return db.scalar(
        select(Program)
        .where(Program.component_id == component.id, Program.original_id == original_id)
        .order_by(Program.id.desc())
    )


def program_of_message(db: Session, component: ComponentApp, appid: str, event: MessageEvent) -> Program | None:
    """The mini program that a push is about, by the appid of the address that it came to, else by its ``gh_…`` id."""
    found = program_by_appid(db, component, appid) if appid else None
    found = found or program_by_original_id(db, component, event.user_name)
    if found is None:
        log.info("push_about_unknown_program", kind=event.name, appid=appid, user_name=event.user_name)
    return found


def _opened(found: T | None, who: Who, verb: Verb) -> T:
    thing = _found(found)
    require(who, verb)
    return thing


def _found(thing: T | None) -> T:
    if thing is None:
        raise NotFound()
    return thing
