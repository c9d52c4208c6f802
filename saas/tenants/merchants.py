"""Merchants: the companies and people that a provider works for."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from saas.errors import NotFound
from saas.tenants.access import Verb, Who, require
from saas.tenants.models import Merchant


def get_merchant(db: Session, who: Who, merchant_id: UUID, verb: Verb) -> Merchant:
    """The door: a merchant that `who` may do `verb` to. A merchant's person reaches her own only."""
    query = select(Merchant).where(Merchant.id == merchant_id, Merchant.provider_id == who.provider_id)
    if who.is_merchant:
        query = query.where(Merchant.id.in_(who.merchant_ids))
    merchant = db.scalar(query)
    if merchant is None:
        raise NotFound()
    require(who, verb)
    return merchant
