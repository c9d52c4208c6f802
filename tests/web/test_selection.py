"""Actions on many mini programs: what was ticked, or all that a filter finds."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest
from sqlalchemy import select

from saas.batches import steps
from saas.batches.models import Batch, BatchItem, ItemStatus
from saas.components.models import ComponentApp
from saas.db import tenant_session
from saas.programs.listing import tags_of
from saas.programs.models import Program
from saas.web.provider.selection import ACTIONS
from tests.cast import Cast
from tests.web.conftest import Browser

Open = Callable[[str], Browser]


@pytest.fixture
def fleet(cast: Cast) -> list[UUID]:
    with tenant_session(cast.alices) as db:
        component = ComponentApp(provider_id=cast.alices, key="alicekey", name="爱丽平台", appid="wx8a2b1c3d4e5f6071")
        db.add(component)
        db.flush()
        rows = [
            Program(provider_id=cast.alices, component_id=component.id, appid=appid, name=name)
            for name, appid in (("一店", "wx01"), ("二店", "wx02"), ("新店", ""))
        ]
        db.add_all(rows)
        db.flush()
        return [row.id for row in rows]


def test_every_action_names_a_step() -> None:
    assert all(steps.find(action.step) for action in ACTIONS.values())


def test_ticked_ones_are_tagged(
    browser: Open, cast: Cast, fleet: list[UUID], run_jobs: Callable[..., list[str]]
) -> None:
    max_ = browser("max")
    query = f"id={fleet[0]}&id={fleet[1]}"
    assert "已选 2 个小程序" in max_.text(f"/p/alice/programs/selection?{query}")
    form = {"id": [str(fleet[0]), str(fleet[1])], "do-way": "add", "do-tags": "重点，连锁"}
    answer = max_.post("/p/alice/programs/selection/start?action=tags", form)
    assert answer.status_code == 303
    run_jobs()
    with tenant_session(cast.alices) as db:
        assert tags_of(db, fleet) == {fleet[0]: ["连锁", "重点"], fleet[1]: ["连锁", "重点"], fleet[2]: []}
        assert {item.status for item in db.scalars(select(BatchItem))} == {ItemStatus.DONE}
        assert db.scalars(select(Batch)).one().created_by == cast.users["max"]
    page = max_.text("/p/alice/programs?tag=重点")
    assert "一店" in page
    assert "新店" not in page
    assert "修改标签" in max_.text(f"/p/alice/programs/{fleet[0]}/activity")


def test_all_that_a_filter_finds_get_a_merchant_and_an_owner(
    browser: Open, cast: Cast, fleet: list[UUID], run_jobs: Callable[..., list[str]]
) -> None:
    """The filter's own `merchant` is not mistaken for the form's."""
    alice = browser("alice")
    assert "已选 3 个小程序" in alice.text("/p/alice/programs/selection?all=1&q=店&merchant=none")
    chosen = {"all": "1", "q": "店", "merchant": "none"}
    assert (
        alice.post(
            "/p/alice/programs/selection/start?action=merchant", {**chosen, "do-merchant": str(cast.meis)}
        ).status_code
        == 303
    )
    run_jobs()
    owner = {"all": "1", "do-owner": str(cast.users["max"])}
    assert alice.post("/p/alice/programs/selection/start?action=owner", owner).status_code == 303
    run_jobs()
    with tenant_session(cast.alices) as db:
        rows = list(db.scalars(select(Program)))
        assert {(row.merchant_id, row.owner_id) for row in rows} == {(cast.meis, cast.users["max"])}
    assert "还没有小程序" not in alice.text(f"/p/alice/programs?owner={cast.users['max']}&merchant={cast.meis}")


def test_what_does_not_suit_is_left_out(browser: Open, cast: Cast, fleet: list[UUID]) -> None:
    alice = browser("alice")
    assert alice.post("/p/alice/programs/selection/start?action=profile", {"all": "1"}).status_code == 303
    with tenant_session(cast.alices) as db:
        assert db.scalars(select(Batch)).one().total == 2
    refused = alice.post("/p/alice/programs/selection/start?action=profile", {"id": [str(fleet[2])]})
    assert refused.status_code == 422
    assert "不适用" in refused.get_data(as_text=True)


def test_bad_input_and_strangers(browser: Open, cast: Cast, fleet: list[UUID]) -> None:
    alice = browser("alice")
    assert alice.get("/p/alice/programs/selection").status_code == 303
    assert alice.get("/p/alice/programs/selection?id=1&id=x").status_code == 303
    assert alice.get("/p/alice/programs/selection/start?action=none&all=1").status_code == 404
    tags = {"id": [str(fleet[0])], "do-way": "add", "do-tags": "很" * 21}
    assert alice.post("/p/alice/programs/selection/start?action=tags", tags).status_code == 422
    stranger = {"id": [str(fleet[0])], "do-way": "add", "do-tags": "抢"}
    assert browser("charlie").post("/p/charlie/programs/selection/start?action=tags", stranger).status_code == 422
    assert browser("bob").post("/p/alice/programs/selection/start?action=tags", tags).status_code == 403
    assert "对勾选的操作" not in browser("bob").text("/p/alice/programs")


def test_a_filter_that_is_not_understood_widens_to_nobody(browser: Open, cast: Cast, fleet: list[UUID]) -> None:
    alice = browser("alice")
    tags = {"all": "1", "stage": "a word of yesterday", "do-way": "add", "do-tags": "新"}
    answer = alice.post("/p/alice/programs/selection/start?action=tags", tags)
    assert (answer.status_code, "筛选条件" in answer.text) == (422, True)
    assert alice.get("/p/alice/programs/selection?all=1&reject=yesterday").status_code == 422
    with tenant_session(cast.alices) as db:
        assert db.query(Batch).count() == 0


def test_filters_are_saved_from_the_list(browser: Open, cast: Cast, fleet: list[UUID]) -> None:
    bob = browser("bob")
    form = {"name": "一号店", "shared": "y"}
    assert bob.post("/p/alice/programs/filters?q=一店&turn=provider", form).status_code == 303
    page = browser("alice").text("/p/alice/programs")
    assert "一号店" in page
    assert bob.post("/p/alice/programs/filters", form).status_code == 422
    assert "先设置筛选条件" in bob.post("/p/alice/programs/filters", form).get_data(as_text=True)
