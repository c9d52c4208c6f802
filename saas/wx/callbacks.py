"""Read what WeChat posts to a callback URL, and write the encrypted answer.

Bodies are hostile until the signature is checked: `parse_envelope` runs before that, on anybody's bytes.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from lxml import etree

from saas.wx.crypto import Encrypted

_SPACE = b" \t\r\n"


class MalformedCallback(Exception):
    """A body that is neither the XML nor the JSON that WeChat sends."""


class OversizedCallback(MalformedCallback):
    """A body larger than any that WeChat sends."""


@dataclass(frozen=True)
class Envelope:
    """The outer body. `appid` and `to_user_name` are in clear text, so they prove nothing."""

    encrypted: str
    appid: str | None = None
    to_user_name: str | None = None


def parse_envelope(body: bytes, max_bytes: int) -> Envelope:
    """Take the ciphertext out of a posted body, XML or JSON."""
    if len(body) > max_bytes:
        raise OversizedCallback(f"the body has {len(body)} bytes, more than {max_bytes}")
    outer = parse_message(body)
    encrypted = outer.get("Encrypt")
    if not isinstance(encrypted, str) or not encrypted.strip():
        raise MalformedCallback("the body has no Encrypt")
    return Envelope(encrypted.strip(), _text(outer.get("AppId")), _text(outer.get("ToUserName")))


def parse_message(plaintext: bytes) -> dict[str, Any]:
    """Turn a body into a dict: names as WeChat writes them, every value a str, a dict or a list.

    An element that occurs once is not a list even where WeChat means one: read such fields through `as_list`.
    Numbers stay text, so that no id loses a digit.
    """
    start = plaintext.lstrip(_SPACE + b"\xef\xbb\xbf")
    return _from_json(start) if start.startswith(b"{") else _from_xml(plaintext.strip(_SPACE))


def as_list(value: Any) -> list[Any]:
    """The values of a field that may occur never, once or several times."""
    if value is None or value == "":
        return []
    return value if isinstance(value, list) else [value]


def digest(plaintext: bytes) -> str:
    """The key by which a repeated push is known: authorization events carry no id of their own."""
    return hashlib.sha256(plaintext).hexdigest()


def passive_reply_xml(encrypted: Encrypted) -> str:
    """The response body that carries an encrypted reply."""
    return (
        f"<xml><Encrypt>{_cdata(encrypted.encrypted)}</Encrypt>"
        f"<MsgSignature>{_cdata(encrypted.msg_signature)}</MsgSignature>"
        f"<TimeStamp>{encrypted.timestamp}</TimeStamp>"
        f"<Nonce>{_cdata(encrypted.nonce)}</Nonce></xml>"
    )


def text_reply(to: str, from_: str, content: str, created_at: int) -> bytes:
    """A text message before encryption; `to` and `from_` are the incoming message's, swapped."""
    return (
        f"<xml><ToUserName>{_cdata(to)}</ToUserName><FromUserName>{_cdata(from_)}</FromUserName>"
        f"<CreateTime>{created_at}</CreateTime><MsgType>{_cdata('text')}</MsgType>"
        f"<Content>{_cdata(content)}</Content></xml>"
    ).encode()


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _cdata(text: str) -> str:
    return "<![CDATA[" + text.replace("]]>", "]]]]><![CDATA[>") + "]]>"


def _from_xml(body: bytes) -> dict[str, Any]:
    if b"<!DOCTYPE" in body:
        raise MalformedCallback("a document type is not allowed")
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        strip_cdata=True,
    )
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise MalformedCallback("the body is not XML") from error
    if root.getroottree().docinfo.internalDTD is not None:  # in UTF-16 the bytes above look different
        raise MalformedCallback("a document type is not allowed")
    value = _element(root)
    if not isinstance(value, dict):
        raise MalformedCallback("the body has no elements")
    return value


def _element(element: etree._Element) -> Any:
    if not len(element):
        return element.text or ""
    fields: dict[str, Any] = {}
    for child in element:
        if not isinstance(child.tag, str):
            raise MalformedCallback("entities are not allowed")
        value = _element(child)
        if child.tag not in fields:
            fields[child.tag] = value
        elif isinstance(fields[child.tag], list):
            fields[child.tag].append(value)
        else:
            fields[child.tag] = [fields[child.tag], value]
    return fields


def _from_json(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body, parse_int=str, parse_float=str, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise MalformedCallback("the body is not JSON") from error
    if not isinstance(value, dict):
        raise MalformedCallback("the body is not an object")
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
