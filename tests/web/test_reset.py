"""Forgetting the password: the link, its limits, and what it ends."""

from __future__ import annotations

from collections.abc import Callable

from tests.cast import PASSWORD, Cast
from tests.tenants.mailbox import last_link, mails_to
from tests.web.conftest import Browser

Browsers = Callable[[str], Browser]
GOOD = "green tea and rain"


def ask(browser: Browser, email: str) -> tuple[int, str | None]:
    answer = browser.post("/forgot", {"email": email})
    return answer.status_code, answer.location


def test_known_and_unknown_addresses_get_the_same_answer(browser: Browsers, cast: Cast) -> None:
    assert ask(browser(""), "alice@example.com") == ask(browser(""), "nobody@example.com") == (303, "/forgot/mail")
    assert len(mails_to("alice@example.com")) == 1
    assert mails_to("nobody@example.com") == []


def test_a_new_password_ends_every_session_and_the_old_password(browser: Browsers, cast: Cast) -> None:
    ask(browser(""), "alice@example.com")
    path = last_link("alice@example.com", "reset")
    assert browser("alice").get("/p/alice/").status_code == 200
    fresh = browser("")
    assert "alice@example.com" in fresh.text(path)
    assert fresh.post(path, {"password": "short"}).status_code == 422
    assert fresh.post(path, {"password": GOOD}).status_code == 303
    assert browser("alice").get("/p/alice/").status_code == 303
    assert browser("").post("/sign-in", {"email": "alice@example.com", "password": PASSWORD}).status_code == 422
    assert browser("").post("/sign-in", {"email": "alice@example.com", "password": GOOD}).status_code == 303
    assert mails_to("alice@example.com")[-1].subject == "您的代办密码已修改"


def test_a_link_works_once_within_an_hour_and_only_the_newest(
    browser: Browsers, cast: Cast, move_clock: Callable[[float], None]
) -> None:
    ask(browser(""), "alice@example.com")
    first = last_link("alice@example.com", "reset")
    ask(browser(""), "alice@example.com")
    second = last_link("alice@example.com", "reset")
    assert browser("").get(first).status_code == 410
    assert browser("").post(second, {"password": GOOD}).status_code == 303
    assert browser("").post(second, {"password": "another good one"}).status_code == 410
    ask(browser(""), "alice@example.com")
    third = last_link("alice@example.com", "reset")
    move_clock(3601)
    assert browser("").post(third, {"password": GOOD}).status_code == 410


def test_nobody_floods_anothers_mailbox(browser: Browsers, cast: Cast) -> None:
    answers = [ask(browser(""), email)[0] for email in ("alice@example.com", "ALICE@example.com ") * 3]
    assert answers == [303] * 4 + [429] * 2
    assert len(mails_to("alice@example.com")) == 4


def test_the_link_is_not_opened_by_another_purpose(browser: Browsers, cast: Cast) -> None:
    ask(browser(""), "alice@example.com")
    path = last_link("alice@example.com", "reset")
    assert browser("").post(path.replace("/reset/", "/verify/")).status_code == 410
    assert browser("").get(path.replace("/reset/", "/invitations/")).status_code == 410
