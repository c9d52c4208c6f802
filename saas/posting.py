"""POST to addresses that people typed in: over https, to public hosts only, and never on to where they lead.

A host's name is looked up once and the very address that was judged is connected to, so a name that points elsewhere a
moment later leads nowhere. `DAIBAN_WEBHOOKS_ALLOWED` names what may be reached all the same.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

import httpx2

from saas.config import settings
from saas.errors import N_

_SECONDS = 10.0
_WHOLE_SECONDS = 20.0
_MOST_BYTES = 16 * 1024
_LONGEST = 2000
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")

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
        host, port = parts.hostname or "", parts.port
    except ValueError:
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


def post(address: str, *, body: bytes, headers: Mapping[str, str], is_typed: bool = True) -> Reply:
    """Send and read the first bytes of the answer. Raises UnsafeAddress and NoAnswer.

    `is_typed` False is for addresses whose host is ours to choose (a setting): they are not judged.
    """
    parts = check_address(address) if is_typed else urlsplit(address)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    url, sent, extensions = httpx2.URL(address), dict(headers), {}
    if is_typed:
        sent["Host"] = parts.netloc
        url = url.copy_with(host=str(_resolve(host, port)))
        if _address(host) is None:
            extensions = {"sni_hostname": host.encode("idna").decode()}
    ends = time.monotonic() + _WHOLE_SECONDS
    try:
        with (
            httpx2.Client(timeout=_SECONDS, follow_redirects=False, trust_env=False) as http,
            http.stream("POST", url, content=body, headers=sent, extensions=extensions) as answer,
        ):
            found = b""
            for part in answer.iter_bytes(1024):
                found += part
                if len(found) >= _MOST_BYTES or time.monotonic() > ends:
                    break
            return Reply(answer.status_code, found[:_MOST_BYTES])
    except httpx2.TimeoutException:
        raise NoAnswer(N_("对方没有在 10 秒内回应")) from None
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, UnicodeError):
        raise NoAnswer(N_("连接不上对方的地址")) from None


def _resolve(host: str, port: int) -> Address:
    """The address to connect to; all that the name has must be fit, so that none is reached by luck."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise NoAnswer(N_("找不到这个域名")) from None
    addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    if not addresses:
        raise NoAnswer(N_("找不到这个域名"))
    if not all(_may_reach(host, one) for one in addresses):
        raise UnsafeAddress(N_("不能发往内网地址"))
    return next((one for one in addresses if one.version == 4), addresses[0])


def _may_reach(host: str, address: Address) -> bool:
    return _is_public(address) or _is_allowed(host) or _is_allowed(str(address))


def _is_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _TRANSLATED:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return _is_public(inner)
        if address.teredo is not None:
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
