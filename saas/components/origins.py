"""What a call to WeChat was made for, so that the call log can tell what people wanted from what we do by ourselves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum

from saas.wx.errors import CallFailed


class Origin(StrEnum):
    """WORK: people, releases in bulk, campaigns. POLLING: asking whether something has changed. UPKEEP: tokens, quotas,
    checks, imports.
    """

    WORK = "work"
    POLLING = "polling"
    UPKEEP = "upkeep"


_UPKEEP = frozenset({
    "getComponentAccessToken", "getAuthorizerAccessToken", "startPushTicket", "getAuthorizerList",
})  # fmt: skip
_origin: ContextVar[Origin] = ContextVar("origin", default=Origin.WORK)
_resting: ContextVar[bool] = ContextVar("resting", default=False)


class Resting(CallFailed):
    """Not asked: the component app is set up wrongly, so every call would be refused."""


@contextmanager
def calling_for(origin: Origin, *, resting: bool = False) -> Iterator[None]:
    """Calls of this thread are made for that; `resting`: none is made at all."""
    before, was_resting = _origin.set(origin), _resting.set(resting)
    try:
        yield
    finally:
        _origin.reset(before)
        _resting.reset(was_resting)


def refuse_if_resting() -> None:
    """One of the client's hooks before a call."""
    if _resting.get():
        raise Resting("the component app is set up wrongly")


def origin_of(operation: str) -> Origin:
    """What the call that is just made is for; tokens are upkeep whoever needs one."""
    return Origin.UPKEEP if operation in _UPKEEP else _origin.get()
