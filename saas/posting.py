"""POST to addresses that people typed in: over https, to public hosts only, and never on to where they lead.

A host's name is looked up once and the very address that was judged is connected to, so a name that points elsewhere a
moment later leads nowhere. `DAIBAN_WEBHOOKS_ALLOWED` names what may be reached all the same. An exchange ends in time
whatever the other side does: one that answers a byte at a time would never let a worker go.
"""

from __future__ import annotations

import contextlib
import ipaddress
import queue
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

import httpx2

from saas.config import settings
from saas.errors import N_

_SECONDS = 10.0
_WHOLE_SECONDS = 20.0
_MOST_BYTES = 16 * 1024
_LONGEST = 2000
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")
_GIVEN_OUT = ipaddress.ip_network("2000::/3")
"""All that was ever given out of the addresses of IPv6."""
_EXAMPLES = ipaddress.ip_network("3fff::/20")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class UnsafeAddress(Exception):
    """This address may not be posted to; the text is a msgid."""


class NoAnswer(Exception):
    """The other side could not be reached, or did not answer in time; the text is a msgid."""


@dataclass(frozen=True)
class Reply:
    status: int
    body: bytes


def check_address(address: str) -> SplitResult:
    """What an address says by itself, without a look-up. Raises UnsafeAddress."""
    try:
        parts = urlsplit(address)
        host, port = _host_of(httpx2.URL(address)), parts.port
        host.encode("idna")  # no label empty or too long
    except (ValueError, httpx2.InvalidURL):
        raise UnsafeAddress(N_("这不是完整的网址")) from None
    if parts.scheme not in ("http", "https") or not host or port == 0 or len(address) > _LONGEST:
        raise UnsafeAddress(N_("这不是完整的网址"))
    if any(character.isspace() or not character.isprintable() for character in address):
        raise UnsafeAddress(N_("这不是完整的网址"))
    if parts.username is not None or parts.password is not None:
        raise UnsafeAddress(N_("网址里不能带用户名和密码"))
    if parts.scheme != "https" and not _is_allowed(host):
        raise UnsafeAddress(N_("网址须以 https:// 开头"))
    literal = _address(host)
    if literal is not None and not _may_reach(host, literal):
        raise UnsafeAddress(N_("不能发往内网地址"))
    return parts


def post(
    address: str, *, body: bytes, headers: Mapping[str, str], is_typed: bool = True, seconds: float = _WHOLE_SECONDS
) -> Reply:
    """Send and read the first bytes of the answer. Raises UnsafeAddress and NoAnswer.

    `is_typed` False is for addresses whose host is ours to choose (a setting): they are not judged.
    """
    if is_typed:
        check_address(address)
    return _exchange("POST", address, body, headers, is_judged=is_typed, seconds=seconds, most=_MOST_BYTES)


def get(address: str, *, is_judged: bool = True, seconds: float = _WHOLE_SECONDS, most: int = _MOST_BYTES) -> Reply:
    """Read the first bytes of what stands there; the scheme is the caller's to choose. Raises as `post` does."""
    return _exchange("GET", address, None, {}, is_judged=is_judged, seconds=seconds, most=most)


def _exchange(
    method: str, address: str, body: bytes | None, headers: Mapping[str, str], *,
    is_judged: bool, seconds: float, most: int,
) -> Reply:  # fmt: skip
    """An answer that has begun and does not end in time is what has come of it."""
    ends, reply = time.monotonic() + seconds, None
    try:
        url = httpx2.URL(address)
        host, port = _host_of(url), url.port or (443 if url.scheme == "https" else 80)
        sent = {**headers, "Host": url.netloc.decode(), "Accept-Encoding": "identity"}
        extensions: dict[str, Any] = {}
        if is_judged:
            url = url.copy_with(host=str(_resolve(host, port, min(_SECONDS, seconds))))
            if _address(host) is None:
                extensions["sni_hostname"] = host
        left = max(0.01, ends - time.monotonic())
        with (
            _End(left) as end,
            httpx2.Client(timeout=min(_SECONDS, left), follow_redirects=False, trust_env=False) as http,
            http.stream(
                method, url, content=body, headers=sent, extensions={**extensions, "trace": end.watch}
            ) as answer,
        ):  # fmt: skip
            reply = Reply(answer.status_code, b"")
            for part in answer.iter_raw():
                reply = Reply(answer.status_code, (reply.body + part)[:most])
                if len(reply.body) >= most or time.monotonic() > ends:
                    break
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, UnicodeError) as error:
        is_late = time.monotonic() >= ends
        if reply is not None and is_late:
            return reply
        if is_late or isinstance(error, httpx2.TimeoutException):
            raise NoAnswer(N_("对方没有在 10 秒内回应")) from None
        raise NoAnswer(N_("连接不上对方的地址")) from None
    return reply


class _End:
    """Hangs up when the time is over. Time limits of the client begin anew with every byte, this one does not."""

    def __init__(self, seconds: float) -> None:
        self._timer = threading.Timer(seconds, self._hang_up)
        self._timer.daemon = True
        self._lock = threading.Lock()
        self._line: socket.socket | None = None
        self._is_over = False

    def __enter__(self) -> _End:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        with self._lock:
            if self._line is not None:
                self._line.close()
                self._line = None

    def watch(self, event: str, about: Mapping[str, Any]) -> None:
        """The client tells what it does. A copy of the socket stays good when TLS takes the first one over."""
        if event == "connection.connect_tcp.complete":
            with self._lock:
                self._line = about["return_value"].get_extra_info("socket").dup()
            if self._is_over:
                self._hang_up()

    def _hang_up(self) -> None:
        with self._lock, contextlib.suppress(OSError):
            self._is_over = True
            if self._line is not None:
                self._line.shutdown(socket.SHUT_RDWR)


def _host_of(url: httpx2.URL) -> str:
    """As it is looked up: in lower case, and a name in other letters in punycode."""
    return url.raw_host.decode("ascii").lower()


def _resolve(host: str, port: int, seconds: float) -> Address:
    """The address to connect to; all that the name has must be fit, so that none is reached by luck."""
    addresses = [
        ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in _look_up(host, port, seconds)
    ]  # fmt: skip
    if not addresses:
        raise NoAnswer(N_("找不到这个域名"))
    if not all(_may_reach(host, one) for one in addresses):
        raise UnsafeAddress(N_("不能发往内网地址"))
    return next((one for one in addresses if one.version == 4), addresses[0])


def _look_up(host: str, port: int, seconds: float) -> list[Any]:
    """In a thread of its own, since the system's look-up knows no time limit that we could set."""
    answers: queue.SimpleQueue[list[Any]] = queue.SimpleQueue()

    def ask() -> None:
        found: list[Any] = []
        with contextlib.suppress(OSError, UnicodeError):
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        answers.put(found)

    threading.Thread(target=ask, daemon=True).start()
    try:
        return answers.get(timeout=seconds)
    except queue.Empty:
        return []


def _may_reach(host: str, address: Address) -> bool:
    return _is_public(address) or _is_allowed(host) or _is_allowed(str(address))


def _is_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _TRANSLATED:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return _is_public(inner)
        if address.teredo is not None or address not in _GIVEN_OUT or address in _EXAMPLES:
            return False
    return address.is_global and not address.is_multicast


def _is_allowed(host: str) -> bool:
    literal = _address(host)
    for entry in settings().allowed_webhooks:
        if entry == host:
            return True
        if literal is not None:
            try:
                if literal in ipaddress.ip_network(entry, strict=False):
                    return True
            except ValueError:
                continue
    return False


def _address(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return None
