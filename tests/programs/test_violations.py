"""Penalties and shut accounts, read at a real sandbox."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from saas import clock
from saas.components.access import load_component
from saas.components.models import WeChatCall
from saas.components.tickets import store_ticket
from saas.db import new_id, platform_session
from saas.programs import shutting, violations
from saas.programs.access import load_program
from saas.programs.polling import find_forgotten, looks_of
from saas.programs.polling_models import Kind, Look
from saas.programs.violation_models import Shut, Shutting, Violation, ViolationState
from saas.sandbox.control import SandboxControl
from saas.tenants.alarm_models import AlarmKind
from saas.tenants.alarms import open_alarms
from saas.wx.errors import WeChatError
from tests.programs.shop import Shop

DAY = 86400
S = ViolationState


def read(shop: Shop) -> list[Violation]:
    """The day's look; what is kept afterwards, oldest first."""
    with shop.session() as db:
        violations.look(db, shop.id)
    with shop.session() as db:
        return list(db.scalars(select(Violation).order_by(Violation.happened_at, Violation.record_id)))


def wait(shop: Shop, move_clock: Callable[[float], None], days: int) -> None:
    """Some days later, here and there; WeChat has pushed its ticket as ever."""
    shop.control.move_clock(days * DAY)
    move_clock(days * DAY)
    with shop.session() as db:
        row = load_component(db, shop.component.id)
        store_ticket(db, row, shop.control.push_ticket(row.appid), clock.now())


def alarms(shop: Shop, kind: AlarmKind) -> list[str]:
    with shop.session() as db:
        return [str(one.detail["name"]) for one in open_alarms(db, shop.cast.alices, kinds=[kind])]


def told(shop: Shop) -> list[str]:
    return [verb for verb in shop.seen() if verb.startswith(("program.violation", "program.shut", "program.open"))]


def calls(shop: Shop) -> list[str]:
    with shop.session() as db:
        return list(db.scalars(select(WeChatCall.operation).order_by(WeChatCall.id)))


def test_a_penalty_is_kept_once_with_its_appeals_and_raises_one_alarm(shop: Shop, control: SandboxControl) -> None:
    assert read(shop) == []
    record = control.add_penalty(shop.appid, reason="侵犯知识产权", content="首页图片", rule_name="规范 4.1")
    for _ in range(2):
        (row,) = read(shop)
    assert (row.record_id, row.reason, row.content, row.rule_name) == (record, "侵犯知识产权", "首页图片", "规范 4.1")
    assert (row.state, row.appeals) == (S.OPEN, [])
    assert len(alarms(shop, AlarmKind.VIOLATION)) == 1
    assert told(shop) == ["program.violation"]


def test_an_appeal_moves_it_and_a_granted_one_lifts_it(shop: Shop, control: SandboxControl) -> None:
    record = control.add_penalty(shop.appid)
    read(shop)
    first = control.add_appeal(record, reason="我们有授权")
    assert read(shop)[0].state == S.APPEALING
    control.decide_appeal(first, 3, reason="证据不足")
    (row,) = read(shop)
    assert (row.state, row.appeals[0]["reason"]) == (S.REFUSED, "证据不足")
    second = control.add_appeal(record)
    assert read(shop)[0].state == S.APPEALING
    control.decide_appeal(second, 2)
    (row,) = read(shop)
    assert (row.state, [one["status"] for one in row.appeals]) == (S.LIFTED, [3, 2])
    assert alarms(shop, AlarmKind.VIOLATION) == []
    assert told(shop)[::-1] == [
        "program.violation", "program.violation.appealing", "program.violation.refused",
        "program.violation.appealing", "program.violation.lifted",
    ]  # fmt: skip


def test_what_wechat_takes_back_is_gone_and_what_is_old_stays(
    shop: Shop, control: SandboxControl, move_clock: Callable[[float], None]
) -> None:
    control.add_penalty(shop.appid, reason="旧")
    read(shop)
    wait(shop, move_clock, 60)
    taken_back = control.add_penalty(shop.appid, reason="新")
    read(shop)
    wait(shop, move_clock, 35)
    control.lift_penalty(taken_back)
    old, new = read(shop)
    assert (old.reason, old.state) == ("旧", S.OPEN)
    assert (new.reason, new.state) == ("新", S.GONE)


def test_an_ordinary_day_costs_two_calls(shop: Shop, control: SandboxControl) -> None:
    before = len(calls(shop))
    read(shop)
    assert calls(shop)[before:] == ["getAuthorizerInfo", "getIllegalRecords"]


def test_appeals_are_read_only_while_they_may_be_decided(
    shop: Shop, control: SandboxControl, move_clock: Callable[[float], None]
) -> None:
    record = control.add_penalty(shop.appid)
    read(shop)
    wait(shop, move_clock, 31)
    before = len(calls(shop))
    read(shop)
    assert "getAppealRecords" not in calls(shop)[before:]
    control.decide_appeal(control.add_appeal(record), 2)
    assert read(shop)[0].state == S.OPEN  # nobody asks any more


def test_without_the_permission_nothing_is_asked_and_the_page_can_say_why(shop: Shop, control: SandboxControl) -> None:
    control.grant(shop.component.appid, shop.appid, permission_sets=[17], push=False)
    before = len(calls(shop))
    read(shop)
    assert calls(shop)[before:] == ["getAuthorizerInfo"]
    with shop.session() as db:
        watch = violations.find_watch(db, load_program(db, shop.id))
    assert watch is not None
    assert "违规和申诉管理" in watch.error


def test_a_refusal_is_kept_beside_what_was_known(shop: Shop, control: SandboxControl) -> None:
    control.add_penalty(shop.appid)
    read(shop)
    control.fail_next("getIllegalRecords", errcode=48001, appid=shop.appid)
    with pytest.raises(WeChatError):
        read(shop)
    with shop.session() as db:
        watch = violations.find_watch(db, load_program(db, shop.id))
        assert watch is not None
        assert (watch.errcode, watch.operation) == (48001, "getIllegalRecords")
        assert db.query(Violation).one().state == S.OPEN
    assert len(read(shop)) == 1


def test_a_frozen_account_is_shut_since_it_was_seen_until_it_is_normal_again(
    shop: Shop, control: SandboxControl
) -> None:
    control.change_account(shop.appid, account_status=19)
    read(shop)
    with shop.session() as db:
        (row,) = shutting.open_shuttings(db, [shop.id])
        assert (row.kind, row.account_status, row.by_name) == (Shut.FROZEN, 19, "")
        assert [one.id for one, _program in shutting.list_shut(db, who=shop.alice)] == [row.id]
    assert len(alarms(shop, AlarmKind.PROGRAM_SHUT)) == 1
    control.change_account(shop.appid, account_status=16)
    read(shop)
    with shop.session() as db:
        assert [one.kind for one in shutting.open_shuttings(db, [shop.id])] == [Shut.BANNED]
    control.change_account(shop.appid, account_status=1)
    read(shop)
    with shop.session() as db:
        assert shutting.open_shuttings(db, [shop.id]) == []
        assert db.query(Shutting).filter(Shutting.ended_at.is_not(None)).count() == 2
    assert alarms(shop, AlarmKind.PROGRAM_SHUT) == []
    assert "program.open_again.banned" in told(shop)


def test_a_suspension_of_ours_is_ours(shop: Shop) -> None:
    with shop.session() as db:
        shutting.note_service(db, {shop.id: True})
        (row,) = shutting.open_shuttings(db, [shop.id])
        assert (row.kind, row.by_name) == (Shut.SUSPENDED, "")
    with shop.session() as db:
        shutting.note_service(db, {shop.id: False})
        assert shutting.open_shuttings(db, [shop.id]) == []


def test_everybody_authorized_is_looked_at_daily(shop: Shop) -> None:
    with platform_session("the cron of this test") as db:
        find_forgotten(db)
    with shop.session() as db:
        assert "violations" in [look.kind for look in looks_of(db, load_program(db, shop.id))]
        load_program(db, shop.id).authorization = "unauthorized"
    with shop.session() as db:
        assert violations.look(db, shop.id) is None


def refuse(shop: Shop, errcode: int, origin: str = "work", operation: str = "commit") -> int:
    """WeChat refused a call; whom the cron has read then."""
    with shop.session() as db:
        db.execute(
            insert(WeChatCall).values(
                id=new_id(), created_at=clock.now(), provider_id=shop.cast.alices, component_id=shop.component.id,
                appid=shop.appid, operation=operation, errcode=errcode, ms=5, rid="", fault="", origin=origin,
            )
        )  # fmt: skip
    with platform_session("the cron of this test") as db:
        return violations.look_at_refusals(db, since=violations.WINDOW)


@pytest.mark.parametrize(("errcode", "hurried"), [(48004, 1), (50002, 1), (61007, 0), (0, 0)])
def test_a_refusal_because_of_a_penalty_has_it_read_at_once(shop: Shop, errcode: int, hurried: int) -> None:
    assert refuse(shop, errcode) == hurried


@pytest.mark.parametrize("operation", ["getAuthorizerInfo", "getAppealRecords", "getIllegalRecords"])
def test_what_the_reading_itself_is_refused_brings_about_no_reading(shop: Shop, operation: str) -> None:
    assert refuse(shop, 48004, "polling", operation) == 0


@pytest.mark.parametrize(("values", "hurried"), [
    ({"failures": 1}, 0), ({"looked_at": timedelta(minutes=59)}, 0), ({"looked_at": timedelta(minutes=61)}, 1),
])  # fmt: skip
def test_who_was_read_lately_or_cannot_be_is_not_hurried(shop: Shop, values: dict[str, Any], hurried: int) -> None:
    now = clock.now()
    with platform_session("the cron of this test") as db:
        find_forgotten(db)
        moments = {name: now - value if isinstance(value, timedelta) else value for name, value in values.items()}
        db.execute(update(Look).where(Look.kind == Kind.VIOLATIONS, Look.subject_id == shop.id).values(moments))
    assert refuse(shop, 48004) == hurried
