"""How many of WeChat's pushes are verified, stored and answered `success`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx2

from bench.stage import Measured, Stage, timed
from tests.components.pushes import Pushed, sealed, xml

_PUSHES = 400


def measure(stage: Stage) -> Iterator[Measured]:
    limits = httpx2.Limits(max_connections=32)
    with httpx2.Client(trust_env=False, timeout=30, limits=limits) as http:
        for threads in (1, 8, 32):
            yield timed(f"new pushes, {threads} at a time", _deeds(stage, http, f"a{threads}"), threads=threads)
        yield timed("the same pushes again (known digests), 8 at a time", _deeds(stage, http, "a8"), threads=8)
        yield timed("forged pushes (refused), 8 at a time", _deeds(stage, http, "f", "another token", 403), threads=8)


def _deeds(
    stage: Stage, http: httpx2.Client, mark: str, token: str = "", status: int = 200
) -> Iterator[Callable[[], None]]:
    """Unknown events, so that the jobs that follow have next to nothing to do."""
    for number in range(_PUSHES):
        plain = xml(AppId=stage.appid, CreateTime=1_790_000_000, InfoType="bench", Number=f"{mark}-{number}")
        push = sealed(plain, token=token or stage.token, aes_key=stage.aes_key, appid=stage.appid)
        yield lambda push=push: _post(stage, http, push, status)


def _post(stage: Stage, http: httpx2.Client, push: Pushed, status: int) -> None:
    answer = http.post(stage.events_url, params=push.query, content=push.body)
    assert answer.status_code == status, f"{answer.status_code} {answer.text[:200]}"
