"""Registrations of mini programs: the case, its facts checked before anything is sent, and sending it.

What becomes of a case that was sent is in `saas.programs.registration_results`.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from saas import clock
from saas.batches.models import Batch, BatchItem, ItemStatus
from saas.batches.progress import newest_item_of_each, open_item
from saas.batches.starting import Subject, start_batch, start_one
from saas.batches.steps import Skipped, step
from saas.components.access import load_component
from saas.components.budgets import Budget, left_of
from saas.components.models import ComponentApp, ComponentStatus
from saas.components.wechat import wechat
from saas.db import settle
from saas.errors import N_, Conflict, Invalid
from saas.failures import clear_failure, explain_failure
from saas.programs import registration_results as results
from saas.programs.access import load_program, load_registration, program_by_appid
from saas.programs.models import AuthorizationStatus, Program
from saas.programs.registration_checks import check_fact
from saas.programs.registration_kinds import KINDS, Sent, kind_of
from saas.programs.registration_models import Registration, RegistrationKind, RegistrationStatus
from saas.programs.registration_trials import is_trial
from saas.queue import Later, pause
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require
from saas.tenants.branding import brand_of
from saas.tenants.letters import send_letter
from saas.tenants.merchants import load_merchant
from saas.tenants.models import Merchant
from saas.tenants.providers import own_provider
from saas.wx.errors import CallFailed
from saas.wx.limits import ZONE

SEND = "saas.programs.registration.send"
REGISTER_COMPANY = "saas.programs.registration.register_company"
QUICK_REGISTRATION = 27
"""The permission set with which an official account lends its subject."""
_ATTEMPTS = 5
_LIFE = timedelta(hours=24)
_OTHER_STEP = 3.0

_HIDDEN = ("person_name", "person_wechat", "person_openid")


@dataclass(frozen=True)
class RegistrationData:
    """What a form says. None keeps what is stored of what screens never show whole."""

    name: str = ""
    company_code: str = ""
    component_phone: str = ""
    person_name: str | None = None
    person_wechat: str | None = None
    person_openid: str | None = None
    offiaccount_appid: str = ""
    copies_verification: bool = False


def suggest(db: Session, component: ComponentApp, merchant: Merchant, kind: RegistrationKind) -> RegistrationData:
    """What is known already: the merchant's subject, and the phone of the case before."""
    phone = db.scalar(
        select(Registration.component_phone)
        .where(Registration.component_id == component.id, Registration.component_phone != "")
        .order_by(Registration.id.desc())
        .limit(1)
    )
    return RegistrationData(
        name="" if kind is RegistrationKind.TRIAL else merchant.company_name,
        company_code=merchant.company_code, component_phone=phone or "", person_name=merchant.legal_name,
        person_wechat=merchant.legal_wechat,
    )  # fmt: skip


def add_registration(
    db: Session, component: ComponentApp, merchant: Merchant, kind: RegistrationKind, data: RegistrationData, *,
    who: Who, program: Program | None = None,
) -> Registration:  # fmt: skip
    """Open a case; raises Invalid naming the field. `program` is the trial that is to be converted, or the mini
    program that was prepared here and gets its AppID by the registration.
    """
    require(who, Verb.WORK)
    if merchant.archived_at is not None:
        raise Conflict(N_("该商家已归档"))
    if KINDS[kind].of_trial and (program is None or not is_trial(db, program)):
        raise Conflict(N_("只有试用小程序才能转正"))
    if program is not None and program.appid and not KINDS[kind].of_trial:
        raise Conflict(N_("这个小程序已经注册了"))
    case = Registration(
        provider_id=who.provider_id, kind=kind, component_id=component.id, merchant_id=merchant.id,
        program_id=program.id if program else None, created_by_name=who.name,
    )  # fmt: skip
    _write(db, case, merchant, data)
    db.add(case)
    db.flush()
    activity.record(db, who, "registration.add", case, detail={"kind": kind.value})
    return case


def edit_registration(db: Session, case: Registration, data: RegistrationData, *, who: Who) -> None:
    """Change the facts before sending (again); the log names the fields that changed, never their values."""
    require(who, Verb.WORK)
    db.refresh(case, with_for_update=True)
    if not RegistrationStatus(case.status).is_editable or _is_queued(db, case):
        raise Conflict(N_("注册已经提交，等有结果后才能修改"))
    _change(db, case, data, who=who)


def start_registration(db: Session, case: Registration, *, who: Who) -> BatchItem:
    """Have the case sent to WeChat, for the first time or again. Raises Conflict where that would be in vain."""
    if text := hindrance(db, case):
        raise Conflict(text)
    item = start_one(db, SEND, Subject(case.id, case.name), who=who)
    if _open_company_item(db, case):
        raise Conflict(_QUEUED)
    activity.record(db, who, "registration.send", case)
    return item


def start_registrations(db: Session, cases: Collection[Registration], *, who: Who) -> Batch:
    """Have several cases sent; those that cannot be sent are left out. Raises Invalid when none can."""
    require(who, Verb.WORK)
    hindrances = {one.id: hindrance(db, one) for one in cases}
    sendable = [one for one in cases if not hindrances[one.id] and not _is_queued(db, one)]
    if not sendable:
        texts = {text or _QUEUED for text in hindrances.values()}
        raise Invalid(texts.pop() if len(texts) == 1 else N_("选中的注册都不能提交：已在进行或已经结束"))
    for one in sendable:
        activity.record(db, who, "registration.send", one)
    return start_batch(db, SEND, [Subject(one.id, one.name) for one in sendable], who=who)


def cancel_registration(db: Session, case: Registration, *, who: Who) -> None:
    """Drop the case here. WeChat's link lives on: whoever confirms it still gets the mini program, and we see it."""
    require(who, Verb.WORK)
    db.refresh(case, with_for_update=True)
    if _is_queued(db, case) or not results.move(db, case, RegistrationStatus.CANCELLED):
        raise Conflict(N_("这个注册现在不能取消"))
    activity.record(db, who, "registration.cancel", case)


def mail_links(db: Session, cases: Collection[Registration], *, who: Who) -> int:
    """Mail the links of several cases to their merchants; says how many, for those without link or address are left
    out. Raises Conflict when none can be mailed.
    """
    mailed = 0
    for case in cases:
        with suppress(Conflict):
            mail_link(db, case, who=who)
            mailed += 1
    if not mailed:
        raise Conflict(N_("选中的注册都没有可以发送的链接，或商家没有联系邮箱"))
    return mailed


def mail_link(db: Session, case: Registration, *, who: Who) -> None:
    """Mail the link to the merchant's contact, who hands it on to the person."""
    require(who, Verb.WORK)
    merchant = load_merchant(db, case.merchant_id)
    until = case.expires_at if case.link and RegistrationStatus(case.status).is_open else None
    if until is None or until <= clock.now():
        raise Conflict(N_("现在没有可以发送的链接"))
    if not merchant.contact_email:
        raise Conflict(N_("商家资料里没有联系邮箱，请先补上"))
    brand = brand_of(own_provider(db))
    send_letter(
        db, "registration_link", to=merchant.contact_email, provider_id=who.provider_id, brand=brand, name=case.name,
        provider=brand.name, due=f"{until.astimezone(ZONE):%Y-%m-%d %H:%M}", link=case.link,
    )  # fmt: skip
    activity.record(db, who, "registration.mail", case)


def reveal_person(db: Session, case: Registration, *, who: Who) -> dict[str, str]:
    """The person's whole name, WeChat id and openid; every look is recorded."""
    require(who, Verb.WORK)
    activity.record(db, who, "registration.person.view", case)
    return {name: getattr(case, name) for name in _HIDDEN}


def budget_of(db: Session, case: Registration) -> Budget | None:
    """What WeChat still allows for this case's person or official account, where it counts."""
    kind = kind_of(case)
    value = case.offiaccount_appid or case.person_wechat
    if not kind.limit or not value:
        return None
    return left_of(db, load_component(db, case.component_id), kind.limit, value)


def find_registrations(
    db: Session, *, status: str = "", kind: str = "", text: str = "", merchant_id: UUID | None = None,
    before: UUID | None = None, limit: int = 50,
) -> list[Registration]:  # fmt: skip
    """The provider's cases, newest first; `status` "running" stands for all that are under way."""
    query = select(Registration).order_by(Registration.id.desc()).limit(limit)
    if status == RUNNING:
        query = query.where(Registration.status.in_(_RUNNING))
    elif status:
        query = query.where(Registration.status == status)
    if kind:
        query = query.where(Registration.kind == kind)
    if merchant_id is not None:
        query = query.where(Registration.merchant_id == merchant_id)
    if text:
        named = Registration.name.icontains(text, autoescape=True)
        query = query.where(or_(named, Registration.company_code == text.upper()))
    return list(db.scalars(query if before is None else query.where(Registration.id < before)))


def registrations_of(db: Session, program: Program) -> list[Registration]:
    """The cases that led to this mini program or are to convert it, newest first."""
    query = select(Registration).where(Registration.program_id == program.id)
    return list(db.scalars(query.order_by(Registration.id.desc()).limit(50)))


def newest_registration(db: Session, program: Program) -> Registration | None:
    """The case of this mini program that was opened last."""
    return next(iter(registrations_of(db, program)), None)


def merchant_names(db: Session, cases: Collection[Registration]) -> dict[UUID, str]:
    """The names of their merchants; one query."""
    query = select(Merchant.id, Merchant.name).where(Merchant.id.in_({case.merchant_id for case in cases}))
    return {row.id: row.name for row in db.execute(query)}


def waiting_to_be_sent(db: Session, cases: Collection[Registration]) -> set[UUID]:
    """Those of these cases that wait for their turn in a batch."""
    items = newest_item_of_each(db, [case.id for case in cases], SEND)
    return {case_id for case_id, item in items.items() if item.is_open}


def select_registrations(db: Session, ids: Collection[UUID]) -> list[Registration]:
    """Those of these ids that are the provider's, in the order in which they were opened."""
    return list(db.scalars(select(Registration).where(Registration.id.in_(ids)).order_by(Registration.id)))


def count_running(db: Session) -> int:
    """How many cases are under way, for the link on the list of mini programs."""
    query = select(func.count()).select_from(Registration).where(Registration.status.in_(_RUNNING))
    return db.scalar(query) or 0


RUNNING = "running"
_RUNNING = (RegistrationStatus.SENDING, RegistrationStatus.WAITING_PERSON, RegistrationStatus.CHECKING)


@step(label=N_("提交注册"), attempts=_ATTEMPTS)
def send(db: Session, item: BatchItem) -> None:
    """Ends with a link that a person has to open."""
    _send(db, item, load_registration(db, item.subject_id))


@step(label=N_("注册企业小程序"), attempts=_ATTEMPTS)
def register_company(db: Session, item: BatchItem) -> dict[str, Any]:
    """`send` for a mini program that was prepared here: its case, opened if there is none, says what its merchant's
    data say now.

    Takes `component_phone`.
    """
    program = load_program(db, item.subject_id)
    case = newest_registration(db, program)
    if case is None or case.status in (RegistrationStatus.DONE, RegistrationStatus.CANCELLED):
        if program.merchant_id is None:
            raise Conflict(N_("这个小程序还没有商家，请先指定"))
        merchant, component = load_merchant(db, program.merchant_id), load_component(db, program.component_id)
        data = suggest(db, component, merchant, RegistrationKind.ENTERPRISE)
        phone = item.input.get("component_phone") or data.component_phone
        case = add_registration(
            db, component, merchant, RegistrationKind.ENTERPRISE, replace(data, component_phone=phone),
            who=item.starter, program=program,
        )  # fmt: skip
    elif case.kind != RegistrationKind.ENTERPRISE:
        raise Conflict(N_("这个小程序已有另一种方式的注册，请先取消它"))
    _send(db, item, case, _known_now(db, item, case))
    return {"registration": str(case.id)}


def _known_now(db: Session, item: BatchItem, case: Registration) -> RegistrationData:
    """What the case should say by what was typed and what its merchant's data say; what neither says stays."""
    merchant, component = load_merchant(db, case.merchant_id), load_component(db, case.component_id)
    data = suggest(db, component, merchant, RegistrationKind.ENTERPRISE)
    return RegistrationData(
        name=data.name or case.name, company_code=data.company_code or case.company_code,
        component_phone=item.input.get("component_phone") or case.component_phone or data.component_phone,
        person_name=data.person_name or None, person_wechat=data.person_wechat or None,
    )  # fmt: skip


def _send(db: Session, item: BatchItem, case: Registration, data: RegistrationData | None = None) -> None:
    """What an attempt before may have reached is asked for first. `data` is what a new attempt is to say."""
    if not _may_be_sent(case):
        raise Skipped(_SENT)
    if case.task_id and results.is_done_after_all(db, case):
        raise Skipped(_DONE_BEFORE)
    _begin(db, item, case, data)
    kind = kind_of(case)
    client, appid = wechat(load_component(db, case.component_id)), results.appid_of(db, case)
    settle(db)
    try:
        sent = kind.send(client, case, appid) if kind.send else Sent()
    except CallFailed as error:
        if item.attempt >= _ATTEMPTS or not explain_failure(error).passing:
            results.end(db, case, RegistrationStatus.FAILED, refusal=error)
            settle(db)
        raise
    db.refresh(case, with_for_update=True)
    if case.status == RegistrationStatus.DONE:
        raise Skipped(_DONE_BEFORE)
    case.task_id, case.link, case.sent_at = sent.task_id, sent.link, clock.now()
    case.expires_at = clock.now() + _LIFE if sent.link else None
    if not results.move(db, case, RegistrationStatus.WAITING_PERSON):
        raise Skipped(N_("已经有结果"))
    if sent.link:
        results.watch_soon(db, case)


def _begin(db: Session, item: BatchItem, case: Registration, data: RegistrationData | None) -> None:
    """Only one case of a company may be under way, as at WeChat: events name nothing but the company. Of the case only
    what is found under its lock counts: it may have ended, or been begun by the other step, a moment ago.
    """
    db.refresh(case, with_for_update=True)
    if not _may_be_sent(case):
        raise Skipped(_SENT)
    if case.status != RegistrationStatus.SENDING:
        case.attempt += 1
        if data is not None:
            _change(db, case, data, who=item.starter)
    elif _is_being_sent(db, item, case):
        raise Later(pause(1, first=_OTHER_STEP))
    case.task_id, case.task_state, case.link, case.status_code = "", None, "", None
    case.sent_at, case.expires_at, case.finished_at, case.asked_at = clock.now(), None, None, None
    clear_failure(case)
    try:
        with db.begin_nested():
            results.move(db, case, RegistrationStatus.SENDING)
            db.flush()
    except IntegrityError:
        raise Conflict(_COMPANY_BUSY) from None


def _is_being_sent(db: Session, item: BatchItem, case: Registration) -> bool:
    """Whether the other step of the two that send has the case in hand: their subjects differ, so both may run."""
    of_case = (BatchItem.step == SEND) & (BatchItem.subject_id == case.id)
    of_program = (BatchItem.step == REGISTER_COMPANY) & (BatchItem.subject_id == case.program_id)
    query = select(BatchItem.id).where(
        or_(of_case, of_program), BatchItem.id != item.id, BatchItem.status == ItemStatus.RUNNING
    )
    return db.scalar(query.limit(1)) is not None


def _open_company_item(db: Session, case: Registration) -> BatchItem | None:
    return open_item(db, REGISTER_COMPANY, case.program_id) if case.program_id else None


def _is_queued(db: Session, case: Registration) -> bool:
    return (open_item(db, SEND, case.id) or _open_company_item(db, case)) is not None


_SENT, _DONE_BEFORE, _QUEUED = N_("已经提交过"), N_("上一次提交已经注册成功"), N_("已经在排队提交")
_COMPANY_BUSY = N_("这家公司有一个注册正在进行，请等它结束")


def _may_be_sent(case: Registration) -> bool:
    return RegistrationStatus(case.status).is_editable or case.status == RegistrationStatus.SENDING


def hindrance(db: Session, case: Registration) -> str:
    """Why the case cannot be sent now, as a msgid; "" when nothing is known against it."""
    if not _may_be_sent(case):
        return N_("这个注册现在不能提交")
    if load_merchant(db, case.merchant_id).archived_at is not None:
        return N_("该商家已归档")
    if load_component(db, case.component_id).status != ComponentStatus.READY:
        return N_("第三方平台还没有接通，请先让检查清单全部通过")
    if case.company_code:
        busy = select(Registration.id).where(
            Registration.component_id == case.component_id, Registration.company_code == case.company_code,
            Registration.id != case.id, Registration.status.in_(_RUNNING),
        )  # fmt: skip
        if db.scalar(busy.limit(1)) is not None:
            return _COMPANY_BUSY
    budget = budget_of(db, case)
    return N_("微信给的次数已用完，请到期后再提交") if budget is not None and budget.holds and budget.left == 0 else ""


def _change(db: Session, case: Registration, data: RegistrationData, *, who: Who) -> None:
    before = {one.name: getattr(case, one.name) for one in fields(data)}
    _write(db, case, load_merchant(db, case.merchant_id), data)
    changed = [name for name, value in before.items() if getattr(case, name) != value]
    if changed:
        activity.record(db, who, "registration.edit", case, detail={"fields": changed})


def _write(db: Session, case: Registration, merchant: Merchant, data: RegistrationData) -> None:
    """Write what the form says about what this kind takes, or nothing at all when any of it cannot be accepted."""
    kind = kind_of(case)
    values: dict[str, Any] = {}
    for one in fields(data):
        value = getattr(data, one.name)
        if one.name not in kind.fields:
            continue
        if value is None:
            value = getattr(case, one.name)
        values[one.name] = check_fact(one.name, value, RegistrationKind(case.kind)) if value else value
    for name in kind.needs:
        if not values[name]:
            raise Invalid(N_("请填写这一项"), field=name)
    if appid := values.get("offiaccount_appid"):
        _require_authorized(db, case.component_id, appid)
    for name, value in values.items():
        setattr(case, name, value)
    if "name" not in values:
        case.name = load_program(db, case.program_id).name if case.program_id else merchant.name
    wechat_id = case.person_wechat if case.kind == RegistrationKind.PERSONAL else ""
    case.person_hash = results.hash_person(case.provider_id, wechat_id) if wechat_id else None


def _require_authorized(db: Session, component_id: UUID, appid: str) -> None:
    account = program_by_appid(db, load_component(db, component_id), appid)
    if account is None or account.authorization != AuthorizationStatus.AUTHORIZED:
        message = N_("这个公众号没有授权给所选的第三方平台")
    elif account.profile.get("is_mini_program"):
        raise Invalid(N_("这个 AppID 是小程序，不是公众号"), field="offiaccount_appid")
    elif account.permission_sets and QUICK_REGISTRATION not in account.permission_sets:
        message = N_("这个公众号的授权里没有“快速注册小程序”权限")
    else:
        return
    hint = N_("请先让它的管理员授权，并勾选权限集 27“快速注册小程序”。")
    raise Invalid(message, field="offiaccount_appid", hint=hint)
