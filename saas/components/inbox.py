"""WeChat's pushes: whose they are, whether they are genuine, and what is kept of each.

The answer to WeChat waits for one statement of the database (`saas.components.keeping`) and for nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from saas import clock, vault
from saas.components.access import component_by_key
from saas.components.keeping import Kept, keep
from saas.components.models import ComponentApp
from saas.components.refusals import note_new_key, note_refusal
from saas.db import platform_session
from saas.queue import Lane
from saas.wx.callbacks import (
    MalformedCallback,
    OversizedCallback,
    digest,
    parse_envelope,
    parse_message,
    passive_reply_xml,
)
from saas.wx.crypto import CallbackRefused, MessageCrypto, Undecipherable, WrongAppid, same, signature
from saas.wx.release_check import AnswerNow

MAX_BYTES = 512 * 1024
_KNOWN_SECONDS = 10.0
_MOST_NOBODYS = 1000
_LONGEST_KIND = 60


@dataclass(frozen=True)
class Receiver:
    """One component app as a callback address needs it; read at `read_at` of the process's steady clock.

    `awaits_key`: its message key was changed and WeChat has not used the new one yet.
    """

    provider_id: UUID
    component_id: UUID
    token: str
    crypto: MessageCrypto
    read_at: float
    awaits_key: bool


@dataclass(frozen=True)
class Push:
    """A genuine push, opened. `previous_key`: a reply must be sealed with the key before the last rotation."""

    receiver: Receiver
    plaintext: bytes
    message: Mapping[str, Any]
    previous_key: bool


class Refused(Exception):
    """Not a push of WeChat for this component app. `is_forged` tells a wrong sender from a broken body."""

    def __init__(self, why: str, *, is_forged: bool) -> None:
        super().__init__(why)
        self.why = why
        self.is_forged = is_forged


_known: dict[str, Receiver] = {}
_nobodys: dict[str, float] = {}
"""Keys that nobody has, and when that was read; so few that whoever makes keys up fills no memory."""


def find_receiver(key: str, *, not_before: float = 0.0) -> Receiver | None:
    """Whose address this is; remembered for some seconds, so that a push usually costs no look-up.

    Only a copy read after `not_before` (`time.monotonic()`) is good enough.
    """
    oldest = max(not_before, time.monotonic() - _KNOWN_SECONDS)
    known, missed_at = _known.get(key), _nobodys.get(key)
    if known is not None and known.read_at >= oldest:
        return known
    if missed_at is not None and missed_at >= oldest:
        return None
    read_at = time.monotonic()
    with platform_session("find the owner of a callback address") as db:
        component = component_by_key(db, key)
    if component is None:
        _known.pop(key, None)
        if len(_nobodys) >= _MOST_NOBODYS:
            _nobodys.clear()
        _nobodys[key] = read_at
        return None
    _nobodys.pop(key, None)
    _known[key] = Receiver(
        component.provider_id, component.id, component.token, _crypto(component), read_at, component.awaits_new_key
    )
    return _known[key]


def forget_receiver(key: str) -> None:
    """This process reads the keys anew; others do within seconds, or when a push does not fit theirs."""
    _known.pop(key, None)
    _nobodys.pop(key, None)


def oversized(receiver: Receiver) -> Refused:
    """A body that says itself that it is longer than `MAX_BYTES`: counted, and refused unread."""
    note_refusal(receiver.provider_id, receiver.component_id, "oversized")
    return Refused("oversized", is_forged=False)


def open_push(key: str, body: bytes, *, msg_signature: str, timestamp: str, nonce: str) -> Push | None:
    """Verify and open a posted body; None when the address is nobody's, `Refused` (and counted) when it is no push."""
    receiver = find_receiver(key)
    if receiver is None:
        return None
    try:
        encrypted = parse_envelope(body, MAX_BYTES).encrypted
        given = {"encrypted": encrypted, "msg_signature": msg_signature, "timestamp": timestamp, "nonce": nonce}
        try:
            opened = receiver.crypto.decrypt(**given)
        except CallbackRefused:  # the keys may have been changed by another process since they were read
            receiver = find_receiver(key, not_before=time.monotonic() - 1) or receiver
            opened = receiver.crypto.decrypt(**given)
        if receiver.awaits_key and not opened.previous_key:
            note_new_key(receiver.component_id)
            forget_receiver(key)
        return Push(receiver, opened.plaintext, parse_message(opened.plaintext), opened.previous_key)
    except (CallbackRefused, MalformedCallback) as error:
        why = _reason(error)
        note_refusal(receiver.provider_id, receiver.component_id, why)
        forged = isinstance(error, CallbackRefused) and not isinstance(error, Undecipherable)
        raise Refused(why, is_forged=forged) from error


def keep_push(push: Push, *, appid: str = "") -> bool:
    """Store a push with the job that works on it; a known one is counted. Says whether it is new."""
    receiver, message = push.receiver, push.message
    kind = next((value for name in ("InfoType", "Event", "MsgType") if isinstance(value := message.get(name), str)), "")
    return keep(
        Kept(
            receiver.provider_id, receiver.component_id, digest(push.plaintext), appid,
            kind=kind.replace("\0", "")[:_LONGEST_KIND],
            body=vault.seal(receiver.provider_id, push.plaintext, purpose="callbacks.body"),
            happened_at=_created_at(message), lane=Lane.DEFAULT if appid else Lane.URGENT,
        )
    )  # fmt: skip


def seal_reply(push: Push, answer: AnswerNow, *, nonce: str) -> str:
    """The encrypted response body, sealed with the key that the push came with."""
    now = int(clock.now().timestamp())
    return passive_reply_xml(
        push.receiver.crypto.encrypt(
            answer.plaintext(now), timestamp=now, nonce=nonce, with_previous_key=push.previous_key
        )
    )


def is_genuine_check(key: str, *, given: str, timestamp: str, nonce: str) -> bool:
    """WeChat's check of a URL: `signature` over token, timestamp and nonce."""
    receiver = find_receiver(key)
    return receiver is not None and same(signature(receiver.token, timestamp, nonce), given)


def _crypto(component: ComponentApp) -> MessageCrypto:
    return MessageCrypto(
        token=component.token, aes_key=component.aes_key, appid=component.appid,
        previous_aes_key=component.previous_aes_key or None,
    )  # fmt: skip


def _reason(error: CallbackRefused | MalformedCallback) -> str:
    if isinstance(error, OversizedCallback):
        return "oversized"
    if isinstance(error, MalformedCallback):
        return "malformed"
    if isinstance(error, Undecipherable):
        return "key"
    return "appid" if isinstance(error, WrongAppid) else "signature"


def _created_at(message: Mapping[str, Any]) -> datetime | None:
    try:
        return datetime.fromtimestamp(int(message["CreateTime"]), UTC)
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        return None
