"""What `make bench` prints: figures with what is to be reached, and plain times; as one table and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """A ratio measured in one run, or a count. Without a target it only tells."""

    part: str
    what: str
    value: float
    at_least: float | None = None
    at_most: float | None = None
    seconds: float | None = None

    @property
    def reached(self) -> bool | None:
        if self.at_least is None and self.at_most is None:
            return None
        return (self.at_least is None or self.value >= self.at_least) and (
            self.at_most is None or self.value <= self.at_most
        )

    @property
    def target(self) -> str:
        if self.at_least is not None and self.at_least == self.at_most:
            return f"= {self.at_least:g}"
        if self.at_least is not None:
            return f"≥ {self.at_least:g}"
        return f"≤ {self.at_most:g}" if self.at_most is not None else ""


@dataclass(frozen=True)
class Measured:
    """How long something took, for whoever reads the table."""

    what: str
    rate: float
    median_ms: float
    p95_ms: float


def print_table(lines: Iterable[Figure | Measured]) -> None:
    """Times first, then figures: what was reached is to be seen at the end."""
    lines = list(lines)
    times = [one for one in lines if isinstance(one, Measured)]
    figures = [one for one in lines if isinstance(one, Figure)]
    if times:
        print(f"{'what':<72} {'per second':>11} {'median ms':>10} {'p95 ms':>9}")
        for one in times:
            print(f"{one.what:<72} {one.rate:>11.1f} {one.median_ms:>10.1f} {one.p95_ms:>9.1f}")
        print()
    print(f"{'figure':<72} {'value':>11} {'target':>10} {'reached':>9}")
    for figure in figures:
        word = {None: "", True: "yes", False: "NO"}[figure.reached]
        print(f"{figure.what:<72} {figure.value:>11.3g} {figure.target:>10} {word:>9}")


def as_json(lines: Sequence[Figure | Measured]) -> str:
    """`reached` is whether every target was."""
    figures: list[dict[str, Any]] = [asdict(one) | {"reached": one.reached} for one in lines if isinstance(one, Figure)]
    times = [asdict(one) for one in lines if isinstance(one, Measured)]
    return json.dumps({"reached": all_reached(lines), "figures": figures, "times": times}, ensure_ascii=False, indent=1)


def all_reached(lines: Iterable[Figure | Measured]) -> bool:
    return all(one.reached is not False for one in lines if isinstance(one, Figure))
