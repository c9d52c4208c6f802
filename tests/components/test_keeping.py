from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from sqlalchemy import select

from saas.components import keeping
from saas.components.keeping import Kept, keep
from saas.components.models import Callback, ComponentApp
from saas.db import new_id, platform_session, run_at_once, tenant_session
from saas.embedded import EmbeddedPostgres
from saas.queue import Job, Lane
from tests.components.conftest import component as component


def push(component: ComponentApp, number: int, **changed: Any) -> Kept:
    given: dict[str, Any] = {
        "provider_id": component.provider_id, "component_id": component.id, "digest": f"{number:064x}", "appid": "",
        "kind": "bench", "body": b"\x01\x00\xff", "happened_at": None, "lane": Lane.URGENT,
    }  # fmt: skip
    return Kept(**(given | changed))


def rows(component: ComponentApp) -> dict[bytes, Callback]:
    with tenant_session(component.provider_id) as db:
        return {row.digest: row for row in db.scalars(select(Callback))}


def jobs() -> dict[str, Job]:
    with platform_session("look at the queue") as db:
        return {job.subject: job for job in db.scalars(select(Job).where(Job.name == keeping.PROCESS))}


def keep_together(pushes: list[Kept]) -> list[bool | Exception]:
    """All while somebody else has the turn, so that they wait and go in one statement."""

    def attempt(one: Kept) -> bool | Exception:
        try:
            return keep(one)
        except psycopg.Error as error:
            return error

    with ThreadPoolExecutor(len(pushes)) as pool:
        with keeping._turn:
            answers = [pool.submit(attempt, one) for one in pushes]
            for _ in range(100):
                if len(keeping._waiting) == len(pushes):
                    break
                threading.Event().wait(0.02)
        return [answer.result() for answer in answers]


def transactions() -> int:
    ((number,),) = run_at_once("select txid_current()", {})
    return int(number)


def test_pushes_that_arrive_together_are_one_transaction_with_a_job_each(component: ComponentApp) -> None:
    pushes, before = [push(component, number) for number in range(12)], transactions()
    assert keep_together(pushes) == [True] * 12
    assert transactions() == before + 2
    kept, waiting = rows(component), jobs()
    assert [kept[bytes.fromhex(one.digest)].id for one in pushes] == [one.id for one in pushes]
    assert all(row.body_sealed == b"\x01\x00\xff" for row in kept.values())
    assert set(waiting) == {str(one.id) for one in pushes}
    assert sum(job.rung_at is None for job in waiting.values()) == 4  # the sweep rings for those


def test_a_push_that_comes_twice_at_once_is_kept_once_and_counted(component: ComponentApp) -> None:
    assert sorted(keep_together([push(component, 1), push(component, 2), push(component, 1)])) == [False, True, True]
    assert sorted(row.times_seen for row in rows(component).values()) == [1, 2]
    assert len(jobs()) == 2


def test_a_push_that_cannot_be_kept_does_not_refuse_the_others(component: ComponentApp) -> None:
    good, bad = push(component, 1), push(component, 2, component_id=new_id())
    answers = keep_together([bad, good])
    assert isinstance(answers[0], psycopg.errors.ForeignKeyViolation)
    assert answers[1] is True
    assert set(rows(component)) == {bytes.fromhex(good.digest)}


def test_connections_that_died_with_the_database_are_replaced(
    component: ComponentApp, postgres: EmbeddedPostgres
) -> None:
    assert keep(push(component, 1))
    with postgres.superuser() as connection:
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'daiban at once'"
        )
    assert keep(push(component, 2))
    assert len(rows(component)) == 2


@pytest.mark.parametrize("kind", ["", "中文", "a'b\"c\\"])
def test_texts_are_kept_as_they_came(component: ComponentApp, kind: str) -> None:
    keep(push(component, 1, kind=kind))
    (row,) = rows(component).values()
    assert row.kind == kind
