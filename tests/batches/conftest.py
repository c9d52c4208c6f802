"""Batches of steps that only these tests know, run by the real runner in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from saas.batches import steps
from saas.batches.access import load_batch
from saas.batches.models import Batch, BatchItem
from saas.batches.progress import Progress, progress
from saas.batches.starting import PUMP, Subject, start_batch, start_one
from saas.db import new_id, platform_session, tenant_session
from saas.queue import Job
from tests.cast import Cast


@pytest.fixture
def known() -> Iterator[Callable[..., str]]:
    """Mark functions as steps for the time of one test."""
    names: list[str] = []

    def mark(function: Any, **options: Any) -> str:
        function.__module__, function.__qualname__ = "saas.batches.steps", f"test_{len(names)}"
        steps.step(label="测试步骤", **options)(function)
        names.append(f"saas.batches.steps.{function.__qualname__}")
        return names[-1]

    yield mark
    for name in names:
        del steps.STEPS[name]


@dataclass
class Desk:
    """Alice at work."""

    cast: Cast

    def start(self, step: str, count: int = 1, *, who: str = "alice", **options: Any) -> Batch:
        return self.start_for(step, [Subject(new_id(), f"小程序{n}") for n in range(count)], who=who, **options)

    def start_for(self, step: str, subjects: list[Subject], *, who: str = "alice", **options: Any) -> Batch:
        acting = self.cast.who[who]
        with tenant_session(acting.provider_id) as db:
            return start_batch(db, step, subjects, who=acting, **options)

    def start_one(self, step: str, subject: Subject | None = None) -> BatchItem:
        with tenant_session(self.cast.alices) as db:
            return start_one(db, step, subject or Subject(new_id(), "小程序"), who=self.cast.who["alice"])

    def batch(self, batch_id: UUID) -> Batch:
        with platform_session("test") as db:
            return load_batch(db, batch_id)

    def items(self, batch: Batch) -> list[BatchItem]:
        with platform_session("test") as db:
            return list(db.scalars(select(BatchItem).where(BatchItem.batch_id == batch.id).order_by(BatchItem.id)))

    def states(self, batch: Batch) -> list[str]:
        return [item.status for item in self.items(batch)]

    def progress(self, batch: Batch) -> Progress:
        with tenant_session(batch.provider_id) as db:
            return progress(db, load_batch(db, batch.id))

    def do(self, service: Callable[..., Any], batch: Batch, **options: Any) -> Any:
        """A service that steers, as a request would call it."""
        with tenant_session(batch.provider_id) as db:
            return service(db, load_batch(db, batch.id), who=self.cast.who["alice"], **options)

    def pump_job(self, batch: Batch) -> UUID:
        """The newest job of the batch's pump."""
        query = select(Job.id).where(Job.name == PUMP, Job.subject == str(batch.id)).order_by(Job.id.desc()).limit(1)
        with platform_session("test") as db:
            return db.scalars(query).one()


@pytest.fixture
def desk(cast: Cast) -> Desk:
    return Desk(cast)
