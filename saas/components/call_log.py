"""Writing the call log: a row at once where somebody looks, in groups where hundreds of calls a second are made.

A group holds back its rows for half a second at most while calls go on. A process that is killed loses those; they tell
of calls, nothing depends on them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from sqlalchemy import insert

from saas.components.models import WeChatCall
from saas.db import tenant_session

_MOST = 200
_SECONDS = 0.5

_group: ContextVar[_Group | None] = ContextVar("call_log", default=None)


@contextmanager
def grouped() -> Iterator[None]:
    """Calls of one provider that are made inside, in whatever thread that copies the context, are written in groups."""
    group = _Group()
    before = _group.set(group)
    try:
        yield
    finally:
        _group.reset(before)
        group.write()


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
            is_due = len(self._rows) >= _MOST or now - self._since > _SECONDS
        if is_due:
            self.write()

    def write(self) -> None:
        with self._lock:
            rows, self._rows = self._rows, []
        if rows:
            _write(rows)


def _write(rows: list[dict[str, Any]]) -> None:
    with tenant_session(rows[0]["provider_id"]) as db:
        db.execute(insert(WeChatCall), rows)
