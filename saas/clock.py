"""The only source of time."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

_seen: tuple[float, timedelta] = (-1.0, timedelta(0))


def now() -> datetime:
    """The present moment, aware, in UTC.

    In demo and tests ``DAIBAN_CLOCK_FILE`` names a file that holds seconds to add (the sandbox writes it when its
    clock is moved), so that both sides live in the same moment. `saas.config` refuses it in production.
    """
    return datetime.now(UTC) + offset()


def offset() -> timedelta:
    """How far ahead of real time that is; only what is compared with real time needs it."""
    global _seen
    name = os.environ.get("DAIBAN_CLOCK_FILE")
    if not name:
        return timedelta(0)
    path = Path(name)
    try:
        changed = path.stat().st_mtime
        if changed != _seen[0]:
            _seen = (changed, timedelta(seconds=float(path.read_text() or 0)))
    except (OSError, ValueError):
        return timedelta(0)
    return _seen[1]
