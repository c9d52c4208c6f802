from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from saas import clock
from saas.components.access import load_component
from saas.components.authorizations import (
    authorization_id,
    end_authorization,
    newest_refresh_token,
    store_authorization,
    store_refresh_token,
)
from saas.components.models import (
    AccessTokenRow,
    ComponentApp,
    ComponentStatus,
    RefreshToken,
    RefreshTokenSource,
    WeChatCall,
)
from saas.components.tokens import TokenRow, list_expiring
from saas.components.wechat import TransactionOpen, component_tokens, wechat
from saas.db import settle, tenant_session
from saas.queue import Job
from saas.tenants.models import Task, TaskKind
from saas.tenants.tasks import open_tasks
from saas.wx import errors
from saas.wx.tokens import Fetched
from tests.cast import Cast
from tests.components.conftest import PROGRAM
from tests.components.small_wechat import SmallWeChat, refusal

LIST, REFRESH = RefreshTokenSource.AUTHORIZER_LIST, RefreshTokenSource.REFRESH
AUTHORIZATION = RefreshTokenSource.AUTHORIZATION


def at(minutes: float) -> datetime:
    return clock.now() + timedelta(minutes=minutes)


def authorize(
    component: ComponentApp, refresh_token: str = "refresh-1", minutes: float = -10, access_token: str = "access-1"
) -> bool:
    info: Any = {
        "authorizer_appid": PROGRAM, "authorizer_access_token": access_token, "expires_in": 7200,
        "authorizer_refresh_token": refresh_token, "func_info": [],
    }  # fmt: skip
    with tenant_session(component.provider_id) as db:
        return store_authorization(db, load_component(db, component.id), info, granted_at=at(minutes))


def history(component: ComponentApp) -> list[tuple[int, str, str]]:
    with tenant_session(component.provider_id) as db:
        rows = db.scalars(select(RefreshToken).order_by(RefreshToken.version))
        return [(row.version, row.value, row.source) for row in rows]


def open_kinds(component: ComponentApp) -> list[str]:
    with tenant_session(component.provider_id) as db:
        return [task.kind for task in open_tasks(db)]


def jobs(component: ComponentApp) -> list[str]:
    with tenant_session(component.provider_id) as db:
        return list(db.scalars(select(Job.name).order_by(Job.id)))


def test_ticket_and_secret_bring_the_component_token_once(ready: ComponentApp, wechat_server: SmallWeChat) -> None:
    tokens = component_tokens(ready)
    first = tokens.component_token()
    assert tokens.component_token() == first
    assert wechat_server.calls["api_component_token"] == 1
    _, body = wechat_server.bodies[0]
    assert body["component_verify_ticket"] == "ticket@@@first"
    assert body["component_appsecret"] == ready.secret


def test_a_token_makes_the_component_ready_and_clears_its_faults(
    ready: ComponentApp, wechat_server: SmallWeChat
) -> None:
    good = wechat_server.answers["api_component_token"]
    wechat_server.answers["api_component_token"] = refusal(61004, "access clientip is not registered, ip: 203.0.113.9")
    with pytest.raises(errors.IpNotAllowed):
        component_tokens(ready).component_token()
    with tenant_session(ready.provider_id) as db:
        row = load_component(db, ready.id)
        assert (row.status, row.refused_ip, row.last_errcode) == (ComponentStatus.FAULTY, "203.0.113.9", 61004)
    assert open_kinds(ready) == [TaskKind.FIX_IP_LIST]
    wechat_server.answers["api_component_token"] = good
    component_tokens(ready).component_token()
    with tenant_session(ready.provider_id) as db:
        row = load_component(db, ready.id)
        assert (row.status, row.refused_ip, row.last_errcode) == (ComponentStatus.READY, "", None)
    assert open_kinds(ready) == []


def test_a_wrong_secret_opens_a_task_once(ready: ComponentApp, wechat_server: SmallWeChat) -> None:
    wechat_server.answers["api_component_token"] = refusal(40125, "invalid appsecret")
    for _ in range(2):
        with pytest.raises(errors.SecretWrong):
            component_tokens(ready).component_token()
    assert open_kinds(ready) == [TaskKind.FIX_SECRET]


def test_without_a_ticket_wechat_is_not_asked(component: ComponentApp, wechat_server: SmallWeChat) -> None:
    with pytest.raises(errors.TicketInvalid):
        component_tokens(component).component_token()
    assert not wechat_server.calls


def test_a_call_in_an_open_transaction_is_refused(ready: ComponentApp, wechat_server: SmallWeChat) -> None:
    with tenant_session(ready.provider_id) as db:
        component = load_component(db, ready.id)
        with pytest.raises(TransactionOpen):
            wechat(component).component.api_create_preauthcode()
        settle(db)
        wechat_server.answers["api_create_preauthcode"] = {"pre_auth_code": "p", "expires_in": 600}
        assert wechat(component).component.api_create_preauthcode()["pre_auth_code"] == "p"


def test_every_request_lands_in_the_call_log_without_secrets(ready: ComponentApp, wechat_server: SmallWeChat) -> None:
    wechat_server.answers["api_create_preauthcode"] = refusal(48001, "unauthorized", rid="66-aa-bb")
    with pytest.raises(errors.PermissionMissing):
        wechat(ready).component.api_create_preauthcode()
    with tenant_session(ready.provider_id) as db:
        rows = db.execute(select(WeChatCall.operation, WeChatCall.errcode, WeChatCall.rid).order_by(WeChatCall.id))
        assert [tuple(row) for row in rows] == [
            ("getComponentAccessToken", 0, ""),
            ("getPreAuthCode", 48001, "66-aa-bb"),
        ]


def test_a_refused_address_on_any_call_has_the_component_checked(
    ready: ComponentApp, wechat_server: SmallWeChat
) -> None:
    wechat_server.answers["api_create_preauthcode"] = refusal(61004, "access clientip is not registered")
    with pytest.raises(errors.IpNotAllowed):
        wechat(ready).component.api_create_preauthcode()
    assert jobs(ready) == ["jobs.components.check"]


def test_the_refresh_token_brings_the_next_access_token(ready: ComponentApp, wechat_server: SmallWeChat) -> None:
    authorize(ready)
    tokens = component_tokens(ready)
    assert tokens.authorizer_token(PROGRAM) == "access-1"
    assert not wechat_server.calls
    renewed = tokens.authorizer_token(PROGRAM, refused="access-1")
    assert renewed.startswith(f"token-{PROGRAM}")
    assert history(ready) == [(1, "refresh-1", AUTHORIZATION)]


def test_a_refresh_that_brings_a_new_refresh_token_adds_to_the_history(
    ready: ComponentApp, wechat_server: SmallWeChat
) -> None:
    authorize(ready)
    wechat_server.answers["api_authorizer_token"] = {
        "authorizer_access_token": "access-2", "expires_in": 7200, "authorizer_refresh_token": "refresh-2",
    }  # fmt: skip
    component_tokens(ready).authorizer_token(PROGRAM, refused="access-1")
    assert history(ready) == [(1, "refresh-1", AUTHORIZATION), (2, "refresh-2", REFRESH)]


@pytest.mark.parametrize("blank", ["", None])
def test_a_blank_refresh_token_never_replaces_the_known_one(
    ready: ComponentApp, wechat_server: SmallWeChat, blank: str | None
) -> None:
    authorize(ready)
    wechat_server.answers["api_authorizer_token"] = {
        "authorizer_access_token": "access-2", "expires_in": 7200, "authorizer_refresh_token": blank,
    }  # fmt: skip
    assert component_tokens(ready).authorizer_token(PROGRAM, refused="access-1") == "access-2"
    assert not authorize(ready, refresh_token="", minutes=0)
    assert history(ready) == [(1, "refresh-1", AUTHORIZATION)]


def test_an_older_authorization_never_replaces_a_newer_one(ready: ComponentApp) -> None:
    assert authorize(ready, "newer", minutes=-1, access_token="a-newer")
    assert not authorize(ready, "older", minutes=-2, access_token="a-older")
    assert history(ready) == [(1, "newer", AUTHORIZATION)]
    assert component_tokens(ready).authorizer_token(PROGRAM) == "a-newer"


def test_the_list_never_replaces_a_newer_authorization(ready: ComponentApp) -> None:
    authorize(ready, "newer", minutes=-1)
    with tenant_session(ready.provider_id) as db:
        component = load_component(db, ready.id)
        assert not store_refresh_token(db, component, PROGRAM, "listed", LIST, at(-5))


def test_a_new_authorization_beats_a_refresh_under_way(ready: ComponentApp) -> None:
    authorize(ready)
    row = TokenRow(ready.provider_id, ready.id, PROGRAM)
    fence = row.lease(30)
    assert fence is not None
    authorize(ready, "refresh-2", minutes=0, access_token="access-2")
    assert not row.save(fence, Fetched("stale", 7200, "refresh-1-renewed"))
    assert [value for _, value, _ in history(ready)] == ["refresh-1", "refresh-2"]
    found = row.read()
    assert found is not None
    assert found.value == "access-2"


def test_only_one_holds_the_lease_and_an_expired_lease_is_taken_over(ready: ComponentApp) -> None:
    one, other = (TokenRow(ready.provider_id, ready.id, PROGRAM) for _ in range(2))
    fence = one.lease(30)
    assert fence == 1
    assert other.lease(30) is None
    one.release(fence)
    assert other.lease(0) == 2
    assert one.lease(30) == 3
    assert not other.save(2, Fetched("late", 7200))
    other.release(2)
    assert other.lease(30) is None


def test_a_void_refresh_token_is_rebuilt_from_the_second_page_of_the_list(
    ready: ComponentApp, wechat_server: SmallWeChat
) -> None:
    authorize(ready, "void", minutes=5)
    wechat_server.answers["api_authorizer_token"] = lambda body: (
        {"authorizer_access_token": "fresh", "expires_in": 7200, "authorizer_refresh_token": "listed"}
        if body["authorizer_refresh_token"] == "listed"
        else refusal(61023, "refresh_token is invalid")
    )
    others = [{"authorizer_appid": f"wx{i:016x}", "refresh_token": f"r{i}", "auth_time": 1} for i in range(500)]
    mine = {"authorizer_appid": PROGRAM, "refresh_token": "listed", "auth_time": 1_700_000_000}
    wechat_server.answers["api_get_authorizer_list"] = lambda body: {
        "total_count": 501, "list": others if body["offset"] == 0 else [mine],
    }  # fmt: skip
    assert component_tokens(ready).authorizer_token(PROGRAM, refused="access-1") == "fresh"
    assert wechat_server.calls["api_get_authorizer_list"] == 2
    assert history(ready) == [(1, "void", AUTHORIZATION), (2, "listed", LIST)]
    assert open_kinds(ready) == []


@pytest.mark.parametrize("listed", [[], [{"authorizer_appid": PROGRAM, "refresh_token": "void"}]])
def test_a_refresh_token_that_is_nowhere_ends_in_a_task_and_no_more_calls(
    ready: ComponentApp, wechat_server: SmallWeChat, listed: list[dict[str, str]]
) -> None:
    authorize(ready, "void")
    wechat_server.answers["api_authorizer_token"] = refusal(61023)
    wechat_server.answers["api_get_authorizer_list"] = {"total_count": len(listed), "list": listed}
    tokens = component_tokens(ready)
    with pytest.raises(errors.RefreshTokenInvalid):
        tokens.authorizer_token(PROGRAM, refused="access-1")
    with tenant_session(ready.provider_id) as db:
        task = db.scalars(select(Task)).one()
        assert (task.kind, task.subject_id) == (TaskKind.REAUTHORIZE, authorization_id(ready.id, PROGRAM))
        assert task.detail == {"component_id": str(ready.id), "appid": PROGRAM}
    assert jobs(ready) == ["jobs.tokens.tell_of_end", "jobs.alarms.tell"]
    asked = wechat_server.calls.total()
    with pytest.raises(errors.RefreshTokenInvalid):
        tokens.authorizer_token(PROGRAM)
    assert wechat_server.calls.total() == asked
    authorize(ready, "again", minutes=0, access_token="access-again")
    assert open_kinds(ready) == []
    assert tokens.authorizer_token(PROGRAM) == "access-again"


def test_a_listed_token_that_is_void_too_is_tried_once(ready: ComponentApp, wechat_server: SmallWeChat) -> None:
    authorize(ready, "void")
    wechat_server.answers["api_authorizer_token"] = refusal(61023)
    listed = {"authorizer_appid": PROGRAM, "refresh_token": "void-too", "auth_time": 1_700_000_000}
    wechat_server.answers["api_get_authorizer_list"] = {"total_count": 1, "list": [listed]}
    with pytest.raises(errors.RefreshTokenInvalid):
        component_tokens(ready).authorizer_token(PROGRAM, refused="access-1")
    assert wechat_server.calls["api_authorizer_token"] == 2
    assert open_kinds(ready) == [TaskKind.REAUTHORIZE]


def test_the_list_does_not_revive_a_lost_authorization_with_its_void_token(
    ready: ComponentApp, wechat_server: SmallWeChat
) -> None:
    authorize(ready, "void")
    wechat_server.answers["api_authorizer_token"] = refusal(61023)
    with pytest.raises(errors.RefreshTokenInvalid):
        component_tokens(ready).authorizer_token(PROGRAM, refused="access-1")
    with tenant_session(ready.provider_id) as db:
        component = load_component(db, ready.id)
        assert not store_refresh_token(db, component, PROGRAM, "void", LIST, at(0))
        assert [task.kind for task in open_tasks(db)] == [TaskKind.REAUTHORIZE]
        assert store_refresh_token(db, component, PROGRAM, "another", LIST, at(0))
        assert open_tasks(db) == []


def test_a_missed_withdrawal_is_found_at_the_next_refresh(ready: ComponentApp, wechat_server: SmallWeChat) -> None:
    authorize(ready)
    wechat_server.answers["api_authorizer_token"] = refusal(61003, "component is not authorized by this account")
    tokens = component_tokens(ready)
    for _ in range(2):
        with pytest.raises(errors.NotAuthorized):
            tokens.authorizer_token(PROGRAM, refused="access-1")
    assert wechat_server.calls["api_authorizer_token"] == 1
    assert jobs(ready) == ["jobs.tokens.tell_of_end"]


def test_a_withdrawal_drops_the_cached_token_and_stops_later_calls(
    ready: ComponentApp, wechat_server: SmallWeChat
) -> None:
    authorize(ready)
    with tenant_session(ready.provider_id) as db:
        assert end_authorization(db, load_component(db, ready.id), PROGRAM, happened_at=at(-1))
    with pytest.raises(errors.NotAuthorized):
        component_tokens(ready).authorizer_token(PROGRAM)
    assert not wechat_server.calls


def test_a_late_withdrawal_never_overrides_a_newer_authorization(ready: ComponentApp) -> None:
    authorize(ready, minutes=-1)
    with tenant_session(ready.provider_id) as db:
        assert not end_authorization(db, load_component(db, ready.id), PROGRAM, happened_at=at(-2))
    assert component_tokens(ready).authorizer_token(PROGRAM) == "access-1"


def test_a_late_authorization_never_revives_a_withdrawn_one(ready: ComponentApp) -> None:
    with tenant_session(ready.provider_id) as db:
        assert end_authorization(db, load_component(db, ready.id), PROGRAM, happened_at=at(-1))
    assert not authorize(ready, minutes=-2)
    assert authorize(ready, minutes=0)


def test_times_within_one_second_count_as_equal(ready: ComponentApp) -> None:
    second = datetime(2026, 11, 25, 10, 0, 0, tzinfo=UTC)
    with tenant_session(ready.provider_id) as db:
        component = load_component(db, ready.id)
        assert store_refresh_token(db, component, PROGRAM, "r1", AUTHORIZATION, second + timedelta(seconds=0.9))
        assert end_authorization(db, component, PROGRAM, happened_at=second)
        assert store_refresh_token(db, component, PROGRAM, "r2", AUTHORIZATION, second)
        newest = newest_refresh_token(db, component.id, PROGRAM)
        assert newest is not None
        assert newest.value == "r2"


def test_tokens_that_run_out_are_listed_ahead_of_their_end(ready: ComponentApp, wechat_server: SmallWeChat) -> None:
    authorize(ready)
    component_tokens(ready).component_token()
    assert list_expiring(ready.provider_id, ready.id) == []
    assert list_expiring(ready.provider_id, ready.id, ahead=timedelta(hours=3)) == ["", PROGRAM]
    with tenant_session(ready.provider_id) as db:
        end_authorization(db, load_component(db, ready.id), PROGRAM, happened_at=at(0))
    assert list_expiring(ready.provider_id, ready.id, ahead=timedelta(hours=3)) == [""]


def test_an_old_token_is_still_answered_while_wechat_is_away(ready: ComponentApp, wechat_server: SmallWeChat) -> None:
    authorize(ready)
    with tenant_session(ready.provider_id) as db:
        row = db.scalars(select(AccessTokenRow).where(AccessTokenRow.appid == PROGRAM)).one()
        row.expires_at = at(2)
    wechat_server.answers["api_authorizer_token"] = refusal(-1, "system error")
    assert component_tokens(ready).authorizer_token(PROGRAM) == "access-1"
    assert wechat_server.calls["api_authorizer_token"] == 1


def test_another_provider_reads_none_of_them(ready: ComponentApp, cast: Cast) -> None:
    authorize(ready)
    assert TokenRow(ready.provider_id, ready.id, PROGRAM).read() is not None
    assert TokenRow(cast.charlies, ready.id, PROGRAM).read() is None


def test_tokens_are_sealed_in_the_database(ready: ComponentApp) -> None:
    authorize(ready)
    with tenant_session(ready.provider_id) as db:
        access = db.scalar(select(AccessTokenRow.value_sealed).where(AccessTokenRow.appid == PROGRAM))
        refresh = db.scalar(select(RefreshToken.value_sealed))
    assert access is not None
    assert refresh is not None
    assert b"access-1" not in access
    assert b"refresh-1" not in refresh
