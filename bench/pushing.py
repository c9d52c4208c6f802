"""WeChat's side of the bench in a process of its own: `python -m bench.pushing <port> <clients> <file>`.

Sends the ready requests of the file over so many kept connections, one after the other on each, and prints as JSON how
long that took, what it cost, and how each was answered. One thread and bare sockets, because it shares the processors
with whom it measures.
"""

from __future__ import annotations

import json
import selectors
import socket
import struct
import sys
import time
from collections import Counter, deque
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlencode

_LENGTH = struct.Struct(">I")


def write_requests(path: Path, requests: Iterable[bytes]) -> None:
    path.write_bytes(b"".join(_LENGTH.pack(len(one)) + one for one in requests))


def request_bytes(path: str, query: dict[str, str], body: bytes) -> bytes:
    """One POST as it goes over the wire."""
    head = (
        f"POST {path}?{urlencode(query)} HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _read_requests(path: Path) -> deque[bytes]:
    content, at, found = path.read_bytes(), 0, deque[bytes]()
    while at < len(content):
        (length,) = _LENGTH.unpack_from(content, at)
        found.append(content[at + 4 : at + 4 + length])
        at += 4 + length
    return found


class _Client:
    """One connection: what it has sent and what has come of the answer."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._got = b""
        self._sent_at = 0.0

    def send(self, request: bytes) -> None:
        self._got, self._sent_at = b"", time.perf_counter()
        self.socket.sendall(request)

    def take(self) -> tuple[str, float] | None:
        """The status and the seconds it took, once the whole answer is there."""
        part = self.socket.recv(65536)
        if not part:
            raise ConnectionError("the server hung up")
        self._got += part
        head, end, body = self._got.partition(b"\r\n\r\n")
        if not end:
            return None
        length = next(
            int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")
        )
        if len(body) < length:
            return None
        return head[9:12].decode(), time.perf_counter() - self._sent_at


def main(port: int, clients: int, path: Path) -> None:
    waiting, took, answers = _read_requests(path), list[float](), Counter[str]()
    selector = selectors.DefaultSelector()
    begun, cpu = time.perf_counter(), time.process_time()
    for client in [_Client(port) for _ in range(min(clients, len(waiting)))]:
        selector.register(client.socket, selectors.EVENT_READ, client)
        client.send(waiting.popleft())
    while selector.get_map():
        for key, _ in selector.select():
            answered = key.data.take()
            if answered is None:
                continue
            answers[answered[0]] += 1
            took.append(answered[1])
            if waiting:
                key.data.send(waiting.popleft())
            else:
                selector.unregister(key.fileobj)
    seconds = time.perf_counter() - begun
    told = {"seconds": seconds, "cpu": time.process_time() - cpu, "took": took, "answers": answers}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
