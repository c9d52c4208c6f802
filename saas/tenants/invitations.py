"""Invitations: a mailed link that makes its reader a member of a provider, or a person of one of its merchants.

Inviting works in the provider's session; opening and accepting a link happen in a platform session, since the reader
may have no account yet. The link proves that the address is the reader's.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from saas import clock, i18n
from saas.db import new_id, platform_session
from saas.errors import N_, Conflict, Forbidden, Invalid, NotFound
from saas.tenants import activity, passwords
from saas.tenants.access import Verb, Who, require
from saas.tenants.accounts import NOWHERE, Origin, user_by_email
from saas.tenants.branding import brand_of
from saas.tenants.consents import record_consent
from saas.tenants.letters import link, send_letter
from saas.tenants.mail_tokens import LinkIsOver
from saas.tenants.members import may_grant
from saas.tenants.models import (
    Invitation,
    Membership,
    Merchant,
    MerchantMembership,
    MerchantRole,
    Provider,
    ProviderStatus,
    Role,
    User,
)
from saas.tenants.names import clean_email, clean_name
from saas.tenants.providers import ROLE_NAMES
from saas.tenants.sessions import end_sessions, token_hash

LIVES = timedelta(days=7)


@dataclass(frozen=True)
class OpenInvitation:
    """What the reader of a link sees before she accepts. `account` is her account, if she has a confirmed one."""

    invitation: Invitation
    provider: Provider
    merchant: Merchant | None
    account: User | None


def invite_member(
    db: Session, *, who: Who, email: str, role: Role, name: str = "", locale: str = "zh_CN"
) -> Invitation:
    """Invite a colleague by mail; a second invitation of the same address replaces the first."""
    require(who, Verb.MANAGE)
    if not may_grant(who, role):
        raise Forbidden(N_("只有所有者可以邀请所有者和管理员"))
    email = clean_email(email)
    with platform_session("look whether an invited person is a member already") as platform:
        is_member = platform.scalar(
            select(Membership.id)
            .join(User, User.id == Membership.user_id)
            .where(Membership.provider_id == who.provider_id, User.email == email)
        )
    if is_member is not None:
        raise Invalid(N_("这个人已经是成员"), field="email")
    return _invite(db, who, email, name, role, None, locale)


def invite_to_merchant(
    db: Session, who: Who, merchant: Merchant, email: str, name: str = "",
    role: MerchantRole = MerchantRole.OWNER, locale: str = "zh_CN",
) -> Invitation:  # fmt: skip
    """Invite a person of a merchant by mail; a second invitation of the same address replaces the first."""
    require(who, Verb.WORK)
    return _invite(db, who, clean_email(email), name, MerchantRole(role), merchant, locale)


def list_invitations(db: Session, who: Who, *, merchant_id: UUID | None = None) -> list[Invitation]:
    """What is still open (or expired and not yet revoked) at the provider, or at one merchant; newest first."""
    require(who, Verb.VIEW)
    return list(
        db.scalars(
            select(Invitation)
            .where(
                Invitation.provider_id == who.provider_id, Invitation.merchant_id == merchant_id,
                Invitation.accepted_at.is_(None), Invitation.revoked_at.is_(None),
            )
            .order_by(Invitation.id.desc())
            .limit(200)
        )
    )  # fmt: skip


def get_invitation(db: Session, who: Who, invitation_id: UUID, verb: Verb = Verb.MANAGE) -> Invitation:
    """An open invitation of the provider. Who may invite may also resend and revoke."""
    require(who, Verb.VIEW)
    found = db.scalar(
        select(Invitation).where(
            Invitation.id == invitation_id, Invitation.provider_id == who.provider_id,
            Invitation.accepted_at.is_(None), Invitation.revoked_at.is_(None),
        )
    )  # fmt: skip
    if found is None or who.is_merchant:
        raise NotFound()
    require(who, Verb.WORK if found.merchant_id is not None else verb)
    if found.merchant_id is None and not may_grant(who, Role(found.role)):
        raise Forbidden(N_("只有所有者可以邀请所有者和管理员"))
    return found


def resend_invitation(db: Session, invitation: Invitation, *, who: Who) -> None:
    """Mail a new link; the old one stops working."""
    token = secrets.token_urlsafe(32)
    now = clock.now()
    invitation.token_hash, invitation.sent_at, invitation.expires_at = token_hash(token), now, now + LIVES
    merchant = db.scalar(select(Merchant).where(Merchant.id == invitation.merchant_id))
    _mail(db, who, invitation, merchant, token)
    activity.record(db, who, "invitation.resend", invitation, detail=_told(invitation))


def revoke_invitation(db: Session, invitation: Invitation, *, who: Who) -> None:
    """Make a link stop working."""
    invitation.revoked_at = clock.now()
    activity.record(db, who, "invitation.revoke", invitation, detail=_told(invitation))


def open_invitation(db: Session, token: str) -> OpenInvitation:
    """What a link invites to, without using it; raises LinkIsOver."""
    invitation = db.scalar(
        select(Invitation).where(
            Invitation.token_hash == token_hash(token), Invitation.accepted_at.is_(None),
            Invitation.revoked_at.is_(None), Invitation.expires_at > clock.now(),
        )
    )  # fmt: skip
    if invitation is None:
        raise LinkIsOver()
    provider = db.scalars(select(Provider).where(Provider.id == invitation.provider_id)).one()
    merchant = db.scalar(select(Merchant).where(Merchant.id == invitation.merchant_id))
    if provider.status not in (ProviderStatus.TRIAL, ProviderStatus.ACTIVE):
        raise LinkIsOver()
    if merchant is not None and merchant.archived_at is not None:
        raise LinkIsOver()
    account = user_by_email(db, invitation.email)
    return OpenInvitation(
        invitation, provider, merchant, account if account is not None and account.email_verified_at else None
    )


def accept_as(db: Session, token: str, user_id: UUID, *, origin: Origin = NOWHERE) -> OpenInvitation:
    """Accept as the signed-in person, whose confirmed address must be the invited one."""
    opened = open_invitation(db, token)
    if opened.account is None or opened.account.id != user_id:
        raise Forbidden(N_("这封邀请是发给 %(email)s 的，请用该邮箱的账号登录"), email=opened.invitation.email)
    _accept(db, opened, opened.account, origin)
    return opened


def accept_as_new(
    db: Session, token: str, *, name: str, password: str, agreed: bool, locale: str = "zh_CN",
    origin: Origin = NOWHERE,
) -> User:  # fmt: skip
    """Accept with a new account, whose address the link has confirmed.

    Somebody else may have signed up with the address without confirming it: the account becomes the reader's, its
    password is replaced and its browsers are signed out.
    """
    opened = open_invitation(db, token)
    if opened.account is not None:
        raise Conflict(N_("这个邮箱已有账号，请登录后接受邀请"))
    name = clean_name(name, field="name")
    email = opened.invitation.email
    passwords.check_password(password, personal=(email, name))
    if not agreed:
        raise Invalid(N_("请阅读并同意服务条款与隐私政策"), field="agreed")
    user = user_by_email(db, email)
    if user is None:
        user = User(id=new_id(), email=email)
        db.add(user)
    else:
        end_sessions(db, user.id)
    user.name, user.locale = name, locale
    user.password_hash = passwords.hash_password(password)
    user.email_verified_at = clock.now()
    db.flush()
    record_consent(db, user.id, ip=origin.ip)
    _accept(db, opened, user, origin)
    return user


def _accept(db: Session, opened: OpenInvitation, user: User, origin: Origin) -> None:
    """Claim the invitation, so that one link works once, and write the membership; an existing one stays as it is."""
    invitation = opened.invitation
    claimed = db.execute(
        update(Invitation)
        .where(Invitation.id == invitation.id, Invitation.accepted_at.is_(None), Invitation.revoked_at.is_(None))
        .values(accepted_at=clock.now())
        .returning(Invitation.id)
    ).first()
    if claimed is None:
        raise LinkIsOver()
    values = {
        "id": new_id(), "created_at": clock.now(), "provider_id": invitation.provider_id, "user_id": user.id,
        "role": invitation.role,
    }  # fmt: skip
    if opened.merchant is None:
        db.execute(insert(Membership).values(values).on_conflict_do_nothing())
        who = Who(invitation.provider_id, user.name, user.id, Role(invitation.role), ip=origin.ip,
                  request_id=origin.request_id)  # fmt: skip
    else:
        db.execute(
            insert(MerchantMembership).values({**values, "merchant_id": opened.merchant.id}).on_conflict_do_nothing()
        )
        who = Who(invitation.provider_id, user.name, user.id, merchant_role=MerchantRole(invitation.role),
                  merchant_ids=frozenset({opened.merchant.id}), ip=origin.ip, request_id=origin.request_id)  # fmt: skip
    activity.record(db, who, "invitation.accept", opened.merchant or opened.provider, detail={"role": invitation.role})


def _invite(
    db: Session, who: Who, email: str, name: str, role: Role | MerchantRole, merchant: Merchant | None, locale: str
) -> Invitation:
    db.execute(select(Provider.id).where(Provider.id == who.provider_id).with_for_update())  # one at a time
    db.execute(
        update(Invitation)
        .where(
            Invitation.provider_id == who.provider_id, Invitation.email == email,
            Invitation.merchant_id == (merchant.id if merchant else None),
            Invitation.accepted_at.is_(None), Invitation.revoked_at.is_(None),
        )
        .values(revoked_at=clock.now())
    )  # fmt: skip
    token, now = secrets.token_urlsafe(32), clock.now()
    invitation = Invitation(
        id=new_id(), provider_id=who.provider_id, merchant_id=merchant.id if merchant else None, email=email,
        name=clean_name(name, field="name") if name.strip() else "", role=role.value, locale=locale,
        token_hash=token_hash(token), invited_by=who.name, sent_at=now, expires_at=now + LIVES,
    )  # fmt: skip
    db.add(invitation)
    _mail(db, who, invitation, merchant, token)
    activity.record(db, who, "invitation.send", invitation, detail=_told(invitation))
    return invitation


def _mail(db: Session, who: Who, invitation: Invitation, merchant: Merchant | None, token: str) -> None:
    provider = db.scalars(select(Provider).where(Provider.id == who.provider_id)).one()
    to_whom: dict[str, Any] = {"name": invitation.name, "link": link(f"/invitations/{token}")}
    if merchant is None:
        role = i18n.translate(invitation.locale, ROLE_NAMES[invitation.role])
        send_letter(
            db, "invite_member", to=invitation.email, locale=invitation.locale, provider_id=who.provider_id,
            inviter=who.name, role=role, email=invitation.email, provider=provider.name, **to_whom,
        )  # fmt: skip
    else:
        brand = brand_of(provider)
        send_letter(
            db, "invite_merchant", to=invitation.email, locale=invitation.locale, provider_id=who.provider_id,
            brand=brand, merchant=merchant.name, email=invitation.email, provider=brand.name, **to_whom,
        )  # fmt: skip


def _told(invitation: Invitation) -> dict[str, str]:
    """What the log says: the role, and enough of the address to recognise it."""
    local, _, domain = invitation.email.partition("@")
    return {"role": invitation.role, "email": f"{local[:2]}***@{domain}"}
