"""Coming in by an entry link on a phone: recognised by number, mail or password, asked for consent, and at home."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from saas import clock
from saas.db import platform_session, tenant_session
from saas.onboarding import links
from saas.onboarding.access import get_entry_link
from saas.onboarding.links import Wanted
from saas.onboarding.models import EntryLink
from saas.tenants import accounts
from saas.tenants.access import Verb
from saas.tenants.merchants import get_merchant
from saas.tenants.models import MerchantMembership, MerchantRole, User
from tests.cast import PASSWORD, Cast
from tests.tenants.mailbox import last_link, mails_to
from tests.web.conftest import Browser
from tests.web.test_phone_sign_in import sign_in

Open = Callable[[str], Browser]


def make(cast: Cast, wanted: Wanted | None = None) -> EntryLink:
    with tenant_session(cast.alices) as db:
        merchant = get_merchant(db, cast.who["alice"], cast.meis, Verb.WORK)
        return links.make_link(db, merchant, wanted or Wanted(authorize=False), who=cast.who["alice"])


@pytest.fixture
def link(cast: Cast) -> EntryLink:
    return make(cast)


def path(link: EntryLink) -> str:
    return f"/m/alice/join/{link.token}"


def opened(cast: Cast, link: EntryLink) -> int:
    with tenant_session(cast.alices) as db:
        return get_entry_link(db, cast.who["alice"], link.id, Verb.WORK).opened_count


def test_nora_comes_in_by_her_number(browser: Open, cast: Cast, link: EntryLink) -> None:
    nora = browser("")
    text = nora.text(path(link))
    assert "“爱丽服务”邀请您" in text
    assert "梅记茶铺" in text
    assert "说明版本" in text
    assert f'name="next" value="{path(link)}"' in text
    assert sign_in(nora, next=path(link)) == path(link)
    assert "同意并进入" in nora.text(path(link))
    refused = nora.post(path(link))
    assert refused.status_code == 422
    assert "请先阅读并勾选同意" in refused.get_data(as_text=True)
    answer = nora.post(path(link), {"agreed": "1", "name": "诺拉"})
    assert (answer.status_code, answer.location) == (303, "/m/alice/")
    assert "梅记茶铺" in nora.text("/m/alice/")
    assert nora.get(path(link)).location == "/m/alice/"
    shown = browser("alice").text(f"/p/alice/entry-links/{link.id}")
    assert "诺拉" in shown
    assert "138****8000" in shown
    assert "138****8000" in browser("alice").text(f"/p/alice/merchants/{cast.meis}")


def test_a_new_address_comes_in_by_a_mailed_link(browser: Open, cast: Cast, link: EntryLink) -> None:
    nora = browser("")
    assert nora.post(f"{path(link)}/mail", {"email": "nora@"}).status_code == 422
    assert nora.post(f"{path(link)}/mail", {"email": "Nora@example.com"}).status_code == 303
    mailed = last_link("nora@example.com", "sign-in/mail")
    assert "nora@example.com" in nora.text(mailed)
    answer = nora.post(mailed, {"next": path(link)})
    assert answer.location == path(link)
    assert nora.post(path(link), {"agreed": "1"}).location == "/m/alice/"
    assert "梅记茶铺" in nora.text("/m/alice/")
    with platform_session("test") as db:
        user = db.scalars(select(User).where(User.email == "nora@example.com")).one()
        assert user.email_verified_at is not None
        assert user.password_hash == ""
    assert nora.post("/sign-in", {"email": "nora@example.com", "password": ""}).status_code == 422


def test_whoever_signed_up_with_her_address_before_does_not_come_in_with_her(browser: Open, link: EntryLink) -> None:
    with platform_session("test") as db:
        accounts.create_person(db, "nora@example.com", "Nobody", PASSWORD, verified=False)
    nora, his = browser(""), Browser(browser("").client.application.test_client())
    form = {"email": "nora@example.com", "password": PASSWORD}
    assert his.post("/sign-in", form).status_code == 303
    assert nora.post(f"{path(link)}/mail", {"email": "nora@example.com"}).status_code == 303
    assert nora.post(last_link("nora@example.com", "sign-in/mail"), {"next": path(link)}).location == path(link)
    assert nora.post(path(link), {"agreed": "1"}).location == "/m/alice/"
    assert "梅记茶铺" in nora.text("/m/alice/")
    assert his.get("/m/alice/").location.startswith("/sign-in")
    assert his.post("/sign-in", form).status_code == 422


def test_somebody_with_an_account_signs_in_first(browser: Open, cast: Cast, link: EntryLink) -> None:
    ming = browser("")
    form = {"email": cast.email("ming"), "password": PASSWORD, "next": path(link)}
    assert ming.post("/sign-in", form).location == path(link)
    assert ming.post(path(link), {"agreed": "1"}).location == "/m/alice/"
    assert "梅记茶铺" in ming.text("/m/alice/")
    assert "梅记茶铺" not in ming.text("/m/charlie/")
    assert "/m/charlie/" in ming.text("/")


def test_nobody_comes_in_without_signing_in(browser: Open, cast: Cast, link: EntryLink) -> None:
    answer = browser("").post(path(link), {"agreed": "1"})
    assert (answer.status_code, answer.location) == (303, path(link))
    with tenant_session(cast.alices) as db:
        assert len(db.scalars(select(MerchantMembership)).all()) == 2


def test_whoever_does_not_come_in_keeps_her_name(browser: Open, cast: Cast, link: EntryLink) -> None:
    ming = browser("ming")

    def name() -> str:
        with platform_session("test") as db:
            return accounts.get_own_user(db, cast.users["ming"]).name

    assert ming.post(path(link), {"name": "明明"}).status_code == 422
    assert ming.post(path(link), {"name": "www.spam.com", "agreed": "1"}).status_code == 422
    assert name() == "Ming"
    assert ming.post(path(link), {"name": "明明", "agreed": "1"}).status_code == 303
    assert name() == "明明"
    assert browser("mei").post(path(link), {"name": "梅梅", "agreed": "1"}).status_code == 410
    with platform_session("test") as db:
        assert accounts.get_own_user(db, cast.users["mei"]).name == "Mei"


def test_a_helpers_link_makes_a_helper(browser: Open, cast: Cast) -> None:
    link = make(cast, Wanted(role=MerchantRole.HELPER, authorize=False))
    ming = browser("ming")
    assert "一起查看" in ming.text(path(link))
    ming.post(path(link), {"agreed": "1"})
    with tenant_session(cast.alices) as db:
        query = select(MerchantMembership.role).where(MerchantMembership.user_id == cast.users["ming"])
        assert db.scalar(query) == MerchantRole.HELPER


def test_only_visitors_are_counted(browser: Open, cast: Cast, link: EntryLink) -> None:
    browser("alice").text(path(link))
    browser("").client.head(path(link))
    assert opened(cast, link) == 0
    browser("").text(path(link))
    browser("mei").text(path(link))
    assert opened(cast, link) == 2


def test_used_revoked_expired_and_unknown_links_say_so(browser: Open, cast: Cast, link: EntryLink) -> None:
    browser("mei").post(path(link), {"agreed": "1"})
    late = browser("")
    answer = late.get(path(link))
    assert answer.status_code == 410
    assert "已经用过" in answer.get_data(as_text=True)
    assert browser("ming").post(path(link), {"agreed": "1"}).status_code == 410
    assert late.post(f"{path(link)}/mail", {"email": "nora@example.com"}).status_code == 410
    assert mails_to("nora@example.com") == []
    revoked, expired = make(cast), make(cast)
    with tenant_session(cast.alices) as db:
        alice = cast.who["alice"]
        links.revoke_link(db, get_entry_link(db, alice, revoked.id, Verb.WORK), who=alice)
        get_entry_link(db, alice, expired.id, Verb.WORK).expires_at = clock.now() - timedelta(seconds=1)
    for one, said in ((revoked, "已被撤销"), (expired, "已过期")):
        answer = late.get(path(one))
        assert answer.status_code == 410
        assert said in answer.get_data(as_text=True)
    assert late.get("/m/alice/join/nothing").status_code == 404
    assert late.get(f"/m/charlie/join/{make(cast).token}").status_code == 404


def test_a_page_is_small_and_speaks_english(browser: Open, link: EntryLink) -> None:
    text = browser("").text(path(link), headers={"Accept-Language": "en"})
    assert "invites you" in text
    main = text.split("<main")[1].split("</main>")[0]
    assert not [letter for letter in main if "\u4e00" <= letter <= "\u9fff" and letter not in "爱丽服务梅记茶铺"]
    assert len(text) < 20_000
