"""Signed-in browsers: one row per sign-in, found by the hash of its token, so that one click ends any of them.

These functions open their own platform session: people and their sign-ins stand above the providers.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Update, func, select, update
from sqlalchemy.orm import Session, aliased

from saas import clock
from saas.db import platform_session
from saas.tenants.models import LoginSession, User

IDLE = timedelta(hours=12)
LONGEST = timedelta(days=30)
_TOUCH_EVERY = timedelta(minutes=1)


@dataclass(frozen=True)
class SignedIn:
    """The person behind a session token."""

    user_id: UUID
    session_id: UUID
    email: str
    name: str
    locale: str
    is_confirmed: bool


def token_hash(token: str) -> bytes:
    """What is kept of a secret that a browser or a mail carries. Its 32 random bytes need no salt."""
    return hashlib.sha256(token.encode()).digest()


def open_session(
    user: User, *, ip: str, user_agent: str, remember: bool = False, parent_id: UUID | None = None
) -> str:  # fmt: skip
    """Sign a browser in; answers its secret token, which is shown to nobody else and kept nowhere.

    It ends after 12 hours without a visit, after 30 days at the latest; `remember` keeps it for the whole 30 days.
    `parent_id` is the same browser's sign-in at the platform's address, when this one is at a provider's own host.
    """
    token = secrets.token_urlsafe(32)
    now = clock.now()
    with platform_session("sign a person in") as db:
        db.add(
            LoginSession(
                user_id=user.id, token_hash=token_hash(token), created_at=now, last_seen_at=now,
                expires_at=now + (LONGEST if remember else IDLE), ip=ip, user_agent=user_agent[:300],
                parent_id=parent_id,
            )
        )  # fmt: skip
    return token


def session_user(token: str) -> SignedIn | None:
    """Who holds this token; None when it is unknown, ended, expired, or the person is blocked.

    One query; a visit is noted at most once a minute.
    """
    now = clock.now()
    with platform_session("find the signed-in person") as db:
        row = db.execute(
            select(
                User.id, User.email, User.name, User.locale, User.is_confirmed,
                LoginSession.id.label("session_id"), LoginSession.last_seen_at,
            )
            .join(User, User.id == LoginSession.user_id)
            .where(
                LoginSession.token_hash == token_hash(token), LoginSession.revoked_at.is_(None),
                LoginSession.expires_at > now, User.blocked_at.is_(None),
            )
        ).one_or_none()  # fmt: skip
        if row is None:
            return None
        if now - row.last_seen_at >= _TOUCH_EVERY:
            _touch(db, row.session_id, now)
    return SignedIn(row.id, row.session_id, row.email, row.name, row.locale, bool(row.is_confirmed))


def _touch(db: Session, session_id: UUID, now: datetime) -> None:
    """Note a visit. A remembered session already ends at its latest moment, so only others move."""
    latest = func.least(now + IDLE, LoginSession.created_at + LONGEST)
    db.execute(
        update(LoginSession)
        .where(LoginSession.id == session_id)
        .values(last_seen_at=now, expires_at=func.greatest(LoginSession.expires_at, latest))
        .execution_options(synchronize_session=False)
    )


def close_session(token: str) -> None:
    """Sign out the browser that holds this token, at the platform's address and at all hosts that it went on to; an
    unknown token is none.
    """
    with platform_session("sign a person out") as db:
        _end_browser(db, db.scalar(select(_FIRST).where(LoginSession.token_hash == token_hash(token))))


def close_one(user_id: UUID, session_id: UUID) -> bool:
    """Sign out one of a person's own browsers; False when it is not hers or already signed out."""
    with platform_session("sign one browser out") as db:
        first = db.scalar(
            select(_FIRST).where(
                LoginSession.id == session_id, LoginSession.user_id == user_id, LoginSession.revoked_at.is_(None)
            )
        )
        _end_browser(db, first)
    return first is not None


def close_all_sessions(user_id: UUID, except_token: str | None = None) -> None:
    """Sign a person out everywhere, or everywhere else."""
    with platform_session("sign a person out everywhere") as db:
        end_sessions(db, user_id, except_token)


def end_sessions(db: Session, user_id: UUID, except_token: str | None = None) -> None:
    """`close_all_sessions` within the caller's platform transaction, for what must happen together with it."""
    ending = _ending().where(LoginSession.user_id == user_id)
    if except_token is not None:
        kept = select(_FIRST).where(LoginSession.token_hash == token_hash(except_token)).scalar_subquery()
        ending = ending.where(_FIRST.is_distinct_from(kept))
    db.execute(ending)


_FIRST = func.coalesce(LoginSession.parent_id, LoginSession.id)
"""The sign-in at the platform's address from which a sign-in comes: it itself, unless it is at an own host."""


def signed_in_at(session_id: UUID) -> datetime | None:
    """When somebody showed who she is: at a provider's own host that was at the platform's address."""
    first = aliased(LoginSession)
    query = select(first.created_at).join(LoginSession, first.id == _FIRST).where(LoginSession.id == session_id)
    with platform_session("find out when somebody signed in") as db:
        return db.scalar(query)


def _end_browser(db: Session, first: UUID | None) -> None:
    if first is not None:
        db.execute(_ending().where(_FIRST.is_not_distinct_from(first)))


def _ending() -> Update:
    return (
        update(LoginSession)
        .where(LoginSession.revoked_at.is_(None))
        .values(revoked_at=clock.now())
        .execution_options(synchronize_session=False)
    )


def list_sessions(user_id: UUID) -> list[LoginSession]:
    """A person's signed-in browsers, the one seen last first."""
    with platform_session("list a person's sign-ins") as db:
        return list(
            db.scalars(
                select(LoginSession)
                .where(
                    LoginSession.user_id == user_id,
                    LoginSession.revoked_at.is_(None),
                    LoginSession.expires_at > clock.now(),
                )
                .order_by(LoginSession.last_seen_at.desc())
                .limit(100)
            )
        )
