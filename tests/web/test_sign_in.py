"""Signing in and out: the session is new each time, tries are counted, and answers tell nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from saas.db import platform_session
from saas.tenants.models import LoginSession
from saas.web.security import limiter
from tests.cast import PASSWORD, Cast
from tests.web.conftest import Browser

Browsers = Callable[[str], Browser]


def sign_in(browser: Browser, email: str = "alice@example.com", password: str = PASSWORD, **more: str) -> int:
    return browser.post("/sign-in", {"email": email, "password": password, **more}).status_code


def cookie(browser: Browser) -> dict[str, object]:
    with browser.client.session_transaction() as session:
        return dict(session)


def test_signing_in_leads_to_where_one_was_going(browser: Browsers, cast: Cast) -> None:
    alice = browser("")
    asked = alice.get("/p/alice/members?x=1")
    assert (asked.status_code, asked.location) == (303, "/sign-in?next=/p/alice/members?x%3D1")
    assert 'name="next" value="/p/alice/members?x=1"' in alice.text(asked.location)
    answer = alice.post(asked.location, {"email": "alice@example.com", "password": PASSWORD})
    assert (answer.status_code, answer.location) == (303, "/p/alice/members?x=1")


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_nobody_is_led_to_a_strangers_page(browser: Browsers, cast: Cast, target: str) -> None:
    answer = browser("").post("/sign-in", {"email": "alice@example.com", "password": PASSWORD, "next": target})
    assert (answer.status_code, answer.location) == (303, "/")


def test_the_session_is_new_after_signing_in(browser: Browsers, cast: Cast) -> None:
    """A token or cookie that an attacker planted beforehand is worth nothing afterwards."""
    alice = browser("")
    with alice.client.session_transaction() as session:
        session["_user_id"] = "planted by an attacker"
        session["planted"] = "yes"
    csrf = alice.csrf_token()
    assert sign_in(alice) == 303
    after = cookie(alice)
    assert after["_user_id"] != "planted by an attacker"
    assert "planted" not in after
    assert alice.client.post("/sign-out", data={"csrf_token": csrf}).status_code == 400


def test_signing_in_again_makes_another_token(browser: Browsers, cast: Cast) -> None:
    alice = browser("")
    sign_in(alice)
    first = cookie(alice)["_user_id"]
    alice.post("/sign-out")
    sign_in(alice)
    assert cookie(alice)["_user_id"] != first


def test_a_copied_cookie_is_worthless_after_signing_out(app: Flask, browser: Browsers, cast: Cast) -> None:
    alice, thief = browser(""), Browser(app.test_client())
    sign_in(alice)
    stolen = cookie(alice)
    with thief.client.session_transaction() as session:
        session.update(stolen)
    assert thief.get("/p/alice/").status_code == 200
    assert alice.post("/sign-out").status_code == 303
    assert thief.get("/p/alice/").status_code == 303


def test_signing_out_needs_a_post(browser: Browsers) -> None:
    assert browser("alice").get("/sign-out").status_code == 405
    assert browser("alice").get("/p/alice/").status_code == 200


def test_the_cookie_is_out_of_reach_for_scripts_and_other_sites(browser: Browsers, cast: Cast) -> None:
    answer = browser("").post("/sign-in", {"email": "alice@example.com", "password": PASSWORD})
    header = next(value for value in answer.headers.getlist("Set-Cookie") if value.startswith("daiban="))
    assert "HttpOnly" in header
    assert "SameSite=Lax" in header


def test_wrong_passwords_and_unknown_addresses_look_the_same(browser: Browsers, cast: Cast) -> None:
    pages = []
    for email in ("alice@example.com", "nobody@example.com"):
        answer = browser("").post("/sign-in", {"email": email, "password": "wrong password"})
        assert answer.status_code == 422
        page = answer.get_data(as_text=True)
        assert "邮箱或密码不正确" in page
        assert "wrong password" not in page
        pages.append(page.replace(email, ""))
    assert len(pages[0]) == len(pages[1])


def test_tries_for_one_address_are_limited_whatever_its_case(browser: Browsers, cast: Cast) -> None:
    answers = [
        sign_in(browser(""), email, "wrong password") for email in ("alice@example.com", " ALICE@example.com ") * 7
    ]
    assert answers[:12] == [422] * 12
    assert answers[12:] == [429] * 2
    assert sign_in(browser(""), "alice@example.com", PASSWORD) == 429
    assert sign_in(browser(""), "bob@example.com", PASSWORD) == 303


def test_tries_from_one_network_address_are_limited(browser: Browsers, cast: Cast) -> None:
    answers = [sign_in(browser(""), f"guess{number}@example.com", "wrong password") for number in range(62)]
    assert answers[:60] == [422] * 60
    assert answers[-1] == 429


def test_tries_are_counted_in_memory_while_redis_is_away(browser: Browsers, cast: Cast, valkey: object) -> None:
    from saas.embedded import EmbeddedValkey

    assert isinstance(valkey, EmbeddedValkey)
    valkey.stop()
    try:
        answers = [sign_in(browser(""), "max@example.com", "wrong password") for _ in range(14)]
        assert answers[0] == 422
        assert answers[-1] == 429
    finally:
        valkey.start()
        limiter._storage_dead = False  # it would look again only after a while, and count the next tests in memory
        limiter._fallback_storage.reset()


def test_a_remembered_browser_is_kept_for_thirty_days(
    browser: Browsers, cast: Cast, move_clock: Callable[[float], None]
) -> None:
    sign_in(browser(""), remember="y")
    with platform_session("test") as db:
        row = db.scalars(select(LoginSession)).one()
    assert (row.expires_at - row.created_at).days == 30


def test_people_with_one_home_go_there_and_others_choose(browser: Browsers, cast: Cast) -> None:
    assert browser("alice").get("/").location == "/p/alice/"
    assert browser("mei").get("/").location == "/m/alice/"
    assert browser("olga").get("/").location == "/operator/"
    with platform_session("test") as db:
        from saas.tenants.models import Membership

        db.add(Membership(provider_id=cast.charlies, user_id=cast.users["alice"], role="viewer"))
    page = browser("alice").text("/")
    assert "/p/alice/" in page
    assert "/p/charlie/" in page


def test_a_suspended_providers_people_are_told_so(browser: Browsers, cast: Cast) -> None:
    with platform_session("test") as db:
        from saas.tenants.models import Provider

        db.get_one(Provider, cast.alices).status = "suspended"
    for name, path in (("alice", "/p/alice/"), ("mei", "/m/alice/")):
        answer = browser(name).get(path)
        assert answer.status_code == 403
        assert "已被平台暂停使用" in answer.get_data(as_text=True)
    assert browser("charlie").get("/p/alice/").status_code == 404
