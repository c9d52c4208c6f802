"""Rejected mini programs are submitted once more: by their train or as a batch, never twice, within the quota."""

from __future__ import annotations

import re
from uuid import UUID

import pytest
from sqlalchemy import select

from saas.batches.access import load_item
from saas.batches.models import BatchItem, ItemStatus
from saas.batches.steps import Skipped
from saas.errors import Conflict, Forbidden
from saas.queue import Later
from saas.releases import bulk, rejects
from saas.releases.models import Audit, AuditStatus, Upload, UploadStatus
from saas.releases.resubmission import Changes
from saas.trains import resubmitting, steering
from saas.trains.models import ProgramState, Train, TrainStatus
from saas.trains.resubmitting import Plan, Resubmitted
from saas.wx.reasons import reason_key
from tests.trains.conftest import Yard

BLANK = "3.4.1 页面空白"
pytestmark = pytest.mark.usefixtures("cast")


def plan(yard: Yard, ids: list[UUID] | None = None, key: str = "3.4.1") -> Plan:
    with yard.session() as db:
        return resubmitting.plan_resubmission(db, key, ids)


def again(
    yard: Yard, ids: list[UUID] | None = None, *, key: str = "3.4.1", who: str = "alice", **changes: object
) -> Resubmitted:  # fmt: skip
    with yard.session() as db:
        said = Changes(**changes)  # type: ignore[arg-type]
        return resubmitting.resubmit(db, key, ids, who=yard.cast.who[who], changes=said)


def items(yard: Yard) -> list[BatchItem]:
    with yard.session() as db:
        return list(db.scalars(select(BatchItem).where(BatchItem.step == bulk.SUBMIT).order_by(BatchItem.id)))


def begin(yard: Yard, item: BatchItem) -> Audit:
    """What the pump does first with a submission: begins its row."""
    with yard.session() as db:
        row = load_item(db, item.id)
        with pytest.raises(Later):
            bulk.submit(db, row)
        audit = db.get_one(Audit, UUID(row.result["row"]))
        row.status = ItemStatus.WAITING
        return audit


def rejected_in_train(yard: Yard, count: int, **options: object) -> Train:
    train = yard.running(count, **options)
    yard.to_review(train)
    yard.decide(train, AuditStatus.REJECTED)
    yard.conduct(train)
    return train


@pytest.fixture
def key() -> str:
    """Of what the reviewers of the yard's trains say."""
    return reason_key("首页打不开")


def test_a_batch_says_what_is_new_and_keeps_the_rest(yard: Yard) -> None:
    ids = yard.rejected(2, BLANK)
    done = again(yard, feedback="已经改好", tag="奶茶")
    assert (done.by_batch, done.by_train, done.beyond) == (2, 0, 0)
    assert sorted(one.subject_id for one in items(yard)) == sorted(ids)
    audit = begin(yard, items(yard)[0])
    assert audit.request["feedback_info"] == "已经改好"
    assert audit.request["version_desc"] == "1.0.0 的说明"
    assert audit.request["item_list"][0]["address"] == "pages/index/index"
    assert audit.request["item_list"][0]["tag"] == "奶茶"


def test_what_is_under_way_is_not_submitted_again(yard: Yard) -> None:
    ids = yard.rejected(2, BLANK)
    again(yard, ids[:1])
    assert plan(yard).left_out == {resubmitting.UNDER_WAY: 1}
    assert again(yard).by_batch == 1
    with pytest.raises(Conflict):
        again(yard)
    assert len(items(yard)) == 2
    with yard.session() as db:
        assert resubmitting.count_under_way(db, ["3.4.1"]) == {"3.4.1": 2}
        assert resubmitting.under_way(db, ids) == set(ids)


def test_an_item_submits_only_while_its_rejection_is_the_newest_audit(yard: Yard) -> None:
    (program_id,) = yard.rejected(1, BLANK)
    again(yard)
    yard.refuse(program_id, BLANK, "1.0.1")
    with yard.session() as db, pytest.raises(Skipped):
        bulk.submit(db, load_item(db, items(yard)[0].id))


def test_an_item_submits_only_the_code_that_it_was_planned_for(yard: Yard) -> None:
    (program_id,) = yard.rejected(1, BLANK)
    again(yard)
    with yard.session() as db:
        old = db.scalars(select(Upload).where(Upload.program_id == program_id)).one()
        old.status = UploadStatus.SUPERSEDED
        own = {"provider_id": yard.cast.alices, "program_id": program_id, "template_row_id": yard.template_id}
        db.add(Upload(**own, template_id="7", user_version="2.0.1", ext_json="{}", status=UploadStatus.READY))
    with yard.session() as db, pytest.raises(Conflict, match="别的代码"):
        bulk.submit(db, load_item(db, items(yard)[0].id))


def test_a_train_leaves_out_whom_the_desk_is_submitting(yard: Yard) -> None:
    ids = yard.rejected(2, BLANK)
    again(yard, ids[:1])
    train = yard.plan(ids)
    assert {row.program_id: (row.state, row.reason) for row in yard.rows(train)} == {
        ids[0]: (ProgramState.EXCLUDED, "正在提交审核"), ids[1]: (ProgramState.PLANNED, ""),
    }  # fmt: skip


def test_what_a_train_adopts_is_released_by_the_trains_word(yard: Yard) -> None:
    """Somebody submitted the train's upload by hand, to be released as soon as it is approved."""
    train = yard.running(1)
    for step in ("upload", "submit"):
        yard.conduct(train)
        yard.end(train, step)
    with yard.session() as db:
        audit = db.scalars(select(Audit)).one()
        audit.releases_itself = True
    yard.conduct(train)
    assert yard.states(train) == {("audit", "running"): 1}
    with yard.session() as db:
        assert db.get_one(Audit, audit.id).releases_itself is False


def test_a_batch_takes_no_more_than_the_quota_gives(yard: Yard) -> None:
    yard.rejected(3, BLANK)
    yard.component(audit_quota_rest=2)
    (need,) = plan(yard).needs
    assert (need.count, need.left, need.beyond) == (3, 2, 1)
    done = again(yard)
    assert (done.by_batch, done.beyond) == (2, 1)
    with yard.session() as db:
        assert rejects.count_waiting(db) == 3


def test_without_quota_nothing_is_begun(yard: Yard) -> None:
    yard.rejected(1, BLANK)
    yard.component(audit_quota_rest=0)
    with pytest.raises(Conflict, match="额度"):
        again(yard)
    assert items(yard) == []


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"authorization": "lost"}, "商家没有授权"),
        ({"permission_sets": [1, 2]}, "缺少|没有“开发管理与数据分析”"),
        ({"account_status": 19}, "冻结"),
    ],
)
def test_those_that_cannot_be_submitted_are_left_out_with_the_reason(
    yard: Yard, values: dict[str, object], why: str
) -> None:  # fmt: skip
    yard.rejected(1, BLANK, **values)
    yard.rejected(1, BLANK)
    found = plan(yard)
    assert len(found.by_batch) == 1
    ((text, count),) = found.left_out.items()
    assert re.search(why, text)
    assert count == 1


def test_without_code_of_ours_nothing_can_be_submitted(yard: Yard) -> None:
    (program_id,) = yard.rejected(1, BLANK)
    with yard.session() as db:
        db.scalars(select(Upload).where(Upload.program_id == program_id)).one().status = UploadStatus.FAILED
    assert plan(yard).left_out == {resubmitting.NO_CODE: 1}


def test_a_trains_own_are_submitted_by_the_train_with_the_changes(yard: Yard, key: str) -> None:
    train = rejected_in_train(yard, 2)
    assert yard.states(train) == {("audit", "failed"): 2}
    done = again(yard, key=key, feedback="改好了", releases_itself=True)
    assert (done.batch, done.by_train) == (None, 2)
    assert yard.states(train) == {("check", "ready"): 2}
    assert plan(yard, key=key).left_out == {resubmitting.WITH_TRAIN: 2}
    yard.conduct(train)
    submits = yard.items(train, "submit")
    assert [one.input["changes"] for one in submits] == [{"feedback": "改好了"}] * 2
    yard.end(train, "submit")
    yard.conduct(train)
    assert yard.states(train) == {("audit", "running"): 2}
    assert {str(row.changes) for row in yard.rows(train)} == {"{}"}
    with yard.session() as db:
        assert rejects.count_waiting(db) == 0


@pytest.mark.parametrize(("changes", "state"), [({}, "failed"), ({"privacy_not_used": True}, "running")])
def test_a_train_lets_a_declaration_waive_what_it_is_about(
    yard: Yard, key: str, changes: dict[str, bool], state: str
) -> None:  # fmt: skip
    train = rejected_in_train(yard, 1)
    (place,) = yard.rows(train)
    with yard.session() as db:
        db.get_one(Upload, place.upload_id).scan_result = {"without_auth": ["getLocation"], "without_conf": []}
    again(yard, key=key, **changes)
    yard.conduct(train)
    step = "check" if state == "failed" else "submit"
    assert yard.states(train) == {(step, state): 1}


def test_a_train_that_is_paused_submits_after_its_pause(yard: Yard, key: str) -> None:
    train = yard.running(2)
    yard.to_review(train)
    yard.decide(train, AuditStatus.REJECTED, only=1)
    yard.conduct(train)
    yard.steer(steering.pause, train)
    assert again(yard, key=key).by_train == 1
    yard.conduct(train)
    assert yard.items(train, "submit") == []
    yard.steer(steering.resume, train)
    yard.conduct(train)
    assert len(yard.items(train, "submit")) == 1


def test_a_train_that_was_over_runs_again(yard: Yard, key: str) -> None:
    train = rejected_in_train(yard, 1)
    assert yard.train(train).status == TrainStatus.DONE
    assert again(yard, key=key).by_train == 1
    assert yard.train(train).status == TrainStatus.RUNNING


def test_those_of_a_cancelled_train_go_as_a_batch(yard: Yard, key: str) -> None:
    train = yard.running(2)
    yard.to_review(train)
    yard.decide(train, AuditStatus.REJECTED, only=1)
    yard.conduct(train)
    yard.steer(steering.cancel, train)
    done = again(yard, key=key)
    assert (done.by_batch, done.by_train) == (1, 0)


def test_one_whose_code_was_replaced_by_hand_leaves_its_train(yard: Yard, key: str) -> None:
    train = rejected_in_train(yard, 2)
    place = yard.rows(train)[0]
    with yard.session() as db:
        db.get_one(Upload, place.upload_id).status = UploadStatus.SUPERSEDED
        own = {"provider_id": yard.cast.alices, "program_id": place.program_id, "template_row_id": yard.template_id}
        db.add(Upload(**own, template_id="7", user_version="2.0.1", ext_json="{}", status=UploadStatus.READY))
    found = plan(yard, key=key)
    assert (len(found.by_batch), found.count_by_train, found.count_leaving) == (1, 1, 1)
    done = again(yard, key=key)
    assert (done.by_batch, done.by_train) == (1, 1)
    assert {row.id: row.state for row in yard.rows(train)}[place.id] == ProgramState.SKIPPED


def test_one_that_goes_with_another_train_is_left_to_it(yard: Yard) -> None:
    ids = yard.rejected(2, BLANK)
    train = yard.plan(ids[:1])
    yard.steer(steering.start, train)
    found = plan(yard)
    assert found.left_out == {resubmitting.WITH_TRAIN: 1}
    assert [row.id for row in found.by_batch] == ids[1:]


def test_bob_may_not(yard: Yard) -> None:
    yard.rejected(1, BLANK)
    with pytest.raises(Forbidden):
        again(yard, who="bob")


def test_groups_tell_their_trains(yard: Yard, key: str) -> None:
    train = rejected_in_train(yard, 1)
    with yard.session() as db:
        rows = rejects.list_rejected(db, key)
        found = resubmitting.places_of(db, rows)
        assert [found[audit.id].id for _program, audit in rows] == [train.id]
