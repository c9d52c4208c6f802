"""The reasons that WeChat's reviewers write: HTML, pictures as joined media ids, and which reasons are the same."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection
from html.parser import HTMLParser

UNSTATED = "none"
"""The key of a rejection for which WeChat gave no reason."""

_ITEM = re.compile(r"^\s*\d{1,2}\s*(?:[:：、)）]|[.．](?!\d))\s*")
_PART = re.compile(r"^\s*[(（]\d{1,2}[)）]\s*[:：、.]?\s*")
_RULE = re.compile(r"(?<![A-Za-z0-9_.．/-])\d{1,2}(?:\.\d{1,2}){1,3}(?![A-Za-z0-9_%％]|\.\d)")
_SPEAKS_OF_RULES = re.compile(
    r"(规则|规范|条款|条例|标准|情形|指引|协议|要求|第|rules?|sections?|clauses?|article)", re.I
)
_OTHER_NUMBER = re.compile(r"(版本号?|基础库|库|version|ver|sdk|ios|android|微信|v|￥|¥|\$)\W*$", re.I)
_UNIT = re.compile(r"\s*(元|块|版本|版|倍|分|秒|[kmg]b\b|[kmg]\b)", re.I)
_VARIABLE = (
    re.compile(r"https?://[!-'*-~]+", re.A | re.I),
    re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+", re.A),
    re.compile(r"\b(?:wx|gh_)[0-9a-f]{8,16}\b", re.A | re.I),
    re.compile(r"[“”\"'‘’「」『』\[【][^“”\"'‘’「」『』\]】\n]{0,80}[“”\"'‘’「」『』\]】]"),
    re.compile(r"\b(?:sub)?packages?/[\w/.-]+|\bpages?/[\w/.?=&-]+", re.A | re.I),
    re.compile(r"\b[\w-]{24,}\b", re.A),
    re.compile(r"\d+"),
)
"""What differs from mini program to mini program: addresses, ids, quotations, pages, numbers."""
_SHORTEST_NAME = 2


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


def rules_of(reason: str) -> tuple[str, ...]:
    """The numbers of the rules that a plain reason names, such as 3.4.1; versions, prices and list numbers are none."""
    found: dict[str, None] = {}
    for line in reason.splitlines():
        text = _PART.sub("", _ITEM.sub("", line))
        for match in _RULE.finditer(text):
            before, after = text[: match.start()], text[match.end() :]
            if _OTHER_NUMBER.search(before) or _UNIT.match(after):
                continue
            is_first = not before.strip(' 《“"[【(（')
            if match[0].count(".") > 1 or is_first or _SPEAKS_OF_RULES.search(before[-24:]):
                found[match[0]] = None
    return tuple(found)


def reason_key(reason: str, names: Collection[str] = ()) -> str:
    """The same for plain reasons that say the same about different mini programs; `names` are those of this one.

    A reason is known by the rules that it names. Where it names none, by the points of its list, in whatever order,
    without names, ids, addresses, quotations and numbers.
    """
    if rules := rules_of(reason):
        return "+".join(sorted(rules, key=lambda rule: [int(part) for part in rule.split(".")]))
    points = {_neutral(point, names) for point in _points(reason)} - {""}
    if not points:
        return UNSTATED
    return "~" + hashlib.sha256("\n".join(sorted(points)).encode()).hexdigest()[:24]


def _points(reason: str) -> list[str]:
    """A reason cut where a new number of its list begins. What stands before a list, a greeting, is left out."""
    points: list[list[str]] = [[]]
    for line in reason.splitlines():
        if _ITEM.match(line):
            points.append([])
        points[-1].append(_PART.sub("", _ITEM.sub("", line)))
    return ["\n".join(point) for point in (points[1:] or points)]


def _neutral(text: str, names: Collection[str]) -> str:
    for name in sorted((one for one in names if len(one) >= _SHORTEST_NAME), key=len, reverse=True):
        text = text.replace(name, "#")
    for pattern in _VARIABLE:
        text = pattern.sub("#", text)
    return re.sub(r"[\W_]+", "", text.lower())


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
