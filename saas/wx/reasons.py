"""The reasons that WeChat's reviewers write: HTML, and pictures as joined media ids."""

from __future__ import annotations

import re
from html.parser import HTMLParser


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
