"""The worker process: RQ takes the rings off Redis and forks; what the child does is `jobs.shift`."""

from __future__ import annotations

import ctypes
import importlib
import os
import pkgutil
import signal
import sys
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import redis
import rq
import structlog
from rq.exceptions import StopRequested

import jobs
from jobs import shift
from jobs.leases import waits
from saas import db, queue
from saas.components import budgets
from saas.config import Settings, settings
from saas.queue import Lane
from saas.tenants import keys

log = structlog.get_logger()

ALL = tuple(Lane)
QUICK = (Lane.URGENT, Lane.DEFAULT)


class Worker(rq.Worker):
    """RQ's worker with short pauses, so that a killed one is noticed in seconds, and our own sign of life."""

    def __init__(self, connection: redis.Redis, lanes: Sequence[Lane] = ALL) -> None:
        super().__init__(
            [lane.value for lane in lanes], connection=connection, serializer="rq.serializers.JSONSerializer",
            worker_ttl=25, maintenance_interval=10, job_monitoring_interval=5, log_job_description=False,
        )  # fmt: skip

    def heartbeat(self, *args: Any, **kwargs: Any) -> None:
        super().heartbeat(*args, **kwargs)
        try:
            with db.platform_session("a worker's heartbeat") as session:
                queue.beat(session, "worker")
        except Exception as error:
            log.warning("heartbeat_failed", error=str(error))
        if self._stop_requested and not self.horse_pid:
            raise StopRequested

    def _shutdown(self) -> None:
        """RQ tells an idle worker to stop by an exception out of the signal handler, which whatever code it hits may
        swallow: so it is also noted, and found at the next heartbeat."""
        self._stop_requested = True
        shift.stop()
        super()._shutdown()  # type: ignore[no-untyped-call]

    def execute_job(self, job: rq.job.Job, queue: rq.Queue) -> None:
        """No fork for a ring whose job somebody has taken meanwhile."""
        with db.platform_session("see whether a job is still to be done") as session:
            is_wanted = waits(session, UUID(job.args[0]))
        if is_wanted:
            super().execute_job(job, queue)
        else:
            self.connection.lrem(queue.intermediate_queue_key, 1, job.id)
            job.delete()

    def main_work_horse(self, *args: Any, **kwargs: Any) -> None:
        """In the forked child: nothing of the parent's connections is used, and it dies with its parent."""
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(1, signal.SIGKILL)
        db.disconnect(after_fork=True)
        queue.forget_connection()
        db.connect(settings())
        keys.install()
        super().main_work_horse(*args, **kwargs)


def work(settings: Settings, lanes: Sequence[Lane] = ALL) -> None:
    """Work until told to stop (SIGTERM: after the current jobs); ends, too, when Redis goes away under a job."""
    preload()
    db.connect(settings)
    keys.install()
    budgets.refuse_unknown_limits(settings)
    shift.serve_lanes(lanes)
    log.info("worker_started", pid=os.getpid(), lanes=[lane.value for lane in lanes])
    Worker(redis.Redis.from_url(settings.redis_url), lanes).work(logging_level="WARNING")


def preload() -> None:
    """Import every job module before the forks, so that a job starts in milliseconds."""
    for module in pkgutil.iter_modules(jobs.__path__, "jobs."):
        importlib.import_module(module.name)
