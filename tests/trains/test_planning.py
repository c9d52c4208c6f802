"""Planning a train: who goes, who is left out and why, and in which waves; setting it off."""

from __future__ import annotations

from typing import Any

import pytest

from saas import clock
from saas.components.models import ComponentApp
from saas.db import new_id
from saas.errors import Conflict, Forbidden, Invalid
from saas.programs.models import AuthorizationStatus, Program
from saas.releases.models import Audit, AuditStatus, CodeState
from saas.trains.access import load_train
from saas.trains.drafts import delete_draft
from saas.trains.models import ProgramState, Train, TrainStatus
from saas.trains.planning import OTHER_TRAIN, Options, start_train, wave_sizes
from tests.trains.conftest import Yard


def start(yard: Yard, train: Train) -> int:
    with yard.session() as db:
        return start_train(db, load_train(db, train.id), who=yard.alice)


def test_a_draft_has_its_waves_and_takes_the_templates_version(yard: Yard) -> None:
    train = yard.plan(yard.programs(7), canary_size=1, wave_size=4)
    assert (train.status, train.user_version, train.description) == (TrainStatus.DRAFT, "2.0.0", "新版点单")
    assert [(wave.number, wave.size, wave.is_canary) for wave in yard.waves(train)] == [
        (0, 1, True), (1, 4, False), (2, 2, False),
    ]  # fmt: skip
    assert {row.state for row in yard.rows(train)} == {ProgramState.PLANNED}


@pytest.mark.parametrize(
    ("count", "options", "sizes"),
    [
        (10, {}, [10]),
        (10, {"canary_size": 3}, [3, 7]),
        (10, {"canary_size": 30}, [10]),
        (10, {"canary_size": 1, "wave_percent": 30}, [1, 3, 3, 3]),
        (10, {"wave_percent": 100}, [10]),
        (10, {"wave_size": 4}, [4, 4, 2]),
        (0, {"canary_size": 3, "wave_size": 4}, []),
        (1, {"wave_percent": 1}, [1]),
    ],
)
def test_waves_are_cut_by_size_or_percent(count: int, options: dict[str, Any], sizes: list[int]) -> None:
    assert wave_sizes(count, Options(**options)) == sizes


def test_who_cannot_go_is_left_out_with_the_reason(yard: Yard) -> None:
    yard.template(ext_json='{"ext": {"shop": "${shop}"}}')
    with yard.session() as db:
        other = ComponentApp(id=new_id(), provider_id=yard.cast.alices, key="other", name="另一个", appid="wxother")
        db.add(other)
    values = {"ext_values": {"shop": "1"}}
    expected = {
        *((one, "") for one in yard.programs(1, **values)),
        *((one, "缺少变量或值不对：shop") for one in yard.programs(1)),
        *((one, "还没有 AppID，要先注册或授权") for one in yard.programs(1, appid="", **values)),
        *(
            (one, "授权给了另一个第三方平台，用不了这个模板")
            for one in yard.programs(1, component_id=other.id, **values)
        ),
        *((one, "商家没有授权") for one in yard.programs(1, authorization=AuthorizationStatus.LOST, **values)),
        *((one, "缺少“开发管理与数据分析”权限") for one in yard.programs(1, permission_sets=[17], **values)),
    }
    (reviewed, online) = yard.programs(2, **values)
    with yard.session() as db:
        own = {"provider_id": yard.cast.alices}
        audit = Audit(**own, program_id=reviewed, auditid="9", status=AuditStatus.IN_REVIEW, submitted_at=clock.now())
        db.add(audit)
        state = db.query(CodeState).filter(CodeState.program_id == online).one()
        state.online_version, state.online_at, state.online_template_row_id = "2.0.0", clock.now(), yard.template_id
    expected |= {(reviewed, "另一个版本正在审核"), (online, "线上已经是这个版本")}
    train = yard.plan([one for one, _ in expected])
    assert {(row.program_id, row.reason) for row in yard.rows(train)} == expected
    assert train.total == 1


def test_a_merchants_values_count_as_they_do_at_an_upload(yard: Yard) -> None:
    from saas.tenants.models import Merchant

    yard.template(ext_json='{"ext": {"shop": "${shop}"}}')
    with yard.session() as db:
        db.get_one(Merchant, yard.cast.meis).ext_values = {"shop": "梅记"}
    train = yard.plan([*yard.programs(1, merchant_id=yard.cast.meis), *yard.programs(1)])
    assert sorted(row.state for row in yard.rows(train)) == [ProgramState.EXCLUDED, ProgramState.PLANNED]


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"user_version": "v" * 65}, "user_version"),
        ({"wave_size": 3, "wave_percent": 10}, "wave_percent"),
        ({"wave_percent": 101}, "wave_percent"),
        ({"window_from": 2}, "window_until"),
        ({"window_from": 2, "window_until": 2}, "window_until"),
        ({"phased_percent": 100}, "phased_percent"),
        ({"stop_percent": 0}, "stop_percent"),
        ({"wave_size": 1}, "wave_size"),
    ],
)
def test_options_that_make_no_sense_are_refused_at_their_field(
    yard: Yard, options: dict[str, Any], field: str
) -> None:  # fmt: skip
    with pytest.raises(Invalid) as refused:
        yard.plan(yard.programs(51), **options)
    assert refused.value.field == field


def test_bob_may_not_plan(yard: Yard) -> None:
    with pytest.raises(Forbidden):
        yard.plan(yard.programs(1), who="bob")


def test_a_train_sets_off_once(yard: Yard) -> None:
    train = yard.plan(yard.programs(2))
    assert start(yard, train) == 2
    assert {row.state for row in yard.rows(train)} == {ProgramState.WAITING}
    with pytest.raises(Conflict):
        start(yard, train)


def test_a_program_goes_with_one_train_at_a_time(yard: Yard) -> None:
    ids = yard.programs(2)
    first, second, third = yard.plan(ids[:1]), yard.plan(ids), yard.plan(ids[:1])
    start(yard, first)
    assert start(yard, second) == 1
    left_out = next(row for row in yard.rows(second) if row.program_id == ids[0])
    assert (left_out.state, left_out.reason) == (ProgramState.EXCLUDED, OTHER_TRAIN)
    assert sum(wave.size for wave in yard.waves(second)) == 1
    with pytest.raises(Conflict):
        start(yard, third)


def test_a_draft_can_be_deleted_and_a_running_train_not(yard: Yard) -> None:
    ids = yard.programs(2)
    draft, running = yard.plan(ids[:1]), yard.plan(ids[1:])
    start(yard, running)
    with yard.session() as db:
        delete_draft(db, load_train(db, draft.id), who=yard.alice)
    assert yard.rows(draft) == []
    with yard.session() as db, pytest.raises(Conflict):
        delete_draft(db, load_train(db, running.id), who=yard.alice)


def test_thousands_of_programs_are_planned_in_a_handful_of_queries(yard: Yard) -> None:
    from sqlalchemy import event, insert

    from saas.db import engine

    with yard.session() as db:
        rows = [
            {
                "id": new_id(), "provider_id": yard.cast.alices, "component_id": yard.component_id,
                "appid": f"wx{n:016x}", "authorized_at": clock.now(), "stage": "no_code",
            }
            for n in range(3000)
        ]  # fmt: skip
        db.execute(insert(Program), rows)
    statements: list[str] = []
    listen = (engine("tenant"), "before_cursor_execute", lambda *given: statements.append(given[2]))
    event.listen(*listen)
    try:
        train = yard.plan([row["id"] for row in rows], canary_size=10, wave_percent=20)
    finally:
        event.remove(*listen)
    assert train.total == 3000
    assert len(statements) < 30
    with yard.session() as db:
        db.query(Program).delete()
