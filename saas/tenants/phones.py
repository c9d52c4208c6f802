"""Mobile numbers of people: cleaned, found by a keyed hash, kept in a box. All in a platform session.

People stand above the providers, so the vault's keys, which belong to providers, do not fit: the keys here are derived
from the master key. A new master key therefore changes every hash and box. While it stands before the old one in
DAIBAN_MASTER_KEY, numbers are looked for under both, and `daiban keys rotate` (`seal_anew`) writes all of them under
the new one; after that the old one may go.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import unicodedata
from uuid import UUID

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from saas.config import settings
from saas.db import platform_session
from saas.errors import N_, Conflict, Invalid
from saas.tenants.models import User
from saas.vault import CannotOpen, derived_key

log = structlog.get_logger()

_MOBILE = re.compile(r"(?:\+?86|0086)?(1[3-9]\d{9})")
_VERSION = b"\x01"


class PhoneTaken(Conflict):
    """The number is another person's. Only told to somebody who has shown that the number is in her hands."""

    def __init__(self) -> None:
        super().__init__(
            N_("这个手机号已经是另一个账号的登录方式"), hint=N_("请用这个手机号登录，或先在那个账号里换掉它。")
        )


def clean_phone(value: str, *, field: str = "phone") -> str:
    """A mobile number of mainland China as +86 and eleven digits; raises Invalid."""
    plain = unicodedata.normalize("NFKC", value)
    plain = "".join(letter for letter in plain if letter not in " -()\u00a0\u2010\u2011\u2013\t")
    found = _MOBILE.fullmatch(plain)
    if found is None or not plain.isascii():
        raise Invalid(N_("请填写 11 位的手机号码"), field=field)
    return f"+86{found[1]}"


def masked(phone: str) -> str:
    """As screens and logs show a number: 138****5678."""
    plain = phone.removeprefix("+86")
    return f"{plain[:3]}****{plain[-4:]}" if len(plain) >= 8 else "****"


def phone_hashes(phone: str) -> list[bytes]:
    """What finds a number without revealing it, under the current master key first."""
    return [hmac.digest(key, phone.encode(), hashlib.sha256) for key in keys_for("phones.hash")]


def keys_for(purpose: str) -> list[bytes]:
    """Keys of the platform itself for one purpose, one per master key, the current one first."""
    return [derived_key(master, purpose) for master in settings().master_keys]


def seal(phone: str, bound_to: bytes) -> bytes:
    """A number in a box that opens only for the same `bound_to`."""
    nonce = os.urandom(12)
    return _VERSION + nonce + AESGCM(keys_for("phones.box")[0]).encrypt(nonce, phone.encode(), bound_to)


def open_box(box: bytes, bound_to: bytes) -> str:
    """What `seal` put in, under whichever master key; raises CannotOpen."""
    for key in keys_for("phones.box"):
        try:
            return AESGCM(key).decrypt(box[1:13], box[13:], bound_to).decode()
        except (InvalidTag, ValueError):
            continue
    raise CannotOpen("no master key in DAIBAN_MASTER_KEY opens this number")


def user_by_phone(db: Session, phone: str) -> User | None:
    """The person with this number (E.164)."""
    hashes = phone_hashes(phone)
    found = list(db.scalars(select(User).where(User.phone_hash.in_(hashes))))
    return min(found, key=lambda user: hashes.index(bytes(user.phone_hash or b"")), default=None)


def phone_of(user: User) -> str:
    """A person's number; empty when she has none."""
    return open_box(bytes(user.phone_box), _bound_to(user.id)) if user.phone_box else ""


def set_phone(db: Session, user: User, phone: str) -> None:
    """Give a person a number that she has shown to be hers; raises PhoneTaken."""
    holder = user_by_phone(db, phone)
    if holder is not None and holder.id != user.id:
        raise PhoneTaken()
    try:
        with db.begin_nested():
            user.phone_hash, user.phone_box = phone_hashes(phone)[0], seal(phone, _bound_to(user.id))
            db.flush()
    except IntegrityError:  # somebody was quicker
        raise PhoneTaken() from None


def box_for(user_id: UUID, phone: str) -> bytes:
    """The box of a person who is about to be made."""
    return seal(phone, _bound_to(user_id))


def forget_phone(user: User) -> None:
    user.phone_hash = user.phone_box = None


def seal_anew(batch: int = 200) -> int:
    """Write every number under the current master key; how many were written. Safe to run again and while in use."""
    count, last = 0, UUID(int=0)
    while True:
        with platform_session("seal people's numbers with the current master key") as db:
            people = list(
                db.scalars(
                    select(User)
                    .where(User.phone_box.is_not(None), User.id > last)
                    .order_by(User.id)
                    .limit(batch)
                    .with_for_update()
                )
            )
            for user in people:
                count += _seal_anew(db, user)
        if not people:
            return count
        last = people[-1].id


def _seal_anew(db: Session, user: User) -> bool:
    phone = phone_of(user)
    fresh = phone_hashes(phone)[0]
    if bytes(user.phone_hash or b"") == fresh:
        return False
    try:
        with db.begin_nested():
            db.execute(
                update(User)
                .where(User.id == user.id)
                .values(phone_hash=fresh, phone_box=seal(phone, _bound_to(user.id)))
                .execution_options(synchronize_session=False)
            )
    except IntegrityError:  # made anew by a process that knew only one of the keys
        log.warning("phone_is_somebody_elses", user=str(user.id))
        return False
    return True


def _bound_to(user_id: UUID) -> bytes:
    return user_id.bytes + b"users.phone"
