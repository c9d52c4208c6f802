"""A worker killed with -9 in the middle of its items, and Valkey emptied: every item ends, none twice at a time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from saas import queue
from saas.batches import steps
from saas.batches.models import BatchStatus
from saas.db import platform_session
from saas.queue import ring_due
from tests.batches.conftest import Desk

pytestmark = pytest.mark.slow

NAME = "saas.batches.steps.slow"

# The step notes when it begins and ends; the first tries of the first four never end.
START = """
import os, sys, time
from jobs import worker
from saas.batches import steps
from saas.config import settings
from saas.db import settle

def note(word, item):
    with open(sys.argv[1], "a") as log:
        log.write(f"{word} {item.subject_name} {item.attempt} {os.getpid()}\\n")

def slow(db, item):
    settle(db)
    note("begin", item)
    time.sleep(60 if item.attempt == 1 and item.subject_name in ("小程序%d" % n for n in range(4)) else 0.01)
    note("end", item)

steps.STEPS["saas.batches.steps.slow"] = steps.Step("saas.batches.steps.slow", "", slow, 5)
worker.work(settings())
"""


@pytest.fixture
def work(home: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    begun: list[subprocess.Popen[bytes]] = []
    (home / "steps.log").unlink(missing_ok=True)

    def start() -> subprocess.Popen[bytes]:
        environment = dict(os.environ) | {"DAIBAN_JOB_LEASE_SECONDS": "1"}
        with (home / "killed_pump.log").open("ab") as log:
            command = [sys.executable, "-c", START, str(home / "steps.log")]
            begun.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True))
        return begun[-1]

    yield start
    for process in begun:
        kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def until(condition: Callable[[], bool]) -> None:
    """Wait, and sweep as the cron does."""
    waiting = threading.Event()
    for _ in range(600):
        if condition():
            return
        with platform_session("the sweep") as db:
            ring_due(db)
        waiting.wait(0.1)
    raise AssertionError("never happened")


def test_a_killed_pump_loses_and_doubles_nothing(
    desk: Desk, work: Callable[[], subprocess.Popen[bytes]], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps_log = home / "steps.log"

    def lines() -> list[str]:
        return steps_log.read_text().splitlines() if steps_log.exists() else []

    monkeypatch.setitem(steps.STEPS, NAME, steps.Step(NAME, "", lambda *_: None, 5))
    batch = desk.start(NAME, 20)
    first = work()
    until(lambda: Counter(desk.states(batch)) == {"done": 16, "running": 4})
    kill(first)
    queue.redis_connection().flushdb()
    work()
    until(lambda: desk.batch(batch.id).status == BatchStatus.DONE)

    assert [item.attempt for item in desk.items(batch)] == [2] * 4 + [1] * 16
    assert Counter(line.split()[0] for line in lines()) == {"begin": 24, "end": 20}
    ended = Counter(line.split()[1] for line in lines() if line.startswith("end"))
    assert set(ended.values()) == {1}
    assert len({line.split()[3] for line in lines() if line.startswith("begin 小程序0 ")}) == 2
