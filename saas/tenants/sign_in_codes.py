"""Six-digit codes sent to a mobile number, to sign in or to add the number. All in a platform session.

A code lives five minutes, may be tried five times and works once. It is asked about by the id of its row, which only
the browser that asked for it holds, so nobody else can use up its tries or guess at it. Whether the number is
somebody's makes no difference here, so answers tell nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from saas import clock
from saas.db import new_id, settle
from saas.errors import N_, AppError, Invalid
from saas.tenants import phones
from saas.tenants.models import SignInCode
from saas.tenants.texts import send_text

LIVES = timedelta(minutes=5)
TRIES = 5
AGAIN_AFTER = timedelta(seconds=60)
_PER_NUMBER = ((timedelta(hours=1), 5), (timedelta(days=1), 10))
_PER_ADDRESS = ((timedelta(hours=1), 60), (timedelta(days=1), 300))


class Purpose(StrEnum):
    SIGN_IN = "sign_in"
    ADD_PHONE = "add_phone"


class TooManyCodes(Invalid):
    """The number, or the place that asks, had its share of messages."""

    status = 429


class CodeIsOver(AppError):
    """There is nothing left to try: used, expired, replaced, or tried too often."""

    status = 422

    def __init__(self) -> None:
        super().__init__(N_("验证码已失效，请重新获取"))


def send_code(db: Session, phone: str, purpose: Purpose, *, ip: str, locale: str = "zh_CN") -> UUID:
    """Send a new code to a number (E.164); the id by which it can be tried. Earlier ones stop working.

    Raises TooManyCodes.
    """
    hashes = phones.phone_hashes(phone)
    # One at a time per number, so that two requests at once do not both find the last message allowed.
    db.execute(select(func.pg_advisory_xact_lock(int.from_bytes(hashes[0][:8], signed=True))))
    now = clock.now()
    if db.scalar(select(func.count()).where(SignInCode.to_hash.in_(hashes), SignInCode.created_at > now - AGAIN_AFTER)):
        raise TooManyCodes(N_("验证码刚刚发过，请等 1 分钟再获取"), field="phone")
    for span, most in _PER_NUMBER:
        if _count(db, SignInCode.to_hash.in_(hashes), span) >= most:
            raise TooManyCodes(N_("这个号码获取验证码太频繁，请过一会儿再试，或换一种方式登录"), field="phone")
    for span, most in _PER_ADDRESS:
        if ip and _count(db, SignInCode.ip == ip, span) >= most:
            raise TooManyCodes(N_("您所在的网络获取验证码太频繁，请过一会儿再试"), field="phone")
    db.execute(
        update(SignInCode)
        .where(SignInCode.to_hash.in_(hashes), SignInCode.purpose == purpose, SignInCode.used_at.is_(None))
        .values(used_at=now)
    )
    code, code_id = f"{secrets.randbelow(1_000_000):06d}", new_id()
    db.add(
        SignInCode(
            id=code_id, created_at=now, to_hash=hashes[0], purpose=purpose, code_hash=_code_hashes(code_id, code)[0],
            expires_at=now + LIVES, ip=ip,
        )
    )  # fmt: skip
    minutes = str(int(LIVES.total_seconds() // 60))
    send_text(db, "sign_in_code", to=phone, locale=locale, code=code, minutes=minutes)
    return code_id


def use_code(db: Session, code_id: UUID, phone: str, code: str, purpose: Purpose) -> None:
    """Use a code up. Raises Invalid when it is another one and CodeIsOver when there is nothing left to try.

    A try is counted and committed before it is looked at, so a refused one is counted, too.
    """
    given = "".join(code.split())
    row = db.execute(
        update(SignInCode)
        .where(
            SignInCode.id == code_id, SignInCode.to_hash.in_(phones.phone_hashes(phone)),
            SignInCode.purpose == purpose, SignInCode.used_at.is_(None), SignInCode.expires_at > clock.now(),
            SignInCode.tries < TRIES,
        )
        .values(tries=SignInCode.tries + 1)
        .returning(SignInCode.code_hash, SignInCode.tries)
    ).one_or_none()  # fmt: skip
    settle(db)
    if row is None:
        raise CodeIsOver()
    if not any(hmac.compare_digest(one, bytes(row.code_hash)) for one in _code_hashes(code_id, given)):
        if row.tries >= TRIES:
            raise CodeIsOver()
        raise Invalid(N_("验证码不正确，还可以试 %(left)d 次"), field="code", left=TRIES - row.tries)
    used = db.execute(
        update(SignInCode)
        .where(SignInCode.id == code_id, SignInCode.used_at.is_(None))
        .values(used_at=clock.now())
        .returning(SignInCode.id)
    ).first()
    if used is None:
        raise CodeIsOver()


def _count(db: Session, about: object, span: timedelta) -> int:
    recent = select(func.count()).where(about, SignInCode.created_at > clock.now() - span)  # type: ignore[arg-type]
    return db.scalar(recent) or 0


def _code_hashes(code_id: UUID, code: str) -> list[bytes]:
    """Six digits are soon tried, so their hash is keyed; under each master key, the current one first."""
    return [hmac.digest(key, code_id.bytes + code.encode(), hashlib.sha256) for key in phones.keys_for("codes.hash")]
