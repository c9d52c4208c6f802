"""The doors to entry links and onboardings: the only way from an id or a secret to one of them."""

from __future__ import annotations

from functools import cache
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session, aliased

from saas.errors import NotFound
from saas.onboarding.models import EntryLink, Onboarding, OnboardingPart
from saas.programs.models import Program
from saas.programs.registration_models import Registration
from saas.tenants.access import Verb, Who, require
from saas.tenants.models import Merchant
from saas.tenants.sessions import token_hash


def get_entry_link(db: Session, who: Who, link_id: UUID, verb: Verb) -> EntryLink:
    """An entry link that a member may do `verb` to; merchants have nothing to do with their own links."""
    link = db.scalar(select(EntryLink).where(EntryLink.id == link_id, EntryLink.provider_id == who.provider_id))
    if link is None or who.is_merchant:
        raise NotFound()
    require(who, verb)
    return link


def link_by_token(db: Session, token: str) -> tuple[EntryLink, Merchant] | None:
    """The link that this secret opens and the merchant to whom it leads, in its provider's session; None for none."""
    query = (
        select(EntryLink, Merchant)
        .join(Merchant, Merchant.id == EntryLink.merchant_id)
        .where(EntryLink.token_hash == token_hash(token))
    )
    found = db.execute(query).one_or_none()
    return (found[0], found[1]) if found else None


@cache
def is_of_its_merchant() -> ColumnElement[bool]:
    """For queries of onboardings: whether the mini program, where there is one, still is the asked merchant's."""
    of = aliased(Program)
    hers = select(of.id).where(of.id == Onboarding.program_id, of.merchant_id == Onboarding.merchant_id)
    return or_(Onboarding.program_id.is_(None), hers.correlate(Onboarding).exists())


def get_onboarding(db: Session, who: Who, onboarding_id: UUID, verb: Verb) -> Onboarding:
    """What is asked of a merchant; a merchant's person reaches that of her own merchants only, and nobody reaches what
    was asked about a mini program that went to another merchant since.
    """
    query = select(Onboarding).where(
        Onboarding.id == onboarding_id, Onboarding.provider_id == who.provider_id, is_of_its_merchant()
    )
    if who.is_merchant:
        query = query.where(Onboarding.merchant_id.in_(who.merchant_ids))
    onboarding = db.scalar(query)
    if onboarding is None:
        raise NotFound()
    require(who.at(onboarding.merchant_id), verb)
    return onboarding


def get_part(db: Session, who: Who, onboarding_id: UUID, key: str, verb: Verb) -> tuple[Onboarding, OnboardingPart]:
    """One part of what is asked of a merchant, with the whole; NotFound when this part is not asked for."""
    onboarding = get_onboarding(db, who, onboarding_id, verb)
    part = db.scalar(
        select(OnboardingPart).where(OnboardingPart.onboarding_id == onboarding.id, OnboardingPart.key == key)
    )
    if part is None:
        raise NotFound()
    return onboarding, part


def get_case(db: Session, who: Who, registration_id: UUID, verb: Verb) -> Registration:
    """A registration, for the people of the merchant for whom it is; it stays theirs if its mini program moves on."""
    query = select(Registration).where(
        Registration.id == registration_id, Registration.provider_id == who.provider_id,
        Registration.merchant_id.in_(who.merchant_ids),
    )  # fmt: skip
    case = db.scalar(query)
    if case is None:
        raise NotFound()
    require(who.at(case.merchant_id), verb)
    return case
