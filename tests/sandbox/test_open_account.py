"""Binding programs to an open-platform account."""

from __future__ import annotations

from typing import Any

from tests.sandbox.platform import Platform


def call(platform: Platform, shop: str, verb: str, **body: Any) -> dict[str, Any]:
    url = f"{platform.control.base_url}/cgi-bin/open/{verb}"
    query = {"access_token": platform.tokens.authorizer_token(shop)}
    if verb in ("have", "sameentity"):
        answer: dict[str, Any] = platform.http.get(url, params=query).json()
    else:
        answer = platform.http.post(url, params=query, json=body).json()
    return answer


def connect(platform: Platform, name: str) -> str:
    return platform.connect(name, permission_sets=[18, 25, 30])


def test_programs_of_one_subject_share_an_open_account(platform: Platform) -> None:
    tea, snacks, books = (connect(platform, name) for name in ("梅记茶铺", "梅记点心", "明明书店"))
    assert call(platform, tea, "have")["have_open"] is False
    assert call(platform, tea, "get")["errcode"] == 89002
    assert call(platform, tea, "sameentity")["errcode"] == 89002
    opened = call(platform, tea, "create")["open_appid"]
    assert call(platform, tea, "create")["errcode"] == 89000
    assert call(platform, snacks, "bind", open_appid=opened, appid=tea)["errcode"] == 40013
    assert call(platform, snacks, "bind", open_appid=opened)["errcode"] == 0
    assert call(platform, snacks, "get")["open_appid"] == opened
    assert call(platform, snacks, "sameentity")["same_entity"] is True
    assert call(platform, books, "bind", open_appid=opened)["errcode"] == 89001
    assert call(platform, books, "bind", open_appid="wx0000000000000000")["errcode"] == 89003
    assert call(platform, snacks, "unbind", open_appid=opened)["errcode"] == 0
    assert call(platform, snacks, "have")["have_open"] is False
    assert call(platform, snacks, "unbind", open_appid=opened)["errcode"] == 40013
