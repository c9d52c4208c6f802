"""What waiting costs the database: ten thousand open audits, one look each, against a job for each of them."""

from __future__ import annotations

import time
from uuid import UUID

import pytest
from sqlalchemy import func, insert, select, text, update

from jobs import runner
from jobs.runner import job
from saas import clock
from saas.components.models import ComponentApp, ComponentStatus
from saas.db import new_id, platform_session, tenant_session
from saas.programs import polling, polling_pump
from saas.programs.polling_models import Kind, Look
from saas.programs.rhythms import Rhythm, Standing
from saas.queue import Job, JobStatus, Lane
from tests.cast import Cast

MANY = 10_000
FEW = 400

pytestmark = pytest.mark.soak


@job()
def watch_one(db: object, _subject: UUID, _attempt: int) -> None:
    """The look of before: a job of its own, which did nothing but ask."""


def _writes() -> int:
    with platform_session("count what was written") as db:
        query = text("select sum(n_tup_ins + n_tup_upd + n_tup_del) from pg_stat_user_tables")
        db.execute(text("select pg_stat_force_next_flush()"))
        return int(db.scalar(query) or 0)


def test_looks_of_a_fleet_cost_a_pump_and_not_a_job_each(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    component_id, now = new_id(), clock.now()
    with tenant_session(cast.alices) as db:
        db.add(ComponentApp(
            id=component_id, provider_id=cast.alices, key="fleet", name="平台", appid="wxfleet",
            status=ComponentStatus.READY,
        ))  # fmt: skip
        db.flush()
        db.execute(insert(Look), [
            {
                "id": new_id(), "created_at": now, "provider_id": cast.alices, "component_id": component_id,
                "kind": Kind.REGISTRATION.value, "subject_id": new_id(), "rhythm": Rhythm.AUDIT.value, "since": now,
                "due_at": now, "hurried": 0, "failures": 0,
            }
            for _ in range(MANY)
        ])  # fmt: skip
    real = polling.find(Kind.REGISTRATION)
    nothing = polling.Polled(lambda _db, _id: Standing(Rhythm.AUDIT, now), real.open_rows)
    monkeypatch.setitem(polling._KNOWN, Kind.REGISTRATION, nothing)
    monkeypatch.setattr(polling_pump, "SLICE", 300.0)
    with platform_session("the net") as db:
        assert polling.wake_pumps(db) == 1
        pump = db.scalars(select(Job.id).where(Job.name == polling.PUMP)).one()
    before, begun = _writes(), time.perf_counter()
    runner.run(str(pump))
    pumped, writes = (time.perf_counter() - begun) / MANY, (_writes() - before) / MANY
    with tenant_session(cast.alices) as db:
        assert db.scalar(select(func.count()).select_from(Look).where(Look.due_at <= clock.now())) == 0
        assert db.scalar(select(func.count()).select_from(Job)) == 1

    name = f"{watch_one.__module__}.{watch_one.__qualname__}"
    monkeypatch.setattr(runner, "find", lambda _name: runner.JOBS[name])
    with platform_session("a job for each") as db:
        db.execute(update(Job).values(status=JobStatus.DONE))
        ids = [new_id() for _ in range(FEW)]
        db.execute(insert(Job), [
            {
                "id": one, "created_at": now, "provider_id": cast.alices, "name": name, "subject": str(new_id()),
                "lane": Lane.POLL.value, "status": JobStatus.QUEUED.value, "run_at": now, "attempt": 0, "owner": "",
                "error": "",
            }
            for one in ids
        ])  # fmt: skip
    before, begun = _writes(), time.perf_counter()
    for one in ids:
        runner.run(str(one))
    single, single_writes = (time.perf_counter() - begun) / FEW, (_writes() - before) / FEW
    print(  # noqa: T201
        f"\na look by the pump: {pumped * 1000:.2f} ms, {writes:.1f} rows written, of 10,000 open audits 1 job row; "
        f"a job for each: {single * 1000:.2f} ms and a fork, {single_writes:.1f} rows written, 10,000 job rows"
    )
    assert pumped < single
