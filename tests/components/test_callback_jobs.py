from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from jobs import callbacks
from saas import clock
from saas.components import inbox
from saas.components.access import load_component
from saas.components.models import AccessTokenRow, Callback, CallbackStatus, ComponentApp, ComponentStatus, Ticket
from saas.components.wechat import component_tokens
from saas.db import platform_session, tenant_session
from saas.programs.models import AuthorizationStatus, Grant, Program
from saas.tenants.tasks import open_tasks
from saas.wx.callbacks import parse_message
from saas.wx.errors import NotAuthorized
from tests.components.conftest import PROGRAM
from tests.components.pushes import authorization, ticket, xml
from tests.components.small_wechat import SmallWeChat, refusal
from tests.components.test_tokens import authorize

TEST_ACCOUNT = "wx570bc396a51b8ff8"


def push(component: ComponentApp, plaintext: bytes, appid: str = "") -> None:
    """A push as the web process keeps it."""
    inbox.forget_receiver(component.key)
    receiver = inbox.find_receiver(component.key)
    assert receiver is not None
    inbox.keep_push(inbox.Push(receiver, plaintext, parse_message(plaintext), previous_key=False), appid=appid)


def newest(component: ComponentApp) -> Callback:
    with tenant_session(component.provider_id) as db:
        return db.scalars(select(Callback).order_by(Callback.id.desc()).limit(1)).one()


def query_auth(appid: str) -> dict[str, object]:
    return {
        "authorization_info": {
            "authorizer_appid": appid, "authorizer_access_token": "test-access", "expires_in": 7200,
            "authorizer_refresh_token": "test-refresh", "func_info": [],
        }
    }  # fmt: skip


def test_the_first_ticket_has_the_component_checked_and_makes_it_ready(
    component: ComponentApp, wechat_server: SmallWeChat, run_jobs: Callable[..., list[str]]
) -> None:
    push(component, ticket())
    assert run_jobs() == ["jobs.callbacks.process", "jobs.components.check"]
    with tenant_session(component.provider_id) as db:
        row = load_component(db, component.id)
        assert row.status == ComponentStatus.READY
        assert row.first_ticket_at is not None
    push(component, ticket("ticket@@@second", clock.now().timestamp() + 600))
    assert run_jobs() == ["jobs.callbacks.process"]


def test_tickets_that_overtake_each_other_leave_the_newest(
    component: ComponentApp, wechat_server: SmallWeChat, run_jobs: Callable[..., list[str]]
) -> None:
    now = clock.now().timestamp()
    for value, moment in (("later", now), ("earlier", now - 600)):
        push(component, ticket(value, moment))
    run_jobs()
    with tenant_session(component.provider_id) as db:
        row = db.scalars(select(Ticket).order_by(Ticket.issued_at.desc())).first()
        assert row is not None
        assert row.value == "later"
        assert row.issued_at == datetime.fromtimestamp(int(now), UTC)


def test_an_authorization_is_handed_to_the_programs(ready: ComponentApp) -> None:
    push(ready, authorization("authorized", PROGRAM, AuthorizationCode="code-1", PreAuthCode="p"))
    callback = newest(ready)
    with tenant_session(ready.provider_id) as db:
        callbacks.process(db, callback.id, 1)
        callbacks.process(db, callback.id, 2)
    with tenant_session(ready.provider_id) as db:
        grant = db.scalars(select(Grant)).one()
        assert (grant.code, grant.appid) == ("code-1", PROGRAM)
    assert newest(ready).status == CallbackStatus.DONE


def test_a_withdrawal_reaches_tokens_and_program(
    ready: ComponentApp, wechat_server: SmallWeChat, run_jobs: Callable[..., list[str]]
) -> None:
    authorize(ready)
    with tenant_session(ready.provider_id) as db:
        db.add(Program(provider_id=ready.provider_id, component_id=ready.id, appid=PROGRAM))
    push(ready, authorization("unauthorized", PROGRAM))
    run_jobs()
    with tenant_session(ready.provider_id) as db:
        assert db.scalars(select(Program)).one().authorization == AuthorizationStatus.UNAUTHORIZED
    with pytest.raises(NotAuthorized):
        component_tokens(ready).authorizer_token(PROGRAM)
    assert not wechat_server.calls


def test_a_lost_refresh_token_shows_on_the_program(
    ready: ComponentApp, wechat_server: SmallWeChat, run_jobs: Callable[..., list[str]]
) -> None:
    authorize(ready, "void")
    with tenant_session(ready.provider_id) as db:
        db.add(Program(provider_id=ready.provider_id, component_id=ready.id, appid=PROGRAM))
    wechat_server.answers["api_authorizer_token"] = refusal(61023)
    with pytest.raises(Exception, match="61023"):
        component_tokens(ready).authorizer_token(PROGRAM, refused="access-1")
    assert run_jobs() == ["jobs.tokens.tell_of_end"]
    with tenant_session(ready.provider_id) as db:
        program = db.scalars(select(Program)).one()
        assert program.authorization == AuthorizationStatus.LOST
        assert [task.detail["program_id"] for task in open_tasks(db)] == [str(program.id)]


def test_wechats_test_account_is_authorized_but_becomes_no_program(
    ready: ComponentApp, wechat_server: SmallWeChat, run_jobs: Callable[..., list[str]]
) -> None:
    wechat_server.answers["api_query_auth"] = query_auth(TEST_ACCOUNT)
    push(ready, authorization("authorized", TEST_ACCOUNT, AuthorizationCode="code-t", PreAuthCode=""))
    run_jobs()
    with tenant_session(ready.provider_id) as db:
        assert db.scalars(select(Program)).all() == []
        assert db.scalars(select(Grant)).all() == []
        row = db.scalars(select(AccessTokenRow).where(AccessTokenRow.appid == TEST_ACCOUNT)).one()
        assert row.value == "test-access"
        assert load_component(db, ready.id).release_check_at is not None


def test_the_release_checks_code_is_answered_by_a_customer_message(
    ready: ComponentApp, wechat_server: SmallWeChat, run_jobs: Callable[..., list[str]]
) -> None:
    wechat_server.answers["api_query_auth"] = query_auth(TEST_ACCOUNT)
    wechat_server.answers["send"] = {"errcode": 0, "errmsg": "ok"}
    message = xml(
        ToUserName="gh_3c884a361561", FromUserName="tester", CreateTime=1790000000, MsgType="text",
        Content="QUERY_AUTH_CODE:abc123", MsgId=7,
    )  # fmt: skip
    push(ready, message, TEST_ACCOUNT)
    run_jobs()
    name, body = wechat_server.bodies[-1]
    assert (name, body["touser"], body["text"]) == ("send", "tester", {"content": "abc123_from_api"})
    assert (
        next(body["authorization_code"] for name, body in wechat_server.bodies if name == "api_query_auth") == "abc123"
    )


def test_old_pushes_are_forgotten_but_not_the_ones_that_failed(
    ready: ComponentApp, run_jobs: Callable[..., list[str]], move_clock: Callable[[float], None]
) -> None:
    push(ready, xml(CreateTime=1, InfoType="something_new"))
    push(ready, ticket())
    with tenant_session(ready.provider_id) as db:
        for row in db.scalars(select(Callback)):
            row.status = CallbackStatus.DONE
        failed = Callback(
            provider_id=ready.provider_id, component_id=ready.id, digest=b"x", kind="authorized",
            status=CallbackStatus.FAILED,
        )  # fmt: skip
        db.add(failed)

    def kinds() -> set[str]:
        with platform_session("test") as db:
            callbacks.prune(db)
        with tenant_session(ready.provider_id) as db:
            return {row.kind for row in db.scalars(select(Callback))}

    assert len(kinds()) == 3
    move_clock(timedelta(days=2).total_seconds())
    assert kinds() == {"something_new", "authorized"}
    move_clock(timedelta(days=30).total_seconds())
    assert kinds() == {"authorized"}
