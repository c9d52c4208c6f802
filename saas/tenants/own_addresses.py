"""Giving an account that has no e-mail address one, and taking it off again. All in a platform session.

A link that was mailed to the address confirms it, for the person who asked for it only: whoever opens it must be signed
in as she. Nobody learns here who has an account: a taken address is answered the same, and the mail says so.
"""

from __future__ import annotations

from urllib.parse import urlencode
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from saas import clock
from saas.errors import N_, Conflict
from saas.tenants.accounts import NOWHERE, Origin, say_already_registered, user_by_email
from saas.tenants.identities import LastWayIn, own_user_locked, tell_ways_changed, ways_in
from saas.tenants.letters import link, send_letter
from saas.tenants.mail_tokens import LinkIsOver, issue_token, token_owner, use_token, void_tokens
from saas.tenants.models import MailTokenPurpose, Membership, PlatformMembership, User
from saas.tenants.names import clean_email


def ask_to_add(db: Session, user_id: UUID, email: str) -> None:
    """Mail a link that adds this address to a person's account; raises Invalid, and Conflict when she has one."""
    user = own_user_locked(db, user_id)
    _require_none(user)
    email = clean_email(email)
    if user_by_email(db, email) is not None:
        say_already_registered(db, email)
        return
    token = issue_token(db, user.id, MailTokenPurpose.ADD_EMAIL, about=email)
    query = urlencode({"email": email})
    send_letter(
        db, "add_email", to=email, locale=user.locale, name=user.name, link=link(f"/account/email/{token}?{query}")
    )


def require_asked(db: Session, user_id: UUID, token: str, email: str) -> None:
    """Raise LinkIsOver unless this link adds this address to this person's account."""
    if token_owner(db, token, MailTokenPurpose.ADD_EMAIL, about=email).id != user_id:
        raise LinkIsOver()


def add(db: Session, user_id: UUID, token: str, email: str, *, origin: Origin = NOWHERE) -> None:
    """Give the person the address to which the link went; raises LinkIsOver, also when somebody else took it since."""
    require_asked(db, user_id, token, email)
    user = own_user_locked(db, user_id)
    _require_none(user)
    use_token(db, token, MailTokenPurpose.ADD_EMAIL, about=email)
    try:
        with db.begin_nested():
            user.email, user.email_verified_at, user.password_hash = email, clock.now(), ""
    except IntegrityError:
        raise LinkIsOver() from None
    tell_ways_changed(db, user, "bound_email", origin)


def remove(db: Session, user_id: UUID, *, origin: Origin = NOWHERE) -> None:
    """Take the address off, and the password with it. Raises LastWayIn, and Conflict for those whose work needs it."""
    user = own_user_locked(db, user_id)
    if not user.email:
        raise Conflict(N_("您还没有绑定邮箱"))
    if ways_in(db, user) - bool(user.email_verified_at) < 1:
        raise LastWayIn()
    if needs_address(db, user_id):
        raise Conflict(N_("服务商成员和平台人员的邮箱不能解除"))
    tell_ways_changed(db, user, "unbound_email", origin)
    user.email, user.email_verified_at, user.password_hash = "", None, ""
    for purpose in MailTokenPurpose:
        void_tokens(db, user.id, purpose)


def needs_address(db: Session, user_id: UUID) -> bool:
    """Whether she works for a provider or the platform, where people are known by their addresses."""
    for model in (Membership, PlatformMembership):
        if db.scalar(select(model.id).where(model.user_id == user_id).limit(1)) is not None:
            return True
    return False


def _require_none(user: User) -> None:
    if user.email:
        raise Conflict(N_("您的账号已有邮箱"))
