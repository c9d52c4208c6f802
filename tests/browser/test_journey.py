"""The whole main job in real Chromium, and its core with scripts switched off."""

from __future__ import annotations

from collections.abc import Callable

from saas.journey.main_job import Journey


def test_the_main_job_in_chromium(journey: Callable[..., Journey]) -> None:
    for _title, step in journey().steps():
        step()
