"""How a push becomes a typed event: each field of an event class says where in the message it stands.

WeChat pushes XML or JSON and does not always write a field's name the same way (ScreenShot, screenshot; InfoType,
info_type): both are read alike. The classes are in `saas.wx.events`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, TypeVar

from saas.wx.callbacks import as_list
from saas.wx.reasons import screenshot_ids


@dataclass(frozen=True)
class Event:
    """`fields` is the whole decrypted message as it came; it may hold secrets and is never printed."""

    name: str
    fields: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class UnknownEvent(Event):
    """A push without a class: one that nobody documented, or a known one that lacks what `problem` names.

    `name` is the InfoType, the Event, or the MsgType of an ordinary message; "" when there is none of them.
    """

    problem: str = ""


E = TypeVar("E", bound=Event)


def parse_event(message: Mapping[str, Any]) -> Event:
    """Read a decrypted push (`callbacks.parse_message`)."""
    source = _Message(message)
    name = source.text("InfoType") or source.text("Event") or source.text("MsgType")
    kind = _kinds.get(name)
    if kind is None:
        return UnknownEvent(name, message)
    try:
        return kind(name, message, **_read(kind, source))
    except _Missing as missing:
        return UnknownEvent(name, message, problem=f"{missing} is missing or unreadable")


def for_event(name: str) -> Callable[[type[E]], type[E]]:
    """Say which push a class stands for."""

    def register(kind: type[E]) -> type[E]:
        if name in _kinds:
            raise ValueError(f"{name} has two classes")
        _kinds[name] = kind
        return kind

    return register


def needed(*places: str, secret: bool = False) -> Any:
    """A text without which the event says nothing.

    A place is a field's name, or the names on the way to it ("info.name"); the first place that holds something
    counts. `secret` fields, personal ones among them, are not printed.
    """
    return _field(lambda message: _found(message.text(*places), places), secret)


def text(*places: str, secret: bool = False) -> Any:
    """A text, "" when it is not there."""
    return _field(lambda message: message.text(*places), secret)


def number(*places: str) -> Any:
    """A whole number without which the event says nothing."""
    return _field(lambda message: _found(message.number(*places), places))


def optional_number(*places: str) -> Any:
    """A whole number, None when it is not there."""
    return _field(lambda message: message.number(*places))


def moment(*places: str) -> Any:
    """A time, written in Unix seconds, without which the event says nothing."""
    return _field(lambda message: _found(message.time(*places), places))


def optional_moment(*places: str) -> Any:
    """A time, None when it is not there."""
    return _field(lambda message: message.time(*places))


def verdict(*places: str) -> Any:
    """WeChat's verdict as a bool: 3 is passed, 2 is not."""
    return _field(lambda message: _found({2: False, 3: True}.get(message.number(*places) or 0), places))


def media_ids(*places: str) -> Any:
    """The media ids that WeChat joins with "|"."""
    return _field(lambda message: screenshot_ids(message.text(*places)))


def entries(place: str, kind: type[Any]) -> Any:
    """The elements of a list, each a `kind`; those that lack their point are left out."""
    return _field(lambda message: tuple(_entries(message, place, kind)))


_kinds: dict[str, type[Event]] = {}


class _Missing(Exception):
    """A field without which the event says nothing."""


class _Message:
    """A message's values, found whatever their names' capitals and underscores; the documented spelling wins."""

    _PLATFORM = frozenset({"AppId", "app_id"})  # differs from `appid`, the mini program, by its spelling only

    def __init__(self, message: Mapping[str, Any]) -> None:
        self._message = message
        self._plain = {
            _plain_name(name): value for name, value in reversed(list(message.items())) if name not in self._PLATFORM
        }

    def all(self, name: str) -> list[Any]:
        return as_list(self._message.get(name, self._plain.get(_plain_name(name))))

    def text(self, *places: str) -> str:
        return next(filter(None, map(self._text, places)), "")

    def number(self, *places: str) -> int | None:
        try:
            return int(self.text(*places))
        except ValueError:
            return None

    def time(self, *places: str) -> datetime | None:
        try:
            return datetime.fromtimestamp(int(self.text(*places)), UTC)
        except (ValueError, OverflowError, OSError):
            return None

    def _text(self, place: str) -> str:
        name, _, rest = place.partition(".")
        first = next(iter(self.all(name)), None)
        if rest:
            return _Message(first)._text(rest) if isinstance(first, Mapping) else ""
        return first.strip() if isinstance(first, str) else ""


def _plain_name(name: str) -> str:
    return name.replace("_", "").lower()


def _field(read: Callable[[_Message], Any], secret: bool = False) -> Any:
    return field(repr=not secret, metadata={"read": read})


def _read(kind: type[Any], message: _Message) -> dict[str, Any]:
    return {one.name: one.metadata["read"](message) for one in fields(kind) if "read" in one.metadata}


def _found(value: Any, places: tuple[str, ...]) -> Any:
    if value is None or value == "":
        raise _Missing(places[0])
    return value


def _entries(message: _Message, place: str, kind: type[Any]) -> list[Any]:
    read = []
    for value in message.all(place):
        if isinstance(value, Mapping):
            try:
                read.append(kind(**_read(kind, _Message(value))))
            except _Missing:
                continue
    return read
