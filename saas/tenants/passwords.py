"""Passwords: argon2id, cheap enough for a small server, re-hashed when the parameters change."""

from __future__ import annotations

from functools import lru_cache
from importlib import resources

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from saas.errors import N_, Invalid

MIN_LENGTH = 10
MAX_LENGTH = 200
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_NOBODY = _hasher.hash("nobody has this password")


def hash_password(password: str) -> str:
    return _hasher.hash(password)


def matches(password_hash: str, password: str) -> bool:
    """Whether the password fits. An empty hash costs the same time, so that nobody learns which accounts exist."""
    try:
        return _hasher.verify(password_hash or _NOBODY, password) and bool(password_hash)
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(password_hash: str) -> bool:
    """Whether to hash again at the next sign-in."""
    return _hasher.check_needs_rehash(password_hash)


def check_password(password: str, *, personal: tuple[str, ...] = (), field: str = "password") -> str:
    """A password that may be used; raises Invalid. `personal` values (name, mail address) alone are none."""
    if len(password) < MIN_LENGTH:
        raise Invalid(N_("密码至少 %(min)d 个字符"), field=field, min=MIN_LENGTH)
    if len(password) > MAX_LENGTH:
        raise Invalid(N_("密码不能超过 %(max)d 个字符"), field=field, max=MAX_LENGTH)
    plain = password.casefold().strip()
    if len(set(plain)) < 4 or plain in _common() or _core(plain) in _common() or _is_run(plain):
        raise Invalid(N_("这个密码太常见，容易被猜到，请换一个"), field=field)
    parts = {part.casefold() for value in personal for part in (value, value.partition("@")[0]) if len(part) >= 4}
    if plain in parts or _core(plain) in parts:
        raise Invalid(N_("密码不能就是您的姓名或邮箱"), field=field)
    return password


def _core(plain: str) -> str:
    """Without the digits and signs that people put behind a word to please a form."""
    return plain.rstrip("0123456789!@#$%^&*().,-_?")


def _is_run(plain: str) -> bool:
    """Keys in a row, or one piece repeated (`abcabcabcabc`)."""
    rows = (
        "01234567890123456789",
        "abcdefghijklmnopqrstuvwxyz",
        "qwertyuiopasdfghjklzxcvbnm",
        "1qaz2wsx3edc4rfv5tgb6yhn",
    )
    if any(plain in row or plain in row[::-1] for row in rows):
        return True
    return any(plain == plain[:size] * (len(plain) // size) for size in range(1, 5) if len(plain) % size == 0)


@lru_cache(maxsize=1)
def _common() -> frozenset[str]:
    """Well-known passwords and the words that the rest are made of, one a line."""
    return frozenset((resources.files("saas.tenants") / "common_passwords.txt").read_text("utf-8").split())
