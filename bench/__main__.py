"""`make bench`: how fast the hot paths are on this machine, as one table.

    python -m bench                     all parts
    python -m bench engine lists        these
    python -m bench --json figures.json keeps everything as JSON, too (- prints it instead of the table)

Every figure with a target is a ratio of two things measured in the same run, or a count. The exit code is 0 when all
targets were reached, 1 when one was not.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import timeit
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from bench import callbacks, engine, lists, memory, merchants, neighbours, sandbox, tokens, trains, uploads
from bench.stage import Stage
from bench.table import Figure, Measured, all_reached, as_json, print_table
from saas.queue import forget_connection
from tests.demo.running import RunningDemo

Lines = Iterator[Figure | Measured]

ALONE: dict[str, Callable[[Path], Any]] = {
    "engine": engine.measure, "callbacks": callbacks.measure, "neighbours": neighbours.measure,
    "trains": trains.measure,
}  # fmt: skip
"""Parts with processes of their own: nothing else runs meanwhile."""
ON_STAGE: dict[str, Callable[[Stage], Any]] = {
    "memory": memory.measure, "sandbox": sandbox.measure, "uploads": uploads.measure, "tokens": tokens.measure,
    "merchants": merchants.measure, "lists": lists.measure,
}  # fmt: skip
"""Parts that share one demo, in this order: what a demo takes at rest is asked first."""


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description="How fast the hot paths are.")
    parser.add_argument("parts", nargs="*", metavar="part", help=", ".join((*ALONE, *ON_STAGE)))
    parser.add_argument("--json", metavar="FILE", help="also keep everything here; - prints it instead of the table")
    given = parser.parse_args(arguments)
    unknown = set(given.parts) - set(ALONE) - set(ON_STAGE)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    wanted = given.parts or [*ALONE, *ON_STAGE]
    with tempfile.TemporaryDirectory(prefix="daiban-bench-") as name:
        lines = list(_measure(Path(name), wanted))
    if given.json == "-":
        print(as_json(lines))
    else:
        print_table(lines)
        if given.json:
            Path(given.json).write_text(as_json(lines))
    return 0 if all_reached(lines) else 1


def _measure(folder: Path, wanted: Sequence[str]) -> Lines:
    for part, measure in ALONE.items():
        if part in wanted:
            print(f"measuring: {part}", file=sys.stderr, flush=True)
            (folder / part).mkdir()
            yield _speed(part)
            yield from _whole(part, lambda part=part, measure=measure: measure(folder / part))
    on_stage = [part for part in ON_STAGE if part in wanted]
    if not on_stage:
        return
    home = folder / "home"
    with RunningDemo(home, DAIBAN_WECHAT_CALLS_PER_SECOND="100000", DAIBAN_LOG_JSON="true") as demo:
        before = dict(os.environ)
        os.environ.update(json.loads((home / "run" / "environment.json").read_text()))
        forget_connection()  # of the part before
        with Stage(demo) as stage:
            for part in on_stage:
                print(f"measuring: {part}", file=sys.stderr, flush=True)
                yield _speed(part)
                yield from _whole(part, lambda part=part: ON_STAGE[part](stage))
        os.environ.clear()
        os.environ.update(before)


def _speed(part: str) -> Figure:
    """Times depend on the machine, and on what else its host does in that minute; this says how much."""
    best = min(timeit.repeat("for one in range(1_000_000): pass", number=1, repeat=3))
    return Figure(part, f"before {part}: million turns of an empty loop a second", 1 / best)


def _whole(part: str, measure: Callable[[], Any]) -> Lines:
    """A part that breaks leaves the others their figures, and counts as one that did not reach its target."""
    try:
        yield from measure()
    except Exception:
        traceback.print_exc()
        yield Figure(part, f"{part}: measured to the end", 0, at_least=1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
