"""Versions of mini programs' code as text that sorts: 1.9.0 comes before 1.10."""

from __future__ import annotations

import re

_DIGITS = re.compile(r"\d+")
_ZEROS = re.compile(r"(\.0+)+$")
_WIDTH = 9


def version_key(version: str) -> str:
    """Sorts as the versions do, byte by byte: numbers padded, a leading v and trailing `.0` left away."""
    text = _ZEROS.sub("", version.strip().lower().removeprefix("v"))
    return _DIGITS.sub(lambda found: found[0].lstrip("0").rjust(_WIDTH, "0"), text)
