from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from saas.sandbox.control import SandboxControl
from saas.sandbox.server import RunningSandbox
from tests.sandbox.platform import Platform


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[RunningSandbox]:
    with RunningSandbox(tmp_path / "sandbox.sqlite", clock_file=tmp_path / "clock") as running:
        yield running


@pytest.fixture
def control(sandbox: RunningSandbox) -> Iterator[SandboxControl]:
    with SandboxControl(sandbox.url) as control:
        control.set_scan_seconds(0)
        control.set_commit_seconds(0)
        control.set_retry_seconds(0.05)
        yield control


@pytest.fixture
def platform(control: SandboxControl) -> Iterator[Platform]:
    platform = Platform(control)
    yield platform
    platform.close()


@pytest.fixture
def shop(platform: Platform) -> str:
    """梅记茶铺, authorized and ready to be called for."""
    return platform.connect()
