"""The sandbox's service accounts: tokens, and what a template message has to be."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest

from saas.sandbox.control import SandboxControl, SandboxRefused

DOMAIN = "127.0.0.1:9"
FIELDS = {"thing1": "小程序名称", "time2": "截止时间"}
App = dict[str, Any]


@pytest.fixture
def app(control: SandboxControl) -> App:
    """A service account that 梅姐 follows, with one template."""
    made = control.create_sign_in_app("account", domain=DOMAIN, name="爱丽服务号")
    control.follow(made["appid"], person="梅姐")
    return made | {"template_id": control.add_message_template(made["appid"], FIELDS)}


def call(control: SandboxControl, path: str, body: Any, **query: str) -> dict[str, Any]:
    content = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    answer = httpx2.post(f"{control.base_url}/cgi-bin/{path}", params=query, content=content)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def ask_token(control: SandboxControl, app: App, **changes: Any) -> dict[str, Any]:
    given = {"grant_type": "client_credential", "appid": app["appid"], "secret": app["secret"]}
    return call(control, "stable_token", given | changes)


def openid(control: SandboxControl, app: App, person: str) -> str:
    query = {
        "appid": app["appid"], "redirect_uri": f"http://{DOMAIN}/back", "response_type": "code",
        "scope": "snsapi_base", "state": "s",
    }  # fmt: skip
    back = control.sign_in(f"{control.base_url}/connect/oauth2/authorize?{urlencode(query)}", person=person)
    code = parse_qs(urlsplit(back).query)["code"][0]
    given = {"appid": app["appid"], "secret": app["secret"], "code": code, "grant_type": "authorization_code"}
    answer = httpx2.get(f"{control.base_url}/sns/oauth2/access_token", params=given)
    return str(json.loads(answer.content)["openid"])


def message(control: SandboxControl, app: App, person: str = "梅姐", **changes: Any) -> dict[str, Any]:
    return {
        "touser": openid(control, app, person), "template_id": app["template_id"], "url": "https://example.com/w/1",
        "data": {"thing1": {"value": "梅记点单"}, "time2": {"value": "2026年12月1日 15:01"}},
    } | changes  # fmt: skip


def send(control: SandboxControl, app: App, body: Any, token: str = "") -> int:
    token = token or ask_token(control, app)["access_token"]
    return int(call(control, "message/template/send", body, access_token=token)["errcode"])


def test_the_token_stays_the_same_until_it_ends_or_is_forced(control: SandboxControl, app: App) -> None:
    first = ask_token(control, app)
    assert (first["expires_in"], ask_token(control, app)["access_token"]) == (7200, first["access_token"])
    control.move_clock(7000)
    second = ask_token(control, app)["access_token"]
    assert second != first["access_token"]
    body = message(control, app)
    assert send(control, app, body, first["access_token"]) == 0, "the old one stays good to its end"
    third = ask_token(control, app, force_refresh=True)["access_token"]
    assert send(control, app, body, second) == 40001
    control.move_clock(7201)
    assert send(control, app, body, third) == 42001


def test_the_calls_are_strict(control: SandboxControl, app: App) -> None:
    for changes, errcode in (
        ({"appid": "wx0000000000000000"}, 40013), ({"secret": "0" * 32}, 40125), ({"secret": ""}, 41004),
        ({"grant_type": "password"}, 40002), ({"force_refresh": "yes"}, 47001), ({"more": "x"}, 47001),
    ):  # fmt: skip
        assert ask_token(control, app, **changes)["errcode"] == errcode
    good = message(control, app)
    assert call(control, "message/template/send", good)["errcode"] == 41001
    assert httpx2.get(f"{control.base_url}/cgi-bin/stable_token").json()["errcode"] == 43002
    assert send(control, app, good, "x") == 40001
    for body, errcode in (
        (b"{", 47001), (json.dumps(good).encode(), 47001), (good | {"colour": "red"}, 47001),
        (good | {"touser": "oX"}, 40003), (good | {"template_id": "x" * 43}, 40037),
        (message(control, app, "小明"), 43004), (good | {"data": {}}, 47003),
        (good | {"data": good["data"] | {"thing9": {"value": "x"}}}, 47003),
        (good | {"data": good["data"] | {"thing1": {"value": "长" * 21}}}, 47003),
        (good | {"data": good["data"] | {"thing1": {"value": "两\n行"}}}, 47003),
        (good | {"data": good["data"] | {"time2": {"value": "明天"}}}, 47003), (good, 0),
    ):  # fmt: skip
        assert send(control, app, body) == errcode, body
    site = control.create_sign_in_app("site", domain=DOMAIN)
    assert send(control, site, good) == 48001
    with pytest.raises(SandboxRefused):
        control.add_message_template(site["appid"], FIELDS)


def test_a_message_comes_once_and_is_on_the_phone(control: SandboxControl, app: App) -> None:
    body = message(control, app, client_msg_id="one")
    assert [send(control, app, body) for _ in range(2)] == [0, 0]
    [found] = control.service_messages("梅姐")
    assert (found["sender"], found["url"]) == ("爱丽服务号", "https://example.com/w/1")
    assert found["lines"] == [["小程序名称", "梅记点单"], ["截止时间", "2026年12月1日 15:01"]]
    with httpx2.Client(base_url=control.base_url, follow_redirects=True) as phone:
        assert "梅记点单" not in phone.get("/phone/service_messages").text, "nobody holds the phone"
        people = {one["name"]: one["id"] for one in httpx2.get(f"{control.base_url}/control/people").json()["people"]}
        page = phone.post("/phone/hold", data={"person": str(people["梅姐"]), "next": "/phone/service_messages"}).text
        assert "梅记点单" in page
        assert 'href="https://example.com/w/1"' in page
        assert "服务号消息" in phone.get("/phone").text
    control.follow(app["appid"], person="梅姐", follows=False)
    assert send(control, app, message(control, app)) == 43004


def test_a_day_has_its_limit(control: SandboxControl, app: App) -> None:
    changed = control.create_sign_in_app("account", domain=DOMAIN, appid=app["appid"], daily_messages=1)
    body = message(control, app | changed)
    assert [send(control, app, body) for _ in range(2)] == [0, 45009]
    control.move_clock(86401)
    assert send(control, app, body) == 0
