from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from jobs.tokens import look_for_expiring
from saas import clock
from saas.components.access import load_component
from saas.components.authorizations import end_authorization, store_authorization
from saas.components.models import AccessTokenRow, ComponentApp
from saas.components.refresh import refresh_expiring
from saas.components.wechat import component_tokens
from saas.db import platform_session, tenant_session
from saas.queue import Job
from tests.components.small_wechat import SmallWeChat, refusal

HOUR = 3600.0
REFRESH = "jobs.tokens.refresh"


def account(number: int) -> str:
    return f"wx{number:016x}"


@pytest.fixture
def twelve(ready: ComponentApp, wechat_server: SmallWeChat) -> ComponentApp:
    """Alice's component app with a token and twelve authorizations, all good for two hours."""
    component_tokens(ready).component_token()
    with tenant_session(ready.provider_id) as db:
        component = load_component(db, ready.id)
        for number in range(12):
            info = {
                "authorizer_appid": account(number), "authorizer_access_token": f"access-{number}", "expires_in": 7200,
                "authorizer_refresh_token": f"refresh-{number}", "func_info": [],
            }  # fmt: skip
            assert store_authorization(db, component, info, granted_at=clock.now())  # type: ignore[arg-type]
    wechat_server.calls.clear()
    return ready


def look() -> list[str]:
    with platform_session("test") as db:
        look_for_expiring(db)
        return list(db.scalars(select(Job.name).where(Job.status == "queued", Job.name == REFRESH)))


def test_fresh_tokens_are_left_alone(twelve: ComponentApp) -> None:
    assert look() == []


def test_what_runs_out_soon_is_renewed_ahead(
    twelve: ComponentApp, wechat_server: SmallWeChat, move_clock: Callable[[float], None],
    run_jobs: Callable[..., list[str]],
) -> None:  # fmt: skip
    move_clock(1.75 * HOUR)
    assert look() == [REFRESH]
    assert look() == [REFRESH]
    run_jobs()
    assert wechat_server.calls == {"api_component_token": 1, "api_authorizer_token": 12}
    assert look() == []


def test_withdrawn_authorizations_are_not_renewed(
    twelve: ComponentApp, wechat_server: SmallWeChat, move_clock: Callable[[float], None],
    run_jobs: Callable[..., list[str]],
) -> None:  # fmt: skip
    with tenant_session(twelve.provider_id) as db:
        end_authorization(db, load_component(db, twelve.id), account(3), happened_at=clock.now())
    move_clock(1.75 * HOUR)
    look()
    run_jobs()
    assert wechat_server.calls["api_authorizer_token"] == 11


def test_one_that_fails_does_not_stop_the_others(
    twelve: ComponentApp, wechat_server: SmallWeChat, move_clock: Callable[[float], None]
) -> None:
    good = wechat_server.answers["api_authorizer_token"]
    assert callable(good)
    wechat_server.answers["api_authorizer_token"] = lambda body: (
        refusal(50002) if body["authorizer_appid"] == account(5) else good(body)
    )
    move_clock(1.75 * HOUR)
    outcome = refresh_expiring(twelve)
    assert (outcome.done, outcome.failed, outcome.left) == (11, 1, 0)


def test_a_component_that_is_set_up_wrongly_is_tried_every_ten_minutes_only(
    twelve: ComponentApp, wechat_server: SmallWeChat, move_clock: Callable[[float], None],
    run_jobs: Callable[..., list[str]],
) -> None:  # fmt: skip
    wechat_server.answers["api_component_token"] = refusal(40125)
    move_clock(1.75 * HOUR)
    look()
    run_jobs()
    assert wechat_server.calls == {"api_component_token": 1}
    assert look() == []
    move_clock(11 * 60)
    assert look() == [REFRESH]


def test_tokens_that_nobody_could_renew_for_a_day_wait_until_they_are_needed(twelve: ComponentApp) -> None:
    with tenant_session(twelve.provider_id) as db:
        db.execute(update(AccessTokenRow).values(expires_at=clock.now() - timedelta(days=2)))
    assert look() == []
