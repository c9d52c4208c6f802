"""Run the sandbox: by `daiban sandbox`, or inside a test."""

from __future__ import annotations

import threading
from pathlib import Path
from types import TracebackType

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from saas.sandbox.app import LOOPBACK, create_sandbox
from saas.sandbox.world import World


class _Handler(WSGIRequestHandler):
    """Keeps connections open between calls, and logs nothing: query strings hold tokens."""

    protocol_version = "HTTP/1.1"
    timeout = 60
    disable_nagle_algorithm = True

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


class RunningSandbox:
    """A sandbox in threads of this process; `with RunningSandbox(path) as sandbox: sandbox.url`.

    Port 0 takes a free one.
    """

    def __init__(
        self, state_path: Path, *, host: str = "127.0.0.1", port: int = 0, clock_file: Path | None = None
    ) -> None:
        if host not in LOOPBACK:  # others would be turned away anyhow: nobody signs in here
            host = "127.0.0.1"
        self._server: BaseWSGIServer = make_server(host, port, _not_ready, threaded=True, request_handler=_Handler)
        self._server.daemon_threads = True  # type: ignore[attr-defined]
        self.url = f"http://{host}:{self._server.server_port}"
        self._app = create_sandbox(state_path, public_url=self.url, clock_file=clock_file)
        self._server.app = self._app
        self._world: World = self._app.extensions["sandbox"]
        self._thread: threading.Thread | None = None

    def __enter__(self) -> RunningSandbox:
        self._world.pusher.start()
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="sandbox", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop answering and pushing; what was not delivered is delivered after the next start."""
        self._server.shutdown()
        if self._thread:
            self._thread.join(timeout=10)
        self._close()

    def serve_forever(self) -> None:
        """Serve in this thread until KeyboardInterrupt or `shutdown`."""
        self._world.pusher.start()
        try:
            self._server.serve_forever()
        finally:
            self._close()

    def _close(self) -> None:
        self._world.pusher.stop()
        self._server.server_close()
        self._world.state.close()


def serve(state_path: Path, host: str = "127.0.0.1", port: int = 8001, clock_file: Path | None = None) -> None:
    """Serve until interrupted."""
    RunningSandbox(state_path, host=host, port=port, clock_file=clock_file).serve_forever()


def _not_ready(_environ: object, _start_response: object) -> list[bytes]:
    raise RuntimeError("the sandbox is not wired yet")
