"""How a chapter says which operations it plays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from werkzeug.datastructures import FileStorage

from saas.sandbox.state import Db, Row
from saas.sandbox.world import World
from saas.wx.contract.operations import Operation, operation


@dataclass(frozen=True)
class Picture:
    """An answer that is a file."""

    content: bytes
    content_type: str


@dataclass
class Call:
    """One call that has passed the gate: the token is right, the body fits its schema.

    `account` is the mini program that the token belongs to; None for calls with the component app's own token.
    """

    world: World
    db: Db
    operation: Operation
    now: float
    component: Row
    account: Row | None
    body: dict[str, Any]
    query: dict[str, Any]
    files: Mapping[str, FileStorage] = field(default_factory=dict)
    ip: str = ""

    @property
    def component_appid(self) -> str:
        return str(self.component["appid"])

    @property
    def program(self) -> Row:
        if self.account is None:
            raise LookupError(f"{self.operation.id} has no mini program")
        return self.account

    @property
    def appid(self) -> str:
        return str(self.program["appid"])

    @property
    def owner(self) -> str:
        """The appid that the token belongs to."""
        return self.component_appid if self.account is None else self.appid


Answer = dict[str, Any] | Picture | None
Handler = Callable[[Call], Answer]
H = TypeVar("H", bound=Handler)


@dataclass(frozen=True)
class Play:
    """`invalid` gives the errcode for a field whose value is outside what the contract allows (40097 by default).

    `hinted`, if not 0, is the errcode for all fields that are missing or outside of it, with a hint for each.
    """

    operation: Operation
    handler: Handler
    invalid: Mapping[str, int]
    either_token: bool
    hinted: int


_plays: dict[str, Play] = {}


def plays(
    operation_id: str, *, invalid: Mapping[str, int] | None = None, either_token: bool = False, hinted: int = 0
) -> Callable[[H], H]:
    """Register the handler of one operation. It answers the fields beside errcode and errmsg, or raises Refused.

    `either_token`: WeChat's pages disagree on the kind of token, so both are taken.
    """

    def register(handler: H) -> H:
        _plays[operation_id] = Play(operation(operation_id), handler, invalid or {}, either_token, hinted)
        return handler

    return register


def played() -> Mapping[str, Play]:
    """Every operation that the loaded chapters play."""
    return _plays
