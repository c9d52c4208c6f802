"""What a failed call to WeChat leaves in a row: services store it, screens show it through the error dictionary."""

from __future__ import annotations

from dataclasses import dataclass

from saas.errors import N_
from saas.wx.errors import CallFailed, RateLimited, SystemBusy, UnreadableAnswer, WeChatError

NO_ANSWER = N_("微信没有响应，系统会自动重试")
UNREADABLE = N_("微信的回复无法识别，可能被网络中间的代理改写")


@dataclass(frozen=True)
class Failure:
    """`error` is WeChat's own text, or a msgid when WeChat gave no answer (`errcode` is None then).

    `saas.wx.errcodes.explain(errcode, operation)` has cause, who must act and the next step. `passing` says that the
    same call works later by itself.
    """

    errcode: int | None
    rid: str
    error: str
    operation: str
    passing: bool


def explain_failure(error: CallFailed) -> Failure:
    """The storable part of a failure; holds no secret."""
    if isinstance(error, WeChatError):
        passing = isinstance(error, SystemBusy | RateLimited)
        return Failure(error.code, error.rid or "", error.message, error.operation, passing)
    text = UNREADABLE if isinstance(error, UnreadableAnswer) else NO_ANSWER
    return Failure(None, "", text, error.operation, passing=True)
