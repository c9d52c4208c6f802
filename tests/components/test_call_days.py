"""Calls by the day and quotas by the day: counted once, whoever counts how often."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select

from saas import clock
from saas.components import call_days, quotas
from saas.components.access import load_component
from saas.components.models import (
    AccessTokenRow,
    ComponentApp,
    ComponentCallDay,
    ProgramCallDay,
    QuotaDay,
    WeChatCall,
)
from saas.components.origins import Origin, calling_for, origin_of
from saas.db import platform_session, tenant_session
from saas.tenants.alarm_models import AlarmKind
from saas.tenants.alarms import open_alarms
from saas.wx.limits import ZONE
from tests.cast import Cast

Move = Callable[[float], None]


def call(component: ComponentApp, operation: str, *, ago: timedelta = timedelta(0), **more: object) -> WeChatCall:
    given = {"appid": "wx1", "errcode": 0, "ms": 5, "origin": "polling", **more}
    return WeChatCall(
        provider_id=component.provider_id, component_id=component.id, operation=operation,
        created_at=clock.now() - ago, **given,
    )  # fmt: skip


@pytest.fixture
def calls(component: ComponentApp, cast: Cast) -> ComponentApp:
    with tenant_session(cast.alices) as db:
        db.add(AccessTokenRow(
            provider_id=cast.alices, component_id=component.id, appid="wx1", authorized_at=clock.now(),
        ))  # fmt: skip
        db.add_all([
            call(component, "getAuditStatus"),
            call(component, "getAuditStatus", errcode=-1),
            call(component, "release", origin="work"),
            call(component, "getVersionInfo", appid="wx2"),
            call(component, "getComponentAccessToken", appid="", origin="upkeep"),
            call(component, "getAuditStatus", ago=timedelta(days=3)),
        ])  # fmt: skip
    return component


def count(component: ComponentApp) -> None:
    with tenant_session(component.provider_id) as db:
        call_days.count_calls(db, load_component(db, component.id))


def test_a_day_is_counted_by_what_its_calls_were_for(calls: ComponentApp) -> None:
    count(calls)
    count(calls)
    with tenant_session(calls.provider_id) as db:
        whole = call_days.days_of_component(db, calls)
        one = call_days.days_of_program(db, calls.id, "wx1")
    today, before = whole.days[-1], whole.days[-4]
    assert (today.calls, today.polling, today.upkeep, today.work, today.failed, today.programs) == (5, 3, 1, 1, 1, 1)
    assert (before.calls, whole.calls) == (1, 6)
    assert whole.operations[0] == ("getAuditStatus", 3)
    assert (one.days[-1].calls, one.calls, one.days[-1].failed) == (3, 4, 1)
    assert len(whole.days) == len(one.days) == call_days.SHOWN


def test_a_day_that_was_counted_too_early_is_counted_to_its_end(calls: ComponentApp, move_clock: Move) -> None:
    count(calls)
    with tenant_session(calls.provider_id) as db:
        db.add(call(calls, "getAuditStatus"))
    move_clock(86_400)
    with tenant_session(calls.provider_id) as db:
        db.add(call(calls, "getAuditStatus"))
    count(calls)
    with tenant_session(calls.provider_id) as db:
        days = call_days.days_of_component(db, calls).days
    assert [one.calls for one in days[-2:]] == [6, 1]


def test_only_who_called_lately_is_counted(calls: ComponentApp, move_clock: Move) -> None:
    with platform_session("the cron") as db:
        assert call_days.enqueue_counts(db) == 1
    move_clock(3 * 3600)
    with platform_session("the cron") as db:
        assert call_days.enqueue_counts(db) == 0


def test_days_are_forgotten(calls: ComponentApp, move_clock: Move) -> None:
    count(calls)
    move_clock(35 * 86_400)
    with platform_session("the cron") as db:
        call_days.forget_old_days(db)
    with tenant_session(calls.provider_id) as db:
        assert db.scalars(select(ProgramCallDay)).all() == []
        assert len(db.scalars(select(ComponentCallDay)).all()) == 4


def test_an_origin_holds_for_its_thread_only() -> None:
    assert origin_of("release") is Origin.WORK
    with calling_for(Origin.POLLING):
        assert origin_of("getAuditStatus") is Origin.POLLING
        assert origin_of("getAuthorizerAccessToken") is Origin.UPKEEP
    assert origin_of("getAuditStatus") is Origin.WORK


def read(component: ComponentApp, rest: int, limit: int = 300) -> None:
    with tenant_session(component.provider_id) as db:
        row = load_component(db, component.id)
        quotas.note_quota(db, row, {"rest": rest, "limit": limit, "speedup_rest": 3, "speedup_limit": 10})


def to_day(move_clock: Move, day: int, hour: int = 12) -> None:
    """Noon of that day of next month, in Asia/Shanghai."""
    now = clock.now().astimezone(ZONE)
    first = (now.replace(day=1) + timedelta(days=32)).replace(day=1, hour=hour, minute=0, second=0, microsecond=0)
    move_clock((first + timedelta(days=day - 1) - now).total_seconds())


def later(move_clock: Move, days: int) -> None:
    move_clock(days * 86_400)


def test_the_days_use_is_the_difference(component: ComponentApp, move_clock: Move) -> None:
    to_day(move_clock, 1)
    read(component, 290)
    read(component, 280)
    later(move_clock, 1)
    read(component, 260)
    later(move_clock, 1)
    read(component, 350, limit=400)  # WeChat gave a hundred more, ten were used
    later(move_clock, 2)
    read(component, 340, limit=400)
    with tenant_session(component.provider_id) as db:
        view = quotas.outlook(db, load_component(db, component.id))
        months = quotas.months_of(db, component)
    assert [one.used for one in view.days] == [20, 20, 10, 0, 10]
    assert [one.rest for one in view.days] == [280, 260, 350, None, 340]
    assert (view.used, view.rest, view.limit) == (60, 340, 400)
    assert [(one.used, one.limit) for one in months] == [(60, 400)]


def test_a_quota_that_will_not_last_is_told_and_the_all_clear_too(component: ComponentApp, move_clock: Move) -> None:
    to_day(move_clock, 1)
    read(component, 260)
    later(move_clock, 1)
    read(component, 200)
    with tenant_session(component.provider_id) as db:
        row = load_component(db, component.id)
        view = quotas.outlook(db, row)
        today = clock.now().astimezone(ZONE).date()
        assert view.ends_on is not None
        assert timedelta(days=2) <= view.ends_on - today <= timedelta(days=4)
        assert view.ends_on_with(150) is not None
        assert view.ends_on_with(200) == today
        assert quotas.watch_outlook(db, row)
        (alarm,) = open_alarms(db, component.provider_id, kinds=[AlarmKind.AUDIT_QUOTA_ENDS])
        assert (alarm.subject_id, alarm.detail["rest"], alarm.detail["day"]) == (
            component.id, 200, view.ends_on.isoformat(),
        )  # fmt: skip
    read(component, 5_000, limit=5_100)
    with tenant_session(component.provider_id) as db:
        assert not quotas.watch_outlook(db, load_component(db, component.id))
        assert open_alarms(db, component.provider_id) == []


def test_a_busy_first_of_the_month_is_no_month(component: ComponentApp, move_clock: Move) -> None:
    """The days before it count, too, though they used another month's quota."""
    to_day(move_clock, 20)
    rest = 300
    while clock.now().astimezone(ZONE).day != 1:
        read(component, rest := rest - 1)
        later(move_clock, 1)
    read(component, 270)
    with tenant_session(component.provider_id) as db:
        view = quotas.outlook(db, load_component(db, component.id))
    assert [one.used for one in view.days] == [30]
    assert 5 <= view.pace <= 6
    assert view.ends_on is None


def test_last_months_quota_tells_nothing_of_this_month(component: ComponentApp, move_clock: Move) -> None:
    to_day(move_clock, 20)
    read(component, 3)
    later(move_clock, 20)
    with tenant_session(component.provider_id) as db:
        view = quotas.outlook(db, load_component(db, component.id))
    assert (view.rest, view.pace, view.ends_on, view.is_used_up) == (None, 0.0, None, False)


def test_quotas_are_kept_for_thirteen_months(component: ComponentApp, move_clock: Move) -> None:
    read(component, 3)
    later(move_clock, 390)
    read(component, 3)
    with platform_session("the cron") as db:
        quotas.forget_old_quotas(db)
        assert len(db.scalars(select(QuotaDay)).all()) == 2
    later(move_clock, 20)
    with platform_session("the cron") as db:
        quotas.forget_old_quotas(db)
        assert len(db.scalars(select(QuotaDay)).all()) == 1


def test_a_day_begins_at_midnight_in_shanghai() -> None:
    assert call_days._begins(date(2026, 12, 1)) == datetime(2026, 11, 30, 16, tzinfo=UTC)
