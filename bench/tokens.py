"""How often WeChat is asked for a new token when fifty threads in four processes need the same expired one at once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import select, update

from bench.stage import Stage
from bench.table import Figure
from saas import clock
from saas import db as database
from saas.components.access import load_component
from saas.components.fleet import start_import
from saas.components.models import AccessTokenRow, RefreshToken
from saas.components.wechat import component_tokens
from tests.demo.running import ROOT, until

_PROCESSES, _THREADS = 4, 50
_OPERATION = "getAuthorizerAccessToken"


def measure(stage: Stage) -> Iterator[Figure]:
    (appid,) = stage.control.authorize_fleet(stage.appid, 1)
    with database.tenant_session(stage.provider_id) as db:
        component = load_component(db, stage.component_id)
        start_import(db, component, who=stage.who)
    until(lambda: _is_known(stage, appid), 120, "the import")
    component_tokens(component).authorizer_token(appid)
    before = _refreshes(stage, appid)
    with database.tenant_session(stage.provider_id) as db:
        long_ago = clock.now() - timedelta(hours=1)
        mine = (AccessTokenRow.component_id == stage.component_id, AccessTokenRow.appid == appid)
        db.execute(update(AccessTokenRow).where(*mine).values(expires_at=long_ago))
    shares = [_THREADS // _PROCESSES + (number < _THREADS % _PROCESSES) for number in range(_PROCESSES)]
    command = [sys.executable, "-m", "tests.components.callers", str(stage.provider_id), str(stage.component_id), appid]
    started = [
        subprocess.Popen([*command, str(share)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for share in shares
    ]
    for one in started:
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n"
    for one in started:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    answered = [line for one in started for line in one.communicate(timeout=120)[0].split()]
    assert len(answered) == _THREADS, answered
    assert len(set(answered)) == 1, "they got different tokens"
    what = f"refreshes of one token that {_THREADS} threads in {_PROCESSES} processes need"
    yield Figure("tokens", what, _refreshes(stage, appid) - before, at_least=1, at_most=1)


def _is_known(stage: Stage, appid: str) -> bool:
    with database.tenant_session(stage.provider_id) as db:
        return db.scalars(select(RefreshToken.id).where(RefreshToken.appid == appid)).first() is not None


def _refreshes(stage: Stage, appid: str) -> int:
    return stage.control.counts(appid=appid).get(_OPERATION, 0)
