"""Everything works with scripts switched off: the same journey, with a person who reloads."""

from __future__ import annotations

from collections.abc import Callable

from saas.journey.main_job import Journey


def test_the_main_job_without_javascript(journey: Callable[..., Journey]) -> None:
    for _title, step in journey(script=False).steps():
        step()
