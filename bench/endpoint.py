"""A stand-in for WeChat that takes a given time for every call and does nothing else: `python -m bench.endpoint <port>
<milliseconds>`.

The sandbox checks every call against the contract, keeps what it did, and shares Python's lock among its threads: it
cannot answer 640 calls a second beside the engine that is to be measured on the same two cores. This one is a real HTTP
server in a process of its own, too, and counts how many calls it holds at once. `GET /counts` tells; `POST /counts`
begins anew.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.I)


class _Counts:
    def __init__(self) -> None:
        self.calls = self.now = self.most = 0
        self.first = self.last = 0.0


class _Connection(asyncio.Protocol):
    """One connection; requests on it come one after the other."""

    def __init__(self, seconds: float, counts: _Counts) -> None:
        self._seconds, self._counts = seconds, counts
        self._got = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._got += data
        while (end := self._got.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(self._got, 0, end)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self._got) < whole:
                return
            head, self._got = self._got[:end], self._got[whole:]
            self._take(head.split(b" ", 2))

    def _take(self, parts: list[bytes]) -> None:
        counts = self._counts
        if parts[1].startswith(b"/counts"):
            told = {"calls": counts.calls, "most": counts.most, "seconds": counts.last - counts.first}
            if parts[0] == b"POST":
                counts.__init__()  # type: ignore[misc]
            self._write(json.dumps(told).encode())
            return
        counts.first = counts.first or time.perf_counter()
        counts.calls += 1
        counts.now += 1
        counts.most = max(counts.most, counts.now)
        asyncio.get_running_loop().call_later(self._seconds, self._answer)

    def _answer(self) -> None:
        self._counts.now -= 1
        self._counts.last = time.perf_counter()
        self._write(b'{"errcode":0,"errmsg":"ok","auditid":%d}' % (1_000_000 + self._counts.calls))

    def _write(self, body: bytes) -> None:
        if not self._transport.is_closing():
            head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=UTF-8\r\nContent-Length: %d\r\n\r\n"
            self._transport.write(head % len(body) + body)


async def _serve(port: int, seconds: float) -> None:
    counts = _Counts()
    server = await asyncio.get_running_loop().create_server(
        lambda: _Connection(seconds, counts), "127.0.0.1", port, backlog=512
    )
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), float(sys.argv[2]) / 1000))
