"""`daiban demo`: servers, sandbox, web, workers and cron as processes of one supervisor, until Ctrl-C."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import click
import httpx2

from saas.demo import copies, home
from saas.demo.home import CannotRun
from saas.embedded import CannotStart, EmbeddedPostgres, EmbeddedValkey, launch
from saas.supervisor import Child, Supervisor, worker_children

_CDN = "https://cdn.jsdelivr.net/npm"


class _Stopped(Exception):
    """Ctrl-C or SIGTERM, wherever the demo is."""


def run() -> int:
    """Start everything, say how to use it, keep it running; the exit code."""
    stop = threading.Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, lambda _number, _frame: stop.set())
    demo = _Demo(stop)
    try:
        demo.start()
        demo.keep()
        return 0
    except _Stopped:
        return 0
    except (CannotRun, CannotStart) as error:
        click.secho(str(error), err=True, fg="red")
        return 1
    finally:
        demo.stop()


class _Demo:
    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._begun = time.monotonic()
        self._home = home.home_folder()
        self._postgres: EmbeddedPostgres | None = None
        self._valkey: EmbeddedValkey | None = None
        self._supervisor: Supervisor | None = None
        self._servers_back_at = 0.0

    def start(self) -> None:
        port, sandbox_port = home.port_of("PORT", 8000), home.port_of("SANDBOX_PORT", 8001)
        if port == sandbox_port:
            raise CannotRun(f"PORT and SANDBOX_PORT are both {port}.")
        home.prepare(self._home)
        environment = home.environment(self._home, port, sandbox_port)
        assets = _InBackground(lambda: _assets_url(self._home, environment))
        environment |= self._start_servers()
        self._one_step("migrate", environment)
        environment["DAIBAN_ASSETS_URL"] = assets.answer()
        home.keep_environment(self._home, environment)
        logs = home.logs_folder(self._home)
        self._supervisor = Supervisor(environment, _say)
        for name in ("sandbox", "web", "cron"):
            self._supervisor.add(Child(name, [name], logs / f"{name}.log"))
        for child in worker_children(int(environment.get("DAIBAN_WORKERS", "2")), logs):
            self._supervisor.add(child)
        self._write_processes()
        self._wait("the sandbox", f"http://127.0.0.1:{sandbox_port}/healthz")
        self._wait("the web server", f"http://127.0.0.1:{port}/healthz")
        self._one_step("seed", environment)
        self._wait("every part", f"http://127.0.0.1:{port}/readyz")
        _say(_welcome(port, sandbox_port, self._home, time.monotonic() - self._begun))

    def keep(self) -> None:
        while not self._stop.wait(0.2):
            self._look()
        _say("Stopping …")

    def stop(self) -> None:
        if self._supervisor is not None:
            self._supervisor.stop()
        for server in (self._valkey, self._postgres):
            if server is not None:
                server.stop()
        for path in (home.processes_file(self._home), home.environment_file(self._home)):
            if self._supervisor is not None:
                path.unlink(missing_ok=True)

    def _start_servers(self) -> dict[str, str]:
        """The environment that points at the database and Redis: given ones, or our own."""
        given = home.given_logins()
        found = dict(given) if given else {}
        if given is None:
            self._postgres = EmbeddedPostgres(self._home / "postgres")
            self._postgres.start()
            found |= self._postgres.urls()
        if os.environ.get("REDIS_URL"):
            found["REDIS_URL"] = os.environ["REDIS_URL"]
        else:
            self._valkey = EmbeddedValkey(self._home / "valkey")
            self._valkey.start()
            found["REDIS_URL"] = self._valkey.url()
        return found

    def _look(self) -> None:
        """Bring back whatever died, servers first."""
        changed = False
        for name, server in (("PostgreSQL", self._postgres), ("Valkey", self._valkey)):
            if server is not None and server.pid is None and time.monotonic() >= self._servers_back_at:
                _say(f"{name} ended and is started again")
                try:
                    server.start()
                except CannotStart as error:
                    _say(f"{name} does not come back: {error}")
                    self._servers_back_at = time.monotonic() + 5
                changed = True
        if (self._supervisor is not None and self._supervisor.look()) or changed:
            self._write_processes()

    def _write_processes(self) -> None:
        pids: dict[str, int] = {"supervisor": os.getpid()}
        pids |= self._supervisor.pids() if self._supervisor is not None else {}
        for name, server in (("postgres", self._postgres), ("valkey", self._valkey)):
            if server is not None and server.pid is not None:
                pids[name] = server.pid
        home.write_private(home.processes_file(self._home), json.dumps(pids, indent=1))

    def _one_step(self, command: str, environment: dict[str, str]) -> None:
        """Run `daiban <command>` to its end; raises CannotRun with the end of its log."""
        log = home.logs_folder(self._home) / f"{command}.log"
        process = launch(
            [sys.executable, "-m", "saas.cli", command],
            log=log, environment=environment, cwd=Path(__file__).parents[2],
        )  # fmt: skip
        try:
            while process.poll() is None:
                if self._stop.wait(0.05):
                    raise _Stopped
                if self._supervisor is not None:
                    self._look()
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait()
        if process.returncode != 0:
            raise CannotRun(f"daiban {command} failed:\n{_tail(log)}\nThe whole log: {log}")

    def _give_up_on_failing_children(self) -> None:
        """While starting: what ends again and again will not come up by patience."""
        for child in self._supervisor.children if self._supervisor else []:
            if child.failures >= 5:
                raise CannotRun(f"{child.name} ends again and again:\n{_tail(child.log)}\nThe whole log: {child.log}")

    def _wait(self, what: str, address: str, seconds: float = 120) -> None:
        """Until the address answers 200; raises CannotRun with the last answer."""
        last = "no answer"
        end = time.monotonic() + seconds
        with httpx2.Client(timeout=5, trust_env=False) as client:
            while time.monotonic() < end:
                with contextlib.suppress(httpx2.HTTPError):
                    answer = client.get(address)
                    if answer.status_code == 200:
                        return
                    last = f"{answer.status_code} {answer.text.strip()[:500]}"
                if self._stop.wait(0.1):
                    raise _Stopped
                self._look()
                self._give_up_on_failing_children()
        raise CannotRun(f"{what} did not come up: {address}: {last}\nLogs: {home.logs_folder(self._home)}")


class _InBackground:
    """A slow question asked while other things start."""

    def __init__(self, question: Callable[[], str]) -> None:
        self._answer = ""
        self._thread = threading.Thread(target=self._ask, args=(question,), daemon=True)
        self._thread.start()

    def _ask(self, question: Callable[[], str]) -> None:
        self._answer = question()

    def answer(self) -> str:
        self._thread.join()
        return self._answer


def _assets_url(folder: Path, environment: dict[str, str]) -> str:
    """Where pages load htmx and styles from: what is set, else the CDN, else copies that the web server serves."""
    if given := environment.get("DAIBAN_ASSETS_URL"):
        return given
    if copies.cdn_answers(_CDN):
        return _CDN
    try:
        copies.prepare(home.copies_folder(folder))
    except copies.NoCopies as error:
        _say(f"The CDN {_CDN} cannot be reached, and no local copies could be made: {error}. Pages stay unstyled.")
        return _CDN
    return f"{environment['DAIBAN_PUBLIC_URL']}/assets/npm"


def _welcome(port: int, sandbox_port: int, folder: Path, seconds: float) -> str:
    from saas.seed import PASSWORD, SIGN_INS

    people = "\n".join(f"    {email:<24} {who}" for email, who in SIGN_INS)
    return (
        f"\n  Daiban 代办   http://127.0.0.1:{port}\n"
        f"  Sandbox 沙箱  http://127.0.0.1:{sandbox_port}   (the merchant's phone, the reviewer's desk)\n\n"
        f"  Sign in with the password  {PASSWORD}\n{people}\n\n"
        f"  Data {folder}, logs {home.logs_folder(folder)}\n"
        f"  ready after {seconds:.1f} s - Ctrl-C stops everything\n"
    )


def _say(text: str) -> None:
    click.echo(text)
    sys.stdout.flush()


def _tail(log: Path, lines: int = 15) -> str:
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""
