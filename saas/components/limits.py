"""How fast WeChat may be called, per component app, mini program and limit, counted over all processes in Redis.

Without Redis each process counts for itself: slower work is no harm, a stopped one would be.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from uuid import UUID

import redis

from saas.config import settings
from saas.queue import redis_connection
from saas.wx.contract.operations import Operation
from saas.wx.limits import limits_of

_LONGEST_WAIT = 10.0
_LONGEST_PAUSE = 1.0
_REDIS_PAUSE = 5.0


def rate_limiter(component_id: UUID) -> Callable[[Operation, str | None], None]:
    """The client's hook: waits until the next call fits into its second; after ten seconds it goes anyway."""

    def wait_for_turn(operation: Operation, appid: str | None) -> None:
        for limit in limits_of(operation.id):
            rate = settings().wechat_limits.get(limit.name, limit.amount)
            if limit.period.seconds is not None and rate is not None:
                owner = limit.owner(appid, {})
                _take(f"wx:rate:{component_id}:{owner}:{limit.name}", rate, limit.period.seconds)
        _take(f"wx:rate:{component_id}", settings().wechat_calls_per_second)
        if appid:
            _take(f"wx:rate:{component_id}:{appid}", settings().wechat_program_calls_per_second)

    return wait_for_turn


def _take(name: str, limit: int, seconds: int = 1) -> None:
    waited = 0.0
    while waited < _LONGEST_WAIT:
        count, rest = _count(name, seconds)
        if count <= limit:
            return
        pause = min(max(rest, 0.01), _LONGEST_PAUSE)
        time.sleep(pause)
        waited += pause


def _count(name: str, seconds: int) -> tuple[int, float]:
    """This call's number in the running window, and the seconds until the window ends."""
    if time.monotonic() >= _memory.redis_again_at:
        try:
            with redis_connection().pipeline(transaction=True) as pipe:
                pipe.set(name, 0, ex=seconds, nx=True)
                pipe.incr(name)
                pipe.pttl(name)
                _, count, rest = pipe.execute()
            return int(count), int(rest) / 1000
        except (redis.RedisError, OSError):
            _memory.redis_again_at = time.monotonic() + _REDIS_PAUSE
    return _memory.count(name, seconds)


class _Memory:
    def __init__(self) -> None:
        self.redis_again_at = 0.0
        self._lock = threading.Lock()
        self._windows: dict[str, tuple[float, int]] = {}

    def count(self, name: str, seconds: int) -> tuple[int, float]:
        now = time.monotonic()
        with self._lock:
            ends, count = self._windows.get(name, (0.0, 0))
            if ends <= now:
                self._windows = {key: window for key, window in self._windows.items() if window[0] > now}
                ends, count = now + seconds, 0
            self._windows[name] = ends, count + 1
            return count + 1, ends - now


_memory = _Memory()
