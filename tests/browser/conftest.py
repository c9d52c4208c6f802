"""The real stack once for all browser tests, and Chromium in front of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from saas.journey.main_job import Journey
from tests.browser import tools
from tests.browser.chromium import ChromiumWindow, Watch, new_context
from tests.demo.running import RunningDemo

CDN = "https://cdn.jsdelivr.net/npm"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = tools.chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def cdn_files() -> dict[str, Path]:
    return tools.cdn_files()


@pytest.fixture(scope="session")
def demo(
    chromium: Browser, cdn_files: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningDemo]:
    """Everything that `daiban demo` starts, as behind a proxy that tells addresses; pages name the real CDN."""
    home = tmp_path_factory.mktemp("browser") / "home"
    with RunningDemo(home, DAIBAN_ASSETS_URL=CDN, DAIBAN_TRUSTED_PROXIES="1") as running:
        yield running


@pytest.fixture(scope="session")
def known_people(demo: RunningDemo) -> dict[str, list[Any]]:
    """The cookies of those who have signed in, by e-mail: nobody may sign in again and again."""
    return {}


@pytest.fixture
def watch(demo: RunningDemo, cdn_files: dict[str, Path]) -> Iterator[Watch]:
    """Fails the test when a page complained or asked for anything from elsewhere."""
    watch = Watch((demo.url, demo.sandbox_url), cdn_files, CDN)
    yield watch
    assert watch.complaints == []


@pytest.fixture
def journey(demo: RunningDemo, chromium: Browser, watch: Watch) -> Iterator[Callable[..., Journey]]:
    """`journey()` or `journey(script=False)`: the main job in windows of Chromium, each with its own cookies."""
    with ExitStack() as contexts:

        def begin(*, script: bool = True, width: int = 1280) -> Journey:
            def window() -> ChromiumWindow:
                context = contexts.enter_context(new_context(chromium, watch, script=script, width=width))
                return ChromiumWindow(context, watch, demo.url, script=script)

            return Journey(window, demo.url, demo.sandbox_url)

        yield begin
