"""What the buttons of the health board do besides a new check: reset counters, rotate the message key, work on pushes
that failed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from saas import clock
from saas.batches.models import BatchItem
from saas.batches.starting import Subject, start_one
from saas.batches.steps import step
from saas.components.access import load_component
from saas.components.authorizations import authorization_id
from saas.components.budgets import Budget, left_in_bulk
from saas.components.inbox import forget_receiver
from saas.components.keeping import PROCESS
from saas.components.models import Callback, CallbackStatus, ComponentApp, WeChatCall
from saas.components.wechat import wechat
from saas.db import after_commit, settle
from saas.errors import N_, Conflict, Invalid
from saas.queue import Lane, enqueue
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require
from saas.wx.crypto import random_aes_key

CLEAR = "saas.components.repairs.clear_counters"
RESETS = "counter_reset_month"
USED_UP = (45009, 45011, 61007)
"""What WeChat answers when an interface was called too often that day, or too fast."""
_DAY = timedelta(days=1)
_MOST = 500
_SHOWN = 20


@dataclass(frozen=True)
class Account:
    """Whose counters can be reset; an empty appid is the component app. `refused`: calls too many in the last day."""

    id: UUID
    component_id: UUID
    appid: str
    refused: int


def list_accounts(db: Session, component: ComponentApp) -> list[Account]:
    """The component app, then whoever had calls refused for their number in the last day, the most refused first."""
    query = (
        select(WeChatCall.appid, func.count())
        .where(
            WeChatCall.component_id == component.id, WeChatCall.created_at > clock.now() - _DAY,
            WeChatCall.errcode.in_(USED_UP),
        )
        .group_by(WeChatCall.appid)
        .order_by(func.count().desc(), WeChatCall.appid)
        .limit(_SHOWN)
    )  # fmt: skip
    refused: dict[str, int] = {row[0]: row[1] for row in db.execute(query)}
    return [
        Account(authorization_id(component.id, appid), component.id, appid, refused.get(appid, 0))
        for appid in dict.fromkeys(["", *refused])
    ]


def resets_left(db: Session, accounts: Collection[Account]) -> dict[str, Budget]:
    """How often each account's counters can still be reset this month, by appid; one query."""
    found = left_in_bulk(db, accounts, [RESETS])
    return {account.appid: found[account.id, RESETS] for account in accounts}


def start_clearing(db: Session, component: ComponentApp, appid: str, *, who: Who) -> BatchItem:
    """Have the counters of the component app (empty `appid`), or of an account that used them up, reset: one of ten a
    month, shared with WeChat's console.
    """
    require(who, Verb.MANAGE)
    accounts = list_accounts(db, component)
    if appid not in {account.appid for account in accounts}:
        raise Invalid(N_("请选择列出的选项"), field="appid")
    if resets_left(db, accounts)[appid].left == 0:
        raise Conflict(N_("本月的清零次数已用完，请等次数自然恢复（每天 0 点）"))
    activity.record(db, who, "component.clear_counters", component, detail={"appid": appid or component.appid})
    return start_one(db, CLEAR, Subject(component.id, component.name), who=who, params={"appid": appid})


@step(label=N_("清零接口调用次数"), attempts=1)
def clear_counters(db: Session, item: BatchItem) -> None:
    """By the secret, which also works when no token can be had any more. Once only: each reset is counted."""
    component = load_component(db, item.subject_id)
    secret = component.secret
    settle(db)
    wechat(component).quota.component_clear_quota_v2(appsecret=secret, appid=item.input["appid"] or None)


def rotate_key(db: Session, component: ComponentApp, *, who: Who) -> str:
    """Make a new message key beside the present one; both open pushes until WeChat uses the new one. Answers it, to be
    entered at WeChat.
    """
    require(who, Verb.MANAGE)
    db.refresh(component, with_for_update=True)
    if component.awaits_new_key:
        raise Conflict(N_("上一次更换还没有完成：微信还没有用上新的 Key"))
    component.previous_aes_key, component.aes_key = component.aes_key, random_aes_key()
    component.aes_key_changed_at, component.aes_key_seen_at = clock.now(), None
    activity.record(db, who, "component.rotate_key", component)
    after_commit(db, lambda: forget_receiver(component.key))
    return component.aes_key


def take_key_back(db: Session, component: ComponentApp, *, who: Who) -> None:
    """Give a rotation up that WeChat has not followed: the key that it still uses is the only one again."""
    require(who, Verb.MANAGE)
    db.refresh(component, with_for_update=True)
    if not component.awaits_new_key:
        raise Conflict(N_("微信已经在用新的 Key，不能撤销"))
    component.aes_key, component.previous_aes_key = component.previous_aes_key, ""
    component.aes_key_changed_at, component.aes_key_seen_at = None, None
    activity.record(db, who, "component.take_key_back", component)
    after_commit(db, lambda: forget_receiver(component.key))


def drop_previous_key(db: Session, component: ComponentApp, *, who: Who) -> None:
    """Once WeChat uses the new message key, nothing should open with the one before."""
    require(who, Verb.MANAGE)
    db.refresh(component, with_for_update=True)
    if component.awaits_new_key:
        raise Conflict(N_("微信还在用上一把 Key，现在停用会丢失推送"))
    if not component.previous_aes_key_sealed:
        return
    component.previous_aes_key = ""
    activity.record(db, who, "component.drop_previous_key", component)
    after_commit(db, lambda: forget_receiver(component.key))


def retry_pushes(db: Session, component: ComponentApp, *, who: Who) -> int:
    """Work again on pushes that failed for good, the newest first; says on how many."""
    require(who, Verb.WORK)
    failed = (
        select(Callback.id)
        .where(Callback.component_id == component.id, Callback.status == CallbackStatus.FAILED)
        .order_by(Callback.id.desc())
        .limit(_MOST)
        .with_for_update(skip_locked=True)
    )
    again: dict[str, Any] = {"status": CallbackStatus.QUEUED.value, "error": "", "finished_at": None}
    ids = db.scalars(
        update(Callback)
        .where(Callback.id.in_(failed))
        .values(again)
        .returning(Callback.id)
        .execution_options(synchronize_session=False)
    ).all()
    for callback_id in ids:
        enqueue(db, PROCESS, callback_id, lane=Lane.DEFAULT)
    if ids:
        activity.record(db, who, "component.retry_pushes", component, detail={"count": len(ids)})
    return len(ids)
