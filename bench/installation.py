"""Daiban's engine without its screens: servers of its own, workers, and a stand-in for WeChat that is only slow."""

from __future__ import annotations

import base64
import contextlib
import os
import secrets
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

import httpx2
import psutil

from saas import db as database
from saas import queue
from saas.config import load_settings, settings
from saas.embedded import EmbeddedPostgres, EmbeddedValkey
from saas.migrate import migrate
from saas.tenants import keys
from tests.demo.running import ROOT, free_port, until


class Installation:
    """`with Installation(folder) as here:` is migrated, and this process is connected to it. Processes started in it
    end with it."""

    def __init__(self, home: Path, **environment: str) -> None:
        self._home = home
        self._given = environment
        self._postgres = EmbeddedPostgres(home / "postgres")
        self._valkey = EmbeddedValkey(home / "valkey")
        self._begun: list[subprocess.Popen[bytes]] = []
        self._before: dict[str, str] = {}

    def __enter__(self) -> Installation:
        self._before = dict(os.environ)
        self._home.mkdir(parents=True, exist_ok=True)
        self._postgres.start()
        self._valkey.start()
        os.environ.update(self._postgres.urls())
        os.environ.update(
            {
                "REDIS_URL": self._valkey.url(), "DAIBAN_ENV": "demo", "DAIBAN_HOME": str(self._home),
                "DAIBAN_PUBLIC_URL": "http://localhost:8000", "DAIBAN_MAIL_URL": "demo:",
                "DAIBAN_MASTER_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
                "DAIBAN_WECHAT_CALLS_PER_SECOND": "100000", "DAIBAN_LOG_JSON": "true",
            }
            | self._given
        )  # fmt: skip
        settings.cache_clear()
        queue.forget_connection()
        migrate()
        database.connect(load_settings())
        keys.install()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._begun:
            self.end(process)
        database.disconnect()
        queue.forget_connection()
        self._valkey.stop()
        self._postgres.stop()
        os.environ.clear()
        os.environ.update(self._before)
        settings.cache_clear()

    def start(self, *arguments: str, environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """A Python process of this installation; its output is in the folder."""
        with (self._home / "processes.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, *arguments], cwd=ROOT, env=dict(os.environ) | dict(environment or {}),
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        self._begun.append(process)
        return process

    def start_endpoint(self, milliseconds: int) -> str:
        """The stand-in for WeChat; its address."""
        port = free_port()
        self.start("-m", "bench.endpoint", str(port), str(milliseconds))
        url = f"http://127.0.0.1:{port}"
        until(lambda: _answers(f"{url}/counts"), 20, "the endpoint's answer")
        return url

    @staticmethod
    def end(process: subprocess.Popen[bytes]) -> None:
        if process.poll() is None:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
        process.wait()

    def log(self) -> str:
        return (self._home / "processes.log").read_text(errors="replace")


def cpu_seconds(process: subprocess.Popen[bytes]) -> float:
    """What a process and all its children, those that have ended, too, have used of the processors so far."""
    family = psutil.Process(process.pid)
    used = 0.0
    for one in [family, *family.children(recursive=True)]:
        with contextlib.suppress(psutil.Error):
            times = one.cpu_times()
            used += times.user + times.system + times.children_user + times.children_system
    return used


def _answers(url: str) -> bool:
    try:
        return httpx2.get(url, trust_env=False, timeout=2).status_code == 200
    except httpx2.HTTPError:
        return False
