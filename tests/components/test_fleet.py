from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from saas.components import fleet
from saas.components.access import get_import, load_component
from saas.components.authorizations import newest_refresh_token
from saas.components.models import ComponentApp, ComponentStatus, FleetImport, ImportStatus
from saas.db import tenant_session
from saas.errors import Conflict, Forbidden
from saas.programs.models import Program
from saas.queue import Job, JobStatus
from tests.cast import Cast
from tests.components.small_wechat import SmallWeChat, refusal
from tests.components.test_tokens import authorize

AUTH_TIME = 1_760_000_000
TEST_ACCOUNT = "wx570bc396a51b8ff8"


def account(number: int) -> str:
    return f"wx{number:016x}"


def profile(appid: str, *, is_mini_program: bool = True) -> dict[str, Any]:
    info: dict[str, Any] = {
        "nick_name": f"小程序{appid[-3:]}",
        "user_name": f"gh_{appid[-3:]}",
        "principal_name": "公司",
    }
    if is_mini_program:
        info["MiniProgramInfo"] = {"network": {}, "categories": []}
    return {
        "authorizer_info": info,
        "authorization_info": {"authorizer_appid": appid, "func_info": [{"funcscope_category": {"id": 18}}]},
    }


@pytest.fixture
def fleet_of_250(ready: ComponentApp, wechat_server: SmallWeChat) -> ComponentApp:
    """249 mini programs and an official account (the last) have authorized, plus one of WeChat's test accounts."""
    everybody = [
        {"authorizer_appid": account(number), "refresh_token": f"r{number}", "auth_time": AUTH_TIME}
        for number in range(250)
    ]
    everybody.insert(3, {"authorizer_appid": TEST_ACCOUNT, "auth_time": AUTH_TIME})
    wechat_server.answers["api_get_authorizer_list"] = lambda body: {
        "total_count": len(everybody), "list": everybody[body["offset"] : body["offset"] + body["count"]],
    }  # fmt: skip
    wechat_server.answers["api_get_authorizer_info"] = lambda body: profile(
        body["authorizer_appid"], is_mini_program=body["authorizer_appid"] != account(249)
    )
    with tenant_session(ready.provider_id) as db:
        load_component(db, ready.id).status = ComponentStatus.READY
    return ready


def start(cast: Cast, component: ComponentApp, person: str = "alice") -> FleetImport:
    with tenant_session(cast.alices) as db:
        return fleet.start_import(db, load_component(db, component.id), who=cast.who[person])


def state(cast: Cast, run: FleetImport) -> FleetImport:
    with tenant_session(cast.alices) as db:
        return get_import(db, cast.who["alice"], run.component_id, run.id)


def test_a_fleet_is_brought_in_page_by_page(
    cast: Cast, fleet_of_250: ComponentApp, wechat_server: SmallWeChat, run_jobs: Callable[..., list[str]]
) -> None:
    run = start(cast, fleet_of_250)
    assert run_jobs() == ["jobs.components.import_fleet"]
    done = state(cast, run)
    assert (done.status, done.total, done.added, done.known, done.skipped, done.failed) == ("done", 251, 249, 0, 2, 0)
    assert wechat_server.calls["api_get_authorizer_list"] == 3
    with tenant_session(cast.alices) as db:
        programs = db.scalars(select(Program).order_by(Program.appid)).all()
        assert len(programs) == 249
        assert {program.merchant_id for program in programs} == {None}
        assert (programs[5].name, programs[5].permission_sets) == ("小程序005", [18])
        assert programs[5].authorized_at is not None
        token = newest_refresh_token(db, fleet_of_250.id, account(5))
        assert token is not None
        assert (token.value, token.source) == ("r5", "authorizer_list")


def test_a_second_run_finds_everything_known_and_asks_about_nobody_twice(
    cast: Cast, fleet_of_250: ComponentApp, wechat_server: SmallWeChat, run_jobs: Callable[..., list[str]]
) -> None:
    start(cast, fleet_of_250)
    run_jobs()
    asked = wechat_server.calls["api_get_authorizer_info"]
    run = start(cast, fleet_of_250)
    run_jobs()
    done = state(cast, run)
    assert (done.added, done.known, done.skipped) == (0, 249, 2)
    assert wechat_server.calls["api_get_authorizer_info"] == asked + 1  # the official account


def test_an_interrupted_run_goes_on_where_it_was(
    cast: Cast, fleet_of_250: ComponentApp, wechat_server: SmallWeChat, run_jobs: Callable[..., list[str]]
) -> None:
    whole = wechat_server.answers["api_get_authorizer_list"]
    assert callable(whole)
    wechat_server.answers["api_get_authorizer_list"] = lambda body: (
        refusal(-1, "system error") if body["offset"] == 100 else whole(body)
    )
    run = start(cast, fleet_of_250)
    run_jobs()
    halfway = state(cast, run)
    assert (halfway.status, halfway.offset, halfway.added) == ("running", 100, 99)
    wechat_server.answers["api_get_authorizer_list"] = whole
    run_jobs(wait=60)
    done = state(cast, run)
    assert (done.status, done.added, done.skipped) == ("done", 249, 2)


def test_a_refused_list_fails_the_run_with_its_reason(
    cast: Cast, fleet_of_250: ComponentApp, wechat_server: SmallWeChat, run_jobs: Callable[..., list[str]]
) -> None:
    wechat_server.answers["api_get_authorizer_list"] = refusal(48001, "api unauthorized")
    run = start(cast, fleet_of_250)
    run_jobs()
    failed = state(cast, run)
    assert (failed.status, failed.errcode, failed.rid) == (ImportStatus.FAILED, 48001, "65f0-11-22")
    assert start(cast, fleet_of_250).id != run.id


def test_accounts_that_cannot_be_read_are_counted_and_the_rest_comes_in(
    cast: Cast, fleet_of_250: ComponentApp, wechat_server: SmallWeChat, run_jobs: Callable[..., list[str]]
) -> None:
    wechat_server.answers["api_get_authorizer_info"] = lambda body: (
        refusal(61003) if body["authorizer_appid"] == account(1)
        else refusal(50002) if body["authorizer_appid"] == account(2)
        else profile(body["authorizer_appid"])
    )  # fmt: skip
    run = start(cast, fleet_of_250)
    run_jobs()
    done = state(cast, run)
    assert (done.added, done.skipped, done.failed) == (248, 2, 1)


def test_the_list_never_replaces_a_newer_token_of_a_known_program(
    cast: Cast, fleet_of_250: ComponentApp, wechat_server: SmallWeChat, run_jobs: Callable[..., list[str]]
) -> None:
    start(cast, fleet_of_250)
    run_jobs()
    with tenant_session(cast.alices) as db:
        db.add(Program(provider_id=cast.alices, component_id=fleet_of_250.id, appid="wxaaaabbbbccccdddd"))
    authorize(fleet_of_250, "newest", minutes=0)
    listed = {"authorizer_appid": "wxaaaabbbbccccdddd", "refresh_token": "stale", "auth_time": AUTH_TIME}
    wechat_server.answers["api_get_authorizer_list"] = {"total_count": 1, "list": [listed]}
    start(cast, fleet_of_250)
    run_jobs()
    with tenant_session(cast.alices) as db:
        token = newest_refresh_token(db, fleet_of_250.id, "wxaaaabbbbccccdddd")
        assert token is not None
        assert token.value == "newest"


def test_one_run_at_a_time(cast: Cast, fleet_of_250: ComponentApp) -> None:
    first = start(cast, fleet_of_250)
    assert start(cast, fleet_of_250).id == first.id
    with tenant_session(cast.alices) as db:
        assert len(db.scalars(select(Job).where(Job.status == JobStatus.QUEUED)).all()) == 1


def test_a_component_that_does_not_work_yet_cannot_be_imported_from(cast: Cast, component: ComponentApp) -> None:
    with pytest.raises(Conflict):
        start(cast, component)


def test_bob_may_not_import(cast: Cast, fleet_of_250: ComponentApp) -> None:
    with pytest.raises(Forbidden):
        start(cast, fleet_of_250, "bob")
