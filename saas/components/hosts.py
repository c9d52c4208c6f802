"""Hosts as people type them and as WeChat takes them: checked before anything is sent."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from saas.errors import N_, Invalid

SCHEMES = {
    "requestdomain": "https", "wsrequestdomain": "wss", "uploaddomain": "https", "downloaddomain": "https",
    "udpdomain": "udp", "tcpdomain": "tcp", "webviewdomain": "https",
}  # fmt: skip
"""The kinds of a mini program's domains: six of servers and the business domains."""
WEBVIEW = "webviewdomain"

_SPLIT = re.compile(r"[\s,;，；、]+")
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)", re.ASCII)
_LONGEST = 253
_WECHATS = "api.weixin.qq.com"

Hosts = Mapping[str, Iterable[str]]
"""Addresses (or bare hosts) by kind."""


@dataclass(frozen=True)
class Change:
    """What is to become of the domains, by kind."""

    add: dict[str, list[str]]
    remove: dict[str, list[str]]

    @property
    def removed(self) -> list[str]:
        return sorted({host for hosts in self.remove.values() for host in hosts})

    def touches(self, *kinds: str) -> bool:
        """Whether one of these kinds changes."""
        return any(kind in part for kind in kinds for part in (self.add, self.remove))

    def __bool__(self) -> bool:
        return bool(self.add or self.remove)


def read_hosts(text: str, *, field: str, most: int, scheme: str = "", ports: bool = True) -> list[str]:
    """The hosts in a text, each once and in order: lower case, international names in punycode.

    With a `scheme` they come as addresses, and it may be left out in the text; without one they come bare. Raises
    Invalid at `field`, naming the first that cannot be taken.
    """
    found = dict.fromkeys(_read_host(word, field, scheme, ports) for word in _SPLIT.split(text) if word)
    if len(found) > most:
        raise Invalid(N_("最多 %(most)d 个，现在有 %(count)d 个"), field=field, most=most, count=len(found))
    return list(found)


def _read_host(typed: str, field: str, scheme: str, ports: bool) -> str:
    def refuse(message: str, **params: Any) -> Invalid:
        return Invalid(message, field=field, host=typed[:100], **params)

    given, separator, rest = typed.lower().partition("://")
    if not separator:
        given, rest = scheme, typed.lower()
    if given != scheme and (scheme or given not in SCHEMES.values()):
        raise refuse(N_("“%(host)s”应以 %(scheme)s:// 开头"), scheme=scheme or "https")
    name, _, port = rest.removesuffix("/").partition(":")
    if re.search(r"[/?#]", name + port):
        raise refuse(N_("“%(host)s”只填域名，不要带路径"))
    if port and not ports:
        raise refuse(N_("“%(host)s”不能带端口"))
    if ":" in rest and not (port.isascii() and port.isdigit() and 1 <= int(port[:6]) <= 65535):
        raise refuse(N_("“%(host)s”的端口不正确"))
    if _is_ip(name):
        raise refuse(N_("“%(host)s”是 IP 地址，微信只接受域名"))
    try:
        name = name.encode("idna").decode()
    except UnicodeError:
        name = ""
    labels = name.split(".")
    if len(labels) < 2 or len(name) > _LONGEST or not all(map(_LABEL.fullmatch, labels)) or labels[-1].isdigit():
        raise refuse(N_("“%(host)s”不是完整的域名"))
    if name == _WECHATS:
        raise refuse(N_("微信不允许配置 api.weixin.qq.com，请由您的服务器调用它"))
    host = f"{name}:{int(port)}" if port else name
    return f"{scheme}://{host}" if scheme else host


def _is_ip(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def difference(wanted: Hosts, known: Hosts, in_place: Hosts) -> Change:
    """From what is `known` (wished or registered) to what is wanted; what is not `in_place` of that is sent again."""

    def without(hosts: Iterable[str], others: Iterable[str]) -> list[str]:
        gone = set(others)
        return [host for host in hosts if host not in gone]

    add = {kind: without(hosts, in_place.get(kind, ())) for kind, hosts in wanted.items()}
    remove = {kind: without(known.get(kind, ()), hosts) for kind, hosts in wanted.items()}
    return Change(*({kind: hosts for kind, hosts in one.items() if hosts} for one in (add, remove)))


def bare(address: str) -> str:
    """The host of an address, without scheme and port."""
    return address.rpartition("://")[2].partition(":")[0]


def is_covered(host: str, registered: Iterable[str]) -> bool:
    """Whether it, or a domain that it lies below, is registered."""
    name = bare(host)
    return any(name == one or name.endswith(f".{one}") for one in map(bare, registered))
