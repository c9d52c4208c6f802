"""A merchant's people: who may see her mini programs and answer for her. They come by invitation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from saas.db import platform_session
from saas.errors import NotFound
from saas.tenants import activity, phones
from saas.tenants.access import Verb, Who, require
from saas.tenants.models import Merchant, MerchantMembership, MerchantRole, User


@dataclass(frozen=True)
class Person:
    """Somebody of a merchant, as the merchant's page shows her; without an address `email` is her masked number."""

    membership_id: UUID
    name: str
    email: str
    role: MerchantRole
    joined_at: datetime


def list_people(who: Who, merchant: Merchant) -> list[Person]:
    """The merchant's people, first come first. People stand above the tenant wall, so the merchant came through its
    door before."""
    require(who, Verb.VIEW)
    query = (
        select(MerchantMembership, User)
        .join(User, User.id == MerchantMembership.user_id)
        .where(
            MerchantMembership.provider_id == who.provider_id, MerchantMembership.merchant_id == merchant.id
        )
        .order_by(MerchantMembership.id)
    )  # fmt: skip
    with platform_session("list a merchant's people") as db:
        rows = db.execute(query).all()
        return [
            Person(row.id, user.name, user.email or _number(user), MerchantRole(row.role), row.created_at)
            for row, user in rows
        ]


def _number(user: User) -> str:
    phone = phones.phone_of(user)
    return phones.masked(phone) if phone else ""


def change_person_role(db: Session, merchant: Merchant, membership_id: UUID, role: MerchantRole, *, who: Who) -> None:
    """Let a helper answer for the merchant, or let somebody only look on from now on."""
    membership = _membership(db, merchant, membership_id, who)
    membership.role = role.value
    activity.record(db, who, "merchant.person.role", merchant, detail={"role": role.value})


def remove_person(db: Session, merchant: Merchant, membership_id: UUID, *, who: Who) -> None:
    """Close the merchant's pages to somebody; her account stays."""
    db.delete(_membership(db, merchant, membership_id, who))
    activity.record(db, who, "merchant.person.remove", merchant)


def _membership(db: Session, merchant: Merchant, membership_id: UUID, who: Who) -> MerchantMembership:
    require(who, Verb.WORK)
    membership = db.scalar(
        select(MerchantMembership).where(
            MerchantMembership.id == membership_id, MerchantMembership.merchant_id == merchant.id
        )
    )
    if membership is None:
        raise NotFound()
    return membership
