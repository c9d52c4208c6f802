"""The sandbox's WeChat sign-in: what the two pages refuse, and how strict the two calls are."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest

from saas.sandbox.control import SandboxControl, SandboxRefused

DOMAIN = "127.0.0.1:9"
BACK = f"http://{DOMAIN}/back?x=1"
App = dict[str, Any]


@pytest.fixture
def site(control: SandboxControl) -> App:
    return control.create_sign_in_app("site", domain=DOMAIN, open_account="one")


@pytest.fixture
def account(control: SandboxControl) -> App:
    return control.create_sign_in_app("account", domain=DOMAIN, open_account="one")


def page(control: SandboxControl, app: App, **changes: str) -> str:
    site = app["kind"] == "site"
    query = {
        "appid": app["appid"], "redirect_uri": BACK, "response_type": "code",
        "scope": "snsapi_login" if site else "snsapi_userinfo", "state": "s1",
    }  # fmt: skip
    path = "/connect/qrconnect" if site else "/connect/oauth2/authorize"
    return f"{control.base_url}{path}?{urlencode(query | changes)}#wechat_redirect"


def code_of(control: SandboxControl, app: App, person: str = "梅姐", **changes: str) -> str:
    back = control.sign_in(page(control, app, **changes), person=person)
    query = parse_qs(urlsplit(back).query)
    assert (back.split("?")[0], query["x"], query["state"]) == (f"http://{DOMAIN}/back", ["1"], ["s1"])
    return query["code"][0]


def call(control: SandboxControl, path: str, **query: str) -> dict[str, Any]:
    answer = httpx2.get(f"{control.base_url}/sns/{path}", params=query)
    assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (200, "text/plain")
    found: dict[str, Any] = json.loads(answer.content)
    return found


def exchange(control: SandboxControl, app: App, found: str, **changes: str) -> dict[str, Any]:
    given = {"appid": app["appid"], "secret": app["secret"], "code": found, "grant_type": "authorization_code"}
    return call(control, "oauth2/access_token", **(given | changes))


@pytest.mark.parametrize("kind", ["site", "account"])
def test_a_person_signs_in(kind: str, control: SandboxControl, site: App, account: App) -> None:
    app = site if kind == "site" else account
    token = exchange(control, app, code_of(control, app))
    person = call(control, "userinfo", access_token=token["access_token"], openid=token["openid"], lang="zh_CN")
    assert (person["nickname"], person["openid"]) == ("梅姐", token["openid"])
    assert person["unionid"] == token["unionid"]


def test_unions_are_one_and_openids_are_not(control: SandboxControl, site: App, account: App) -> None:
    one, other = (exchange(control, app, code_of(control, app)) for app in (site, account))
    assert one["unionid"] == other["unionid"]
    assert one["openid"] != other["openid"]
    ming = exchange(control, site, code_of(control, site, "小明"))
    assert ming["unionid"] != one["unionid"]
    alone = control.create_sign_in_app("site", domain=DOMAIN)
    assert "unionid" not in exchange(control, alone, code_of(control, alone))


def test_the_calls_are_strict(control: SandboxControl, site: App, account: App) -> None:
    code = code_of(control, site)
    for changes, errcode in (
        ({"appid": "wx0000000000000000"}, 40013), ({"secret": "0" * 32}, 40125), ({"secret": ""}, 41004),
        ({"code": "0" * 32}, 40029), ({"code": ""}, 41008), ({"grant_type": "password"}, 40002),
    ):  # fmt: skip
        assert exchange(control, site, code, **changes)["errcode"] == errcode
    assert exchange(control, account, code)["errcode"] == 40029  # another app's
    token = exchange(control, site, code)
    assert exchange(control, site, code)["errcode"] == 40163
    assert call(control, "userinfo", access_token="x", openid=token["openid"])["errcode"] == 40001
    assert call(control, "userinfo", access_token=token["access_token"], openid="x")["errcode"] == 40003


def test_codes_and_tokens_end(control: SandboxControl, site: App) -> None:
    code = code_of(control, site)
    token = exchange(control, site, code_of(control, site))
    control.move_clock(301)
    assert exchange(control, site, code)["errcode"] == 40029
    control.move_clock(7200)
    given = {"access_token": token["access_token"], "openid": token["openid"]}
    assert call(control, "userinfo", **given)["errcode"] == 42001


def test_a_silent_scope_tells_no_name(control: SandboxControl, account: App) -> None:
    token = exchange(control, account, code_of(control, account, scope="snsapi_base"))
    given = {"access_token": token["access_token"], "openid": token["openid"]}
    assert call(control, "userinfo", **given)["errcode"] == 48001


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"appid": "wx0000000000000000"}, "AppID"),
        ({"redirect_uri": "http://evil.test/back"}, "redirect_uri"),
        ({"scope": "snsapi_userinfo"}, "Scope"),
        ({"response_type": "token"}, "response_type"),
    ],
)
def test_the_page_refuses(changes: dict[str, str], words: str, control: SandboxControl, site: App) -> None:
    with pytest.raises(SandboxRefused, match=words):
        control.sign_in(page(control, site, **changes), person="梅姐")


def test_the_page_inside_wechat_opens_there_only(control: SandboxControl, account: App) -> None:
    assert "请在微信客户端打开链接" in httpx2.get(page(control, account), follow_redirects=True).text


def test_a_refusal_leads_back_without_a_code(control: SandboxControl, site: App, account: App) -> None:
    back = control.sign_in(page(control, account), person="梅姐", agree=False)
    assert parse_qs(urlsplit(back).query) == {"x": ["1"], "state": ["s1"]}
    assert control.sign_in(page(control, site), person="梅姐", agree=False) == ""
