"""Authorization links: made for a merchant, shown again, replaced, revoked; each works once."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from saas import clock
from saas.components.models import ComponentApp
from saas.config import settings
from saas.errors import N_, AppError, Conflict, Invalid
from saas.programs.models import AuthorizationLink, LinkStatus, Program
from saas.programs.permissions import offered_sets
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require
from saas.tenants.models import Merchant

LIFETIME = timedelta(days=7)
LONGEST = timedelta(days=30)
_USABLE = (LinkStatus.OPEN, LinkStatus.STARTED)


class LinkState(StrEnum):
    """What a link is good for now: its status, or `expired`."""

    OPEN = "open"
    STARTED = "started"
    USED = "used"
    REVOKED = "revoked"
    EXPIRED = "expired"


class LinkOver(AppError):
    """The link can no longer be used; `state` says why."""

    status = 410

    def __init__(self, state: LinkState) -> None:
        message, hint = _OVER[state]
        super().__init__(message, hint=hint)
        self.state = state


_OVER = {
    LinkState.USED: (
        N_("这个授权链接已经用过"),
        N_("每个链接只能用一次。再授权一个小程序，请向服务商要新链接。"),
    ),
    LinkState.REVOKED: (N_("这个授权链接已被撤销"), N_("服务商撤销了它，可能已经换了新链接。请向服务商确认。")),
    LinkState.EXPIRED: (N_("这个授权链接已过期"), N_("请让服务商重新发一个链接，几秒钟就能生成。")),
}


def create_link(
    db: Session, component: ComponentApp, merchant: Merchant, *, who: Who,
    program: Program | None = None, permission_sets: Collection[int] = (), lifetime: timedelta = LIFETIME,
) -> AuthorizationLink:  # fmt: skip
    """Make a link by which this merchant authorizes, once.

    With `program`, only that mini program's administrator can; with `permission_sets`, WeChat asks for these only,
    else for all that the component app has published.
    """
    require(who, Verb.WORK)
    if merchant.archived_at is not None:
        raise Conflict(N_("该商家已归档"), hint=N_("请先恢复商家，再生成授权链接。"))
    if program is not None and program.component_id != component.id:
        raise Conflict(N_("小程序不属于这个第三方平台"))
    if program is not None and program.merchant_id not in (None, merchant.id):
        raise Conflict(N_("小程序属于另一个商家"))
    unknown = set(permission_sets) - {one.set.number for one in offered_sets()}
    if unknown:
        raise Invalid(N_("没有编号为 %(number)s 的权限集"), field="permission_sets", number=min(unknown))
    if not timedelta(0) < lifetime <= LONGEST:
        raise Invalid(N_("有效期为 1 至 %(days)s 天"), field="days", days=LONGEST.days)
    token = secrets.token_urlsafe(24)
    link = AuthorizationLink(
        provider_id=component.provider_id, component_id=component.id, merchant_id=merchant.id,
        program_id=program.id if program else None, token_hash=token_hash(token),
        permission_sets=sorted(set(permission_sets)), expires_at=clock.now() + lifetime, created_by=who.user_id,
    )  # fmt: skip
    link.token = token
    db.add(link)
    db.flush()
    detail = {"merchant": merchant.name, "program": program.name or program.appid if program else ""}
    activity.record(db, who, "authorization_link.create", link, detail=detail)
    return link


def revoke_link(db: Session, link: AuthorizationLink, *, who: Who) -> None:
    """Make a link useless. An authorization that is already under way on WeChat's page still reaches us."""
    require(who, Verb.WORK)
    _claim_revoked(db, link)
    activity.record(db, who, "authorization_link.revoke", link)


def revoke_links_of(db: Session, merchant: Merchant, *, who: Who) -> int:
    """Make all open links of a merchant useless; says how many there were."""
    require(who, Verb.WORK)
    revoked = db.scalars(
        update(AuthorizationLink)
        .where(AuthorizationLink.merchant_id == merchant.id, AuthorizationLink.status.in_(_USABLE))
        .values(status=LinkStatus.REVOKED)
        .returning(AuthorizationLink.id)
    ).all()
    return len(revoked)


def replace_link(
    db: Session, link: AuthorizationLink, component: ComponentApp, merchant: Merchant, *, who: Who,
    program: Program | None = None,
) -> AuthorizationLink:  # fmt: skip
    """A new link for the same purpose; the old one stops working."""
    require(who, Verb.WORK)
    if link.status in _USABLE:
        _claim_revoked(db, link)
    return create_link(db, component, merchant, who=who, program=program, permission_sets=link.permission_sets)


def state_of(link: AuthorizationLink, now: datetime | None = None) -> LinkState:
    if link.status in _USABLE and link.expires_at <= (now or clock.now()):
        return LinkState.EXPIRED
    return LinkState(link.status)


def require_usable(link: AuthorizationLink) -> None:
    """Raise LinkOver unless an authorization may begin."""
    state = state_of(link)
    if state in _OVER:
        raise LinkOver(state)


def is_usable(link: AuthorizationLink) -> bool:
    """Whether an authorization may begin."""
    return state_of(link) not in _OVER


def link_address(link: AuthorizationLink, slug: str) -> str:
    """The address to send to the merchant; `slug` is the provider's."""
    return f"{settings().public_url}/m/{slug}/authorize/{link.token}"


def link_by_token(db: Session, token: str) -> tuple[AuthorizationLink, Merchant] | None:
    """The link that this secret opens, and whose it is, in its provider's session; None when there is none."""
    query = (
        select(AuthorizationLink, Merchant)
        .join(Merchant, Merchant.id == AuthorizationLink.merchant_id)
        .where(AuthorizationLink.token_hash == token_hash(token))
    )
    found = db.execute(query).one_or_none()
    return (found[0], found[1]) if found else None


def list_links(
    db: Session, *, merchant_ids: Collection[UUID] | None = None, program_id: UUID | None = None,
    before: UUID | None = None, limit: int = 20,
) -> list[AuthorizationLink]:  # fmt: skip
    """Links, newest first; of some merchants or one mini program only, when asked so."""
    query = select(AuthorizationLink).order_by(AuthorizationLink.id.desc()).limit(limit)
    if merchant_ids is not None:
        query = query.where(AuthorizationLink.merchant_id.in_(merchant_ids))
    if program_id is not None:
        query = query.where(
            (AuthorizationLink.program_id == program_id) | (AuthorizationLink.result_program_id == program_id)
        )
    if before is not None:
        query = query.where(AuthorizationLink.id < before)
    return list(db.scalars(query))


def usable_links(db: Session, merchant_ids: Collection[UUID]) -> list[AuthorizationLink]:
    """The links by which these merchants can authorize now: the newest for each purpose."""
    query = (
        select(AuthorizationLink)
        .where(
            AuthorizationLink.merchant_id.in_(merchant_ids),
            AuthorizationLink.status.in_(_USABLE),
            AuthorizationLink.expires_at > clock.now(),
        )
        .order_by(AuthorizationLink.id)
        .limit(200)
    )
    newest = {(link.merchant_id, link.program_id): link for link in db.scalars(query)}
    return sorted(newest.values(), key=lambda link: link.id, reverse=True)


def token_hash(token: str) -> bytes:
    """What is kept of a secret or a code for look-ups; they are random, so they need no salt."""
    return hashlib.sha256(token.encode()).digest()


def _claim_revoked(db: Session, link: AuthorizationLink) -> None:
    revoked = db.execute(
        update(AuthorizationLink)
        .where(AuthorizationLink.id == link.id, AuthorizationLink.status.in_(_USABLE))
        .values(status=LinkStatus.REVOKED)
        .returning(AuthorizationLink.id)
    ).first()
    if revoked is None:
        raise Conflict(N_("链接已经用过或已撤销"))
