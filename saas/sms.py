"""Text messages over a cloud's gateway, chosen by DAIBAN_SMS_URL; the demo sends nothing and shows them on a page.

``aliyun://key:secret@dysmsapi.aliyuncs.com/?sign=…`` · ``tencent://id:key@sms.tencentcloudapi.com/?app=…&sign=…`` ·
``huawei://key:secret@smsapi.cn-north-4.myhuaweicloud.com:443/?channel=…&sign=…`` · ``demo:``

The clouds send only approved words: for each of our templates (`saas.tenants.texts`) the address names the cloud's
template id as ``<template>=<id>``. `endpoint=` replaces the cloud's address (a relay inside a private network).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

import httpx2

from saas import clock
from saas.config import settings


class TextRefused(Exception):
    """The gateway would not send it; the text is the gateway's code and reason, without the number."""


@dataclass(frozen=True)
class Gateway:
    """One gateway's address taken apart. `options` holds the signature, template ids and what else the cloud wants."""

    scheme: str
    key: str
    secret: str
    endpoint: str
    options: Mapping[str, str]

    @property
    def host(self) -> str:
        return urlsplit(self.endpoint).netloc

    def template_id(self, template: str) -> str:
        found = self.options.get(template, "")
        if not found:
            raise TextRefused(f"DAIBAN_SMS_URL names no template for {template}")
        return found


@dataclass(frozen=True)
class Message:
    """`phone` is E.164 (+86…); `params` stand in the order in which the words use them."""

    phone: str
    template: str
    params: Mapping[str, str]


@dataclass(frozen=True)
class Request:
    """What goes to the cloud: always a POST."""

    url: str
    headers: Mapping[str, str]
    body: bytes


def read_gateway(address: str) -> Gateway:
    """Take DAIBAN_SMS_URL apart."""
    parts = urlsplit(address)
    options = {name: values[0] for name, values in parse_qs(parts.query).items()}
    host = f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname or ""
    endpoint = options.pop("endpoint", f"https://{host}").rstrip("/")
    return Gateway(parts.scheme, unquote(parts.username or ""), unquote(parts.password or ""), endpoint, options)


def is_demo() -> bool:
    """Whether messages are only shown."""
    return settings().sms_url.startswith("demo:")


def is_set_up() -> bool:
    """Whether there is a way to send messages; without one nobody is offered to sign in by phone."""
    return bool(settings().sms_url)


def send(phone: str, template: str, params: Mapping[str, str], text: str) -> None:
    """Send one message by DAIBAN_SMS_URL (``demo:`` sends nothing: `text` is shown on a page).

    Raises TextRefused when the gateway says no, and httpx2.HTTPError when it cannot be reached.
    """
    del text  # the clouds have the approved words, they only want what is put into them
    if is_demo():
        return
    gateway = read_gateway(settings().sms_url)
    if gateway.scheme not in _CLOUDS:
        raise TextRefused("DAIBAN_SMS_URL is not set")
    write, read = _CLOUDS[gateway.scheme]
    request = write(gateway, Message(phone, template, params), clock.now(), secrets.token_hex(16))
    with httpx2.Client(timeout=10, trust_env=False) as http:
        answer = http.post(request.url, headers=dict(request.headers), content=request.body)
    try:
        found: dict[str, Any] = answer.json()
        read(found)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        raise TextRefused(f"{gateway.scheme} answered HTTP {answer.status_code} and nothing that can be read") from None


def aliyun_request(gateway: Gateway, message: Message, now: datetime, nonce: str) -> Request:
    """SendSms of 2017-05-25. https://help.aliyun.com/zh/sms/developer-reference/api-dysmsapi-2017-05-25-sendsms"""
    query = {
        "PhoneNumbers": message.phone.removeprefix("+86"),
        "SignName": gateway.options.get("sign", ""),
        "TemplateCode": gateway.template_id(message.template),
        "TemplateParam": json.dumps(dict(message.params), ensure_ascii=False, separators=(",", ":")),
    }
    headers = {
        "host": gateway.host,
        "x-acs-action": "SendSms",
        "x-acs-content-sha256": hashlib.sha256(b"").hexdigest(),
        "x-acs-date": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "x-acs-signature-nonce": nonce,
        "x-acs-version": "2017-05-25",
    }
    written = "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in sorted(query.items()))
    signature = aliyun_signature(gateway.secret, written, headers)
    names = ";".join(sorted(headers))
    said = f"ACS3-HMAC-SHA256 Credential={gateway.key},SignedHeaders={names},Signature={signature}"
    return Request(f"{gateway.endpoint}/?{written}", headers | {"Authorization": said}, b"")


def aliyun_signature(secret: str, query: str, headers: Mapping[str, str]) -> str:
    """ACS3-HMAC-SHA256 of a POST to / without a body.

    https://help.aliyun.com/zh/sdk/product-overview/v3-request-structure-and-signature
    """
    lines = "".join(f"{name}:{value}\n" for name, value in sorted(headers.items()))
    names, empty = ";".join(sorted(headers)), hashlib.sha256(b"").hexdigest()
    canonical = "\n".join(["POST", "/", query, lines, names, empty])
    to_sign = f"ACS3-HMAC-SHA256\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    return hmac.new(secret.encode(), to_sign.encode(), hashlib.sha256).hexdigest()


def tencent_request(gateway: Gateway, message: Message, now: datetime, _nonce: str) -> Request:
    """SendSms of 2021-01-11. https://cloud.tencent.com/document/product/382/55981"""
    body = json.dumps(
        {
            "PhoneNumberSet": [message.phone],
            "SmsSdkAppId": gateway.options.get("app", ""),
            "SignName": gateway.options.get("sign", ""),
            "TemplateId": gateway.template_id(message.template),
            "TemplateParamSet": list(message.params.values()),
        },
        ensure_ascii=False,
    ).encode()
    signed = {
        "content-type": "application/json; charset=utf-8", "host": gateway.host, "x-tc-action": "sendsms",
    }  # fmt: skip
    scope = f"{now.strftime('%Y-%m-%d')}/sms/tc3_request"
    signature = tencent_signature(gateway.secret, "sms", body, signed, now)
    said = (
        f"TC3-HMAC-SHA256 Credential={gateway.key}/{scope}, SignedHeaders={';'.join(sorted(signed))}, "
        f"Signature={signature}"
    )
    headers = signed | {
        "Authorization": said, "x-tc-action": "SendSms", "x-tc-version": "2021-01-11",
        "x-tc-timestamp": str(int(now.timestamp())), "x-tc-region": gateway.options.get("region", "ap-guangzhou"),
    }  # fmt: skip
    return Request(f"{gateway.endpoint}/", headers, body)


def tencent_signature(secret: str, service: str, body: bytes, headers: Mapping[str, str], now: datetime) -> str:
    """TC3-HMAC-SHA256 of a POST to /. https://cloud.tencent.com/document/api/382/52072"""
    lines = "".join(f"{name}:{value}\n" for name, value in sorted(headers.items()))
    canonical = "\n".join(["POST", "/", "", lines, ";".join(sorted(headers)), hashlib.sha256(body).hexdigest()])
    day = now.strftime("%Y-%m-%d")
    to_sign = "\n".join(
        [
            "TC3-HMAC-SHA256", str(int(now.timestamp())), f"{day}/{service}/tc3_request",
            hashlib.sha256(canonical.encode()).hexdigest(),
        ]
    )  # fmt: skip
    key = f"TC3{secret}".encode()
    for part in (day, service, "tc3_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()


def huawei_request(gateway: Gateway, message: Message, now: datetime, nonce: str) -> Request:
    """batchSendSms. https://support.huaweicloud.com/api-msgsms/sms_05_0001.html"""
    fields = {
        "from": gateway.options.get("channel", ""),
        "to": message.phone,
        "templateId": gateway.template_id(message.template),
        "templateParas": json.dumps(list(message.params.values()), ensure_ascii=False),
        "signature": gateway.options.get("sign", ""),
    }
    created = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Authorization": 'WSSE realm="SDP",profile="UsernameToken",type="Appkey"',
        "X-WSSE": (
            f'UsernameToken Username="{gateway.key}",PasswordDigest="{huawei_digest(gateway.secret, nonce, created)}",'
            f'Nonce="{nonce}",Created="{created}"'
        ),
    }
    return Request(f"{gateway.endpoint}/sms/batchSendSms/v1", headers, urlencode(fields).encode())


def huawei_digest(secret: str, nonce: str, created: str) -> str:
    """The password digest of X-WSSE: Base64(SHA256(Nonce + Created + Password))."""
    return base64.b64encode(hashlib.sha256(f"{nonce}{created}{secret}".encode()).digest()).decode()


def _read_aliyun(answer: dict[str, Any]) -> None:
    if answer["Code"] != "OK":
        raise TextRefused(f"aliyun {answer['Code']}: {answer.get('Message', '')}")


def _read_tencent(answer: dict[str, Any]) -> None:
    response = answer["Response"]
    found = response.get("Error") or response["SendStatusSet"][0]
    if found["Code"] != "Ok":
        raise TextRefused(f"tencent {found['Code']}: {found.get('Message', '')}")


def _read_huawei(answer: dict[str, Any]) -> None:
    """The whole may be fine and a number all the same refused."""
    codes = [answer["code"], *(one["status"] for one in answer.get("result") or [])]
    if wrong := next((code for code in codes if code != "000000"), None):
        raise TextRefused(f"huawei {wrong}: {answer.get('description', '')}")


def _quoted(text: str) -> str:
    return quote(text, safe="-_.~")


_Write = Callable[[Gateway, Message, datetime, str], Request]
_CLOUDS: dict[str, tuple[_Write, Callable[[dict[str, Any]], None]]] = {
    "aliyun": (aliyun_request, _read_aliyun),
    "tencent": (tencent_request, _read_tencent),
    "huawei": (huawei_request, _read_huawei),
}
