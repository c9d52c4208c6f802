"""What went between WeChat and a component app lately, for the page that shows faults with their rid."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session, load_only

from saas import clock
from saas.components.models import Callback, ComponentApp, WeChatCall


@dataclass(frozen=True)
class Day:
    """Counts of the last 24 hours. `failed_calls` are those that WeChat refused or did not answer."""

    pushes: int
    failed_pushes: int
    calls: int
    failed_calls: int


def last_day(db: Session, component: ComponentApp) -> Day:
    since = clock.now() - timedelta(days=1)
    pushes, failed_pushes = db.execute(
        select(func.count(), func.count().filter(Callback.status == "failed")).where(
            Callback.component_id == component.id, Callback.created_at > since
        )
    ).one()
    calls, failed_calls = db.execute(
        select(func.count(), func.count().filter(WeChatCall.errcode.is_distinct_from(0))).where(
            WeChatCall.component_id == component.id, WeChatCall.created_at > since
        )
    ).one()
    return Day(pushes, failed_pushes, calls, failed_calls)


def newest_pushes(db: Session, component: ComponentApp, limit: int = 30) -> list[Callback]:
    """The newest pushes, without their sealed bodies."""
    shown = load_only(
        Callback.kind, Callback.appid, Callback.status, Callback.times_seen, Callback.created_at, Callback.error
    )
    query = select(Callback).where(Callback.component_id == component.id).order_by(Callback.id.desc()).limit(limit)
    return list(db.scalars(query.options(shown)))


def newest_failed_calls(db: Session, component: ComponentApp, limit: int = 30) -> list[WeChatCall]:
    """The newest calls that WeChat refused or did not answer."""
    query = (
        select(WeChatCall)
        .where(WeChatCall.component_id == component.id, WeChatCall.errcode.is_distinct_from(0))
        .order_by(WeChatCall.id.desc())
        .limit(limit)
    )
    return list(db.scalars(query))
