"""Registration with an official account's subject: its administrator agrees on WeChat's page, and its ticket is used.

Nothing is pushed and nothing can be asked about: after a lost answer the new mini program is looked for.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from saas import clock
from saas.batches.models import BatchItem
from saas.batches.starting import Subject, start_one
from saas.batches.steps import Skipped, step
from saas.components.access import load_component
from saas.components.wechat import wechat
from saas.config import settings
from saas.db import settle
from saas.errors import N_, Conflict, Invalid
from saas.failures import explain_failure
from saas.programs import registration_results as results
from saas.programs.access import load_registration
from saas.programs.authorization import take_event_code
from saas.programs.models import AuthorizationStatus, Program
from saas.programs.registration_finding import find_result
from saas.programs.registration_models import Registration, RegistrationKind, RegistrationStatus
from saas.queue import Later
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require
from saas.wx.errors import CallFailed
from saas.wx.links import fast_register_url

CREATE = "saas.programs.registration_offiaccount.create"
_ATTEMPTS = 4
_UNFINISHED = timedelta(seconds=8)
_TICKET_LENGTH = 512


def known_accounts(db: Session, component_id: UUID, limit: int = 5) -> list[Program]:
    """Official accounts that have authorized this component app, the newest first."""
    query = select(Program).where(
        Program.component_id == component_id, Program.authorization == AuthorizationStatus.AUTHORIZED,
        Program.profile["is_mini_program"].as_boolean().is_(False),
    )  # fmt: skip
    return list(db.scalars(query.order_by(Program.authorized_at.desc()).limit(limit)))


def lending_page(db: Session, case: Registration, *, return_to: str, who: Who) -> str:
    """WeChat's page on which the official account's administrator agrees; it comes back with a ticket."""
    require(who, Verb.WORK)
    _require_waiting(case)
    activity.record(db, who, "registration.lend", case)
    component = load_component(db, case.component_id)
    return fast_register_url(
        settings().wechat_mp_url, component_appid=component.appid, appid=case.offiaccount_appid,
        copy_wx_verify=case.copies_verification, redirect_uri=return_to,
    )  # fmt: skip


def take_ticket(db: Session, case: Registration, ticket: str, *, who: Who) -> BatchItem:
    """Use the ticket with which the browser came back."""
    require(who, Verb.WORK)
    db.refresh(case, with_for_update=True)
    _require_waiting(case)
    if not ticket or len(ticket) > _TICKET_LENGTH or not ticket.isprintable():
        raise Invalid(N_("没有收到公众号管理员的同意"), hint=N_("请重新打开确认页，由管理员扫码同意。"))
    case.ticket = ticket
    results.move(db, case, RegistrationStatus.CHECKING)
    return start_one(db, CREATE, Subject(case.id, case.name), who=who)


@step(label=N_("创建小程序"), attempts=_ATTEMPTS)
def create(db: Session, item: BatchItem) -> dict[str, Any]:
    """A ticket works once; WeChat may have created the mini program although its answer was lost."""
    case = load_registration(db, item.subject_id)
    if not RegistrationStatus(case.status).is_open:
        raise Skipped(N_("已经有结果"))
    if item.attempt > 1 and (appid := find_result(db, case)):
        results.succeed(db, case, appid, happened_at=clock.now())
        return {}
    component, ticket = load_component(db, case.component_id), case.ticket
    settle(db)
    try:
        made = wechat(component).registration.fastregister(case.offiaccount_appid, ticket=ticket)
    except CallFailed as error:
        if explain_failure(error).passing and item.attempt < _ATTEMPTS:
            raise Later(_UNFINISHED, counts=True, why=str(error)) from error
        results.end(db, case, RegistrationStatus.FAILED, refusal=error)
        settle(db)
        raise
    now = clock.now()
    take_event_code(db, component, made["authorization_code"], appid=made["appid"], happened_at=now)
    results.succeed(db, case, made["appid"], happened_at=now)
    return {"linked": made.get("is_link_succ"), "verified": made.get("is_wx_verify_succ")}


def _require_waiting(case: Registration) -> None:
    if case.kind != RegistrationKind.OFFIACCOUNT or case.status != RegistrationStatus.WAITING_PERSON:
        raise Conflict(N_("这个注册现在不等公众号管理员"))
