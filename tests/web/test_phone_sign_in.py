"""Signing in by a code and by a mailed link: the same answer for everybody, a fresh session, no way out."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import select, update

from saas import clock
from saas.config import settings
from saas.db import platform_session
from saas.tenants import identities, phones
from saas.tenants.models import Consent, MerchantMembership, MerchantRole, OutgoingMail, OutgoingText, User
from saas.web.security import limiter
from tests.cast import PASSWORD, Cast
from tests.tenants.mailbox import last_link, mails_to
from tests.web.conftest import Browser
from tests.web.test_sign_in import cookie

Browsers = Callable[[str], Browser]
PHONE = "+8613800138000"


def code() -> str:
    with platform_session("test") as db:
        message = db.scalars(select(OutgoingText).order_by(OutgoingText.id.desc())).first()
    assert message is not None
    return str(message.params["code"])


def ask(browser: Browser, phone: str = "138 0013 8000", **more: str) -> str:
    answer = browser.post("/sign-in/phone", {"phone": phone, "agreed": "1", **more})
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return str(answer.location)


def sign_in(browser: Browser, phone: str = "13800138000", **more: str) -> str:
    answer = browser.post(ask(browser, phone, **more), {"code": code()})
    assert answer.status_code == 303
    return str(answer.location)


@pytest.fixture
def meis_phone(cast: Cast) -> None:
    with platform_session("test") as db:
        identities.change_phone(db, cast.users["mei"], PHONE)


@pytest.mark.usefixtures("meis_phone")
def test_a_merchant_comes_to_her_page(browser: Browsers) -> None:
    mei = browser("")
    asked = mei.get("/m/alice/").location
    assert "/sign-in/phone?next=/m/alice/" in mei.text(asked).replace("%2F", "/")
    assert sign_in(mei, next="/m/alice/") == "/m/alice/"
    assert "梅记茶铺" in mei.text("/m/alice/")


def test_a_new_number_gets_an_account_and_advice(browser: Browsers, cast: Cast) -> None:
    nora = browser("")
    assert sign_in(nora) == "/"
    page = nora.text("/")
    assert "邀请链接" in page
    assert "138****8000" in page
    with platform_session("test") as db:
        user = phones.user_by_phone(db, PHONE)
        assert user is not None
        consents = db.scalars(select(Consent.document).where(Consent.user_id == user.id)).all()
    assert sorted(consents) == ["privacy", "terms"]
    assert nora.get("/m/alice/").status_code == 404
    assert nora.get("/p/alice/").status_code == 404


@pytest.mark.usefixtures("meis_phone")
def test_known_and_unknown_numbers_get_the_same_answers(browser: Browsers) -> None:
    seen = []
    for phone in ("13800138000", "13900139000"):
        one = browser("").client.application.test_client()
        visitor = Browser(one)
        page = ask(visitor, phone)
        text = visitor.text(page).replace(phone[:3], "").replace(phone[-4:], "")
        wrong = visitor.post(page, {"code": f"{(int(code()) + 1) % 1000000:06d}"})
        seen.append((page, len(text), wrong.status_code, "还可以试 4 次" in wrong.get_data(as_text=True)))
    assert seen[0] == seen[1]


def test_agreeing_is_needed(browser: Browsers, cast: Cast) -> None:
    answer = browser("").post("/sign-in/phone", {"phone": "13800138000"})
    assert answer.status_code == 422
    assert "请阅读并同意" in answer.get_data(as_text=True)
    with platform_session("test") as db:
        assert db.scalars(select(OutgoingText)).all() == []


def test_a_wrong_number_is_refused_at_its_field(browser: Browsers, cast: Cast) -> None:
    answer = browser("").post("/sign-in/phone", {"phone": "12345", "agreed": "1"})
    assert answer.status_code == 422
    assert 'value="12345"' in answer.get_data(as_text=True)
    assert "请填写 11 位的手机号码" in answer.get_data(as_text=True)


def test_a_second_message_within_a_minute_is_refused(
    browser: Browsers, cast: Cast, move_clock: Callable[[float], None]
) -> None:
    nora = browser("")
    page = ask(nora)
    assert nora.post("/sign-in/phone", {"phone": "13800138000", "agreed": "1"}).status_code == 429
    nora.post("/sign-in/phone/again")
    assert "验证码刚刚发过" in nora.text(page)
    move_clock(61)
    before = code()
    nora.post("/sign-in/phone/again")
    assert "验证码已重新发送" in nora.text(page)
    assert nora.post(page, {"code": before}).status_code == 422 or before == code()
    assert nora.post(page, {"code": code()}).status_code == 303


def test_only_the_browser_that_asked_may_try(browser: Browsers, app: object, cast: Cast) -> None:
    page = ask(browser(""))
    thief = Browser(browser("").client.application.test_client())
    assert thief.post(page, {"code": code()}).location.startswith("/sign-in/phone?")
    assert thief.get("/account").status_code == 303


def test_wrong_tries_are_counted_though_the_answer_rolls_back(browser: Browsers, cast: Cast) -> None:
    nora = browser("")
    page, right = ask(nora), code()
    for _ in range(5):
        assert nora.post(page, {"code": f"{(int(right) + 1) % 1000000:06d}"}).status_code == 422
    answer = nora.post(page, {"code": right})
    assert answer.status_code == 422
    assert "验证码已失效" in answer.get_data(as_text=True)


def test_signing_in_changes_the_session(browser: Browsers, cast: Cast) -> None:
    nora = browser("")
    with nora.client.session_transaction() as session:
        session["planted"] = "by somebody"
    before = nora.csrf_token()
    sign_in(nora)
    assert "planted" not in cookie(nora)
    assert "phone_code" not in cookie(nora)
    assert nora.csrf_token() != before


def test_the_number_does_not_stand_in_the_cookie(browser: Browsers, cast: Cast) -> None:
    nora = browser("")
    ask(nora)
    assert "13800138000" not in str(cookie(nora))


@pytest.mark.parametrize("next_page", ["//evil.test", "https://evil.test/", "/\\evil.test", "/\t/evil.test", "evil"])
def test_next_leads_to_pages_of_ours_only(next_page: str, browser: Browsers, cast: Cast) -> None:
    assert sign_in(browser(""), next=next_page) == "/"


def test_forms_need_the_csrf_token(browser: Browsers, cast: Cast) -> None:
    client = browser("").client
    for path in ("/sign-in/phone", "/sign-in/phone/code", "/sign-in/wechat", "/sign-in/mail"):
        assert client.post(path, data={"phone": "13800138000", "agreed": "1"}).status_code == 400


def test_a_blocked_person_learns_so_after_the_code_only(browser: Browsers, cast: Cast, meis_phone: None) -> None:
    with platform_session("test") as db:
        db.execute(update(User).where(User.id == cast.users["mei"]).values(blocked_at=clock.now()))
    mei = browser("")
    answer = mei.post(ask(mei), {"code": code()})
    assert answer.status_code == 422
    assert "该账号已停用" in answer.get_data(as_text=True)


@pytest.fixture
def no_gateway(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DAIBAN_SMS_URL", "")
    settings.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()


@pytest.mark.usefixtures("no_gateway")
def test_without_a_gateway_nobody_is_offered_a_code(browser: Browsers) -> None:
    assert "/sign-in/phone" not in browser("").text("/sign-in")
    assert browser("").get("/sign-in/phone").status_code == 404
    assert "/account/phone" not in browser("alice").text("/account")


def test_the_demo_shows_the_messages(browser: Browsers, cast: Cast) -> None:
    nora = browser("")
    ask(nora)
    page = nora.text("/mails")
    assert "+8613800138000" in page
    assert code() in page


def test_a_number_is_added_replaced_and_taken_off(
    browser: Browsers, cast: Cast, move_clock: Callable[[float], None]
) -> None:
    alice = browser("alice")
    assert "未绑定" in alice.text("/account")
    for phone in ("13800138000", "13900139000"):
        assert alice.post("/account/phone", {"phone": phone}).location == "/account/phone/code"
        assert alice.post("/account/phone/code", {"code": code()}).location == "/account"
        assert f"{phone[:3]}****{phone[-4:]}" in alice.text("/account")
    with platform_session("test") as db:
        assert phones.user_by_phone(db, PHONE) is None
    assert len(mails_to("alice@example.com")) == 2
    assert alice.post("/account/phone/remove").location == "/account"
    assert "未绑定" in alice.text("/account")


@pytest.mark.usefixtures("meis_phone")
def test_a_number_of_somebody_else_is_refused_once_the_code_is_right(browser: Browsers) -> None:
    alice = browser("alice")
    alice.post("/account/phone", {"phone": "13800138000"})
    assert alice.post("/account/phone/code", {"code": "000000"}).status_code == 422
    answer = alice.post("/account/phone/code", {"code": code()})
    assert answer.status_code == 422
    assert "已经是另一个账号的登录方式" in answer.get_data(as_text=True)


def test_a_code_to_sign_in_adds_no_number(browser: Browsers, cast: Cast) -> None:
    alice = browser("alice")
    alice.post("/account/phone", {"phone": "13800138000"})
    kept = cookie(alice)["phone_code"]
    thief = Browser(alice.client.application.test_client())
    with thief.client.session_transaction() as session:
        session["phone_code"] = kept
    assert thief.post("/sign-in/phone/code", {"code": code()}).location.startswith("/sign-in/phone?")


def test_one_person_switches_between_providers(browser: Browsers, cast: Cast, meis_phone: None) -> None:
    with platform_session("test") as db:
        db.add(
            MerchantMembership(
                provider_id=cast.charlies, merchant_id=cast.mings, user_id=cast.users["mei"], role=MerchantRole.HELPER
            )
        )
    mei = browser("")
    assert sign_in(mei) == "/"
    page = mei.text("/")
    assert 'href="/m/alice/"' in page
    assert 'href="/m/charlie/"' in page
    assert "商家协助人" in page


def test_a_mailed_link_signs_in_once(browser: Browsers, cast: Cast, move_clock: Callable[[float], None]) -> None:
    mei = browser("")
    answer = mei.post("/sign-in/mail", {"email": "MEI@example.com", "next": "/m/alice/"})
    assert (answer.status_code, answer.location) == (303, "/sign-in/mail/sent")
    link = last_link("mei@example.com", "sign-in/mail/")
    assert "mei@example.com" in mei.text(link)
    assert mei.get("/account").status_code == 303  # looking is not signing in
    answer = mei.post(link)
    assert (answer.status_code, answer.location) == (303, "/m/alice/")
    assert mei.post(link).status_code == 410
    mei.post("/sign-in/mail", {"email": "mei@example.com"})
    link = last_link("mei@example.com", "sign-in/mail/")
    move_clock(901)
    assert mei.get(link).status_code == 410


def test_an_unknown_address_gets_the_same_answer_and_no_mail(browser: Browsers, cast: Cast) -> None:
    answer = browser("").post("/sign-in/mail", {"email": "nobody@example.com"})
    assert (answer.status_code, answer.location) == (303, "/sign-in/mail/sent")
    with platform_session("test") as db:
        assert db.scalars(select(OutgoingMail)).all() == []


def test_a_mailed_link_confirms_an_address_and_shuts_out_whoever_knew_the_password(
    browser: Browsers, cast: Cast
) -> None:
    """An unconfirmed account may have been made by somebody else with her address."""
    with platform_session("test") as db:
        db.execute(update(User).where(User.id == cast.users["mei"]).values(email_verified_at=None))
    his, mei = browser("mei"), browser("")
    assert his.get("/account").status_code == 200
    mei.post("/sign-in/mail", {"email": "mei@example.com", "next": "/m/alice/"})
    [mail] = mails_to("mei@example.com")
    assert "/verify/" not in mail.body_text
    answer = mei.post(last_link("mei@example.com", "sign-in/mail/"))
    assert (answer.status_code, answer.location) == (303, "/m/alice/")
    assert mei.get("/m/alice/").status_code == 200
    assert his.get("/account").status_code == 303
    assert his.post("/sign-in", {"email": "mei@example.com", "password": PASSWORD}).status_code == 422


def test_messages_to_one_number_are_limited_before_the_rows(browser: Browsers, cast: Cast) -> None:
    limiter.reset()
    statuses = {browser("").post("/sign-in/phone", {"phone": f"+86 1380013{8000}", "agreed": "1"}).status_code
                for _ in range(21)}  # fmt: skip
    assert statuses == {303, 429}
