from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from saas import clock
from saas.components.access import load_component
from saas.components.authorizations import store_authorization
from saas.components.health import State, TicketAge, check_component, is_working, list_checks, read_quota, ticket_age
from saas.components.models import ComponentApp, ComponentStatus, WeChatCall
from saas.components.setup import request_check
from saas.components.tickets import newest_ticket, store_ticket
from saas.components.watch import enqueue_quota_reads, watch_tickets
from saas.config import settings
from saas.db import platform_session, tenant_session
from saas.failures import NO_ANSWER
from saas.queue import Job
from saas.tenants.tasks import open_tasks
from tests.cast import Cast
from tests.components.small_wechat import SmallWeChat, refusal
from tests.components.test_tokens import authorize


def check(component: ComponentApp) -> ComponentApp:
    with tenant_session(component.provider_id) as db:
        check_component(db, load_component(db, component.id))
    with tenant_session(component.provider_id) as db:
        return load_component(db, component.id)


def states(component: ComponentApp) -> dict[str, State]:
    with tenant_session(component.provider_id) as db:
        return {one.key: one.state for one in list_checks(db, load_component(db, component.id))}


def kinds(component: ComponentApp) -> list[str]:
    with tenant_session(component.provider_id) as db:
        return [task.kind for task in open_tasks(db)]


def test_a_check_without_a_ticket_starts_the_push(component: ComponentApp, wechat_server: SmallWeChat) -> None:
    row = check(component)
    assert row.push_started_at is not None
    assert wechat_server.bodies == [
        ("api_start_push_ticket", {"component_appid": row.appid, "component_secret": row.secret})
    ]
    assert states(component) == {
        "saved": "done", "arrived": "waiting", "opened": "waiting", "ticket": "waiting", "token": "waiting",
        "ip_list": "waiting",
    }  # fmt: skip


def test_a_check_with_a_ticket_turns_everything_green(ready: ComponentApp, wechat_server: SmallWeChat) -> None:
    assert check(ready).status == ComponentStatus.READY
    with tenant_session(ready.provider_id) as db:
        assert is_working(list_checks(db, load_component(db, ready.id)))
    assert "api_start_push_ticket" not in wechat_server.calls


def test_a_wrong_secret_is_noted_with_its_row_and_task_and_mended_by_the_next_check(
    component: ComponentApp, wechat_server: SmallWeChat
) -> None:
    wechat_server.answers["api_start_push_ticket"] = refusal(40001, "invalid credential")
    row = check(component)
    assert (row.status, row.last_errcode, row.last_rid) == (ComponentStatus.FAULTY, 40001, "65f0-11-22")
    assert states(component)["token"] == "failed"
    assert kinds(component) == ["fix_secret"]
    wechat_server.answers["api_start_push_ticket"] = {"errcode": 0, "errmsg": "ok"}
    row = check(component)
    assert (row.status, row.last_errcode) == (ComponentStatus.WAITING_TICKET, None)
    assert kinds(component) == []


def test_a_refused_address_is_named_in_its_row(ready: ComponentApp, wechat_server: SmallWeChat) -> None:
    message = "access clientip 203.0.113.9 is not registered"
    wechat_server.answers["api_component_token"] = refusal(61004, message)
    check(ready)
    with tenant_session(ready.provider_id) as db:
        row = next(one for one in list_checks(db, load_component(db, ready.id)) if one.key == "ip_list")
    assert (row.state, row.params, row.errcode) == (State.FAILED, {"ip": "203.0.113.9"}, 61004)


def test_a_fault_is_doubted_with_a_new_token_though_the_old_one_is_still_good(
    ready: ComponentApp, wechat_server: SmallWeChat
) -> None:
    check(ready)
    with tenant_session(ready.provider_id) as db:
        row = load_component(db, ready.id)
        row.last_errcode, row.last_error_at, row.status = 61004, clock.now(), ComponentStatus.FAULTY
    assert check(ready).status == ComponentStatus.READY
    assert wechat_server.calls["api_component_token"] == 2


def test_silence_shows_until_wechat_answers_again(
    ready: ComponentApp, wechat_server: SmallWeChat, run_jobs: Callable[..., list[str]], cast: Cast
) -> None:
    url = settings().wechat_api_url
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DAIBAN_WECHAT_API_URL", "http://127.0.0.1:1")
        settings.cache_clear()
        with tenant_session(ready.provider_id) as db:
            request_check(db, load_component(db, ready.id), who=cast.who["alice"])
        run_jobs()
    settings.cache_clear()
    assert settings().wechat_api_url == url
    with tenant_session(ready.provider_id) as db:
        row = next(one for one in list_checks(db, load_component(db, ready.id)) if one.key == "token")
    assert (row.state, row.text, row.errcode) == (State.FAILED, NO_ANSWER, None)
    run_jobs(wait=60)
    assert states(ready)["token"] == "done"


def test_refused_pushes_show_what_is_wrong_until_a_good_one_arrives(component: ComponentApp) -> None:
    with tenant_session(component.provider_id) as db:
        row = load_component(db, component.id)
        row.callbacks_refused, row.last_refusal, row.last_refusal_at = 1, "key", clock.now()
    assert (states(component)["arrived"], states(component)["opened"]) == ("done", "failed")
    with tenant_session(component.provider_id) as db:
        store_ticket(db, load_component(db, component.id), "t", clock.now())
    assert states(component)["opened"] == "done"


def test_the_newest_ticket_wins_and_expired_ones_are_forgotten(component: ComponentApp) -> None:
    now = clock.now()
    with tenant_session(component.provider_id) as db:
        row = load_component(db, component.id)
        assert store_ticket(db, row, "old", now - timedelta(hours=13))
        assert store_ticket(db, row, "new", now)
        assert not store_ticket(db, row, "late", now - timedelta(minutes=5))
        assert not store_ticket(db, row, "new", now)
        newest = newest_ticket(db, row)
        assert newest is not None
        assert newest.value == "new"
        assert row.last_ticket_at == now


@pytest.mark.parametrize(("minutes", "tone"), [(5, "green"), (30, "yellow"), (150, "red")])
def test_the_ticket_age_has_a_tone(component: ComponentApp, minutes: int, tone: str) -> None:
    component.last_ticket_at = clock.now() - timedelta(minutes=minutes)
    assert ticket_age(component) == TicketAge(minutes, tone)


def test_a_late_ticket_starts_the_push_again_and_a_missing_one_opens_a_task(
    ready: ComponentApp, move_clock: Callable[[float], None]
) -> None:
    def watch() -> int:
        with platform_session("test") as db:
            return watch_tickets(db)

    def checks() -> int:
        with platform_session("test") as db:
            return len(db.scalars(select(Job).where(Job.name == "jobs.components.check")).all())

    assert watch() == 0
    move_clock(30 * 60)
    assert watch() == 1
    assert watch() == 1
    assert checks() == 1
    assert kinds(ready) == []
    move_clock(100 * 60)
    watch()
    assert kinds(ready) == ["ticket_missing"]
    with tenant_session(ready.provider_id) as db:
        store_ticket(db, load_component(db, ready.id), "again", clock.now())
    assert kinds(ready) == []


def test_the_audit_quota_is_read_through_a_healthy_authorization(
    ready: ComponentApp, wechat_server: SmallWeChat
) -> None:
    authorize(ready)
    wechat_server.answers["queryquota"] = {
        "errcode": 0, "rest": 18, "limit": 20, "speedup_rest": 3, "speedup_limit": 5,
    }  # fmt: skip
    row = check(ready)
    assert (row.audit_quota_rest, row.audit_quota_limit, row.speedup_rest) == (18, 20, 3)


def test_the_audit_quota_is_asked_through_those_that_may_first(ready: ComponentApp, wechat_server: SmallWeChat) -> None:
    wechat_server.answers["queryquota"] = {"errcode": 0, "rest": 18, "limit": 20}
    wanted = "wx0000000000000000"
    for appid in (wanted, *(f"wx000000000000001{number}" for number in range(4))):
        info = {
            "authorizer_appid": appid, "authorizer_access_token": appid, "expires_in": 7200,
            "authorizer_refresh_token": appid, "func_info": [],
        }  # fmt: skip
        with tenant_session(ready.provider_id) as db:
            store_authorization(db, load_component(db, ready.id), info, granted_at=clock.now())
    with tenant_session(ready.provider_id) as db:
        assert read_quota(db, load_component(db, ready.id), [wanted, "wx000000000000gone"])
    with tenant_session(ready.provider_id) as db:
        assert [one.appid for one in db.query(WeChatCall).filter(WeChatCall.appid != "")] == [wanted]


def test_quota_reads_are_enqueued_for_working_components_only(ready: ComponentApp, wechat_server: SmallWeChat) -> None:
    with platform_session("test") as db:
        enqueue_quota_reads(db)
        assert db.scalars(select(Job)).all() == []
    check(ready)
    with platform_session("test") as db:
        enqueue_quota_reads(db)
        assert [(job.name, job.provider_id) for job in db.scalars(select(Job))] == [
            ("jobs.components.refresh_quota", ready.provider_id)
        ]
