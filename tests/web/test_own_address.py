"""An e-mail address for an account that came by a number: confirmed by mail, and off again unless it is the last."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import select

from saas import clock
from saas.db import platform_session
from saas.tenants import phones
from saas.tenants.models import User
from tests.cast import PASSWORD, Cast
from tests.tenants.mailbox import last_link, mails_to
from tests.web.conftest import Browser
from tests.web.test_phone_sign_in import sign_in

Open = Callable[[str], Browser]
ADDRESS = "nora@example.com"


def nora(browser: Open) -> Browser:
    """Somebody who came by her number."""
    found = browser("")
    sign_in(found)
    return found


def ask(browser: Browser, email: str = ADDRESS) -> str:
    """The path of the mailed link."""
    assert browser.post("/account/email", {"email": email}).location == "/account/email?sent=1"
    return last_link(email, "account/email")


def user(email: str) -> User | None:
    with platform_session("test") as db:
        return db.scalar(select(User).where(User.email == email))


def test_she_adds_an_address_and_signs_in_by_it(cast: Cast, browser: Open) -> None:
    here = nora(browser)
    assert "/account/email" in here.text("/account")
    path = ask(here)
    assert user(ADDRESS) is None, "not before it is confirmed"
    assert ADDRESS in here.text(path)
    assert user(ADDRESS) is None, "looking is not enough"
    assert here.post(path.partition("?")[0], {"email": ADDRESS}).location == "/account"
    found = user(ADDRESS)
    assert found is not None
    assert found.is_confirmed
    assert found.phone_hash
    assert mails_to(ADDRESS)[-1].subject == "您的代办登录方式有变化"
    assert here.get(path).status_code == 410, "it works once"


def test_the_link_is_for_her_and_for_that_address(cast: Cast, browser: Open) -> None:
    here = nora(browser)
    path = ask(here)
    bare = path.partition("?")[0]
    assert browser("mei").get(path).status_code == 410
    assert browser("mei").post(bare, {"email": ADDRESS}).status_code == 410
    assert here.post(bare, {"email": "other@example.com"}).status_code == 410
    fresh = Browser(here.client.application.test_client())
    assert fresh.get(path).status_code == 303
    assert user(ADDRESS) is None
    assert here.post(bare, {"email": ADDRESS}).status_code == 303


def test_it_ends_after_an_hour(cast: Cast, browser: Open, move_clock: Callable[[float], None]) -> None:
    here = nora(browser)
    path = ask(here)
    move_clock(3601)
    assert here.get(path).status_code == 410


def test_a_taken_address_gets_the_same_answer_and_its_owner_a_mail(cast: Cast, browser: Open) -> None:
    here = nora(browser)
    assert here.post("/account/email", {"email": "MEI@example.com"}).location == "/account/email?sent=1"
    assert [mail.subject for mail in mails_to("mei@example.com") if "绑定这个邮箱" in mail.subject] == []
    assert len(mails_to("mei@example.com")) == 1


def test_an_address_that_was_taken_meanwhile(cast: Cast, browser: Open) -> None:
    here = nora(browser)
    path = ask(here)
    with platform_session("test") as db:
        db.add(User(email=ADDRESS, name="Other", email_verified_at=clock.now()))
    assert here.post(path.partition("?")[0], {"email": ADDRESS}).status_code == 410
    with platform_session("test") as db:
        one = phones.user_by_phone(db, "+8613800138000")
        assert one is not None
        assert one.email == ""


def test_who_has_one_cannot_add_another(cast: Cast, browser: Open) -> None:
    assert browser("mei").get("/account/email").location == "/account"
    assert browser("mei").post("/account/email", {"email": ADDRESS}).location == "/account"
    assert mails_to(ADDRESS) == []


def test_a_wrong_address_is_refused_at_its_field(cast: Cast, browser: Open) -> None:
    assert nora(browser).post("/account/email", {"email": "nora"}).status_code == 422


def test_the_last_way_in_stays(cast: Cast, browser: Open) -> None:
    mei = browser("mei")
    assert "/account/email/remove" not in mei.text("/account")
    mei.post("/account/email/remove")
    assert "唯一的登录方式" in mei.text("/account")
    assert user("mei@example.com") is not None


def test_it_comes_off_with_its_password(cast: Cast, browser: Open) -> None:
    here = nora(browser)
    here.post(ask(here).partition("?")[0], {"email": ADDRESS})
    assert "/account/email/remove" in here.text("/account")
    assert ADDRESS in here.text("/account/email/remove")
    assert here.post("/account/email/remove").location == "/account"
    assert user(ADDRESS) is None
    assert "解除了这个邮箱" in mails_to(ADDRESS)[-1].body_text
    assert here.text("/account").count("未绑定") >= 1


def test_members_keep_theirs(cast: Cast, browser: Open) -> None:
    with platform_session("test") as db:
        bob = db.scalars(select(User).where(User.id == cast.users["bob"])).one()
        phones.set_phone(db, bob, "+8613800138001")
    assert "/account/email/remove" not in browser("bob").text("/account")
    browser("bob").post("/account/email/remove")
    assert user("bob@example.com") is not None
    fresh = Browser(browser("bob").client.application.test_client())
    signed_in = fresh.post("/sign-in", {"email": "bob@example.com", "password": PASSWORD})
    assert signed_in.status_code == 303
