"""Whatever the moment at which a worker dies, WeChat gets nothing twice that it counts, and the work is finished.

A cut answer (`cut_next`) is WeChat doing what was asked while our side never hears of it: the same as `kill -9` right
after the call. A run that fails is put back by the runner and comes again as attempt 2.
"""

from __future__ import annotations

import pytest

from jobs import releases as jobs
from saas.releases import undo
from saas.releases.access import load_audit, load_upload
from saas.releases.models import AuditStatus, ReleaseStatus, UploadStatus
from saas.tenants.access import Verb
from tests.releases.conftest import Desk


def test_a_commit_whose_answer_is_lost_is_not_sent_again(desk: Desk) -> None:
    template = desk.template()
    desk.control.cut_next("commit", appid=desk.program.appid)
    upload = desk.start_upload(template)
    desk.run_jobs(wait=120)
    assert desk.upload(upload).status == UploadStatus.READY
    assert desk.counts()["commit"] == 1


def test_a_commit_that_never_arrived_is_sent(desk: Desk) -> None:
    template = desk.template()
    upload = desk.start_upload(template)
    desk.control.fail_next("commit", -1, times=2, appid=desk.program.appid)
    desk.run_jobs(wait=120)
    assert desk.upload(upload).status == UploadStatus.READY
    assert desk.counts()["commit"] == 1


def test_the_same_version_uploaded_again_is_told_from_the_one_before(desk: Desk, move_clock: object) -> None:
    upload = desk.uploaded()
    move_clock(5)  # type: ignore[operator]
    with desk.session() as db:
        template_id = load_upload(db, upload.id).template_row_id
    again = desk.start_upload(type("T", (), {"id": template_id})())  # type: ignore[arg-type]
    desk.control.fail_next("commit", -1, appid=desk.program.appid)
    desk.run_jobs(wait=120)
    assert desk.upload(again).status == UploadStatus.READY
    assert desk.upload(upload).status == UploadStatus.SUPERSEDED
    assert desk.counts()["commit"] == 2


def test_a_previous_step_that_runs_is_waited_for(desk: Desk) -> None:
    template = desk.template()
    desk.control.fail_next("commit", 9402202, times=3, appid=desk.program.appid)
    upload = desk.start_upload(template)
    desk.run_jobs(wait=120)
    assert desk.upload(upload).status == UploadStatus.READY


def test_a_scan_that_runs_is_asked_for_again_and_never_restarted(desk: Desk) -> None:
    template = desk.template()
    desk.control.set_scan_seconds(100)
    upload = desk.start_upload(template)
    desk.run_jobs()
    assert desk.upload(upload).status == UploadStatus.SCANNING
    assert desk.upload(upload).trial_qr_file_id is not None
    desk.run_jobs(wait=300)
    assert desk.upload(upload).status == UploadStatus.READY
    assert desk.counts()["commit"] == 1
    assert desk.control.all_counts(appid=desk.program.appid)["refused"]["getCodePrivacyInfo"]["61039"] > 3


def test_what_the_scan_found_is_kept(desk: Desk) -> None:
    upload = desk.uploaded(privacy=["getLocation", "chooseAddress"])
    assert upload.status == UploadStatus.READY
    assert upload.scan_result["without_conf"] == ["wx.getLocation", "wx.chooseAddress"]


def test_a_submission_whose_answer_is_lost_is_found_and_never_repeated(desk: Desk) -> None:
    upload = desk.uploaded()
    desk.control.cut_next("submitAudit", appid=desk.program.appid)
    audit = desk.start_audit(upload)
    desk.run_jobs(wait=30)
    audit = desk.audit(audit)
    assert audit.status == AuditStatus.IN_REVIEW
    assert audit.auditid == str(desk.control.audits(appid=desk.program.appid)[0]["id"])
    assert desk.counts()["submitAudit"] == 1
    assert desk.control.all_counts(appid=desk.program.appid)["refused"].get("submitAudit", {}) == {}


def test_a_submission_decided_before_anybody_looked_again_is_adopted_with_its_end(desk: Desk) -> None:
    upload = desk.uploaded()
    desk.control.cut_next("submitAudit", appid=desk.program.appid)
    audit = desk.start_audit(upload)
    desk.run_jobs()
    desk.control.reject(desk.control.audits(appid=desk.program.appid)[0]["id"], reason="1: 不行", push=False)
    desk.run_jobs(wait=30)
    assert desk.audit(audit).status == AuditStatus.REJECTED
    assert desk.counts()["submitAudit"] == 1


def test_a_submission_killed_before_the_call_is_made_once(desk: Desk) -> None:
    upload = desk.uploaded()
    audit = desk.start_audit(upload)
    with desk.session() as db:
        row = load_audit(db, audit.id)
        row.status, row.sent_at, row.latest_before = AuditStatus.SUBMITTING, row.created_at, ""
    with desk.session() as db:
        jobs.submit_audit(db, audit.id, 2)
    assert desk.audit(audit).status == AuditStatus.IN_REVIEW
    with desk.session() as db:
        jobs.submit_audit(db, audit.id, 3)
    assert desk.counts()["submitAudit"] == 1


def test_after_giving_up_a_new_submission_takes_what_the_old_one_did(desk: Desk) -> None:
    upload = desk.uploaded()
    desk.control.cut_next("submitAudit", appid=desk.program.appid)
    first = desk.start_audit(upload)
    desk.run_jobs()
    with desk.session() as db:
        from saas.releases.submissions import fail_submission

        fail_submission(db, load_audit(db, first.id), TimeoutError())
    second = desk.start_audit(upload)
    desk.run_jobs(wait=30)
    assert desk.audit(first).status == AuditStatus.FAILED
    assert desk.audit(second).status == AuditStatus.IN_REVIEW
    assert desk.counts()["submitAudit"] == 1


def test_a_release_whose_answer_is_lost_is_not_repeated(desk: Desk) -> None:
    audit = desk.approved()
    desk.control.cut_next("release", appid=desk.program.appid)
    row = desk.release(audit)
    desk.run_jobs(wait=30)
    assert desk.reread_release(row).status == ReleaseStatus.DONE
    assert desk.counts()["release"] == 1


def test_a_release_made_elsewhere_meanwhile_is_done(desk: Desk) -> None:
    row = desk.released()
    with desk.session() as db:
        again = db.merge(desk.reread_release(row))
        again.status, again.sent_at, again.online_before = ReleaseStatus.QUEUED, None, ""
    with desk.session() as db:
        jobs.release(db, row.id, 1)
    assert desk.reread_release(row).status == ReleaseStatus.DONE
    assert desk.control.all_counts(appid=desk.program.appid)["refused"]["release"] == {"85052": 1}


def test_a_roll_back_whose_answer_is_lost_is_not_repeated(desk: Desk) -> None:
    from saas.programs.access import load_program
    from saas.releases import releasing

    desk.released("1.0.0")
    desk.released("1.1.0")
    desk.control.cut_next("revertCodeRelease", appid=desk.program.appid)
    with desk.session() as db:
        program = load_program(db, desk.program.id)
        (version,) = releasing.list_past_versions(db, program)
        row = releasing.roll_back(db, program, version, who=desk.alice)
    desk.run_jobs(wait=30)
    assert desk.reread_release(row).status == ReleaseStatus.DONE
    assert desk.state().online_version == "1.0.0"


def test_an_undo_whose_answer_is_lost_is_counted_once(desk: Desk) -> None:
    audit = desk.submitted()
    desk.control.cut_next("undoAudit", appid=desk.program.appid)
    with desk.session() as db:
        from saas.releases.access import get_audit

        program, row = get_audit(db, desk.alice, audit.id, Verb.WORK)
        undo.undo_audit(db, program, row, who=desk.alice)
    desk.run_jobs(wait=60)
    assert desk.audit(audit).status == AuditStatus.UNDONE
    assert desk.counts()["undoAudit"] == 1
    with desk.session() as db:
        assert undo.undo_chances(db, desk.program).day.used == 1


@pytest.mark.parametrize("kind", ["gettemplatelist", "addtotemplate"])
def test_a_draft_is_added_once_although_the_worker_died(desk: Desk, kind: str) -> None:
    operation = {"gettemplatelist": "getTemplateList", "addtotemplate": "addToTemplate"}[kind]
    desk.control.cut_next(operation)
    desk.control.add_draft(desk.component.appid, user_version="1.0.0")
    desk.sync()
    desk.run_jobs(wait=60)
    with desk.session() as db:
        from saas.components.access import load_component
        from saas.releases import templates

        component = load_component(db, desk.component.id)
        draft = templates.list_drafts(db, component)[0]
        desk.control.cut_next(operation)
        templates.add_draft(db, component, draft.draft_id, who=desk.alice)
    desk.run_jobs(wait=60)
    with desk.session() as db:
        template = templates.list_templates(db, desk.component.id)
    assert len(template) == 1
    assert desk.control.counts(component_appid=desk.component.appid)["addToTemplate"] == 1
