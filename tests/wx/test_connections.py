"""Connections to WeChat are used again while they live, and a request is never sent twice."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator

import pytest

from saas.wx.connections import Answer, Connections, NoAnswer, NotSent

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"
LAST = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}"
CUT = b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{}"


class Server:
    """Answers what a test says, and closes the connection after `per_connection` answers."""

    def __init__(self) -> None:
        self.answer, self.per_connection = OK, 100
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
                    connection.sendall(self.answer)
                    if self.answer in (LAST, CUT):
                        break

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

    def ask(target: str = "/wxa/commit?access_token=t", content: bytes | None = '{"a":"中"}'.encode()) -> Answer:
        return wire.exchange(server.url, "POST", target, {"X-A": "b"}, content, seconds=2, connect_seconds=2)

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


def test_nobody_there_is_not_sent(ask: Callable[[], Answer], server: Server) -> None:
    wire = Connections(ssl.create_default_context())
    with pytest.raises(NotSent):
        wire.exchange("http://127.0.0.1:1", "GET", "/", {}, None, seconds=1, connect_seconds=1)
    server.close()


@pytest.mark.parametrize("target", ["/a b", "/a\r\nX: y"])
def test_nothing_is_smuggled_in(ask: Callable[..., Answer], target: str) -> None:
    with pytest.raises(ValueError, match="line break or a space"):
        ask(target)
