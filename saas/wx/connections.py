"""How the client's requests get to WeChat: HTTP/1.1 by the standard library, or httpx2 where there is a proxy.

A train makes hundreds of calls a second, and httpx2, written in Python down to the state machine of its connections,
takes five times as long of the processor as these. Answers are parsed by `http.client`.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import select
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx2

_Origin = tuple[str, str, int]
_PORTS = {"http": 80, "https": 443}
_LARGEST = 64 << 20
"""Bytes of an answer with all that frames it; what WeChat sends is pictures, at most."""
_WITHOUT_CONTENT = frozenset({204, 304})


@dataclass(frozen=True)
class Answer:
    status: int
    content_type: str
    content: bytes


class NotSent(Exception):
    """Nobody could be reached, so the request did not go out."""


class NoAnswer(Exception):
    """The request may have arrived; what came back, if anything, is no answer."""


class Wire(Protocol):
    """One request and its answer; redirects are not followed, nothing is sent twice.

    `target` is path and query below `base`, in ASCII; `seconds` are for sending and answering. Raises NotSent or
    NoAnswer, which name no address: WeChat's carry the access token.
    """

    def exchange(
        self,
        base: str,
        method: str,
        target: str,
        headers: Mapping[str, str],
        content: bytes | None,
        *,
        seconds: float,
        connect_seconds: float,
    ) -> Answer: ...


class ByHttpx2:
    """For proxies, which httpx2 knows, and for tests, which have a transport of their own."""

    def __init__(self, client: httpx2.Client) -> None:
        self._client = client

    def exchange(
        self,
        base: str,
        method: str,
        target: str,
        headers: Mapping[str, str],
        content: bytes | None,
        *,
        seconds: float,
        connect_seconds: float,
    ) -> Answer:
        timeout = httpx2.Timeout(seconds, connect=connect_seconds)
        try:
            got = self._client.request(method, base + target, headers=headers, content=content, timeout=timeout)
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            reason: Exception = NotSent(type(error).__name__)
        except httpx2.RequestError as error:
            reason = NoAnswer(type(error).__name__)
        else:
            return Answer(got.status_code, got.headers.get("Content-Type", ""), got.content)
        raise reason  # not from the error: it holds the request, and so the token


class Connections:
    """Keeps idle connections for the next call to the same origin, the last one used first, up to `kept` of them.

    Who answers in drips, without end or in a coding that nobody asked for has given no answer. When a kept connection
    breaks under a call, nobody knows whether it arrived. So one that the other side has closed, or that was idle for
    `idle_seconds`, is not used again.
    """

    def __init__(self, verify: ssl.SSLContext, *, kept: int = 256, idle_seconds: float = 30.0) -> None:
        self._verify = verify
        self._kept = kept
        self._idle_seconds = idle_seconds
        self._idle: dict[_Origin, deque[tuple[socket.socket, float]]] = {}
        self._lock = threading.Lock()

    def exchange(
        self,
        base: str,
        method: str,
        target: str,
        headers: Mapping[str, str],
        content: bytes | None,
        *,
        seconds: float,
        connect_seconds: float,
    ) -> Answer:
        origin, host, prefix = _parts(base)
        request = _written(host, method, prefix + target, headers, content)
        connection = self._take(origin) or self._connect(origin, connect_seconds)
        ends = time.monotonic() + seconds
        try:
            _send(connection, request, ends)
            got = http.client.HTTPResponse(_Incoming(connection, ends), method=method)  # type: ignore[arg-type]
            with contextlib.closing(got):
                got.begin()
                _refuse_unasked(got)
                content, reusable = got.read(), not got.will_close and _has_content(got.status)
        except (OSError, http.client.HTTPException, ValueError, MemoryError, OverflowError) as error:
            connection.close()
            raise NoAnswer(type(error).__name__) from error
        except BaseException:
            connection.close()
            raise
        if reusable:
            self._give_back(origin, connection)
        else:
            connection.close()
        return Answer(got.status, got.headers.get("Content-Type", ""), content)

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, {}
        for kept in idle.values():
            for connection, _ in kept:
                connection.close()

    def _take(self, origin: _Origin) -> socket.socket | None:
        oldest = time.monotonic() - self._idle_seconds
        while True:
            with self._lock:
                kept = self._idle.get(origin)
                if not kept:
                    return None
                connection, since = kept.pop()
            if since > oldest and not _has_something_to_read(connection):
                return connection
            connection.close()

    def _give_back(self, origin: _Origin, connection: socket.socket) -> None:
        now, over = time.monotonic(), []
        with self._lock:
            kept = self._idle.setdefault(origin, deque())
            kept.append((connection, now))
            while kept and (len(kept) > self._kept or kept[0][1] <= now - self._idle_seconds):
                over.append(kept.popleft()[0])
        for old in over:
            old.close()

    def _connect(self, origin: _Origin, seconds: float) -> socket.socket:
        scheme, host, port = origin
        try:
            connection = socket.create_connection((host, port), seconds)
            try:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return self._verify.wrap_socket(connection, server_hostname=host) if scheme == "https" else connection
            except BaseException:
                connection.close()
                raise
        except OSError as error:
            raise NotSent(type(error).__name__) from error


@lru_cache(maxsize=100)
def _parts(base: str) -> tuple[_Origin, str, str]:
    """Where to connect, the Host header, and what every path begins with."""
    parts = urlsplit(base)
    assert parts.hostname, base
    port = parts.port or _PORTS[parts.scheme]
    return (parts.scheme, parts.hostname, port), parts.netloc.rpartition("@")[2], parts.path.rstrip("/")


def _written(host: str, method: str, target: str, headers: Mapping[str, str], content: bytes | None) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", *(f"{name}: {value}" for name, value in headers.items())]
    if content is not None:
        lines.append(f"Content-Length: {len(content)}")
    if any("\r" in line or "\n" in line for line in lines) or target.count(" "):
        raise ValueError("a request with a line break or a space in it")
    return "\r\n".join([*lines, "", ""]).encode("ascii") + (content or b"")


class _AnswerTooLarge(http.client.HTTPException):
    """More than anybody asked for."""


class _ContentCoded(http.client.HTTPException):
    """Compressed, although only the plain content is accepted."""


class _Incoming(io.RawIOBase):
    """What comes in on a connection, headers and framing too: until a moment, and not without end."""

    def __init__(self, connection: socket.socket, ends: float) -> None:
        self._connection, self._ends, self._room = connection, ends, _LARGEST

    def makefile(self, _mode: str) -> io.BufferedReader:
        """How `http.client` opens its end; closing that leaves the connection open."""
        return io.BufferedReader(self, 1 << 16)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._connection.settimeout(_rest(self._ends))
        count = self._connection.recv_into(buffer)
        self._room -= count
        if self._room < 0:
            raise _AnswerTooLarge
        return count


def _send(connection: socket.socket, request: bytes, ends: float) -> None:
    left = memoryview(request)
    while left:
        connection.settimeout(_rest(ends))
        left = left[connection.send(left) :]


def _rest(ends: float) -> float:
    rest = ends - time.monotonic()
    if rest <= 0:
        raise TimeoutError
    return rest


def _refuse_unasked(got: http.client.HTTPResponse) -> None:
    """Before anything is set aside for it."""
    if (got.length or 0) > _LARGEST:
        raise _AnswerTooLarge
    if got.getheader("Content-Encoding", "identity").strip().lower() not in ("identity", ""):
        raise _ContentCoded


def _has_content(status: int) -> bool:
    """Else `http.client` reads none, and what may come in nevertheless must not be the next call's answer."""
    return status >= 200 and status not in _WITHOUT_CONTENT


def _has_something_to_read(connection: socket.socket) -> bool:
    """Between two calls that is the end of the connection, or what nobody asked for."""
    if isinstance(connection, ssl.SSLSocket) and connection.pending():
        return True
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))
