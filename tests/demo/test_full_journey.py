"""`daiban journey --full` as a person runs it: every row of a mini program's life over HTTP."""

from __future__ import annotations

from pathlib import Path

import pytest

from saas.journey.full import CHAPTERS
from tests.demo.running import RunningDemo

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


def test_every_row_passes(tmp_path: Path) -> None:
    with RunningDemo(tmp_path / "home") as demo:
        done = demo.daiban("journey", "--full")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Every step passed" in done.stdout
    assert len(CHAPTERS) <= done.stdout.count(" s\n")
