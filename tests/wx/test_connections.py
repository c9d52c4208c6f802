"""Connections to WeChat are used again while they live, and a request is never sent twice."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from saas.wx import connections
from saas.wx.connections import Answer, Connections, NoAnswer, NotSent

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"
LAST = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}"
CUT = b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{}"


class Server:
    """Answers what a test says, and closes the connection after `per_connection` answers."""

    def __init__(self) -> None:
        self.answer, self.per_connection = OK, 100
        self.drip = 0.0  # seconds before each byte
        self.connections = 0
        self.requests: list[bytes] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            with connection:
                for _ in range(self.per_connection):
                    got = connection.recv(65536)
                    if not got:
                        break
                    self.requests.append(got)
                    self._send(connection)
                    if self.answer in (LAST, CUT):
                        break

    def _send(self, connection: socket.socket) -> None:
        step = 1 if self.drip else max(1, len(self.answer))
        with contextlib.suppress(OSError):
            for start in range(0, len(self.answer), step):
                connection.sendall(self.answer[start : start + step])
                time.sleep(self.drip)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def ask(server: Server) -> Iterator[Callable[[], Answer]]:
    wire = Connections(ssl.create_default_context())

    def ask(
        target: str = "/wxa/commit?access_token=t",
        content: bytes | None = '{"a":"中"}'.encode(),
        *,
        seconds: float = 2,
    ) -> Answer:
        return wire.exchange(server.url, "POST", target, {"X-A": "b"}, content, seconds=seconds, connect_seconds=2)

    yield ask
    wire.close()


def test_a_connection_is_used_again(server: Server, ask: Callable[[], Answer]) -> None:
    assert [ask() for _ in range(3)] == [Answer(200, "application/json", b"{}")] * 3
    assert server.connections == 1
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    host = server.url.removeprefix("http://")
    assert head.decode().split("\r\n") == [
        "POST /wxa/commit?access_token=t HTTP/1.1", f"Host: {host}", "X-A: b", "Content-Length: 11",
    ]  # fmt: skip
    assert body == '{"a":"中"}'.encode()


@pytest.mark.parametrize("answer", [CHUNKED, LAST])
def test_an_answer_may_say_its_length_in_other_ways(server: Server, ask: Callable[[], Answer], answer: bytes) -> None:
    server.answer = answer
    assert [ask().content for _ in range(2)] == [b"{}", b"{}"]


def test_a_connection_that_the_other_side_has_closed_is_not_used(server: Server, ask: Callable[[], Answer]) -> None:
    server.per_connection = 1
    for _ in range(3):
        assert ask().status == 200
        threading.Event().wait(0.05)
    assert (server.connections, len(server.requests)) == (3, 3)


def test_half_an_answer_is_none_and_the_request_is_not_sent_again(server: Server, ask: Callable[[], Answer]) -> None:
    server.answer = CUT
    with pytest.raises(NoAnswer, match="IncompleteRead"):
        ask()
    assert len(server.requests) == 1


def test_silence_is_no_answer(server: Server, ask: Callable[[], Answer]) -> None:
    server.answer = b""
    with pytest.raises(NoAnswer, match="Timeout"):
        ask()


@pytest.mark.parametrize("answer", [OK, CHUNKED, LAST])
def test_an_answer_in_drips_ends_with_the_call_s_time(
    server: Server, ask: Callable[..., Answer], answer: bytes
) -> None:
    server.answer, server.drip = answer, 0.05
    begun = time.monotonic()
    with pytest.raises(NoAnswer, match="Timeout"):
        ask(seconds=0.3)
    assert time.monotonic() - begun < 1


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n" + b" " * 2000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n" + b" " * 2000 + b"\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b" " * 2000,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 100,
    ],
    ids=["announced", "long", "in chunks", "until it ends", "before it begins"],
)
def test_an_answer_has_a_largest_size(
    server: Server, ask: Callable[[], Answer], answer: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "_LARGEST", 1000)
    server.answer = answer
    with pytest.raises(NoAnswer, match="AnswerTooLarge"):
        ask()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n{}\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n{}\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7fffffffffffff00\r\n{}\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b",
    ],
    ids=["less than nothing", "no such number", "no such memory", "compressed"],
)
def test_nonsense_is_no_answer_and_ends_the_connection(
    server: Server, ask: Callable[[], Answer], answer: bytes
) -> None:
    server.answer, server.per_connection = answer, 1
    with pytest.raises(NoAnswer):
        ask()
    server.answer = OK
    assert ask().content == b"{}"
    assert server.connections == 2


@pytest.mark.parametrize("more", [OK, b"HTTP/1.1 500 No", b"nonsense", b"\r\n\r\n\x00"])
def test_what_follows_an_answer_belongs_to_none(server: Server, ask: Callable[[], Answer], more: bytes) -> None:
    server.answer = OK + more
    assert ask() == Answer(200, "application/json", b"{}")
    server.answer = OK
    assert ask() == Answer(200, "application/json", b"{}")
    assert server.connections == 2


def test_what_only_announces_an_answer_is_passed_over(server: Server, ask: Callable[[], Answer]) -> None:
    server.answer = b"HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\n" + OK
    assert [ask() for _ in range(2)] == [Answer(200, "application/json", b"{}")] * 2


@pytest.mark.parametrize("begun", [b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 200 OK\r\nX-A: b\r\n"])
def test_a_connection_that_ends_before_the_answer_begins_gave_none(
    server: Server, ask: Callable[[], Answer], begun: bytes
) -> None:
    server.answer, server.per_connection = begun, 1
    with pytest.raises(NoAnswer, match="IncompleteRead"):
        ask()


@pytest.mark.parametrize("status", [b"103 Early Hints", b"204 No Content", b"304 Not Modified"])
def test_after_an_answer_without_content_the_connection_is_not_used_again(
    server: Server, ask: Callable[[], Answer], status: bytes
) -> None:
    server.answer, server.per_connection = b"HTTP/1.1 " + status + b"\r\n\r\n", 1
    assert ask().status == int(status[:3])
    server.answer = OK
    assert ask().status == 200
    assert server.connections == 2


def test_what_was_idle_too_long_is_closed_when_another_comes_back() -> None:
    wire = Connections(ssl.create_default_context(), kept=2, idle_seconds=0.1)
    first, second, third, fourth = (socket.socket() for _ in range(4))
    origin = ("http", "127.0.0.1", 1)
    wire._give_back(origin, first)
    time.sleep(0.15)
    wire._give_back(origin, second)
    assert (first.fileno(), len(wire._idle[origin])) == (-1, 1)
    wire._give_back(origin, third)
    wire._give_back(origin, fourth)
    assert (second.fileno(), len(wire._idle[origin])) == (-1, 2)
    wire.close()
    assert (third.fileno(), fourth.fileno()) == (-1, -1)


def test_nobody_there_is_not_sent(ask: Callable[[], Answer], server: Server) -> None:
    wire = Connections(ssl.create_default_context())
    with pytest.raises(NotSent):
        wire.exchange("http://127.0.0.1:1", "GET", "/", {}, None, seconds=1, connect_seconds=1)
    server.close()


@pytest.mark.parametrize("target", ["/a b", "/a\r\nX: y"])
def test_nothing_is_smuggled_in(ask: Callable[..., Answer], target: str) -> None:
    with pytest.raises(ValueError, match="line break or a space"):
        ask(target)
