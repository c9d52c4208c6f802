"""What goes over the wire compressed, and what must not."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import pytest
from flask import Flask

from tests.web.conftest import Browser

GZIP = {"Accept-Encoding": "gzip, deflate, br"}


@pytest.mark.parametrize("path", ["/", "/sign-in", "/static/app.css", "/static/app.js"])
def test_pages_and_files_are_the_same_but_smaller(anonymous: Browser, path: str) -> None:
    plain, packed = (anonymous.get(path, headers=one, buffered=True) for one in ({}, GZIP))
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert "Accept-Encoding" in plain.headers["Vary"]
    assert "Content-Encoding" not in plain.headers
    assert int(packed.headers["Content-Length"]) == len(packed.data) < len(plain.data)
    text = gzip.decompress(packed.data)
    assert len(text) == len(plain.data) if path == "/" else text.startswith(plain.data[:30])


def test_a_page_has_no_telling_size(browser: Callable[[str], Browser]) -> None:
    alice = browser("alice")
    sizes = {len(alice.get("/p/alice/", headers=GZIP).data) for _ in range(12)}
    assert len(sizes) > 4


def test_a_kept_file_is_not_sent_again(anonymous: Browser) -> None:
    tag = anonymous.get("/static/app.css", headers=GZIP, buffered=True).headers["ETag"]
    assert tag.startswith("W/")
    assert anonymous.get("/static/app.css", headers=GZIP | {"If-None-Match": tag}, buffered=True).status_code == 304


def test_small_answers_and_those_without_a_body_stay(anonymous: Browser, app: Flask) -> None:
    for path in ("/static/logo.svg", "/readyz"):
        assert "Content-Encoding" not in anonymous.get(path, headers=GZIP, buffered=True).headers
    head = app.test_client().head("/", headers=GZIP)
    assert head.data == b""


def test_who_takes_no_gzip_gets_none(anonymous: Browser) -> None:
    for accepted in ("", "identity", "br", "gzip;q=0"):
        assert "Content-Encoding" not in anonymous.get("/", headers={"Accept-Encoding": accepted}).headers
