"""A failed call to WeChat in a row of ours: kept with its errcode and rid, so that screens can explain it."""

from __future__ import annotations

from datetime import timedelta

from saas.components.explain import NO_ANSWER, UNREADABLE, explain_failure
from saas.errors import N_, AppError
from saas.queue import Later
from saas.releases.models import Failable
from saas.wx.errors import CallFailed, RateLimited, UnreadableAnswer

WENT_WRONG = N_("系统内部出错，已经记录下来；可以再试一次")
GAVE_UP = N_("微信多次没有响应，已停止重试；可以再试一次")
UNREADABLE_ANSWERS = N_("微信的回复多次无法识别，已停止重试；可以再试一次")


def note_failure(row: Failable, error: BaseException) -> None:
    """Keep why it failed. Without an errcode, `error` is a msgid for people."""
    row.errcode, row.rid, row.operation = None, "", ""
    if isinstance(error, CallFailed):
        failure = explain_failure(error)
        row.errcode, row.rid, row.operation = failure.errcode, failure.rid, failure.operation
        row.error = {NO_ANSWER: GAVE_UP, UNREADABLE: UNREADABLE_ANSWERS}.get(failure.error, failure.error)
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
