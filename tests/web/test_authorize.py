"""The public page of an authorization link, on to WeChat and back."""

# ruff: noqa: F811 - fixtures are imported and used by name

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
import structlog
from sqlalchemy import select

from saas.db import tenant_session
from saas.programs import links
from saas.programs.models import Grant, LinkStatus
from tests.components.small_wechat import refusal
from tests.programs.conftest import (  # noqa: F401
    CAFE,
    SHOP,
    Desk,
    Merchants,
    component,
    desk,
    merchants,
    ready,
    wechat_server,
)
from tests.web.conftest import Browser

Open = Callable[[str], Browser]


@pytest.fixture
def page(desk: Desk) -> str:
    return f"/m/alice/authorize/{desk.link().token}"


def newest_link(desk: Desk) -> LinkStatus:
    with tenant_session(desk.cast.alices) as db:
        return LinkStatus(links.list_links(db)[0].status)


def test_anybody_with_the_link_sees_who_asks_for_whom(anonymous: Browser, desk: Desk, page: str) -> None:
    text = anonymous.text(page)
    assert "爱丽服务" in text
    assert "梅记茶铺" in text
    assert "<svg" in text
    assert "在微信里授权" in text


def test_inside_wechat_only_the_phones_button_is_shown(anonymous: Browser, page: str) -> None:
    text = anonymous.text(page, headers={"User-Agent": "Mozilla/5.0 MicroMessenger/8.0"})
    assert "在电脑上打开微信授权页" not in text


def test_the_sets_that_a_link_asks_for_are_named(anonymous: Browser, desk: Desk) -> None:
    text = anonymous.text(f"/m/alice/authorize/{desk.link(permission_sets=[18]).token}")
    assert "开发管理" in text


def test_the_whole_way_from_link_to_success(
    anonymous: Browser,
    desk: Desk,
    merchants: Merchants,
    page: str,
) -> None:
    answer = anonymous.post(f"{page}/open", {"device": "phone"})
    assert answer.status_code == 303
    query = parse_qs(urlsplit(answer.location).query)
    assert query["redirect_uri"] == [f"http://localhost:8000{page}/return"]
    assert answer.location.endswith("#wechat_redirect")
    code = merchants.grants(CAFE)
    back = anonymous.get(f"{page}/return?auth_code={code}&expires_in=600")
    assert back.status_code == 303
    assert "auth_code" not in back.location
    waiting = anonymous.text(back.location)
    assert "正在确认授权" in waiting
    assert "hx-trigger" in waiting
    desk.run_jobs()
    part = anonymous.text(back.location, headers={"HX-Request": "true"})
    assert "授权成功" in part
    assert "青禾咖啡" in part
    assert "hx-trigger" not in part
    assert anonymous.get(f"{page}/return?auth_code={code}").status_code == 303
    assert anonymous.get(page).status_code == 410
    desk.run_jobs()
    assert merchants.server.calls["api_query_auth"] == 1


def test_a_computer_gets_wechats_page_with_the_qr_code(
    anonymous: Browser,
    merchants: Merchants,
    page: str,
) -> None:
    answer = anonymous.post(f"{page}/open", {"device": "computer"})
    assert "/cgi-bin/componentloginpage?" in answer.location
    assert "auth_type=2" in answer.location


def test_each_click_brings_a_new_code(anonymous: Browser, merchants: Merchants, page: str) -> None:
    first, second = (anonymous.post(f"{page}/open", {"device": "phone"}).location for _ in range(2))
    assert first != second


def test_wechat_down_at_the_click_says_so_and_the_link_works_later(
    anonymous: Browser,
    desk: Desk,
    merchants: Merchants,
    page: str,
) -> None:
    working = merchants.server.answers["api_create_preauthcode"]
    for code, words in ((-1, "微信暂时没有响应"), (61004, "暂时打不开微信授权页")):
        merchants.server.answers["api_create_preauthcode"] = refusal(code)
        answer = anonymous.post(f"{page}/open", {"device": "phone"})
        assert answer.status_code == 503
        assert words in answer.get_data(as_text=True)
    assert newest_link(desk) == LinkStatus.OPEN
    merchants.server.answers["api_create_preauthcode"] = working
    assert anonymous.post(f"{page}/open", {"device": "phone"}).status_code == 303


def test_links_that_are_over_say_so_and_call_nobody(
    anonymous: Browser,
    browser: Open,
    desk: Desk,
    merchants: Merchants,
    move_clock: Callable[[float], None],
) -> None:
    revoked, expired = desk.link(), desk.link()
    browser("alice").post(f"/p/alice/links/{revoked.id}/revoke")
    move_clock(8 * 86400)
    for link, words in ((revoked, "已被撤销"), (expired, "已过期")):
        path = f"/m/alice/authorize/{link.token}"
        for answer in (
            anonymous.get(path),
            anonymous.post(f"{path}/open", {"device": "phone"}),
        ):
            assert answer.status_code == 410
            assert words in answer.get_data(as_text=True)
        assert anonymous.get(f"{path}/return?auth_code=queryauthcode@@@x").status_code in (410, 422)
    assert merchants.server.calls.total() == 0


def test_unknown_tokens_and_the_links_of_another_provider_are_404(
    anonymous: Browser,
    merchants: Merchants,
    page: str,
) -> None:
    assert anonymous.get("/m/alice/authorize/nothing").status_code == 404
    assert anonymous.get(page.replace("/m/alice/", "/m/charlie/")).status_code == 404
    assert anonymous.post(page.replace("/m/alice/", "/m/charlie/") + "/open").status_code == 404
    assert anonymous.get("/m/nobody/authorize/nothing").status_code == 404
    assert anonymous.get(f"{page}/progress").status_code == 303


def test_a_return_without_a_code_or_before_any_click_is_explained(
    anonymous: Browser,
    desk: Desk,
    merchants: Merchants,
    page: str,
) -> None:
    assert anonymous.get(f"{page}/return?auth_code=queryauthcode@@@x").status_code == 422
    anonymous.post(f"{page}/open", {"device": "phone"})
    answer = anonymous.get(f"{page}/return")
    assert answer.status_code == 422
    assert "没有收到微信的授权结果" in answer.get_data(as_text=True)
    with tenant_session(desk.cast.alices) as db:
        assert db.scalars(select(Grant)).all() == []


def test_a_forged_code_is_explained_and_can_be_repeated(
    anonymous: Browser,
    desk: Desk,
    merchants: Merchants,
    page: str,
) -> None:
    anonymous.post(f"{page}/open", {"device": "phone"})
    anonymous.get(f"{page}/return?auth_code=queryauthcode@@@forged")
    desk.run_jobs()
    text = anonymous.text(f"{page}/progress")
    assert "授权没有完成" in text
    assert "61009" in text
    assert "重新授权" in text


def test_the_wrong_account_is_named_with_the_right_one(
    anonymous: Browser,
    desk: Desk,
    merchants: Merchants,
) -> None:
    desk.push(CAFE, merchants.grants(CAFE))
    desk.run_jobs()
    page = f"/m/alice/authorize/{desk.link(program=desk.programs()[CAFE].id).token}"
    assert "只限这个小程序" in anonymous.text(page)
    anonymous.post(f"{page}/open", {"device": "phone"})
    anonymous.get(f"{page}/return?auth_code={merchants.grants(SHOP)}")
    desk.run_jobs()
    text = anonymous.text(f"{page}/progress")
    assert "授权了另一个小程序" in text
    assert "青禾咖啡" in text
    assert "梅记茶铺" in text
    assert "重新授权" in text


def test_the_secret_of_a_link_stays_out_of_the_logs(anonymous: Browser, page: str) -> None:
    anonymous.text(page)
    logged = structlog.contextvars.get_contextvars()
    assert logged["path"] == "/m/<slug>/authorize/<token>"
    assert page.rpartition("/")[2] not in str(logged)


def test_clicking_without_end_is_stopped(anonymous: Browser, merchants: Merchants, page: str) -> None:
    token = anonymous.csrf_token()
    data = {"csrf_token": token, "device": "phone"}
    answers = [anonymous.client.post(f"{page}/open", data=data).status_code for _ in range(22)]
    assert answers[0] == 303
    assert answers[-1] == 429
    assert merchants.server.calls["api_create_preauthcode"] == answers.count(303)


def test_a_form_without_its_token_is_refused(anonymous: Browser, page: str) -> None:
    assert anonymous.client.post(f"{page}/open", data={"device": "phone"}).status_code == 400
