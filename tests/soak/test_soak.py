"""Many journeys at once while somebody keeps killing processes. For `make soak` only."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import pytest

from saas.journey.main_job import Journey
from saas.journey.window import HttpWindow
from tests.demo.running import RunningDemo

pytestmark = pytest.mark.soak
JOURNEYS = 24
AT_A_TIME = 4
SECONDS_BETWEEN_KILLS = 8


@pytest.fixture
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    home = tmp_path_factory.mktemp("soak") / "home"
    with RunningDemo(home, DAIBAN_JOB_LEASE_SECONDS="4") as running:
        yield running


def test_every_journey_ends_well_whatever_dies(demo: RunningDemo) -> None:
    over = threading.Event()
    killer = threading.Thread(target=_kill_now_and_then, args=(demo, over))
    killer.start()
    try:
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            failures = [
                text for text in pool.map(lambda number: _walk(demo, f"127.0.9.{number + 1}"), range(JOURNEYS)) if text
            ]
    finally:
        over.set()
        killer.join()
    assert failures == []


def _kill_now_and_then(demo: RunningDemo, over: threading.Event) -> None:
    """Workers, cron and Valkey; the web server and PostgreSQL would show a person an error, which is no failure."""
    dice = random.Random(7)
    while not over.wait(SECONDS_BETWEEN_KILLS):
        pids = demo.pids()
        name = dice.choice([name for name in pids if name.startswith(("worker", "cron", "valkey"))])
        with suppress(ProcessLookupError):
            os.kill(pids[name], signal.SIGKILL)


def _walk(demo: RunningDemo, ip: str) -> str:
    with ExitStack() as windows:
        journey = Journey(
            lambda: windows.enter_context(HttpWindow(demo.url, ip=ip)), demo.url, demo.sandbox_url, patience=120
        )
        for title, step in journey.steps():
            try:
                step()
            except Exception as error:
                return f"{journey.slug}: {title}: {error}"
    return ""
