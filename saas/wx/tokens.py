"""Who may fetch a new access token, and when: one caller among many processes.

Storage and lock are the caller's (`TokenStore`). The rules here hold for a component app's token and for a mini
program's alike: WeChat keeps the old token alive for some minutes after a refresh, counts refreshes, and voids the
loser's token when two refresh at once.
https://developers.weixin.qq.com/doc/oplatform/openApi/ticket-token/api_getauthorizeraccesstoken.html
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from saas.wx.errors import RateLimited, SystemBusy, UnreadableAnswer, WeChatUnreachable

_PAUSES = (0.02, 0.05, 0.1, 0.2, 0.3)
_PASSING = (WeChatUnreachable, UnreadableAnswer, SystemBusy, RateLimited)


class TokenUnavailable(Exception):
    """Another process has been fetching this token for too long."""


@dataclass(frozen=True, repr=False)
class AccessToken:
    """A token as stored; never printed."""

    value: str
    expires_at: datetime


@dataclass(frozen=True, repr=False)
class Fetched:
    """A token as WeChat answers it, with the new refresh token where there is one; never printed."""

    access_token: str
    expires_in: int
    refresh_token: str | None = None

    def __post_init__(self) -> None:
        if not self.access_token or self.expires_in <= 0:
            raise ValueError("WeChat answered no usable token")


class TokenStore(Protocol):
    """One token's row. `lease` gives a rising number (fence) or None while another process holds it."""

    def read(self) -> AccessToken | None: ...

    def lease(self, seconds: float) -> int | None: ...

    def save(self, fence: int, fetched: Fetched) -> bool:
        """Store unless a later lease was given out; False then, and nothing is overwritten."""
        ...

    def release(self, fence: int) -> None: ...


def current_token(
    store: TokenStore,
    fetch: Callable[[], Fetched],
    *,
    now: Callable[[], datetime],
    sleep: Callable[[float], None],
    refused: str | None = None,
    ahead: timedelta = timedelta(minutes=10),
    wait_seconds: float = 15,
    lease_seconds: float = 30,
) -> str:
    """A token to call WeChat with; fetches a new one when that is due and nobody else does.

    `refused` is the value that WeChat has just refused: it is never answered again, and however many callers bring
    it, it is replaced once. A token that expires within `ahead` is still answered while another process renews it,
    or when WeChat cannot be reached; an expired or refused one makes callers wait up to `wait_seconds`.
    """
    waited = 0.0
    pauses = iter(_PAUSES)
    while True:
        token = store.read()
        if token is not None and _usable(token, refused, now() + ahead):
            return token.value
        fence = store.lease(lease_seconds)
        if fence is not None:
            try:
                answer = _renew(store, fetch, fence, now=now, refused=refused, ahead=ahead)
            finally:
                store.release(fence)
            if answer is not None:
                return answer
        elif token is not None and _usable(token, refused, now()):
            return token.value
        if waited >= wait_seconds:
            raise TokenUnavailable("another process has been fetching this token for too long")
        pause = next(pauses, _PAUSES[-1])
        sleep(pause)
        waited += pause


def _renew(
    store: TokenStore,
    fetch: Callable[[], Fetched],
    fence: int,
    *,
    now: Callable[[], datetime],
    refused: str | None,
    ahead: timedelta,
) -> str | None:
    """Fetch under the lease; None when the lease was lost meanwhile and the winner's token has to be read."""
    token = store.read()  # another caller may have renewed it between our look and our lease
    if token is not None and _usable(token, refused, now() + ahead):
        return token.value
    try:
        fetched = fetch()
    except _PASSING:
        if token is not None and _usable(token, refused, now()):
            return token.value
        raise
    return fetched.access_token if store.save(fence, fetched) else None


def _usable(token: AccessToken, refused: str | None, until: datetime) -> bool:
    return bool(token.value) and token.value != refused and token.expires_at > until
