"""Local copies of the CDN's files, for a demo and for tests on a machine that cannot reach the CDN."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path

import httpx2

from saas.assets import ASSETS, Asset


class NoCopies(Exception):
    """The files could not be got; the text says why."""


def cdn_answers(base: str, seconds: float = 1.5) -> bool:
    """Whether the CDN serves our files within this time, name look-up included."""
    found = threading.Event()

    def ask() -> None:
        try:
            answer = httpx2.get(ASSETS["htmx"].url(base), timeout=seconds, follow_redirects=True)
        except httpx2.HTTPError:
            return
        if answer.status_code == 200 and ASSETS["htmx"].fits(answer.content):
            found.set()

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    return found.is_set()


def prepare(folder: Path, assets: Mapping[str, Asset] = ASSETS) -> dict[str, Path]:
    """The files by their names in `assets`, from the npm packages when they are not there yet; raises NoCopies."""
    missing = [asset for asset in assets.values() if not _is_there(folder, asset)]
    if missing:
        _fetch(missing, folder)
    return {name: folder / asset.name for name, asset in assets.items()}


def _is_there(folder: Path, asset: Asset) -> bool:
    path = folder / asset.name
    return path.exists() and asset.fits(path.read_bytes())


def _fetch(assets: list[Asset], folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise NoCopies("npm is not installed (Debian: apt-get install npm)")
    with tempfile.TemporaryDirectory() as name:
        packages = [f"{asset.package}@{asset.version}" for asset in assets]
        command = [npm, "pack", "--json", "--loglevel=error", *packages]
        try:
            done = subprocess.run(command, cwd=name, capture_output=True, text=True, timeout=120, check=False)
        except subprocess.TimeoutExpired:
            raise NoCopies("npm did not answer within two minutes") from None
        if done.returncode != 0:
            raise NoCopies(f"npm pack failed: {done.stderr.strip()[-300:]}")
        packed = _by_package(json.loads(done.stdout))
        for asset in assets:
            with tarfile.open(Path(name) / packed[asset.package]) as archive:
                file = archive.extractfile(f"package/{asset.path}")
                content = file.read() if file is not None else b""
            if not asset.fits(content):
                raise NoCopies(f"{asset.name} of npm has not the hash that pages ask for")
            path = folder / asset.name
            path.parent.mkdir(parents=True, exist_ok=True)
            fresh = path.with_name(f"{path.name}.{os.getpid()}")
            fresh.write_bytes(content)
            fresh.replace(path)  # whole at once: another process may be reading it


def _by_package(answer: list[dict[str, str]] | dict[str, dict[str, str]]) -> dict[str, str]:
    """File names by package: npm answers a list, from version 11 on a dictionary."""
    entries = answer.values() if isinstance(answer, dict) else answer
    return {entry["name"]: entry["filename"].replace("@", "").replace("/", "-") for entry in entries}
