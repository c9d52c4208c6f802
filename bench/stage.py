"""A running demo with a component app that works, and how things are measured against it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any
from uuid import UUID

from sqlalchemy import select

from bench.table import Measured as Measured
from saas import db as database
from saas.components.models import ComponentApp
from saas.components.setup import addresses
from saas.config import settings
from saas.sandbox.control import SandboxControl
from saas.tenants import keys
from saas.tenants.access import Who
from saas.tenants.models import Membership, Role
from tests.demo.running import RunningDemo, until


class Stage:
    """This process beside the demo's: the same database, the demo's seeded provider and component app."""

    def __init__(self, demo: RunningDemo) -> None:
        self.demo = demo
        self.control = SandboxControl(demo.sandbox_url)
        self.control.set_scan_seconds(0)
        self.control.set_commit_seconds(0)

    def __enter__(self) -> Stage:
        settings.cache_clear()
        database.connect(settings())
        keys.install()
        with database.platform_session("find the demo's provider") as db:
            component = db.scalars(select(ComponentApp)).one()
            owner = db.scalars(select(Membership).where(Membership.role == Role.OWNER)).one()
        self.component_id: UUID = component.id
        self.provider_id: UUID = component.provider_id
        self.who = Who(self.provider_id, "Alice", owner.user_id, role=Role.OWNER)
        with database.tenant_session(self.provider_id) as db:
            component = db.scalars(select(ComponentApp)).one()
            self.appid, self.token, self.aes_key = component.appid, component.token or "", component.aes_key or ""
            self.events_url = addresses(component).events_url
        until(self._is_ready, what="a component app that works")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.control.close()
        database.disconnect()

    def _is_ready(self) -> bool:
        with database.tenant_session(self.provider_id) as db:
            return db.scalars(select(ComponentApp.status)).one() == "ready"


def timed(what: str, deeds: Iterable[Callable[[], Any]], *, threads: int = 1) -> Measured:
    """Do all deeds, so many at a time."""
    todo = list(deeds)
    begun = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        took = list(pool.map(seconds, todo))
    return summed_up(what, took, time.perf_counter() - begun)


def summed_up(what: str, took: list[float], whole: float) -> Measured:
    ordered = sorted(took)
    p95 = ordered[max(0, round(len(ordered) * 0.95) - 1)]
    return Measured(what, len(took) / whole, statistics.median(took) * 1000, p95 * 1000)


def seconds(deed: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    deed()
    return time.perf_counter() - begun
