"""The real worker process: takes a ring off Redis, forks, runs, beats; stops when told."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from rq.exceptions import StopRequested
from sqlalchemy import select

from jobs.worker import Worker
from saas import queue
from saas.config import settings
from saas.db import new_id, platform_session, tenant_session
from saas.queue import Job, JobStatus, enqueue
from tests.cast import Cast

START = """
import sys, types
from jobs import runner, worker
from saas.config import settings
from saas.tenants.models import Merchant
from sqlalchemy import update

def rename(db, subject, attempt):
    db.execute(update(Merchant).values(name="由工人改名"))

def crash(db, subject, attempt):
    import os, signal
    if attempt == 1:
        os.kill(os.getpid(), signal.SIGKILL)

runner.JOBS["jobs.runner.rename"] = runner.Registered(rename, 8, None)
runner.JOBS["jobs.runner.crash"] = runner.Registered(crash, 8, None)
worker.work(settings())
"""


@pytest.fixture
def worker(cast: Cast, home: Path) -> Iterator[subprocess.Popen[bytes]]:
    environment = dict(os.environ) | {"DAIBAN_JOB_LEASE_SECONDS": "1"}
    with (home / "worker.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-c", START], env=environment, stdout=log, stderr=log)
    yield process
    process.kill()
    process.wait()


def until(condition: Callable[[], bool]) -> None:
    waiting = threading.Event()
    for _ in range(1200):
        if condition():
            return
        waiting.wait(0.05)
    raise AssertionError("never happened")


def status(name: str) -> tuple[str, int]:
    with platform_session("test") as db:
        row = db.execute(select(Job.status, Job.attempt).where(Job.name == name)).one()
    return row.status, row.attempt


@pytest.mark.slow
def test_a_worker_runs_what_is_rung_beats_and_stops_when_told(cast: Cast, worker: subprocess.Popen[bytes]) -> None:
    with tenant_session(cast.alices) as db:
        enqueue(db, "jobs.runner.rename", new_id())
    until(lambda: status("jobs.runner.rename") == (JobStatus.DONE, 1))
    with platform_session("test") as db:
        assert set(queue.alive(db)) == {"worker"}
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(30) == 0


@pytest.mark.slow
def test_a_child_that_was_killed_is_found_by_the_sweep(cast: Cast, worker: subprocess.Popen[bytes]) -> None:
    with tenant_session(cast.alices) as db:
        enqueue(db, "jobs.runner.crash", new_id())

    def swept() -> bool:
        with platform_session("test") as db:
            queue.ring_due(db)
        return status("jobs.runner.crash") == (JobStatus.DONE, 2)

    until(swept)


def test_a_swallowed_order_to_stop_is_obeyed_at_the_next_heartbeat(cast: Cast) -> None:
    connection = redis.Redis.from_url(settings().redis_url)
    with contextlib.closing(connection):
        idle = Worker(connection)
        with contextlib.suppress(StopRequested):
            idle._shutdown()
        with pytest.raises(StopRequested):
            idle.heartbeat()
