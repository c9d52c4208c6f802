"""Signing up through the pages: the way in, and what strangers may not learn on it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from sqlalchemy import func, select, update

from saas.config import Settings
from saas.db import platform_session
from saas.tenants.models import OutgoingMail, Provider, User
from tests.cast import Cast
from tests.tenants.mailbox import last_link, mails_to
from tests.web.conftest import Browser

Browsers = Callable[[str], Browser]
NORA = {
    "provider_name": "北风科技", "slug": "north", "name": "诺拉", "email": "nora@example.com",
    "password": "green tea and rain", "agreed": "y",
}  # fmt: skip


def plain(answer: object) -> str:
    """A page without what differs by chance."""
    return re.sub(r"csrf_token\W+value=\"[^\"]+\"|X-CSRFToken\": \"[^\"]+", "", answer.get_data(as_text=True))  # type: ignore[attr-defined]


def test_from_the_form_to_the_own_dashboard(anonymous: Browser) -> None:
    answer = anonymous.post("/sign-up", NORA)
    assert (answer.status_code, answer.location) == (303, "/sign-up/mail")
    assert "请查收邮件" in anonymous.text("/sign-up/mail")
    path = last_link("nora@example.com", "verify")
    assert "nora@example.com" in anonymous.text(path)
    assert anonymous.post(path).status_code == 303
    signed_in = anonymous.post("/sign-in", {"email": NORA["email"], "password": NORA["password"]})
    assert signed_in.status_code == 303
    assert anonymous.client.get("/", follow_redirects=True).request.path == "/p/north/"
    assert "北风科技" in anonymous.text("/p/north/")


def test_opening_the_link_alone_confirms_nothing(anonymous: Browser) -> None:
    """Mail scanners open every link."""
    anonymous.post("/sign-up", NORA)
    path = last_link("nora@example.com", "verify")
    for _ in range(2):
        assert anonymous.get(path).status_code == 200
    with platform_session("test") as db:
        assert db.scalars(select(User.email_verified_at)).one() is None


def test_another_browser_confirms_with_the_password_only(browser: Browsers, anonymous: Browser) -> None:
    """A link that comes unasked was asked for by somebody who signed up with her address."""
    browser("").post("/sign-up", NORA)
    path = last_link("nora@example.com", "verify")
    elsewhere = browser("mei")
    assert 'name="password"' in elsewhere.text(path)
    for given in ({}, {"password": "wrong"}):
        answer = elsewhere.post(path, given)
        assert answer.status_code == 422
        with platform_session("test") as db:
            assert db.scalars(select(User.email_verified_at).where(User.email == NORA["email"])).one() is None
    assert "密码不正确" in answer.get_data(as_text=True)
    anonymous.post("/sign-up", {**NORA, "slug": "other"})  # taken: this browser did not sign up
    assert 'name="password"' in anonymous.text(path)
    assert elsewhere.post(path, {"password": NORA["password"]}).status_code == 303
    with platform_session("test") as db:
        assert db.scalars(select(User.email_verified_at).where(User.email == NORA["email"])).one()


def test_a_used_or_invented_link_is_over(anonymous: Browser) -> None:
    anonymous.post("/sign-up", NORA)
    path = last_link("nora@example.com", "verify")
    anonymous.post(path)
    for gone in (path, "/verify/" + "A" * 43, "/reset/" + "A" * 43, "/invitations/" + "A" * 43):
        assert anonymous.get(gone).status_code == 410
        assert anonymous.post(gone).status_code == 410


def test_a_taken_address_gets_the_same_answer(browser: Browsers, cast: Cast) -> None:
    free, taken = browser(""), browser("")
    answers = [
        free.post("/sign-up", NORA),
        taken.post("/sign-up", {**NORA, "slug": "other", "email": "Alice@example.com"}),
    ]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert answers[0].location == answers[1].location
    assert [mail.subject for mail in mails_to("alice@example.com")] == ["您已有代办账号"]


def test_an_unconfirmed_person_is_led_to_confirm_first(anonymous: Browser) -> None:
    anonymous.post("/sign-up", NORA)
    anonymous.post("/sign-in", {"email": NORA["email"], "password": NORA["password"]})
    for path in ("/", "/p/north/"):
        page = anonymous.client.get(path, follow_redirects=True)
        assert "请先确认" in page.get_data(as_text=True)
    page = anonymous.text("/verify")
    assert "nora@example.com" in page
    first = last_link("nora@example.com", "verify")
    assert anonymous.post("/verify/again").status_code == 303
    second = last_link("nora@example.com", "verify")
    assert first != second
    anonymous.post(second)
    assert anonymous.get("/p/north/").status_code == 200


def test_asking_for_the_mail_again_is_limited(anonymous: Browser) -> None:
    anonymous.post("/sign-up", NORA)
    anonymous.post("/sign-in", {"email": NORA["email"], "password": NORA["password"]})
    answers = [anonymous.post("/verify/again").status_code for _ in range(7)]
    assert answers[0] == 303
    assert answers[-1] == 429
    assert len(mails_to("nora@example.com")) < 8


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"email": "nora"}, "邮箱格式不正确"),
        ({"password": "short"}, "密码至少 10 个字符"),
        ({"password": "password123"}, "太常见"),
        ({"slug": "admin"}, "不能使用"),
        ({"slug": "alice"}, "已被使用"),
        ({"name": ""}, "请填写这一项"),
        ({"agreed": ""}, "请阅读并同意"),
    ],
)
def test_bad_input_keeps_the_form_and_names_the_fault(
    anonymous: Browser, cast: Cast, change: dict[str, str], words: str
) -> None:
    answer = anonymous.post("/sign-up", {**NORA, **change})
    assert answer.status_code == 422
    page = answer.get_data(as_text=True)
    assert words in page
    assert "北风科技" in page
    assert NORA["password"] not in page
    with platform_session("test") as db:
        assert db.scalar(select(func.count()).select_from(Provider)) == 2


def test_a_form_without_its_token_gets_a_designed_answer(anonymous: Browser) -> None:
    answer = anonymous.client.post("/sign-up", data=NORA)
    assert answer.status_code == 400
    assert "表单已失效" in answer.get_data(as_text=True)
    with platform_session("test") as db:
        assert db.scalar(select(func.count()).select_from(User)) == 0


def test_the_texts_name_their_version_in_both_languages(anonymous: Browser) -> None:
    for path, words in (("/terms", "Terms of service"), ("/privacy", "Privacy policy")):
        assert "2026-11-25" in anonymous.text(path)
        assert words in anonymous.text(path, headers={"Accept-Language": "en"})


def test_mails_speak_the_language_of_the_page(anonymous: Browser) -> None:
    anonymous.client.post(
        "/sign-up", data={**NORA, "csrf_token": anonymous.csrf_token()}, headers={"Accept-Language": "en"}
    )
    assert [mail.subject for mail in mails_to("nora@example.com")] == ["Please confirm your e-mail address"]


def test_the_demos_mails_are_shown_with_their_links(anonymous: Browser) -> None:
    anonymous.post("/sign-up", NORA)
    page = anonymous.text("/mails")
    assert f'href="http://localhost:8000{last_link("nora@example.com", "verify")}"' in page


def test_a_mail_is_sent_once(ground: Settings, anonymous: Browser, run_jobs: Callable[..., list[str]]) -> None:
    anonymous.post("/sign-up", NORA)
    assert run_jobs() == ["jobs.tenants.send_mail"]
    with platform_session("test") as db:
        sent = db.scalars(select(OutgoingMail.sent_at)).one()
    assert sent is not None
    from jobs.tenants import send_mail

    with platform_session("test") as db:
        mail = db.scalars(select(OutgoingMail)).one()
        send_mail(db, mail.id, 2)
        assert mail.sent_at == sent


def test_a_blocked_persons_page_ends_at_once(browser: Browsers, cast: Cast) -> None:
    from saas import clock

    alice = browser("alice")
    assert alice.get("/p/alice/").status_code == 200
    with platform_session("test") as db:
        db.execute(update(User).where(User.id == cast.users["alice"]).values(blocked_at=clock.now()))
    assert alice.get("/p/alice/").location == "/sign-in?next=/p/alice/"
