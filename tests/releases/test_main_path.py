"""One mini program from draft to online, against the sandbox."""

from __future__ import annotations

from saas.releases.models import AuditStatus, ReleaseStatus, UploadStatus
from tests.releases.conftest import Desk


def test_a_draft_becomes_a_released_version(desk: Desk) -> None:
    upload = desk.uploaded()
    assert (upload.status, upload.error) == (UploadStatus.READY, "")
    assert upload.pages == ["pages/index/index", "pages/menu/menu", "pages/order/order", "pages/mine/mine"]
    assert upload.trial_qr_file_id is not None
    assert desk.state().trial_version == "1.0.0"
    assert desk.state().categories

    audit = desk.start_audit(upload)
    desk.run_jobs()
    audit = desk.audit(audit)
    assert (audit.status, audit.error) == (AuditStatus.IN_REVIEW, "")
    desk.control.approve(audit.auditid, push=False)
    desk.hear("weapp_audit_success", SuccTime=1)
    audit = desk.audit(audit)
    assert audit.status == AuditStatus.APPROVED

    row = desk.release(audit)
    desk.run_jobs()
    row = desk.reread_release(row)
    assert (row.status, row.error) == (ReleaseStatus.DONE, "")
    assert desk.state().online_version == "1.0.0"
    assert desk.state().visible is True
    counts = desk.counts()
    assert (counts["commit"], counts["submitAudit"], counts["release"]) == (1, 1, 1)
    assert [one for one in desk.control.mistakes() if "回调地址" not in one["example"]] == []
