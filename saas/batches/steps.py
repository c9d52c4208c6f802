"""Steps: the functions that items run, known by their dotted names.

A step is called with its provider's session and its item. It settles before every call to WeChat (`saas.db.settle`) and
ends in one of these ways:

- It returns None or a dict, kept as `item.result`; `partial` in it lists what did not work out, as ``{name, why}``.
- It raises `saas.queue.Later`: the item waits, and what was written so far (also to `item.result`) is kept.
- It raises `Skipped`: there was nothing to do.
- It raises CallFailed or AppError: it failed. What passes by itself (WeChat is busy or does not answer, or something
  broke here) is tried again after growing pauses, up to `attempts`.

A process may be killed at any moment. `item.attempt > 1` means: before a call that WeChat counts, ask it what it knows.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

if TYPE_CHECKING:
    from saas.batches.models import BatchItem

Function = Callable[[Session, "BatchItem"], dict[str, Any] | None]


class UnknownStep(Exception):
    """The row names something that is not a step."""


class Skipped(Exception):
    """There is nothing to do for this mini program; `message` is a msgid."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@dataclass(frozen=True)
class Step:
    """A function marked as a step. `label` is a msgid."""

    name: str
    label: str
    function: Function
    attempts: int


STEPS: dict[str, Step] = {}


def step(*, label: str, attempts: int = 5) -> Callable[[Function], Function]:
    """Mark a function as a step that `start_batch` may name."""

    def register(function: Function) -> Function:
        name = f"{function.__module__}.{function.__qualname__}"
        STEPS[name] = Step(name, label, function, attempts)
        return function

    return register


def find(name: str) -> Step:
    """The step of this dotted name; raises UnknownStep. Only marked functions of modules below `saas` are steps."""
    module, _, _ = name.rpartition(".")
    if module.startswith("saas."):
        try:
            importlib.import_module(module)
        except ModuleNotFoundError as error:
            raise UnknownStep(f"{name}: {error}") from error
        if name in STEPS:
            return STEPS[name]
    raise UnknownStep(f"{name} is not marked as a step")


def label_of(name: str) -> str:
    """What the step does, as a msgid; a step that was renamed since shows its name."""
    try:
        return find(name).label
    except UnknownStep:
        return name
