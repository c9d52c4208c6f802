from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import TimeoutError as PoolTimeout

from saas import db as database
from saas.components import keeping, refusals
from saas.components.keeping import Kept, keep
from saas.components.models import Callback, ComponentApp
from saas.db import new_id, platform_session, run_at_once, tenant_session
from saas.embedded import EmbeddedPostgres
from saas.queue import Job, Lane
from tests.cast import Cast
from tests.components.conftest import AES_KEY, SECRET, TOKEN
from tests.components.conftest import component as component


@pytest.fixture
def other(cast: Cast) -> ComponentApp:
    """Charlie's component app."""
    with tenant_session(cast.charlies) as db:
        row = ComponentApp(provider_id=cast.charlies, key="charlieskey", name="查理平台", appid="wx8a2b1c3d4e5f6072")
        row.secret, row.token, row.aes_key = SECRET, TOKEN, AES_KEY
        db.add(row)
    return row


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
        except Exception as error:
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


@contextmanager
def locked(component: ComponentApp) -> Iterator[None]:
    """Somebody works on the row for long."""
    with database.engine("platform").begin() as connection:
        connection.execute(text("select 1 from component_apps where id = :id for update"), {"id": component.id})
        yield


@contextmanager
def counted_attempts(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> Iterator[list[int]]:
    """The database answers every statement with this error; how many pushes each had."""
    attempts: list[int] = []

    def fail(_statement: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
        attempts.append(values["pushes"].count('"job_id"'))
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(keeping, "run_at_once", fail)
        yield attempts


def test_a_component_app_whose_row_is_locked_does_not_refuse_the_others_pushes(
    component: ComponentApp, other: ComponentApp
) -> None:
    pushes = [push(component, 1), push(component, 2), push(other, 3), push(other, 4)]
    with locked(component):
        started = time.monotonic()
        answers = keep_together(pushes)
        assert time.monotonic() - started < 3  # together, and once more for the first of those that are locked
    assert [type(answer) for answer in answers[:2]] == [psycopg.errors.LockNotAvailable] * 2
    assert answers[2:] == [True, True]
    assert keep(push(component, 1))


@pytest.mark.parametrize(
    "error",
    [PoolTimeout(), psycopg.OperationalError(), psycopg.errors.QueryCanceled(), psycopg.errors.ProgramLimitExceeded()],
    ids=lambda error: type(error).__name__,
)
def test_what_would_befall_each_push_alone_is_not_repeated(
    component: ComponentApp, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    with counted_attempts(monkeypatch, error) as attempts:
        assert keep_together([push(component, number) for number in range(3)]) == [error] * 3
    assert attempts == [3]


def test_push_by_push_is_tried_for_some_seconds_only(component: ComponentApp, monkeypatch: pytest.MonkeyPatch) -> None:
    pushes = [push(component, number) for number in range(3)]
    error = psycopg.errors.DeadlockDetected()
    with counted_attempts(monkeypatch, error) as attempts:
        assert keep_together(pushes) == [error] * 3
        assert attempts == [3, 1, 1, 1]
        attempts.clear()
        monkeypatch.setattr(keeping, "_REPEAT_SECONDS", 0.0)
        assert keep_together([push(component, number) for number in range(3)]) == [error] * 3
        assert attempts == [3]


def test_whoever_is_stopped_while_writing_leaves_nobody_waiting(
    component: ComponentApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits, mine = push(component, 1), push(component, 2)
    keeping._waiting.append(waits)
    with counted_attempts(monkeypatch, KeyboardInterrupt()), pytest.raises(KeyboardInterrupt):
        keep(mine)
    assert waits.done
    assert isinstance(waits.error, keeping.NotKept)
    assert keep(push(component, 1))


def test_the_statement_bears_to_be_run_twice(component: ComponentApp, monkeypatch: pytest.MonkeyPatch) -> None:
    def twice(statement: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
        """As when the connection dies between the commit and the answer."""
        run_at_once(statement, values)
        return run_at_once(statement, values)

    with monkeypatch.context() as patched:
        patched.setattr(keeping, "run_at_once", twice)
        assert keep(push(component, 1))
    assert [row.times_seen for row in rows(component).values()] == [1]
    assert len(jobs()) == 1
    assert not keep(push(component, 1))
    assert [row.times_seen for row in rows(component).values()] == [2]


def test_a_flood_of_refusals_leaves_connections_to_the_pushes(component: ComponentApp) -> None:
    with ThreadPoolExecutor(8) as pool:
        with locked(component):
            noting = [
                pool.submit(refusals.note_refusal, component.provider_id, component.id, "signature") for _ in range(8)
            ]
            at_once = database.engine("at once").pool
            most = 0
            while not all(one.done() for one in noting):
                most = max(most, at_once.checkedout())  # type: ignore[attr-defined]
                time.sleep(0.01)
            for one in noting:
                one.result()  # what cannot be counted is no error
        assert most == 2
    refusals.note_refusal(component.provider_id, component.id, "signature")
    with tenant_session(component.provider_id) as db:
        assert db.get_one(ComponentApp, component.id).callbacks_refused == 1


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
