"""Writing the call log: a row at once where somebody looks, in groups where hundreds of calls a second are made.

A group holds back its rows for half a second at most while calls go on, and for longer while the database is away. A
process that is killed loses those; they tell of calls, nothing depends on them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import structlog
from sqlalchemy.dialects.postgresql import insert

from saas.components.models import WeChatCall
from saas.db import is_unkeepable, tenant_session

log = structlog.get_logger()

_MOST = 200
_SECONDS = 0.5
_KEPT = 2000
"""How many rows a group keeps while they cannot be written; beyond that the oldest are lost."""

_group: ContextVar[_Group | None] = ContextVar("call_log", default=None)


@contextmanager
def grouped() -> Iterator[None]:
    """Calls of one provider that are made inside, in whatever thread that copies the context, are written in groups.

    Those who work inside never learn that a row could not be written.
    """
    group = _Group()
    before = _group.set(group)
    try:
        yield
    finally:
        _group.reset(before)
        group.end()


def write(row: dict[str, Any]) -> None:
    """Keep a row, now or with its group."""
    group = _group.get()
    if group is None:
        _write([row])
    else:
        group.add(row)


class _Group:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: list[dict[str, Any]] = []
        self._since = 0.0

    def add(self, row: dict[str, Any]) -> None:
        now = time.monotonic()
        with self._lock:
            self._since = self._since if self._rows else now
            self._rows.append(row)
            waited = now - self._since
            is_due = waited > _SECONDS or (len(self._rows) >= _MOST and waited >= 0)
        if is_due:
            self._write()

    def end(self) -> None:
        self._write()
        if self._rows:
            log.error("call_log_lost", lost=len(self._rows))

    def _write(self) -> None:
        with self._lock:
            rows, self._rows = self._rows, []
        if not rows:
            return
        try:
            _write_all(rows)
        except Exception:
            log.exception("call_log_not_written", rows=len(rows))
            self._keep(rows)

    def _keep(self, rows: list[dict[str, Any]]) -> None:
        """They come first when it is tried again, in a while."""
        with self._lock:
            rows = rows + self._rows
            self._rows = rows[-_KEPT:]
            self._since = time.monotonic() + _SECONDS
        if len(rows) > _KEPT:
            log.error("call_log_lost", lost=len(rows) - _KEPT)


def _write_all(rows: list[dict[str, Any]]) -> None:
    """All that can be written: a row that cannot is lost alone."""
    try:
        _write(rows)
    except Exception as error:
        if not is_unkeepable(error):
            raise
        if len(rows) == 1:
            log.error("call_log_lost", lost=1, operation=rows[0]["operation"], error=str(error))
            return
        half = len(rows) // 2
        for some in (rows[:half], rows[half:]):
            _write_all(some)


def _write(rows: list[dict[str, Any]]) -> None:
    """What an attempt that broke off has written already stays as it is."""
    with tenant_session(rows[0]["provider_id"]) as db:
        db.execute(insert(WeChatCall).on_conflict_do_nothing(), rows)
