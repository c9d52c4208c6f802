"""A client that others wrote, wechatpy, works at the sandbox as it does at WeChat; only its host is another."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from saas.sandbox.control import SandboxControl
from tests.sandbox.platform import Platform

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from wechatpy import WeChatClientException, WeChatComponent  # type: ignore[import-untyped]
    from wechatpy.client import WeChatClient  # type: ignore[import-untyped]
    from wechatpy.client.api import WeChatWxa  # type: ignore[import-untyped]


class Keeping(Platform):
    """Keeps every push as it came."""

    def __init__(self, control: SandboxControl) -> None:
        self.pushed: list[tuple[dict[str, str], bytes]] = []
        super().__init__(control)

    def take(self, address: str, body: bytes) -> tuple[int, str]:
        self.pushed.append((dict(parse_qsl(urlsplit(address).query)), body))
        return super().take(address, body)


@pytest.fixture
def platform(control: SandboxControl) -> Iterator[Keeping]:
    platform = Keeping(control)
    yield platform
    platform.close()


@pytest.fixture
def component(platform: Keeping, monkeypatch: pytest.MonkeyPatch) -> Any:
    base = platform.control.base_url
    monkeypatch.setattr(WeChatComponent, "API_BASE_URL", f"{base}/cgi-bin")
    monkeypatch.setattr(WeChatClient, "API_BASE_URL", f"{base}/cgi-bin/")
    monkeypatch.setattr(WeChatWxa, "API_BASE_URL", f"{base}/")
    values = platform.values
    return WeChatComponent(platform.appid, values["secret"], values["token"], values["aes_key"])


def hand_over(platform: Keeping, component: Any) -> list[Any]:
    """Let it read the new pushes; it trades authorization codes by itself."""
    platform.control.wait_for_pushes(component_appid=platform.appid)
    new, platform.pushed = platform.pushed, []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [
            component.parse_message(body, query["msg_signature"], query["timestamp"], query["nonce"])
            for query, body in new
        ]


def test_from_the_ticket_to_an_audit(platform: Keeping, component: Any) -> None:
    [ticket] = hand_over(platform, component)
    assert component.component_verify_ticket == ticket.verify_ticket == platform.ticket
    assert component.create_preauthcode()["pre_auth_code"].startswith("preauthcode@@@")

    appid = platform.control.accounts(nick_name="梅记茶铺")[0]["appid"]
    code = platform.control.grant(platform.appid, appid)
    [authorized] = hand_over(platform, component)
    assert authorized.authorization_code == code
    assert authorized.query_auth_result["authorization_info"]["authorizer_appid"] == appid
    assert component.get_authorizer_info(appid)["authorizer_info"]["nick_name"] == "梅记茶铺"
    assert component.get_authorizer_list()["total_count"] == 1

    client = component.get_client_by_appid(appid)
    client.wxa.commit(int(platform.template()), json.dumps({"extAppid": appid}), "1.0.0", "首个版本")
    assert client.wxa.get_page()
    [category] = client.wxa.get_category()
    item = category | {"address": "pages/index/index", "tag": "奶茶", "title": "首页"}
    audit = client.wxa.submit_audit({"item_list": [item]})["auditid"]
    platform.control.approve(audit)
    assert client.wxa.get_audit_status(audit)["status"] == 0
    client.wxa.release()
    platform.control.invalidate_tokens(platform.appid)
    assert component.get_authorizer_list()["total_count"] == 1


def test_refusals_reach_it(platform: Keeping, component: Any) -> None:
    hand_over(platform, component)
    with pytest.raises(WeChatClientException) as refused:
        component.query_auth("made-up")
    assert refused.value.errcode == 61009
