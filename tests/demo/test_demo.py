"""`daiban demo` as a person meets it: ready, again in seconds, gone without a trace; and why it cannot start."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import psutil
import pytest

from saas.assets import ASSETS
from tests.demo.running import ROOT, RunningDemo, until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "home"


@pytest.fixture(scope="module")
def demo(home: Path) -> Iterator[RunningDemo]:
    with RunningDemo(home) as running:
        yield running


def test_it_is_ready_and_says_how_to_use_it(demo: RunningDemo) -> None:
    assert demo.ready()
    text = demo.text()
    assert demo.url in text
    assert demo.sandbox_url in text
    assert "alice@example.com" in text
    assert "Traceback" not in text


def test_the_doctor_finds_no_fault(demo: RunningDemo) -> None:
    done = demo.daiban("doctor")
    assert "FAULT" not in done.stdout, done.stdout
    assert done.returncode == 0, done.stderr


def test_pages_name_files_that_load_and_fit_their_hashes(demo: RunningDemo) -> None:
    page = httpx2.get(demo.url, trust_env=False, follow_redirects=True).text
    for asset in ASSETS.values():
        address = page.split(f"/{asset.name}")[0].rsplit('"', 1)[1] + f"/{asset.name}"
        answer = httpx2.get(address, trust_env=False)
        assert asset.fits(answer.content)
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_secrets_are_kept_for_their_owner_only(demo: RunningDemo) -> None:
    for path in (demo.home / "master.key", demo.home / "run" / "environment.json"):
        assert path.stat().st_mode & 0o777 == 0o600


def test_a_second_demo_on_the_same_data_is_refused(demo: RunningDemo) -> None:
    second = RunningDemo(demo.home)
    second.start()
    assert second.process is not None
    assert second.process.wait(60) == 1
    assert "already runs" in second.text()
    assert demo.ready()


@pytest.mark.parametrize("name", ["web", "sandbox", "cron", "worker-1", "valkey", "postgres"])
def test_what_is_killed_comes_back(demo: RunningDemo, name: str) -> None:
    before = demo.pids()[name]
    os.kill(before, signal.SIGKILL)
    until(lambda: demo.pids().get(name) not in (before, None), what=f"a new {name}")
    until(demo.ready, what="ready again")
    assert not psutil.pid_exists(before) or psutil.Process(before).status() == psutil.STATUS_ZOMBIE


def test_ctrl_c_leaves_no_process_and_the_next_start_finds_the_data(home: Path, demo: RunningDemo) -> None:
    key = (home / "master.key").read_text()
    assert demo.stop(signal.SIGINT) == 0
    until(lambda: demo.left_over() == [], what=f"the end of {demo.left_over()}")
    with RunningDemo(home) as again:
        assert again.ready()
        assert (home / "master.key").read_text() == key
        assert again.process is not None
        again.kill()
        until(lambda: again.left_over() == [], what=f"the end of {again.left_over()} after kill -9")


def test_a_busy_port_is_named_with_the_setting_that_moves_it(tmp_path: Path) -> None:
    demo = RunningDemo(tmp_path / "home")
    with socket.socket() as other:
        other.bind(("127.0.0.1", demo.port))
        other.listen()
        demo.start()
        assert demo.process is not None
        assert demo.process.wait(60) == 1
    assert f"Port {demo.port} cannot be used" in demo.text()
    assert "PORT=" in demo.text()


def test_a_database_named_in_part_is_refused(tmp_path: Path) -> None:
    demo = RunningDemo(tmp_path / "home", DATABASE_URL="postgresql://x@127.0.0.1:1/x")
    demo.start()
    assert demo.process is not None
    assert demo.process.wait(60) == 1
    assert "DATABASE_OWNER_URL and DATABASE_PLATFORM_URL must be, too" in demo.text()
    assert demo.left_over() == []


def test_the_sandbox_does_not_run_beside_production_settings(tmp_path: Path) -> None:
    production = {
        "DATABASE_URL": "postgresql://app@db/x", "DATABASE_PLATFORM_URL": "postgresql://platform@db/x",
        "REDIS_URL": "redis://redis/0", "DAIBAN_PUBLIC_URL": "https://daiban.example", "DAIBAN_MAIL_URL": "smtps://mail",
        "DAIBAN_MASTER_KEY": "a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2U=", "DAIBAN_HOME": str(tmp_path),
    }  # fmt: skip
    clean = {name: value for name, value in os.environ.items() if not name.startswith("DAIBAN_")}
    done = subprocess.run(
        [sys.executable, "-m", "saas.cli", "sandbox"], cwd=ROOT, env=clean | production, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "does not run with production settings" in done.stderr
