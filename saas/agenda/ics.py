"""The calendar as a file that calendar programs subscribe to (RFC 5545)."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

_LONGEST = 75
"""Octets in a line."""


@dataclass(frozen=True)
class Entry:
    """`at` is a day or a moment."""

    uid: str
    at: date | datetime
    title: str
    text: str
    url: str


def write_calendar(name: str, entries: Iterable[Entry], *, now: datetime) -> str:
    """All of them as one calendar, which is asked for again every four hours."""
    lines = [
        "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Daiban//Calendar//ZH", "CALSCALE:GREGORIAN", "METHOD:PUBLISH",
        f"X-WR-CALNAME:{_escaped(name)}", f"NAME:{_escaped(name)}", "REFRESH-INTERVAL;VALUE=DURATION:PT4H",
        "X-PUBLISHED-TTL:PT4H",
    ]  # fmt: skip
    for entry in entries:
        lines += [
            "BEGIN:VEVENT", f"UID:{_escaped(entry.uid)}", f"DTSTAMP:{_moment(now)}", *_times(entry.at),
            f"SUMMARY:{_escaped(entry.title)}", f"DESCRIPTION:{_escaped(entry.text)}", f"URL:{entry.url}",
            "TRANSP:TRANSPARENT", "END:VEVENT",
        ]  # fmt: skip
    lines.append("END:VCALENDAR")
    return "".join(f"{part}\r\n" for line in lines for part in _folded(line))


def _times(at: date | datetime) -> list[str]:
    if isinstance(at, datetime):
        return [f"DTSTART:{_moment(at)}", f"DTEND:{_moment(at + timedelta(minutes=15))}"]
    return [f"DTSTART;VALUE=DATE:{at:%Y%m%d}", f"DTEND;VALUE=DATE:{at + timedelta(days=1):%Y%m%d}"]


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _escaped(text: str) -> str:
    for found, written in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\r\n", "\\n"), ("\n", "\\n"), ("\r", "")):
        text = text.replace(found, written)
    return "".join(letter for letter in text if letter == "\t" or unicodedata.category(letter) != "Cc")


def _folded(line: str) -> list[str]:
    """Lines of 75 octets at most, never cut within a character; each further one begins with a space."""
    parts, part = [], ""
    for letter in line:
        if len((part + letter).encode()) > _LONGEST:
            parts.append(part)
            part = " "
        part += letter
    return [*parts, part]
