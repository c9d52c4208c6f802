"""Mails to merchants look like their provider, say whose they are, and fetch nothing when they are read."""

from __future__ import annotations

from collections.abc import Callable
from email import message_from_string, policy

import pytest
from sqlalchemy import select

from saas.db import platform_session, tenant_session
from saas.onboarding import links
from saas.onboarding.links import Wanted
from saas.tenants import branding, invitations
from saas.tenants.access import Verb
from saas.tenants.merchants import get_merchant
from saas.tenants.models import OutgoingMail, OutgoingText, Role
from saas.tenants.providers import own_provider
from tests.cast import Cast
from tests.tenants.test_letters import _Server, post_office  # noqa: F401


@pytest.fixture
def branded(cast: Cast) -> Cast:
    with tenant_session(cast.alices) as db:
        branding.change_brand(
            db, own_provider(db), who=cast.who["alice"], name="小爱建站", colour="#ffd400", contact="微信 xiaoai"
        )
    return cast


def send(cast: Cast, locale: str = "zh_CN") -> OutgoingMail:
    with tenant_session(cast.alices) as db:
        merchant = get_merchant(db, cast.who["alice"], cast.meis, Verb.WORK)
        link = links.make_link(db, merchant, Wanted(authorize=False), who=cast.who["alice"])
        links.mail_link(db, link, merchant, who=cast.who["alice"], to="nora@example.com", locale=locale)
    with platform_session("test") as db:
        return db.scalars(select(OutgoingMail)).one()


def test_an_entry_link_comes_from_the_brand(branded: Cast) -> None:
    mail = send(branded)
    assert mail.subject.startswith("“小爱建站”邀请您")
    assert mail.sender == "小爱建站 · 代办"
    for body in (mail.body_text, mail.body_html):
        assert "有问题请联系：微信 xiaoai" in body
        assert "由 爱丽服务 通过代办提供服务" in body
    assert "background:#ffd400;color:#000000" in mail.body_html
    assert "<img" not in mail.body_html
    assert "url(" not in mail.body_html


def test_it_speaks_english_too(branded: Cast) -> None:
    mail = send(branded, "en")
    assert mail.sender == "小爱建站 · Daiban"
    assert "Questions? Contact 微信 xiaoai" in mail.body_text


def test_without_a_brand_it_is_the_providers_name(cast: Cast) -> None:
    mail = send(cast)
    assert mail.sender == "爱丽服务 · 代办"
    assert "有问题请联系" not in mail.body_text
    assert "background:#;" not in mail.body_html
    assert "爱丽服务</p>" in mail.body_html


def test_merchants_are_invited_by_the_brand_and_members_by_the_provider(branded: Cast) -> None:
    with tenant_session(branded.alices) as db:
        alice = branded.who["alice"]
        merchant = get_merchant(db, alice, branded.meis, Verb.WORK)
        invitations.invite_to_merchant(db, alice, merchant, "nora@example.com")
        invitations.invite_member(db, who=alice, email="paul@example.com", role=Role.MEMBER)
    with platform_session("test") as db:
        found = {mail.to: mail for mail in db.scalars(select(OutgoingMail))}
    assert found["nora@example.com"].sender == "小爱建站 · 代办"
    assert "“小爱建站”正在为" in found["nora@example.com"].body_text
    assert found["paul@example.com"].sender == ""
    assert "小爱建站" not in found["paul@example.com"].body_text


def test_texts_name_the_brand_and_keep_the_platforms_signature(branded: Cast) -> None:
    with tenant_session(branded.alices) as db:
        alice = branded.who["alice"]
        merchant = get_merchant(db, alice, branded.meis, Verb.WORK)
        link = links.make_link(db, merchant, Wanted(authorize=False), who=alice)
        links.text_link(db, link, merchant, who=alice, to="13800138000")
    with platform_session("test") as db:
        text = db.scalars(select(OutgoingText)).one().text
    assert text.startswith("【代办】小爱建站邀请您")


def test_the_name_stands_before_the_platforms_address(
    branded: Cast, post_office: _Server, run_jobs: Callable[..., list[str]]  # noqa: F811
) -> None:  # fmt: skip
    send(branded)
    run_jobs()
    (letter,) = post_office.letters
    (sender,) = message_from_string(letter, policy=policy.default)["From"].addresses
    assert (sender.display_name, sender.addr_spec) == ("小爱建站 · 代办", "daiban@example.com")


@pytest.mark.parametrize("name", ['小爱 "建站", <a@b>', "nora@home"])
def test_a_strange_name_cannot_change_the_address(
    cast: Cast, name: str, post_office: _Server, run_jobs: Callable[..., list[str]]  # noqa: F811
) -> None:  # fmt: skip
    with tenant_session(cast.alices) as db:
        branding.change_brand(db, own_provider(db), who=cast.who["alice"], name=name, colour="", contact="")
    send(cast)
    run_jobs()
    (sender,) = message_from_string(post_office.letters[0], policy=policy.default)["From"].addresses
    assert (sender.display_name, sender.addr_spec) == (f"{name} · 代办", "daiban@example.com")
