"""A receiver on loopback that plays the hosts of bots and webhooks: keeps what it is given, answers what it is told."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Received:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def content(self) -> Any:
        return json.loads(self.body)


class Receiver:
    """`answer` is (status, body, headers) for every request that follows."""

    def __init__(self) -> None:
        self.got: list[Received] = []
        self.answer: tuple[int, bytes, dict[str, str]] = (200, b'{"errcode": 0, "errmsg": "ok", "code": 0}', {})
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"] or 0))
                receiver.got.append(Received(self.path, dict(self.headers), body))
                status, content, headers = receiver.answer
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(content))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def do_GET(self) -> None:
                self.do_POST()

            def log_message(self, format: str, *args: Any) -> None: ...  # noqa: A002

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._http.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def says(self, content: dict[str, Any], status: int = 200) -> None:
        self.answer = (status, json.dumps(content).encode(), {})

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()
