"""What can be known before a submission without spending one of the provider's: the pre-audit check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Session

from saas.components.models import ComponentApp
from saas.errors import N_
from saas.programs.models import AuthorizationStatus, Program
from saas.releases.audits import running_audit
from saas.releases.models import CodeState, Upload, UploadStatus
from saas.wx.permissions import DEVELOPMENT


class Verdict(StrEnum):
    GOOD = "good"
    WARNING = "warning"
    BLOCKING = "blocking"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Check:
    """One line of the check list; texts are msgids, and so are the entries of a list among the params."""

    title: str
    verdict: Verdict
    text: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    at: datetime | None = None


def pre_audit_checks(
    db: Session,
    component: ComponentApp,
    program: Program,
    upload: Upload,
    state: CodeState | None,
    *,
    privacy_not_used: bool = False,
) -> list[Check]:
    """Everything that WeChat would refuse and that we can see from our own rows."""
    return [
        _authorization(program),
        _scan(upload, privacy_not_used=privacy_not_used),
        _profile(program),
        _categories(state),
        _other_audit(db, program),
        _quota(component),
    ]


def blocking(checks: list[Check]) -> Check | None:
    return next((check for check in checks if check.verdict is Verdict.BLOCKING), None)


def _authorization(program: Program) -> Check:
    title = N_("授权有效")
    if program.authorization != AuthorizationStatus.AUTHORIZED:
        return Check(title, Verdict.BLOCKING, N_("商家没有授权，请先让商家重新授权"))
    if program.permission_sets and DEVELOPMENT not in program.permission_sets:
        text = N_("商家的授权里没有“开发管理与数据分析”权限，请让商家重新授权并勾选它")
        return Check(title, Verdict.BLOCKING, text)
    return Check(title, Verdict.GOOD)


def _scan(upload: Upload, *, privacy_not_used: bool) -> Check:
    title = N_("隐私接口检测")
    if upload.status == UploadStatus.SUPERSEDED:
        return Check(title, Verdict.BLOCKING, N_("这一版已被更新的上传替换，请提交最新的一版"))
    if upload.status != UploadStatus.READY:
        return Check(title, Verdict.BLOCKING, N_("代码还没有上传并检测完成"))
    found = [*upload.scan_result.get("without_auth", []), *upload.scan_result.get("without_conf", [])]
    if not found:
        return Check(title, Verdict.GOOD, at=upload.scanned_at)
    params = {"names": "、".join(dict.fromkeys(found))}
    if privacy_not_used:
        return Check(title, Verdict.WARNING, N_("已声明这一版不使用：%(names)s"), params)
    text = N_("代码用到了没有权限或没有声明的接口：%(names)s。请补上后重新上传，或声明这一版不使用它们。")
    return Check(title, Verdict.BLOCKING, text, params)


def _profile(program: Program) -> Check:
    title = N_("名称、头像、介绍已设置")
    if program.profile_read_at is None:
        return Check(title, Verdict.UNKNOWN, N_("还没有读到小程序的资料"))
    missing = [
        name
        for name, value in (
            (N_("名称"), program.name),
            (N_("头像"), program.avatar_url),
            (N_("介绍"), program.introduction),
        )
        if not value
    ]
    if not missing:
        return Check(title, Verdict.GOOD, at=program.profile_read_at)
    text = N_("缺少%(names)s，微信会拒绝提交；如果刚刚补上，请先刷新资料")
    return Check(title, Verdict.WARNING, text, {"names": missing}, program.profile_read_at)


def _categories(state: CodeState | None) -> Check:
    title = N_("有可用的服务类目")
    if state is None or state.categories_read_at is None:
        return Check(title, Verdict.BLOCKING, N_("还没有读到服务类目，请先刷新状态"))
    if not state.categories:
        text = N_("小程序没有审核通过的服务类目，请先在微信公众平台添加，再刷新状态")
        return Check(title, Verdict.BLOCKING, text, at=state.categories_read_at)
    return Check(title, Verdict.GOOD, at=state.categories_read_at)


def _other_audit(db: Session, program: Program) -> Check:
    title = N_("没有正在审核的版本")
    running = running_audit(db, program)
    if running is None:
        return Check(title, Verdict.GOOD)
    text = N_("版本 %(version)s 正在审核，请等它结束，或先撤回")
    return Check(title, Verdict.BLOCKING, text, {"version": running.user_version})


def _quota(component: ComponentApp) -> Check:
    title = N_("本月提审额度")
    if component.audit_quota_rest is None:
        return Check(title, Verdict.UNKNOWN, N_("还没有读到额度；提交前系统会先查询，不够就不提交"))
    params = {"rest": component.audit_quota_rest, "limit": component.audit_quota_limit or 0}
    if component.audit_quota_rest <= 0:
        text = N_("本月额度已用完（共 %(limit)s 次），下月恢复")
        return Check(title, Verdict.BLOCKING, text, params, component.quota_read_at)
    return Check(title, Verdict.GOOD, N_("还剩 %(rest)s 次，共 %(limit)s 次"), params, component.quota_read_at)
