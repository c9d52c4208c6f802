"""What an audit may become, by event, by poll and by withdrawal; and what is refused before it costs anything."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import delete

from saas.components.access import load_component
from saas.db import platform_session
from saas.errors import Conflict, Forbidden, Invalid, NotFound
from saas.programs import polling
from saas.programs.access import load_program
from saas.programs.polling_models import Kind, Look
from saas.programs.words import Turn, Word
from saas.queue import Job
from saas.releases import audits, releasing, submissions, templates, undo
from saas.releases.access import get_audit, get_template, get_upload, load_audit, load_upload
from saas.releases.checks import Verdict, pre_audit_checks
from saas.releases.code_state import find_state, request_refresh
from saas.releases.models import Audit, AuditStatus, Template, UploadStatus
from saas.releases.pictures import screenshot_files
from saas.releases.status import statuses_of
from saas.releases.submissions import Item, Ugc
from saas.tenants import activity
from saas.tenants.access import Verb
from saas.tenants.stored_files import load_file, read_file
from saas.wx.errcodes import explain
from tests.releases.conftest import CATEGORY, Desk

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 200


def stage(desk: Desk) -> tuple[Word, Turn]:
    with desk.session() as db:
        found = statuses_of(db, [desk.program.id])[desk.program.id]
        return found.stage, found.turn


def undo_it(desk: Desk, audit: Audit) -> None:
    with desk.session() as db:
        program, row = get_audit(db, desk.alice, audit.id, Verb.WORK)
        undo.undo_audit(db, program, row, who=desk.alice)
    desk.run_jobs(wait=60)


def test_a_lost_event_is_made_up_for_by_the_watch(desk: Desk) -> None:
    audit = desk.submitted()
    desk.control.approve(audit.auditid, push=False)
    assert desk.audit(audit).status == AuditStatus.IN_REVIEW
    names = desk.run_jobs(wait=1200)
    assert "jobs.polling.look" in names
    assert desk.audit(audit).status == AuditStatus.APPROVED
    assert stage(desk) == (Word.APPROVED, Turn.PROVIDER)
    assert "jobs.polling.look" not in desk.run_jobs(wait=7200), "nothing is pending"


def test_event_and_poll_together_change_it_once(desk: Desk) -> None:
    audit = desk.submitted()
    desk.control.reject(audit.auditid, reason="1: 不行", screenshots=1, push=False)
    desk.hear("weapp_audit_fail", FailTime=1)
    desk.hear("weapp_audit_fail", FailTime=1)
    desk.run_jobs(wait=120)
    with desk.session() as db:
        seen = [row.verb for row in activity.list_activities(db, object_id=desk.program.id, limit=100)]
    assert seen.count("program.audit.rejected") == 1


def test_an_event_before_its_time_changes_nothing(desk: Desk) -> None:
    audit = desk.submitted()
    desk.hear("weapp_audit_success", SuccTime=1)
    assert desk.audit(audit).status == AuditStatus.IN_REVIEW
    desk.control.approve(audit.auditid, push=False)
    desk.run_jobs(wait=15)
    assert desk.audit(audit).status == AuditStatus.APPROVED


def test_a_delay_is_no_end(desk: Desk) -> None:
    audit = desk.submitted()
    desk.control.delay(audit.auditid, reason="需要更久", push=False)
    desk.hear("weapp_audit_delay", DelayTime=1)
    delayed = desk.audit(audit)
    assert (delayed.status, delayed.reason, delayed.finished_at) == (AuditStatus.DELAYED, "需要更久", None)
    assert stage(desk) == (Word.DELAYED, Turn.WECHAT)
    desk.control.approve(audit.auditid, push=False)
    desk.hear("weapp_audit_success", SuccTime=1)
    assert desk.audit(audit).status == AuditStatus.APPROVED


def test_a_missing_screenshot_fails_nothing(desk: Desk) -> None:
    audit = desk.submitted()
    desk.control.reject(audit.auditid, reason="1: a<br>2: b", screenshots=3, push=False)
    desk.control.fail_next("getMaterial", 40007)
    desk.hear("weapp_audit_fail", FailTime=1)
    rejected = desk.audit(audit)
    assert rejected.reason == "1: a\n2: b"
    assert len(rejected.screenshot_media_ids) == 3
    with desk.session() as db:
        kept = [read_file(load_file(db, one)) for one in screenshot_files(rejected)]
    assert len(kept) == 2
    assert all(content.startswith(b"\x89PNG") for content in kept)


def test_reject_fix_and_submit_again(desk: Desk) -> None:
    audit = desk.submitted()
    desk.control.reject(audit.auditid, push=False)
    desk.hear("weapp_audit_fail", FailTime=1)
    assert stage(desk) == (Word.REJECTED, Turn.PROVIDER)
    upload = desk.uploaded("1.0.1")
    assert stage(desk) == (Word.READY, Turn.PROVIDER)
    again = desk.start_audit(upload, feedback="已修改")
    desk.run_jobs()
    assert desk.audit(again).status == AuditStatus.IN_REVIEW
    assert desk.control.audits(appid=desk.program.appid)[0]["user_version"] == "1.0.1"


def test_undo_and_submit_again(desk: Desk) -> None:
    audit = desk.submitted()
    undo_it(desk, audit)
    assert desk.audit(audit).status == AuditStatus.UNDONE
    assert stage(desk)[0] == Word.UNDONE
    with desk.session() as db:
        upload = load_upload(db, audit.upload_id)  # type: ignore[arg-type]
    again = desk.start_audit(upload)
    desk.run_jobs()
    assert desk.audit(again).status == AuditStatus.IN_REVIEW


def test_the_sixth_undo_of_a_day_is_not_sent(desk: Desk) -> None:
    audit = desk.submitted()
    for _ in range(5):
        undo_it(desk, audit)
        audit = desk.start_audit(desk.upload(type("U", (), {"id": audit.upload_id})()))  # type: ignore[arg-type]
        desk.run_jobs()
    with pytest.raises(Conflict):
        undo_it(desk, audit)
    assert desk.counts()["undoAudit"] == 5
    assert desk.audit(audit).undo_requested_at is None


def test_undos_that_are_only_counted_are_never_refused_here(desk: Desk, count_only: Callable[..., None]) -> None:
    audit = desk.submitted()
    desk.control.fail_next("undoAudit", 87013)
    undo_it(desk, audit)
    with pytest.raises(Conflict):
        undo_it(desk, audit)
    count_only("undo_audit_day", "undo_audit_month")
    undo_it(desk, audit)
    assert desk.audit(audit).status == AuditStatus.UNDONE


def test_wechats_own_count_of_undos_is_believed(desk: Desk) -> None:
    audit = desk.submitted()
    desk.control.fail_next("undoAudit", 87013)
    undo_it(desk, audit)
    kept = desk.audit(audit)
    assert (kept.status, kept.undo_errcode) == (AuditStatus.IN_REVIEW, 87013)
    with desk.session() as db:
        assert undo.undo_chances(db, desk.program).left == 0


def test_an_audit_that_ended_before_the_undo_keeps_its_end(desk: Desk) -> None:
    audit = desk.submitted()
    desk.control.approve(audit.auditid, push=False)
    undo_it(desk, audit)
    assert desk.audit(audit).status == AuditStatus.APPROVED
    assert "undoAudit" not in desk.counts()
    with pytest.raises(Conflict):
        undo_it(desk, audit)


def test_an_empty_quota_is_seen_before_the_call(desk: Desk) -> None:
    upload = desk.uploaded()
    desk.control.change_component(desk.component.appid, audit_limit=1)
    first = desk.start_audit(upload)
    desk.run_jobs()
    undo_it(desk, first)
    with desk.session() as db:
        load_component(db, desk.component.id).audit_quota_rest = None
    second = desk.start_audit(upload)
    desk.run_jobs()
    failed = desk.audit(second)
    assert (failed.status, failed.errcode, failed.operation) == (AuditStatus.FAILED, 85085, "submitAudit")
    assert explain(85085, failed.operation).who == "provider"
    assert desk.counts()["submitAudit"] == 1
    assert desk.control.all_counts(appid=desk.program.appid)["refused"].get("submitAudit", {}) == {}
    with pytest.raises(Conflict):
        desk.start_audit(upload)


def test_a_refusal_keeps_errcode_rid_and_operation(desk: Desk) -> None:
    upload = desk.uploaded()
    desk.control.fail_next("submitAudit", 86002, errmsg="no nickname rid: 68f9a0c1-6a3b4c5d-6e7f8097")
    audit = desk.start_audit(upload)
    desk.run_jobs()
    failed = desk.audit(audit)
    assert (failed.errcode, failed.rid, failed.operation) == (86002, "68f9a0c1-6a3b4c5d-6e7f8097", "submitAudit")
    assert stage(desk) == (Word.SUBMIT_FAILED, Turn.PROVIDER)
    again = desk.start_audit(upload)
    desk.run_jobs()
    assert desk.audit(again).status == AuditStatus.IN_REVIEW


def test_preview_pictures_and_the_declaration_reach_wechat(desk: Desk) -> None:
    upload = desk.uploaded()
    ugc = Ugc(scenes=[2, 4], methods=[1], has_audit_team=True, description="先机审后人审")
    audit = desk.start_audit(upload, files=[("a.png", PNG), ("b.png", PNG)], ugc=ugc, order_path="pages/order/order")
    desk.run_jobs()
    assert desk.audit(audit).status == AuditStatus.IN_REVIEW
    assert desk.counts()["uploadMediaToCodeAudit"] == 2


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"items": []}, "items"),
        ({"items": [Item(CATEGORY)] * 6}, "items"),
        ({"items": [Item("1-1")]}, "items-0-category"),
        ({"items": [Item(CATEGORY, "pages/no/no")]}, "items-0-address"),
        ({"items": [Item(CATEGORY, tag="a " * 11)]}, "items-0-tag"),
        ({"items": [Item(CATEGORY, title="题" * 33)]}, "items-0-title"),
        ({"order_path": "pages/no/no"}, "order_path"),
        ({"feedback": "字" * 201}, "feedback"),
        ({"ugc": Ugc()}, "ugc_scenes"),
        ({"ugc": Ugc(scenes=[2])}, "ugc_methods"),
        ({"files": [("a.txt", b"hello")]}, "files"),
        ({"files": [("a.png", PNG)] * 11}, "files"),
        ({"files": [("a.png", PNG + b"0" * 3_000_000)]}, "files"),
    ],
)
def test_a_mistake_in_the_form_names_its_field(desk: Desk, options: dict[str, object], field: str) -> None:
    upload = desk.uploaded()
    with pytest.raises(Invalid) as caught:
        desk.start_audit(upload, **options)
    assert caught.value.field == field


def test_undeclared_privacy_interfaces_block_until_declared_unused(desk: Desk) -> None:
    upload = desk.uploaded(privacy=["getLocation"])
    with pytest.raises(Conflict):
        desk.start_audit(upload)
    with desk.session() as db:
        program = load_program(db, desk.program.id)
        checks = pre_audit_checks(
            db, load_component(db, desk.component.id), program, load_upload(db, upload.id), find_state(db, program)
        )
    assert [check.verdict for check in checks].count(Verdict.BLOCKING) == 1
    audit = desk.start_audit(upload, privacy_not_used=True)
    desk.run_jobs()
    assert desk.audit(audit).status == AuditStatus.IN_REVIEW


def test_an_audit_submitted_elsewhere_is_taken_over(desk: Desk) -> None:
    audit = desk.submitted()
    with desk.session() as db:
        db.delete(load_audit(db, audit.id))
    with desk.session() as db:
        request_refresh(db, load_program(db, desk.program.id), who=desk.alice)
    desk.run_jobs()
    with desk.session() as db:
        taken = audits.newest_audit(db, desk.program)
    assert taken is not None
    assert (taken.auditid, taken.status, taken.upload_id) == (audit.auditid, AuditStatus.IN_REVIEW, None)
    desk.control.approve(taken.auditid, push=False)
    desk.run_jobs(wait=1200)
    row = desk.release(taken)
    desk.run_jobs()
    assert desk.reread_release(row).status == "done"
    assert stage(desk) == (Word.RELEASED, Turn.NOBODY)


def test_one_at_a_time(desk: Desk) -> None:
    upload = desk.uploaded()
    template = desk.reread_template(Template(id=upload.template_row_id))
    desk.start_audit(upload)
    for refused in (lambda: desk.start_audit(upload), lambda: desk.start_upload(template)):
        with pytest.raises(Conflict):
            refused()
    desk.run_jobs()
    running = desk.start_upload(template)
    with pytest.raises(Conflict):
        desk.start_upload(template)
    assert desk.upload(running).status == UploadStatus.QUEUED


def test_without_authorization_nothing_begins(desk: Desk) -> None:
    audit = desk.approved()
    with desk.session() as db:
        load_program(db, desk.program.id).authorization = "unauthorized"
    template = desk.reread_template(Template(id=desk.upload(type("U", (), {"id": audit.upload_id})()).template_row_id))  # type: ignore[arg-type]
    for refused in (lambda: desk.release(audit), lambda: desk.start_upload(template)):
        with pytest.raises(Conflict):
            refused()
    assert stage(desk) == (Word.UNAUTHORIZED, Turn.MERCHANT)


def test_a_second_click_answers_the_same_release(desk: Desk) -> None:
    audit = desk.approved()
    first, second = desk.release(audit), desk.release(audit, "max")
    desk.run_jobs()
    third = desk.release(audit)
    desk.run_jobs()
    assert first.id == second.id == third.id
    assert desk.counts()["release"] == 1


def test_a_release_that_wechat_refuses_is_explained_and_may_be_tried_again(desk: Desk) -> None:
    audit = desk.approved()
    desk.control.fail_next("release", 85020)
    row = desk.release(audit)
    desk.run_jobs()
    assert (desk.reread_release(row).status, desk.reread_release(row).errcode) == ("failed", 85020)
    assert stage(desk) == (Word.RELEASE_FAILED, Turn.PROVIDER)
    again = desk.release(audit)
    desk.run_jobs()
    assert again.id != row.id
    assert desk.reread_release(again).status == "done"


def test_a_rejected_audit_cannot_be_released(desk: Desk) -> None:
    audit = desk.submitted()
    desk.control.reject(audit.auditid, push=False)
    desk.hear("weapp_audit_fail", FailTime=1)
    with pytest.raises(Conflict):
        desk.release(audit)


@pytest.mark.parametrize(
    ("name", "error"), [("bob", Forbidden), ("charlie", NotFound), ("mei", Forbidden), ("ming", NotFound)]
)
def test_the_doors(desk: Desk, name: str, error: type[Exception]) -> None:
    audit = desk.approved()
    who = desk.cast.who[name]
    with desk.session() as db:
        upload = load_upload(db, audit.upload_id)  # type: ignore[arg-type]
        with pytest.raises(error):
            get_audit(db, who, audit.id, Verb.WORK)
        with pytest.raises(error):
            get_upload(db, who, upload.id, Verb.WORK)
        with pytest.raises(NotFound if who.is_merchant else error):
            get_template(db, who, upload.template_row_id, Verb.WORK)
        program = load_program(db, desk.program.id)
        if error is Forbidden:
            with pytest.raises(Forbidden):
                releasing.release(db, program, audit, who=who)
            with pytest.raises(Forbidden):
                undo.undo_audit(db, program, audit, who=who)
            with pytest.raises(Forbidden):
                submissions.submit_for_audit(
                    db, program, upload, who=who, submission=submissions.Submission([Item(CATEGORY)])
                )
            with pytest.raises(Forbidden):
                templates.request_sync(db, load_component(db, desk.component.id), who=who)


def test_an_open_audit_whose_look_was_lost_is_looked_at_again(desk: Desk) -> None:
    audit = desk.submitted()
    with platform_session("lose the look") as db:
        db.execute(delete(Job))
        db.execute(delete(Look).where(Look.kind == Kind.AUDIT))
        polling.find_forgotten(db)
        assert polling.find_forgotten(db) == 0
        assert polling.wake_pumps(db) == 1
    desk.control.approve(audit.auditid, push=False)
    desk.run_jobs()
    assert desk.audit(audit).status == AuditStatus.APPROVED


def test_a_suspension_that_nobody_pushed_is_seen_within_a_day(desk: Desk) -> None:
    desk.released()
    with desk.session() as db:
        state = find_state(db, desk.program)
        assert state is not None
        state.visible = state.read_at = None
    with platform_session("the nets") as db:
        assert polling.find_forgotten(db) >= 1
        polling.wake_pumps(db)
    desk.run_jobs()
    assert desk.state().visible is True
