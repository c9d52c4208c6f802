from __future__ import annotations

from pathlib import Path

import httpx2

from saas.sandbox.control import SandboxControl
from saas.sandbox.server import RunningSandbox
from tests.sandbox.platform import Platform, refused


def test_a_new_component_gets_a_ticket_at_once_and_then_every_ten_minutes(platform: Platform) -> None:
    assert len(platform.events("component_verify_ticket")) == 1
    platform.control.move_clock(601)
    platform.control.push_ticket(platform.appid)  # wakes the pusher, which also finds the due one
    assert len(platform.events("component_verify_ticket")) >= 2


def test_start_push_ticket_needs_the_secret_and_says_when_it_ran_already(platform: Platform) -> None:
    with refused(40125):
        platform.wx.component.api_start_push_ticket(component_secret="0" * 32)
    answer = platform.wx.component.api_start_push_ticket(component_secret=platform.values["secret"])
    assert answer["errmsg"] == "in a normal state"
    platform.control.stop_tickets(platform.appid)
    answer = platform.wx.component.api_start_push_ticket(component_secret=platform.values["secret"])
    assert answer["errmsg"] == "ok"


def test_a_ticket_dies_after_twelve_hours(platform: Platform) -> None:
    platform.control.stop_tickets(platform.appid)
    platform.control.move_clock(12 * 3600 + 60)
    with refused(61005):
        platform.tokens.component_token()


def test_a_foreign_ticket_is_refused(platform: Platform) -> None:
    with refused(61006):
        platform.wx.component.api_component_token(
            component_appsecret=platform.values["secret"], component_verify_ticket="ticket@@@made-up"
        )


def test_the_old_component_token_lives_five_minutes_on(platform: Platform) -> None:
    old = platform.tokens.component_token()
    platform.tokens.component_token(refused=old)
    platform.tokens.component = old
    platform.wx.templates.gettemplatelist()
    assert platform.tokens.component == old
    platform.control.move_clock(301)
    platform.wx.templates.gettemplatelist()
    assert platform.tokens.component != old


def test_a_token_expires_after_two_hours(platform: Platform, shop: str) -> None:
    platform.wx.code.queryquota(shop)
    platform.control.move_clock(7201)
    platform.wx.code.queryquota(shop)
    assert platform.control.all_counts()["refused"]["setCodeAuditQuota"] == {"42001": 1}


def test_refreshing_keeps_the_refresh_token(platform: Platform, shop: str) -> None:
    before = platform.tokens.refresh[shop]
    answer = platform.wx.component.api_authorizer_token(shop, authorizer_refresh_token=before)
    assert answer["authorizer_refresh_token"] == before
    assert platform.control.all_counts()["by_appid"][shop]["getAuthorizerAccessToken"] == 1


def test_a_void_refresh_token_can_be_read_from_the_list(platform: Platform, shop: str) -> None:
    platform.control.void_refresh_token(platform.appid, shop)
    with refused(61023):
        platform.wx.component.api_authorizer_token(shop, authorizer_refresh_token=platform.tokens.refresh[shop])
    listed = platform.wx.component.api_get_authorizer_list()["list"][0]
    platform.wx.component.api_authorizer_token(shop, authorizer_refresh_token=listed["refresh_token"])


def test_a_revoked_account_answers_61003_to_every_call(platform: Platform, shop: str) -> None:
    assert platform.control.revoke(platform.appid, shop)
    assert platform.events("unauthorized")[-1]["AuthorizerAppid"] == shop
    with refused(61003):
        platform.wx.code.queryquota(shop)
    with refused(61003):
        platform.wx.component.api_authorizer_token(shop, authorizer_refresh_token=platform.tokens.refresh[shop])


def test_tokens_of_a_revoked_authorization_stay_dead(platform: Platform, shop: str) -> None:
    old = platform.tokens.authorizers[shop]
    platform.control.revoke(platform.appid, shop)
    platform.connect()
    platform.tokens.authorizers[shop] = old
    platform.wx.code.queryquota(shop)
    assert platform.tokens.authorizers[shop] != old


def test_a_code_works_once_and_for_an_hour(platform: Platform) -> None:
    appid = platform.control.accounts(nick_name="明明书店")[0]["appid"]
    code = platform.control.grant(platform.appid, appid)
    listed = platform.wx.component.api_get_authorizer_list()["list"]
    assert "refresh_token" not in listed[0]
    platform.exchange(code)
    with refused(61009):
        platform.exchange(code)
    late = platform.control.grant(platform.appid, appid)
    platform.control.move_clock(3601)
    platform.control.wait_for_pushes()
    with refused(61010):
        platform.exchange(late)


def test_tokens_live_on_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "kept.sqlite"
    with RunningSandbox(path) as first, SandboxControl(first.url) as control:
        platform = Platform(control)
        token = platform.tokens.component_token()
        platform.close()
    with RunningSandbox(path) as second, SandboxControl(second.url) as control:
        assert [one["appid"] for one in control.components()] == [platform.appid]
        answer = httpx2.get(f"{second.url}/wxa/gettemplatelist", params={"access_token": token}, trust_env=False)
        assert answer.json()["errcode"] == 0


def test_the_moved_clock_is_written_for_others_to_read(platform: Platform, tmp_path: Path) -> None:
    platform.control.move_clock(100)
    platform.control.move_clock(20)
    assert (tmp_path / "clock").read_text() == "120"
    platform.control.reset_clock()
    assert (tmp_path / "clock").read_text() == "0"
