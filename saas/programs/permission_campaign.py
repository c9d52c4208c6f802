"""Missing permissions: a new link for every mini program whose merchant has not granted what we need.

WeChat adds no permission to an authorization that stands: the merchant has to confirm again, for all of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from saas import clock
from saas.batches.models import BatchItem
from saas.batches.steps import Skipped, step
from saas.components.access import load_component
from saas.errors import N_, Conflict, Invalid
from saas.programs import listing
from saas.programs.access import load_program
from saas.programs.links import LIFETIME, LONGEST, create_link, is_usable, link_address
from saas.programs.listing import ProgramFilter
from saas.programs.models import AuthorizationLink, AuthorizationStatus, Program
from saas.programs.permissions import ESSENTIAL
from saas.tenants import activity
from saas.tenants.access import Who
from saas.tenants.branding import brand_of
from saas.tenants.letters import send_letter
from saas.tenants.merchants import load_merchant
from saas.tenants.models import Merchant
from saas.tenants.providers import own_provider
from saas.wx.limits import ZONE
from saas.wx.permissions import PermissionSet, permission_set

RENEW = "saas.programs.permission_campaign.renew_link"
ESSENTIALS = "essential"
_LONG_ENOUGH = timedelta(days=1)
_CHUNK = 500


def wanted_sets(lacking: str) -> tuple[int, ...]:
    """The permission sets that a campaign is about; raises Invalid for what is neither a number nor ESSENTIALS."""
    if lacking == ESSENTIALS:
        return ESSENTIAL
    if not lacking.isdecimal() or len(lacking) > 4:
        raise Invalid(N_("请选择列出的选项"), field="lacking")
    return (int(lacking),)


def lacking_of(program: Program, lacking: str) -> list[PermissionSet]:
    """Which of the wanted sets this mini program's merchant has not granted."""
    granted = frozenset(program.permission_sets)
    return [permission_set(number) for number in wanted_sets(lacking) if number not in granted]


@dataclass(frozen=True)
class Lack:
    """A mini program of a campaign. `link` is the newest that was made for it, whatever became of it."""

    program: Program
    merchant: Merchant | None
    missing: list[PermissionSet]
    link: AuthorizationLink | None


def filter_of(lacking: str) -> ProgramFilter:
    """The mini programs of a campaign; those whose merchants withdrew are a matter of their own."""
    wanted_sets(lacking)
    return ProgramFilter(lacking=lacking, authorization=AuthorizationStatus.AUTHORIZED)


def describe(db: Session, programs: Collection[Program], lacking: str) -> list[Lack]:
    """How these mini programs stand, in two queries."""
    merchant_ids = {program.merchant_id for program in programs if program.merchant_id}
    merchants = {row.id: row for row in db.scalars(select(Merchant).where(Merchant.id.in_(merchant_ids)))}
    newest = (
        select(AuthorizationLink)
        .where(
            AuthorizationLink.merchant_id.in_(merchant_ids),
            AuthorizationLink.program_id.in_([program.id for program in programs]),
        )
        .ext(distinct_on(AuthorizationLink.program_id))
        .order_by(AuthorizationLink.program_id, AuthorizationLink.id.desc())
    )
    links = {link.program_id: link for link in db.scalars(newest)}
    known = [(one, merchants.get(one.merchant_id) if one.merchant_id else None) for one in programs]
    return [Lack(one, merchant, lacking_of(one, lacking), links.get(one.id)) for one, merchant in known]


def all_of(db: Session, lacking: str) -> Iterator[Lack]:
    """Everything of a campaign, a chunk at a time."""
    ids = listing.select_ids(db, filter_of(lacking), most=None)
    for start in range(0, len(ids), _CHUNK):
        yield from describe(db, listing.select_programs(db, ids[start : start + _CHUNK]), lacking)
        db.expunge_all()


def read_terms(lacking: str, days: str, *, mail: bool) -> dict[str, Any]:
    """The params of a batch of links; raises Invalid at the field."""
    if lacking:
        wanted_sets(lacking)
    if not days.isdecimal() or not 1 <= int(days) <= LONGEST.days:
        raise Invalid(N_("有效期为 1 至 %(days)s 天"), field="days", days=LONGEST.days)
    return {"lacking": lacking, "days": int(days), "mail": mail}


@step(label=N_("生成补授权链接"))
def renew_link(db: Session, item: BatchItem) -> dict[str, Any]:
    """Needs `lacking`, "" for whatever was granted, `days` and `mail`; `link` of the result is the link's id.

    A link for this mini program that still works is kept, so that the merchant has one address only.
    """
    program, lacking = load_program(db, item.subject_id), item.input["lacking"]
    stands = program.authorization == AuthorizationStatus.AUTHORIZED
    if stands and lacking and not lacking_of(program, lacking):
        raise Skipped(N_("商家已经授予这些权限"))
    if program.merchant_id is None:
        raise Conflict(N_("还没有指定商家，不知道把链接给谁"))
    merchant, who = load_merchant(db, program.merchant_id), item.starter
    lifetime = timedelta(days=item.input["days"]) if item.input["days"] else LIFETIME
    link = _usable_link(db, program) or create_link(
        db, load_component(db, program.component_id), merchant, who=who, program=program, lifetime=lifetime
    )
    result: dict[str, Any] = {"link": str(link.id)}
    if item.input["mail"] and not merchant.contact_email:
        result["partial"] = [{"name": str(merchant.name), "why": N_("商家资料里没有联系邮箱，请自己把链接发给对方")}]
    elif item.input["mail"]:
        _mail(db, program, merchant, link, who)
    return result


def _usable_link(db: Session, program: Program) -> AuthorizationLink | None:
    """The newest link for all permissions of this mini program, if it works for another day."""
    query = select(AuthorizationLink).where(
        AuthorizationLink.merchant_id == program.merchant_id, AuthorizationLink.program_id == program.id
    )
    link = db.scalars(query.order_by(AuthorizationLink.id.desc()).limit(1)).first()
    if link is None or link.permission_sets or not is_usable(link) or link.expires_at < clock.now() + _LONG_ENOUGH:
        return None
    return link


def _mail(db: Session, program: Program, merchant: Merchant, link: AuthorizationLink, who: Who) -> None:
    own, name = own_provider(db), program.name or program.appid
    brand = brand_of(own)
    send_letter(
        db, "authorization_link", to=merchant.contact_email, provider_id=program.provider_id, brand=brand,
        provider=brand.name, name=name, appid=program.appid, due=f"{link.expires_at.astimezone(ZONE):%Y-%m-%d %H:%M}",
        link=link_address(link, own.slug),
    )  # fmt: skip
    activity.record(db, who, "authorization_link.mail", link, detail={"program": name})
