"""A real demo on free ports in a folder of its own, and what it takes to hurt its processes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx2
import psutil

from saas import db as database
from saas.config import settings
from saas.queue import forget_connection
from saas.tenants import keys

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def until(condition: Callable[[], Any], seconds: float = 60, what: str = "it") -> Any:
    """Look again and again until the answer is true; the answer."""
    waiting = threading.Event()
    for _ in range(int(seconds / 0.1)):
        if found := condition():
            return found
        waiting.wait(0.1)
    raise AssertionError(f"{what} did not happen within {seconds:.0f} s")


class RunningDemo:
    """`with RunningDemo(folder) as demo:` is ready inside, and gone, with everything it started, afterwards."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.home = home
        self.port, self.sandbox_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.sandbox_url = f"http://127.0.0.1:{self.sandbox_port}"
        self.output = home.with_name(home.name + ".out")
        ours = ("DAIBAN_", "DATABASE_", "REDIS_URL", "PORT", "SANDBOX_PORT")
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)} | {
            "DAIBAN_HOME": str(home), "PORT": str(self.port), "SANDBOX_PORT": str(self.sandbox_port),
        } | environment  # fmt: skip
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "saas.cli", "demo"], cwd=ROOT, env=self.environment, stdout=output, stderr=output
            )

    def wait(self, seconds: float = 180) -> None:
        """Until it says that it is ready."""
        assert self.process is not None
        process = self.process
        until(lambda: "ready" in self.text() or process.poll() is not None, seconds, f"ready ({self.text()})")
        assert process.poll() is None, self.text()

    def text(self) -> str:
        return self.output.read_text()

    def __enter__(self) -> RunningDemo:
        self.start()
        try:
            self.wait()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop(signal.SIGTERM)

    def pids(self) -> dict[str, int]:
        """Pids of the demo's processes by name."""
        found: dict[str, int] = json.loads((self.home / "run" / "processes.json").read_text())
        return found

    def hurt(self, name: str) -> bool:
        """Kill one of its processes by force; says whether it was there, and not somebody else by now."""
        with contextlib.suppress(psutil.Error, KeyError, OSError, ValueError):
            process = psutil.Process(self.pids()[name])
            if self._owns(process):
                process.kill()
                return True
        return False

    def _owns(self, process: psutil.Process) -> bool:
        """By this demo's home in its environment, command line or working folder."""
        home = str(self.home)
        return (
            process.environ().get("DAIBAN_HOME") == home or home in " ".join(process.cmdline()) or home in process.cwd()
        )

    def daiban(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command against this demo."""
        kept = json.loads((self.home / "run" / "environment.json").read_text())
        return subprocess.run(
            [sys.executable, "-m", "saas.cli", *arguments], cwd=ROOT, env=self.environment | kept,
            capture_output=True, text=True, timeout=600,
        )  # fmt: skip

    def ready(self) -> bool:
        try:
            return httpx2.get(f"{self.url}/readyz", timeout=5, trust_env=False).status_code == 200
        except httpx2.HTTPError:
            return False

    def stop(self, signum: signal.Signals) -> int:
        """Ask it to end; what it answers."""
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signum)
        try:
            return self.process.wait(60)
        finally:
            self.kill()

    def kill(self) -> None:
        """Force it; the kernel and the launchers see to its children."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def left_over(self) -> list[str]:
        """What still runs of it."""
        found = []
        for one in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if one.pid == os.getpid() or one.status() == psutil.STATUS_ZOMBIE:
                    continue
                if self._owns(one):
                    found.append(f"{one.pid} {' '.join(one.cmdline())[:200]}")
        return found


@contextmanager
def beside(demo: RunningDemo) -> Iterator[None]:
    """This process works with the demo's database, Redis and settings; afterwards with those that it had before."""
    before = dict(os.environ)
    kept = json.loads((demo.home / "run" / "environment.json").read_text())
    os.environ.update(kept | {"DAIBAN_HOME": str(demo.home)})
    _connect()
    try:
        yield
    finally:
        database.disconnect()
        os.environ.clear()
        os.environ.update(before)
        settings.cache_clear()
        forget_connection()
        if "DATABASE_URL" in before:
            _connect()


def _connect() -> None:
    settings.cache_clear()
    forget_connection()
    database.connect(settings())
    keys.install()
