"""Pages as people see them: nothing sticks out sideways, no complaint of the browser, no fault that axe finds.

DAIBAN_SCREENSHOTS names a folder for pictures of every page.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from saas.journey.main_job import Journey
from saas.journey.window import HttpWindow
from saas.seed import PASSWORD
from tests.browser import tools
from tests.browser.chromium import ChromiumWindow, Watch, new_context
from tests.demo.running import RunningDemo

WIDTHS = (1280, 360)
LANGUAGES = ("zh_CN", "en")


@pytest.fixture(scope="module")
def walked(demo: RunningDemo) -> Iterator[Journey]:
    """A provider who has done the main job up to a second version, and has made another link."""
    with ExitStack() as windows:
        journey = Journey(lambda: windows.enter_context(HttpWindow(demo.url)), demo.url, demo.sandbox_url)
        for title, step in journey.steps():
            if title.startswith("sign out everywhere"):
                break
            step()
        journey.make_link()
        yield journey


@pytest.fixture
def looks(demo: RunningDemo, chromium: Browser, watch: Watch) -> Iterator[Callable[[str, int, str, str], Looks]]:
    """`looks(language, width, email, password)`: a signed-in window that examines pages; without e-mail anonymous."""
    axe = tools.axe().read_text()
    with ExitStack() as contexts:

        def begin(language: str, width: int, email: str, password: str) -> Looks:
            context = contexts.enter_context(new_context(chromium, watch, width=width))
            context.add_cookies([{"name": "daiban_language", "value": language, "url": demo.url}])
            window = ChromiumWindow(context, watch, demo.url)
            if email:
                window.open(f"{demo.url}/sign-in")
                window.page.locator("[name=email]").fill(email)
                window.page.locator("[name=password]").fill(password)
                with window.page.expect_navigation():
                    window.page.locator("[name=password]").press("Enter")
            return Looks(window, language, width, axe)

        yield begin


class Looks:
    def __init__(self, window: ChromiumWindow, language: str, width: int, axe: str) -> None:
        self.window, self._language, self._width, self._axe = window, language, width, axe
        self.faults: list[str] = []

    def examine(self, name: str, address: str, status: int = 200) -> None:
        """Look at one page; what is wrong is collected."""
        page = self.window.page
        self.window.open(address, status=status)
        if (language := page.get_attribute("html", "lang")) != {"zh_CN": "zh-CN", "en": "en"}[self._language]:
            self.faults.append(f"{name}: speaks {language}, not {self._language}")
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if wide > 0:
            self.faults.append(f"{name}: sticks out by {wide} px")
        page.evaluate(self._axe)
        for fault in page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]:
            if fault["impact"] in ("serious", "critical"):
                self.faults.append(f"{name}: {_described(fault)}")
        self._keep(name)

    def _keep(self, name: str) -> None:
        if folder := os.environ.get("DAIBAN_SCREENSHOTS"):
            path = Path(folder) / f"{name}-{self._width}-{self._language}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            self.window.page.screenshot(path=path, full_page=True)


def _described(fault: dict[str, Any]) -> str:
    node = fault["nodes"][0]
    return f"{fault['id']} ({fault['impact']}) at {node['target']}: {node['html'][:160]}"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", WIDTHS)
def test_pages_for_everybody(
    width: int, language: str, looks: Callable[..., Looks], walked: Journey, demo: RunningDemo
) -> None:
    looking = looks(language, width, "", "")
    for name, address in (("landing", "/"), ("sign-up", "/sign-up"), ("sign-in", "/sign-in"), ("forgot", "/forgot")):
        looking.examine(name, demo.url + address)
    looking.examine("authorize", walked.link)
    looking.examine("not-found", f"{demo.url}/nothing", 404)
    assert looking.faults == [], "\n".join(looking.faults)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", WIDTHS)
def test_pages_of_a_provider(width: int, language: str, looks: Callable[..., Looks], walked: Journey) -> None:
    looking = looks(language, width, *walked.sign_in_of("owner"))
    house = walked.house
    for name, address in {
        "dashboard": house, "components": f"{house}components", "component-new": f"{house}components/new",
        "component": walked.component_page, "component-traffic": f"{walked.component_page}/traffic",
        "merchants": f"{house}merchants", "merchant-new": f"{house}merchants/new", "merchant": walked.merchant_page,
        "link-new": f"{walked.merchant_page}/links/new", "programs": f"{house}programs", "program": walked.program_page,
        "permissions": f"{walked.program_page}/permissions", "calls": f"{walked.program_page}/calls", "program-activity": f"{walked.program_page}/activity",
        "code": walked.code_page, "upload-form": f"{walked.program_page}/upload",
        "audit-form": f"{walked.program_page}/audit", "code-history": f"{walked.code_page}/history",
        "roll-back": f"{walked.program_page}/roll-back", "templates": f"{house}templates",
        "members": f"{house}members", "activity": f"{house}activity", "settings": f"{house}settings",
        "rejected": walked.rejected_page, "upload": walked.upload_page,
    }.items():  # fmt: skip
        looking.examine(name, address)
    assert looking.faults == [], "\n".join(looking.faults)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", WIDTHS)
def test_pages_of_a_merchant_and_of_the_operator(
    width: int, language: str, looks: Callable[..., Looks], walked: Journey, demo: RunningDemo
) -> None:
    merchant = looks(language, width, *walked.sign_in_of("merchant"))
    merchant.examine("merchant-home", f"{demo.url}/m/{walked.slug}/")
    operator = looks(language, width, "olga@example.com", PASSWORD)
    operator.examine("operator", f"{demo.url}/operator/")
    operator.examine("operator-jobs", f"{demo.url}/operator/jobs")
    operator.examine("account", f"{demo.url}/account")
    faults = [*merchant.faults, *operator.faults]
    assert faults == [], "\n".join(faults)
