"""What a call to WeChat was made for, so that the call log can tell what people wanted from what we do by ourselves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum


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


@contextmanager
def calling_for(origin: Origin) -> Iterator[None]:
    """Calls of this thread are made for that."""
    before = _origin.set(origin)
    try:
        yield
    finally:
        _origin.reset(before)


def origin_of(operation: str) -> Origin:
    """What the call that is just made is for; tokens are upkeep whoever needs one."""
    return Origin.UPKEEP if operation in _UPKEEP else _origin.get()
