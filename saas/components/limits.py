"""How fast WeChat may be called, and by how many at once: counted over all processes in Redis.

The rate is held per component app, mini program and limit of `saas.wx.limits`; the number of calls under way per
component app. Bulk work and polling leave a fifth of a component app's rate to what people wait for, and only bulk work
is held to the number under way: a person queues behind no train. Without Redis each process counts for itself: slower
work is no harm, a stopped one would be.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

import redis
from redis.exceptions import NoScriptError

from saas.config import settings
from saas.queue import Lane, lane_now, redis_connection
from saas.wx.contract.operations import Operation
from saas.wx.limits import limits_of

_LONGEST_WAIT = 10.0
_LONGEST_PAUSE = 1.0
_SHORTEST_PAUSE = 0.01
_REDIS_PAUSE = 5.0
_LONGEST_CALL_MS = 35_000
"""After so long a call no longer counts as under way: its process was killed, or it uploads something large."""
_RESERVED = 5
"""One in so many calls a second is left to others than bulk work and polling."""
_PATIENT = frozenset({Lane.BULK, Lane.POLL})

# KEYS: the places of calls under way, then the windows. ARGV: the most places (0: no place is needed), the place's
# name, how long it is held at most; then limit and seconds of each window. Answers the milliseconds to wait, or 0 when
# everything is taken. When places are short that is about 50, differently for each, since all ask again. A window that
# lost its end gets one.
_TAKE = """
local wait = 0
for i = 2, #KEYS do
  if tonumber(redis.call('get', KEYS[i]) or '0') >= tonumber(ARGV[2 * i]) then
    local rest = redis.call('pttl', KEYS[i])
    if rest < 0 then
      redis.call('expire', KEYS[i], ARGV[2 * i + 1])
      rest = ARGV[2 * i + 1] * 1000
    end
    wait = math.max(wait, rest, 1)
  end
end
if wait > 0 then return wait end
local most = tonumber(ARGV[1])
if most > 0 then
  local time = redis.call('time')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  if not redis.call('zscore', KEYS[1], ARGV[2]) then
    redis.call('zremrangebyscore', KEYS[1], '-inf', now)
    if redis.call('zcard', KEYS[1]) >= most then return 35 + time[2] % 31 end
  end
  redis.call('zadd', KEYS[1], now + ARGV[3], ARGV[2])
  redis.call('pexpire', KEYS[1], ARGV[3])
end
for i = 2, #KEYS do
  if redis.call('incr', KEYS[i]) == 1 then redis.call('expire', KEYS[i], ARGV[2 * i + 1]) end
end
return 0
"""


@dataclass(frozen=True)
class _Window:
    """So many calls in so many seconds, counted under a name."""

    name: str
    limit: int
    seconds: int = 1


def rate_limiter(component_id: UUID) -> Callable[[Operation, str | None], Callable[[], None]]:
    """The client's hook: waits until the next call fits into its second and finds a place among those under way; what
    it returns is to be called when that call has ended. After ten seconds a call goes anyway."""

    def wait_for_turn(operation: Operation, appid: str | None) -> Callable[[], None]:
        lane = lane_now()
        windows = _windows(component_id, operation, appid, leave_some=lane in _PATIENT)
        if lane is not Lane.BULK:
            _wait(component_id, windows, 0, "")
            return _nothing
        most = settings().wechat_calls_at_once
        here = _here(component_id)
        place = here.enter(most)
        try:
            _wait(component_id, windows, most, place)
        except BaseException:
            here.leave(place)
            raise
        return lambda: here.leave(place)

    return wait_for_turn


def _nothing() -> None:
    pass


def _windows(component_id: UUID, operation: Operation, appid: str | None, *, leave_some: bool) -> list[_Window]:
    own, name, found = settings(), f"wx:rate:{component_id}", []
    for limit in limits_of(operation.id):
        rate = own.wechat_limits.get(limit.name, limit.amount)
        if limit.period.seconds is not None and rate is not None:
            found.append(_Window(f"{name}:{limit.owner(appid, {})}:{limit.name}", rate, limit.period.seconds))
    rate = own.wechat_calls_per_second
    reserved = max(1, rate // _RESERVED) if leave_some else 0
    found.append(_Window(name, max(1, rate - reserved)))
    if appid:
        found.append(_Window(f"{name}:{appid}", own.wechat_program_calls_per_second))
    return found


def _wait(component_id: UUID, windows: list[_Window], most: int, place: str) -> None:
    ends = time.monotonic() + _LONGEST_WAIT
    while (rest := _take(component_id, windows, most, place)) > 0 and time.monotonic() < ends:
        time.sleep(min(max(rest, _SHORTEST_PAUSE), _LONGEST_PAUSE))


def _take(component_id: UUID, windows: list[_Window], most: int, place: str) -> float:
    """Count the call everywhere, or nowhere; answers the seconds to wait in the second case."""
    if time.monotonic() >= _memory.redis_again_at:
        keys = [_places_key(component_id), *(window.name for window in windows)]
        given: list[str | int] = [most, place, _LONGEST_CALL_MS]
        for window in windows:
            given += (window.limit, window.seconds)
        try:
            return _run_script(keys, given) / 1000
        except (redis.RedisError, OSError):
            _memory.redis_again_at = time.monotonic() + _REDIS_PAUSE
    return _memory.take(windows)


def _run_script(keys: list[str], given: list[str | int]) -> int:
    connection = redis_connection()
    try:
        return int(connection.evalsha(_TAKE_SHA, len(keys), *keys, *given))
    except NoScriptError:
        return int(connection.eval(_TAKE, len(keys), *keys, *given))


_TAKE_SHA = hashlib.sha1(_TAKE.encode()).hexdigest()  # noqa: S324 - Redis's own name for a script


def _places_key(component_id: UUID) -> str:
    return f"wx:under-way:{component_id}"


class _Here:
    """The calls of bulk work that this process has under way for one component app.

    A call that ends hands its place to the next that waits in this process: Redis is told only when nobody does. The
    places of a killed process are free again after `_LONGEST_CALL_MS`.
    """

    def __init__(self, component_id: UUID) -> None:
        self._key = _places_key(component_id)
        self._lock = threading.Lock()
        self._count = 0
        self._waiting: deque[_Waiting] = deque()

    def enter(self, most: int) -> str:
        """Wait for a place of this process's; answers its name."""
        with self._lock:
            if self._count < most:
                self._count += 1
                return secrets.token_hex(8)
            me = _Waiting()
            self._waiting.append(me)
        me.called.acquire(timeout=_LONGEST_WAIT)
        with self._lock:
            if me.place is None:  # ten seconds: it goes anyway
                self._waiting.remove(me)
                self._count += 1
                me.place = secrets.token_hex(8)
        return me.place

    def leave(self, place: str) -> None:
        with self._lock:
            if self._waiting:
                first = self._waiting.popleft()
                first.place = place
                first.called.release()
                return
            self._count -= 1
        try:
            redis_connection().zrem(self._key, place)
        except (redis.RedisError, OSError):
            _memory.redis_again_at = time.monotonic() + _REDIS_PAUSE


class _Waiting:
    def __init__(self) -> None:
        self.called = threading.Lock()
        self.called.acquire()
        self.place: str | None = None


@lru_cache(maxsize=10_000)
def _here(component_id: UUID) -> _Here:
    return _Here(component_id)


class _Memory:
    def __init__(self) -> None:
        self.redis_again_at = 0.0
        self._lock = threading.Lock()
        self._windows: dict[str, tuple[float, int]] = {}

    def take(self, windows: list[_Window]) -> float:
        now = time.monotonic()
        with self._lock:
            self._windows = {name: window for name, window in self._windows.items() if window[0] > now}
            found = [(window, *self._windows.get(window.name, (now + window.seconds, 0))) for window in windows]
            wait = max((ends - now for window, ends, count in found if count >= window.limit), default=0.0)
            if wait <= 0:
                self._windows |= {window.name: (ends, count + 1) for window, ends, count in found}
            return wait


_memory = _Memory()
