"""What every part of the sandbox needs in hand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from flask import current_app

from saas.sandbox.clock import Clock
from saas.sandbox.state import State

if TYPE_CHECKING:
    from saas.sandbox.pusher import Pusher


@dataclass(frozen=True)
class World:
    """`public_url` is the sandbox's own address, without a slash at the end.

    `wrong_answers` is where tests read which of its own answers do not fit the contract.
    """

    state: State
    clock: Clock
    public_url: str
    pusher: Pusher
    wrong_answers: Path | None

    def now(self) -> float:
        return self.clock.now()


def here() -> World:
    """The world of the request that is being answered."""
    return cast("World", current_app.extensions["sandbox"])
