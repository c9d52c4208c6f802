"""Secret addresses of the calendar: one for each member, to be revoked at any time; dead once she is no member."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from sqlalchemy import exists, func, select, update
from sqlalchemy.orm import Session

from saas import clock
from saas.agenda.models import CalendarFeed, DeadlineKind
from saas.config import settings
from saas.db import platform_session
from saas.errors import NotFound
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require
from saas.tenants.models import Membership, Provider, ProviderStatus, Role, User
from saas.tenants.providers import own_provider
from saas.tenants.sessions import token_hash

_SEEN_EVERY = timedelta(hours=1)


def find_feed(db: Session, who: Who) -> CalendarFeed | None:
    """The member's address, if she has one; one of an earlier membership is none."""
    is_hers = exists().where(
        Membership.provider_id == CalendarFeed.provider_id, Membership.user_id == CalendarFeed.user_id,
        Membership.created_at <= CalendarFeed.created_at,
    )  # fmt: skip
    query = select(CalendarFeed).where(CalendarFeed.user_id == who.user_id, CalendarFeed.revoked_at.is_(None), is_hers)
    return db.scalar(query)


def make_feed(db: Session, kinds: Collection[DeadlineKind], *, who: Who, locale: str) -> CalendarFeed:
    """A new secret address for the acting member; the one before it is dead."""
    require(who, Verb.VIEW)
    assert who.user_id is not None
    _one_at_a_time(db, who)
    _revoke(db, who)
    token = secrets.token_urlsafe(24)
    feed = CalendarFeed(
        provider_id=who.provider_id, user_id=who.user_id, token_hash=token_hash(token),
        kinds=[kind.value for kind in DeadlineKind if kind in kinds], locale=locale,
    )  # fmt: skip
    feed.token = token
    db.add(feed)
    db.flush()
    activity.record(db, who, "calendar.subscribe", own_provider(db))
    return feed


def revoke_feed(db: Session, *, who: Who) -> None:
    """Nobody reads by the acting member's address any more."""
    if _revoke(db, who):
        activity.record(db, who, "calendar.revoke", own_provider(db))


def feed_address(feed: CalendarFeed) -> str:
    return f"{settings().public_url}/calendar/{feed.token}.ics"


def open_feed(token: str) -> tuple[UUID, UUID, Who]:
    """Whose calendar a secret address is: the provider, the feed and the member. Raises NotFound."""
    with platform_session("find whose calendar an address is") as db:
        row = db.execute(
            select(CalendarFeed, Membership.role, User.name)
            .join(Provider, Provider.id == CalendarFeed.provider_id)
            .join(User, User.id == CalendarFeed.user_id)
            .join(
                Membership,
                (Membership.user_id == CalendarFeed.user_id) & (Membership.provider_id == CalendarFeed.provider_id),
            )
            .where(
                CalendarFeed.token_hash == token_hash(token), CalendarFeed.revoked_at.is_(None),
                Membership.created_at <= CalendarFeed.created_at,  # who left and came again has no old address
                User.blocked_at.is_(None), Provider.status.in_([ProviderStatus.TRIAL, ProviderStatus.ACTIVE]),
            )
        ).first()  # fmt: skip
        if row is None:
            raise NotFound()
        feed, role, name = row
        return feed.provider_id, feed.id, Who(feed.provider_id, name, feed.user_id, role=Role(role))


def load_feed(db: Session, feed_id: UUID) -> CalendarFeed:
    """The feed in its provider's session, noted as read."""
    feed = db.scalars(select(CalendarFeed).where(CalendarFeed.id == feed_id)).one()
    if feed.read_at is None or feed.read_at < clock.now() - _SEEN_EVERY:
        feed.read_at = clock.now()
    return feed


def _one_at_a_time(db: Session, who: Who) -> None:
    """Whoever makes two addresses at once keeps the second, as if they had come one after the other."""
    key = f"calendar feed {who.provider_id} {who.user_id}"
    db.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(key, 0))))


def _revoke(db: Session, who: Who) -> bool:
    revoked = db.execute(
        update(CalendarFeed)
        .where(
            CalendarFeed.user_id == who.user_id, CalendarFeed.provider_id == who.provider_id,
            CalendarFeed.revoked_at.is_(None),
        )
        .values(revoked_at=clock.now(), token_sealed=None)
        .returning(CalendarFeed.id)
        .execution_options(synchronize_session=False)
    ).first()  # fmt: skip
    return revoked is not None
