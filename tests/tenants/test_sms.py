"""Requests to the clouds carry the signatures that the clouds publish; what a gateway refuses is said."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select

from saas import sms
from saas.config import UnsafeSettings, settings
from saas.db import platform_session
from saas.sms import TextRefused
from saas.tenants.models import OutgoingText
from saas.tenants.texts import TEMPLATES, send_text
from tests.test_config import environment  # noqa: F401

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
PHONE = "+8613800138000"
ADDRESSES = {
    "aliyun": "aliyun://testid:testsecret@dysmsapi.aliyuncs.com/?sign=%E4%BB%A3%E5%8A%9E&sign_in_code=SMS_1",
    "tencent": "tencent://testid:testsecret@sms.tencentcloudapi.com/?app=1400&sign=%E4%BB%A3%E5%8A%9E&sign_in_code=449739",
    "huawei": "huawei://key:a%2Fb@smsapi.example.com:443/?channel=8824&sign=%E4%BB%A3%E5%8A%9E&sign_in_code=abc",
}
YES: dict[str, dict[str, Any]] = {
    "aliyun": {"Code": "OK", "Message": "OK"},
    "tencent": {"Response": {"SendStatusSet": [{"Code": "Ok", "Message": "send success"}]}},
    "huawei": {"code": "000000", "description": "Success", "result": [{"status": "000000"}]},
}
NO: dict[str, dict[str, Any]] = {
    "aliyun": {"Code": "isv.BUSINESS_LIMIT_CONTROL", "Message": "触发小时级流控Permits:5"},
    "tencent": {"Response": {"SendStatusSet": [{"Code": "LimitExceeded.PhoneNumberDailyLimit", "Message": "limit"}]}},
    "huawei": {"code": "000000", "result": [{"status": "E200037"}], "description": "SMS fails"},
}


class Cloud:
    """A gateway on this machine that answers what it is told and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str], bytes]] = []
        self.status, self.answer = 200, b"{}"
        cloud = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                cloud.asked.append((self.path, {key.lower(): value for key, value in self.headers.items()}, body))
                self.send_response(cloud.status)
                self.end_headers()
                self.wfile.write(cloud.answer)

            def log_message(self, *_args: object) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    running = Cloud()
    yield running
    running.stop()


@pytest.fixture
def use(ground: object, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    def at(name: str) -> None:
        monkeypatch.setenv("DAIBAN_SMS_URL", f"{ADDRESSES[name]}&endpoint={cloud.url}")
        settings.cache_clear()

    yield at
    monkeypatch.undo()
    settings.cache_clear()


def test_aliyuns_published_example() -> None:
    headers = {
        "host": "ecs.cn-shanghai.aliyuncs.com", "x-acs-action": "RunInstances", "x-acs-content-sha256": EMPTY,
        "x-acs-date": "2023-10-26T10:22:32Z", "x-acs-signature-nonce": "3156853299f313e23d1673dc12e1703d",
        "x-acs-version": "2014-05-26",
    }  # fmt: skip
    query = "ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd&RegionId=cn-shanghai"
    assert sms.aliyun_signature("YourAccessKeySecret", query, headers) == (
        "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
    )


def test_tencents_published_example() -> None:
    body = rb'{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}'
    headers = {
        "content-type": "application/json; charset=utf-8", "host": "cvm.tencentcloudapi.com",
        "x-tc-action": "describeinstances",
    }  # fmt: skip
    moment = datetime.fromtimestamp(1551113065, UTC)
    assert sms.tencent_signature("*" * 32, "cvm", body, headers, moment) == (
        "10b1a37a7301a02ca19a647ad722d5e43b4b3cff309d421d85b46093f6ab6c4f"
    )


def test_huaweis_digest_is_base64_of_sha256_of_nonce_created_and_password() -> None:
    # printf '%s' 'wsse-nonce2018-02-12T15:30:20Zsecret' | openssl dgst -sha256 -binary | openssl base64
    assert sms.huawei_digest("secret", "wsse-nonce", "2018-02-12T15:30:20Z") == (
        "k5ndstsli7e/cRQ/K38mATxGx8ciC7bD+V0cIXALq1Y="
    )


@pytest.mark.parametrize("name", ADDRESSES)
def test_a_code_reaches_the_cloud_in_its_own_words(name: str, use: Callable[[str], None], cloud: Cloud) -> None:
    use(name)
    cloud.answer = json.dumps(YES[name]).encode()
    sms.send(PHONE, "sign_in_code", {"code": "012345", "minutes": "5"}, "unused")
    [(path, headers, body)] = cloud.asked
    query = {key: values[0] for key, values in parse_qs(urlsplit(path).query or body.decode()).items()}
    if name == "aliyun":
        assert (query["PhoneNumbers"], query["SignName"], query["TemplateCode"]) == ("13800138000", "代办", "SMS_1")
        assert json.loads(query["TemplateParam"]) == {"code": "012345", "minutes": "5"}
        assert headers["authorization"].startswith("ACS3-HMAC-SHA256 Credential=testid,SignedHeaders=host;x-acs-")
        signed = {key: headers[key] for key in headers if key == "host" or key.startswith("x-acs-")}
        assert headers["authorization"].endswith(
            sms.aliyun_signature("testsecret", urlsplit(path).query, signed)
        )  # fmt: skip
    elif name == "tencent":
        sent = json.loads(body)
        assert (sent["PhoneNumberSet"], sent["TemplateParamSet"]) == ([PHONE], ["012345", "5"])
        assert (sent["SmsSdkAppId"], sent["TemplateId"], sent["SignName"]) == ("1400", "449739", "代办")
        assert (headers["x-tc-action"], headers["x-tc-version"]) == ("SendSms", "2021-01-11")
    else:
        assert (path, query["to"], query["from"], query["templateId"]) == (
            "/sms/batchSendSms/v1", PHONE, "8824", "abc",
        )  # fmt: skip
        assert json.loads(query["templateParas"]) == ["012345", "5"]
        found = dict(part.split("=", 1) for part in headers["x-wsse"].removeprefix("UsernameToken ").split(","))
        digest = sms.huawei_digest("a/b", found["Nonce"].strip('"'), found["Created"].strip('"'))
        assert (found["Username"], found["PasswordDigest"]) == ('"key"', f'"{digest}"')


@pytest.mark.parametrize("name", ADDRESSES)
def test_a_refusal_is_told_with_its_code(name: str, use: Callable[[str], None], cloud: Cloud) -> None:
    use(name)
    cloud.answer = json.dumps(NO[name]).encode()
    with pytest.raises(TextRefused, match=r"BUSINESS_LIMIT_CONTROL|DailyLimit|E200037") as refused:
        sms.send(PHONE, "sign_in_code", {"code": "012345", "minutes": "5"}, "")
    assert "138" not in str(refused.value)


@pytest.mark.parametrize("answer", [b"", b"<html>502</html>", b"[]", b"{}", b'{"Response": null}'])
@pytest.mark.parametrize("name", ADDRESSES)
def test_an_answer_that_is_none_is_a_refusal(
    name: str, answer: bytes, use: Callable[[str], None], cloud: Cloud
) -> None:
    use(name)
    cloud.status, cloud.answer = 502, answer
    with pytest.raises(TextRefused, match="HTTP 502"):
        sms.send(PHONE, "sign_in_code", {"code": "012345", "minutes": "5"}, "")


def test_a_text_without_a_template_is_not_sent(use: Callable[[str], None], cloud: Cloud) -> None:
    use("aliyun")
    with pytest.raises(TextRefused, match="names no template for reminder"):
        sms.send(PHONE, "reminder", {}, "")
    assert cloud.asked == []


def test_a_sent_message_forgets_number_and_words(
    use: Callable[[str], None], cloud: Cloud, run_jobs: Callable[..., list[str]]
) -> None:
    use("tencent")
    cloud.answer = json.dumps(YES["tencent"]).encode()
    with platform_session("test") as db:
        send_text(db, "sign_in_code", to=PHONE, code="123456", minutes="5")
        assert cloud.asked == []
    assert run_jobs() == ["jobs.tenants.send_text"]
    assert json.loads(cloud.asked[0][2])["TemplateParamSet"] == ["123456", "5"]
    with platform_session("test") as db:
        message = db.scalars(select(OutgoingText)).one()
    assert (message.to, message.text, message.params) == ("", "", {})
    assert message.sent_at is not None


def test_a_message_that_cannot_be_sent_is_tried_again_and_then_forgotten(
    use: Callable[[str], None], cloud: Cloud, run_jobs: Callable[..., list[str]]
) -> None:
    use("huawei")
    cloud.answer = json.dumps(NO["huawei"]).encode()
    with platform_session("test") as db:
        send_text(db, "sign_in_code", to=PHONE, code="123456", minutes="5")
    assert run_jobs(wait=200) == ["jobs.tenants.send_text"] * 5
    with platform_session("test") as db:
        message = db.scalars(select(OutgoingText)).one()
    assert "E200037" in message.error
    assert (message.to, message.text, message.params, message.sent_at) == ("", "", {}, None)


def test_a_code_that_is_over_is_not_sent(
    use: Callable[[str], None], cloud: Cloud, run_jobs: Callable[..., list[str]], move_clock: Callable[[float], None]
) -> None:
    use("aliyun")
    with platform_session("test") as db:
        send_text(db, "sign_in_code", to=PHONE, code="123456", minutes="5")
    move_clock(301)
    run_jobs()
    assert cloud.asked == []


def test_the_demo_keeps_what_it_shows(ground: object, run_jobs: Callable[..., list[str]]) -> None:
    with platform_session("test") as db:
        send_text(db, "entry_link", to=PHONE, locale="en", provider="A\nB", merchant="M", link="https://x/y")
    run_jobs()
    with platform_session("test") as db:
        message = db.scalars(select(OutgoingText)).one()
    assert message.text == "[Daiban] A B invites you to set up the mini program of M. Open in WeChat: https://x/y"
    assert message.sent_at is not None


def test_words_use_their_params_in_their_order() -> None:
    for words in TEMPLATES.values():
        places = [words.chinese.index(f"{{{name}}}") for name in words.params]
        assert places == sorted(places)
        assert all(f"{{{name}}}" in words.english for name in words.params)


@pytest.mark.parametrize("address", ["demo:", "aliyun://a:b@c/?endpoint=http://127.0.0.1:1", "twilio://a:b@c"])
def test_production_refuses_a_gateway_that_is_none(environment: Any, address: str) -> None:  # noqa: F811
    with pytest.raises(UnsafeSettings, match="SMS_URL"):
        environment(DAIBAN_SMS_URL=address)


def test_production_starts_with_a_cloud_or_without(environment: Any) -> None:  # noqa: F811
    assert environment(DAIBAN_SMS_URL=ADDRESSES["aliyun"]).sms_url
    assert environment(DAIBAN_SMS_URL=None).sms_url == ""
