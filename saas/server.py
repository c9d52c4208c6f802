"""The web server: granian, two processes of sixteen threads, replaced when they fail."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from granian import Granian
from granian.constants import Interfaces
from granian.server.common import AbstractServer

from saas.config import Settings


def serve(settings: Settings) -> None:
    """Serve until told to stop."""
    counters = settings.home.absolute() / "run" / "metrics"
    shutil.rmtree(counters, ignore_errors=True)
    counters.mkdir(parents=True)
    os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", str(counters))
    granian("wsgi:app", host=settings.host, port=settings.port).serve()


def granian(target: str, *, host: str, port: int, factory: bool = False) -> AbstractServer[Any]:
    """The server of one WSGI app, as our own is served; with `factory` the target makes the app."""
    return Granian(
        target,
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        factory=factory,
        websockets=False,
        workers=2,
        blocking_threads=16,
        respawn_failed_workers=True,
        workers_kill_timeout=10,
        working_dir=Path(__file__).parents[1],
        log_access=False,
    )
