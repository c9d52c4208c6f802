"""What browser tests need from the machine. Without it they are skipped and say how to get it; in CI they fail."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

from saas.assets import ASSETS, Asset
from saas.demo import copies

_CACHE = Path(__file__).parents[2] / ".daiban-test" / "assets"

AXE = Asset(
    "axe-core", "4.14.1", "axe.min.js", "sha384-xt1SFg49QaDwsyt0Xfs2XAyBtYPClXl3X2q5OOLeGAUmq9jZTYIMdztpF99WdhiH"
)


def chromium() -> str:
    """The path of Chromium."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    return cannot("Chromium is missing (Debian: apt-get install chromium fonts-noto-cjk)")


def cdn_files() -> dict[str, Path]:
    """The CDN's files by their paths behind the CDN's base, such as ``htmx.org@4.0.1/dist/htmx.min.js``."""
    try:
        found = copies.prepare(_CACHE)
    except copies.NoCopies as error:
        cannot(f"the CDN's files could not be got: {error}")
    return {ASSETS[name].name: path for name, path in found.items()}


def axe() -> Path:
    """axe-core, which finds faults against WCAG."""
    try:
        return copies.prepare(_CACHE, {"axe": AXE})["axe"]
    except copies.NoCopies as error:
        cannot(f"axe-core could not be got: {error}")


def cannot(why: str) -> NoReturn:
    """Skip, saying why; in CI fail, because there these tests must run."""
    if os.environ.get("CI"):
        pytest.fail(f"browser tests must run in CI: {why}")
    pytest.skip(f"BROWSER TESTS DID NOT RUN: {why}")
