"""Pushes as WeChat would send them to alice's component app."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from saas import clock
from saas.wx.crypto import MessageCrypto
from tests.components.conftest import AES_KEY, APPID, TOKEN


@dataclass
class Pushed:
    """The body and the query of one push."""

    body: bytes
    query: dict[str, str] = field(default_factory=dict)


def xml(**fields: Any) -> bytes:
    inner = "".join(f"<{name}><![CDATA[{value}]]></{name}>" for name, value in fields.items())
    return f"<xml>{inner}</xml>".encode()


def sealed(
    plaintext: bytes, *, token: str = TOKEN, aes_key: str = AES_KEY, appid: str = APPID, nonce: str = "314159265"
) -> Pushed:
    now = int(clock.now().timestamp())
    parts = MessageCrypto(token=token, aes_key=aes_key, appid=appid).encrypt(plaintext, timestamp=now, nonce=nonce)
    query = {
        "signature": "0" * 40, "timestamp": parts.timestamp, "nonce": nonce, "encrypt_type": "aes",
        "msg_signature": parts.msg_signature,
    }  # fmt: skip
    return Pushed(xml(AppId=appid, Encrypt=parts.encrypted), query)


def ticket(value: str = "ticket@@@pushed", created_at: float | None = None) -> bytes:
    moment = int(created_at if created_at is not None else clock.now().timestamp())
    return xml(AppId=APPID, CreateTime=moment, InfoType="component_verify_ticket", ComponentVerifyTicket=value)


def authorization(kind: str, appid: str, **more: Any) -> bytes:
    moment = int(clock.now().timestamp())
    return xml(AppId=APPID, CreateTime=moment, InfoType=kind, AuthorizerAppid=appid, **more)
