"""What people type in as an address leads to public hosts only, whatever it says and wherever its name points."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from saas import posting
from saas.config import Settings, settings
from saas.tenants import own_hosts
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
        "https://[::]/", "https://[3fff::1]/", "https://[5f00::1]/", "https://[4000::1]/", "https://a..example.com/",
        "https://" + "a" * 64 + ".com/", "https://\u200d.example.com/", "https://hooks.example.com/" + "a" * 2000,
    ],
)  # fmt: skip
def test_this_is_no_address_to_post_to(ground: Settings, address: str) -> None:
    with pytest.raises(posting.UnsafeAddress):
        posting.check_address(address)


@pytest.mark.parametrize(
    "address",
    [
        "https://hooks.example.com/a?b=c",
        "https://8.8.8.8/",
        "https://h.example.com:8443/",
        "https://[2400:3200::1]/",
        "https://钩子.中国/",
    ],
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
    monkeypatch.setenv("DAIBAN_WEBHOOKS_ALLOWED", "Hooks.Internal")
    settings.cache_clear()
    asked = names("127.0.0.1")
    address = f"http://hooks.internal:{receiver.port}/x"
    assert posting.post(address, body=b"{}", headers={}).status == 200
    assert asked == ["hooks.internal", "127.0.0.1"]
    assert receiver.got[0].headers["Host"] == f"hooks.internal:{receiver.port}"


def test_a_name_in_other_letters_is_asked_for_in_punycode(
    receiver: Receiver,  # noqa: F811
    names: Callable[..., list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DAIBAN_WEBHOOKS_ALLOWED", "xn--czrs3m.internal")
    settings.cache_clear()
    names("127.0.0.1")
    assert posting.post(f"http://商家.internal:{receiver.port}/x", body=b"{}", headers={}).status == 200
    assert receiver.got[0].headers["Host"] == f"xn--czrs3m.internal:{receiver.port}"


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


class Tarpit:
    """Begins to answer and goes on for ever, a little at a time."""

    def __init__(self, begin: bytes, again: bytes) -> None:
        self._begin, self._again = begin, again
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}/"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError), self._server.accept()[0] as line:
            line.recv(65536)
            line.sendall(self._begin)
            while True:
                line.sendall(self._again)
                time.sleep(0.02)

    def close(self) -> None:
        self._server.close()


ENDLESS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
EMPTY_BLOCK = b"\x00\x00\x00\xff\xff"


@pytest.mark.parametrize(
    ("begin", "again"),
    [
        (b"HTTP/1.1 200 OK\r\nX: ", b"x"),
        (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
        (b"", b"H"),
        (ENDLESS, b""),
    ],
)
def test_headers_that_never_end_are_no_answer(receiver: Receiver, begin: bytes, again: bytes) -> None:  # noqa: F811
    tarpit, begun = Tarpit(begin, again), time.monotonic()
    with pytest.raises(posting.NoAnswer):
        posting.post(tarpit.url, body=b"{}", headers={}, seconds=0.4)
    assert time.monotonic() - begun < 2
    tarpit.close()


@pytest.mark.parametrize(
    ("begin", "again"),
    [
        (ENDLESS + b"\r\n", b"1\r\nx\r\n"),
        (ENDLESS + b"\r\n4;", b"x"),
        (ENDLESS + b"Content-Encoding: deflate\r\n\r\n", b"5\r\n" + EMPTY_BLOCK + b"\r\n"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n", b"x"),
    ],
)
def test_of_a_body_that_never_ends_the_beginning_counts(
    receiver: Receiver,  # noqa: F811
    begin: bytes,
    again: bytes,
) -> None:
    tarpit, begun = Tarpit(begin, again), time.monotonic()
    assert posting.get(tarpit.url, seconds=0.4, most=512).status == 200
    assert time.monotonic() - begun < 2
    tarpit.close()


def test_a_look_up_that_hangs_ends_in_time(ground: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    done = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: done.wait(5) and [])
    begun = time.monotonic()
    with pytest.raises(posting.NoAnswer):
        posting.post("https://hooks.example.com/", body=b"{}", headers={}, seconds=0.3)
    assert time.monotonic() - begun < 2
    done.set()


def test_a_host_that_leads_inside_is_not_asked_whether_it_leads_here(
    receiver: Receiver,  # noqa: F811
    names: Callable[..., list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    receiver.answer = (200, b"secret", {})
    names("127.0.0.1")
    assert posting.get(f"http://xcx.alice.example:{receiver.port}/").body == b"secret"
    monkeypatch.setenv("DAIBAN_WEBHOOKS_ALLOWED", "")
    settings.cache_clear()
    with pytest.raises(posting.UnsafeAddress):
        posting.get(f"http://xcx.alice.example:{receiver.port}/")
    assert own_hosts._fetch(f"http://xcx.alice.example:{receiver.port}/") is None
