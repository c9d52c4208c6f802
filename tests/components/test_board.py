"""Each line of the board turns with what it is about, names its repair, and means the right alarms."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, select

from saas import clock
from saas.components import inbox
from saas.components.access import load_component
from saas.components.alarming import watch_health
from saas.components.authorizations import end_authorization, store_refresh_token
from saas.components.board import Line, Patient, Tone, examine
from saas.components.budgets import left
from saas.components.faults import note_fault, note_token
from saas.components.health import Repair
from saas.components.inbox import Refused, open_push
from saas.components.keeping import PROCESS
from saas.components.models import (
    AccessTokenRow,
    AuthorizationEnd,
    Callback,
    CallbackRefusal,
    CallbackStatus,
    ComponentApp,
    RefreshTokenSource,
    WeChatCall,
)
from saas.components.refusals import forget_old_refusals
from saas.components.repairs import (
    CLEAR,
    RESETS,
    drop_previous_key,
    list_accounts,
    rotate_key,
    start_clearing,
    take_key_back,
)
from saas.components.tickets import store_ticket
from saas.components.vitals import gather, read_backlogs
from saas.db import engine, new_id, platform_session, tenant_session
from saas.errors import Conflict, Forbidden, Invalid
from saas.programs.models import AuthorizationStatus, Program
from saas.programs.permission_counts import count_permissions, enqueue_counts
from saas.queue import Job, Lane, enqueue_for
from saas.tenants.alarm_models import Alarm, AlarmKind
from saas.tenants.alarms import open_alarms, raise_alarm
from saas.tenants.models import Provider, ProviderStatus
from saas.wx import errors
from tests.cast import Cast
from tests.components.conftest import AES_KEY, PROGRAM
from tests.components.pushes import Pushed, sealed, ticket
from tests.components.small_wechat import SmallWeChat

Move = Callable[[float], None]
HOUR = 3600


def lines(component: ComponentApp) -> dict[str, Line]:
    with tenant_session(component.provider_id) as db:
        row = load_component(db, component.id)
        vitals = gather(db, [row], with_day=True)[row.id]
        return {line.key: line for line in examine(Patient(row, vitals, left(db, row, RESETS)))}


def change(component: ComponentApp, **values: object) -> None:
    with tenant_session(component.provider_id) as db:
        row = load_component(db, component.id)
        for name, value in values.items():
            setattr(row, name, value)


def log_calls(component: ComponentApp, codes: dict[int | None, int], *, ago: float = 60, appid: str = "") -> None:
    with tenant_session(component.provider_id) as db:
        for code, count in codes.items():
            for _ in range(count):
                db.add(
                    WeChatCall(
                        provider_id=component.provider_id, component_id=component.id, operation="commit", ms=9,
                        errcode=code, appid=appid, created_at=clock.now() - timedelta(seconds=ago),
                    )
                )  # fmt: skip


def push(component: ComponentApp, *, ago: float = 60, took: float = 0.5, **values: Any) -> None:
    at = clock.now() - timedelta(seconds=ago)
    with tenant_session(component.provider_id) as db:
        db.add(
            Callback(
                provider_id=component.provider_id, component_id=component.id, digest=new_id().bytes, kind="authorized",
                created_at=at, finished_at=at + timedelta(seconds=took), **{"status": CallbackStatus.DONE, **values},
            )
        )  # fmt: skip


def authorize(component: ComponentApp, count: int, **values: Any) -> None:
    with tenant_session(component.provider_id) as db:
        for number in range(count):
            row = AccessTokenRow(
                provider_id=component.provider_id, component_id=component.id, appid=f"wx{number:016x}",
                authorized_at=clock.now(), expires_at=clock.now() + timedelta(hours=1),
            )  # fmt: skip
            for name, value in values.items():
                setattr(row, name, value)
            db.add(row)


def watch() -> dict[str, dict[str, Any]]:
    """What the minute's look leaves open, by kind; no worker runs here, which is a matter of its own."""
    with platform_session("test") as db:
        watch_health(db)
    with platform_session("test") as db:
        rows = db.scalars(select(Alarm).where(Alarm.cleared_at.is_(None), Alarm.kind != AlarmKind.QUEUE_STUCK))
        return {alarm.kind: alarm.detail for alarm in rows}


def deliver(component: ComponentApp, pushed: Pushed) -> bool:
    """Whether the push was taken."""
    given = {name: pushed.query[name] for name in ("msg_signature", "timestamp", "nonce")}
    try:
        return open_push(component.key, pushed.body, **given) is not None
    except Refused:
        return False


@pytest.fixture
def at_work(ready: ComponentApp) -> ComponentApp:
    """Alice's component app with a ticket, a token and a push."""
    inbox.forget_receiver(ready.key)
    change(ready, last_token_at=clock.now())
    push(ready)
    return ready


def test_a_component_app_at_work_has_nothing_red(at_work: ComponentApp) -> None:
    found = lines(at_work)
    assert {line.tone for line in found.values()} <= {Tone.GREEN, Tone.GREY}
    assert found["pushes"].params["total"] == 1
    assert watch() == {}


@pytest.mark.parametrize(
    ("minutes", "tone", "alarms"),
    [
        (20, "green", []),
        (30, "yellow", []),
        (40, "yellow", ["ticket_late"]),
        (150, "red", ["ticket_late", "ticket_missing"]),
    ],
)
def test_a_late_ticket(at_work: ComponentApp, move_clock: Move, minutes: int, tone: str, alarms: list[str]) -> None:
    move_clock(minutes * 60)
    push(at_work)  # others come
    line = lines(at_work)["ticket"]
    assert (line.tone, sorted(watch())) == (tone, alarms)
    if tone != "green":
        assert Repair.START_PUSH in line.repairs


def test_a_new_ticket_is_the_all_clear(at_work: ComponentApp, move_clock: Move) -> None:
    move_clock(150 * 60)
    push(at_work)
    assert "ticket_missing" in watch()
    with tenant_session(at_work.provider_id) as db:
        store_ticket(db, load_component(db, at_work.id), "ticket@@@new", clock.now())
        assert open_alarms(db, at_work.provider_id) == []


def test_silence_is_one_alarm_and_no_late_ticket_besides(at_work: ComponentApp, move_clock: Move) -> None:
    move_clock(50 * 60)
    assert lines(at_work)["pushes"].tone is Tone.RED
    assert list(watch()) == ["callbacks_silent"]
    move_clock(100 * 60)
    assert sorted(watch()) == ["callbacks_silent", "ticket_missing"]
    push(at_work)
    move_clock(360)
    push(at_work)
    assert sorted(watch()) == ["ticket_late", "ticket_missing"]


def test_an_alarm_that_is_raised_after_its_cure_does_not_stay(component: ComponentApp, move_clock: Move) -> None:
    kinds = (AlarmKind.SECRET_WRONG, AlarmKind.IP_REFUSED, AlarmKind.TICKET_MISSING)
    with tenant_session(component.provider_id) as db:
        for kind in kinds:
            raise_alarm(db, component.provider_id, kind, component.id)
    assert set(kinds) <= set(watch())
    move_clock(301)
    assert not set(kinds) & set(watch())


def test_what_never_worked_is_no_alarm(component: ComponentApp, move_clock: Move) -> None:
    move_clock(5 * HOUR)
    assert lines(component)["ticket"].tone is Tone.RED
    assert watch() == {}


def test_a_suspended_provider_hears_nothing(at_work: ComponentApp, move_clock: Move) -> None:
    with platform_session("test") as db:
        db.scalars(select(Provider).where(Provider.id == at_work.provider_id)).one().status = ProviderStatus.SUSPENDED
    move_clock(5 * HOUR)
    assert watch() == {}


def test_a_refused_secret_and_a_refused_address_are_told_at_once(at_work: ComponentApp) -> None:
    with tenant_session(at_work.provider_id) as db:
        row = load_component(db, at_work.id)
        note_fault(db, row, errors.SecretWrong(40125, "invalid appsecret", operation="getComponentAccessToken"))
        ip = errors.from_answer(
            {"errcode": 61004, "errmsg": "access clientip is not registered 203.0.113.9"}, operation="x"
        )
        assert isinstance(ip, errors.IpNotAllowed)
        note_fault(db, row, ip)
        assert {alarm.kind for alarm in open_alarms(db, row.provider_id)} == {"secret_wrong", "ip_refused"}
    line = lines(at_work)["ip_list"]
    assert (line.tone, line.copy, line.repairs[0]) == (Tone.RED, "203.0.113.9", Repair.ADDRESSES)
    with tenant_session(at_work.provider_id) as db:
        note_token(db, load_component(db, at_work.id))
        assert open_alarms(db, at_work.provider_id) == []


def test_pushes_that_do_not_open_are_counted_by_reason(at_work: ComponentApp) -> None:
    for _ in range(3):
        assert not deliver(at_work, sealed(ticket(), aes_key="A" * 43))
    assert not deliver(at_work, sealed(ticket(), token="another"))
    with tenant_session(at_work.provider_id) as db:
        assert {row.why: row.count for row in db.scalars(select(CallbackRefusal))} == {"key": 3, "signature": 1}
    line = lines(at_work)["refused"]
    assert (line.tone, line.params["key"], line.params["signature"]) == (Tone.RED, 3, 1)
    assert watch()["callbacks_refused"]["refused"] == 3


def test_forged_pushes_are_no_alarm_as_long_as_wechats_own_open(at_work: ComponentApp) -> None:
    for _ in range(10):
        assert not deliver(at_work, sealed(ticket(), token="another"))
    assert lines(at_work)["refused"].tone is Tone.YELLOW
    assert watch() == {}


def test_a_wrong_token_is_an_alarm_when_nothing_opens(at_work: ComponentApp, move_clock: Move) -> None:
    move_clock(31 * 60)
    with tenant_session(at_work.provider_id) as db:
        store_ticket(db, load_component(db, at_work.id), "ticket@@@x", clock.now())
    for _ in range(3):
        deliver(at_work, sealed(ticket(), token="another"))
    assert list(watch()) == ["callbacks_refused"]
    move_clock(45 * 60)
    with tenant_session(at_work.provider_id) as db:
        store_ticket(db, load_component(db, at_work.id), "ticket@@@y", clock.now())
    push(at_work)
    assert watch() == {}


def test_old_refusals_are_forgotten(at_work: ComponentApp, move_clock: Move) -> None:
    deliver(at_work, sealed(ticket(), token="another"))
    move_clock(9 * 24 * HOUR)
    with platform_session("test") as db:
        forget_old_refusals(db)
        assert db.scalars(select(CallbackRefusal)).all() == []


def test_failed_and_slow_pushes_show(at_work: ComponentApp) -> None:
    for _ in range(18):
        push(at_work, took=0.25)
    line = lines(at_work)["pushes"]
    assert (line.tone, line.params["median"]) == (Tone.GREEN, "0.2 s")
    push(at_work, took=900, status=CallbackStatus.FAILED)
    line = lines(at_work)["pushes"]
    assert (line.tone, line.params["failed"], line.repairs[0]) == (Tone.YELLOW, 1, Repair.RETRY_PUSHES)
    assert watch() == {"callbacks_failing": {"name": "爱丽平台", "failed": 1}}


@pytest.mark.parametrize(
    ("codes", "tone", "alarm"),
    [
        ({0: 100}, "green", False),
        ({0: 70, 85009: 30}, "yellow", False),
        ({0: 10, 40001: 30}, "red", True),
        ({0: 50, None: 20}, "red", True),
        ({40001: 3}, "green", False),
    ],
)
def test_calls_that_fail(at_work: ComponentApp, codes: dict[int | None, int], tone: str, alarm: bool) -> None:
    log_calls(at_work, codes)
    line = lines(at_work)["calls"]
    assert line.tone == tone
    assert ("calls_failing" in watch()) is alarm
    assert line.params["total"] == sum(codes.values())


def test_an_alarm_is_over_only_when_its_cause_stays_away(at_work: ComponentApp, move_clock: Move) -> None:
    log_calls(at_work, {0: 10, 40001: 30}, ago=1780)
    assert "calls_failing" in watch()
    move_clock(60)
    push(at_work)
    assert "calls_failing" in watch()  # away for a moment
    move_clock(300)
    assert watch() == {}


def test_tokens_that_run_out_unrenewed(at_work: ComponentApp) -> None:
    authorize(at_work, 10)
    assert lines(at_work)["refresh"].tone is Tone.GREEN
    with tenant_session(at_work.provider_id) as db:
        for row in db.scalars(select(AccessTokenRow).where(AccessTokenRow.appid != "").limit(4)):
            row.expires_at = clock.now() - timedelta(minutes=10)
    line = lines(at_work)["refresh"]
    assert (line.tone, line.params) == (Tone.RED, {"alive": 10, "overdue": 4})
    assert watch()["refresh_failing"]["failed"] == 4


def test_many_who_withdraw_at_once(at_work: ComponentApp, move_clock: Move) -> None:
    authorize(at_work, 6, ended_at=clock.now(), ended_why=AuthorizationEnd.UNAUTHORIZED)
    assert watch()["many_unauthorized"]["lost"] == 6
    move_clock(16 * 60)
    push(at_work)
    assert watch() == {}


def test_a_lost_authorization_is_told_and_its_return_too(at_work: ComponentApp) -> None:
    with tenant_session(at_work.provider_id) as db:
        row = load_component(db, at_work.id)
        store_refresh_token(db, row, PROGRAM, "refresh-1", RefreshTokenSource.AUTHORIZATION, clock.now())
        end_authorization(db, row, PROGRAM, happened_at=clock.now(), why=AuthorizationEnd.LOST)
        (alarm,) = open_alarms(db, row.provider_id)
        assert (alarm.kind, alarm.detail["name"]) == ("authorization_lost", PROGRAM)
    line = lines(at_work)["authorizations"]
    assert (line.tone, line.repairs) == (Tone.YELLOW, (Repair.LOST,))
    with tenant_session(at_work.provider_id) as db:
        row = load_component(db, at_work.id)
        later = clock.now() + timedelta(minutes=1)
        store_refresh_token(db, row, PROGRAM, "refresh-2", RefreshTokenSource.AUTHORIZATION, later)
        assert open_alarms(db, row.provider_id) == []


@pytest.mark.parametrize(("rest", "tone", "alarm"), [(50, "green", False), (10, "yellow", True), (0, "red", True)])
def test_the_audit_quota(at_work: ComponentApp, rest: int, tone: str, alarm: bool) -> None:
    change(at_work, audit_quota_rest=rest, audit_quota_limit=100, quota_read_at=clock.now())
    assert lines(at_work)["quota"].tone == tone
    assert ("audit_quota_low" in watch()) is alarm


def test_a_queue_that_does_not_move(at_work: ComponentApp, move_clock: Move) -> None:
    with platform_session("test") as db:
        enqueue_for(db, at_work.provider_id, PROCESS, new_id())
        enqueue_for(db, at_work.provider_id, "jobs.batches.pump", new_id(), lane=Lane.BULK)
    move_clock(11 * 60)
    with platform_session("test") as db:
        backlog = read_backlogs(db, [at_work.provider_id], with_items=True)[at_work.provider_id]
        assert backlog.jobs == 1  # bulk work gives way
    watch()
    with tenant_session(at_work.provider_id) as db:
        (alarm,) = open_alarms(db, at_work.provider_id, kinds=[AlarmKind.QUEUE_STUCK])
        assert alarm.detail == {"minutes": 11, "waiting": 1}


def test_permissions_that_drifted(cast: Cast, at_work: ComponentApp) -> None:
    with tenant_session(cast.alices) as db:
        for number in range(4):
            sets = [18, 30, 25] if number else [18, 30]
            db.add(
                Program(
                    provider_id=cast.alices, component_id=at_work.id, merchant_id=cast.meis, appid=f"wx{number}",
                    authorization=AuthorizationStatus.AUTHORIZED, permission_sets=sets, authorized_at=clock.now(),
                )
            )  # fmt: skip
        db.flush()
        count_permissions(db, load_component(db, at_work.id))
    line = lines(at_work)["permissions"]
    assert (line.tone, line.sets, line.repairs) == (Tone.YELLOW, ((25, 1),), (Repair.PERMISSIONS,))
    with tenant_session(cast.alices) as db:
        db.scalars(select(Program).where(Program.appid == "wx3")).one().permission_sets = [25]
        db.flush()
        count_permissions(db, load_component(db, at_work.id))
    line = lines(at_work)["permissions"]
    assert (line.tone, line.params["count"]) == (Tone.RED, 1)
    assert dict(line.sets) == {18: 1, 30: 1, 25: 1}


def test_permissions_are_counted_for_component_apps_that_work(at_work: ComponentApp, move_clock: Move) -> None:
    def names() -> list[str]:
        with platform_session("test") as db:
            enqueue_counts(db)
        with platform_session("test") as db:
            return list(db.scalars(select(Job.name).where(Job.name == "jobs.programs.count_permissions")))

    assert names() == []
    change(at_work, status="ready")
    assert len(names()) == 1
    change(at_work, permissions_counted_at=clock.now())


def test_a_new_key_works_beside_the_previous_until_wechat_uses_it(cast: Cast, at_work: ComponentApp) -> None:
    with tenant_session(cast.alices) as db:
        new = rotate_key(db, load_component(db, at_work.id), who=cast.who["alice"])
    assert deliver(at_work, sealed(ticket("a"), aes_key=AES_KEY))
    assert lines(at_work)["key"].tone is Tone.YELLOW
    with tenant_session(cast.alices) as db:
        row = load_component(db, at_work.id)
        with pytest.raises(Conflict):
            drop_previous_key(db, row, who=cast.who["alice"])
        with pytest.raises(Conflict):
            rotate_key(db, row, who=cast.who["alice"])
    assert deliver(at_work, sealed(ticket("b"), aes_key=new))
    assert lines(at_work)["key"].tone is Tone.GREEN
    with tenant_session(cast.alices) as db:
        row = load_component(db, at_work.id)
        with pytest.raises(Conflict):
            take_key_back(db, row, who=cast.who["alice"])
        drop_previous_key(db, row, who=cast.who["alice"])
    assert not deliver(at_work, sealed(ticket("c"), aes_key=AES_KEY))
    assert deliver(at_work, sealed(ticket("d"), aes_key=new))


def test_a_rotation_that_wechat_did_not_follow_is_taken_back(cast: Cast, at_work: ComponentApp) -> None:
    with tenant_session(cast.alices) as db:
        rotate_key(db, load_component(db, at_work.id), who=cast.who["alice"])
    with tenant_session(cast.alices) as db:
        take_key_back(db, load_component(db, at_work.id), who=cast.who["alice"])
    assert deliver(at_work, sealed(ticket("a"), aes_key=AES_KEY))
    assert lines(at_work)["key"].tone is Tone.GREEN


def test_counters_are_reset_once_and_counted(
    cast: Cast, at_work: ComponentApp, wechat_server: SmallWeChat, run_jobs: Callable[..., list[str]]
) -> None:
    log_calls(at_work, {45009: 4}, appid=PROGRAM)
    log_calls(at_work, {0: 4}, appid="wx1111222233334444")
    assert lines(at_work)["counters"].tone is Tone.RED
    wechat_server.answers["v2"] = {"errcode": 0, "errmsg": "ok"}
    with tenant_session(cast.alices) as db:
        row = load_component(db, at_work.id)
        assert [(one.appid, one.refused) for one in list_accounts(db, row)] == [("", 0), (PROGRAM, 4)]
        with pytest.raises(Invalid):
            start_clearing(db, row, "wx1111222233334444", who=cast.who["alice"])
        with pytest.raises(Forbidden):
            start_clearing(db, row, "", who=cast.who["max"])
        item = start_clearing(db, row, "", who=cast.who["alice"])
        assert item.step == CLEAR
    run_jobs()
    sent = [body for name, body in wechat_server.bodies if "appsecret" in body]
    assert len(sent) == 1, wechat_server.bodies
    with tenant_session(cast.alices) as db:
        assert left(db, load_component(db, at_work.id), RESETS).left == 9


def test_the_minutes_look_costs_the_same_for_many(cast: Cast, at_work: ComponentApp) -> None:
    def count() -> int:
        asked: list[str] = []

        def note(_c: object, _u: object, statement: str, *_: object) -> None:
            asked.append(statement)

        event.listen(engine("platform"), "before_cursor_execute", note)
        try:
            watch()
        finally:
            event.remove(engine("platform"), "before_cursor_execute", note)
        return len(asked)

    watch()
    one = count()
    with tenant_session(cast.charlies) as db:
        for number in range(20):
            row = ComponentApp(
                provider_id=cast.charlies, key=f"key{number}", name=f"平台{number}", appid=f"wx{number}",
                first_ticket_at=clock.now(), last_ticket_at=clock.now(), last_token_at=clock.now(),
            )  # fmt: skip
            row.secret, row.token, row.aes_key = "s" * 32, "token", AES_KEY
            db.add(row)
    assert count() == one
    assert one < 20


def test_alices_board_counts_nothing_of_charlies(cast: Cast, at_work: ComponentApp) -> None:
    with tenant_session(cast.charlies) as db:
        row = ComponentApp(provider_id=cast.charlies, key="charlies", name="查理平台", appid="wx1")
        row.secret, row.token, row.aes_key = "s" * 32, "token", AES_KEY
        db.add(row)
    log_calls(row, {40001: 50})
    with tenant_session(cast.alices) as db:
        assert gather(db, [row], with_day=True)[row.id].calls_day.total == 0
    assert lines(at_work)["calls"].tone is Tone.GREY
