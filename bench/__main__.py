"""`make bench`: how fast the hot paths are on this machine. Starts a demo of its own and prints one table."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from bench import callbacks, lists, merchants, sandbox, uploads
from bench.stage import Measured, Stage
from tests.demo.running import RunningDemo


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="daiban-bench-") as name:
        home = Path(name) / "home"
        with RunningDemo(home, DAIBAN_WECHAT_CALLS_PER_SECOND="100000", DAIBAN_LOG_JSON="true") as demo:
            os.environ.update(json.loads((home / "run" / "environment.json").read_text()))
            with Stage(demo) as stage:  # callbacks come last: the jobs that they leave keep the workers busy
                measured = [
                    line for part in (sandbox, uploads, merchants, lists, callbacks) for line in part.measure(stage)
                ]
    _print(measured)


def _print(measured: list[Measured]) -> None:
    print(f"{'what':<58} {'per second':>11} {'median ms':>10} {'p95 ms':>8}")
    for one in measured:
        print(f"{one.what:<58} {one.rate:>11.1f} {one.median_ms:>10.1f} {one.p95_ms:>8.1f}")


if __name__ == "__main__":
    main()
