"""What every page carries, whoever looks: headers, languages, errors, the request's one transaction."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import TimeoutError as PoolTimeout

from saas import i18n
from saas.config import Settings
from saas.db import tenant_session
from saas.embedded import EmbeddedValkey
from saas.tenants.models import Merchant
from tests.cast import Cast
from tests.web.conftest import Browser

Browsers = Callable[[str], Browser]


def test_every_page_carries_a_strict_content_policy(anonymous: Browser) -> None:
    policy = anonymous.get("/").headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    scripts = policy.split("script-src ")[1].split(";")[0].split()
    assert scripts[0] == "'self'"
    assert all(source.endswith(".js") for source in scripts[1:])


def test_assets_carry_integrity_hashes(anonymous: Browser) -> None:
    page = anonymous.text("/")
    assert page.count('integrity="sha384-') == 3
    assert page.count('crossorigin="anonymous"') == 3


@pytest.mark.parametrize("header", ["X-Content-Type-Options", "Referrer-Policy", "X-Request-Id", "Permissions-Policy"])
def test_every_page_carries_safety_headers(anonymous: Browser, header: str) -> None:
    assert anonymous.get("/").headers[header]


def test_pages_of_signed_in_people_are_not_kept_by_browsers(browser: Browsers) -> None:
    assert browser("alice").get("/p/alice/").headers["Cache-Control"] == "no-store"


def test_chinese_is_the_default(anonymous: Browser) -> None:
    page = anonymous.text("/")
    assert '<html lang="zh-CN">' in page
    assert "成千上万个小程序" in page


def test_english_is_a_click_away_and_stays(anonymous: Browser) -> None:
    answer = anonymous.post("/language/en", {"next": "/"})
    assert (answer.status_code, answer.location) == (303, "/")
    page = anonymous.text("/")
    assert '<html lang="en">' in page
    assert "Thousands of mini programs" in page


def test_a_browser_that_asks_for_english_gets_it(anonymous: Browser) -> None:
    assert '<html lang="en">' in anonymous.text("/", headers={"Accept-Language": "en-GB,en;q=0.9"})


def test_an_unknown_language_changes_nothing(anonymous: Browser) -> None:
    anonymous.post("/language/xx", {"next": "/"})
    assert '<html lang="zh-CN">' in anonymous.text("/")


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"]
)
def test_next_never_leads_to_strangers(anonymous: Browser, target: str) -> None:
    assert anonymous.post("/language/en", {"next": target}).location == "/"


def test_every_text_has_its_english() -> None:
    assert i18n.faults() == []


def test_an_unknown_page_says_so(anonymous: Browser) -> None:
    answer = anonymous.get("/no-such-page")
    assert answer.status_code == 404
    assert "页面不存在" in answer.get_data(as_text=True)


def test_a_form_without_a_token_gets_a_designed_answer(anonymous: Browser) -> None:
    answer = anonymous.client.post("/language/en")
    assert answer.status_code == 400
    assert "表单已失效" in answer.get_data(as_text=True)


def test_htmx_gets_an_error_as_a_part_of_a_page(anonymous: Browser) -> None:
    answer = anonymous.get("/no-such-page", headers={"HX-Request": "true"})
    assert answer.status_code == 404
    assert "<html" not in answer.get_data(as_text=True)


def test_anonymous_visitors_are_led_to_sign_in_and_back(anonymous: Browser) -> None:
    answer = anonymous.get("/p/alice/merchants?q=x")
    assert answer.status_code == 303
    assert answer.location == "/sign-in?next=/p/alice/merchants?q%3Dx"


def test_an_expired_session_makes_htmx_go_to_sign_in(anonymous: Browser) -> None:
    answer = anonymous.get("/p/alice/", headers={"HX-Request": "true"})
    assert answer.headers["HX-Redirect"].startswith("/sign-in")


def test_a_refused_request_keeps_nothing(app: Flask, browser: Browsers, cast: Cast) -> None:
    answer = browser("alice").post("/p/alice/merchants/new", {"name": ""})
    assert answer.status_code == 422
    with tenant_session(cast.alices) as db:
        assert [merchant.id for merchant in db.scalars(select(Merchant))] == [cast.meis]


def test_alive_needs_nothing_else(anonymous: Browser) -> None:
    assert anonymous.get("/healthz").status_code == 200


def test_ready_names_the_part_that_is_not(anonymous: Browser) -> None:
    answer = anonymous.get("/readyz")
    assert answer.status_code == 503
    assert answer.json is not None
    assert answer.json["parts"]["database"] == "ok"
    assert "no worker" in answer.json["parts"]["worker"]


def test_metrics_are_for_this_machine_only(anonymous: Browser) -> None:
    assert "daiban_jobs" in anonymous.text("/metrics")
    assert anonymous.get("/metrics", environ_base={"REMOTE_ADDR": "203.0.113.9"}).status_code == 404


def test_pages_work_while_redis_is_away(browser: Browsers, valkey: EmbeddedValkey) -> None:
    valkey.stop()
    try:
        assert browser("alice").get("/p/alice/").status_code == 200
        assert browser("alice").get("/readyz").status_code == 503
    finally:
        valkey.start()


@pytest.mark.parametrize("fault", [psycopg.OperationalError("gone"), PoolTimeout("all connections are in use")])
def test_a_database_that_is_away_is_no_fault_of_the_program(app: Flask, ground: Settings, fault: Exception) -> None:
    with app.test_request_context("/"):
        answer = app.make_response(app.handle_user_exception(fault))
    assert answer.status_code == 503
    assert "系统暂时无法连接数据库" in answer.get_data(as_text=True)
