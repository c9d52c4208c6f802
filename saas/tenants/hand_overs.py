"""Taking a sign-in from the platform's address to a provider's own host: a secret that works once, within a minute, in
the browser that asked for it, at the host that it was made for.

The provider owns that host's name and may read everything that is sent there; see docs/decisions/0010.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from saas import clock
from saas.tenants.mail_tokens import LinkIsOver
from saas.tenants.models import HandOver, LoginSession, User
from saas.tenants.sessions import token_hash

LIVES = timedelta(minutes=1)


def make_hand_over(db: Session, session_id: UUID, *, host: str, asker: bytes) -> str:
    """A secret for the person of this sign-in. `asker` is the hash of what the asking browser holds at that host."""
    token = secrets.token_urlsafe(32)
    db.add(
        HandOver(
            session_id=session_id, token_hash=token_hash(token), host=host, asker_hash=asker,
            expires_at=clock.now() + LIVES,
        )
    )  # fmt: skip
    return token


def use_hand_over(db: Session, token: str, *, host: str, asker: bytes) -> tuple[User, UUID]:
    """Who comes over, and the sign-in that she comes from, which must not have ended. Raises LinkIsOver.

    What does not fit uses it up, too: somebody else has it.
    """
    used = db.execute(
        update(HandOver)
        .where(HandOver.token_hash == token_hash(token), HandOver.used_at.is_(None))
        .values(used_at=clock.now())
        .returning(HandOver.session_id, HandOver.host, HandOver.asker_hash, HandOver.expires_at)
    ).one_or_none()
    if used is None:
        raise LinkIsOver()
    fits = used.host == host and used.asker_hash == asker and used.expires_at > clock.now()
    user = db.scalar(
        select(User)
        .join(LoginSession, LoginSession.user_id == User.id)
        .where(
            LoginSession.id == used.session_id, LoginSession.revoked_at.is_(None), User.blocked_at.is_(None),
            LoginSession.expires_at > clock.now(),
        )
    )  # fmt: skip
    if user is None or not fits:
        raise LinkIsOver()
    return user, used.session_id


def forget_hand_overs(db: Session) -> None:
    """Forget the secrets that are over. In a platform session."""
    db.execute(delete(HandOver).where(HandOver.expires_at < clock.now()))
