"""Messages to the bots of group chats (WeCom, DingTalk, Feishu): what each of them wants, and what its answer says.

Each has an address that holds its key; DingTalk's and Feishu's may want a signature over the time besides. Which hosts
are theirs is a setting. All get plain text: names of mini programs may hold anything that looks like markup.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlsplit

from saas.config import settings

_LONGEST = {"wecom": 2000, "dingtalk": 6000, "feishu": 6000}
"""Bytes of text: WeCom takes 2,048, the others take 20 kB with everything around it."""
_BUSY = frozenset({45009, 45033, 130101, 130102, 11232, -1})
_PATHS = {
    "wecom": "/cgi-bin/webhook/send?key=", "dingtalk": "/robot/send?access_token=", "feishu": "/open-apis/bot/v2/hook/",
}  # fmt: skip
_JSON = {"Content-Type": "application/json; charset=utf-8"}


class BotRefused(Exception):
    """The bot's host did not take the message; `again` says whether a later try can help."""

    def __init__(self, text: str, *, again: bool) -> None:
        super().__init__(text)
        self.again = again


@dataclass(frozen=True)
class Request:
    url: str
    headers: Mapping[str, str]
    body: bytes


def is_address_of(kind: str, address: str) -> bool:
    """Whether an address belongs to a bot of this kind: the right host, path and a key."""
    for base in settings().bot_bases(kind):
        start = base + _PATHS[kind]
        key = address.removeprefix(start)
        if address.startswith(start) and 8 <= len(key) <= 200 and key.replace("-", "").replace("_", "").isalnum():
            return key.isascii()
    return False


def example_of(kind: str) -> str:
    """What such an address looks like."""
    return f"{settings().bot_bases(kind)[0]}{_PATHS[kind]}…"


def masked(address: str) -> str:
    """An address of which only the host and the last four letters show."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}/…{address[-4:]}" if address else ""


def wecom_request(address: str, _secret: str, text: str, _now: datetime) -> Request:
    """https://developer.work.weixin.qq.com/document/path/91770 — 20 messages a minute."""
    return Request(address, _JSON, _json({"msgtype": "text", "text": {"content": cut(text, _LONGEST["wecom"])}}))


def dingtalk_request(address: str, secret: str, text: str, now: datetime) -> Request:
    """https://open.dingtalk.com/document/orgapp/custom-robot-access — 20 messages a minute; times in milliseconds."""
    if secret:
        stamp = str(int(now.timestamp() * 1000))
        address += f"&timestamp={stamp}&sign={quote(dingtalk_signature(secret, stamp), safe='')}"
    return Request(address, _JSON, _json({"msgtype": "text", "text": {"content": cut(text, _LONGEST["dingtalk"])}}))


def dingtalk_signature(secret: str, stamp: str) -> str:
    """Base64 of HMAC-SHA256: the secret is the key, time and secret are the message."""
    return base64.b64encode(hmac.digest(secret.encode(), f"{stamp}\n{secret}".encode(), hashlib.sha256)).decode()


def feishu_request(address: str, secret: str, text: str, now: datetime) -> Request:
    """https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot — 100 a minute; times in seconds."""
    body: dict[str, Any] = {"msg_type": "text", "content": {"text": cut(text, _LONGEST["feishu"])}}
    if secret:
        stamp = str(int(now.timestamp()))
        body = {"timestamp": stamp, "sign": feishu_signature(secret, stamp), **body}
    return Request(address, _JSON, _json(body))


def feishu_signature(secret: str, stamp: str) -> str:
    """Base64 of HMAC-SHA256: time and secret are the key, the message is empty."""
    return base64.b64encode(hmac.digest(f"{stamp}\n{secret}".encode(), b"", hashlib.sha256)).decode()


REQUESTS = {"wecom": wecom_request, "dingtalk": dingtalk_request, "feishu": feishu_request}


def read_answer(status: int, body: bytes) -> None:
    """Raises BotRefused unless the message was taken: they answer HTTP 200 with a code of their own."""
    try:
        answer = json.loads(body)
        code = int(answer["errcode"] if "errcode" in answer else answer["code"])
    except (ValueError, KeyError, TypeError):
        raise BotRefused(f"HTTP {status}", again=status >= 500 or status == 429) from None
    if code:
        said = str(answer.get("errmsg") or answer.get("msg") or "")[:200]
        raise BotRefused(f"{code} {said}".strip(), again=code in _BUSY)


def cut(text: str, most: int) -> str:
    """At most so many bytes of UTF-8, whole letters only."""
    if len(text.encode()) <= most:
        return text
    return text.encode()[: most - 3].decode(errors="ignore") + "…"


def _json(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False).encode()
