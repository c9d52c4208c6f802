"""The numbers behind the health of component apps: counted from our rows, for many at once, in a few statements.

Works in a tenant's session and in a platform session. `recent` is what decides whether something is wrong now, the last
day is for people; the minute's look over all providers leaves the day out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Float, cast, extract, func, select
from sqlalchemy.orm import Session

from saas import clock
from saas.batches.models import Batch, BatchItem, BatchStatus, ItemStatus
from saas.components.models import AccessTokenRow, AuthorizationEnd, Callback, CallbackRefusal, ComponentApp, WeChatCall
from saas.components.refusals import step_of
from saas.db import least_id
from saas.queue import Job, JobStatus, Lane

DAY = timedelta(days=1)
RECENT = timedelta(minutes=30)
"""Far enough back for a share to mean something, near enough to be over soon after the cause."""
WITHDRAWN = timedelta(minutes=10)
OVERDUE = timedelta(minutes=2)
"""A token that should have been renewed twenty minutes before its end, and was not two minutes after it."""
DUE = timedelta(minutes=2)


@dataclass
class Counts:
    """How many pushes or calls there were and how they went."""

    total: int = 0
    failed: int = 0
    silent: int = 0
    again: int = 0
    median: float | None = None
    slowest: float | None = None
    by_code: Counter[int] = field(default_factory=Counter)

    @property
    def share(self) -> float:
        """Of those that failed, from 0 to 1."""
        return self.failed / self.total if self.total else 0.0


@dataclass
class Vitals:
    """One component app's numbers. `pushes_again` are those that WeChat sent more than once; times are in seconds."""

    newest_push_at: datetime | None = None
    pushes: Counts = field(default_factory=Counts)
    pushes_day: Counts = field(default_factory=Counts)
    refused: Counter[str] = field(default_factory=Counter)
    refused_day: Counter[str] = field(default_factory=Counter)
    calls: Counts = field(default_factory=Counts)
    calls_day: Counts = field(default_factory=Counts)
    alive: int = 0
    lost: int = 0
    overdue: int = 0
    overdue_since: datetime | None = None
    withdrawn: int = 0


@dataclass(frozen=True)
class Backlog:
    """What waits for a provider in the background: due jobs, and due items of running batches."""

    jobs: int = 0
    oldest_job_at: datetime | None = None
    items: int = 0
    oldest_item_at: datetime | None = None


def gather(db: Session, components: Sequence[ComponentApp], *, with_day: bool) -> dict[UUID, Vitals]:
    """The numbers of these component apps; at most eight statements, however many they are."""
    found = {component.id: Vitals() for component in components}
    if not found:
        return found
    ids = list(found)
    _read_pushes(db, ids, found, with_day=with_day)
    _read_refusals(db, ids, found)
    _read_calls(db, ids, found, with_day=with_day)
    _read_tokens(db, ids, found, with_day=with_day)
    return found


def read_backlogs(db: Session, provider_ids: Collection[UUID], *, with_items: bool) -> dict[UUID, Backlog]:
    """What is due and has not begun; bulk jobs give way to others, so they do not count."""
    now = clock.now()
    found: dict[UUID, dict[str, Any]] = {}
    jobs = (
        select(Job.provider_id, func.count().label("jobs"), func.min(Job.run_at).label("oldest_job_at"))
        .where(
            Job.status == JobStatus.QUEUED, Job.run_at < now - DUE, Job.provider_id.in_(provider_ids),
            Job.lane != Lane.BULK,
        )
        .group_by(Job.provider_id)
    )  # fmt: skip
    for row in db.execute(jobs):
        found.setdefault(row.provider_id, {}).update(jobs=row.jobs, oldest_job_at=row.oldest_job_at)
    if with_items:
        items = (
            select(
                BatchItem.provider_id, func.count().label("items"), func.min(BatchItem.run_at).label("oldest_item_at")
            )
            .join(Batch, Batch.id == BatchItem.batch_id)
            .where(
                Batch.status == BatchStatus.RUNNING, Batch.provider_id.in_(provider_ids),
                BatchItem.status.in_([ItemStatus.QUEUED, ItemStatus.WAITING]), BatchItem.run_at < now - DUE,
            )
            .group_by(BatchItem.provider_id)
        )  # fmt: skip
        for row in db.execute(items):
            found.setdefault(row.provider_id, {}).update(items=row.items, oldest_item_at=row.oldest_item_at)
    return {provider_id: Backlog(**numbers) for provider_id, numbers in found.items()}


def _read_pushes(db: Session, ids: list[UUID], found: dict[UUID, Vitals], *, with_day: bool) -> None:
    newest = (
        select(Callback.created_at)
        .where(Callback.component_id == ComponentApp.id)
        .order_by(Callback.id.desc())
        .limit(1)
        .correlate(ComponentApp)
        .scalar_subquery()
    )
    for component_id, at in db.execute(select(ComponentApp.id, newest).where(ComponentApp.id.in_(ids))):
        found[component_id].newest_push_at = at
    for row in _count_pushes(db, ids, RECENT):
        found[row.component_id].pushes = _pushes(row)
    if with_day:
        for row in _count_pushes(db, ids, DAY):
            found[row.component_id].pushes_day = _pushes(row)


def _count_pushes(db: Session, ids: list[UUID], window: timedelta) -> Sequence[Any]:
    since = clock.now() - window
    seconds = cast(extract("epoch", Callback.finished_at - Callback.created_at), Float)
    query = (
        select(
            Callback.component_id, func.count().label("total"),
            func.count().filter(Callback.status == "failed").label("failed"),
            func.count().filter(Callback.times_seen > 1).label("again"),
            func.percentile_cont(0.5).within_group(seconds).label("median"),
            func.percentile_cont(0.95).within_group(seconds).label("slowest"),
        )
        .where(Callback.component_id.in_(ids), Callback.id >= least_id(since), Callback.created_at > since)
        .group_by(Callback.component_id)
    )  # fmt: skip
    return db.execute(query).all()


def _pushes(row: Any) -> Counts:
    return Counts(row.total, row.failed, again=row.again, median=row.median, slowest=row.slowest)


def _read_refusals(db: Session, ids: list[UUID], found: dict[UUID, Vitals]) -> None:
    now = clock.now()
    recent = step_of(now - RECENT)
    query = (
        select(
            CallbackRefusal.component_id, CallbackRefusal.why, func.sum(CallbackRefusal.count),
            func.coalesce(func.sum(CallbackRefusal.count).filter(CallbackRefusal.began_at >= recent), 0),
        )
        .where(CallbackRefusal.component_id.in_(ids), CallbackRefusal.began_at > now - DAY)
        .group_by(CallbackRefusal.component_id, CallbackRefusal.why)
    )  # fmt: skip
    for component_id, why, of_day, lately in db.execute(query):
        found[component_id].refused_day[why] = int(of_day)
        if lately:
            found[component_id].refused[why] = int(lately)


def _read_calls(db: Session, ids: list[UUID], found: dict[UUID, Vitals], *, with_day: bool) -> None:
    now = clock.now()
    query = (
        select(
            WeChatCall.component_id, WeChatCall.errcode, func.count(),
            func.count().filter(WeChatCall.created_at > now - RECENT),
        )
        .where(
            WeChatCall.component_id.in_(ids), WeChatCall.created_at > now - (DAY if with_day else RECENT)
        )
        .group_by(WeChatCall.component_id, WeChatCall.errcode)
    )  # fmt: skip
    for component_id, code, of_day, lately in db.execute(query):
        vitals = found[component_id]
        for counts, number in ((vitals.calls, lately), (vitals.calls_day, of_day if with_day else 0)):
            if not number:
                continue
            counts.total += number
            if code is None:
                counts.silent += number
            if code != 0:
                counts.failed += number
            if code:
                counts.by_code[code] += number


def _read_tokens(db: Session, ids: list[UUID], found: dict[UUID, Vitals], *, with_day: bool) -> None:
    now = clock.now()
    of_programs = (AccessTokenRow.component_id.in_(ids), AccessTokenRow.appid != "")
    overdue = (
        select(AccessTokenRow.component_id, func.count(), func.min(AccessTokenRow.expires_at))
        .where(
            *of_programs, AccessTokenRow.ended_at.is_(None), AccessTokenRow.expires_at < now - OVERDUE,
            AccessTokenRow.expires_at > now - DAY,
        )
        .group_by(AccessTokenRow.component_id)
    )  # fmt: skip
    for component_id, count, since in db.execute(overdue):
        found[component_id].overdue, found[component_id].overdue_since = count, since
    withdrawn = (
        select(AccessTokenRow.component_id, func.count())
        .where(
            *of_programs, AccessTokenRow.ended_at > now - WITHDRAWN,
            AccessTokenRow.ended_why == AuthorizationEnd.UNAUTHORIZED,
        )
        .group_by(AccessTokenRow.component_id)
    )  # fmt: skip
    for component_id, count in db.execute(withdrawn):
        found[component_id].withdrawn = count
    concerned = ids if with_day else [one for one in ids if found[one].overdue or found[one].withdrawn]
    if not concerned:
        return
    states = (
        select(AccessTokenRow.component_id, AccessTokenRow.ended_why, func.count())
        .where(
            AccessTokenRow.component_id.in_(concerned), AccessTokenRow.appid != "",
            AccessTokenRow.authorized_at.is_not(None),
        )
        .group_by(AccessTokenRow.component_id, AccessTokenRow.ended_why)
    )  # fmt: skip
    for component_id, why, count in db.execute(states):
        if not why:
            found[component_id].alive = count
        elif why == AuthorizationEnd.LOST:
            found[component_id].lost = count
