"""How the client's requests get to WeChat: HTTP/1.1 over plain sockets, or httpx2 where there is a proxy.

A train makes hundreds of calls a second, and httpx2, written in Python down to the state machine of its connections,
takes five times as long of the processor as these. Answers are parsed by `httptools`, whose parser is that of Node.
"""

from __future__ import annotations

import select
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol
from urllib.parse import urlsplit

import httptools
import httpx2

_Origin = tuple[str, str, int]
_PORTS = {"http": 80, "https": 443}
_LARGEST = 64 << 20
"""Bytes of an answer with all that frames it; what WeChat sends is pictures, at most."""
_CONTINUE = 100
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
            got = _Incoming().read(connection, ends)
        except (OSError, httptools.HttpParserError, _NoWholeAnswer) as error:
            connection.close()
            raise NoAnswer(type(error).__name__) from error
        except BaseException:
            connection.close()
            raise
        if got.is_reusable:
            self._give_back(origin, connection)
        else:
            connection.close()
        return Answer(got.status, got.headers.get("content-type", ""), b"".join(got.parts))

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


class _NoWholeAnswer(Exception):
    """What came in is not an answer, or not one that anybody asked for."""


class _AnswerTooLarge(_NoWholeAnswer):
    """More than anybody asked for, headers and framing too."""


class _ContentCoded(_NoWholeAnswer):
    """Compressed, although only the plain content is accepted."""


class _IncompleteRead(_NoWholeAnswer):
    """The connection ended first."""


class _Incoming:
    """One answer as it comes in: until a moment, and not without end. What only announces another is passed over."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.parts: list[bytes] = []
        self.is_reusable = False
        self._is_whole = False
        self._parser = httptools.HttpResponseParser(self)

    def read(self, connection: socket.socket, ends: float) -> _Incoming:
        room = _LARGEST
        while not self._is_whole:
            connection.settimeout(_rest(ends))
            got = connection.recv(1 << 16)
            if not got:
                self._end()
                break
            room -= len(got)
            if room < 0:
                raise _AnswerTooLarge
            self._feed(got)
        return self

    def _feed(self, got: bytes) -> None:
        try:
            self._parser.feed_data(got)
        except httptools.HttpParserError as error:
            self.is_reusable = False
            if not self._is_whole:
                raise error.__context__ or error from None

    def on_message_begin(self) -> None:
        self.is_reusable = False  # what follows a whole answer was asked by nobody

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._is_whole:
            self.headers.setdefault(name.decode("latin-1").lower(), value.decode("latin-1").strip())

    def on_headers_complete(self) -> None:
        if self._is_whole:
            return
        self.status = self._parser.get_status_code()
        length = self.headers.get("content-length", "")
        if length.isdecimal() and (len(length) > 18 or int(length) > _LARGEST):
            raise _AnswerTooLarge
        if self.headers.get("content-encoding", "identity").lower() not in ("identity", ""):
            raise _ContentCoded

    def on_body(self, part: bytes) -> None:
        if not self._is_whole:
            self.parts.append(part)

    def on_message_complete(self) -> None:
        if self._is_whole:
            return
        if self.status == _CONTINUE:
            self.status = 0
            self.headers.clear()
            return
        self._is_whole = True
        self.is_reusable = self._parser.should_keep_alive() and _has_content(self.status)

    def _end(self) -> None:
        """The other side has closed: a whole answer only where nothing said how long it is."""
        if not self.status or {"content-length", "transfer-encoding"} & self.headers.keys():
            raise _IncompleteRead
        self._is_whole = True


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


def _has_content(status: int) -> bool:
    """Else none is read, and what may come in nevertheless must not be the next call's answer."""
    return status >= 200 and status not in _WITHOUT_CONTENT


def _has_something_to_read(connection: socket.socket) -> bool:
    """Between two calls that is the end of the connection, or what nobody asked for."""
    if isinstance(connection, ssl.SSLSocket) and connection.pending():
        return True
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))
