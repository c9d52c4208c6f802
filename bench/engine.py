"""A train of 1,000 mini programs with three calls each, against the ideal: calls x latency / calls in flight.

What is measured is everything that happens to a batch: ring, worker, pump, claims, sessions, tokens, limiter, budgets,
the client, the call log. The other side is `bench.endpoint`, which says why. `python -m bench.engine worker` is the
worker process: it knows a step that only this bench has.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from bench.installation import Installation, cpu_seconds
from bench.table import Figure
from jobs import worker
from saas import clock, logs
from saas import db as database
from saas.batches import steps
from saas.batches.models import Batch, BatchItem, BatchStatus, ItemStatus
from saas.batches.starting import Subject, start_batch
from saas.components.access import load_component
from saas.components.models import AccessTokenRow, ComponentApp, ComponentStatus, WeChatCall
from saas.components.wechat import wechat
from saas.config import settings
from saas.db import new_id, settle
from saas.programs.access import load_program
from saas.programs.models import Program
from saas.tenants.access import Who
from tests.cast import make_cast
from tests.demo.running import until

STEP = "saas.batches.steps.bench"
_PROGRAMS, _CALLS = 1000, 3
_ROUNDS = [  # calls at once, milliseconds that each takes, what is to be reached of the ideal
    (64, 100, 0.95),
    (256, 400, 0.85),
]
_CPU_MS = 1.5


def step(db: Session, item: BatchItem) -> dict[str, Any]:
    """What a train does to a mini program, one call each: upload, submission, release."""
    program = load_program(db, item.subject_id)
    component = load_component(db, program.component_id)
    settle(db)
    client = wechat(component)
    client.code.commit(program.appid, template_id=7, ext_json="{}", user_version="1.0.0", user_desc="新版点单")
    audit = client.code.submit_audit(program.appid, version_desc="新版点单")
    client.release.release(program.appid)
    return {"auditid": audit["auditid"]}


def measure(folder: Path) -> Iterator[Figure]:
    for at_once, milliseconds, target in _ROUNDS:
        limits = {"DAIBAN_WECHAT_CALLS_AT_ONCE": str(at_once), "DAIBAN_BATCH_CONCURRENCY": str(round(at_once * 1.25))}
        with Installation(folder / f"engine-{at_once}", DAIBAN_DATABASE_POOL="40", **limits) as here:
            url = here.start_endpoint(milliseconds)
            work = here.start("-m", "bench.engine", "worker", environment={"DAIBAN_WECHAT_API_URL": url})
            who, programs = _fleet(_PROGRAMS)
            _run(who, programs[:at_once])  # connections are made, modules loaded
            httpx2.post(f"{url}/counts", trust_env=False)
            cpu = cpu_seconds(work)
            took = _run(who, programs)
            cpu = cpu_seconds(work) - cpu
            told = httpx2.get(f"{url}/counts", trust_env=False).json()
            calls = _PROGRAMS * _CALLS
            assert told["calls"] == calls, told
            assert told["most"] <= at_once, told
            expected = calls + at_once * _CALLS
            until(lambda expected=expected: _logged() == expected, 20, "the call log")  # type: ignore[misc]
            ideal = calls * milliseconds / 1000 / at_once
            what = f"{_PROGRAMS:,} × {_CALLS} calls of {milliseconds} ms, {at_once} at once"
            yield Figure("engine", f"{what}: of the ideal speed", ideal / took, at_least=target, seconds=took)
            yield Figure("engine", f"{what}: CPU ms per call", cpu * 1000 / calls, at_most=_CPU_MS)


def _fleet(count: int) -> tuple[Who, list[tuple[UUID, str]]]:
    """A provider with a component app that works and so many mini programs with tokens."""
    cast = make_cast()
    who, provider_id = cast.who["alice"], cast.alices
    expires = clock.now() + timedelta(hours=2)
    with database.tenant_session(provider_id) as db:
        component = ComponentApp(
            provider_id=provider_id, key="bench", name="bench", appid="wxbench", status=ComponentStatus.READY
        )
        db.add(component)
        db.flush()
        rows = [
            {
                "id": new_id(), "provider_id": provider_id, "component_id": component.id, "appid": f"wx{number:016x}",
                "name": f"门店{number}号", "company_name": "公司", "permission_sets": [1, 17, 18], "profile": {},
                "ext_values": {},
            }
            for number in range(count)
        ]  # fmt: skip
        db.execute(insert(Program), rows)
        for row in rows:
            token = AccessTokenRow(
                provider_id=provider_id, component_id=component.id, appid=row["appid"], expires_at=expires
            )
            token.value = f"token-of-{row['appid']}"
            db.add(token)
    return who, [(row["id"], str(row["name"])) for row in rows]


def _run(who: Who, programs: list[tuple[UUID, str]]) -> float:
    """Seconds from the click to the end of the batch."""
    with database.tenant_session(who.provider_id) as db:
        batch_id = start_batch(db, STEP, [Subject(*one) for one in programs], who=who).id
    begun = time.perf_counter()
    query = select(Batch.status).where(Batch.id == batch_id)

    def over() -> bool:
        with database.tenant_session(who.provider_id) as db:
            return db.scalar(query) == BatchStatus.DONE

    end = time.monotonic() + 120
    while not over():
        assert time.monotonic() < end, "the batch never ended"
        time.sleep(0.02)
    took = time.perf_counter() - begun
    with database.tenant_session(who.provider_id) as db:
        counts = db.execute(
            select(BatchItem.status, func.count()).where(BatchItem.batch_id == batch_id).group_by(BatchItem.status)
        ).all()
    assert [tuple(row) for row in counts] == [(ItemStatus.DONE, len(programs))], counts
    return took


def _logged() -> int:
    with database.platform_session("count the bench's calls") as db:
        return db.scalar(select(func.count()).select_from(WeChatCall)) or 0


steps.STEPS[STEP] = steps.Step(STEP, "", step, 1)

if __name__ == "__main__" and sys.argv[1:] == ["worker"]:
    logs.configure(settings())
    worker.work(settings())
