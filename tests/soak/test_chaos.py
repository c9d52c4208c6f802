"""What a power cut may hit: workers in the middle of calls that WeChat counts, and Valkey with all it knew."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from saas.journey.main_job import Journey
from saas.journey.window import HttpWindow
from saas.sandbox.control import SandboxControl
from tests.demo.running import RunningDemo, until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    with RunningDemo(tmp_path_factory.mktemp("chaos") / "home", DAIBAN_JOB_LEASE_SECONDS="3") as running:
        yield running


@pytest.fixture
def control(demo: RunningDemo) -> Iterator[SandboxControl]:
    with SandboxControl(demo.sandbox_url) as control:
        control.set_scan_seconds(0)
        yield control
        control.clear_faults()


@pytest.fixture
def journey(demo: RunningDemo) -> Iterator[Journey]:
    """A new provider who has come as far as a mini program and a template."""
    with ExitStack() as windows:
        journey = Journey(lambda: windows.enter_context(HttpWindow(demo.url)), demo.url, demo.sandbox_url, patience=90)
        for title, step in journey.steps():
            if title.startswith("upload"):
                break
            step()
        yield journey


def test_workers_killed_in_the_middle_of_calls(demo: RunningDemo, control: SandboxControl, journey: Journey) -> None:
    control.slow_next("commit", 2, appid=journey.appid)
    journey.begin_upload("1.0.0")
    journey.owner.wait_for_path(_now("上传代码"))
    _kill_workers(demo)
    journey.finish_upload()

    control.slow_next("submitAudit", 2, appid=journey.appid)
    journey.begin_submission()
    journey.owner.wait_for_path(_now("提交给微信"))
    _kill_workers(demo)
    journey.finish_submission("1.0.0")

    journey.approve_and_release("1.0.0")
    journey.ask_wechat()
    assert _count(control, journey, "submitAudit") == 1
    assert _count(control, journey, "release") == 1


def test_valkey_killed_and_back_without_anything(demo: RunningDemo, control: SandboxControl, journey: Journey) -> None:
    _lose_valkey(demo)
    journey.begin_upload("1.0.0")
    journey.finish_upload()
    journey.begin_submission()
    _lose_valkey(demo)
    journey.finish_submission("1.0.0")
    journey.approve_and_release("1.0.0")
    journey.ask_wechat()
    assert _count(control, journey, "submitAudit") == 1
    assert _count(control, journey, "release") == 1


def _now(step: str) -> str:
    return f"//li[@aria-current='step'][contains(normalize-space(.), '{step}')]"


def _kill_workers(demo: RunningDemo) -> None:
    for name, pid in demo.pids().items():
        if name.startswith("worker"):
            os.kill(pid, signal.SIGKILL)


def _lose_valkey(demo: RunningDemo) -> None:
    """Its files are gone before it is, so it comes back empty."""
    before = demo.pids()["valkey"]
    for path in (demo.home / "valkey").iterdir():
        _remove(path)
    os.kill(before, signal.SIGKILL)
    until(lambda: demo.pids().get("valkey") not in (before, None), what="a new Valkey")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    elif path.suffix in (".rdb", ".aof"):
        path.unlink()


def _count(control: SandboxControl, journey: Journey, operation: str) -> int:
    return control.counts(component_appid=journey.component["appid"], appid=journey.appid).get(operation, 0)
