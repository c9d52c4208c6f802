"""A mini program's profile as WeChat tells it: read after every authorization and on request, never while a page is
drawn. A failed read leaves what was known, with the error beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from saas import clock
from saas.batches.models import BatchItem
from saas.batches.starting import Subject, start_one
from saas.batches.steps import step
from saas.components.access import load_component
from saas.components.authorizations import end_authorization
from saas.components.models import AuthorizationEnd, ComponentApp
from saas.components.wechat import wechat
from saas.db import settle
from saas.errors import N_
from saas.failures import explain_failure
from saas.programs.access import load_program
from saas.programs.authorization import READ_PROFILE, mark_ended
from saas.programs.categories import note_categories
from saas.programs.certification_progress import note_certification
from saas.programs.exchange import set_numbers
from saas.programs.models import AuthorizationStatus, NameReview, Program, ReviewStatus
from saas.programs.shutting import note_account
from saas.programs.standing import note_step
from saas.programs.words import Step, Word
from saas.queue import Lane, enqueue, waiting
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require
from saas.wx.api.component import AuthorizerInfo
from saas.wx.errors import AppidInvalid, CallFailed, NotAuthorized
from saas.wx.permissions import DEVELOPMENT

log = structlog.get_logger()

REFRESH = "saas.programs.profile.refresh"
FETCH_AVATAR = "jobs.programs.fetch_avatar"
_BY_API = frozenset({2, 6, 13, 16, 17, 19, 22, 23})
_VERIFIED = frozenset({0, 1, 2})
_OWN = ("basic", "certificate_ends_at", "search_status")
"""Parts of `Program.profile` that come from calls of their own; a read that fails leaves them."""
_KEPT = (
    "alias", "basic_config", "business_info", "qrcode_url", "register_type", "service_type_info", "verify_type_info",
)  # fmt: skip


def request_profile(db: Session, program: Program, *, who: Who) -> None:
    """Have the profile read again, by a job."""
    require(who, Verb.WORK)
    activity.record(db, who, "program.profile.request", program)
    enqueue(db, READ_PROFILE, program.id, lane=Lane.URGENT)


def read_again(db: Session, program: Program, *, who: Who) -> BatchItem:
    """Have the profile read again as an item that a page can show."""
    item = start_one(db, REFRESH, Subject(program.id, program.name), who=who)
    activity.record(db, who, "program.profile.request", program)
    return item


def is_reading(db: Session, program: Program) -> bool:
    """Whether a job is about to read the profile."""
    return waiting(db, READ_PROFILE, program.id) is not None


@step(label=N_("读取小程序资料"))
def refresh(db: Session, item: BatchItem) -> None:
    """The step of `read_profile`: what WeChat refused is kept with the mini program, and fails the item."""
    refused = read_profile(db, load_program(db, item.subject_id))
    if refused is not None:
        settle(db)
        raise refused


def read_profile(db: Session, program: Program) -> CallFailed | None:
    """Ask WeChat for all that it tells of this account; answers its refusal, if it refused."""
    if (refused := read_account(db, program)) is not None:
        return refused
    component = load_component(db, program.component_id)
    if program.authorization == AuthorizationStatus.AUTHORIZED:
        if program.registered_by_api:
            _read_counters(db, component, program)
        if DEVELOPMENT in program.permission_sets:
            _read_search_status(db, component, program)
    if program.avatar_url:
        enqueue(db, FETCH_AVATAR, program.id)
    return None


def read_account(db: Session, program: Program) -> CallFailed | None:
    """Ask WeChat who this account is, in one call; answers its refusal, if it refused. NotAuthorized ends the
    authorization.
    """
    component = load_component(db, program.component_id)
    authorized_at, asked_at = program.authorized_at, clock.now()
    settle(db)
    client = wechat(component)
    try:
        info = client.component.api_get_authorizer_info(program.appid)
    except (NotAuthorized, AppidInvalid) as error:
        db.refresh(program, with_for_update=True)
        note_profile_error(program, error)
        if program.authorized_at == authorized_at and isinstance(error, NotAuthorized):
            end_authorization(db, component, program.appid, happened_at=asked_at)
            mark_ended(db, program, happened_at=asked_at, why=AuthorizationEnd.UNAUTHORIZED)
        return error
    except CallFailed as error:
        if explain_failure(error).passing:
            raise
        note_profile_error(program, error)
        return error
    db.refresh(program, with_for_update=True)
    write_profile(program, info)
    if program.profile["is_mini_program"]:
        note_profile(db, program)
        note_categories(db, program)
        note_certification(db, program)
    note_account(db, program)
    return None


def note_profile_error(program: Program, error: BaseException) -> None:
    """Keep why the profile could not be read."""
    program.profile_errcode, program.profile_rid, program.profile_operation = None, "", ""
    program.profile_error = type(error).__name__
    if isinstance(error, CallFailed):
        failure = explain_failure(error)
        program.profile_errcode, program.profile_rid = failure.errcode, failure.rid
        program.profile_operation, program.profile_error = failure.operation, failure.error


def write_profile(program: Program, info: AuthorizerInfo) -> None:
    account: Mapping[str, Any] = info["authorizer_info"]
    mini_program: Mapping[str, Any] = account.get("MiniProgramInfo") or {}
    program.name = _text(account, "nick_name") or program.name
    program.original_id = _text(account, "user_name") or program.original_id
    program.avatar_url = _text(account, "head_img")
    program.company_name = _text(account, "principal_name")
    program.introduction = _text(account, "signature")
    program.account_status = _number(account.get("account_status"))
    program.verified = _number((account.get("verify_type_info") or {}).get("id")) in _VERIFIED
    register_type = _number(account.get("register_type"))
    program.registered_by_api = None if register_type is None else register_type in _BY_API
    program.profile = {
        **{name: program.profile[name] for name in _OWN if name in program.profile},
        **{name: account[name] for name in _KEPT if name in account},
        "is_mini_program": "MiniProgramInfo" in account,
        "categories": mini_program.get("categories") or [],
        "network": mini_program.get("network") or {},
    }
    if "func_info" in info["authorization_info"]:
        program.permission_sets = set_numbers(info["authorization_info"]["func_info"])
    program.profile_read_at = clock.now()
    program.profile_errcode, program.profile_rid = None, ""
    program.profile_operation = program.profile_error = ""


def _read_counters(db: Session, component: ComponentApp, program: Program) -> None:
    """What WeChat tells of accounts registered by API only: subject, verification, chances left this month or year."""
    settle(db)
    try:
        basic = wechat(component).account.getaccountbasicinfo(program.appid)
    except CallFailed as error:
        note_profile_error(program, error)
        return
    program.profile = {**program.profile, "basic": {k: v for k, v in basic.items() if k not in ("errcode", "errmsg")}}


def _read_search_status(db: Session, component: ComponentApp, program: Program) -> None:
    settle(db)
    try:
        status = wechat(component).profile.getwxasearchstatus(program.appid).get("status")
    except CallFailed as error:
        log.info("search_status_not_read", program=str(program.id), error=str(error))
        return
    program.profile = {**program.profile, "search_status": status}


def newest_review(db: Session, program: Program) -> NameReview | None:
    """The newest name of this mini program that went to WeChat's people."""
    query = select(NameReview).where(NameReview.program_id == program.id)
    return db.scalars(query.order_by(NameReview.id.desc()).limit(1)).first()


def note_profile(db: Session, program: Program) -> None:
    """Say how the step of the profile stands. Name, avatar and introduction have to be there before a release."""
    review = newest_review(db, program)
    if review is not None and review.status == ReviewStatus.IN_REVIEW:
        note_step(db, program, Step.PROFILE, Word.NAME_IN_REVIEW, since=review.created_at, detail={"name": review.name})
    elif review is not None and review.status == ReviewStatus.REFUSED and review.dropped_at is None:
        detail = {"name": review.name, "reason": review.reason}
        note_step(db, program, Step.PROFILE, Word.NAME_REFUSED, since=review.decided_at, detail=detail)
    elif program.name and program.avatar_url and program.introduction:
        note_step(db, program, Step.PROFILE, Word.PROFILE_COMPLETE)
    else:
        note_step(db, program, Step.PROFILE, Word.PROFILE_LACKING)


def _text(fields: Mapping[str, Any], name: str) -> str:
    return str(fields.get(name) or "").strip()


def _number(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError):
        return None
