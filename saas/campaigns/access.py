"""The door to campaigns. Merchants have nothing to do with them."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from saas.campaigns.models import Campaign
from saas.errors import NotFound
from saas.tenants.access import Verb, Who, require


def get_campaign(db: Session, who: Who, campaign_id: UUID, verb: Verb = Verb.VIEW) -> Campaign:
    """A campaign of the acting member's provider."""
    query = select(Campaign).where(Campaign.id == campaign_id, Campaign.provider_id == who.provider_id)
    found = db.scalar(query)
    if found is None or who.is_merchant:
        raise NotFound()
    require(who, verb)
    return found


def load_campaign(db: Session, campaign_id: UUID) -> Campaign:
    """A campaign for its job, which runs in its provider's session."""
    found = db.scalar(select(Campaign).where(Campaign.id == campaign_id))
    if found is None:
        raise NotFound()
    return found
