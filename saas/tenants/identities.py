"""People who sign in without a password: by a number that they hold, or by an account elsewhere (WeChat).

All in a platform session. An account elsewhere belongs to one person; WeChat's union id makes the website app and the
official account of one company the same account.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import structlog
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from saas import clock
from saas.db import new_id
from saas.errors import N_, Conflict, Forbidden, Invalid, NotFound
from saas.tenants import phones
from saas.tenants.accounts import NOWHERE, Origin, get_own_user
from saas.tenants.consents import consent_is_missing, record_consent
from saas.tenants.letters import LOCALES, link, send_letter
from saas.tenants.models import Identity, User
from saas.tenants.names import clean_name

log = structlog.get_logger()


@dataclass(frozen=True)
class Elsewhere:
    """An account elsewhere, as its owner's sign-in there has just shown it."""

    issuer: str
    subject: str
    union: str = ""
    name: str = ""


class IdentityTaken(Conflict):
    """That account signs somebody else in."""

    def __init__(self) -> None:
        super().__init__(N_("这个微信已经绑定另一个账号"), hint=N_("请用这个微信登录，或先在那个账号里解除绑定。"))


class LastWayIn(Conflict):
    """Without it she could not sign in any more."""

    def __init__(self) -> None:
        super().__init__(N_("这是您唯一的登录方式，不能解除"), hint=N_("请先绑定另一种登录方式。"))


def sign_in_or_make_person(
    db: Session, *, phone: str = "", identity: Elsewhere | None = None, locale: str = "zh_CN",
    origin: Origin = NOWHERE,
) -> User:  # fmt: skip
    """The person of a number (E.164) or of an account elsewhere; a new one when there is none.

    The caller has made sure that the number or account is the visitor's, and that she agreed to the texts in force,
    which is recorded here. Raises Forbidden when the person is blocked.
    """
    if bool(phone) == (identity is not None):
        raise ValueError("a number or an account elsewhere")
    user = phones.user_by_phone(db, phone) if identity is None else person_of(db, identity)
    if user is None:
        user = _make_person(db, phone, identity, locale)
        log.info("person_made", user=str(user.id), by="phone" if identity is None else "wechat")
    if user.blocked_at is not None:
        raise Forbidden(N_("该账号已停用，请联系平台运营"))
    if identity is not None:
        _note_use(db, user, identity)
    if consent_is_missing(db, user.id):
        record_consent(db, user.id, ip=origin.ip)
    return user


def person_of(db: Session, identity: Elsewhere) -> User | None:
    """Who signs in with this account: the same account, or one that WeChat says is the same person's."""
    found = db.scalar(
        select(User)
        .join(Identity, Identity.user_id == User.id)
        .where(Identity.issuer == identity.issuer, Identity.subject == identity.subject)
    )
    if found is not None or not identity.union:
        return found
    return db.scalar(
        select(User)
        .join(Identity, Identity.user_id == User.id)
        .where(Identity.union == identity.union)
        .order_by(Identity.id)
        .limit(1)
    )


def identities_of(db: Session, user_id: UUID) -> list[Identity]:
    """A person's accounts elsewhere; those of one union are one line (the first)."""
    found: dict[str, Identity] = {}
    for one in db.scalars(select(Identity).where(Identity.user_id == user_id).order_by(Identity.id)):
        found.setdefault(one.union or f"{one.issuer} {one.subject}", one)
    return list(found.values())


def bind_identity(db: Session, user_id: UUID, identity: Elsewhere, *, origin: Origin = NOWHERE) -> None:
    """Let a person sign in with an account elsewhere, too; raises IdentityTaken."""
    user = _confirmed_user(db, user_id)
    holder = person_of(db, identity)
    if holder is not None and holder.id != user_id:
        raise IdentityTaken()
    if not _note_use(db, user, identity):
        raise IdentityTaken()
    if holder is None:
        tell_ways_changed(db, user, "bound_wechat", origin)


def unbind_identity(db: Session, user_id: UUID, identity_id: UUID, *, origin: Origin = NOWHERE) -> None:
    """Take an account elsewhere back, with all that are the same by union; raises LastWayIn."""
    user = own_user_locked(db, user_id)
    identity = get_identity(db, user_id, identity_id)
    same = [
        one
        for one in db.scalars(select(Identity).where(Identity.user_id == user_id))
        if one.id == identity.id or (identity.union and one.union == identity.union)
    ]
    if ways_in(db, user) - 1 < 1:
        raise LastWayIn()
    for one in same:
        db.delete(one)
    tell_ways_changed(db, user, "unbound_wechat", origin)


def get_identity(db: Session, user_id: UUID, identity_id: UUID) -> Identity:
    """One of a person's own accounts elsewhere; raises NotFound."""
    identity = db.scalar(select(Identity).where(Identity.id == identity_id, Identity.user_id == user_id))
    if identity is None:
        raise NotFound()
    return identity


def change_phone(db: Session, user_id: UUID, phone: str, *, origin: Origin = NOWHERE) -> None:
    """Give a person the number that she has just shown to be hers; an earlier one is replaced. Raises PhoneTaken."""
    user = _confirmed_user(db, user_id)
    phones.set_phone(db, user, phone)
    tell_ways_changed(db, user, "bound_phone", origin)


def remove_phone(db: Session, user_id: UUID, *, origin: Origin = NOWHERE) -> None:
    """Take a person's number off her account; raises LastWayIn."""
    user = own_user_locked(db, user_id)
    if not user.phone_hash:
        raise Invalid(N_("您还没有绑定手机号"))
    if ways_in(db, user) - 1 < 1:
        raise LastWayIn()
    phones.forget_phone(user)
    tell_ways_changed(db, user, "unbound_phone", origin)


def ways_in(db: Session, user: User) -> int:
    """In how many ways she can sign in: her address (password or link), her number, her accounts elsewhere."""
    return bool(user.email and user.email_verified_at) + bool(user.phone_hash) + len(identities_of(db, user.id))


def _make_person(db: Session, phone: str, identity: Elsewhere | None, locale: str) -> User:
    """Two sign-ins at the same moment make one person."""
    user_id = new_id()
    values = {
        "id": user_id, "created_at": clock.now(), "email": "", "password_hash": "",
        "name": phones.masked(phone) if identity is None else _name(identity),
        "locale": locale if locale in LOCALES else LOCALES[0],
    }  # fmt: skip
    if identity is None:
        values |= {"phone_hash": phones.phone_hashes(phone)[0], "phone_box": phones.box_for(user_id, phone)}
        db.execute(insert(User).values(values).on_conflict_do_nothing())
        made = phones.user_by_phone(db, phone)
    else:
        key = int.from_bytes(hash_of(identity)[:8], signed=True)
        db.execute(select(func.pg_advisory_xact_lock(key)))
        made = person_of(db, identity)
        if made is None:
            db.execute(insert(User).values(values))
            made = get_own_user(db, user_id)
            _note_use(db, made, identity)
    if made is None:
        raise LookupError("the person was taken away in the same moment")
    return made


def hash_of(identity: Elsewhere) -> bytes:
    """What two sign-ins of the same account elsewhere have in common."""
    return phones.phone_hashes(f"wechat:{identity.union or identity.issuer + identity.subject}")[0]


def _note_use(db: Session, user: User, identity: Elsewhere) -> bool:
    """Keep the account's newest name, and its openid at this app, once; False when it is somebody else's."""
    values = {"union": identity.union, "name": _name(identity), "used_at": clock.now()}
    row = insert(Identity).values(
        id=new_id(), created_at=clock.now(), user_id=user.id, issuer=identity.issuer, subject=identity.subject, **values
    )
    kept = db.scalar(
        row.on_conflict_do_update(
            index_elements=["issuer", "subject"], set_=values, where=Identity.user_id == user.id
        ).returning(Identity.id)
    )
    return kept is not None


def _name(identity: Elsewhere) -> str:
    """What WeChat calls her, made fit for our pages."""
    try:
        return clean_name(identity.name, field="name")
    except Invalid:
        return "微信用户"


def _confirmed_user(db: Session, user_id: UUID) -> User:
    """Somebody may have signed up with another one's address: what she binds must not open the account later on."""
    user = get_own_user(db, user_id)
    if not user.is_confirmed:
        raise Forbidden(N_("请先确认您的邮箱"))
    return user


def own_user_locked(db: Session, user_id: UUID) -> User:
    """Two removals at once must not take the last two ways in."""
    return db.scalars(select(User).where(User.id == user_id).with_for_update()).one()


def tell_ways_changed(db: Session, user: User, what: str, origin: Origin) -> None:
    """Her address learns what changed, in case it was not her."""
    log.info("ways_in_changed", user=str(user.id), what=what, ip=origin.ip)
    if user.email and user.email_verified_at:
        send_letter(
            db, "ways_in_changed", to=user.email, locale=user.locale, name=user.name, what=what, ip=origin.ip,
            link=link("/account"),
        )  # fmt: skip
