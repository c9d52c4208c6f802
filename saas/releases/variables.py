"""What the variables of a template's `ext_json` are: title, kind, default. Values are read and checked by it.

A variable that nobody has described is a text that must be there, and takes a value of any kind as it is.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from saas.errors import N_, Invalid
from saas.releases.ext_json import Fault

_COLOUR = re.compile(r"#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})")
_YES = ("true", "1", "是", "yes")
_NO = ("false", "0", "否", "no")
_LONGEST = 200
_MOST_CHOICES = 50


class Kind(StrEnum):
    TEXT = "text"
    NUMBER = "number"
    SWITCH = "switch"
    CHOICE = "choice"
    COLOUR = "colour"
    URL = "url"


_WRONG = {
    Kind.NUMBER: N_("变量 %(name)s 应是数字"),
    Kind.SWITCH: N_("变量 %(name)s 应是“是”或“否”（true 或 false）"),
    Kind.CHOICE: N_("变量 %(name)s 只能是：%(choices)s"),
    Kind.COLOUR: N_("变量 %(name)s 应是颜色，例如 #07C160"),
    Kind.URL: N_("变量 %(name)s 应是以 http:// 或 https:// 开头的网址"),
}
_BLANKS: dict[Kind, Any] = {Kind.NUMBER: 0, Kind.SWITCH: False}


@dataclass(frozen=True)
class Definition:
    """One variable. `default` is text as people type it; one that is not `required` and has none is left blank."""

    key: str
    title: str = ""
    kind: Kind = Kind.TEXT
    required: bool = True
    default: str = ""
    help: str = ""
    choices: tuple[str, ...] = ()

    def read(self, text: str) -> Any:
        """What was typed, as the value to fill in; raises Invalid at `value.<key>`."""
        text = text.strip()
        fits, value = _READERS[self.kind](self, text)
        if not fits:
            raise Invalid(_WRONG[self.kind], field=f"value.{self.key}", **self._names())
        return value

    def accepts(self, value: Any) -> bool:
        """Whether a value that is no text is of the kind."""
        if self.kind is Kind.SWITCH:
            return isinstance(value, bool)
        return self.kind is Kind.NUMBER and _is_number(value)

    @property
    def fallback(self) -> Any:
        """The value where nobody gave one; None when there must be one."""
        if self.default:
            return self.read(self.default)
        return None if self.required else _BLANKS.get(self.kind, "")

    def fault(self) -> Fault:
        return Fault(_WRONG[self.kind], key=self.key, params=self._names())

    def _names(self) -> dict[str, str]:
        return {"name": self.title or self.key} | ({"choices": "、".join(self.choices)} if self.choices else {})


def _number(_definition: Definition, text: str) -> tuple[bool, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return False, None
    return _is_number(value), value


def _is_number(value: Any) -> bool:
    """Of those that JSON knows: Python reads NaN and 1e999, too."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return isinstance(value, int) or math.isfinite(value)


def _switch(_definition: Definition, text: str) -> tuple[bool, Any]:
    return text.lower() in _YES + _NO, text.lower() in _YES


def _url(_definition: Definition, text: str) -> tuple[bool, Any]:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False, None
    return parts.scheme in ("http", "https") and bool(parts.hostname) and " " not in text, text


_READERS = {
    Kind.TEXT: lambda _definition, text: (True, text),
    Kind.NUMBER: _number,
    Kind.SWITCH: _switch,
    Kind.CHOICE: lambda definition, text: (text in definition.choices, text),
    Kind.COLOUR: lambda _definition, text: (bool(_COLOUR.fullmatch(text)), text),
    Kind.URL: _url,
}


def read_stored(rows: Iterable[Mapping[str, Any]]) -> dict[str, Definition]:
    """A template's own rows, by key."""
    found = [Definition(**{**row, "kind": Kind(row["kind"]), "choices": tuple(row["choices"])}) for row in rows]
    return {one.key: one for one in found}


def to_store(definitions: Sequence[Definition]) -> list[dict[str, Any]]:
    """Check what a person typed and make the rows of it; raises Invalid at `variables-<number>-<part>`."""
    for number, one in enumerate(definitions):
        place = f"variables-{number}"
        for part in ("title", "default", "help"):
            if len(getattr(one, part)) > _LONGEST:
                raise Invalid(N_("最多 %(max)d 个字"), field=f"{place}-{part}", max=_LONGEST)
        if one.kind is Kind.CHOICE and not one.choices:
            raise Invalid(N_("请填写可选的值，一行一个"), field=f"{place}-choices")
        if len(one.choices) > _MOST_CHOICES:
            raise Invalid(N_("最多 %(max)d 个可选的值"), field=f"{place}-choices", max=_MOST_CHOICES)
        if one.default:
            try:
                one.read(one.default)
            except Invalid as error:
                raise Invalid(error.message, field=f"{place}-default", **error.params) from None
    return [asdict(one) | {"kind": one.kind.value, "choices": list(one.choices)} for one in definitions]


def fill(definitions: Mapping[str, Definition], values: Mapping[str, Any]) -> tuple[dict[str, Any], list[Fault]]:
    """The values as the variables want them, with defaults where there are none; and those that do not fit."""
    filled, faults = dict(values), []
    for key, one in definitions.items():
        value = filled.get(key, "")
        if value == "":
            filled.pop(key, None)
            if one.fallback is not None:
                filled[key] = one.fallback
        elif not isinstance(value, str):
            if not one.accepts(value):
                faults.append(one.fault())
        else:
            try:
                filled[key] = one.read(value)
            except Invalid:
                faults.append(one.fault())
    return filled, faults
