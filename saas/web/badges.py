"""A state as a coloured word."""

from __future__ import annotations

from markupsafe import Markup

_BADGE = Markup('<span class="badge bg-{0}-lt"><span class="badge-dot bg-{0}"></span>{1}</span>')


def badge(text: str, tone: str) -> Markup:
    """`text` in the reader's language; `tone` is success, info, warning, danger or secondary."""
    return _BADGE.format(tone, text)
