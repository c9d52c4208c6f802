"""The pushes that the program acts on, as typed values; everything else stays an `UnknownEvent`.

WeChat pushes XML or JSON and does not always write a field's name the same way (ScreenShot, screenshot; InfoType,
info_type): both are read alike. What an event says may be late, repeated or missing, so confirm it with a query.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

from saas.wx.callbacks import as_list


@dataclass(frozen=True)
class Event:
    """`fields` is the whole decrypted message as it came; it may hold secrets and is never printed."""

    name: str
    fields: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class UnknownEvent(Event):
    """A push without a class here: one that nobody handles, or a known one that lacks what `problem` names.

    `name` is the InfoType, the Event, or the MsgType of an ordinary message; "" when there is none of them.
    """

    problem: str = ""


@dataclass(frozen=True)
class KnownEvent(Event):
    """`created_at` is WeChat's time of the event: compare by it, since pushes overtake each other."""

    created_at: datetime


@dataclass(frozen=True)
class TicketPushed(KnownEvent):
    """component_verify_ticket: about every ten minutes, valid twelve hours."""

    ticket: str = field(repr=False)


@dataclass(frozen=True)
class Authorized(KnownEvent):
    """authorized: exchange `code` at once. `pre_auth_code` says which authorization page was used ("" if unknown).

    Comes for WeChat's release-check accounts, too.
    """

    appid: str
    code: str = field(repr=False)
    pre_auth_code: str = field(repr=False)


@dataclass(frozen=True)
class AuthorizationUpdated(Authorized):
    """updateauthorized: exchange `code` again, the old refresh token is replaced; the permission sets changed."""


@dataclass(frozen=True)
class Unauthorized(KnownEvent):
    """unauthorized: the tokens are dead, unless a newer authorization is known already."""

    appid: str


@dataclass(frozen=True)
class AuditEvent(KnownEvent):
    """About the open audit of one mini program. Names no audit and no appid: `user_name` is its gh_ id.

    `decided_at` is the time of the decision, or of the notice of a delay.
    """

    user_name: str
    decided_at: datetime


@dataclass(frozen=True)
class AuditApproved(AuditEvent):
    """weapp_audit_success: nothing is online yet."""


@dataclass(frozen=True)
class AuditRejected(AuditEvent):
    """weapp_audit_fail: `reason` is HTML, see `plain_reason`; `screenshots` are media ids, to be fetched at once."""

    reason: str
    screenshots: tuple[str, ...]


@dataclass(frozen=True)
class AuditDelayed(AuditEvent):
    """weapp_audit_delay: not an end, a decision follows."""

    reason: str


def parse_event(message: Mapping[str, Any]) -> Event:
    """Read a decrypted push (`callbacks.parse_message`)."""
    fields = _Fields(message)
    name = fields.text("InfoType") or fields.text("Event") or fields.text("MsgType")
    build = _BUILDERS.get(name)
    if build is None:
        return UnknownEvent(name, message)
    try:
        return build(name, fields)
    except _Missing as missing:
        return UnknownEvent(name, message, problem=f"{missing} is missing or unreadable")


def screenshot_ids(joined: str | None) -> tuple[str, ...]:
    """The media ids of a rejection's pictures, which WeChat joins with "|"."""
    return tuple(one.strip() for one in (joined or "").split("|") if one.strip())


def plain_reason(html: str | None) -> str:
    """A reviewer's reason as plain lines: tags gone, entities read, the address of a link kept behind its text."""
    reader = _PlainLines()
    reader.feed(html or "")
    reader.close()
    lines = (re.sub(r"[\s\u200b\ufeff]+", " ", line).strip() for line in "".join(reader.parts).split("\n"))
    return "\n".join(line for line in lines if line)


class _Missing(Exception):
    """A field without which the event says nothing."""


class _Fields:
    """A message's fields, found whatever their capitals and underscores; the documented spelling wins."""

    def __init__(self, message: Mapping[str, Any]) -> None:
        self.message = message
        self._plain = {_plain_name(name): value for name, value in reversed(list(message.items()))}

    def text(self, name: str) -> str:
        values = as_list(self.message.get(name, self._plain.get(_plain_name(name))))
        first = values[0] if values else ""
        return first.strip() if isinstance(first, str) else ""

    def needed(self, name: str) -> str:
        value = self.text(name)
        if not value:
            raise _Missing(name)
        return value

    def time(self, name: str) -> datetime:
        try:
            return datetime.fromtimestamp(int(self.text(name)), UTC)
        except (ValueError, OverflowError, OSError):
            raise _Missing(name) from None


def _plain_name(name: str) -> str:
    return name.replace("_", "").lower()


def _ticket(name: str, fields: _Fields) -> Event:
    return TicketPushed(name, fields.message, fields.time("CreateTime"), fields.needed("ComponentVerifyTicket"))


def _authorized(name: str, fields: _Fields) -> Event:
    kind = AuthorizationUpdated if name == "updateauthorized" else Authorized
    return kind(
        name,
        fields.message,
        fields.time("CreateTime"),
        appid=fields.needed("AuthorizerAppid"),
        code=fields.needed("AuthorizationCode"),
        pre_auth_code=fields.text("PreAuthCode"),
    )


def _unauthorized(name: str, fields: _Fields) -> Event:
    return Unauthorized(name, fields.message, fields.time("CreateTime"), appid=fields.needed("AuthorizerAppid"))


def _approved(name: str, fields: _Fields) -> Event:
    return AuditApproved(name, fields.message, **_audit(fields, "SuccTime"))


def _rejected(name: str, fields: _Fields) -> Event:
    return AuditRejected(
        name,
        fields.message,
        **_audit(fields, "FailTime"),
        reason=fields.text("Reason"),
        screenshots=screenshot_ids(fields.text("ScreenShot")),
    )


def _delayed(name: str, fields: _Fields) -> Event:
    return AuditDelayed(name, fields.message, **_audit(fields, "DelayTime"), reason=fields.text("Reason"))


def _audit(fields: _Fields, time_name: str) -> dict[str, Any]:
    created_at = fields.time("CreateTime")
    return {
        "created_at": created_at,
        "user_name": fields.text("ToUserName"),
        "decided_at": fields.time(time_name) if fields.text(time_name) else created_at,
    }


_BUILDERS: Mapping[str, Callable[[str, _Fields], Event]] = {
    "component_verify_ticket": _ticket,
    "authorized": _authorized,
    "updateauthorized": _authorized,
    "unauthorized": _unauthorized,
    "weapp_audit_success": _approved,
    "weapp_audit_fail": _rejected,
    "weapp_audit_delay": _delayed,
}


class _PlainLines(HTMLParser):
    """Collects text; tags that begin a line on screen become line breaks."""

    _BREAKS = frozenset({"br", "p", "div", "li", "ul", "ol", "tr", "table", "h1", "h2", "h3", "h4"})
    _SILENT = frozenset({"script", "style"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._silent = 0
        self._href = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self._BREAKS:
            self.parts.append("\n")
        elif tag in self._SILENT:
            self._silent += 1
        elif tag == "a":
            href = dict(attrs).get("href") or ""
            self._href = href if href.startswith(("http://", "https://")) else ""

    def handle_endtag(self, tag: str) -> None:
        if tag in self._BREAKS:
            self.parts.append("\n")
        elif tag in self._SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag == "a" and self._href:
            if self._href not in "".join(self.parts[-2:]):
                self.parts.append(f" ({self._href}) ")
            self._href = ""

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.parts.append(data)
