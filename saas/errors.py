"""Errors that reach a person: each carries a Chinese message (a msgid) and the HTTP status of the answer."""

from __future__ import annotations

from typing import Any


def N_(message: str) -> str:  # noqa: N802 - gettext's customary name
    """Mark a message for the translation catalogue; the web layer translates it when it is shown."""
    return message


class AppError(Exception):
    """Something a caller did or met that has a plain explanation.

    `message` is a msgid with ``%(name)s`` places, `params` fills them, `hint` (also a msgid) says what to do next.
    """

    status = 400

    def __init__(self, message: str, *, hint: str = "", **params: Any) -> None:
        super().__init__(message % params if params else message)
        self.message = message
        self.hint = hint
        self.params = params


class NotFound(AppError):
    """It does not exist, or it is not yours: the two must look the same."""

    status = 404

    def __init__(self, message: str = N_("页面不存在，或您无权查看"), **params: Any) -> None:
        super().__init__(message, **params)


class Forbidden(AppError):
    """Yours, but your role may not."""

    status = 403

    def __init__(self, message: str = N_("您的角色没有这项操作的权限"), **params: Any) -> None:
        super().__init__(message, **params)


class Invalid(AppError):
    """Input that cannot be accepted; `field` names the form field it belongs to, if one does."""

    status = 422

    def __init__(self, message: str, *, field: str = "", hint: str = "", **params: Any) -> None:
        super().__init__(message, hint=hint, **params)
        self.field = field


class Conflict(AppError):
    """The thing is not in a state in which this can be done."""

    status = 409
