"""Uploads, audits and releases in the words of the screens: steps of running work, states and their colours."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _

from saas.releases.models import Audit, AuditStatus, Release, ReleaseKind, ReleaseStatus, Upload, UploadStatus

Step = dict[str, Any]


def upload_steps(upload: Upload) -> list[Step]:
    labels = [_("准备上传"), _("上传代码"), _("检测隐私接口"), _("可以提交审核")]
    if upload.scanned_at is not None:
        reached = 4
    elif upload.committed_at is not None:
        reached = 2
    else:
        reached = 1 if upload.sent_at is not None else 0
    return _steps(labels, reached, failed=upload.status == UploadStatus.FAILED)


def audit_steps(audit: Audit) -> list[Step]:
    labels = [_("准备提交"), _("提交给微信"), _("微信审核"), _("审核结果")]
    if audit.decided_at is not None:
        reached = 4
    elif audit.submitted_at is not None:
        reached = 2
    else:
        reached = 1 if audit.sent_at is not None else 0
    if audit.status == AuditStatus.REJECTED:
        return _steps(labels, 3, failed=True)
    return _steps(labels, reached, failed=audit.status == AuditStatus.FAILED)


def release_steps(release: Release) -> list[Step]:
    action = _("回退版本") if release.kind == ReleaseKind.ROLL_BACK else _("发布")
    done = release.status == ReleaseStatus.DONE
    reached = 3 if done else 1 if release.sent_at is not None else 0
    return _steps([_("核对线上版本"), action, _("确认已生效")], reached, failed=release.status == ReleaseStatus.FAILED)


def percent(steps: list[Step]) -> int:
    """How much of the way is done, for a progress bar; a step under way counts half."""
    points = sum(2 if step["state"] == "done" else 1 if step["state"] == "now" else 0 for step in steps)
    return round(100 * points / (2 * len(steps)))


def _steps(labels: list[str], reached: int, *, failed: bool) -> list[Step]:
    states = [
        "done" if number < reached else ("failed" if failed else "now") if number == reached else "todo"
        for number in range(len(labels))
    ]
    return [{"label": label, "state": state, "detail": ""} for label, state in zip(labels, states, strict=True)]


def upload_state(upload: Upload) -> tuple[str, str]:
    """The word and its colour."""
    words = {
        UploadStatus.QUEUED: (_("排队中"), "info"),
        UploadStatus.SENDING: (_("上传中"), "info"),
        UploadStatus.SCANNING: (_("隐私接口检测中"), "info"),
        UploadStatus.READY: (_("体验版"), "success"),
        UploadStatus.FAILED: (_("失败"), "danger"),
        UploadStatus.SUPERSEDED: (_("已被新版替换"), "secondary"),
    }
    return words[UploadStatus(upload.status)]


def audit_state(status: str) -> tuple[str, str]:
    """The word and its colour, for an audit's status; an empty one is "never"."""
    words = {
        AuditStatus.QUEUED: (_("排队中"), "info"),
        AuditStatus.SUBMITTING: (_("提交中"), "info"),
        AuditStatus.IN_REVIEW: (_("审核中"), "info"),
        AuditStatus.DELAYED: (_("审核延后"), "warning"),
        AuditStatus.APPROVED: (_("审核通过"), "success"),
        AuditStatus.REJECTED: (_("审核不通过"), "danger"),
        AuditStatus.UNDONE: (_("已撤回"), "secondary"),
        AuditStatus.FAILED: (_("没有提交成功"), "danger"),
    }
    return words[AuditStatus(status)] if status else (_("没有提交过"), "secondary")


def release_state(release: Release) -> tuple[str, str]:
    words = {
        ReleaseStatus.QUEUED: (_("排队中"), "info"),
        ReleaseStatus.SENDING: (_("进行中"), "info"),
        ReleaseStatus.DONE: (_("已生效"), "success"),
        ReleaseStatus.FAILED: (_("失败"), "danger"),
    }
    return words[ReleaseStatus(release.status)]


def release_kind(release: Release) -> str:
    return str(_("版本回退") if release.kind == ReleaseKind.ROLL_BACK else _("发布"))
