"""What a page of a merchant weighs on the wire, without its pictures: HTML, styles and scripts, compressed."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from flask import Flask

from saas.config import settings
from saas.db import tenant_session
from saas.onboarding.fields import FORMS
from saas.onboarding.models import Part
from saas.onboarding.parts import open_onboarding
from saas.programs.access import load_program
from saas.tenants.merchants import load_merchant
from tests.browser import tools
from tests.cast import Cast
from tests.web.conftest import Browser
from tests.web.test_access_table import path
from tests.web.things import build_things

MOST = 150 * 1024
GZIP = {"Accept-Encoding": "gzip"}
_FILES = re.compile(r'<(?:link rel="stylesheet" href|script src)="([^"]+)"')


@pytest.fixture(scope="module")
def cdn_files() -> dict[str, Path]:
    return tools.cdn_files()


@pytest.fixture
def addresses(app: Flask, cast: Cast) -> list[str]:
    """Every page of a merchant, and every page of her forms for a mini program of which all is asked."""
    things = build_things(cast)
    with tenant_session(cast.alices) as db:
        program = load_program(db, UUID(str(things["program_id"])))
        merchant = load_merchant(db, cast.meis)
        onboarding = open_onboarding(db, merchant, program, list(Part), who=cast.who["alice"])
    house = f"/m/alice/onboarding/{onboarding.id}"
    pages = [(part, page) for part, form in FORMS.items() for page in ("", *form.pages)]
    forms = [f"{house}/{part}/{page}".rstrip("/") for part, page in pages]
    rules = [
        rule for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith(("merchant.", "public.")) and "GET" in (rule.methods or ())
    ]  # fmt: skip
    return [*forms, *(path(rule, rule.endpoint, things) for rule in rules)]


def test_no_page_of_a_merchant_is_heavy(
    addresses: list[str], browser: Callable[[str], Browser], anonymous: Browser, cdn_files: dict[str, Path]
) -> None:
    weights: dict[str, int] = {}
    known: dict[str, int] = {}
    for who in (browser("mei"), anonymous):
        for address in addresses:
            answer = who.get(address, headers=GZIP, buffered=True)
            if answer.mimetype != "text/html" or answer.status_code != 200:
                continue
            page = gzip.decompress(answer.data) if "Content-Encoding" in answer.headers else answer.data
            files = _FILES.findall(page.decode())
            for file in set(files) - known.keys():
                known[file] = _weight(file, anonymous, cdn_files)
            weights[address] = max(weights.get(address, 0), len(answer.data) + sum(known[file] for file in files))
    assert len(weights) > 25
    heavy = {address: weight for address, weight in weights.items() if weight >= MOST}
    assert heavy == {}, max(weights.values())


def _weight(address: str, browser: Browser, cdn_files: dict[str, Path]) -> int:
    """Of a style or script: ours as we send it, the CDN's as every CDN compresses it at least."""
    base = settings().assets_url.rstrip("/") + "/"
    if address.startswith(base):
        return len(gzip.compress(cdn_files[address.removeprefix(base)].read_bytes(), 6))
    return len(browser.get(address, headers=GZIP, buffered=True).data)
