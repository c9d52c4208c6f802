"""What a provider's own service account asks of WeChat: an access token, and to write to a follower."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx2

from saas.config import settings
from saas.tenants.wechat_apps import SignInApp
from saas.wx.transport import process_http

OLD_TOKEN = frozenset({40001, 40014, 42001})
"""Another token would do."""
_BUSY = -1


class AccountRefused(Exception):
    """WeChat said no; `code` is its errcode."""

    def __init__(self, code: int) -> None:
        super().__init__(f"WeChat answered {code}")
        self.code = code


class NoAnswer(Exception):
    """WeChat is away or busy: the same call may work later."""


def fetch_token(app: SignInApp, *, force: bool = False) -> tuple[str, int]:
    """A token and its seconds. It is the same for all who ask, as long as it lives, unless `force` makes a new one.
    Raises AccountRefused and NoAnswer.

    https://developers.weixin.qq.com/doc/service/api/base/api_getstableaccesstoken.html
    """
    body = {"grant_type": "client_credential", "appid": app.appid, "secret": app.secret, "force_refresh": force}
    found = _post("/cgi-bin/stable_token", body)
    return str(found.get("access_token") or ""), int(found.get("expires_in") or 0)


def send_template_message(
    token: str, *, openid: str, template_id: str, data: Mapping[str, str], url: str, message_id: str
) -> None:
    """Write to a follower. The same `message_id` comes once within ten minutes. Raises AccountRefused and NoAnswer.

    https://developers.weixin.qq.com/doc/service/api/notify/template/api_sendtemplatemessage.html
    """
    body = {
        "touser": openid, "template_id": template_id, "url": url, "client_msg_id": message_id,
        "data": {name: {"value": value} for name, value in data.items()},
    }  # fmt: skip
    _post("/cgi-bin/message/template/send", body, token=token)


def _post(path: str, body: dict[str, Any], *, token: str = "") -> dict[str, Any]:
    content = json.dumps(body, ensure_ascii=False).encode()
    query, headers = {"access_token": token} if token else {}, {"Content-Type": "application/json"}
    try:
        answer = process_http().post(settings().wechat_api_url + path, params=query, content=content, headers=headers)
        found = json.loads(answer.content)
        code = int(found.get("errcode") or 0)
    except (httpx2.HTTPError, ValueError, AttributeError):
        raise NoAnswer(f"{path} was not answered") from None  # the address holds the token
    if code == _BUSY:
        raise NoAnswer(f"{path}: WeChat is busy")
    if code:
        raise AccountRefused(code)
    return dict(found)
