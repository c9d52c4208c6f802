"""A release that begins by itself when WeChat approves; pictures that answer a rejection."""

from __future__ import annotations

import pytest

from saas.errors import Conflict, Invalid
from saas.programs.access import load_program
from saas.releases import releasing
from saas.releases.access import load_audit
from saas.releases.models import Audit, UploadStatus
from saas.tenants import activity
from tests.releases.conftest import Desk

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 200


def submitted(desk: Desk, *, releases_itself: bool) -> Audit:
    audit = desk.start_audit(desk.uploaded(), releases_itself=releases_itself)
    desk.run_jobs()
    return desk.audit(audit)


def approve(desk: Desk, audit: Audit) -> None:
    desk.control.approve(audit.auditid, push=False)
    desk.hear("weapp_audit_success", SuccTime=1)
    desk.run_jobs(wait=10)


def set_automatic(desk: Desk, audit: Audit, *, on: bool) -> None:
    with desk.session() as db:
        row = load_audit(db, audit.id)
        releasing.set_automatic(db, load_program(db, desk.program.id), row, who=desk.alice, on=on)


def test_an_approved_version_releases_itself(desk: Desk) -> None:
    audit = submitted(desk, releases_itself=True)
    approve(desk, audit)
    assert desk.state().online_version == "1.0.0"
    desk.hear("weapp_audit_success", SuccTime=1)
    assert desk.counts()["release"] == 1


def test_the_wish_may_change_until_the_answer(desk: Desk) -> None:
    audit = submitted(desk, releases_itself=True)
    set_automatic(desk, audit, on=False)
    approve(desk, audit)
    assert "release" not in desk.counts()
    with pytest.raises(Conflict):
        set_automatic(desk, audit, on=True)


def test_a_refused_release_waits_for_people(desk: Desk) -> None:
    audit = submitted(desk, releases_itself=False)
    set_automatic(desk, audit, on=True)
    desk.control.fail_next("release", 85020)
    approve(desk, audit)
    assert desk.state().online_version == ""
    with desk.session() as db:
        verbs = [(row.verb, row.outcome) for row in activity.list_activities(db, object_id=desk.program.id, limit=50)]
    assert ("program.release", "failed") in verbs


def test_a_wished_release_waits_until_a_long_scan_is_over(desk: Desk) -> None:
    audit = submitted(desk, releases_itself=True)
    template = desk.template("1.1.0")
    desk.control.set_scan_seconds(3600)
    scanning = desk.start_upload(template, "1.1.0")
    approve(desk, audit)
    desk.run_jobs(wait=1200)
    assert desk.upload(scanning).status == UploadStatus.SCANNING
    assert "release" not in desk.counts()
    desk.run_jobs(wait=3600, limit=1000)
    assert desk.upload(scanning).status != UploadStatus.SCANNING
    assert desk.state().online_version == "1.0.0"


def test_a_wished_release_gives_way_to_a_newer_audit(desk: Desk) -> None:
    audit = desk.approved("1.0.0")
    desk.submitted("1.1.0")
    with desk.session() as db:
        row = load_audit(db, audit.id)
        row.releases_itself = True
        releasing.release_approved(db, row)
    desk.run_jobs()
    assert "release" not in desk.counts()
    with desk.session() as db:
        told = next(
            row for row in activity.list_activities(db, object_id=desk.program.id, limit=50) if row.outcome == "failed"
        )
    assert (told.verb, told.detail["version"]) == ("program.release", "1.0.0")


def test_pictures_answer_a_rejection(desk: Desk) -> None:
    audit = submitted(desk, releases_itself=False)
    desk.control.reject(audit.auditid, push=False)
    desk.hear("weapp_audit_fail", FailTime=1)
    upload = desk.uploaded("1.0.1")
    with pytest.raises(Invalid) as refused:
        desk.start_audit(upload, feedback="已修改", feedback_files=[("a.mp4", b"\0\0\0\0ftypmp42")])
    assert refused.value.field == "feedback_files"
    desk.start_audit(upload, feedback="已修改", feedback_files=[("a.png", PNG), ("b.png", PNG + b"1")])
    desk.run_jobs(wait=60)
    assert desk.counts()["uploadTempMedia"] == 2
    assert len(desk.control.audits(appid=desk.program.appid)) == 2
