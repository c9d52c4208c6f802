"""How a component app is doing: the check that asks WeChat, and the check list that reads only our rows."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from saas import clock
from saas.components.access import load_component
from saas.components.faults import note_fault, note_push_started, note_silence
from saas.components.models import AccessTokenRow, Callback, ComponentApp, RefreshToken
from saas.components.quotas import note_quota
from saas.components.tickets import LIFETIME, newest_ticket
from saas.components.wechat import component_tokens, wechat
from saas.db import settle
from saas.errors import N_
from saas.wx.errors import CallFailed, WeChatError

TICKET_LATE = timedelta(minutes=25)
TICKET_MISSING = timedelta(hours=2)
SECRET_CODES = frozenset({40125, 41004, 40001, 40013, 61011})
IP_CODES = frozenset({61004, 40164, 45035})
_ASKED = 3


class State(StrEnum):
    DONE = "done"
    WAITING = "waiting"
    FAILED = "failed"


class Repair(StrEnum):
    """Which button helps."""

    CHECK = "check"
    CREDENTIALS = "credentials"
    ADDRESSES = "addresses"
    START_PUSH = "start_push"
    ROTATE_KEY = "rotate_key"
    RETRY_PUSHES = "retry_pushes"
    CLEAR_QUOTA = "clear_quota"
    PERMISSIONS = "permissions"
    LOST = "lost"
    WITHDRAWN = "withdrawn"
    TRAFFIC = "traffic"


@dataclass(frozen=True)
class Check:
    """One line of the check list. Texts are msgids; an `errcode` is explained by the dictionary instead."""

    key: str
    title: str
    state: State
    text: str = ""
    params: dict[str, Any] = field(default_factory=dict)
    at: datetime | None = None
    repair: Repair | None = None
    errcode: int | None = None


def check_component(db: Session, component: ComponentApp, askers: Collection[str] = ()) -> None:
    """Ask WeChat: start the ticket push when no fresh ticket is there, else prove the credentials with a token.

    The first ticket comes with a push of its own, up to ten minutes later, and has this run again. A failure that
    means something is set up wrongly is noted on the component app; so is silence, which is raised, too: try again.
    `askers`: see `read_quota`.
    """
    try:
        _check(db, component, askers)
    except CallFailed as error:
        if not isinstance(error, WeChatError):
            note_silence(db, component, error)
            settle(db)
        raise


def _check(db: Session, component: ComponentApp, askers: Collection[str]) -> None:
    ticket = newest_ticket(db, component)
    if ticket is None or clock.now() - ticket.issued_at > TICKET_LATE:
        start_push(db, component)
    if ticket is None or clock.now() - ticket.issued_at > LIFETIME:
        return
    tokens = component_tokens(component)
    row = db.scalar(
        select(AccessTokenRow).where(AccessTokenRow.component_id == component.id, AccessTokenRow.appid == "")
    )
    doubted = row.value if row is not None and component.last_error_at is not None else None
    settle(db)
    try:
        tokens.component_token(doubted)
    except WeChatError:
        db.expire(component)
        if load_component(db, component.id).last_errcode is None:
            raise
        return
    db.expire(component)
    read_quota(db, component, askers)


def start_push(db: Session, component: ComponentApp) -> None:
    """Have WeChat push tickets (again). Harmless when it does already."""
    secret = component.secret
    settle(db)
    try:
        wechat(component).component.api_start_push_ticket(component_secret=secret)
    except WeChatError as error:
        note_fault(db, component, error)
        if component.last_errcode != error.code:
            raise
        return
    note_push_started(db, component)


def read_quota(db: Session, component: ComponentApp, askers: Collection[str] = ()) -> bool:
    """Read the audit quota through a healthy authorization; False while there is none that may ask. `askers` are the
    appids to try first: whose permissions suffice is not known here."""
    alive = (
        AccessTokenRow.component_id == component.id, AccessTokenRow.appid != "", AccessTokenRow.ended_at.is_(None),
        AccessTokenRow.authorized_at.is_not(None),
    )  # fmt: skip
    newest = select(AccessTokenRow.appid).where(*alive).order_by(AccessTokenRow.refreshed_at.desc().nulls_last())
    preferred = db.scalars(newest.where(AccessTokenRow.appid.in_(askers)).limit(_ASKED)).all() if askers else []
    candidates = list(dict.fromkeys([*preferred, *db.scalars(newest.limit(_ASKED))]))
    client = wechat(component)
    for appid in candidates:
        settle(db)
        try:
            quota = client.code.queryquota(appid)
        except CallFailed:
            continue
        note_quota(db, component, quota)
        return True
    return False


def list_checks(db: Session, component: ComponentApp) -> list[Check]:
    """The check list of the set-up page, in the order in which things come to work."""
    seen = newest_push_at(db, component)
    return [
        Check("saved", N_("凭据已保存"), State.DONE, at=component.created_at),
        _arrived(component, seen),
        _opened(component, seen),
        _ticket(component),
        _token(component),
        _ip_list(component),
    ]


def is_working(checks: list[Check]) -> bool:
    return all(check.state is State.DONE for check in checks)


def newest_push_at(db: Session, component: ComponentApp) -> datetime | None:
    """When the newest genuine push arrived."""
    query = select(Callback.created_at).where(Callback.component_id == component.id).order_by(Callback.id.desc())
    return db.scalar(query.limit(1)) or component.first_ticket_at


@dataclass(frozen=True)
class TicketAge:
    """`tone` is green, yellow (late) or red (missing); `minutes` is None before the first ticket."""

    minutes: int | None
    tone: str


def ticket_age(component: ComponentApp) -> TicketAge:
    if component.last_ticket_at is None:
        return TicketAge(None, "yellow" if clock.now() - component.created_at < TICKET_MISSING else "red")
    age = clock.now() - component.last_ticket_at
    tone = "green" if age <= TICKET_LATE else "yellow" if age <= TICKET_MISSING else "red"
    return TicketAge(max(0, int(age.total_seconds() // 60)), tone)


@dataclass(frozen=True)
class Authorizations:
    """How many authorizations are alive, withdrawn or lost under a component app, and how many tokens were renewed."""

    alive: int
    withdrawn: int
    lost: int
    refresh_tokens: int


def count_authorizations(db: Session, component: ComponentApp) -> Authorizations:
    query = (
        select(AccessTokenRow.ended_why, func.count())
        .where(
            AccessTokenRow.component_id == component.id, AccessTokenRow.appid != "",
            AccessTokenRow.authorized_at.is_not(None),
        )
        .group_by(AccessTokenRow.ended_why)
    )  # fmt: skip
    counts: dict[str, int] = {row[0]: row[1] for row in db.execute(query)}
    tokens = db.scalar(select(func.count()).select_from(RefreshToken).where(RefreshToken.component_id == component.id))
    return Authorizations(counts.get("", 0), counts.get("unauthorized", 0), counts.get("lost", 0), tokens or 0)


_REFUSALS = {
    "signature": N_("收到了推送，但签名不对：消息校验 Token 与微信后台不一致，或者请求不是微信发来的"),
    "key": N_("收到了推送，但解不开：消息加解密 Key 与微信后台不一致"),
    "appid": N_("收到了推送，但它属于另一个第三方平台：请核对 AppID，以及网址有没有填到别的平台"),
    "malformed": N_("收到了无法识别的内容，它不是微信的推送"),
    "oversized": N_("收到了过大的内容，它不是微信的推送"),
}


def explain_refusal(reason: str) -> str:
    """Why a push was refused, as a msgid."""
    return _REFUSALS.get(reason, "")


def _arrived(component: ComponentApp, seen: datetime | None) -> Check:
    title = N_("收到微信的推送")
    if seen is not None:
        return Check("arrived", title, State.DONE, at=seen)
    if component.callbacks_refused:
        return Check("arrived", title, State.DONE, at=component.last_refusal_at)
    text = N_("微信还没有推送过来。请把下面的网址填进微信后台并保存，推送约 10 分钟一次。")
    return Check("arrived", title, State.WAITING, text)


def _opened(component: ComponentApp, seen: datetime | None) -> Check:
    title = N_("推送能够验签和解密")
    refused_at = component.last_refusal_at
    recent = seen is not None and (refused_at is None or seen > refused_at or clock.now() - seen < TICKET_LATE)
    if recent:
        return Check("opened", title, State.DONE, at=seen)
    if refused_at is None:
        return Check("opened", title, State.WAITING)
    text = explain_refusal(component.last_refusal)
    return Check("opened", title, State.FAILED, text, at=refused_at, repair=Repair.CREDENTIALS)


def _ticket(component: ComponentApp) -> Check:
    title = N_("收到验证票据")
    at = component.last_ticket_at
    age = ticket_age(component)
    if at is not None and age.tone != "red":
        return Check("ticket", title, State.DONE, at=at)
    if at is not None:
        text = N_("已有 %(hours)d 小时没有新票据。票据 12 小时后失效，届时所有接口都会停止。")
        params = {"hours": (age.minutes or 0) // 60}
        return Check("ticket", title, State.FAILED, text, params, at=at, repair=Repair.CHECK)
    text = N_("已请微信开始推送，第一张票据最迟 10 分钟内到达。") if component.push_started_at else ""
    return Check("ticket", title, State.WAITING, text, repair=Repair.CHECK)


def _token(component: ComponentApp) -> Check:
    title = N_("取得接口调用凭证")
    code = component.last_errcode
    if code is not None and code not in IP_CODES:
        repair = Repair.CREDENTIALS if code in SECRET_CODES else Repair.CHECK
        return Check("token", title, State.FAILED, at=component.last_error_at, repair=repair, errcode=code)
    if component.last_error_at is not None and code is None:
        text = component.last_error
        return Check("token", title, State.FAILED, text, at=component.last_error_at, repair=Repair.CHECK)
    if component.last_token_at is not None and code is None:
        return Check("token", title, State.DONE, at=component.last_token_at)
    return Check("token", title, State.WAITING)


def _ip_list(component: ComponentApp) -> Check:
    title = N_("出口 IP 在白名单里")
    if component.last_errcode in IP_CODES:
        text = N_("微信拒绝了来自 %(ip)s 的请求，请把它加进微信后台的 IP 白名单，再重新检查。")
        if not component.refused_ip:
            text = N_("微信拒绝了本系统的出口 IP，请把下面的 IP 加进微信后台的白名单，再重新检查。")
        return Check(
            "ip_list", title, State.FAILED, text, {"ip": component.refused_ip}, at=component.last_error_at,
            repair=Repair.ADDRESSES, errcode=component.last_errcode,
        )  # fmt: skip
    if component.last_token_at is not None:
        return Check("ip_list", title, State.DONE, at=component.last_token_at)
    return Check("ip_list", title, State.WAITING)
