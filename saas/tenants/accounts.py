"""People's accounts: sign up, sign in, confirm the address, forget and change the password. In a platform session.

Nobody learns here who has an account: unknown and known addresses get the same answer after the same work, and the
difference stands in the mail.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlencode
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from saas import clock
from saas.db import new_id
from saas.errors import N_, Forbidden, Invalid
from saas.tenants import passwords, providers
from saas.tenants.consents import record_consent
from saas.tenants.letters import LOCALES, link, send_letter
from saas.tenants.mail_tokens import issue_token, token_owner, use_token, void_tokens
from saas.tenants.models import MailTokenPurpose, PlatformMembership, PlatformRole, User
from saas.tenants.names import clean_email, clean_name
from saas.tenants.sessions import end_sessions

log = structlog.get_logger()


@dataclass(frozen=True)
class Origin:
    """Where a request comes from, for the records."""

    ip: str = ""
    request_id: str = ""


NOWHERE = Origin()


def sign_up(
    db: Session, *, email: str, password: str, name: str, provider_name: str, slug: str = "", agreed: bool,
    locale: str = "zh_CN", origin: Origin = NOWHERE, user_id: UUID | None = None,
) -> None:  # fmt: skip
    """Make a person and her provider, and mail her a link to confirm the address. The caller shows "look at your mail".

    A taken address makes nothing; its owner gets a mail that says so. Raises Invalid for what cannot be accepted.
    `user_id`: the id that a new person gets, by which her browser is known again (see `verify_email`).
    """
    email = clean_email(email)
    name = clean_name(name, field="name")
    provider_name = clean_name(provider_name, field="provider_name")
    slug = providers.free_slug(db, slug, provider_name)
    passwords.check_password(password, personal=(email, name, provider_name))
    if not agreed:
        raise Invalid(N_("请阅读并同意服务条款与隐私政策"), field="agreed")
    user = _add_user(db, email, name, password, locale, user_id)
    if user is None:
        say_already_registered(db, email)
        return
    record_consent(db, user.id, ip=origin.ip)
    provider = providers.create_provider(db, user, provider_name, slug, ip=origin.ip, request_id=origin.request_id)
    _send_verification(db, user)
    log.info("signed_up", user=str(user.id), provider=str(provider.id))


def sign_in(db: Session, *, email: str, password: str) -> User:
    """The person with this address and password; raises Invalid, which says the same whatever does not fit."""
    user = user_by_email(db, email)
    fits = passwords.matches(user.password_hash if user else "", password[: passwords.MAX_LENGTH + 1])
    if user is None or not fits:
        log.info("sign_in_refused", user=str(user.id) if user else "")
        raise Invalid(N_("邮箱或密码不正确"))
    if user.blocked_at is not None:
        raise Forbidden(N_("该账号已停用，请联系平台运营"))
    if passwords.is_outdated(user.password_hash):
        user.password_hash = passwords.hash_password(password)
    return user


def ask_for_sign_in_link(
    db: Session, email: str, *, path: str = "/sign-in/mail", after: str = "", makes_person: bool = False
) -> None:
    """Mail a link that signs in, if the address is somebody's; `after` is the page of ours to go on to.

    `makes_person`: an address that is new gets an account without a password, which the link confirms.
    """
    user = user_by_email(db, email)
    if user is None and makes_person:
        user = _add_person_without_password(db, clean_email(email))
    if user is None or user.blocked_at is not None:
        return
    token = issue_token(db, user.id, MailTokenPurpose.SIGN_IN)
    query = f"?{urlencode({'next': after})}" if after else ""
    send_letter(
        db, "sign_in_link", to=user.email, locale=user.locale, name=user.name, link=link(f"{path}/{token}{query}")
    )


def owner_of_sign_in(db: Session, token: str) -> User:
    """Whom a link signs in, without using it; raises LinkIsOver."""
    return token_owner(db, token, MailTokenPurpose.SIGN_IN)


def sign_in_by_link(db: Session, token: str) -> User:
    """The person whom this mailed link signs in; it works once. Raises LinkIsOver.

    The link shows that the address is hers, so it also confirms it. Whoever set a password before may be somebody else:
    that one is gone then, with the browsers that it signed in.
    """
    user = use_token(db, token, MailTokenPurpose.SIGN_IN)
    if user.email_verified_at is None:
        user.email_verified_at = clock.now()
        user.password_hash = ""
        void_tokens(db, user.id, MailTokenPurpose.VERIFY_EMAIL)
        void_tokens(db, user.id, MailTokenPurpose.RESET_PASSWORD)
        end_sessions(db, user.id)
        log.info("taken_into_possession", user=str(user.id))
    return user


def user_by_email(db: Session, email: str) -> User | None:
    """The person with this mail address, however it is written."""
    try:
        email = clean_email(email)
    except Invalid:
        return None
    return db.scalar(select(User).where(User.email == email))


def get_own_user(db: Session, user_id: UUID) -> User:
    """The signed-in person herself."""
    return db.scalars(select(User).where(User.id == user_id)).one()


def send_verification_again(db: Session, user_id: UUID) -> None:
    """Mail a new link to a person whose address is not confirmed yet."""
    user = get_own_user(db, user_id)
    if user.email_verified_at is None:
        _send_verification(db, user)


def needs_password_to_verify(user: User, known: Collection[UUID]) -> bool:
    """Whether a browser that is known for these people has to show that it was she who signed up."""
    return bool(user.password_hash) and user.id not in known


def verify_email(db: Session, token: str, *, known: Collection[UUID] = (), password: str = "") -> User:
    """Confirm the address that this link was mailed to; raises LinkIsOver, and Invalid for the password.

    The link shows that the address is the reader's, not that she set the account's password: somebody else may have
    signed up with it. So her browser must be `known` for the person who signed up, or she gives the password.
    """
    owner = owner_of_verification(db, token)
    by_password = needs_password_to_verify(owner, known)
    if by_password and not passwords.matches(owner.password_hash, password[: passwords.MAX_LENGTH + 1]):
        raise Invalid(N_("密码不正确"), field="password")
    user = use_token(db, token, MailTokenPurpose.VERIFY_EMAIL)
    user.email_verified_at = user.email_verified_at or clock.now()
    return user


def ask_for_reset(db: Session, email: str) -> None:
    """Mail a link for a new password, if the address is somebody's."""
    user = user_by_email(db, email)
    if user is not None and user.blocked_at is None:
        path = _reset_path(db, user)
        send_letter(db, "reset_password", to=user.email, locale=user.locale, name=user.name, link=link(path))


def owner_of_reset(db: Session, token: str) -> User:
    """Whose password a link may set, without using it; raises LinkIsOver."""
    return token_owner(db, token, MailTokenPurpose.RESET_PASSWORD)


def owner_of_verification(db: Session, token: str) -> User:
    """Whose address a link confirms, without using it; raises LinkIsOver."""
    return token_owner(db, token, MailTokenPurpose.VERIFY_EMAIL)


def reset_password(db: Session, token: str, password: str, *, origin: Origin = NOWHERE) -> User:
    """Set a new password by a mailed link; every browser is signed out. Raises LinkIsOver and Invalid.

    The link shows that the address is hers, so it also confirms it.
    """
    owner = owner_of_reset(db, token)
    passwords.check_password(password, personal=(owner.email, owner.name))
    user = use_token(db, token, MailTokenPurpose.RESET_PASSWORD)
    user.email_verified_at = user.email_verified_at or clock.now()
    _set_password(db, user, password, origin)
    end_sessions(db, user.id)
    return user


def change_password(
    db: Session, user_id: UUID, *, current: str, new: str, keep_token: str | None = None, origin: Origin = NOWHERE
) -> None:
    """Set a new password, knowing the current one; every browser but the one of `keep_token` is signed out."""
    user = get_own_user(db, user_id)
    if not passwords.matches(user.password_hash, current[: passwords.MAX_LENGTH + 1]):
        raise Invalid(N_("当前密码不正确"), field="current")
    passwords.check_password(new, personal=(user.email, user.name), field="new")
    if new == current:
        raise Invalid(N_("新密码不能与当前密码相同"), field="new")
    _set_password(db, user, new, origin)
    end_sessions(db, user.id, except_token=keep_token)


def change_profile(db: Session, user_id: UUID, *, name: str, locale: str) -> User:
    """Change one's own name and language."""
    user = get_own_user(db, user_id)
    user.name = clean_name(name, field="name")
    if locale not in LOCALES:
        raise Invalid(N_("没有这种语言"), field="locale")
    user.locale = locale
    return user


def create_person(
    db: Session, email: str, name: str, password: str, verified: bool = True, *, locale: str = "zh_CN", ip: str = ""
) -> User:
    """Make a person who agreed to the texts in force; raises Invalid when the address is taken."""
    user = _add_user(db, clean_email(email), clean_name(name, field="name"), password, locale)
    if user is None:
        raise Invalid(N_("这个邮箱已有账号"), field="email")
    user.email_verified_at = clock.now() if verified else None
    record_consent(db, user.id, ip=ip)
    db.flush()
    return user


def make_operator(db: Session, user: User, role: PlatformRole = PlatformRole.OPERATOR) -> None:
    """Make a person one of the platform's own; an earlier role is replaced."""
    row = insert(PlatformMembership).values(
        id=new_id(), created_at=clock.now(), user_id=user.id, role=role.value
    )  # fmt: skip
    db.execute(row.on_conflict_do_update(index_elements=["user_id"], set_={"role": role.value}))


def _add_user(
    db: Session, email: str, name: str, password: str, locale: str, user_id: UUID | None = None
) -> User | None:
    """None when the address is taken, after the same work: two sign-ups at once make one person."""
    password_hash = passwords.hash_password(password)
    added = db.scalar(
        insert(User)
        .values(
            id=user_id or new_id(), created_at=clock.now(), email=email, name=name, password_hash=password_hash,
            locale=locale if locale in LOCALES else LOCALES[0],
        )
        .on_conflict_do_nothing()
        .returning(User.id)
    )  # fmt: skip
    return None if added is None else db.scalars(select(User).where(User.id == added)).one()


def _add_person_without_password(db: Session, email: str) -> User:
    """Nobody can enter the account but by a link mailed to its address. Two requests at once make one."""
    name = email.partition("@")[0][:60]
    row = insert(User).values(
        id=new_id(), created_at=clock.now(), email=email, name=name, password_hash="", locale="zh_CN"
    )
    db.execute(row.on_conflict_do_nothing())
    return db.scalars(select(User).where(User.email == email)).one()


def say_already_registered(db: Session, email: str) -> None:
    """Mail the owner of an address that somebody wanted to use that it is hers already."""
    user = user_by_email(db, email)
    if user is None or user.blocked_at is not None:
        return
    path = _reset_path(db, user)
    send_letter(
        db, "already_registered", to=user.email, locale=user.locale, name=user.name, link=link(path),
        sign_in=link("/sign-in"),
    )  # fmt: skip


def _send_verification(db: Session, user: User) -> None:
    token = issue_token(db, user.id, MailTokenPurpose.VERIFY_EMAIL)
    send_letter(db, "verify_email", to=user.email, locale=user.locale, name=user.name, link=link(f"/verify/{token}"))


def _reset_path(db: Session, user: User) -> str:
    return f"/reset/{issue_token(db, user.id, MailTokenPurpose.RESET_PASSWORD)}"


def _set_password(db: Session, user: User, password: str, origin: Origin) -> None:
    user.password_hash = passwords.hash_password(password)
    void_tokens(db, user.id, MailTokenPurpose.RESET_PASSWORD)
    send_letter(
        db, "password_changed", to=user.email, locale=user.locale, name=user.name, ip=origin.ip, link=link("/forgot")
    )
    log.info("password_changed", user=str(user.id), ip=origin.ip)
