"""The three files that pages load from a CDN: the single source of their versions, addresses and integrity hashes."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass


@dataclass(frozen=True)
class Asset:
    """One file of an npm package, as every npm mirror (jsdelivr's layout) serves it."""

    package: str
    version: str
    path: str
    integrity: str

    def url(self, base: str) -> str:
        """Its address under a CDN prefix such as ``https://cdn.jsdelivr.net/npm``."""
        return f"{base.rstrip('/')}/{self.name}"

    @property
    def name(self) -> str:
        return f"{self.package}@{self.version}/{self.path}"

    @property
    def content_type(self) -> str:
        return "text/css; charset=utf-8" if self.path.endswith(".css") else "text/javascript; charset=utf-8"

    def fits(self, content: bytes) -> bool:
        """Whether a browser would accept these bytes."""
        digest = base64.b64encode(hashlib.sha384(content).digest()).decode()
        return self.integrity == f"sha384-{digest}"


ASSETS = {
    "htmx": Asset(
        "htmx.org", "4.0.1", "dist/htmx.min.js",
        "sha384-Qp9rdC8H7EqOoX+nR0P3RPG2Noji+qdwJlGpfzwQJsfOpp3sGwIdSP9xO3+UlEhn",
    ),
    "css": Asset(
        "@tabler/core", "1.6.1", "dist/css/tabler.min.css",
        "sha384-tT2UAGE9hxG/p5d0iGIvZ/s8El3nWWG3tfG02i8iOY5Pbf8cZZRVmcrrVs+JG5Vw",
    ),
    "bootstrap": Asset(
        "bootstrap", "5.3.9", "dist/js/bootstrap.bundle.min.js",
        "sha384-WyOxWvTyr1QaMPfiPJSv76iReVthorl5uWlFtZPyK0IEB0hGzo9y5Bp9mYanr8Bu",
    ),
}  # fmt: skip
