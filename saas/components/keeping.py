"""Keeping pushes: those that arrive together in one statement, since a commit costs the same for one and for ten.

The statement also writes the job of each new push, and the workers are told of a few of them; in a flood the sweep
finds the others within seconds. The statement bears to be run twice with the same values, as `run_at_once` demands.
"""

from __future__ import annotations

import base64
import json
import queue as queues
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg

from saas import clock
from saas.components.models import CallbackStatus
from saas.db import new_id, run_at_once
from saas.queue import JobStatus, Lane, ring

PROCESS = "jobs.callbacks.process"
_TOGETHER = 32
_RINGS, _RING_SECONDS = 8, 0.05
"""How many jobs the workers are told of in how many seconds."""

_OF_ONE = (
    psycopg.DataError, psycopg.IntegrityError, psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected,
)  # fmt: skip
"""What one push may bring upon those that are written with it; anything else would befall each of them alone, too."""

_REPEAT_SECONDS = 4.0
"""After so long nothing more is written push by push: others wait for the turn, and WeChat waits five seconds."""

_STORE = """
    with given as (
        select * from json_to_recordset(%(pushes)s::json)
        as push (id uuid, job_id uuid, provider_id uuid, component_id uuid, digest text, appid text, kind text,
            body text, happened_at timestamptz, lane text, rung boolean)
    ), stored as (
        insert into callbacks (id, created_at, provider_id, component_id, digest, appid, kind, body_sealed,
            happened_at, status, times_seen, last_seen_at, error)
        select id, %(now)s, provider_id, component_id, decode(digest, 'hex'), appid, kind, decode(body, 'base64'),
            happened_at, %(waits)s, 1, %(now)s, ''
        from given
        on conflict (component_id, digest) do update
            set times_seen = callbacks.times_seen + (callbacks.id <> excluded.id)::int,
                last_seen_at = excluded.last_seen_at
        returning id
    ), job as (
        insert into jobs (id, created_at, provider_id, name, subject, lane, status, run_at, rung_at, attempt, owner,
            error)
        select job_id, %(now)s, provider_id, %(job)s, id::text, lane, %(waiting)s, %(now)s,
            case when rung then clock_timestamp() end, 0, '', ''
        from given join stored using (id)
        on conflict do nothing
    )
    select id from stored
"""


@dataclass
class Kept:
    """A push on its way into the table. `is_new` is known once it is `done`; one that was known before is counted."""

    provider_id: UUID
    component_id: UUID
    digest: str
    appid: str
    kind: str
    body: bytes
    happened_at: datetime | None
    lane: Lane
    id: UUID = field(default_factory=new_id)
    job_id: UUID = field(default_factory=new_id)
    rung: bool = False
    done: bool = False
    is_new: bool = False
    error: Exception | None = None


class NotKept(Exception):
    """Whoever was writing it was stopped."""


_waiting: deque[Kept] = deque()
_turn = threading.Lock()


def keep(push: Kept) -> bool:
    """Store it with the job that works on it, and wait until that is durable. Says whether it is new.

    Whoever has the turn writes all that wait; meanwhile more arrive and wait for the next one.
    """
    _waiting.append(push)
    with _turn:
        while not push.done:
            _write_waiting()
    if push.error is not None:
        raise push.error
    return push.is_new


def _write_waiting() -> None:
    pushes: dict[tuple[UUID, str], Kept] = {}
    try:
        for _ in range(min(len(_waiting), _TOGETHER)):
            one = _waiting.popleft()
            if (one.component_id, one.digest) in pushes:  # a statement cannot touch a row twice
                _waiting.append(one)
            else:
                pushes[one.component_id, one.digest] = one
        if not pushes:
            return
        _write([pushes[key] for key in sorted(pushes)])  # in one order everywhere, so that no two wait for each other
    finally:
        for one in pushes.values():  # nobody waits for ever for what nobody writes any more
            if not one.done:
                one.error, one.done = NotKept(), True


def _write(pushes: Sequence[Kept]) -> None:
    """All together; when one of them may be what is wrong, one by one, so that it does not refuse the others."""
    ends = time.monotonic() + _REPEAT_SECONDS
    failed = _attempt(pushes)
    if failed is None:
        return
    locked: dict[UUID, Exception] = {}
    for one in pushes:
        error: Exception | None
        if one.component_id in locked:  # most likely the component app's row: the wait would be as long for each
            error = locked[one.component_id]
        elif len(pushes) == 1 or not isinstance(failed, _OF_ONE) or time.monotonic() >= ends:
            error = failed
        else:
            error = _attempt([one])
        if error is None:
            continue
        one.error, one.done = error, True
        if isinstance(error, psycopg.errors.LockNotAvailable):
            locked[one.component_id] = error
        elif not isinstance(error, _OF_ONE):
            failed = error


def _attempt(pushes: Sequence[Kept]) -> Exception | None:
    """Write them with one statement; what went wrong."""
    try:
        new = _store(pushes)
    except Exception as error:
        return error
    for one in pushes:
        one.is_new, one.done = one.id in new, True
    _bell.ring([(one.job_id, one.lane) for one in pushes if one.is_new and one.rung])
    return None


def _store(pushes: Sequence[Kept]) -> set[UUID]:
    for one in pushes[: _bell.free()]:
        one.rung = True
    values = {
        "pushes": json.dumps([_as_json(one) for one in pushes]),
        "now": clock.now(), "job": PROCESS, "waits": CallbackStatus.QUEUED.value, "waiting": JobStatus.QUEUED.value,
    }  # fmt: skip
    return {found for (found,) in run_at_once(_STORE, values)}


def _as_json(push: Kept) -> dict[str, Any]:
    """One text for all is put together and sent in a fraction of the time that the driver takes for arrays."""
    return {
        "id": str(push.id), "job_id": str(push.job_id), "provider_id": str(push.provider_id),
        "component_id": str(push.component_id), "digest": push.digest, "appid": push.appid, "kind": push.kind,
        "body": base64.b64encode(push.body).decode(), "lane": push.lane.value, "rung": push.rung,
        "happened_at": push.happened_at.isoformat() if push.happened_at else None,
    }  # fmt: skip


class _Bell:
    """Rings for new jobs from a thread of its own, so that a slow or dead Redis never delays an answer to WeChat; once
    for those that come together, and for so many only: a ring costs more than keeping a push."""

    def __init__(self) -> None:
        self._jobs: queues.Queue[tuple[UUID, Lane]] = queues.Queue(maxsize=2 * _RINGS)
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def free(self) -> int:
        """How many more it takes now."""
        return max(0, _RINGS - self._jobs.qsize())

    def ring(self, jobs: Sequence[tuple[UUID, Lane]]) -> None:
        with suppress(queues.Full):  # the sweep rings
            for one in jobs:
                self._jobs.put_nowait(one)
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="bell", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            jobs = [self._jobs.get()]
            with suppress(queues.Empty):
                while True:
                    jobs.append(self._jobs.get_nowait())
            ring(jobs)
            time.sleep(_RING_SECONDS)


_bell = _Bell()
