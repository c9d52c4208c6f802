"""A provider's own host: her merchants' pages only, signing in is at the platform, and nobody forges the way."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from saas import clock
from saas.components.models import ComponentDomain
from saas.db import new_id, platform_session, tenant_session
from saas.onboarding import links
from saas.onboarding.links import Wanted
from saas.tenants import own_hosts
from saas.tenants.access import Verb
from saas.tenants.merchants import get_merchant
from saas.tenants.models import HandOver, LoginSession, OutgoingMail, Provider
from tests.cast import Cast
from tests.web.conftest import Browser
from tests.web.things import build_things

Browsers = Callable[[str], Browser]
HOST, OWN = "xcx.alice.example", "http://xcx.alice.example:8000"
OURS = "http://localhost:8000"
HANDED = re.compile(rf"{re.escape(OWN)}/m/alice/come-over/[\w-]+\?next=")


class Away(Browser):
    """The same browser at another host: its cookies lie there."""

    def __init__(self, browser: Browser, host: str = f"{HOST}:8000") -> None:
        super().__init__(browser.client)
        self.base = f"http://{host}"

    def get(self, path: str, **kwargs: object) -> TestResponse:
        return self.client.get(path.removeprefix(self.base), base_url=self.base, **kwargs)

    def post(self, path: str, data: dict[str, object] | None = None, **kwargs: object) -> TestResponse:
        token = {"csrf_token": self.csrf_token()}
        return self.client.post(path, data={**token, **(data or {})}, base_url=self.base, **kwargs)

    def csrf_token(self) -> str:
        found = re.search(r'"X-CSRFToken": "([^"]+)"', self.get("/no-such-page").get_data(as_text=True))
        assert found
        return found[1]


@pytest.fixture
def hosted(cast: Cast) -> Cast:
    """Alice's host leads here; charlie has one, too."""
    with platform_session("test") as db:
        for slug in ("alice", "charlie"):
            db.execute(
                update(Provider)
                .where(Provider.slug == slug)
                .values(host_name=f"xcx.{slug}.example", host_seen_at=clock.now())
            )
    return cast


def entry_path(cast: Cast) -> str:
    with tenant_session(cast.alices) as db:
        merchant = get_merchant(db, cast.who["alice"], cast.meis, Verb.WORK)
        link = links.make_link(db, merchant, Wanted(authorize=False), who=cast.who["alice"])
    return f"/m/alice/join/{link.token}"


def cross(person: Browser, path: str = "/m/alice/") -> TestResponse:
    """From the own host to ours, and back to where the platform sends her."""
    asked = Away(person).get(path)
    assert asked.status_code == 303
    assert asked.location.startswith(f"{OURS}/m/alice/hand-over?")
    return person.get(asked.location.removeprefix(OURS), base_url=OURS)


def test_mei_goes_over_and_is_at_home(hosted: Cast, browser: Browsers) -> None:
    mei = browser("mei")
    handed = cross(mei, "/m/alice/notices")
    assert HANDED.match(handed.location)
    answer = Away(mei).get(handed.location)
    assert (answer.status_code, answer.location) == (303, "/m/alice/notices")
    assert Away(mei).get("/m/alice/").status_code == 200
    assert mei.get("/m/alice/").status_code == 200


def test_an_anonymous_visitor_signs_in_at_our_address_under_the_brand(hosted: Cast, browser: Browsers) -> None:
    nobody = browser("")
    answer = cross(nobody)
    assert answer.status_code == 303
    assert answer.location.startswith("/sign-in?next=/m/alice/hand-over")
    page = nobody.get(answer.location)
    text = page.get_data(as_text=True)
    assert "由 爱丽服务 通过代办提供服务" in text
    assert f" {OWN};" in page.headers["Content-Security-Policy"]
    assert 'name="next" value="/m/alice/hand-over?next=' in text


def test_a_sign_in_at_the_own_host_is_worth_nothing_elsewhere(hosted: Cast, browser: Browsers, app: Flask) -> None:
    """Who owns the name may read its cookies, so a stolen one must open nothing else."""
    mei = browser("mei")
    Away(mei).get(cross(mei).location)
    stolen = mei.client.get_cookie("daiban", domain=HOST)
    assert stolen
    thief = app.test_client()
    thief.set_cookie("daiban", stolen.value, domain="localhost")
    assert thief.get("/m/alice/").status_code == 200
    for path in ("/account", "/p/alice/", "/m/charlie/", "/operator/"):
        assert thief.get(path).status_code == 303, path
        assert "/sign-in" in thief.get(path).location


def test_cookies_are_of_one_host(hosted: Cast, browser: Browsers) -> None:
    mei = browser("mei")
    answer = Away(mei).get(cross(mei).location)
    for value in answer.headers.getlist("Set-Cookie"):
        assert "domain=" not in value.lower()
    assert Away(mei, "xcx.charlie.example:8000").get("/m/charlie/").status_code == 303


def test_only_her_own_merchants_pages_are_there(hosted: Cast, browser: Browsers) -> None:
    mei = browser("mei")
    Away(mei).get(cross(mei).location)
    away = Away(mei)
    for path, status in (
        ("/m/alice/", 200), ("/m/charlie/", 404), ("/m/nobody/", 404), ("/t/charlie/brand.css", 404),
        ("/t/alice/brand.css", 200), (entry_path(hosted).replace("alice", "charlie"), 404), ("/nothing", 404),
        ("/healthz", 200), ("/static/app.css", 200), ("/wx/x/events", 404),
    ):  # fmt: skip
        with away.get(path) as answer:
            assert (path, answer.status_code) == (path, status)
    for path in (
        "/p/alice/", "/operator/", "/sign-up", "/account", "/terms", "/sign-in/phone?next=/m/alice/", "/mails",
    ):  # fmt: skip
        answer = away.get(path)
        assert (answer.status_code, answer.location) == (303, OURS + path)
    assert Away(mei, f"{HOST.upper()}.").get("/p/alice/").location == f"{OURS}/p/alice/"
    home = away.get("/")
    assert (home.status_code, home.location) == (303, "/m/alice/")
    for path in ("/sign-in", "/p/alice/settings", "/operator/providers", "/sign-in/wechat", "/sign-in/phone"):
        assert away.post(path).status_code in (404, 405), path


def test_members_do_not_get_their_console_there(hosted: Cast, browser: Browsers) -> None:
    alice = Away(browser("alice"))
    assert alice.get("/p/alice/settings").location == f"{OURS}/p/alice/settings"
    assert alice.post("/p/alice/settings", {"name": "x"}).status_code == 404


def test_the_join_page_leads_to_our_address_to_sign_in(hosted: Cast, browser: Browsers) -> None:
    path = entry_path(hosted)
    nobody = browser("")
    page = Away(nobody).get(path)
    text = page.get_data(as_text=True)
    assert "登录由代办平台办理" in text
    assert 'action="/sign-in/phone"' not in text
    found = re.search(r'href="(/sign-in\?next=[^"]+)"', text)
    assert found
    asked = Away(nobody).get(found[1])
    assert parse_qs(urlsplit(asked.location).query)["next"] == [path]
    assert f" {OURS};" in page.headers["Content-Security-Policy"]


def test_a_newcomer_is_asked_before_she_is_made_known(hosted: Cast, browser: Browsers) -> None:
    path = entry_path(hosted)
    ming = browser("ming")
    asked = Away(ming).get(f"/sign-in?next={path}").location.removeprefix(OURS)
    page = ming.get(asked)
    assert page.status_code == 200
    assert "对方会知道您是“Ming”" in page.get_data(as_text=True)
    with platform_session("test") as db:
        assert db.scalars(select(HandOver)).all() == []
    handed = ming.post(asked)
    assert HANDED.match(handed.location)
    away = Away(ming)
    assert away.get(handed.location).location == path
    assert away.post(path, {"agreed": "1"}).location == "/m/alice/"
    assert away.get("/m/alice/").status_code == 200


def test_a_hand_over_works_once_soon_and_in_the_browser_that_asked(
    hosted: Cast, browser: Browsers, app: Flask, move_clock: Callable[[float], None]
) -> None:
    mei = browser("mei")
    first = cross(mei).location
    thief = Away(Browser(app.test_client()))
    assert thief.get(first).status_code == 410
    thief.get("/m/alice/")  # now it holds a secret of its own
    assert thief.get(first).status_code == 410
    assert Away(mei).get(first).status_code == 410  # somebody else had it
    second = cross(mei).location
    move_clock(61)
    assert Away(mei).get(second).status_code == 410
    third = cross(mei).location
    assert Away(mei).get(third).status_code == 303
    fourth = Away(Browser(app.test_client())).get(third)
    assert fourth.status_code == 410


def test_a_hand_over_is_good_at_its_own_host_only(hosted: Cast, browser: Browsers) -> None:
    mei = browser("mei")
    handed = cross(mei).location
    token = handed.partition("/come-over/")[2].partition("?")[0]
    assert mei.get(f"/m/alice/come-over/{token}").status_code == 404
    charlies = Away(mei, "xcx.charlie.example:8000")
    charlies.get("/m/charlie/")
    assert charlies.get(f"/m/charlie/come-over/{token}").status_code == 410
    assert Away(mei, "xcx.unknown.example:8000").get(f"/m/alice/come-over/{token}").status_code == 404


def test_nothing_but_a_merchants_page_is_gone_on_to(hosted: Cast, browser: Browsers) -> None:
    mei = browser("mei")
    Away(mei).get("/m/alice/")
    asker = hashlib.sha256(b"x").hexdigest()
    for target in ("https://evil.example/", "//evil.example", "/p/alice/", "/m/charlie/", "/sign-out"):
        handed = mei.get("/m/alice/hand-over", query_string={"asker": asker, "next": target})
        assert handed.location.startswith(f"{OWN}/m/alice/come-over/")
        assert parse_qs(urlsplit(handed.location).query)["next"] == ["/m/alice/"]
    for wrong in ("", "zz", "00"):
        assert mei.get("/m/alice/hand-over", query_string={"asker": wrong}).status_code == 404


def test_an_unproved_host_gets_no_sign_in(hosted: Cast, browser: Browsers) -> None:
    """The name is typed, but nobody has seen that it leads here: she stays at our address."""
    with platform_session("test") as db:
        db.execute(update(Provider).where(Provider.slug == "alice").values(host_seen_at=None))
    mei = browser("mei")
    assert cross(mei, "/m/alice/notices").location == "/m/alice/notices"
    with platform_session("test") as db:
        assert db.scalars(select(HandOver)).all() == []


def test_signing_out_ends_the_sign_in_at_both_addresses(hosted: Cast, browser: Browsers) -> None:
    mei = browser("mei")
    away = Away(mei)
    away.get(cross(mei).location)
    out = away.post("/sign-out")
    assert out.location == f"{OURS}/sign-in?next=/m/alice/"
    assert mei.get("/m/alice/").status_code == 303
    with platform_session("test") as db:
        assert all(row.revoked_at for row in db.scalars(select(LoginSession)))


def test_signing_out_at_our_address_ends_the_other_and_nobody_elses(hosted: Cast, browser: Browsers) -> None:
    mei, hana = browser("mei"), browser("hana")
    away = Away(mei)
    away.get(cross(mei).location)
    mei.post("/sign-out")
    assert away.get("/m/alice/").status_code == 303
    assert hana.get("/m/alice/").status_code == 200


def test_our_own_question_is_answered_at_named_hosts_only(hosted: Cast, browser: Browsers) -> None:
    question = own_hosts.QUESTION + "0" * 32
    nobody = browser("")
    answer = Away(nobody).get(question)
    assert answer.status_code == 200
    assert Away(nobody, "xcx.charlie.example").get(question).data != answer.data
    assert nobody.get(question).status_code == 404
    assert Away(nobody, "unknown.example").get(question).status_code == 404


def test_a_forged_host_header_confirms_nothing(hosted: Cast, browser: Browsers) -> None:
    with platform_session("test") as db:
        db.execute(update(Provider).where(Provider.slug == "alice").values(host_seen_at=None))
    forger = browser("")
    for path in ("/", "/m/alice/", own_hosts.QUESTION + "0" * 32, entry_path(hosted)):
        forger.get(path, headers={"Host": HOST})
        forger.get(path, headers={"Host": "localhost:8000", "X-Forwarded-Host": HOST})
    with platform_session("test") as db:
        assert db.scalar(select(Provider.host_seen_at).where(Provider.slug == "alice")) is None


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8000", "[::1]:8000", "[::1", "unknown.example", "web-1"])
def test_other_hosts_are_treated_as_ours(hosted: Cast, browser: Browsers, host: str) -> None:
    answer = browser("").get("/healthz", headers={"Host": host})
    assert answer.status_code == 200
    assert browser("").get("/sign-in", headers={"Host": host}).status_code in (200, 400)


def test_authorizing_stays_at_our_address(hosted: Cast, browser: Browsers) -> None:
    things = build_things(hosted)
    away = Away(browser(""))
    for page in ("", "/progress", "/return?auth_code=x"):
        path = f"/m/alice/authorize/{things['token']}{page}"
        assert away.get(path).location == OURS + path
    assert away.post(f"/m/alice/authorize/{things['token']}/open", {"device": "phone"}).status_code == 404


def test_links_and_mails_use_the_host_once_it_is_proved(hosted: Cast, browser: Browsers) -> None:
    def send() -> OutgoingMail:
        with tenant_session(hosted.alices) as db:
            alice = hosted.who["alice"]
            merchant = get_merchant(db, alice, hosted.meis, Verb.WORK)
            link = links.make_link(db, merchant, Wanted(authorize=False), who=alice)
            links.mail_link(db, link, merchant, who=alice, to="nora@example.com")
        with platform_session("test") as db:
            return db.scalars(select(OutgoingMail).order_by(OutgoingMail.id.desc())).all()[0]

    mail = send()
    assert f"\n{OWN}/m/alice/join/" in mail.body_text
    assert f'<a href="{OWN}/m/alice/join/' in mail.body_html
    with platform_session("test") as db:
        db.execute(update(Provider).where(Provider.slug == "alice").values(host_seen_at=None))
    assert f"\n{OURS}/m/alice/join/" in send().body_text


@pytest.mark.parametrize(
    ("person", "status"), [("alice", 200), ("anna", 200), ("max", 403), ("bob", 403), ("charlie", 404)]
)
def test_only_managers_see_and_change_it(browser: Browsers, cast: Cast, person: str, status: int) -> None:
    assert browser(person).get("/p/alice/settings/host").status_code == status
    changed = browser(person).post("/p/alice/settings/host", {"host": HOST}).status_code
    assert changed == (303 if status == 200 else status)


def test_the_settings_page_names_what_is_wrong(hosted: Cast, browser: Browsers) -> None:
    alice = browser("alice")
    assert "域名已生效" in alice.text("/p/alice/settings/host")
    taken = alice.post("/p/alice/settings/host", {"host": "xcx.charlie.example"})
    assert taken.status_code == 422
    text = taken.get_data(as_text=True)
    assert "这个域名不能使用" in text
    assert "查理" not in text
    assert "是平台的域名" in alice.post("/p/alice/settings/host", {"host": "x.localhost"}).get_data(as_text=True)
    assert alice.post("/p/alice/settings/host", {"host": "other.alice.example"}).status_code == 303
    assert "等待解析" in alice.text("/p/alice/settings/host")
    assert alice.post("/p/alice/settings/host/look").status_code == 303
    assert "打不开 http://other.alice.example:8000" in alice.text("/p/alice/settings/host")
    assert alice.post("/p/alice/settings/host", {"host": ""}).status_code == 303


def test_a_host_that_wechat_took_for_another_provider_is_refused(cast: Cast, browser: Browsers) -> None:
    things = build_things(cast)
    with tenant_session(cast.alices) as db:
        db.add(
            ComponentDomain(
                id=new_id(), provider_id=cast.alices, component_id=things["component_id"], kind="business",
                host="h5.alice.example", wished=True, published=True,
            )
        )  # fmt: skip
    refused = browser("charlie").post("/p/charlie/settings/host", {"host": "h5.alice.example"})
    assert refused.status_code == 422
    assert "这个域名不能使用" in refused.get_data(as_text=True)
    assert browser("alice").post("/p/alice/settings/host", {"host": "h5.alice.example"}).status_code == 303
