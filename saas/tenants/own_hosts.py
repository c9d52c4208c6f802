"""A provider's own host name for its merchants' pages: named, proved to lead here, and looked at again and again.

Anybody can send any Host header, so a request that names a host proves nothing. We ask the host ourselves: an answer
that only this installation can write, to a question that nobody has asked before, proves that the name leads here.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
import secrets
from collections.abc import Callable
from enum import StrEnum
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from saas import clock, posting, vault
from saas.config import Environment, settings
from saas.db import platform_session, settle
from saas.errors import N_, Invalid
from saas.queue import Lane, enqueue_for
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require, system
from saas.tenants.models import Provider, ProviderStatus

LOOK = "jobs.tenants.look_at_host"
QUESTION = "/.well-known/daiban/"
TAKEN = N_("这个域名不能使用，请换一个")
"""Said of a name that is another provider's, and of no more: whose it is concerns nobody."""
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)", re.ASCII)
_NONCE = re.compile(r"[0-9a-f]{32}")
_LONGEST = 253
_SECONDS = 5
_MOST_BYTES = 512
_SHARED_ENDINGS = frozenset(["ac", "co", "com", "edu", "gov", "mil", "net", "org"])
"""Second levels under which everybody has names, as in com.cn."""


class Problem(StrEnum):
    """Why a host cannot be used; empty when nothing is known against it."""

    UNREACHABLE = "unreachable"
    ELSEWHERE = "elsewhere"


Fetch = Callable[[str], bytes | None]
"""What stands at an address, the first bytes of it; None when it cannot be reached."""


def address_of(provider: Provider) -> str:
    """Where this provider's merchant pages are: ``https://`` and its own host once that leads here, else ours."""
    if provider.host_name and provider.host_seen_at is not None:
        return host_url(provider.host_name)
    return settings().public_url


def host_url(host: str) -> str:
    """A host as an address, reached as the platform is: by its scheme and at its port."""
    ours = urlsplit(settings().public_url)
    return f"{ours.scheme}://{host}" + (f":{ours.port}" if ours.port else "")


def is_foreign(host: str) -> bool:
    """Whether a request's host could be a provider's: not ours, no address, no name of a machine in a house."""
    return "." in host and host != urlsplit(settings().public_url).hostname and not _is_ip(host)


def slug_at(host: str) -> str | None:
    """Whose own host this is; None for all other hosts."""
    with platform_session("find the provider of a host") as db:
        return db.scalar(
            select(Provider.slug).where(Provider.host_name == host, Provider.status != ProviderStatus.CLOSED)
        )


def change_host(
    db: Session, provider: Provider, typed: str, *, who: Who, is_anothers: Callable[[str], bool] = lambda _host: False
) -> None:
    """Name the host, another one, or with an empty text none. It counts once it was seen to lead here.

    `is_anothers` says whether a host is known to be somebody else's by other means. Raises Invalid at `host`.
    """
    require(who, Verb.MANAGE)
    host = clean_host(typed) if typed.strip() else None
    if host == provider.host_name:
        return
    if host is not None and is_anothers(host):
        raise Invalid(TAKEN, field="host")
    try:
        with db.begin_nested():
            provider.host_name, provider.host_seen_at, provider.host_problem = host, None, ""
    except IntegrityError:
        raise Invalid(TAKEN, field="host") from None
    activity.record(db, who, "provider.change_host", provider, detail={"host": host or ""})
    if host is not None:
        enqueue_for(db, provider.id, LOOK, provider.id, lane=Lane.DEFAULT)


def clean_host(typed: str) -> str:
    """A host name in lower case and punycode; raises Invalid at `host`, also for names of the platform's family."""
    rest = typed.strip().lower()
    for scheme in ("https://", "http://"):
        rest = rest.removeprefix(scheme)
    rest = rest.removesuffix("/").removesuffix(".")
    if re.search(r"[/?#@\s]", rest):
        raise Invalid(N_("只填域名，不要带路径，例如 xcx.example.com"), field="host")
    if _is_ip(rest) or _is_ip(rest.rpartition(":")[0]):
        raise Invalid(N_("请填域名，不能是 IP 地址"), field="host")
    if ":" in rest:
        raise Invalid(N_("域名不能带端口"), field="host")
    try:
        host = rest.encode("idna").decode()
    except UnicodeError:
        host = ""
    labels = host.split(".")
    if len(labels) < 2 or len(host) > _LONGEST or not all(map(_LABEL.fullmatch, labels)) or labels[-1].isdigit():
        raise Invalid(N_("这不是完整的域名，例如 xcx.example.com"), field="host")
    if _is_platforms(host):
        raise Invalid(N_("这是平台的域名，请填您自己的域名"), field="host")
    return host


def answer(host: str, nonce: str) -> str | None:
    """What this installation says at a host that a provider has named, when asked with a nonce; None elsewhere."""
    if not _NONCE.fullmatch(nonce):
        return None
    with platform_session("answer for a provider's host") as db:
        provider_id = db.scalar(select(Provider.id).where(Provider.host_name == host))
    return _proof(provider_id, host, nonce) if provider_id is not None else None


def look_at_host(db: Session, provider: Provider, *, fetch: Fetch | None = None) -> None:
    """Ask the provider's host whether it leads here, and note what came. In the provider's session.

    A host that led here counts on until two looks in a row find that it does not any more.
    """
    host, nonce = provider.host_name, secrets.token_hex(16)
    if host is None:
        return
    settle(db)
    found = (fetch or _fetch)(host_url(host) + QUESTION + nonce)
    problem = _judge(found, _proof(provider.id, host, nonce))
    db.refresh(provider, with_for_update=True)
    if provider.host_name != host:  # changed meanwhile
        return
    was_seen, is_second = provider.host_seen_at is not None, provider.host_problem != ""
    provider.host_problem = problem
    if not problem:
        provider.host_seen_at = provider.host_seen_at or clock.now()
    elif is_second:
        provider.host_seen_at = None
    if was_seen != (provider.host_seen_at is not None):
        verb = "provider.lose_host" if was_seen else "provider.confirm_host"
        activity.record(db, system(provider.id), verb, provider, detail={"host": host})


def named_hosts(db: Session) -> list[UUID]:
    """The working providers that have named a host. In a platform session."""
    working = Provider.status.in_([ProviderStatus.TRIAL, ProviderStatus.ACTIVE])
    return list(db.scalars(select(Provider.id).where(Provider.host_name.is_not(None), working)))


def _judge(found: bytes | None, expected: str) -> str:
    if found is None:
        return Problem.UNREACHABLE
    return "" if hmac.compare_digest(found.strip(), expected.encode()) else Problem.ELSEWHERE


def _fetch(address: str) -> bytes | None:
    """Every failure looks the same, so that nobody explores a network with our eyes."""
    is_judged = settings().env is not Environment.DEMO  # a demo's hosts are this machine
    try:
        return posting.get(address, is_judged=is_judged, seconds=_SECONDS, most=_MOST_BYTES).body
    except (posting.UnsafeAddress, posting.NoAnswer):
        return None


def _proof(provider_id: UUID, host: str, nonce: str) -> str:
    """Depends on whose the host is, so an answer given for one provider counts for no other."""
    key = vault.derived_key(settings().master_keys[0], "own hosts")
    return hmac.new(key, f"{provider_id} {host} {nonce}".encode(), hashlib.sha256).hexdigest()


def _is_platforms(host: str) -> bool:
    """Ours, what lies below it, what it lies below, and its neighbours: visitors take all of them for the platform."""
    ours = urlsplit(settings().public_url).hostname or ""
    if _is_ip(ours) or "." not in ours:
        return host == ours or host.endswith(f".{ours}")
    parent = ours.partition(".")[2]
    labels = parent.split(".")
    is_shared = len(labels) == 1 or (len(labels) == 2 and labels[0] in _SHARED_ENDINGS and len(labels[1]) == 2)
    family = ours if is_shared else parent
    return host == family or host.endswith(f".{family}") or ours.endswith(f".{host}")


def _is_ip(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
