from __future__ import annotations

import pytest

from saas.wx import callbacks
from saas.wx.contract import operations

LIMIT = 64 * 1024


def test_the_envelope_of_both_urls_is_read() -> None:
    assert callbacks.parse_envelope(
        b"<xml><AppId><![CDATA[wx1]]></AppId><Encrypt><![CDATA[abc]]></Encrypt></xml>", LIMIT
    ) == callbacks.Envelope("abc", appid="wx1")
    assert callbacks.parse_envelope(
        b"\n<xml>\n <ToUserName>gh_1</ToUserName>\n <Encrypt>\n abc \n</Encrypt></xml>\n", LIMIT
    ) == callbacks.Envelope("abc", to_user_name="gh_1")
    assert callbacks.parse_envelope(b' {"ToUserName": "gh_1", "Encrypt": "abc"}', LIMIT) == callbacks.Envelope(
        "abc", to_user_name="gh_1"
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"success",
        b"<xml/>",
        b"<xml>text</xml>",
        b"<xml><encrypt>abc</encrypt></xml>",
        b"<xml><Encrypt></Encrypt></xml>",
        b"<xml><Encrypt>a</Encrypt><Encrypt>b</Encrypt></xml>",
        b"<xml><Encrypt><a>b</a></Encrypt></xml>",
        b"<xml><Encrypt>abc</Encrypt>",
        b"<xml><Encrypt>\xff\xfe</Encrypt></xml>",
        b"{}",
        b"[1]",
        b'{"Encrypt": 12}x',
        b'{"Encrypt": {"a": 1}}',
        b'{"Encrypt": NaN}',
        b"{" * 5000,
        b'{"a":' + b"[" * 100_00,
        b"<xml>" + b"<a>" * 5000,
        b"\x00" * 50,
    ],
)
def test_any_other_body_is_malformed(body: bytes) -> None:
    with pytest.raises(callbacks.MalformedCallback):
        callbacks.parse_envelope(body, LIMIT)


def test_a_large_body_is_refused_unread() -> None:
    with pytest.raises(callbacks.OversizedCallback):
        callbacks.parse_envelope(b"<" * 11, 10)


XXE = '<!DOCTYPE xml [<!ENTITY e SYSTEM "file:///etc/hostname">]><xml><Encrypt>&e;</Encrypt></xml>'
BOMB = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><xml><Encrypt>&b;</Encrypt></xml>'


@pytest.mark.parametrize("text", [XXE, BOMB, "<!DOCTYPE xml><xml><Encrypt>a</Encrypt></xml>"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
def test_a_document_type_is_refused_in_every_encoding(text: str, encoding: str) -> None:
    with pytest.raises(callbacks.MalformedCallback):
        callbacks.parse_envelope(text.encode(encoding), LIMIT)


def test_an_unknown_entity_is_refused() -> None:
    with pytest.raises(callbacks.MalformedCallback):
        callbacks.parse_message(b"<xml><a>&unknown;</a></xml>")


def test_names_keep_their_case_and_repeated_elements_become_lists() -> None:
    message = callbacks.parse_message(
        "<xml><appid>wx1</appid><AppId>wx2</AppId><Empty/><info><name>小店</name><n>1</n></info>"
        "<List><item>a</item><item>b</item><item>c</item></List><!-- x --><Id>9007199254740993123</Id></xml>".encode()
    )
    assert message == {
        "appid": "wx1",
        "AppId": "wx2",
        "Empty": "",
        "info": {"name": "小店", "n": "1"},
        "List": {"item": ["a", "b", "c"]},
        "Id": "9007199254740993123",
    }


def test_a_json_message_keeps_every_digit() -> None:
    assert callbacks.parse_message(b'{"auditid": 9007199254740993123, "a": {"b": [1.50]}}') == {
        "auditid": "9007199254740993123",
        "a": {"b": ["1.50"]},
    }


def test_a_field_that_may_repeat_is_read_as_a_list() -> None:
    assert callbacks.as_list(None) == callbacks.as_list("") == []
    assert callbacks.as_list("a") == ["a"]
    assert callbacks.as_list(["a", "b"]) == ["a", "b"]


@pytest.mark.parametrize("event", operations.all_events(), ids=lambda event: event.name)
def test_every_documented_event_is_read(event: operations.Event) -> None:
    assert event.examples
    for example in event.examples:
        message = callbacks.parse_message(example.encode())
        assert message[event.key] == event.name
        for name in event.schema.get("required", []):
            assert name in message


def test_a_text_reply_survives_its_own_marks() -> None:
    content = "a]]>b<c>&amp;你好😀"
    reply = callbacks.parse_message(callbacks.text_reply("fan", "gh_1", content, 1790000102))
    assert reply == {
        "ToUserName": "fan",
        "FromUserName": "gh_1",
        "CreateTime": "1790000102",
        "MsgType": "text",
        "Content": content,
    }


def test_the_text_reply_is_the_published_one() -> None:
    vector = next(one for one in operations.message_crypto()["test-vectors"] if one["name"] == "passive-reply")
    made = callbacks.text_reply("oTestFan0001", "gh_3c884a361561", "TESTCOMPONENT_MSG_TYPE_TEXT_callback", 1790000102)
    assert made.decode() == vector["plaintext"]


def test_a_digest_tells_pushes_apart() -> None:
    assert callbacks.digest(b"a") == callbacks.digest(b"a") != callbacks.digest(b"b")
    assert len(callbacks.digest(b"a")) == 64
