"""Every row of a mini program's life in real Chromium, with a refusal from WeChat each, looked at in both widths.

DAIBAN_SCREENSHOTS names a folder for pictures of the page after each step.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, StorageState

from saas.journey.full import CHAPTERS
from saas.journey.main_job import Journey
from saas.journey.window import HttpWindow
from tests.browser import tools
from tests.browser.chromium import ChromiumWindow, Watch, new_context
from tests.browser.conftest import CDN
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


@pytest.fixture(scope="module")
def signed_in(online: Journey, demo: RunningDemo, chromium: Browser, cdn_files: dict[str, Path]) -> StorageState:
    """What a browser knows in which the owner has signed in: once for all chapters, as she would."""
    watch = Watch((demo.url, demo.sandbox_url), cdn_files, CDN)
    with new_context(chromium, watch) as context:
        online.elsewhere(lambda: ChromiumWindow(context, watch, demo.url))
        return context.storage_state()


@pytest.mark.timeout(1200)  # the first one waits for the demo and for the main job
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_chapter(
    chapter: str, online: Journey, signed_in: StorageState, demo: RunningDemo, chromium: Browser, watch: Watch
) -> None:
    axe = tools.axe().read_text()
    with ExitStack() as contexts:

        def window(state: StorageState | None = None) -> ChromiumWindow:
            context = contexts.enter_context(new_context(chromium, watch, state=state))
            return ChromiumWindow(context, watch, demo.url)

        owner = window(signed_in)
        journey = online.elsewhere(window, owner=owner)
        looks = Looks(owner, axe)
        for number, (_title, step) in enumerate(CHAPTERS[chapter](journey), 1):
            step()
            looks.examine_here(f"{chapter}-{number:02}")
        assert looks.faults == [], "\n".join(looks.faults)
