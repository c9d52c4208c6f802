"""A WeChat of a few endpoints over real HTTP, for tests that count or break single calls across processes.

The sandbox plays the whole of WeChat; here each answer is set by the test and every request is kept.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = dict[str, Any]


class SmallWeChat:
    """`answers[path]` is an answer or a function of the request's body; `calls` counts the requests by path."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.bodies: list[tuple[str, Answer]] = []
        self._lock = threading.Lock()
        self.answers: dict[str, Answer | Callable[[Answer], Answer]] = {
            "api_start_push_ticket": {"errcode": 0, "errmsg": "ok"},
            "api_component_token": lambda _: self._numbered("component_access_token", "component"),
            "api_authorizer_token": lambda body: self._numbered(
                "authorizer_access_token", body["authorizer_appid"],
                authorizer_refresh_token=body["authorizer_refresh_token"],
            ),
            "api_get_authorizer_list": {"total_count": 0, "list": []},
        }  # fmt: skip
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"] or 0)) or b"{}")
                content = json.dumps(server._answer(self.path, body)).encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST  # noqa: N815

            def log_message(self, format: str, *args: Any) -> None: ...  # noqa: A002

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

        self._http = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def _answer(self, path: str, body: Answer) -> Answer:
        name = path.partition("?")[0].rpartition("/")[2]
        with self._lock:
            self.calls[name] += 1
            self.bodies.append((name, body))
        answer = self.answers.get(name, {"errcode": -1, "errmsg": f"no answer set for {name}"})
        return answer(body) if callable(answer) else answer

    def _numbered(self, field: str, whose: str, **more: str) -> Answer:
        with self._lock:
            number = sum(self.calls.values())
        return {field: f"token-{whose}-{number}", "expires_in": 7200, **more}


def refusal(code: int, message: str = "refused", rid: str = "65f0-11-22") -> Answer:
    return {"errcode": code, "errmsg": f"{message} rid: {rid}"}
