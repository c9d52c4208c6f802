"""How a merchant's authorization begins and comes back: the opened page, the code, WeChat's events.

Browser and event both bring the code, in no promised order and maybe twice. The code is kept once (`Grant`), and a
job exchanges it (`saas.programs.exchange`).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from saas import clock, vault
from saas.components.access import load_component
from saas.components.authorizations import end_authorization
from saas.components.models import AuthorizationEnd, ComponentApp
from saas.components.wechat import wechat
from saas.config import settings
from saas.db import new_id, settle
from saas.errors import N_, AppError, Invalid
from saas.failures import explain_failure
from saas.programs.access import load_program, program_by_appid
from saas.programs.links import LinkOver, require_usable, state_of, token_hash
from saas.programs.models import (
    AuthorizationLink,
    AuthorizationStatus,
    AuthorizationVisit,
    Grant,
    GrantSource,
    GrantStatus,
    LinkStatus,
    Program,
)
from saas.queue import Lane, enqueue
from saas.tenants import activity
from saas.tenants.access import Who, system
from saas.wx.errors import CallFailed
from saas.wx.events import Authorized, Unauthorized
from saas.wx.links import h5_authorization_url, pc_authorization_url

EXCHANGE = "jobs.programs.exchange"
READ_PROFILE = "jobs.programs.read_profile"
_GRACE = timedelta(minutes=15)
_CODE_LENGTH = 1024


class Device(StrEnum):
    """Which of WeChat's two pages to open: the one with a QR code, or the one inside WeChat on a phone."""

    COMPUTER = "computer"
    PHONE = "phone"


class WeChatPageClosed(AppError):
    """WeChat gave no code for its page; the link is as good as before."""

    status = 503


class NothingCameBack(Invalid):
    """The return address was opened without an authorization code, or before the page was ever opened."""


def open_page(db: Session, link: AuthorizationLink, *, device: Device, return_to: str, who: Who) -> str:
    """The address of WeChat's authorization page, made for this one visit. Calls WeChat once.

    Raises LinkOver before any call, WeChatPageClosed when WeChat gives no code.
    """
    require_usable(link)
    component = load_component(db, link.component_id)
    program = load_program(db, link.program_id) if link.program_id else None
    settle(db)
    asked_at = clock.now()
    try:
        answer = wechat(component).component.api_create_preauthcode()
    except CallFailed as error:
        raise _page_closed(error) from error
    code = answer["pre_auth_code"]
    started = db.execute(
        update(AuthorizationLink)
        .where(
            AuthorizationLink.id == link.id,
            AuthorizationLink.status.in_((LinkStatus.OPEN, LinkStatus.STARTED)),
        )
        .values(status=LinkStatus.STARTED, opened_at=link.opened_at or asked_at)
        .returning(AuthorizationLink.id)
    ).first()
    if started is None:  # used or revoked while WeChat was asked
        db.refresh(link)
        raise LinkOver(state_of(link))
    db.add(
        AuthorizationVisit(
            provider_id=link.provider_id, component_id=component.id, link_id=link.id, code_hash=token_hash(code),
            expires_at=asked_at + timedelta(seconds=int(answer.get("expires_in") or 600)),
        )
    )  # fmt: skip
    activity.record(db, who, "authorization_link.open", link, detail={"device": device.value})
    make, base = (
        (pc_authorization_url, settings().wechat_mp_url)
        if device is Device.COMPUTER
        else (h5_authorization_url, settings().wechat_open_url)
    )
    return make(
        base, component_appid=component.appid, pre_auth_code=code, redirect_uri=return_to,
        biz_appid=program.appid if program else None, category_id_list=link.permission_sets,
    )  # fmt: skip


def take_return(db: Session, link: AuthorizationLink, code: str) -> Grant:
    """Keep the code with which the merchant's browser came back, and have it exchanged. Calls nobody.

    A link that ran out while the merchant was on WeChat's page still counts; a used one is fine when the event has
    been faster.
    """
    if not code or len(code) > _CODE_LENGTH or not code.isprintable():
        raise NothingCameBack(N_("没有收到微信的授权结果"), hint=N_("请回到授权页，重新点击授权。"))
    visited_until = db.scalar(
        select(AuthorizationVisit.expires_at)
        .where(AuthorizationVisit.link_id == link.id)
        .order_by(AuthorizationVisit.id.desc())
        .limit(1)
    )
    if visited_until is None:
        raise NothingCameBack(N_("还没有从这个链接打开过微信授权页"), hint=N_("请先在授权页点击授权。"))
    known = db.scalar(select(Grant).where(Grant.component_id == link.component_id, Grant.code_hash == token_hash(code)))
    if known is None and (link.status != LinkStatus.STARTED or visited_until + _GRACE < clock.now()):
        require_usable(link)
    return _take_code(
        db, link.provider_id, link.component_id, code, source=GrantSource.BROWSER, happened_at=clock.now(), link=link
    )


def on_authorized(db: Session, component: ComponentApp, event: Authorized) -> Grant:
    """WeChat tells of a new or changed authorization: keep its code and have it exchanged.

    The event's pre_auth_code leads to the link; without one it was started elsewhere and belongs to nobody yet.
    """
    link = None
    if event.pre_auth_code:
        link = db.scalar(
            select(AuthorizationLink)
            .join(AuthorizationVisit, AuthorizationVisit.link_id == AuthorizationLink.id)
            .where(
                AuthorizationVisit.component_id == component.id,
                AuthorizationVisit.code_hash == token_hash(event.pre_auth_code),
            )
        )
    return _take_code(
        db, component.provider_id, component.id, event.code,
        source=GrantSource.EVENT, happened_at=event.created_at, link=link, appid=event.appid,
    )  # fmt: skip


def take_event_code(
    db: Session, component: ComponentApp, code: str, *, appid: str, happened_at: datetime
) -> Grant:  # fmt: skip
    """Keep a code that WeChat gave for a mini program that it has just made for us, and have it exchanged."""
    return _take_code(
        db, component.provider_id, component.id, code, source=GrantSource.EVENT, happened_at=happened_at, link=None,
        appid=appid,
    )  # fmt: skip


def on_unauthorized(db: Session, component: ComponentApp, event: Unauthorized) -> None:
    """WeChat tells that a merchant withdrew. An event older than the newest authorization changes nothing, but WeChat
    is asked how things stand."""
    ended = end_authorization(db, component, event.appid, happened_at=event.created_at)
    program = program_by_appid(db, component, event.appid)
    if program is None:
        return
    if ended:
        mark_ended(db, program, happened_at=event.created_at, why=AuthorizationEnd.UNAUTHORIZED)
        return
    activity.record(db, system(component.provider_id), "program.unauthorized", program, outcome="ignored")
    enqueue(db, READ_PROFILE, program.id)


def mark_ended(db: Session, program: Program, *, happened_at: datetime, why: AuthorizationEnd) -> None:
    """The tokens are gone: show it on the mini program. What it was allowed stays readable as history."""
    status = AuthorizationStatus.LOST if why is AuthorizationEnd.LOST else AuthorizationStatus.UNAUTHORIZED
    if program.authorization == status:
        return
    program.authorization = status
    program.unauthorized_at = happened_at
    activity.record(db, system(program.provider_id), f"program.{status}", program)


def newest_grant(db: Session, link: AuthorizationLink) -> Grant | None:
    """The code that came through this link last, for the page that shows its progress."""
    return db.scalar(select(Grant).where(Grant.link_id == link.id).order_by(Grant.id.desc()).limit(1))


def _take_code(
    db: Session, provider_id: UUID, component_id: UUID, code: str, *,
    source: GrantSource, happened_at: datetime, link: AuthorizationLink | None, appid: str = "",
) -> Grant:  # fmt: skip
    """Keep a code once, add what the second messenger knows better, and have the exchange run when there is cause."""
    code_hash = token_hash(code)
    added = db.execute(
        insert(Grant)
        .values(
            id=new_id(), created_at=clock.now(), provider_id=provider_id, component_id=component_id,
            code_hash=code_hash, code_sealed=vault.seal(provider_id, code, purpose="grants.code"),
            link_id=link.id if link else None, appid=appid, source=source.value, happened_at=happened_at,
            status=GrantStatus.QUEUED.value, error="", rid="",
        )
        .on_conflict_do_nothing(index_elements=["component_id", "code_hash"])
        .returning(Grant.id)
    ).first()  # fmt: skip
    grant = db.scalars(
        select(Grant)
        .where(Grant.component_id == component_id, Grant.code_hash == code_hash)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    news = added is not None
    if link is not None and grant.link_id is None:
        grant.link_id, news = link.id, True
    if appid and not grant.appid:
        grant.appid = appid
        if grant.status == GrantStatus.FAILED:  # knowing whose it is, WeChat can be asked another way
            grant.status, news = GrantStatus.QUEUED, True
    if source is GrantSource.EVENT:
        grant.happened_at = happened_at
    db.flush()
    if news:
        enqueue(db, EXCHANGE, grant.id, lane=Lane.URGENT)
    return grant


def _page_closed(error: CallFailed) -> WeChatPageClosed:
    if explain_failure(error).passing:
        return WeChatPageClosed(N_("微信暂时没有响应"), hint=N_("请过一分钟再试，这个链接仍然有效。"))
    return WeChatPageClosed(
        N_("暂时打不开微信授权页"),
        hint=N_("服务商的第三方平台需要处理一个问题。请联系服务商，处理好之后这个链接可以继续使用。"),
    )
