"""Bots get what their documentation says, signed as it says, and their answers are understood."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from saas import bots
from saas.config import Settings

NOW = datetime(2026, 12, 1, 4, 0, 0, 123000, tzinfo=UTC)
WECOM = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=693a91f6-7f0d-4bc4-97a0-0ec2sifa5aaa"
DINGTALK = "https://oapi.dingtalk.com/robot/send?access_token=" + "0a1b2c3d" * 8
FEISHU = "https://open.feishu.cn/open-apis/bot/v2/hook/1f2e3d4c-aaaa-bbbb-cccc-0123456789ab"


def test_wecom_gets_text(ground: Settings) -> None:
    request = bots.wecom_request(WECOM, "", "票据迟到", NOW)
    assert request.url == WECOM
    assert json.loads(request.body) == {"msgtype": "text", "text": {"content": "票据迟到"}}


def test_dingtalk_is_signed_in_the_address(ground: Settings) -> None:
    request = bots.dingtalk_request(DINGTALK, "SECfoo", "票据迟到", NOW)
    query = parse_qs(urlsplit(request.url).query)
    stamp = "1796097600123"
    expected = base64.b64encode(hmac.new(b"SECfoo", f"{stamp}\nSECfoo".encode(), hashlib.sha256).digest()).decode()
    assert (query["timestamp"], query["sign"]) == ([stamp], [expected])
    assert json.loads(request.body) == {"msgtype": "text", "text": {"content": "票据迟到"}}
    assert bots.dingtalk_request(DINGTALK, "", "x", NOW).url == DINGTALK


def test_feishu_is_signed_in_the_body(ground: Settings) -> None:
    body = json.loads(bots.feishu_request(FEISHU, "bar", "票据迟到", NOW).body)
    expected = base64.b64encode(hmac.new(b"1796097600\nbar", b"", hashlib.sha256).digest()).decode()
    assert body == {
        "timestamp": "1796097600", "sign": expected, "msg_type": "text", "content": {"text": "票据迟到"},
    }  # fmt: skip
    assert set(json.loads(bots.feishu_request(FEISHU, "", "x", NOW).body)) == {"msg_type", "content"}


def test_a_long_text_is_cut_at_a_whole_letter(ground: Settings) -> None:
    content = json.loads(bots.wecom_request(WECOM, "", "票" * 3000, NOW).body)["text"]["content"]
    assert len(content.encode()) <= 2048
    assert set(content) == {"票", "…"}


@pytest.mark.parametrize(("kind", "address"), [("wecom", WECOM), ("dingtalk", DINGTALK), ("feishu", FEISHU)])
def test_an_address_belongs_to_one_kind_of_bot(ground: Settings, kind: str, address: str) -> None:
    assert [one for one in ("wecom", "dingtalk", "feishu") if bots.is_address_of(one, address)] == [kind]
    for wrong in (
        address + "&x=y",
        address + "/../x",
        "https://evil.example.com/" + address,
        address[:45],
        "http" + address[5:],
    ):
        assert not bots.is_address_of(kind, wrong), wrong
    host = urlsplit(address).netloc
    assert not bots.is_address_of(kind, address.replace(host, f"{host}.evil.example.com"))
    assert not bots.is_address_of(kind, address.replace(host, f"{host}@evil.example.com"))
    assert address[-4:] in bots.masked(address)
    assert address[-8:] not in bots.masked(address)


@pytest.mark.parametrize(
    ("answer", "again"),
    [
        ({"errcode": 93000, "errmsg": "invalid webhook url"}, False),
        ({"errcode": 45009, "errmsg": "api freq out of limit"}, True),
        ({"errcode": 310000, "errmsg": "sign not match"}, False),
        ({"code": 19021, "msg": "sign match fail"}, False),
        ({"code": 11232, "msg": "frequency limited"}, True),
    ],
)
def test_a_refusal_with_http_200_is_a_refusal(answer: dict[str, object], again: bool) -> None:
    with pytest.raises(bots.BotRefused) as refused:
        bots.read_answer(200, json.dumps(answer).encode())
    assert refused.value.again is again
    assert str(answer.get("errcode", answer.get("code"))) in str(refused.value)


@pytest.mark.parametrize("body", [b'{"errcode":0,"errmsg":"ok"}', b'{"code":0,"msg":"success","data":{}}'])
def test_zero_is_fine(body: bytes) -> None:
    bots.read_answer(200, body)


def test_a_broken_answer_is_tried_again_only_when_their_side_is_at_fault() -> None:
    for status, again in ((502, True), (429, True), (200, False), (404, False)):
        with pytest.raises(bots.BotRefused) as refused:
            bots.read_answer(status, b"<html>")
        assert refused.value.again is again
