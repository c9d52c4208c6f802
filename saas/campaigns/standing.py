"""How campaigns stand: the list, their last runs, and whom one would reach now."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from saas.batches.models import Batch
from saas.campaigns.models import Campaign, CampaignRun, CampaignStatus
from saas.campaigns.starting import filter_of, find_ids
from saas.errors import Conflict
from saas.programs.listing import list_programs, select_programs
from saas.programs.models import Program
from saas.programs.suiting import Suits

_SHOWN = 10
_ASKED = 1000


@dataclass(frozen=True)
class Reach:
    """Whom a campaign would work on if it began now. `broken`: why its filter cannot be asked any more.

    Of very many only some are counted (`is_least`), and not each is asked whether it suits: `unsuited` is None then.
    `first` are some to be named.
    """

    found: int
    unsuited: int | None = 0
    first: tuple[Program, ...] = ()
    is_least: bool = False
    broken: str = ""


def reach_of(db: Session, campaign: Campaign) -> Reach:
    """Ask now what its start will ask, as far as a page can wait for it."""
    try:
        wanted = filter_of(campaign)
    except Conflict as error:
        return Reach(0, broken=error.message)
    if wanted is not None:
        page = list_programs(db, wanted, limit=_SHOWN)
        if page.total_is_least:
            return Reach(page.total - 1, None, tuple(page.programs), is_least=True)
    elif campaign.chosen > _ASKED:
        return Reach(campaign.chosen, None, tuple(select_programs(db, campaign.program_ids[:_SHOWN])))
    programs, suits = select_programs(db, find_ids(db, campaign)), Suits(campaign.suits)
    return Reach(len(programs), sum(not suits.fits(one) for one in programs), tuple(programs[:_SHOWN]))


def list_campaigns(
    db: Session, *, status: CampaignStatus | None = None, before: UUID | None = None, limit: int = 30
) -> list[Campaign]:
    """The provider's campaigns, newest first, all or those of one state."""
    query = select(Campaign).order_by(Campaign.id.desc()).limit(limit)
    if status is not None:
        query = query.where(Campaign.status == status)
    return list(db.scalars(query if before is None else query.where(Campaign.id < before)))


def list_runs(db: Session, campaign: Campaign, *, before: UUID | None = None, limit: int = 30) -> list[CampaignRun]:
    """Its starts, newest first."""
    query = select(CampaignRun).where(CampaignRun.campaign_id == campaign.id)
    query = query.order_by(CampaignRun.id.desc()).limit(limit)
    return list(db.scalars(query if before is None else query.where(CampaignRun.id < before)))


def last_runs(db: Session, campaign_ids: Collection[UUID]) -> dict[UUID, CampaignRun]:
    """The last start of each of many campaigns."""
    rows = db.scalars(
        select(CampaignRun)
        .where(CampaignRun.campaign_id.in_(campaign_ids))
        .ext(distinct_on(CampaignRun.campaign_id))
        .order_by(CampaignRun.campaign_id, CampaignRun.id.desc())
    )
    return {run.campaign_id: run for run in rows}


def campaign_of(db: Session, batch: Batch) -> Campaign | None:
    """The campaign that started a batch, if one did."""
    query = select(Campaign).join(CampaignRun, CampaignRun.campaign_id == Campaign.id)
    return db.scalars(query.where(CampaignRun.batch_id == batch.id)).first()
