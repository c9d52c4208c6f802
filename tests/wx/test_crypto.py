from __future__ import annotations

import base64
import random
import warnings
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saas.wx import callbacks, crypto
from saas.wx.contract import operations

VECTORS: list[dict[str, Any]] = operations.message_crypto()["test-vectors"]
KEY = "kWxC3rPz9QmT7vLs2NdYbHfJ5uGe8aRiXo4Kt6MnVq1"
OTHER_KEY = "Zb7YtR4uWq9XcVn2MsLd8KfJh3Gg5Pp6Oi1UeAaTySr"
APPID = "wx8a2b1c3d4e5f6071"
TOKEN = "qr8Platform2026Token"


def of(vector: dict[str, Any], **more: Any) -> crypto.MessageCrypto:
    return crypto.MessageCrypto(
        token=vector["token"], aes_key=vector["encodingAesKey"], appid=vector["componentAppId"], **more
    )


def ours(**more: Any) -> crypto.MessageCrypto:
    return crypto.MessageCrypto(**{"token": TOKEN, "aes_key": KEY, "appid": APPID, **more})


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_a_published_message_is_sealed_to_the_byte(vector: dict[str, Any]) -> None:
    sealed = of(vector).encrypt(
        vector["plaintext"].encode(),
        timestamp=int(vector["timestamp"]),
        nonce=vector["nonce"],
        prefix=vector["random16"].encode(),
    )
    assert sealed.encrypted == vector["encrypt"]
    assert sealed.msg_signature == vector["msgSignature"]
    assert len(base64.b64decode(sealed.encrypted)) == vector["ciphertextBytes"]
    if "replyBody" in vector:
        assert callbacks.passive_reply_xml(sealed) == vector["replyBody"]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_a_published_message_opens(vector: dict[str, Any]) -> None:
    encrypted = vector["encrypt"]
    if "postedBody" in vector:
        encrypted = callbacks.parse_envelope(vector["postedBody"].encode(), 100_000).encrypted
    opened = of(vector).decrypt(
        encrypted=encrypted,
        msg_signature=vector["msgSignature"],
        timestamp=vector["timestamp"],
        nonce=vector["nonce"],
    )
    assert opened == crypto.Decrypted(vector["plaintext"].encode(), previous_key=False)


def test_after_a_rotation_the_previous_key_still_opens_and_answers() -> None:
    vector = next(one for one in VECTORS if one["name"] == "previous-key")
    rotated = of(vector | {"encodingAesKey": KEY}, previous_aes_key=vector["encodingAesKey"])
    pushed = {"encrypted": vector["encrypt"], "msg_signature": vector["msgSignature"]}
    times = {"timestamp": vector["timestamp"], "nonce": vector["nonce"]}
    assert rotated.decrypt(**pushed, **times) == crypto.Decrypted(vector["plaintext"].encode(), previous_key=True)
    with pytest.raises(crypto.Undecipherable):
        of(vector | {"encodingAesKey": KEY}).decrypt(**pushed, **times)
    reply = rotated.encrypt(b"<xml/>", timestamp=1, nonce="n", with_previous_key=True)
    assert of(vector).decrypt(**vars(reply)).plaintext == b"<xml/>"


def test_the_plain_signature_of_the_url_check() -> None:
    vector = operations.message_crypto()["url-verification"]["test-vector"]
    assert crypto.signature(vector["token"], vector["timestamp"], vector["nonce"]) == vector["signature"]
    published = operations.message_crypto()["cross-check"]["plain-signature"]
    assert crypto.signature("AAAAA", published["timestamp"], published["nonce"]) == published["expected"]


@given(st.binary(max_size=400), st.text(max_size=20), st.integers(0, 2**33))
def test_what_is_sealed_opens(plaintext: bytes, nonce: str, timestamp: int) -> None:
    sealed = ours().encrypt(plaintext, timestamp=timestamp, nonce=nonce)
    assert ours().decrypt(**vars(sealed)).plaintext == plaintext


@given(st.text(alphabet=crypto._KEY_LETTERS, min_size=43, max_size=43))
def test_a_key_with_surplus_bits_works(key: str) -> None:
    sealed = ours(aes_key=key).encrypt("商家".encode(), timestamp=1, nonce="n")
    assert ours(aes_key=key).decrypt(**vars(sealed)).plaintext == "商家".encode()


@pytest.mark.parametrize("field", ["encrypted", "msg_signature", "timestamp", "nonce"])
def test_any_changed_part_is_a_wrong_signature(field: str) -> None:
    sealed = vars(ours().encrypt(b"<xml/>", timestamp=1790000000, nonce="nonce"))
    for forged in ("", "x", sealed[field] + "0", "伪造", "\ud800" if field == "msg_signature" else "y"):
        with pytest.raises(crypto.WrongSignature):
            ours().decrypt(**{**sealed, field: forged})


def test_a_message_for_another_component_app_is_refused() -> None:
    sealed = ours(appid="wx0000000000000000").encrypt(b"<xml/>", timestamp=1, nonce="n")
    with pytest.raises(crypto.WrongAppid):
        ours().decrypt(**vars(sealed))
    with pytest.raises(crypto.WrongAppid):
        ours(previous_aes_key=OTHER_KEY).decrypt(**vars(sealed))
    with pytest.raises(crypto.WrongAppid):
        ours(appid=APPID[:-1]).decrypt(**vars(ours().encrypt(b"<xml/>", timestamp=1, nonce="n")))


@pytest.mark.parametrize(
    "ciphertext",
    ["", "!!!!", "YQ==", "abc", base64.b64encode(bytes(16)).decode(), base64.b64encode(bytes(64)).decode(), "文"],
)
def test_rubbish_with_a_right_signature_is_undecipherable(ciphertext: str) -> None:
    with pytest.raises(crypto.Undecipherable):
        ours().decrypt(
            encrypted=ciphertext, msg_signature=crypto.signature(TOKEN, "1", "n", ciphertext), timestamp="1", nonce="n"
        )


@given(st.binary(min_size=1, max_size=20).map(lambda blocks: blocks * 16))
def test_random_blocks_never_pass(blocks: bytes) -> None:
    ciphertext = base64.b64encode(blocks).decode()
    with pytest.raises(crypto.CallbackRefused):
        ours().decrypt(
            encrypted=ciphertext, msg_signature=crypto.signature(TOKEN, "1", "n", ciphertext), timestamp="1", nonce="n"
        )


@pytest.mark.parametrize("key", ["", KEY[:-1], KEY + "1", KEY[:-1] + "+", KEY[:-1] + "=", KEY[:-1] + "\n", "密" * 43])
def test_a_key_of_the_wrong_shape_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="43"):
        crypto.check_aes_key(key)


def test_random_keys_are_valid_and_differ() -> None:
    keys = {crypto.random_aes_key() for _ in range(200)}
    assert len(keys) == 200
    for key in keys:
        crypto.check_aes_key(key)
        ours(aes_key=key)


def test_a_missing_previous_key_cannot_answer() -> None:
    with pytest.raises(ValueError, match="previous"):
        ours().encrypt(b"", timestamp=1, nonce="n", with_previous_key=True)


def test_an_independent_implementation_agrees_on_a_thousand_messages() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from wechatpy.crypto import WeChatCrypto  # type: ignore[import-untyped]

    theirs = WeChatCrypto(TOKEN, KEY, APPID)
    dice = random.Random(20261124)
    letters = "ab<>&\"' \n]]>0商家小程序备案认证审核发布😀👨‍👩‍👧‍👦𠮷é"
    for number in range(1200):
        text = "".join(dice.choice(letters) for _ in range(number % 70))
        message = f"<xml><Content>{text.replace('&', '').replace('<', '').replace('>', '')}</Content></xml>"
        nonce, timestamp = str(dice.randrange(10**10)), 1790000000 + number
        sealed = ours().encrypt(message.encode(), timestamp=timestamp, nonce=nonce)
        posted = f"<xml><ToUserName>gh_1</ToUserName><Encrypt>{sealed.encrypted}</Encrypt></xml>"
        opened = theirs.decrypt_message(posted, sealed.msg_signature, sealed.timestamp, nonce)
        assert opened == message
        reply = callbacks.parse_message(theirs.encrypt_message(message, nonce, str(timestamp)).encode())
        back = ours().decrypt(
            encrypted=reply["Encrypt"],
            msg_signature=reply["MsgSignature"],
            timestamp=reply["TimeStamp"],
            nonce=reply["Nonce"],
        )
        assert back.plaintext.decode() == message
