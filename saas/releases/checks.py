"""What can be known before a submission without spending one of the provider's: the pre-audit check.

Everything comes from our own rows, for one mini program or for a page of them in a handful of queries.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from saas.components.budgets import Budget, left_in_bulk
from saas.components.models import ComponentApp
from saas.errors import N_
from saas.programs.models import AuthorizationStatus, Program, ProgramDomain, ProgramStep
from saas.programs.privacy_guides import label_of
from saas.programs.privacy_models import OrderPage, ProgramPrivacy
from saas.programs.standing import steps_of
from saas.programs.words import Step, Turn, Word
from saas.releases.audits import RUNNING
from saas.releases.ext_json import missing_pages
from saas.releases.models import Audit, CodeState, Upload, UploadStatus
from saas.wx.permissions import DEVELOPMENT

QUOTA = N_("本月提审额度")
"""The title of the line about the component app's own submissions."""
_UNDOS = ("undo_audit_day", "undo_audit_month")
_UNDOS_LEFT = {
    ("day", "month"): N_("今天还能撤回 %(day)s 次，本月 %(month)s 次"),
    ("day",): N_("今天还能撤回 %(day)s 次"),
    ("month",): N_("本月还能撤回 %(month)s 次"),
    (): "",
}


class Verdict(StrEnum):
    GOOD = "good"
    WARNING = "warning"
    BLOCKING = "blocking"
    UNKNOWN = "unknown"


class Repair(StrEnum):
    """Where a line is put right."""

    NONE = ""
    AUTHORIZE = "authorize"
    UPLOAD = "upload"
    TEMPLATE = "template"
    PROFILE = "profile"
    CATEGORIES = "categories"
    DOMAINS = "domains"
    PRIVACY = "privacy"
    CERTIFY = "certify"
    FILE = "file"
    AUDIT = "audit"
    REFRESH = "refresh"


@dataclass(frozen=True)
class Check:
    """One line of the check list; texts are msgids, and so are the entries of a list among the params.

    `waivable`: the submission can declare that it does not matter, or has done so.
    """

    title: str
    verdict: Verdict
    text: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    at: datetime | None = None
    repair: Repair = Repair.NONE
    waivable: bool = False

    @property
    def is_good(self) -> bool:
        return self.verdict is Verdict.GOOD


@dataclass(frozen=True)
class Facts:
    """What is known about one mini program. `upload` is the trial version's; None when there is none of ours.

    `undos` are its withdrawals left, today and this month.
    """

    program: Program
    component: ComponentApp
    upload: Upload | None = None
    state: CodeState | None = None
    audit: Audit | None = None
    steps: Mapping[Step, ProgramStep] = field(default_factory=dict)
    domains: tuple[ProgramDomain, ...] = ()
    privacy: ProgramPrivacy | None = None
    order_page: OrderPage | None = None
    undos: tuple[Budget, ...] = ()
    privacy_not_used: bool = False
    order_path: str = ""


def pre_audit_checks(
    db: Session, component: ComponentApp, program: Program, upload: Upload | None, state: CodeState | None, *,
    privacy_not_used: bool = False, order_path: str = "",
) -> list[Check]:  # fmt: skip
    """Everything that WeChat would refuse and that we can see from our own rows."""
    (facts,) = _gather(db, [program], {component.id: component})
    facts = replace(facts, upload=upload, state=state, privacy_not_used=privacy_not_used, order_path=order_path)
    return check(facts)


def check_programs(db: Session, program_ids: Collection[UUID]) -> list[tuple[Facts, list[Check]]]:
    """Each of these mini programs with the lines that fail; those with the most first."""
    programs = list(db.scalars(select(Program).where(Program.id.in_(program_ids))))
    owners = {program.component_id for program in programs}
    components = db.scalars(select(ComponentApp).where(ComponentApp.id.in_(owners)))
    found = _gather(db, programs, {component.id: component for component in components})
    rows = [(facts, failing(check(facts))) for facts in found]
    return sorted(rows, key=lambda row: (-len(row[1]), row[0].program.name))


def _gather(
    db: Session, programs: Collection[Program], components: Mapping[UUID, ComponentApp]
) -> list[Facts]:  # fmt: skip
    """What the checks look at, in a handful of queries."""
    ids = [program.id for program in programs]
    newest = (
        select(Upload)
        .where(Upload.program_id.in_(ids), Upload.status.in_((UploadStatus.SCANNING, UploadStatus.READY)))
        .ext(distinct_on(Upload.program_id))
        .order_by(Upload.program_id, Upload.id.desc())
    )
    uploads = {row.program_id: row for row in db.scalars(newest)}
    states = {row.program_id: row for row in db.scalars(select(CodeState).where(CodeState.program_id.in_(ids)))}
    running = select(Audit).where(Audit.program_id.in_(ids), Audit.status.in_(RUNNING))
    audits = {row.program_id: row for row in db.scalars(running)}
    domains: dict[UUID, list[ProgramDomain]] = {one: [] for one in ids}
    for row in db.scalars(select(ProgramDomain).where(ProgramDomain.program_id.in_(ids))):
        domains[row.program_id].append(row)
    privacy = {
        row.program_id: row for row in db.scalars(select(ProgramPrivacy).where(ProgramPrivacy.program_id.in_(ids)))
    }
    orders = {row.program_id: row for row in db.scalars(select(OrderPage).where(OrderPage.program_id.in_(ids)))}
    steps, budgets = steps_of(db, ids), left_in_bulk(db, programs, _UNDOS)
    return [
        Facts(
            program, components[program.component_id], uploads.get(program.id), states.get(program.id),
            audits.get(program.id), {Step(row.step): row for row in steps[program.id]}, tuple(domains[program.id]),
            privacy.get(program.id), orders.get(program.id), tuple(budgets[program.id, name] for name in _UNDOS),
        )
        for program in programs
    ]  # fmt: skip


def check(facts: Facts) -> list[Check]:
    """The check list, in the order in which things are put right."""
    return [
        _authorization(facts.program),
        _profile(facts.program),
        _categories(facts),
        _certification(facts.steps.get(Step.CERTIFY)),
        _filing(facts.steps.get(Step.FILE)),
        _domains(facts),
        _code(facts.upload),
        _permitted(facts),
        _declared(facts),
        _guide(facts),
        _pages(facts.upload),
        _order_path(facts),
        _other_audit(facts.audit),
        _quota(facts.component),
        _undos(facts.undos),
    ]


def blocking(checks: Iterable[Check]) -> Check | None:
    return next((one for one in checks if one.verdict is Verdict.BLOCKING), None)


def failing(checks: Iterable[Check]) -> list[Check]:
    """The lines that somebody should put right, the worst first."""
    wrong = [one for one in checks if one.verdict in (Verdict.BLOCKING, Verdict.WARNING)]
    return sorted(wrong, key=lambda one: one.verdict is not Verdict.BLOCKING)


def _authorization(program: Program) -> Check:
    title = N_("授权有效，权限齐全")
    if program.authorization != AuthorizationStatus.AUTHORIZED:
        text = N_("商家没有授权，请先让商家重新授权")
        return Check(title, Verdict.BLOCKING, text, repair=Repair.AUTHORIZE)
    if program.permission_sets and DEVELOPMENT not in program.permission_sets:
        text = N_("商家的授权里没有“开发管理与数据分析”权限，请让商家重新授权并勾选它")
        return Check(title, Verdict.BLOCKING, text, repair=Repair.AUTHORIZE)
    return Check(title, Verdict.GOOD)


def _profile(program: Program) -> Check:
    title = N_("名称、头像、介绍已设置")
    if program.profile_read_at is None:
        return Check(title, Verdict.UNKNOWN, N_("还没有读到小程序的资料"), repair=Repair.PROFILE)
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
    return Check(title, Verdict.WARNING, text, {"names": missing}, program.profile_read_at, Repair.PROFILE)


def _categories(facts: Facts) -> Check:
    title, state = N_("有可用的服务类目"), facts.state
    if state is None or state.categories_read_at is None:
        text = N_("还没有读到服务类目，请先刷新状态")
        return Check(title, Verdict.BLOCKING, text, repair=Repair.REFRESH)
    if not state.categories:
        text = N_("小程序没有审核通过的服务类目，请先添加，审核通过后刷新状态")
        return Check(title, Verdict.BLOCKING, text, at=state.categories_read_at, repair=Repair.CATEGORIES)
    step = facts.steps.get(Step.CATEGORIES)
    if step is not None and step.turn != Turn.NOBODY:
        return Check(
            title, Verdict.WARNING, N_("还有类目没有通过：%(word)s；只有已通过的能用于提交"),
            {"word": [Word(step.word).label]}, state.categories_read_at, Repair.CATEGORIES,
        )  # fmt: skip
    return Check(title, Verdict.GOOD, at=state.categories_read_at)


def _certification(step: ProgramStep | None) -> Check:
    title = N_("认证")
    if step is None:
        return Check(title, Verdict.UNKNOWN, N_("还没有读到认证状态"), repair=Repair.CERTIFY)
    if step.word in (Word.CERTIFIED, Word.CERTIFICATE_ENDING):
        return Check(title, Verdict.GOOD)
    text = N_("%(word)s；没有认证的小程序，微信可能限制类目、接口和搜索")
    return Check(title, Verdict.WARNING, text, {"word": [Word(step.word).label]}, repair=Repair.CERTIFY)


def _filing(step: ProgramStep | None) -> Check:
    title = N_("备案")
    if step is None:
        return Check(title, Verdict.UNKNOWN, N_("还没有读到备案状态；没有备案的小程序不能上线"), repair=Repair.FILE)
    if step.word == Word.FILED:
        return Check(title, Verdict.GOOD)
    text = N_("%(word)s；备案完成之前，小程序不能上线")
    return Check(title, Verdict.WARNING, text, {"word": [Word(step.word).label]}, repair=Repair.FILE)


def _domains(facts: Facts) -> Check:
    title, program = N_("域名会生效"), facts.program
    if program.domains_read_at is None:
        return Check(title, Verdict.UNKNOWN, N_("还没有读过域名"), repair=Repair.DOMAINS)
    wrong = [row.address for row in facts.domains if row.wished and not row.effective]
    if not wrong:
        return Check(title, Verdict.GOOD, at=program.domains_read_at)
    text = N_("发布后不会生效：%(names)s")
    return Check(title, Verdict.WARNING, text, {"names": _some(wrong)}, program.domains_read_at, Repair.DOMAINS)


def _code(upload: Upload | None) -> Check:
    title = N_("代码已上传，隐私接口检测完成")
    if upload is None:
        return Check(title, Verdict.BLOCKING, N_("还没有上传代码，请先上传"), repair=Repair.UPLOAD)
    if upload.status == UploadStatus.SUPERSEDED:
        text = N_("这一版已被更新的上传替换，请提交最新的一版")
        return Check(title, Verdict.BLOCKING, text, repair=Repair.UPLOAD)
    if upload.status != UploadStatus.READY:
        return Check(title, Verdict.BLOCKING, N_("代码还没有上传并检测完成"), repair=Repair.UPLOAD)
    return Check(title, Verdict.GOOD, at=upload.scanned_at)


def _permitted(facts: Facts) -> Check:
    return _interfaces(
        facts, "without_auth", N_("隐私接口有权限"), Repair.PRIVACY,
        N_("代码用到了没有权限的接口：%(names)s。请先申请，或声明这一版不使用它们。"),
    )  # fmt: skip


def _declared(facts: Facts) -> Check:
    return _interfaces(
        facts, "without_conf", N_("隐私接口已声明"), Repair.TEMPLATE,
        N_("代码用到了没有声明的接口：%(names)s。请写进 requiredPrivateInfos 后重新上传，或声明这一版不使用它们。"),
    )  # fmt: skip


def _interfaces(facts: Facts, kind: str, title: str, repair: Repair, text: str) -> Check:
    if facts.upload is None or facts.upload.scanned_at is None:
        return Check(title, Verdict.UNKNOWN, N_("上传代码后才知道"))
    listed, at = facts.upload.scan_result.get(kind, []), facts.upload.scanned_at
    if (read := _read_since(facts)) is not None:  # WeChat has granted interfaces meanwhile, or taken them away
        listed, at = read.lacking if kind == "without_auth" else read.undeclared, read.read_at or at
    found = list(dict.fromkeys(listed))
    if not found:
        return Check(title, Verdict.GOOD, at=at)
    params = {"names": "、".join(found)}
    if facts.privacy_not_used:
        return Check(title, Verdict.WARNING, N_("已声明这一版不使用：%(names)s"), params, at, repair, waivable=True)
    return Check(title, Verdict.BLOCKING, text, params, at, repair, waivable=True)


def _guide(facts: Facts) -> Check:
    title, known = N_("隐私指引说明了代码收集的信息"), _read_since(facts)
    if facts.upload is None or facts.upload.scanned_at is None:
        return Check(title, Verdict.UNKNOWN, N_("上传代码后才知道"))
    if known is None:
        return Check(title, Verdict.UNKNOWN, N_("这一版代码还没有和隐私指引比较过"), repair=Repair.PRIVACY)
    if not known.missing:
        return Check(title, Verdict.GOOD, at=known.read_at)
    text = N_("指引没有说明：%(names)s；审核员会因此驳回，请补充后再提交")
    names = [label_of(key) for key in known.missing]
    return Check(title, Verdict.WARNING, text, {"names": names}, known.read_at, Repair.PRIVACY)


def _read_since(facts: Facts) -> ProgramPrivacy | None:
    """What WeChat told about the privacy of this very code; None when it was not asked since the scan."""
    known, upload = facts.privacy, facts.upload
    if known is None or known.read_at is None or upload is None or upload.scanned_at is None:
        return None
    return known if known.read_at >= upload.scanned_at and not known.scanning else None


def _pages(upload: Upload | None) -> Check:
    title = N_("ext_json 里的页面都存在")
    if upload is None or not upload.pages:
        return Check(title, Verdict.UNKNOWN, N_("还没有读到代码的页面"))
    missing = missing_pages(upload.ext_json, upload.pages)
    if not missing:
        return Check(title, Verdict.GOOD)
    text = N_("代码里没有这些页面：%(names)s")
    return Check(title, Verdict.WARNING, text, {"names": _some(missing)}, repair=Repair.TEMPLATE)


def _order_path(facts: Facts) -> Check:
    title = N_("订单中心页面")
    if not facts.order_path:
        set_page = facts.order_page.online_path if facts.order_page else ""
        if set_page:
            return Check(title, Verdict.GOOD, N_("这次没有填写，沿用已生效的 %(page)s"), {"page": set_page})
        return Check(title, Verdict.GOOD, N_("没有填写；有交易的小程序需要填写"))
    pages = facts.upload.pages if facts.upload else []
    if pages and facts.order_path.partition("?")[0] not in pages:
        return Check(title, Verdict.BLOCKING, N_("这一版代码里没有页面 %(page)s"), {"page": facts.order_path})
    return Check(title, Verdict.GOOD)


def _other_audit(running: Audit | None) -> Check:
    title = N_("没有正在审核的版本")
    if running is None:
        return Check(title, Verdict.GOOD)
    text = N_("版本 %(version)s 正在审核，请等它结束，或先撤回")
    return Check(title, Verdict.BLOCKING, text, {"version": running.user_version}, repair=Repair.AUDIT)


def _quota(component: ComponentApp) -> Check:
    title = QUOTA
    if component.audit_quota_rest is None:
        return Check(title, Verdict.UNKNOWN, N_("还没有读到额度；提交前系统会先查询，不够就不提交"))
    params = {"rest": component.audit_quota_rest, "limit": component.audit_quota_limit or 0}
    if component.audit_quota_rest <= 0:
        text = N_("本月额度已用完（共 %(limit)s 次），下月恢复")
        return Check(title, Verdict.BLOCKING, text, params, component.quota_read_at)
    return Check(title, Verdict.GOOD, N_("还剩 %(rest)s 次，共 %(limit)s 次"), params, component.quota_read_at)


def _undos(budgets: tuple[Budget, ...]) -> Check:
    title = N_("提交后还能撤回")
    left = {
        name: one.left
        for name, one in zip(("day", "month"), budgets, strict=True)
        if one.holds and one.left is not None
    }
    if 0 in left.values():
        return Check(title, Verdict.WARNING, N_("撤回次数已用完，这次提交后不能撤回"))
    return Check(title, Verdict.GOOD, _UNDOS_LEFT[tuple(left)], left)


def _some(names: list[str]) -> str:
    """Few enough for one line."""
    return "、".join(names[:5]) + ("…" if len(names) > 5 else "")
