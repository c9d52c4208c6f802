"""What people type in as an address leads to public hosts only, whatever it says and wherever its name points."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest

from saas import posting
from saas.config import Settings, settings
from tests.tenants.conftest import receiver  # noqa: F401
from tests.tenants.receiver import Receiver


@pytest.mark.parametrize(
    "address",
    [
        "", "hooks.example.com", "ftp://hooks.example.com/", "https://", "https://user:pass@hooks.example.com/",
        "https://user@hooks.example.com/", "http://hooks.example.com/", "https://hooks.example.com:0/",
        "https://hooks.example.com:99999/", "https://hooks.example.com/a b", "https://hooks.example.com/\n",
        "https://127.0.0.1/", "https://10.0.0.1/", "https://192.168.1.1/", "https://172.16.0.1/", "https://0.0.0.0/",
        "https://169.254.169.254/latest/meta-data/", "https://100.100.100.200/latest/", "https://224.0.0.1/",
        "https://[::1]/", "https://[fe80::1]/", "https://[fc00::1]/", "https://[::ffff:127.0.0.1]/",
        "https://[64:ff9b::7f00:1]/", "https://[2002:7f00:1::]/", "https://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/",
        "https://[::]/", "https://hooks.example.com/" + "a" * 2000,
    ],
)  # fmt: skip
def test_this_is_no_address_to_post_to(ground: Settings, address: str) -> None:
    with pytest.raises(posting.UnsafeAddress):
        posting.check_address(address)


@pytest.mark.parametrize(
    "address", ["https://hooks.example.com/a?b=c", "https://8.8.8.8/", "https://h.example.com:8443/"]
)
def test_public_https_is_fine(ground: Settings, address: str) -> None:
    posting.check_address(address)


@pytest.mark.parametrize("number", ["https://2130706433/", "https://0x7f.1/", "https://127.1/", "https://localhost/"])
def test_other_ways_to_write_loopback_are_found_when_they_are_looked_up(ground: Settings, number: str) -> None:
    with pytest.raises((posting.UnsafeAddress, posting.NoAnswer)):
        posting.post(number, body=b"{}", headers={})


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """What a name server answers; each look-up is noted."""

    def answer(*addresses: str) -> list[str]:
        asked: list[str] = []

        def look_up(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
            asked.append(host)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in addresses]

        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        return asked

    return answer


def test_a_public_name_that_points_inside_is_refused(ground: Settings, names: Callable[..., list[str]]) -> None:
    names("8.8.8.8", "10.0.0.7")
    with pytest.raises(posting.UnsafeAddress):
        posting.post("https://hooks.example.com/", body=b"{}", headers={})


def test_the_address_that_was_judged_is_connected_to(
    receiver: Receiver,  # noqa: F811
    names: Callable[..., list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A second look-up could answer something else."""
    monkeypatch.setenv("DAIBAN_WEBHOOKS_ALLOWED", "hooks.internal")
    settings.cache_clear()
    asked = names("127.0.0.1")
    address = f"http://hooks.internal:{receiver.port}/x"
    assert posting.post(address, body=b"{}", headers={}).status == 200
    assert asked == ["hooks.internal", "127.0.0.1"]
    assert receiver.got[0].headers["Host"] == f"hooks.internal:{receiver.port}"


def test_loopback_is_reached_only_where_the_setting_allows_it(
    receiver: Receiver,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert posting.post(f"{receiver.url}/", body=b"{}", headers={}).status == 200
    monkeypatch.setenv("DAIBAN_WEBHOOKS_ALLOWED", "10.0.0.0/8, 127.0.0.0/30")
    settings.cache_clear()
    assert posting.post(f"{receiver.url}/", body=b"{}", headers={}).status == 200
    monkeypatch.setenv("DAIBAN_WEBHOOKS_ALLOWED", "10.0.0.0/8")
    settings.cache_clear()
    with pytest.raises(posting.UnsafeAddress):
        posting.post(f"{receiver.url}/", body=b"{}", headers={})
    assert len(receiver.got) == 2


def test_a_long_answer_is_cut(receiver: Receiver) -> None:  # noqa: F811
    receiver.answer = (200, b"x" * 100_000, {})
    assert len(posting.post(f"{receiver.url}/", body=b"{}", headers={}).body) == 16 * 1024


def test_nobody_there_is_no_answer(receiver: Receiver) -> None:  # noqa: F811
    with pytest.raises(posting.NoAnswer):
        posting.post("http://127.0.0.1:1/", body=b"{}", headers={})
