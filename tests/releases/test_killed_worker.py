"""A real worker killed with -9 while WeChat has its call in hand, and Redis emptied: it still ends well, once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from saas import queue
from saas.db import platform_session
from saas.queue import ring_due
from saas.releases.models import AuditStatus, ReleaseStatus, UploadStatus
from tests.releases.conftest import Desk

pytestmark = pytest.mark.slow

START = "from jobs import worker; from saas.config import settings; worker.work(settings())"


class Workers:
    """One worker at a time, and the sweep that a cron would do."""

    def __init__(self, home: Path) -> None:
        self._log = (home / "killed_worker.log").open("ab")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        environment = dict(os.environ) | {"DAIBAN_JOB_LEASE_SECONDS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-c", START], env=environment, stdout=self._log, stderr=self._log, start_new_session=True
        )

    def kill(self) -> None:
        """kill -9, and Valkey comes back empty."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        queue.redis_connection().flushdb()

    def until(self, condition: Callable[[], bool]) -> None:
        waiting = threading.Event()
        for _ in range(600):
            if condition():
                return
            with platform_session("the sweep") as db:
                ring_due(db)
            waiting.wait(0.1)
        raise AssertionError("never happened")

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._log.close()


@pytest.fixture
def workers(desk: Desk, home: Path) -> Iterator[Workers]:
    workers = Workers(home)
    yield workers
    workers.stop()


def test_upload_submission_and_release_survive_kill_9_each(desk: Desk, workers: Workers) -> None:
    template = desk.template()
    moment = threading.Event()

    def kill_in_the_middle(operation: str, begun: Callable[[], bool]) -> None:
        """The call is at WeChat, which does it a second later; the worker never hears of it."""
        workers.until(begun)
        moment.wait(0.4)
        workers.kill()
        workers.start()

    desk.control.slow_next("commit", 1.0)
    workers.start()
    upload = desk.start_upload(template)
    kill_in_the_middle("commit", lambda: desk.upload(upload).status == UploadStatus.SENDING)
    workers.until(lambda: desk.upload(upload).status == UploadStatus.READY)

    workers.until(lambda: bool(desk.state().categories))
    desk.control.slow_next("submitAudit", 1.0)
    audit = desk.start_audit(desk.upload(upload))
    kill_in_the_middle("submitAudit", lambda: desk.audit(audit).status == AuditStatus.SUBMITTING)
    workers.until(lambda: desk.audit(audit).status == AuditStatus.IN_REVIEW)
    assert desk.counts()["submitAudit"] == 1
    assert [one["id"] for one in desk.control.audits(appid=desk.program.appid)] == [int(desk.audit(audit).auditid)]

    desk.control.approve(desk.audit(audit).auditid, push=False)
    desk.hear("weapp_audit_success", SuccTime=1)
    workers.until(lambda: desk.audit(audit).status == AuditStatus.APPROVED)
    desk.control.slow_next("release", 1.0)
    row = desk.release(desk.audit(audit))
    kill_in_the_middle("release", lambda: desk.reread_release(row).status == ReleaseStatus.SENDING)
    workers.until(lambda: desk.reread_release(row).status == ReleaseStatus.DONE)
    assert desk.counts()["release"] == 1
    assert desk.state().online_version == "1.0.0"
