"""32 concurrent callers over 4 processes that need an expired token cause exactly one refresh at WeChat."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from saas import clock
from saas.components.access import load_component
from saas.components.models import AccessTokenRow, ComponentApp
from saas.components.tickets import store_ticket
from saas.components.wechat import component_tokens
from saas.config import settings
from saas.db import tenant_session
from saas.sandbox.control import SandboxControl
from saas.sandbox.server import RunningSandbox
from tests.components.conftest import AES_KEY, APPID, SECRET, TOKEN

PROCESSES, THREADS = 4, 8
ROOT = Path(__file__).parents[2]


@pytest.fixture
def control(component: ComponentApp, tmp_path: Path, home: Path) -> Iterator[SandboxControl]:
    """A sandbox that knows alice's component app, whose first ticket has arrived."""
    with (
        RunningSandbox(tmp_path / "sandbox.sqlite", clock_file=home / "clock") as sandbox,
        pytest.MonkeyPatch.context() as environment,
        SandboxControl(sandbox.url) as control,
    ):
        environment.setenv("DAIBAN_WECHAT_API_URL", sandbox.url)
        settings.cache_clear()
        control.create_component(appid=APPID, secret=SECRET, token=TOKEN, aes_key=AES_KEY)
        with tenant_session(component.provider_id) as db:
            store_ticket(db, load_component(db, component.id), control.push_ticket(APPID), clock.now())
        yield control
    settings.cache_clear()


@pytest.mark.slow
def test_32_callers_in_4_processes_refresh_an_expired_token_once(
    component: ComponentApp, control: SandboxControl
) -> None:
    (appid,) = control.authorize_fleet(APPID, 1)
    old = component_tokens(component).authorizer_token(appid)
    with tenant_session(component.provider_id) as db:
        db.execute(update(AccessTokenRow).values(expires_at=clock.now() - timedelta(minutes=1)))
    control.reset_counts()
    for operation in ("getComponentAccessToken", "getAuthorizerAccessToken"):
        control.slow_next(operation, 0.5)  # so that the callers pile up behind the one that refreshes
    command = [sys.executable, "-m", "tests.components.callers", str(component.provider_id), str(component.id), appid]
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
        answers = [token for process in processes for token in process.communicate(timeout=120)[0].split()]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    assert len(answers) == PROCESSES * THREADS
    assert len(set(answers)) == 1
    assert old not in answers
    assert control.counts(component_appid=APPID) == {"getComponentAccessToken": 1, "getAuthorizerAccessToken": 1}
