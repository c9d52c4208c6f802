"""Anybody's bytes at the two readers that meet them first: callbacks and answers."""

from __future__ import annotations

import json
from typing import Any

import httpx2
from hypothesis import example, given, settings
from hypothesis import strategies as st

from saas.wx import callbacks, errors, events
from saas.wx.chapter import Download
from saas.wx.contract import operations
from tests.wx.wechat import APPID, WeChat

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(["xml", "Encrypt", "AppId", "ToUserName", "a", "errcode"])
MARKUP = st.lists(
    st.one_of(
        NAMES.map(lambda name: f"<{name}>".encode()),
        NAMES.map(lambda name: f"</{name}>".encode()),
        st.sampled_from([b"<![CDATA[", b"]]>", b"&#0;", b"&amp;", b"<!DOCTYPE x>", b"<?x y?>", b"<!--", b"-->"]),
        st.binary(max_size=8),
    ),
    max_size=20,
).map(b"".join)
BODIES = st.binary(max_size=300) | MARKUP | JSON.map(lambda value: json.dumps(value).encode())

EXAMPLES = [callbacks.parse_message(text.encode()) for event in operations.all_events() for text in event.examples]
FIELDS = sorted({name for example in EXAMPLES for name in example})
PLAIN = st.recursive(
    st.text(max_size=12) | st.none() | st.booleans() | st.integers().map(str),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=3),
    max_leaves=8,
)


def is_plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(name, str) and is_plain(inner) for name, inner in value.items())
    if isinstance(value, list):
        return all(map(is_plain, value))
    return value is None or isinstance(value, str | bool)


@given(BODIES)
def test_any_body_is_an_envelope_or_malformed(body: bytes) -> None:
    try:
        envelope = callbacks.parse_envelope(body, 4096)
    except callbacks.MalformedCallback:
        return
    assert envelope.encrypted
    assert envelope.encrypted == envelope.encrypted.strip()


@given(BODIES)
def test_any_plaintext_is_plain_fields_or_malformed(body: bytes) -> None:
    try:
        message = callbacks.parse_message(body)
    except callbacks.MalformedCallback:
        return
    assert is_plain(message)


@settings(max_examples=60)
@given(body=BODIES, status=st.sampled_from([200, 400, 502]), binary=st.booleans())
@example(body=b'{"errcode": 1e400}', status=200, binary=False)
@example(body=b'{"errcode": "40001"}', status=200, binary=True)
def test_any_answer_is_json_a_file_or_a_failed_call(body: bytes, status: int, binary: bool) -> None:
    client = WeChat(httpx2.Response(status, content=body, headers={"Content-Type": "image/jpeg"})).client()
    try:
        answer = client.code.get_qrcode(APPID) if binary else client.code.get_page(APPID)
    except errors.CallFailed:
        return
    assert isinstance(answer, dict) or (binary and isinstance(answer, Download))


@given(st.sampled_from(EXAMPLES), st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=8), PLAIN, max_size=4))
def test_any_message_is_an_event_that_keeps_its_fields(example: dict[str, Any], strange: dict[str, Any]) -> None:
    message = example | strange
    event = events.parse_event(message)
    assert event.fields == message
    assert isinstance(event, events.KnownEvent | events.UnknownEvent)
