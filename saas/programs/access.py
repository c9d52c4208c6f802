"""The door to mini programs and authorization links: the only way from an id to one of them."""

from __future__ import annotations

from typing import TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from saas.components.models import ComponentApp
from saas.errors import NotFound
from saas.programs.models import AuthorizationLink, Grant, Program
from saas.tenants.access import Verb, Who, require

T = TypeVar("T")


def get_program(db: Session, who: Who, program_id: UUID, verb: Verb) -> Program:
    """A mini program that `who` may do `verb` to; a merchant's person reaches those of her merchants only."""
    query = select(Program).where(Program.id == program_id, Program.provider_id == who.provider_id)
    if who.is_merchant:
        query = query.where(Program.merchant_id.in_(who.merchant_ids))
    return _opened(db.scalar(query), who, verb)


def get_link(db: Session, who: Who, link_id: UUID, verb: Verb) -> AuthorizationLink:
    """An authorization link that `who` may do `verb` to; a merchant's person reaches those of her merchants only."""
    query = select(AuthorizationLink).where(
        AuthorizationLink.id == link_id, AuthorizationLink.provider_id == who.provider_id
    )
    if who.is_merchant:
        query = query.where(AuthorizationLink.merchant_id.in_(who.merchant_ids))
    return _opened(db.scalar(query), who, verb)


def load_program(db: Session, program_id: UUID) -> Program:
    """A mini program for a job, which runs in its provider's session."""
    return _found(db.scalar(select(Program).where(Program.id == program_id)))


def load_grant(db: Session, grant_id: UUID) -> Grant:
    """An authorization code for a job, which runs in its provider's session."""
    return _found(db.scalar(select(Grant).where(Grant.id == grant_id)))


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


def _opened(found: T | None, who: Who, verb: Verb) -> T:
    thing = _found(found)
    require(who, verb)
    return thing


def _found(thing: T | None) -> T:
    if thing is None:
        raise NotFound()
    return thing
