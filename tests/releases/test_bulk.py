"""Uploads, submissions, withdrawals, releases and roll backs as steps of batches: real ends, and nothing twice."""

from __future__ import annotations

from typing import Any

import pytest

from jobs import runner
from saas.batches.access import load_item
from saas.batches.models import BatchItem, ItemStatus
from saas.batches.starting import PUMP, Subject, start_batch, start_one
from saas.batches.steering import retry_item
from saas.components.access import load_component
from saas.db import platform_session
from saas.queue import Job, Lane, redis_connection
from saas.releases import bulk
from saas.releases.models import Audit, AuditStatus, Template, Upload, UploadStatus
from saas.releases.submissions import Item
from tests.releases.conftest import CATEGORY, Desk

WAIT = 300


def run(desk: Desk, step: str, **params: Any) -> BatchItem:
    with desk.session() as db:
        item = start_one(db, step, Subject(desk.program.id, "梅记茶铺"), who=desk.alice, params=params)
    desk.run_jobs(wait=WAIT)
    return reread(desk, item)


def reread(desk: Desk, item: BatchItem) -> BatchItem:
    with desk.session() as db:
        return load_item(db, item.id)


def again(desk: Desk, item: BatchItem) -> BatchItem:
    with desk.session() as db:
        retry_item(db, load_item(db, item.id), who=desk.alice)
    desk.run_jobs(wait=WAIT)
    return reread(desk, item)


def upload(desk: Desk, template: Template, version: str = "1.0.0") -> BatchItem:
    return run(desk, bulk.UPLOAD, template=str(template.id), user_version=version, description="首发")


def test_a_version_goes_online_by_steps_alone(desk: Desk) -> None:
    template = desk.template()
    assert upload(desk, template).status == ItemStatus.DONE
    submitted = run(desk, bulk.SUBMIT, version_desc="批量提交")
    assert submitted.status == ItemStatus.DONE
    (audit,) = desk.control.audits(appid=desk.program.appid)
    assert submitted.result["auditid"] == str(audit["id"])
    desk.control.approve(audit["id"], push=False)
    desk.hear("weapp_audit_success", SuccTime=1)
    released = run(desk, bulk.RELEASE)
    assert (released.status, released.result["version"]) == (ItemStatus.DONE, "1.0.0")
    assert desk.state().online_version == "1.0.0"
    assert run(desk, bulk.RELEASE).status == ItemStatus.SKIPPED
    counts = desk.counts()
    assert [counts[name] for name in ("commit", "submitAudit", "release")] == [1, 1, 1]


def test_a_refused_row_fails_its_item_with_wechats_answer(desk: Desk) -> None:
    template = desk.template()
    desk.control.fail_next("commit", 85043, errmsg="模板错误")
    item = upload(desk, template)
    assert (item.status, item.errcode, item.operation) == (ItemStatus.FAILED, 85043, "commit")
    assert item.rid
    assert again(desk, item).status == ItemStatus.DONE
    desk.control.fail_next("submitAudit", 85008)
    item = run(desk, bulk.SUBMIT)
    assert (item.status, item.errcode) == (ItemStatus.FAILED, 85008)
    assert again(desk, item).status == ItemStatus.DONE
    assert len(desk.control.audits(appid=desk.program.appid)) == 1


def test_each_retry_by_hand_begins_a_row(desk: Desk) -> None:
    template = desk.template()
    desk.control.fail_next("commit", 85043, times=2)
    item = upload(desk, template)
    for expected in (ItemStatus.FAILED, ItemStatus.DONE):
        before = item.result["row"]
        item = again(desk, item)
        assert item.status == expected
        assert item.result["row"] != before


def test_the_last_submission_is_said_again(desk: Desk) -> None:
    audit = desk.start_audit(
        desk.uploaded("1.0.0"), items=[Item(CATEGORY, "pages/menu/menu", "咖啡", "菜单")], version_desc="点单"
    )  # fmt: skip
    desk.run_jobs()
    desk.control.reject(desk.audit(audit).auditid, push=False)
    desk.hear("weapp_audit_fail", FailTime=1)
    template = desk.template("1.0.1")
    upload(desk, template, "1.0.1")
    run(desk, bulk.SUBMIT, version_desc="修好了", releases_itself=True)
    audit = newest(desk)
    (item,) = audit.request["item_list"]
    assert (item["address"], item["tag"], item["title"]) == ("pages/menu/menu", "咖啡", "菜单")
    assert audit.request["version_desc"] == "修好了"
    assert audit.releases_itself


def test_what_is_in_review_is_not_submitted_again_but_can_be_withdrawn(desk: Desk) -> None:
    desk.submitted()
    assert run(desk, bulk.SUBMIT).status == ItemStatus.SKIPPED
    desk.control.fail_next("undoAudit", 87013)
    item = run(desk, bulk.UNDO)
    assert (item.status, item.errcode, item.operation) == (ItemStatus.FAILED, 87013, "undoAudit")
    assert newest(desk).status == AuditStatus.IN_REVIEW


def test_an_audit_is_withdrawn(desk: Desk) -> None:
    desk.submitted()
    assert run(desk, bulk.UNDO).status == ItemStatus.DONE
    assert newest(desk).status == AuditStatus.UNDONE
    assert run(desk, bulk.UNDO).status == ItemStatus.SKIPPED
    assert desk.counts()["undoAudit"] == 1


def test_rolling_back_goes_to_the_version_before(desk: Desk) -> None:
    desk.released("1.0.0")
    assert run(desk, bulk.ROLL_BACK).status == ItemStatus.FAILED
    desk.released("1.1.0")
    item = run(desk, bulk.ROLL_BACK)
    assert (item.status, item.result["version"]) == (ItemStatus.DONE, "1.0.0")
    assert desk.state().online_version == "1.0.0"
    assert run(desk, bulk.ROLL_BACK).status == ItemStatus.FAILED
    assert desk.counts()["revertCodeRelease"] >= 1


def test_rolling_back_goes_to_the_version_that_is_named(desk: Desk) -> None:
    for version in ("1.0.0", "1.1.0", "1.2.0"):
        desk.released(version)
    item = run(desk, bulk.ROLL_BACK, version="0.9.0")
    assert (item.status, item.error) == (ItemStatus.FAILED, "不能回退到 0.9.0，只能回退到：1.1.0、1.0.0")
    assert run(desk, bulk.ROLL_BACK, version="1.0.0").status == ItemStatus.DONE
    assert desk.state().online_version == "1.0.0"


def test_an_approved_version_is_released_after_a_later_submission_failed(desk: Desk) -> None:
    desk.approved("1.0.0")
    upload(desk, desk.template("1.1.0"), "1.1.0")
    desk.control.fail_next("submitAudit", 85008)
    assert run(desk, bulk.SUBMIT).status == ItemStatus.FAILED
    released = run(desk, bulk.RELEASE)
    assert (released.status, released.result["version"]) == (ItemStatus.DONE, "1.0.0")


def test_missing_code_is_said(desk: Desk) -> None:
    item = run(desk, bulk.SUBMIT)
    assert (item.status, item.error) == (ItemStatus.FAILED, "还没有上传代码，请先上传")


def test_what_is_named_is_submitted_and_released_and_nothing_else(desk: Desk) -> None:
    first = upload(desk, desk.template())
    second = upload(desk, desk.template("1.1.0"), "1.1.0")
    refused = run(desk, bulk.SUBMIT, upload=first.result["row"])
    assert (refused.status, refused.error) == (ItemStatus.FAILED, "体验版已经换成别的代码，请重新上传")
    submitted = run(desk, bulk.SUBMIT, upload=second.result["row"])
    assert submitted.status == ItemStatus.DONE
    other = str(first.id)
    assert run(desk, bulk.UNDO, audit=other).status == ItemStatus.SKIPPED
    desk.control.approve(submitted.result["auditid"], push=False)
    desk.hear("weapp_audit_success", SuccTime=1)
    assert run(desk, bulk.RELEASE, audit=other).status == ItemStatus.FAILED
    assert desk.counts().get("release", 0) == 0
    assert run(desk, bulk.RELEASE, audit=submitted.result["row"]).status == ItemStatus.DONE
    assert run(desk, bulk.ROLL_BACK, online="1.0.0").status == ItemStatus.SKIPPED


def test_a_known_end_of_the_quota_fails_with_wechats_code(desk: Desk) -> None:
    upload(desk, desk.template())
    with desk.session() as db:
        component = load_component(db, desk.component.id)
        component.audit_quota_rest, component.audit_quota_limit = 0, 20
    item = run(desk, bulk.SUBMIT)
    assert (item.status, item.errcode, item.operation) == (ItemStatus.FAILED, 85085, "submitAudit")
    assert desk.counts().get("submitAudit", 0) == 0


def newest(desk: Desk) -> Audit:
    from saas.programs.access import load_program
    from saas.releases.audits import newest_audit

    with desk.session() as db:
        found = newest_audit(db, load_program(db, desk.program.id))
        assert found is not None
        return found


def test_the_pump_does_itself_what_its_items_begin(desk: Desk) -> None:
    """The jobs of the rows run in its threads: no worker is called, and no time passes."""
    pump = start(desk, bulk.UPLOAD, template=str(desk.template().id), user_version="1.0.0", description="首发")
    assert redis_connection().llen(f"rq:queue:{Lane.BULK}") <= 1, "the pump's own ring"
    runner.run(pump)
    with desk.session() as db:
        [upload] = db.query(Upload)
        assert (upload.status, desk.counts()["commit"]) in ((UploadStatus.SCANNING, 1), (UploadStatus.READY, 1))
    assert redis_connection().llen(f"rq:queue:{Lane.BULK}") <= 1
    desk.run_jobs(wait=WAIT)
    assert desk.counts()["commit"] == 1


def test_without_hands_workers_do_it_and_the_item_waits(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "run_named", lambda *_: None)
    pump = start(desk, bulk.UPLOAD, template=str(desk.template().id), user_version="1.0.0", description="首发")
    runner.run(pump)
    with desk.session() as db:
        assert db.query(Upload).one().status == UploadStatus.QUEUED
        assert db.query(BatchItem).one().status == ItemStatus.WAITING
    desk.run_jobs(wait=WAIT)
    with desk.session() as db:
        assert db.query(BatchItem).one().status == ItemStatus.DONE
    assert desk.counts()["commit"] == 1


def start(desk: Desk, step: str, **params: str) -> str:
    """Start it and answer its pump's job, with which the test goes on as a worker would."""
    with desk.session() as db:
        start_batch(db, step, [Subject(desk.program.id, "小程序")], who=desk.alice, params=params)
    with platform_session("test") as db:
        return str(db.query(Job.id).filter(Job.name == PUMP).one()[0])
