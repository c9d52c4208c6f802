"""A failed call to WeChat in a row of ours: kept with its errcode and rid, so that screens can explain it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from saas.errors import N_, AppError
from saas.queue import Later
from saas.wx.errors import CallFailed, RateLimited, SystemBusy, UnreadableAnswer, WeChatError

NO_ANSWER = N_("微信没有响应，系统会自动重试")
UNREADABLE = N_("微信的回复无法识别，可能被网络中间的代理改写")
WENT_WRONG = N_("系统内部出错，已经记录下来；可以再试一次")
GAVE_UP = N_("微信多次没有响应，已停止重试；可以再试一次")
UNREADABLE_ANSWERS = N_("微信的回复多次无法识别，已停止重试；可以再试一次")
_FOR_GOOD = {NO_ANSWER: GAVE_UP, UNREADABLE: UNREADABLE_ANSWERS}


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


class Failable:
    """What a failed call left in the row: see `Failure`."""

    errcode: Mapped[int | None] = mapped_column(default=None)
    operation: Mapped[str] = mapped_column(Text, default="")
    rid: Mapped[str] = mapped_column(Text, default="")
    error: Mapped[str] = mapped_column(Text, default="")


def explain_failure(error: CallFailed) -> Failure:
    """The storable part of a failure; holds no secret."""
    if isinstance(error, WeChatError):
        passing = isinstance(error, SystemBusy | RateLimited)
        return Failure(error.code, error.rid or "", error.message, error.operation, passing)
    text = UNREADABLE if isinstance(error, UnreadableAnswer) else NO_ANSWER
    return Failure(None, "", text, error.operation, passing=True)


def note_failure(row: Failable, error: BaseException, *, again: bool = False) -> None:
    """Keep why it failed, for good or (`again`) until it is tried again by itself.

    Without an errcode, the row's `error` is a msgid for people.
    """
    clear_failure(row)
    if isinstance(error, CallFailed):
        failure = explain_failure(error)
        row.errcode, row.rid, row.operation = failure.errcode, failure.rid, failure.operation
        row.error = failure.error if again else _FOR_GOOD.get(failure.error, failure.error)
    else:
        row.error = error.message % error.params if isinstance(error, AppError) else WENT_WRONG


def clear_failure(row: Failable) -> None:
    row.errcode, row.rid, row.operation, row.error = None, "", "", ""


def raise_if_passing(error: CallFailed) -> None:
    """Let the runner try again what works later by itself; return for what stays as it is."""
    if isinstance(error, RateLimited):
        raise Later(timedelta(minutes=1), counts=True, why=str(error)) from error
    if explain_failure(error).passing or isinstance(error, UnreadableAnswer):
        raise error
