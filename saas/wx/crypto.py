"""Sign, encrypt and decrypt the messages that WeChat and a component app exchange by callback.

Layout, padding and signature: https://developers.weixin.qq.com/doc/oplatform/Third-party_Platforms/2.0/api/Before_Develop/message_push.html
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import string
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

_BLOCK = 32
_PREFIX = 16
_KEY_SHAPE = re.compile(r"[A-Za-z0-9]{43}", re.ASCII)
_KEY_LETTERS = string.ascii_letters + string.digits


class CallbackRefused(Exception):
    """A push that does not prove that it comes from WeChat and is meant for this component app."""


class WrongSignature(CallbackRefused):
    """`msg_signature` does not match token, timestamp, nonce and ciphertext."""


class Undecipherable(CallbackRefused):
    """The signature is right, but neither the current nor the previous key opens the message."""


class WrongAppid(CallbackRefused):
    """The message opens, but is addressed to another component app."""


@dataclass(frozen=True)
class Decrypted:
    """What was inside; `previous_key` says that WeChat still used the key before the last rotation."""

    plaintext: bytes
    previous_key: bool


@dataclass(frozen=True)
class Encrypted:
    encrypted: str
    msg_signature: str
    timestamp: str
    nonce: str


def check_aes_key(key: str) -> None:
    """Raise ValueError unless `key` can be an EncodingAESKey: exactly 43 of a-z A-Z 0-9."""
    if not _KEY_SHAPE.fullmatch(key):
        raise ValueError("EncodingAESKey must be exactly 43 letters and digits")


def random_aes_key() -> str:
    """A new EncodingAESKey as WeChat's console would make it."""
    return "".join(secrets.choice(_KEY_LETTERS) for _ in range(43))


def signature(*parts: str) -> str:
    """Lower-case hex SHA-1 over the parts, sorted by bytes and joined without separators."""
    return hashlib.sha1(b"".join(sorted(part.encode() for part in parts)), usedforsecurity=False).hexdigest()


def same(one: str, other: str) -> bool:
    """Compare in constant time; any text is allowed on both sides."""
    return hmac.compare_digest(one.encode(errors="surrogatepass"), other.encode(errors="surrogatepass"))


class MessageCrypto:
    """The message crypto of one component app.

    `appid` is always the component app's own, also for messages of the mini programs under it. With
    `previous_aes_key` a rotation loses nothing: each message is tried with the current key first.
    """

    def __init__(self, *, token: str, aes_key: str, appid: str, previous_aes_key: str | None = None) -> None:
        self._token = token
        self._appid = appid.encode()
        self._key = _key_bytes(aes_key)
        self._previous_key = _key_bytes(previous_aes_key) if previous_aes_key else None

    def decrypt(self, *, encrypted: str, msg_signature: str, timestamp: str, nonce: str) -> Decrypted:
        """Verify and open one push; `encrypted` is the text of its Encrypt element."""
        if not same(signature(self._token, timestamp, nonce, encrypted), msg_signature):
            raise WrongSignature("msg_signature does not match")
        try:
            ciphertext = base64.b64decode(encrypted, validate=True)
        except (binascii.Error, ValueError) as error:
            raise Undecipherable("the ciphertext is not Base64") from error
        try:
            return Decrypted(self._open(ciphertext, self._key), previous_key=False)
        except CallbackRefused as refused:
            if self._previous_key is None:
                raise
            try:
                return Decrypted(self._open(ciphertext, self._previous_key), previous_key=True)
            except Undecipherable:
                raise refused from None

    def encrypt(
        self,
        plaintext: bytes,
        *,
        timestamp: int,
        nonce: str,
        with_previous_key: bool = False,
        prefix: bytes | None = None,
    ) -> Encrypted:
        """Seal a reply; answer with the previous key when the push came with it.

        `prefix` (16 bytes, random by default) is given only to reproduce a published example.
        """
        key = self._previous_key if with_previous_key else self._key
        if key is None:
            raise ValueError("there is no previous key")
        prefix = secrets.token_bytes(_PREFIX) if prefix is None else prefix
        if len(prefix) != _PREFIX:
            raise ValueError("the prefix must be 16 bytes")
        content = prefix + len(plaintext).to_bytes(4, "big") + plaintext + self._appid
        pad = _BLOCK - len(content) % _BLOCK
        encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
        ciphertext = encryptor.update(content + bytes([pad]) * pad) + encryptor.finalize()
        encrypted = base64.b64encode(ciphertext).decode()
        return Encrypted(
            encrypted=encrypted,
            msg_signature=signature(self._token, str(timestamp), nonce, encrypted),
            timestamp=str(timestamp),
            nonce=nonce,
        )

    def _open(self, ciphertext: bytes, key: bytes) -> bytes:
        if not ciphertext or len(ciphertext) % 16:
            raise Undecipherable("the ciphertext is not a whole number of blocks")
        decryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).decryptor()
        content = decryptor.update(ciphertext) + decryptor.finalize()
        pad = content[-1]
        if not 1 <= pad <= _BLOCK or pad > len(content) or content[-pad:] != bytes([pad]) * pad:
            raise Undecipherable("the padding is wrong")
        content = content[:-pad]
        start = _PREFIX + 4
        end = start + int.from_bytes(content[_PREFIX:start], "big")
        if len(content) < start or end > len(content):
            raise Undecipherable("the length field is wrong")
        if not hmac.compare_digest(content[end:], self._appid):
            raise WrongAppid("the message is addressed to another appid")
        return content[start:end]


def _key_bytes(key: str) -> bytes:
    """43 characters carry 258 bits; the two surplus bits need not be zero, and b64decode ignores them."""
    check_aes_key(key)
    return base64.b64decode(key + "=")
