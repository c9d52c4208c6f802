"""From an authorization code to a mini program: exchanged once, tokens kept, the link used up, nothing reassigned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from saas import clock
from saas.components.access import load_component
from saas.components.authorizations import store_authorization, store_refresh_token
from saas.components.models import ComponentApp, RefreshTokenSource
from saas.components.wechat import wechat
from saas.db import new_id, settle
from saas.failures import explain_failure
from saas.programs.access import load_program
from saas.programs.authorization import READ_PROFILE
from saas.programs.models import (
    AuthorizationLink,
    AuthorizationStatus,
    Grant,
    GrantStatus,
    LinkProblem,
    LinkStatus,
    Program,
)
from saas.programs.polling import wake
from saas.queue import Lane, Later, enqueue
from saas.tenants import activity
from saas.tenants.access import system
from saas.wx.api.component import Grant as Granted
from saas.wx.errors import AppidInvalid, AuthorizationCodeInvalid, CallFailed, NotAuthorized, WeChatError

_WAIT_FOR_EVENT = timedelta(seconds=5)


def exchange(db: Session, grant: Grant, attempt: int) -> None:
    """Exchange a code, or only finish what a link still waits for when that was done before.

    Safe to repeat: WeChat exchanges a code once, so after a lost answer the authorization is read another way.
    """
    if grant.status == GrantStatus.FAILED:
        return
    component = load_component(db, grant.component_id)
    if grant.status == GrantStatus.QUEUED:
        granted = _ask(db, component, grant, attempt)
        if granted is None:
            return
        _store(db, component, grant, granted)
    _use_link(db, grant)


def fail_grant(db: Session, grant: Grant, error: BaseException) -> None:
    """Note why a code led nowhere; the page of the link shows it. The link stays as good as before."""
    if grant.status != GrantStatus.QUEUED:
        return
    grant.status = GrantStatus.FAILED
    grant.finished_at = clock.now()
    grant.error = type(error).__name__
    if isinstance(error, CallFailed):
        failure = explain_failure(error)
        grant.errcode, grant.rid, grant.error = failure.errcode, failure.rid, failure.error
    activity.record(
        db, system(grant.provider_id), "program.authorize", grant,
        outcome="failed", detail={"errcode": grant.errcode, "rid": grant.rid, "appid": grant.appid},
    )  # fmt: skip


def ensure_program(db: Session, component: ComponentApp, appid: str) -> tuple[Program, bool]:
    """The mini program's row, locked, made when it was unknown; says whether it is new."""
    added = db.execute(
        insert(Program)
        .values(
            id=new_id(), created_at=clock.now(), provider_id=component.provider_id, component_id=component.id,
            appid=appid, original_id="", name="", avatar_url="", company_name="", introduction="", verified=False,
            permission_sets=[], profile={}, profile_operation="", profile_rid="", profile_error="", ext_values={},
            note="", authorization=AuthorizationStatus.AUTHORIZED.value,
        )
        .on_conflict_do_nothing(index_elements=["component_id", "appid"], index_where=text("appid <> ''"))
        .returning(Program.id)
    ).first()  # fmt: skip
    query = select(Program).where(Program.component_id == component.id, Program.appid == appid)
    program = db.scalars(query.with_for_update().execution_options(populate_existing=True)).one_or_none()
    if program is None:  # the row that was there has just become one with a prepared one, which has the appid now
        return ensure_program(db, component, appid)
    return program, added is not None


def set_numbers(func_info: Iterable[Mapping[str, Any]] | None) -> list[int]:
    """The permission sets that WeChat lists as granted."""
    found = {(one.get("funcscope_category") or {}).get("id") for one in func_info or ()}
    return sorted(int(number) for number in found if number is not None)


def _ask(db: Session, component: ComponentApp, grant: Grant, attempt: int) -> Granted | None:
    """What WeChat granted; None when the code leads nowhere, which is noted. Passing failures are raised: try again."""
    code = grant.code
    settle(db)
    try:
        answer: Granted = wechat(component).component.api_query_auth(authorization_code=code)["authorization_info"]
    except AuthorizationCodeInvalid as error:
        db.refresh(grant, with_for_update=True)
        if grant.appid:
            return _read_back(db, component, grant, error)
        if attempt > 1:  # an earlier run may have used the code up: the event will say whose it is
            raise Later(_WAIT_FOR_EVENT, counts=True, why=str(error)) from error
        fail_grant(db, grant, error)
        return None
    except (AppidInvalid, NotAuthorized) as error:
        fail_grant(db, grant, error)
        return None
    db.refresh(grant, with_for_update=True)
    return answer


def _read_back(db: Session, component: ComponentApp, grant: Grant, why: WeChatError) -> Granted | None:
    """The code is used up or unknown, but WeChat told us whose it was: its authorization can be read all the same."""
    appid = grant.appid
    settle(db)
    try:
        info = wechat(component).component.api_get_authorizer_info(appid)["authorization_info"]
    except NotAuthorized:
        fail_grant(db, grant, why)
        return None
    if not info.get("authorizer_refresh_token"):
        fail_grant(db, grant, why)
        return None
    return info


def _store(db: Session, component: ComponentApp, grant: Grant, granted: Granted) -> None:
    appid = granted.get("authorizer_appid") or grant.appid
    if "authorizer_access_token" in granted:
        is_news = store_authorization(
            db, component, {**granted, "authorizer_appid": appid}, granted_at=grant.happened_at  # type: ignore[typeddict-item]
        )  # fmt: skip
    else:
        refresh_token = granted.get("authorizer_refresh_token", "")
        is_news = store_refresh_token(
            db, component, appid, refresh_token, RefreshTokenSource.AUTHORIZATION, grant.happened_at
        )
    program, is_new = ensure_program(db, component, appid)
    if is_news or is_new:
        program.authorization = AuthorizationStatus.AUTHORIZED
        program.authorized_at = grant.happened_at
        program.permission_sets = set_numbers(granted.get("func_info"))
        wake(db, program)
    grant.appid, grant.program_id = appid, program.id
    grant.status, grant.finished_at = GrantStatus.EXCHANGED, clock.now()
    grant.errcode, grant.rid, grant.error, grant.code = None, "", "", ""
    activity.record(
        db, system(component.provider_id), "program.authorize", program,
        detail={"appid": appid, "permission_sets": program.permission_sets, "new": is_new},
    )  # fmt: skip
    enqueue(db, READ_PROFILE, program.id, lane=Lane.URGENT)


def _use_link(db: Session, grant: Grant) -> None:
    """Give the mini program to the link's merchant and use the link up, or say on the link why not."""
    if grant.link_id is None or grant.program_id is None:
        return
    link = db.scalars(
        select(AuthorizationLink)
        .where(AuthorizationLink.id == grant.link_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    program = load_program(db, grant.program_id)
    if link.status == LinkStatus.USED and link.result_program_id == program.id:
        return
    problem = _problem(link, program)
    who = system(link.provider_id)
    if problem is not None:
        link.problem = problem
        if link.status != LinkStatus.USED:
            link.result_program_id = program.id
        activity.record(db, who, "authorization_link.use", link, outcome=problem, detail={"appid": program.appid})
        return
    if program.merchant_id is None:
        activity.record(db, who, "program.assign", program, detail={"merchant_id": str(link.merchant_id)})
    program.merchant_id = link.merchant_id
    link.status, link.used_at = LinkStatus.USED, clock.now()
    link.problem, link.result_program_id = "", program.id
    activity.record(db, who, "authorization_link.use", link, detail={"appid": program.appid})


def _problem(link: AuthorizationLink, program: Program) -> LinkProblem | None:
    if link.status in (LinkStatus.USED, LinkStatus.REVOKED):
        return LinkProblem.LINK_OVER
    if link.program_id is not None and link.program_id != program.id:
        return LinkProblem.WRONG_ACCOUNT
    if program.merchant_id not in (None, link.merchant_id):
        return LinkProblem.OTHER_MERCHANT
    return None
