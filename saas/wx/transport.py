"""The HTTP connections to WeChat: one pool per process."""

from __future__ import annotations

import logging
import os
import ssl
from functools import lru_cache

import httpx2

LIMITS = httpx2.Limits(max_connections=64, max_keepalive_connections=64, keepalive_expiry=30)
TIMEOUT = httpx2.Timeout(10, connect=3)


def process_http() -> httpx2.Client:
    """The client that all calls of this process share; a forked child gets its own, never its parent's sockets."""
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
def _http_of(pid: int) -> httpx2.Client:  # noqa: ARG001 - the process id is the cache's key
    return new_http()


@lru_cache(maxsize=1)
def _ssl_context() -> ssl.SSLContext:
    return ssl.create_default_context()
