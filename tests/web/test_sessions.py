"""One's own account: signed-in browsers, password, name and language."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask

from tests.cast import PASSWORD, Cast
from tests.web.conftest import Browser

Browsers = Callable[[str], Browser]
GOOD = "green tea and rain"


@pytest.fixture
def second(app: Flask, cast: Cast) -> Browser:
    """Another browser of alice's."""
    browser = Browser(app.test_client())
    answer = browser.client.post(
        "/sign-in",
        data={"csrf_token": browser.csrf_token(), "email": "alice@example.com", "password": PASSWORD},
        headers={"User-Agent": "Mozilla/5.0 Firefox/142.0"},
    )
    assert answer.status_code == 303
    return browser


def ends(page: str) -> list[str]:
    return re.findall(r'action="(/account/sessions/[0-9a-f-]{36}/end)"', page)


def test_the_list_marks_this_browser(browser: Browsers, second: Browser) -> None:
    page = browser("alice").text("/account")
    assert page.count("本机") == 1
    assert "Firefox" in page
    assert len(ends(page)) == 1


def test_another_browser_is_signed_out_from_here(browser: Browsers, second: Browser) -> None:
    alice = browser("alice")
    assert alice.post(ends(alice.text("/account"))[0]).status_code == 303
    assert second.get("/p/alice/").status_code == 303
    assert alice.get("/p/alice/").status_code == 200


def test_nobody_signs_another_person_out(browser: Browsers, second: Browser) -> None:
    path = ends(browser("alice").text("/account"))[0]
    assert browser("charlie").post(path).status_code == 404
    assert second.get("/p/alice/").status_code == 200


def test_all_other_browsers_are_signed_out_at_once(browser: Browsers, second: Browser) -> None:
    assert browser("alice").post("/account/sessions/end-others").status_code == 303
    assert second.get("/p/alice/").status_code == 303
    assert browser("alice").get("/p/alice/").status_code == 200
    assert browser("charlie").get("/p/charlie/").status_code == 200


def test_signing_out_everywhere_includes_this_browser(browser: Browsers, second: Browser) -> None:
    assert browser("alice").post("/account/sessions/end-all").location == "/sign-in"
    assert second.get("/p/alice/").status_code == 303
    assert browser("alice").get("/p/alice/").status_code == 303


def test_a_new_password_needs_the_old_one_and_signs_other_browsers_out(browser: Browsers, second: Browser) -> None:
    alice = browser("alice")
    refused = alice.post("/account/password", {"current": "wrong", "new": GOOD})
    assert refused.status_code == 422
    assert "当前密码不正确" in refused.get_data(as_text=True)
    assert second.get("/p/alice/").status_code == 200
    assert alice.post("/account/password", {"current": PASSWORD, "new": GOOD}).status_code == 303
    assert alice.get("/p/alice/").status_code == 200
    assert second.get("/p/alice/").status_code == 303


def test_guessing_the_current_password_is_limited(browser: Browsers) -> None:
    answers = [
        browser("alice").post("/account/password", {"current": "wrong", "new": GOOD}).status_code for _ in range(22)
    ]
    assert answers[0] == 422
    assert answers[-1] == 429


def test_name_and_language_are_kept(browser: Browsers) -> None:
    alice = browser("alice")
    assert alice.post("/account", {"name": "爱丽", "locale": "en"}).status_code == 303
    page = alice.text("/account")
    assert '<html lang="en">' in page
    assert 'value="爱丽"' in page
    assert alice.post("/account", {"name": "看 http://evil.example", "locale": "en"}).status_code == 422


@pytest.mark.parametrize("path", ["/account", "/verify"])
def test_strangers_are_led_to_sign_in(browser: Browsers, path: str) -> None:
    assert browser("").get(path).location == f"/sign-in?next={path}"


@pytest.mark.parametrize(
    "path", ["/account/password", "/account/sessions/end-others", "/account/sessions/end-all", "/verify/again"]
)
def test_strangers_change_nothing(browser: Browsers, path: str) -> None:
    assert browser("").post(path).location == "/sign-in"
