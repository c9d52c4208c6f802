"""Every row of a mini program's life in real Chromium, with a refusal from WeChat each, looked at in both widths.

DAIBAN_SCREENSHOTS names a folder for pictures of the page after each step.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser

from saas.journey.full import CHAPTERS
from saas.journey.main_job import Journey
from saas.journey.window import HttpWindow
from tests.browser import tools
from tests.browser.chromium import ChromiumWindow, Watch, new_context
from tests.browser.looking import Looks
from tests.demo.running import RunningDemo


@pytest.fixture(scope="module")
def online(demo: RunningDemo) -> Iterator[Journey]:
    """A provider whose first mini program is online."""
    with ExitStack() as windows:
        journey = Journey(lambda: windows.enter_context(HttpWindow(demo.url)), demo.url, demo.sandbox_url)
        for _title, step in journey.working_day():
            step()
        yield journey


@pytest.mark.timeout(1200)  # the first one waits for the demo and for the main job
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_chapter(chapter: str, online: Journey, demo: RunningDemo, chromium: Browser, watch: Watch) -> None:
    axe = tools.axe().read_text()
    with ExitStack() as contexts:

        def window() -> ChromiumWindow:
            return ChromiumWindow(contexts.enter_context(new_context(chromium, watch)), watch, demo.url)

        journey = online.elsewhere(window)
        assert isinstance(journey.owner, ChromiumWindow)
        looks = Looks(journey.owner, axe)
        for number, (_title, step) in enumerate(CHAPTERS[chapter](journey), 1):
            step()
            looks.examine_here(f"{chapter}-{number:02}")
        assert looks.faults == [], "\n".join(looks.faults)
