"""A merchant's whole way on her phone in Chromium at 360 px, from the link to her mini program that is online: inside
WeChat as far as its user agent goes, in English, and with scripts switched off. Every page that she comes to is held to
all rules of axe.

DAIBAN_SCREENSHOTS names a folder for pictures of the page after each step.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser

from saas.journey.main_job import Journey
from saas.journey.merchants.way import MerchantWay, provider_steps
from saas.journey.window import HttpWindow
from saas.sandbox.control_sign_in import IN_WECHAT
from tests.browser import tools
from tests.browser.chromium import ChromiumWindow, Watch, new_context
from tests.browser.looking import Looks
from tests.demo.running import RunningDemo

WIDTH = 360


@dataclass(frozen=True)
class Phone:
    """What mei holds. Text messages are counted by number, so each has its own."""

    number: str
    language: str = "zh_CN"
    script: bool = True
    agent: str | None = None


PHONES = {
    "in WeChat": Phone("13911110001", agent=IN_WECHAT),
    "in English": Phone("13911110002", language="en"),
    "without JavaScript": Phone("13911110003", script=False),
}


@pytest.fixture(scope="module")
def provider(demo: RunningDemo) -> Iterator[Journey]:
    """One with a component app that works and a template, for all of these merchants."""
    with ExitStack() as windows:
        journey = Journey(lambda: windows.enter_context(HttpWindow(demo.url)), demo.url, demo.sandbox_url)
        for _title, step in provider_steps(journey):
            step()
        yield journey


@pytest.mark.timeout(1200)  # the first one waits for the demo
@pytest.mark.parametrize("phone", PHONES.values(), ids=[name.replace(" ", "-") for name in PHONES])
def test_from_the_link_to_online(
    phone: Phone, provider: Journey, demo: RunningDemo, chromium: Browser, watch: Watch
) -> None:
    with ExitStack() as contexts:

        def window(*, script: bool) -> ChromiumWindow:
            context = new_context(
                chromium, watch, script=script, width=WIDTH, language=phone.language.replace("_", "-"),
                agent=phone.agent,
            )  # fmt: skip
            return ChromiumWindow(contexts.enter_context(context), watch, demo.url, script=script)

        mei = window(script=phone.script)
        shown = mei if phone.script else window(script=True)
        looks = Looks(shown, tools.axe().read_text(), language=phone.language, width=WIDTH, strict=True)
        way = MerchantWay(provider, mei, phone=phone.number, language=phone.language)
        for number, (_title, step) in enumerate(way.steps(), 1):
            step()
            if mei.address.startswith(demo.url):
                if shown is not mei:
                    copy_page(mei, shown)
                looks.examine_here(f"way-{number:02}", [WIDTH])
    assert looks.faults == [], "\n".join(looks.faults)


def copy_page(plain: ChromiumWindow, shown: ChromiumWindow) -> None:
    """Show what a window without scripts holds in one with them, for axe is a script: the same page, none of its own
    scripts, and what stands there for who has none.
    """
    page = re.sub(r"<script\b.*?</script>", "", plain.page.content(), flags=re.DOTALL)
    page = re.sub(r"<(/?)noscript>", r"<\1div>", page)
    shown.page.context.add_cookies(plain.page.context.cookies())  # type: ignore[arg-type]
    answer = {"body": page, "content_type": "text/html; charset=utf-8"}
    shown.page.route(plain.address, lambda route: route.fulfill(**answer), times=1)
    shown.open(plain.address)
