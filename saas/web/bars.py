"""Bars of days, drawn as SVG without a script: where each rectangle stands, in units of a `viewBox`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_WIDTH, _GAP, HEIGHT = 20, 4, 100


@dataclass(frozen=True)
class Part:
    """One rectangle; `tone` names its class."""

    tone: str
    x: int
    y: float
    width: int
    height: float


@dataclass(frozen=True)
class Bar:
    """The parts of one day, from below, and the words for it."""

    title: str
    x: int
    width: int
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Chart:
    width: int
    height: int
    most: float
    bars: tuple[Bar, ...]


def chart(days: Sequence[tuple[str, Sequence[tuple[str, float]]]]) -> Chart:
    """Each day is its words and what it is made of, by tone. The highest day fills the height."""
    most = max((sum(value for _, value in parts) for _, parts in days), default=0.0)
    bars = []
    for number, (title, parts) in enumerate(days):
        x, bottom, drawn = number * (_WIDTH + _GAP), float(HEIGHT), []
        for tone, value in parts:
            height = round(HEIGHT * value / most, 2) if most else 0.0
            if height:
                bottom = round(bottom - height, 2)
                drawn.append(Part(tone, x, bottom, _WIDTH, height))
        bars.append(Bar(title, x, _WIDTH, tuple(drawn)))
    return Chart(max(1, len(bars) * (_WIDTH + _GAP) - _GAP), HEIGHT, most, tuple(bars))
