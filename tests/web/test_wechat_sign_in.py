"""Signing in with WeChat at a real sandbox: new and known people, forged ways back, and a provider's own app."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from sqlalchemy import select

from saas import clock
from saas.config import settings
from saas.db import platform_session, tenant_session
from saas.sandbox.control import SandboxControl
from saas.sandbox.control_sign_in import IN_WECHAT
from saas.sandbox.server import RunningSandbox
from saas.tenants import identities, wechat_apps, wechat_messages
from saas.tenants.identities import Elsewhere
from saas.tenants.models import Activity, Consent, Identity, MerchantMembership, MerchantRole, User, WeChatSignIn
from saas.tenants.providers import own_provider
from tests.cast import PASSWORD, Cast
from tests.web.conftest import Browser
from tests.web.test_phone_sign_in import code
from tests.web.test_sign_in import cookie

Open = Callable[[str], Browser]
DOMAIN = "localhost:8000"


@pytest.fixture
def control(tmp_path: Path, home: Path) -> Iterator[SandboxControl]:
    """A sandbox that lives in the program's time."""
    sandbox = RunningSandbox(tmp_path / "sandbox.sqlite", clock_file=home / "clock")
    with sandbox, SandboxControl(sandbox.url) as control:
        yield control


@pytest.fixture
def wechat(cast: Cast, control: SandboxControl, monkeypatch: pytest.MonkeyPatch) -> Iterator[SandboxControl]:
    """The platform has a website app and an official account at the sandbox."""
    for kind in ("site", "account"):
        made = control.create_sign_in_app(kind, domain=DOMAIN, open_account="platform")
        monkeypatch.setenv(f"DAIBAN_WECHAT_SIGN_IN_{kind.upper()}", f"{made['appid']}:{made['secret']}")
    monkeypatch.setenv("DAIBAN_WECHAT_API_URL", control.base_url)
    monkeypatch.setenv("DAIBAN_WECHAT_OPEN_URL", control.base_url)
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    settings.cache_clear()
    yield control
    monkeypatch.undo()
    settings.cache_clear()


def another(browser: Open) -> Browser:
    return Browser(browser("").client.application.test_client())


def go(browser: Browser, next_page: str = "/", *, path: str = "/sign-in/wechat", phone: bool = False) -> str:
    """The address of WeChat's page."""
    headers = {"User-Agent": IN_WECHAT} if phone else {}
    answer = browser.post(path, {"next": next_page, "agreed": "1"}, headers=headers)
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return str(answer.location)


def back(wechat: SandboxControl, address: str, person: str = "梅姐", agree: bool = True) -> str:
    parts = urlsplit(wechat.sign_in(address, person=person, agree=agree))
    assert parts.netloc == DOMAIN
    return f"{parts.path}?{parts.query}"


def bind(cast: Cast, wechat: SandboxControl, browser: Open, name: str = "mei") -> None:
    person = browser(name)
    assert person.get(back(wechat, go(person, path="/account/wechat"))).location == "/account"


def make_own_apps(cast: Cast, wechat: SandboxControl) -> None:
    site, account = (wechat.create_sign_in_app(k, domain=DOMAIN, open_account="alices") for k in ("site", "account"))
    with tenant_session(cast.alices) as db:
        wechat_apps.change_apps(
            db, own_provider(db), who=cast.who["alice"], site_appid=site["appid"], site_secret=site["secret"],
            account_appid=account["appid"], account_secret=account["secret"],
        )  # fmt: skip


def test_the_address_has_wechats_parameters_in_its_order(browser: Open, wechat: SandboxControl) -> None:
    parts = urlsplit(go(browser("")))
    assert parts.path == "/connect/qrconnect"
    assert parts.fragment == "wechat_redirect"
    assert [pair.split("=")[0] for pair in parts.query.split("&")] == [
        "appid", "redirect_uri", "response_type", "scope", "state",
    ]  # fmt: skip
    query = parse_qs(parts.query)
    assert query["redirect_uri"] == ["http://localhost:8000/sign-in/wechat/back"]
    assert query["scope"] == ["snsapi_login"]
    inside = urlsplit(go(another(browser), phone=True))
    assert (inside.path, parse_qs(inside.query)["scope"]) == ("/connect/oauth2/authorize", ["snsapi_userinfo"])


@pytest.mark.parametrize("phone", [False, True])
def test_a_new_wechat_asks_before_it_makes_an_account(
    browser: Open, cast: Cast, wechat: SandboxControl, phone: bool
) -> None:
    nora = browser("")
    answer = nora.get(back(wechat, go(nora, "/m/alice/", phone=phone)))
    assert answer.location == "/sign-in/wechat/new?next=/m/alice/"
    assert "您好，梅姐" in nora.text(answer.location)
    with platform_session("test") as db:
        assert db.scalars(select(Identity)).all() == []
    assert nora.post(answer.location).location == "/m/alice/"
    assert nora.get("/m/alice/").status_code == 404
    assert "邀请链接" in nora.text("/")
    with platform_session("test") as db:
        identity = db.scalars(select(Identity)).one()
        assert len(db.scalars(select(Consent).where(Consent.user_id == identity.user_id)).all()) == 2
    again = another(browser)
    assert again.get(back(wechat, go(again, phone=not phone))).location == "/"  # the union makes it one person
    with platform_session("test") as db:
        assert {one.user_id for one in db.scalars(select(Identity))} == {identity.user_id}


def test_an_existing_account_is_found_by_number_and_bound(browser: Open, cast: Cast, wechat: SandboxControl) -> None:
    with platform_session("test") as db:
        identities.change_phone(db, cast.users["mei"], "+8613800138000")
    mei = browser("")
    page = mei.text(mei.get(back(wechat, go(mei, "/m/alice/"))).location)
    other = page.split('btn btn-primary w-100" href="')[1].split('"')[0].replace("&amp;", "&")
    assert other.startswith("/sign-in/phone?next=/account/wechat/confirm")
    target = parse_qs(urlsplit(other).query)["next"][0]
    step = mei.post(other, {"phone": "13800138000", "agreed": "1", "next": target}).location
    confirm = mei.post(step, {"code": code()}).location
    assert confirm == "/account/wechat/confirm?next=/m/alice/"
    assert "绑定微信“梅姐”" in mei.text(confirm)
    with platform_session("test") as db:
        assert db.scalars(select(Identity)).all() == []  # not without being asked
    assert mei.post(confirm).location == "/m/alice/"
    again = another(browser)
    assert again.get(back(wechat, go(again, "/m/alice/"))).location == "/m/alice/"
    assert "梅记茶铺" in again.text("/m/alice/")


def test_a_wechat_is_bound_and_taken_off_on_the_account_page(browser: Open, cast: Cast, wechat: SandboxControl) -> None:
    bind(cast, wechat, browser)
    page = browser("mei").text("/account")
    assert "梅姐" in page
    ming = browser("ming")
    answer = ming.get(back(wechat, go(ming, path="/account/wechat")))
    assert answer.status_code == 409
    assert "已经绑定另一个账号" in answer.get_data(as_text=True)
    remove = page.split('href="/account/wechat/')[1].split('"')[0]
    assert ming.get(f"/account/wechat/{remove}").status_code == 404
    assert ming.post(f"/account/wechat/{remove}").status_code == 404
    assert browser("mei").post(f"/account/wechat/{remove}").location == "/account"
    with platform_session("test") as db:
        assert db.scalars(select(Identity)).all() == []


def test_agreeing_is_needed(browser: Open, wechat: SandboxControl) -> None:
    answer = browser("").post("/sign-in/wechat", {"next": "/m/alice/"})
    assert answer.location == "/sign-in/phone?next=/m/alice/"


def test_a_way_back_belongs_to_the_browser_that_set_out(browser: Open, cast: Cast, wechat: SandboxControl) -> None:
    """Login CSRF: the attacker's own way back opened in her victim's browser signs nobody in."""
    bind(cast, wechat, browser)
    attacker, victim = browser(""), another(browser)
    address = back(wechat, go(attacker))
    assert victim.get(address).status_code == 422
    assert victim.get("/account").status_code == 303
    go(victim)
    assert victim.get(address).status_code == 422
    assert attacker.get(address).status_code == 303


def test_a_way_back_works_once(browser: Open, cast: Cast, wechat: SandboxControl) -> None:
    bind(cast, wechat, browser)
    mei = browser("")
    address = back(wechat, go(mei))
    assert mei.get(address).status_code == 303
    assert mei.get(address).status_code == 422


@pytest.mark.parametrize("query", ["", "?code=x", "?state=x", "?code=x&state=x", "?error=access_denied"])
def test_an_invented_way_back_is_refused(query: str, browser: Open, wechat: SandboxControl) -> None:
    go(browser(""))
    assert browser("").get(f"/sign-in/wechat/back{query}").status_code == 422


def test_a_state_is_old_after_a_quarter_of_an_hour(
    browser: Open, wechat: SandboxControl, move_clock: Callable[[float], None]
) -> None:
    mei = browser("")
    address = back(wechat, go(mei))
    move_clock(901)
    assert mei.get(address).status_code == 422


def test_a_foreign_code_is_told_as_wechat_tells_it(browser: Open, wechat: SandboxControl) -> None:
    mei = browser("")
    state = parse_qs(urlsplit(go(mei)).query)["state"][0]
    answer = mei.get(f"/sign-in/wechat/back?{urlencode({'code': '0' * 32, 'state': state})}")
    assert answer.status_code == 502
    assert "40029" in answer.get_data(as_text=True)


def test_a_refusal_on_the_phone_leads_back_to_sign_in(browser: Open, wechat: SandboxControl) -> None:
    mei = browser("")
    answer = mei.get(back(wechat, go(mei, "/m/alice/", phone=True), agree=False))
    assert answer.location == "/sign-in?next=/m/alice/"
    assert "您没有同意微信登录" in mei.text(answer.location)


def test_wechat_away_is_said(browser: Open, wechat: SandboxControl, monkeypatch: pytest.MonkeyPatch) -> None:
    mei = browser("")
    address = back(wechat, go(mei))
    monkeypatch.setenv("DAIBAN_WECHAT_API_URL", "http://127.0.0.1:1")
    settings.cache_clear()
    answer = mei.get(address)
    assert answer.status_code == 502
    assert "微信没有回应" in answer.get_data(as_text=True)


@pytest.mark.parametrize("next_page", ["//evil.test", "https://evil.test", "/\\evil.test"])
def test_next_leads_to_pages_of_ours_only(next_page: str, browser: Open, cast: Cast, wechat: SandboxControl) -> None:
    bind(cast, wechat, browser)
    mei = browser("")
    assert mei.get(back(wechat, go(mei, next_page))).location == "/"


def test_signing_in_changes_the_session(browser: Open, cast: Cast, wechat: SandboxControl) -> None:
    bind(cast, wechat, browser)
    mei = browser("")
    with mei.client.session_transaction() as session:
        session["planted"] = "by somebody"
    mei.get(back(wechat, go(mei)))
    kept = cookie(mei)
    assert "planted" not in kept
    assert not [name for name in kept if name.startswith("_state_wechat")]


def test_without_an_app_there_is_no_button(browser: Open, cast: Cast) -> None:
    assert "/sign-in/wechat" not in browser("").text("/sign-in")
    assert browser("").post("/sign-in/wechat", {"agreed": "1"}).status_code == 422
    assert "/account/wechat" not in browser("alice").text("/account")


def test_a_providers_own_app_is_used_on_its_pages_only(browser: Open, cast: Cast, wechat: SandboxControl) -> None:
    make_own_apps(cast, wechat)
    with tenant_session(cast.alices) as db:
        own = db.scalars(select(WeChatSignIn)).one()
    visitor = browser("")
    for page, appid in (
        ("/m/alice/", own.site_appid), ("/m/charlie/", settings().wechat_sign_in_site.split(":")[0]),
        ("/p/alice/", settings().wechat_sign_in_site.split(":")[0]),
    ):  # fmt: skip
        assert parse_qs(urlsplit(go(visitor, page)).query)["appid"] == [appid]


def test_a_sign_in_by_a_providers_own_app_opens_nothing_but_its_merchant_pages(
    browser: Open, cast: Cast, wechat: SandboxControl
) -> None:
    """Alice owns the app, so she could make WeChat's code for mei reach her own browser."""
    make_own_apps(cast, wechat)
    with platform_session("test") as db:
        db.add(
            MerchantMembership(
                provider_id=cast.charlies, merchant_id=cast.mings, user_id=cast.users["mei"], role=MerchantRole.OWNER
            )
        )
    first = browser("")
    meet = first.get(back(wechat, go(first, "/m/alice/"))).location
    assert meet == "/sign-in/wechat/new?next=/m/alice/"
    confirm = f"/account/wechat/confirm?{urlencode({'next': '/m/alice/'})}"
    first.post("/sign-in", {"email": "mei@example.com", "password": PASSWORD, "next": confirm})
    assert first.post(confirm).location == "/m/alice/"
    mei = another(browser)
    assert mei.get(back(wechat, go(mei, "/m/alice/"))).location == "/m/alice/"
    assert "梅记茶铺" in mei.text("/m/alice/")
    for path in ("/m/charlie/", "/p/alice/", "/operator/", "/account", "/account/phone"):
        answer = mei.get(path)
        assert (answer.status_code, answer.location) == (303, f"/sign-in?next={path}")
        assert mei.get(answer.location).status_code == 200  # and not round in circles
    assert mei.get("/").location == "/m/alice/"
    for path in ("/account/wechat", "/account/password", "/account/sessions/end-all", "/account/phone/remove"):
        assert mei.post(path).location == "/sign-in"
    mei.post("/sign-in", {"email": "mei@example.com", "password": PASSWORD})
    assert mei.get("/m/charlie/").status_code == 200


def test_a_provider_sets_and_tries_its_apps(browser: Open, cast: Cast, wechat: SandboxControl) -> None:
    alice, page = browser("alice"), "/p/alice/settings/wechat-sign-in"
    made = wechat.create_sign_in_app("site", domain=DOMAIN)
    for data, words in (
        ({"site_appid": "wx1"}, "AppID 以 wx 开头"),
        ({"site_appid": made["appid"]}, "请填写这个 AppID 的 AppSecret"),
        ({"site_appid": made["appid"], "site_secret": "short"}, "32 位"),
        ({"site_appid": made["appid"], "account_appid": made["appid"]}, "两个不同的 AppID"),
    ):
        answer = alice.post(page, data)
        assert answer.status_code == 422
        assert words in answer.get_data(as_text=True)
    alice.post(f"{page}/site/test")
    assert "请先填写并保存" in alice.text(page)
    for appid, secret, words in (
        (made["appid"], "0" * 32, "40125"), ("wx0000000000000000", made["secret"], "40013"),
        (made["appid"], made["secret"], "AppID 与 AppSecret 正确"),
    ):  # fmt: skip
        assert alice.post(page, {"site_appid": appid, "site_secret": secret}).status_code == 303
        alice.text(page)
        alice.post(f"{page}/site/test")
        assert words in alice.text(page)
    assert alice.post(page, {"site_appid": made["appid"]}).status_code == 303  # the secret stays
    text = alice.text(page)
    assert made["secret"] not in text
    alice.post(f"{page}/site/test")
    assert "AppID 与 AppSecret 正确" in alice.text(page)
    assert alice.post(page, {"site_appid": "", "account_appid": ""}).status_code == 303
    with tenant_session(cast.alices) as db:
        kept = db.scalars(select(WeChatSignIn)).one()
        assert (kept.site_appid, kept.site_secret) == ("", "")
        verbs = db.scalars(select(Activity.verb).where(Activity.verb == "provider.change_wechat_sign_in")).all()
    assert len(verbs) == 4
    alice.post(f"{page}/account/test")
    assert "请先填写并保存" in alice.text(page)


def test_the_union_of_another_company_is_another_person(cast: Cast) -> None:
    with platform_session("test") as db:
        identities.bind_identity(db, cast.users["mei"], Elsewhere("wechat:wx1", "o1", "u1"))
        assert identities.person_of(db, Elsewhere("wechat:wx2", "o1", "u2")) is None
        assert identities.person_of(db, Elsewhere("wechat:wx2", "o1", "")) is None
        assert db.scalars(select(User).where(User.id == cast.users["mei"])).one().email == "mei@example.com"


def test_a_provider_lets_its_service_account_remind(
    browser: Open, cast: Cast, wechat: SandboxControl, run_jobs: Callable[..., list[str]]
) -> None:
    alice, page = browser("alice"), "/p/alice/settings/wechat-sign-in"
    assert "请先在上面填写服务号" in alice.text(page)
    given = {"template_id": "x" * 43, "name_field": "thing1", "step_field": "thing2", "time_field": "time3"}
    assert alice.post(f"{page}/reminders", given).status_code == 422
    make_own_apps(cast, wechat)
    with tenant_session(cast.alices) as db:
        own = db.scalars(select(WeChatSignIn)).one()
    answer = alice.post(f"{page}/reminders", given | {"name_field": "name"})
    text = answer.get_data(as_text=True)
    assert (answer.status_code, "如 thing1" in text, own.account_appid in text) == (422, True, True)
    answer = alice.post(page, {"site_appid": "wx1", "account_appid": own.account_appid})
    assert answer.status_code == 422
    assert alice.post(f"{page}/reminders", given).status_code == 303
    text = alice.text(page)
    assert 'value="thing2"' in text
    assert "x" * 43 in text
    with tenant_session(cast.alices) as db:
        kept = db.scalars(select(WeChatSignIn)).one()
        assert (kept.reminder_template, kept.account_appid) == ("x" * 43, own.account_appid)
        assert kept.reminder_fields == {"name": "thing1", "step": "thing2", "time": "time3"}
        to = [wechat_messages.Addressee("oX", "梅姐")]
        ends_at = clock.now()
        wechat_messages.send_reminder(
            db, kept, to, about_id=cast.meis, name="梅记点单", step="备案短信核验", ends_at=ends_at, url="https://x"
        )
    run_jobs()
    assert "梅姐：对方换了服务号或微信，须重新用微信登录一次（40003）" in alice.text(page)
    assert browser("max").post(f"{page}/reminders", given).status_code == 403
    assert browser("charlie").post(f"{page}/reminders", given).status_code == 404
    assert alice.post(f"{page}/reminders", {"template_id": ""}).status_code == 303
    with tenant_session(cast.alices) as db:
        assert db.scalars(select(WeChatSignIn)).one().reminder_fields == {}
    alice.client.set_cookie("daiban_language", "en")
    text = alice.text(page)
    assert "Remind merchants by your service account" in text
    assert "The account does not know this person" in text
