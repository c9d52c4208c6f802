"""A call to WeChat that failed: without a readable answer, or with an errcode.

`saas.wx.errors` holds the class of each errcode that a caller can act on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from saas.wx.errcodes import Explanation, explain

T = TypeVar("T", bound="WeChatError")

_RID = re.compile(r"[,;.]?\s*rid:\s*(?P<rid>[0-9A-Za-z-]+)")


class CallFailed(Exception):
    """A call to WeChat that did not bring what was asked for."""

    def __init__(self, message: str, *, operation: str = "", appid: str | None = None) -> None:
        super().__init__(message)
        self.operation = operation
        self.appid = appid


class WeChatUnreachable(CallFailed):
    """No answer: no connection, a timeout, or a fault page of WeChat's gateway.

    `sent_maybe` says that the call may have taken effect all the same: before repeating one that WeChat counts, ask
    WeChat for the state.
    """

    def __init__(self, message: str, *, sent_maybe: bool = True, operation: str = "", appid: str | None = None) -> None:
        super().__init__(message, operation=operation, appid=appid)
        self.sent_maybe = sent_maybe


class UnreadableAnswer(CallFailed):
    """An answer that is not what WeChat documents: a proxy's page, broken JSON. The call may have taken effect."""

    sent_maybe = True


class WeChatError(CallFailed):
    """WeChat answered with an errcode other than 0.

    `answer` is the whole JSON, because some refusals carry data (hints of a filing, hosts of a domain change).
    """

    def __init__(
        self,
        code: int,
        message: str = "",
        *,
        rid: str | None = None,
        operation: str = "",
        appid: str | None = None,
        answer: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message, operation=operation, appid=appid)
        self.args = (code, message)
        self.code = code
        self.message = message
        self.rid = rid
        self.answer = dict(answer or {})

    @property
    def explanation(self) -> Explanation:
        """Cause, who must act and the next step, from the error dictionary."""
        return explain(self.code, self.operation or None)

    def __str__(self) -> str:
        tail = f" (rid {self.rid})" if self.rid else ""
        return f"{self.operation or 'WeChat'} answered {self.code}: {self.message}{tail}"


_kinds: dict[int | tuple[str, int], type[WeChatError]] = {}


def for_codes(*codes: int | tuple[str, int]) -> Callable[[type[T]], type[T]]:
    """Say which errcodes a class stands for; a pair is an errcode of one operation only."""

    def register(kind: type[T]) -> type[T]:
        for code in codes:
            if code in _kinds:
                raise ValueError(f"{code} has two classes")
            _kinds[code] = kind
        return kind

    return register


def codes_of(*kinds: type[WeChatError]) -> tuple[int, ...]:
    """The errcodes that stand for these classes whatever the operation."""
    return tuple(code for code, kind in _kinds.items() if isinstance(code, int) and kind in kinds)


def from_answer(answer: Mapping[str, Any], *, operation: str = "", appid: str | None = None) -> WeChatError:
    """The error that an answer with an errcode other than 0 stands for."""
    code = int(answer["errcode"])
    text = str(answer.get("errmsg") or "")
    found = _RID.search(text)
    message = text[: found.start()] + text[found.end() :] if found else text
    kind = _kinds.get((operation, code)) or _kinds.get(code, WeChatError)
    return kind(
        code, message.strip(), rid=found["rid"] if found else None, operation=operation, appid=appid, answer=answer
    )
