"""One-use secrets sent by mail: to confirm or add an address, to set a new password, to sign in. All in a platform
session. `about` is something that must come back with the secret, such as the address that it was sent to.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from saas import clock
from saas.errors import N_, AppError
from saas.tenants.models import MailToken, MailTokenPurpose, User
from saas.tenants.sessions import token_hash

LIVES: dict[MailTokenPurpose, timedelta] = {
    MailTokenPurpose.VERIFY_EMAIL: timedelta(hours=24),
    MailTokenPurpose.RESET_PASSWORD: timedelta(hours=1),
    MailTokenPurpose.SIGN_IN: timedelta(minutes=15),
    MailTokenPurpose.ADD_EMAIL: timedelta(hours=1),
}


class LinkIsOver(AppError):
    """The link was used, replaced by a newer one, has expired, or never was one: the holder cannot tell which."""

    status = 410

    def __init__(self) -> None:
        super().__init__(N_("链接无效或已过期"), hint=N_("链接只能使用一次，以最新一封邮件为准。请重新获取。"))


def issue_token(db: Session, user_id: UUID, purpose: MailTokenPurpose, *, about: str = "") -> str:
    """Make a new secret; older ones of the same purpose stop working."""
    void_tokens(db, user_id, purpose)
    token, now = secrets.token_urlsafe(32), clock.now()
    digest = token_hash(token + about)
    db.add(MailToken(user_id=user_id, purpose=purpose, token_hash=digest, expires_at=now + LIVES[purpose]))
    return token


def void_tokens(db: Session, user_id: UUID, purpose: MailTokenPurpose) -> None:
    """Make all open secrets of one purpose stop working."""
    db.execute(
        update(MailToken)
        .where(MailToken.user_id == user_id, MailToken.purpose == purpose, MailToken.used_at.is_(None))
        .values(used_at=clock.now())
    )


def token_owner(db: Session, token: str, purpose: MailTokenPurpose, *, about: str = "") -> User:
    """Whose open secret this is, without using it: mail scanners open links, too. Raises LinkIsOver."""
    digest = token_hash(token + about)
    owner = db.scalar(
        select(User)
        .join(MailToken, MailToken.user_id == User.id)
        .where(
            MailToken.token_hash == digest, MailToken.purpose == purpose, MailToken.used_at.is_(None),
            MailToken.expires_at > clock.now(), User.blocked_at.is_(None),
        )
    )  # fmt: skip
    if owner is None:
        raise LinkIsOver()
    return owner


def use_token(db: Session, token: str, purpose: MailTokenPurpose, *, about: str = "") -> User:
    """Use a secret up; of two at the same moment one gets LinkIsOver."""
    owner = token_owner(db, token, purpose, about=about)
    used = db.execute(
        update(MailToken)
        .where(MailToken.token_hash == token_hash(token + about), MailToken.used_at.is_(None))
        .values(used_at=clock.now())
        .returning(MailToken.id)
    ).first()
    if used is None:
        raise LinkIsOver()
    return owner
