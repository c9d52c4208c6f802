"""What is kept about a merchant, by groups, in the order of their page: for her to look at, to take with her, and for
the provider to delete when she asks. Nothing of another merchant is in it, also not of a mini program's earlier one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from saas.errors import N_
from saas.onboarding.fields import FORMS, Ground
from saas.onboarding.fields import Kind as AskKind
from saas.onboarding.models import Notice, Onboarding, OnboardingPart, Part
from saas.onboarding.saving import shown
from saas.programs.category_trees import all_categories
from saas.programs.certification_data import FIELDS as CERTIFICATION_FIELDS
from saas.programs.certification_data import PAPERS
from saas.programs.certification_data import masked as masked_certification
from saas.programs.certification_models import Certification
from saas.programs.filing_fields import BY_PATH, fields_of
from saas.programs.filing_forms import masked as masked_text
from saas.programs.filing_forms import shown_value
from saas.programs.filing_models import Filing
from saas.programs.filing_tables import load_tables
from saas.programs.models import Program
from saas.programs.registration_kinds import KINDS
from saas.programs.registration_models import Registration, RegistrationKind
from saas.tenants.access import Who
from saas.tenants.merchant_people import list_people
from saas.tenants.merchants import masked, masked_phone
from saas.tenants.models import Activity, Merchant, MerchantRole
from saas.wx.permissions import PermissionSet, permission_set


class Group(StrEnum):
    """What belongs together: for one purpose, and kept or deleted as a whole."""

    COMPANY = "company"
    CONTACT = "contact"
    ANSWERS = "answers"
    REGISTRATIONS = "registrations"
    CERTIFICATIONS = "certifications"
    FILINGS = "filings"
    AUTHORIZATIONS = "authorizations"
    PEOPLE = "people"
    MESSAGES = "messages"


@dataclass(frozen=True)
class Words:
    """Msgids: what it is called, and what it is kept for. `stays` is why it is kept although she wants it deleted."""

    title: str
    purpose: str
    stays: str = ""


GROUPS: Mapping[Group, Words] = {
    Group.COMPANY: Words(N_("公司和法人"), N_("注册小程序、微信认证和备案时填写主体。")),
    Group.CONTACT: Words(N_("联系人"), N_("服务商和您联系、给您发邀请和提醒。")),
    Group.ANSWERS: Words(N_("您填写的资料和照片"), N_("服务商审核后，用来注册、认证和备案。")),
    Group.REGISTRATIONS: Words(N_("小程序注册"), N_("请微信创建小程序，由法人或本人确认。")),
    Group.CERTIFICATIONS: Words(N_("微信认证资料"), N_("提交给微信，证明小程序的主体。")),
    Group.FILINGS: Words(N_("备案资料和证件照片"), N_("提交给微信和通信管理局办理备案。")),
    Group.AUTHORIZATIONS: Words(
        N_("小程序和授权"), N_("服务商凭授权代您管理小程序。"),
        N_("授权由您在微信里给出和收回，记录用来证明服务商什么时候可以操作。要收回，请在微信公众平台的“第三方服务”里取消。"),
    ),
    Group.PEOPLE: Words(
        N_("可以进来的人"), N_("登录、查看和办理。"),
        N_("账号属于各人自己。不再需要的人，可以请服务商移除。"),
    ),
    Group.MESSAGES: Words(N_("通知"), N_("告诉您审核、认证、备案的结果和要做的事。")),
}  # fmt: skip
ERASABLE = tuple(group for group, words in GROUPS.items() if not words.stays)


@dataclass(frozen=True)
class Line:
    """One value, whole and as screens show it. `label` is a msgid; so is the value where it `is_word` of ours.

    `moment` is what the value tells, for pages to say in their own way; `english` is for whom reads English.
    """

    name: str
    label: str
    value: str
    hidden: str
    is_word: bool = False
    moment: datetime | None = None
    english: str = ""


@dataclass(frozen=True)
class Paper:
    """A photo or another file that she gave; `label` is a msgid."""

    name: str
    label: str
    file_id: UUID


@dataclass(frozen=True)
class Entry:
    """One thing of a group; `heading` is a mini program's or person's name, or "" where there is only one thing.

    `heading_word` is a msgid that stands before it.
    """

    heading: str
    at: datetime | None
    lines: Sequence[Line]
    papers: Sequence[Paper] = field(default=())
    heading_word: str = ""


def entries_of(db: Session, merchant: Merchant, group: Group, *, who: Who, limit: int | None = None) -> list[Entry]:
    """What a group holds, the newest first; empty things are left out. The merchant came through her door before."""
    readers = {
        Group.COMPANY: _company, Group.CONTACT: _contact, Group.ANSWERS: _answers, Group.REGISTRATIONS: _registrations,
        Group.CERTIFICATIONS: _certifications, Group.FILINGS: _filings, Group.AUTHORIZATIONS: _authorizations,
        Group.MESSAGES: _messages,
    }  # fmt: skip
    if group is Group.PEOPLE:
        return _people(merchant, who)[:limit]
    return [one for one in readers[group](db, merchant, limit) if one.lines or one.papers]


def certifications_of(db: Session, merchant: Merchant) -> list[Certification]:
    """The certifications of her mini programs, since they are hers."""
    hers = programs_of(db, merchant)
    query = select(Certification).where(Certification.program_id.in_(hers)).order_by(Certification.id.desc())
    return [one for one in db.scalars(query) if hers[one.program_id].is_hers(one.created_at)]


def filings_of(db: Session, merchant: Merchant) -> list[Filing]:
    """The filings of her mini programs, since they are hers."""
    hers = programs_of(db, merchant)
    query = select(Filing).where(Filing.program_id.in_(hers)).order_by(Filing.id.desc())
    return [one for one in db.scalars(query) if hers[one.program_id].is_hers(one.created_at)]


@dataclass(frozen=True)
class Hers:
    """A mini program of hers. `since` is when she got it from another merchant."""

    name: str
    since: datetime | None

    def is_hers(self, moment: datetime) -> bool:
        return self.since is None or moment >= self.since


def programs_of(db: Session, merchant: Merchant) -> dict[UUID, Hers]:
    """Her mini programs by id. Two queries."""
    rows = db.execute(select(Program.id, Program.name, Program.appid).where(Program.merchant_id == merchant.id)).all()
    before = Activity.detail["before"].astext
    moved = select(Activity.object_id, func.max(Activity.created_at)).where(
        Activity.object_kind == Program.__tablename__, Activity.object_id.in_([row.id for row in rows]),
        Activity.verb == "program.assign", before != "", before != str(merchant.id),
    )  # fmt: skip
    since = {row[0]: row[1] for row in db.execute(moved.group_by(Activity.object_id))}
    return {row.id: Hers(row.name or row.appid, since.get(row.id)) for row in rows}


def _company(_db: Session, merchant: Merchant, _limit: int | None) -> list[Entry]:
    lines = [
        _plain("name", N_("商家名称"), merchant.name), _plain("company_name", N_("公司名称"), merchant.company_name),
        _plain("company_code", N_("企业代码"), merchant.company_code),
        Line("legal_name", N_("法人姓名"), merchant.legal_name, masked(merchant.legal_name)),
        Line("legal_wechat", N_("法人微信号"), merchant.legal_wechat, masked(merchant.legal_wechat)),
    ]  # fmt: skip
    return [Entry("", None, _told(lines))]


def _contact(_db: Session, merchant: Merchant, _limit: int | None) -> list[Entry]:
    email = merchant.contact_email
    lines = [
        Line("contact_name", N_("联系人"), merchant.contact_name, masked(merchant.contact_name)),
        Line("contact_phone", N_("联系电话"), merchant.contact_phone, masked_phone(merchant.contact_phone)),
        Line("contact_email", N_("联系邮箱"), email, masked_certification("contact_email", email)),
    ]
    return [Entry("", None, _told(lines))]


def _answers(db: Session, merchant: Merchant, limit: int | None) -> Iterator[Entry]:
    query = (
        select(OnboardingPart, Onboarding.program_id)
        .join(Onboarding, Onboarding.id == OnboardingPart.onboarding_id)
        .where(Onboarding.merchant_id == merchant.id)
        .order_by(OnboardingPart.id.desc())
        .limit(limit)
    )
    hers = programs_of(db, merchant)
    categories = {f"{one.first}-{one.second}": one for one in all_categories(db)}
    ground = Ground(load_tables(db), categories)
    for part, program_id in db.execute(query):
        form, values = FORMS[Part(part.key)], part.values
        asks = form.asks(values, ground)
        known = {ask.name for ask in asks}
        lines = [
            Line(ask.name, ask.label, shown(ask, values, whole=True), shown(ask, values),
                 is_word=ask.kind in (AskKind.CHOICE, AskKind.YES_NO))
            for ask in asks if not ask.is_file and values.get(ask.name)
        ]  # fmt: skip
        lines += [_unknown(name, value) for name, value in values.items() if name not in known]
        labels = {ask.name: ask.label for ask in asks}
        name = hers[program_id].name if program_id in hers else ""
        yield Entry(name, part.saved_at, _told(lines), _papers(part.files, labels), form.label)


def _registrations(db: Session, merchant: Merchant, limit: int | None) -> Iterator[Entry]:
    query = select(Registration).where(Registration.merchant_id == merchant.id)
    for row in db.scalars(query.order_by(Registration.id.desc()).limit(limit)):
        lines = [
            _plain("name", N_("名称"), row.name), _plain("company_code", N_("企业代码"), row.company_code),
            Line("person_name", N_("法人或本人姓名"), row.person_name, masked(row.person_name)),
            Line("person_wechat", N_("微信号"), row.person_wechat, masked(row.person_wechat)),
            Line("person_openid", N_("openid"), row.person_openid, masked(row.person_openid)),
        ]  # fmt: skip
        label = KINDS[RegistrationKind(row.kind)].label
        yield Entry("", row.created_at, _told(lines), heading_word=label)


def _certifications(db: Session, merchant: Merchant, limit: int | None) -> Iterator[Entry]:
    hers = programs_of(db, merchant)
    for row in certifications_of(db, merchant)[:limit]:
        lines = []
        for name, value in row.values.items():
            known = CERTIFICATION_FIELDS.get(name)
            if known is None:
                lines.append(_unknown(name, value))
            elif name not in _OF_PROVIDER:
                words = (known.choices or {}).get(value, value)
                lines.append(
                    Line(name, known.label, words, masked_certification(name, words), is_word=bool(known.choices))
                )
        yield Entry(hers[row.program_id].name, row.created_at, _told(lines), _papers(row.papers, PAPERS))


_OF_PROVIDER = ("service_appid", "third_party_phone")


def _filings(db: Session, merchant: Merchant, limit: int | None) -> Iterator[Entry]:
    hers, tables = programs_of(db, merchant), load_tables(db)
    labels = {path: one.label for path, one in BY_PATH.items()}
    for row in filings_of(db, merchant)[:limit]:
        values = row.values
        fields = [one for one in fields_of(values) if not one.is_file and values.get(one.path)]
        known = {one.path for one in fields}
        lines = [
            Line(one.path, one.label, shown_value(one, values, tables, whole=True), shown_value(one, values, tables),
                 is_word=one.kind in ("choice", "yes_no"))
            for one in fields
        ]  # fmt: skip
        lines += [_unknown(path, value) for path, value in values.items() if path not in known]
        if row.number:
            lines.append(_plain("number", N_("备案号"), row.number))
        yield Entry(hers[row.program_id].name, row.moved_at, _told(lines), _papers(row.files, labels))


def _authorizations(db: Session, merchant: Merchant, limit: int | None) -> Iterator[Entry]:
    query = select(Program).where(Program.merchant_id == merchant.id).order_by(Program.id.desc()).limit(limit)
    for row in db.scalars(query):
        lines = [
            _plain("name", N_("小程序名称"), row.name), _plain("appid", N_("AppID"), row.appid),
            _plain("introduction", N_("小程序介绍"), row.introduction),
            _moment("authorized_at", N_("授权时间"), row.authorized_at),
            _moment("unauthorized_at", N_("取消授权时间"), row.unauthorized_at),
            _permissions([permission_set(number) for number in row.permission_sets]),
        ]  # fmt: skip
        yield Entry(row.name or row.appid, None, _told(lines))


def _people(merchant: Merchant, who: Who) -> list[Entry]:
    return [
        Entry(
            one.name or one.email, one.joined_at,
            _told([
                Line("email", N_("邮箱或手机号"), one.email, masked_certification("contact_email", one.email)
                     if "@" in one.email else one.email),
                Line("role", N_("权限"), _ROLES[one.role], _ROLES[one.role], is_word=True),
            ]),
        )
        for one in list_people(who, merchant)
    ]  # fmt: skip


_ROLES = {MerchantRole.OWNER: N_("负责人"), MerchantRole.HELPER: N_("协作者")}


def _messages(db: Session, merchant: Merchant, limit: int | None) -> Iterator[Entry]:
    query = select(Notice).where(Notice.merchant_id == merchant.id).order_by(Notice.id.desc()).limit(limit)
    for row in db.scalars(query):
        title = str(row.detail.get("title") or _NOTICES.get(row.kind, row.kind))
        text = str(row.detail.get("text") or "")
        rest = " · ".join(str(row.detail[key]) for key in ("name", "version", "reason") if row.detail.get(key))
        lines = [Line("title", N_("通知"), title, title, is_word=True)]
        lines.append(Line("text", N_("内容"), text, text, is_word=True) if text else _plain("text", N_("内容"), rest))
        yield Entry("", row.created_at, _told(lines))


_NOTICES = {
    "program.audit.approved": N_("审核通过"), "program.audit.rejected": N_("审核不通过"),
    "program.certification.failed": N_("认证不通过"), "program.certification.passed": N_("认证通过"),
    "program.certification.sent_back": N_("认证被打回"), "program.certification.task_expired": N_("认证超时作废"),
    "program.filing.authority_rejected": N_("备案：管局退回"), "program.filing.cancelled": N_("备案已注销"),
    "program.filing.face": N_("备案：等管理员人脸核验"), "program.filing.filed": N_("备案完成"),
    "program.filing.platform_rejected": N_("备案：平台退回"), "program.filing.sms": N_("备案：等短信核验"),
    "program.lost": N_("授权凭证失效"), "program.name.approved": N_("名称审核通过"),
    "program.name.refused": N_("名称审核不通过"), "program.release.done": N_("发布完成"),
    "program.resume.done": N_("已恢复服务"), "program.roll_back.done": N_("版本回退完成"),
    "program.suspend.done": N_("已暂停服务"),
    "program.unauthorized": N_("商家取消授权"),
}  # fmt: skip
"""What the activity log calls what notices are made of."""


def _plain(name: str, label: str, value: str) -> Line:
    return Line(name, label, value, value)


def _unknown(name: str, value: Any) -> Line:
    """Something that no page asks for any more, for instance because another kind of subject was chosen."""
    text = "、".join(str(one) for one in value) if isinstance(value, list) else str(value or "")
    known = BY_PATH.get(name) or CERTIFICATION_FIELDS.get(name)
    return Line(name, known.label if known else name, text, masked_text(text) if text else "")


def _told(lines: Collection[Line]) -> list[Line]:
    return [line for line in lines if line.value]


def _papers(files: Mapping[str, Sequence[str]], labels: Mapping[str, str]) -> list[Paper]:
    return [Paper(name, labels.get(name, name), UUID(file_id)) for name, ids in files.items() for file_id in ids]


def _moment(name: str, label: str, moment: datetime | None) -> Line:
    text = moment.isoformat(timespec="minutes") if moment else ""
    return Line(name, label, text, text, moment=moment)


def _permissions(sets: Sequence[PermissionSet]) -> Line:
    text = "、".join(one.zh for one in sets)
    return Line("permission_sets", N_("授权的权限集"), text, text, english=", ".join(one.en for one in sets))
