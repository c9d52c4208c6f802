"""A provider's entry links on screen: made, looked at, sent, revoked; forms refuse and keep what was typed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from saas import clock
from saas.db import tenant_session
from saas.onboarding import links
from saas.onboarding.access import get_entry_link
from saas.onboarding.links import Wanted
from saas.onboarding.models import EntryLink
from saas.tenants.access import Verb
from saas.tenants.merchants import get_merchant
from tests.cast import Cast
from tests.web.conftest import Browser

Open = Callable[[str], Browser]


def make(cast: Cast, *, for_many: bool = False) -> EntryLink:
    with tenant_session(cast.alices) as db:
        merchant = get_merchant(db, cast.who["alice"], cast.meis, Verb.WORK)
        return links.make_link(db, merchant, Wanted(authorize=False, for_many=for_many), who=cast.who["alice"])


@pytest.fixture
def link(cast: Cast) -> EntryLink:
    return make(cast)


def test_alice_makes_one_and_sees_its_qr_code(browser: Open, cast: Cast) -> None:
    alice, page = browser("alice"), f"/p/alice/merchants/{cast.meis}"
    assert f"{page}/entry-links/new" in alice.text(page)
    assert "勾选的资料由对方在手机上填写" in alice.text(f"{page}/entry-links/new")
    form = {"role": "owner", "people": "many", "days": "3", "parts": ["company", "filing"]}
    answer = alice.post(f"{page}/entry-links/new", form)
    assert answer.status_code == 303
    shown = alice.text(answer.location)
    assert "/m/alice/join/" in shown
    assert "<svg" in shown
    assert "填写主体与法人、备案资料" in shown
    assert "还没有人通过这个链接进入" in shown
    assert "还没有人打开" in alice.text(page)
    assert "生成邀请链接" in alice.text("/p/alice/activity")


def test_a_form_that_makes_no_sense_is_shown_again(browser: Open, cast: Cast) -> None:
    alice, path = browser("alice"), f"/p/alice/merchants/{cast.meis}/entry-links/new"
    answer = alice.post(path, {"role": "helper", "people": "one", "days": "3", "parts": ["company"]})
    assert answer.status_code == 422
    text = answer.get_data(as_text=True)
    assert "协作者只能查看，不能授权或填写资料" in text
    assert 'value="helper" checked' in text
    assert 'value="company" checked' in text
    for wrong in ({"role": "king"}, {"parts": ["soul"]}, {"programs": [str(cast.mings)]}, {"days": "400"}):
        form = {"role": "owner", "people": "one", "days": "3", **wrong}
        assert alice.post(path, form).status_code == 422


def test_it_is_sent_by_mail_or_text_message(browser: Open, link: EntryLink, cast: Cast) -> None:
    alice, path = browser("alice"), f"/p/alice/entry-links/{link.id}"
    refused = alice.post(f"{path}/send", {"to": "nobody@", "locale": "zh_CN"})
    assert refused.status_code == 422
    assert 'value="nobody@"' in refused.get_data(as_text=True)
    assert alice.post(f"{path}/send", {"to": "13800138000", "locale": "zh_CN"}).status_code == 303
    assert "138****8000" in alice.text(path)
    refused = alice.post(f"{path}/send", {"to": "mei@example.com", "locale": "zh_CN"})
    assert refused.status_code == 422
    assert "刚刚发送过" in refused.get_data(as_text=True)


def test_revoking_is_asked_first(browser: Open, link: EntryLink, cast: Cast) -> None:
    alice, path = browser("alice"), f"/p/alice/entry-links/{link.id}"
    assert "链接立即失效" in alice.text(f"{path}/revoke")
    assert alice.post(f"{path}/revoke").status_code == 303
    text = alice.text(path)
    assert "已撤销" in text
    assert link.token not in text
    assert alice.post(f"{path}/revoke").status_code == 409
    assert alice.post(f"{path}/send", {"to": "13800138000", "locale": "zh_CN"}).status_code == 422


def test_the_list_pages_and_says_when_it_is_empty(browser: Open, cast: Cast) -> None:
    alice, path = browser("alice"), f"/p/alice/merchants/{cast.meis}/entry-links"
    assert "还没有邀请链接" in alice.text(path)
    for _ in range(21):
        make(cast)
    first = alice.text(path)
    assert first.count("/p/alice/entry-links/") == 20
    with tenant_session(cast.alices) as db:
        merchant = get_merchant(db, cast.who["alice"], cast.meis, Verb.VIEW)
        rows = links.list_links(db, merchant, limit=30)
    assert f"before={rows[19].id}" in first
    assert alice.text(f"{path}?before={rows[19].id}").count("/p/alice/entry-links/") == 1


def test_bob_sees_that_there_are_links_but_no_secret(browser: Open, link: EntryLink, cast: Cast) -> None:
    bob = browser("bob")
    text = bob.text(f"/p/alice/merchants/{cast.meis}/entry-links")
    assert "可以使用" in text
    assert link.token not in text
    assert str(link.id) not in text
    assert bob.get(f"/p/alice/entry-links/{link.id}").status_code == 403


def test_an_ended_link_offers_a_new_one(browser: Open, link: EntryLink, cast: Cast) -> None:
    with tenant_session(cast.alices) as db:
        get_entry_link(db, cast.who["alice"], link.id, Verb.WORK).expires_at = clock.now() - timedelta(days=1)
    text = browser("alice").text(f"/p/alice/entry-links/{link.id}")
    assert "已过期" in text
    assert "生成新链接" in text
