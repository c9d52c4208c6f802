"""Issue: 32 concurrent callers over 4 processes that need an expired token cause exactly one refresh."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from saas import clock
from saas.components.models import AccessTokenRow, ComponentApp
from saas.components.wechat import component_tokens
from saas.db import tenant_session
from tests.components.conftest import PROGRAM
from tests.components.small_wechat import Answer, SmallWeChat
from tests.components.test_tokens import authorize

PROCESSES, THREADS = 4, 8
ROOT = Path(__file__).parents[2]


def slowly(answer: Answer) -> Answer:
    """WeChat takes a while, so that the callers pile up behind the one that refreshes."""
    threading.Event().wait(0.5)
    return answer


@pytest.mark.slow
def test_32_callers_in_4_processes_refresh_an_expired_token_once(
    ready: ComponentApp, wechat_server: SmallWeChat
) -> None:
    component_tokens(ready).component_token()
    authorize(ready)
    with tenant_session(ready.provider_id) as db:
        db.execute(update(AccessTokenRow).values(expires_at=clock.now() - timedelta(minutes=1)))
    wechat_server.calls.clear()
    wechat_server.answers["api_component_token"] = lambda _: slowly(
        {"component_access_token": "component-2", "expires_in": 7200}
    )
    wechat_server.answers["api_authorizer_token"] = lambda body: slowly(
        {
            "authorizer_access_token": "program-2", "expires_in": 7200,
            "authorizer_refresh_token": body["authorizer_refresh_token"],
        }
    )  # fmt: skip
    command = [sys.executable, "-m", "tests.components.callers", str(ready.provider_id), str(ready.id), PROGRAM]
    processes = [
        subprocess.Popen([*command, str(THREADS)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(PROCESSES)
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        outputs = [process.communicate(timeout=120)[0].split() for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    assert outputs == [["program-2"] * THREADS] * PROCESSES
    assert wechat_server.calls == {"api_component_token": 1, "api_authorizer_token": 1}
