"""How much memory the whole demo takes, by role: shared pages are counted once (PSS)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from bench.stage import Stage
from bench.table import Figure


def measure(stage: Stage) -> Iterator[Figure]:
    held: Counter[str] = Counter()
    for name, pid in stage.demo.pids().items():
        role = re.sub(r"-\d+$", "s", name)
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            family = [process] if name == "supervisor" else [process, *process.children(recursive=True)]
            held[role] += sum(_pss(one.pid) for one in family)
    yield Figure("memory", "MB of the whole demo", sum(held.values()) / 1024)
    for role, kilobytes in held.most_common():
        yield Figure("memory", f"  {role}, MB", kilobytes / 1024)


def _pss(pid: int) -> int:
    """Kilobytes; 0 for one that has just ended."""
    with suppress(OSError):
        found = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)
        return int(found[1]) if found else 0
    return 0
