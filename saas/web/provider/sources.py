"""Selections that something else names: the mini programs of a batch, those of a train that failed for one cause.

Thousands of ids fit into no address, so an address carries what names them: `from`, and the arguments of that source.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import url_for


@dataclass(frozen=True)
class Source:
    """`names` are the arguments that it reads; `ids` are the mini programs, `page` is where they were chosen. Both go
    through the door of what they read."""

    names: tuple[str, ...]
    ids: Callable[[Mapping[str, str]], list[UUID]]
    page: Callable[[Mapping[str, str]], str]


@dataclass(frozen=True)
class Named:
    """A selection from a source, with what an address carries of it."""

    source: Source
    parts: dict[str, str]

    def program_ids(self) -> list[UUID]:
        return self.source.ids(self.parts)

    def page(self) -> str:
        return self.source.page(self.parts)


_SOURCES: dict[str, Source] = {}


def draw_from(name: str, source: Source) -> None:
    """Let selections come from it."""
    _SOURCES[name] = source


def read_named(given: Mapping[str, str]) -> Named | None:
    """What an address or form names; None when it names no source."""
    name = given.get("from", "")
    if name not in _SOURCES:
        return None
    source = _SOURCES[name]
    parts = {one: given[one][:300] for one in source.names if given.get(one)}
    return Named(source, {"from": name, **parts})


def named_url(endpoint: str, name: str, parts: Mapping[str, Any], **values: Any) -> str:
    """The address of a page that reads a selection, for what the source of this name finds by `parts`."""
    kept: dict[str, Any] = {one: str(value) for one, value in parts.items() if value not in (None, "")}
    return url_for(endpoint, **values, **kept | {"from": name})
