"""The HTTP connections to WeChat: one pool per process, for the client's calls and for everything else."""

from __future__ import annotations

import logging
import os
import ssl
from functools import lru_cache
from urllib.request import getproxies

import httpx2

from saas.wx.connections import ByHttpx2, Connections, Wire

LIMITS = httpx2.Limits(max_connections=64, max_keepalive_connections=64, keepalive_expiry=30)
TIMEOUT = httpx2.Timeout(10, connect=3)
_PROXIES = frozenset({"http", "https", "all"})
"""What makes calls go elsewhere; a list of exceptions alone (NO_PROXY) does not."""


def process_wire() -> Wire:
    """What all calls of this process to WeChat's API share; a forked child gets its own, never its parent's sockets."""
    return _wire_of(os.getpid())


def process_http() -> httpx2.Client:
    """The same for whatever else is fetched: pictures, pages, other services of WeChat's."""
    return _http_of(os.getpid())


def new_http(transport: httpx2.BaseTransport | None = None) -> httpx2.Client:
    """A client with WeChat's limits and timeouts. Tests give a transport of their own.

    Redirects are not followed. The environment's proxies are used, since an exit IP may be a proxy's, except for a
    sandbox on this machine.
    """
    silence_request_log()
    return httpx2.Client(
        verify=_ssl_context(),
        timeout=TIMEOUT,
        limits=LIMITS,
        transport=transport,
        mounts={"all://127.0.0.1": None, "all://localhost": None},
    )


def silence_request_log() -> None:
    """Keep httpx2 from logging addresses: WeChat's carry the access token in the query."""
    for name in ("httpx2", "httpcore2"):
        logging.getLogger(name).setLevel(logging.WARNING)


@lru_cache(maxsize=1)
def _wire_of(pid: int) -> Wire:  # noqa: ARG001 - the process id is the cache's key
    """With a proxy in the environment, its exit IP is the one on WeChat's list: httpx2 goes through it."""
    has_proxy = not _PROXIES.isdisjoint(getproxies())
    return ByHttpx2(new_http()) if has_proxy else Connections(_ssl_context())


@lru_cache(maxsize=1)
def _http_of(pid: int) -> httpx2.Client:  # noqa: ARG001 - the process id is the cache's key
    return new_http()


@lru_cache(maxsize=1)
def _ssl_context() -> ssl.SSLContext:
    return ssl.create_default_context()
