"""The sandbox's time: the real time plus an offset that can be moved."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

_BEIJING = timezone(timedelta(hours=8))


class Clock:
    """Unix seconds. The offset lives in a file, where the program under test reads it to live in the same moment."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._seen: tuple[int, float] = (-1, 0.0)

    def now(self) -> float:
        return time.time() + self.offset

    @property
    def offset(self) -> float:
        try:
            changed = self._file.stat().st_mtime_ns
            if changed != self._seen[0]:
                self._seen = (changed, float(self._file.read_text() or 0))
        except (OSError, ValueError):
            return 0.0
        return self._seen[1]

    def move(self, seconds: float) -> float:
        """Go forward (or back) by so many seconds; answers the new offset."""
        with self._lock:
            return self._write(self.offset + seconds)

    def reset(self) -> float:
        """Go back to the real time."""
        with self._lock:
            return self._write(0.0)

    def _write(self, offset: float) -> float:
        text = str(int(offset)) if offset == int(offset) else repr(offset)
        self._file.parent.mkdir(parents=True, exist_ok=True)
        draft = self._file.with_name(self._file.name + ".new")
        draft.write_text(text)
        draft.replace(self._file)
        self._seen = (self._file.stat().st_mtime_ns, offset)
        return offset


def beijing(now: float) -> datetime:
    """The same moment in Beijing's calendar, by which WeChat counts."""
    return datetime.fromtimestamp(now, UTC).astimezone(_BEIJING)
