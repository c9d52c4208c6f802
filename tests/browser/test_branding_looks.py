"""A provider's brand as merchants see it, and the page on which it is chosen: readable in every colour."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import Browser

from saas.seed import PASSWORD
from tests.browser.chromium import ChromiumWindow, Watch, new_context
from tests.browser.conftest import CDN
from tests.browser.looking import WIDTHS, Looks
from tests.browser.test_looks import LANGUAGES, looks  # noqa: F401
from tests.demo.running import RunningDemo

Begin = Callable[[str, int, str, str], Looks]
COLOURS = ("#1d4f91", "#ffd400", "#f4b6c2")


def choose(alice: Looks, demo: RunningDemo, colour: str) -> None:
    """Alice chooses a colour; the preview follows before she saves."""
    window = alice.window
    window.open(f"{demo.url}/p/alice/settings/brand")
    window.page.locator("[name=colour]").fill(colour)
    shown = window.page.evaluate(
        "getComputedStyle(document.querySelector('.brand-preview')).getPropertyValue('--brand').trim()"
    )
    assert shown == colour
    with window.page.expect_navigation():
        window.page.locator("form:has([name=colour]) [type=submit]").click()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", WIDTHS)
def test_a_brand(width: int, language: str, looks: Begin, demo: RunningDemo) -> None:  # noqa: F811
    alice = looks(language, width, "alice@example.com", PASSWORD)
    mei = looks(language, width, "mei@example.com", PASSWORD)
    nobody = looks(language, width, "", "")
    for colour in COLOURS:
        choose(alice, demo, colour)
        mark = colour.removeprefix("#")
        alice.examine(f"settings-brand-{mark}", f"{demo.url}/p/alice/settings/brand")
        mei.examine(f"merchant-home-{mark}", f"{demo.url}/m/alice/")
        nobody.examine(f"sign-in-{mark}", f"{demo.url}/sign-in?next=/m/alice/")
    choose(alice, demo, COLOURS[0])
    alice.examine("settings-host", f"{demo.url}/p/alice/settings/host")
    window = alice.window
    window.page.locator("[name=host]").fill("xcx.alice.example")
    with window.page.expect_navigation():
        window.page.locator("form:has([name=host]) [type=submit]").click()
    alice.examine("settings-host-named", f"{demo.url}/p/alice/settings/host")
    faults = [*alice.faults, *mei.faults, *nobody.faults]
    assert faults == [], "\n".join(faults)


def test_mei_signs_in_at_our_address_and_is_at_home_at_the_own_host(
    demo: RunningDemo, chromium: Browser, cdn_files: dict[str, Path]
) -> None:
    """Forms, redirects and cookies over two hosts, as a real browser and its content policy take them."""
    own = f"http://xcx.localhost:{demo.port}"  # Chromium leads such names to this machine by itself
    kept = json.loads((demo.home / "run" / "environment.json").read_text())
    with psycopg.connect(kept["DATABASE_PLATFORM_URL"].replace("+psycopg", "")) as database:
        database.execute("update providers set host_name = 'xcx.localhost', host_seen_at = now() where slug = 'alice'")
    watch = Watch((demo.url, demo.sandbox_url, own), cdn_files, CDN)
    with new_context(chromium, watch, width=360) as context:
        page = ChromiumWindow(context, watch, demo.url).page
        page.goto(f"{own}/m/alice/notices")
        assert page.url.startswith(f"{demo.url}/sign-in?next=/m/alice/hand-over")
        page.locator("[name=email]").fill("mei@example.com")
        page.locator("[name=password]").fill(PASSWORD)
        with page.expect_navigation():
            page.locator("[name=password]").press("Enter")
        assert page.url == f"{own}/m/alice/notices"
        page.goto(f"{own}/")
        assert page.url == f"{own}/m/alice/"
        with page.expect_navigation():
            page.get_by_role("button", name="English").click()
        assert page.url == f"{own}/m/alice/"
        with page.expect_navigation():
            page.get_by_role("button", name="Sign out").click()
        assert page.url == f"{demo.url}/sign-in?next=/m/alice/"
        page.goto(f"{own}/m/alice/")
        assert page.url.startswith(f"{demo.url}/sign-in?next=/m/alice/hand-over")
    assert watch.complaints == []
