"""Two languages from one source: msgids are the Chinese text, English lies in `translations/parts/<area>.en.po`.

Run ``python -m saas.i18n`` to see that every text on screen has its English, and that no English lies unused.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

DEFAULT = "zh_CN"
LOCALES = {"zh_CN": "简体中文", "en": "English"}

_ROOT = Path(__file__).parent
_PARTS = _ROOT / "translations" / "parts"
_METHODS = [
    ("sandbox/**", "ignore"),
    ("**.py", "python"),
    ("templates/**.html", "jinja2"),
    ("templates/**.txt", "jinja2"),
]
_OPTIONS = {
    "templates/**": {"extensions": "jinja2.ext.i18n,jinja2.ext.do", "silent": "false", "trimmed": "true"},
}
_KEYWORDS: dict[str, Any] = dict.fromkeys(("_", "_l", "N_", "gettext", "lazy_gettext")) | {"ngettext": (1, 2)}


@cache
def translations(locale: str) -> Translations:
    """The texts of one language; Chinese is the source and has none."""
    if locale != "en":
        return Translations()
    stream = io.BytesIO()
    write_mo(stream, english())
    stream.seek(0)
    return Translations(stream, domain="messages")


def translate(locale: str, message: str, **params: Any) -> str:
    """One text outside of a page (mails, jobs)."""
    text = translations(locale).ugettext(message) if locale == "en" else message
    return text % params if params else text


@cache
def english() -> Catalog:
    """All parts joined; a text may stand in several parts as long as its English is the same (`faults` tells)."""
    whole = Catalog(locale="en", charset="utf-8")
    for _name, message in _messages():
        if whole.get(message.id) is None:
            whole.add(message.id, message.string, flags=message.flags)
    return whole


def _messages() -> Iterator[tuple[str, Message]]:
    """Every translated message with its file, the shell's first."""
    for path in sorted(_PARTS.glob("*.en.po"), key=lambda path: (path.name != "shell.en.po", path.name)):
        with path.open("rb") as stream:
            part = read_po(stream, locale="en", charset="utf-8")
        yield from ((path.name, message) for message in part if message.id and message.string)


def used() -> dict[str | tuple[str, ...], str]:
    """Every text in code and templates with the place where it stands."""
    found: dict[str | tuple[str, ...], str] = {}
    for name, line, message, _comments, _context in extract_from_dir(
        _ROOT, method_map=_METHODS, options_map=_OPTIONS, keywords=_KEYWORDS, strip_comment_tags=True
    ):
        found.setdefault(message, f"{name}:{line}")
    return found


def faults() -> list[str]:
    """What is wrong with the English: missing texts, unused ones, places that do not fit."""
    catalogue = {
        message.id if isinstance(message.id, str) else tuple(message.id): message for message in english() if message.id
    }
    wanted = used()
    lines = [f"{place}: no English for {text!r}" for text, place in wanted.items() if text not in catalogue]
    lines += [f"unused English for {text!r}" for text in catalogue if text not in wanted]
    for name, message in _messages():
        known = english().get(message.id)
        if known is not None and known.string != message.string:
            lines.append(f"{name}: {message.id!r} is {message.string!r} here and {known.string!r} elsewhere")
    for message in catalogue.values():
        lines += [f"{message.id!r}: {error}" for error in message.check(catalog=None)]
    return lines


if __name__ == "__main__":
    problems = faults()
    sys.stdout.write("".join(f"{line}\n" for line in problems))
    sys.exit(bool(problems))
