"""Keeps a set of processes running: starts them, starts again what ends, stops them all, leaves none behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import click

from saas.embedded import launch

_STEADY = 30.0  # seconds after which a process counts as healthy again
_LONGEST_PAUSE = 10.0


@dataclass
class Child:
    """One process of ours: `daiban <arguments>` with its own log."""

    name: str
    arguments: list[str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    failures: int = 0
    start_at: float = field(default=0.0)

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process is not None else None

    def start(self, environment: dict[str, str]) -> None:
        if self.log.exists() and self.log.stat().st_size > 10_000_000:
            self.log.write_bytes(b"")
        self.process = launch(
            [sys.executable, "-m", "saas.cli", *self.arguments],
            log=self.log, environment=environment, cwd=Path(__file__).parents[1],
        )  # fmt: skip
        self.started_at = time.monotonic()

    def ended(self) -> int | None:
        """The exit code once it has ended; what it left running in its group is ended then, too."""
        if self.process is None or self.process.poll() is None:
            return None
        code = self.process.returncode
        self._end_group()
        self.process = None
        steady = time.monotonic() - self.started_at > _STEADY
        self.failures = 1 if steady else self.failures + 1
        self.start_at = time.monotonic() + min(0.25 * 2 ** (self.failures - 1), _LONGEST_PAUSE)
        return code

    def ask_to_end(self) -> None:
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGTERM)

    def end(self, deadline: float) -> None:
        if self.process is None:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(max(0.0, deadline - time.monotonic()))
        self._end_group()
        self.process.wait()
        self.process = None

    def _end_group(self) -> None:
        """Every process was started in a session of its own, so its group is its pid."""
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)


class Supervisor:
    """Call `look` often, from the thread that made it: the kernel ends the children when that thread ends."""

    def __init__(self, environment: dict[str, str], say: Callable[[str], None]) -> None:
        self.environment = environment
        self.children: list[Child] = []
        self._say = say

    def add(self, child: Child) -> None:
        self.children.append(child)
        child.start(self.environment)

    def look(self) -> bool:
        """Start again what has ended; answers whether anything changed."""
        changed = False
        for child in self.children:
            code = child.ended()
            if code is not None:
                if child.failures <= 3 or child.failures % 20 == 0:
                    self._say(f"{child.name} ended ({_how(code)}) and is started again; see {child.log}")
                changed = True
            if child.process is None and time.monotonic() >= child.start_at:
                child.start(self.environment)
                changed = True
        return changed

    def pids(self) -> dict[str, int]:
        return {child.name: child.pid for child in self.children if child.pid is not None}

    def stop(self, seconds: float = 10.0) -> None:
        """Ask all to end, wait, then force."""
        for child in self.children:
            child.ask_to_end()
        deadline = time.monotonic() + seconds
        for child in self.children:
            child.end(deadline)


def worker_children(count: int, logs: Path) -> list[Child]:
    """The first of several never takes bulk work, so that a person's click finds a worker whatever else goes on."""
    children = []
    for number in range(1, count + 1):
        name, quick = f"worker-{number}", ["--quick"] if number == 1 and count > 1 else []
        children.append(Child(name, ["worker", "--processes", "1", *quick], logs / f"{name}.log"))
    return children


def run_workers(count: int, logs: Path) -> int:
    """Several workers until told to stop; what `daiban worker` does."""
    stop: list[int] = []
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, lambda number, _frame: stop.append(number))
    logs.mkdir(parents=True, exist_ok=True)
    supervisor = Supervisor(dict(os.environ), lambda text: click.echo(text, err=True))
    for child in worker_children(count, logs):
        supervisor.add(child)
        click.echo(f"{child.name} started; its log is {child.log}", err=True)
    while not stop:
        supervisor.look()
        time.sleep(0.2)
    supervisor.stop(seconds=60)
    return 0


def _how(code: int) -> str:
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"
