"""The pump of one component app's looks: goes through what is due, several mini programs at a time, for a few seconds.

A look is claimed by moving it some minutes ahead: whoever dies on the way leaves it to be found then. While the
component app's secret, ticket or address is wrong, nobody is asked anything, but time limits end; while WeChat is
silent, hardly anybody is.
"""

from __future__ import annotations

import contextvars
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, Select, delete, func, select, update
from sqlalchemy.orm import Session

from saas import clock
from saas.components.models import Callback, ComponentApp, ComponentStatus
from saas.components.origins import Origin, Resting, calling_for
from saas.db import settle
from saas.errors import AppError
from saas.programs.models import AuthorizationStatus, Program
from saas.programs.polling import PLANS, find
from saas.programs.polling_models import Kind, Look
from saas.programs.rhythms import AT_ONCE_AGAIN, Rhythm, Standing, pause
from saas.queue import Later
from saas.wx import errors

log = structlog.get_logger()

Sessions = Callable[[], AbstractContextManager[Session]]

SLICE = 5.0
THREADS = 8
_CLAIM = timedelta(minutes=10)
_REST = timedelta(days=1)
_TOGETHER = timedelta(seconds=15)
"""Looks that come due within so long are made in one pass."""
_SILENT_PAUSE = timedelta(minutes=2)
_FAULT_PAUSE = timedelta(minutes=1)
_HEARD = 300
_FAULTS = (errors.SecretWrong, errors.IpNotAllowed, errors.TicketInvalid, errors.AppidInvalid)
_OF_MERCHANT = [kind.value for kind, plan in PLANS.items() if plan.needs_authorization]


@dataclass(frozen=True)
class _Claimed:
    id: UUID
    kind: Kind
    subject_id: UUID
    rhythm: Rhythm
    since: datetime | None
    until: datetime | None
    due_at: datetime
    hurried: int
    failures: int

    @property
    def standing(self) -> Standing:
        return Standing(self.rhythm, self.since or clock.now(), self.until)


class _Pass:
    """What the threads of one pass share."""

    def __init__(
        self, component: ComponentApp, sessions: Sessions, *, hurried_only: bool = False, deaf: bool = False
    ) -> None:
        self.component_id, self.sessions, self.hurried_only, self.deaf = component.id, sessions, hurried_only, deaf
        self.resting = component.status != ComponentStatus.READY
        self.ends = time.monotonic() + SLICE
        self.unanswered = 0
        self.faulty = False

    @property
    def is_silent(self) -> bool:
        return self.unanswered >= THREADS

    @property
    def goes_on(self) -> bool:
        return not self.faulty and not self.is_silent and time.monotonic() < self.ends


def look_at_due(db: Session, component: ComponentApp, sessions: Sessions, *, hurried_only: bool = False) -> None:
    """Make the looks that are due; raises Later with the time of the next one. `hurried_only`: those that cannot wait
    behind a whole fleet. Each call of `sessions` opens one that commits while this pump is the only one of its kind.
    """
    _rest(db, component)
    one = _Pass(component, sessions, hurried_only=hurried_only, deaf=_is_deaf(db, component))
    due = db.scalar(select(func.count()).select_from(_due(one).limit(THREADS).subquery())) or 0
    settle(db)
    if due:
        with ThreadPoolExecutor(due, thread_name_prefix="look") as pool:
            working = [pool.submit(contextvars.copy_context().run, _work, one) for _ in range(due)]
        for thread in working:
            thread.result()
    _end(db, one)


def _end(db: Session, one: _Pass) -> None:
    if one.faulty or one.is_silent:
        raise Later(_FAULT_PAUSE if one.faulty else _SILENT_PAUSE, why="the component app cannot ask now")
    next_at = db.scalar(select(func.min(Look.due_at)).where(*_mine(one)))
    if next_at is None:
        return
    in_time = time.monotonic() < one.ends
    least = timedelta(seconds=1) if one.hurried_only else _TOGETHER
    raise Later(max(next_at - clock.now(), least if in_time else timedelta(0)))


def _rest(db: Session, component: ComponentApp) -> None:
    """Without the merchant's permission there is nothing to ask; `polling.wake` ends the rest.

    The looks are locked before it is asked once more who has no permission: from then on, whoever gives it waits.
    """
    without = select(Program.id).where(
        Program.id == Look.program_id, Program.authorization != AuthorizationStatus.AUTHORIZED
    )
    is_without, now = without.correlate(Look).exists(), clock.now()
    due = (Look.component_id == component.id, Look.due_at <= now, Look.kind.in_(_OF_MERCHANT), is_without)
    held = db.scalars(select(Look.id).where(*due).with_for_update(skip_locked=True)).all()
    if held:
        rest = update(Look).where(Look.id.in_(held), is_without).values(due_at=now + _REST, hurried=0)
        db.execute(rest.execution_options(synchronize_session=False))


def _is_deaf(db: Session, component: ComponentApp) -> bool:
    """Whether none of the newest pushes was a message of a mini program: nothing will tell of the end of a review."""
    newest = select(Callback.appid).where(Callback.component_id == component.id).order_by(Callback.id.desc())
    return not db.scalar(select(func.bool_or(newest.limit(_HEARD).subquery().c.appid != "")))


def _mine(one: _Pass) -> list[ColumnElement[bool]]:
    """Which looks this pass is for. While the component app rests, those that time ends; `wake_pumps` does the rest."""
    mine = [Look.component_id == one.component_id]
    if one.hurried_only:
        mine.append(Look.hurried > 0)
    if one.resting:
        mine.append(Look.until.is_not(None))
    return mine


def _due(one: _Pass) -> Select[UUID]:
    return select(Look.id).where(*_mine(one), Look.due_at <= clock.now())


def _work(one: _Pass) -> None:
    """One thread: look after look, as long as there is time and one is due."""
    with calling_for(Origin.POLLING, resting=one.resting):
        while one.goes_on:
            with one.sessions() as db:
                claimed = _claim(db, one)
            if claimed is None:
                return
            with structlog.contextvars.bound_contextvars(look=claimed.kind.value, subject=str(claimed.subject_id)):
                _look(one, claimed)


def _claim(db: Session, one: _Pass) -> _Claimed | None:
    """Take what is due longest, what is hurried first. Its count of hurried tries goes down with it."""
    order = (Look.due_at,) if one.hurried_only else ((Look.hurried > 0).desc(), Look.due_at)
    next_one = _due(one).order_by(*order).limit(1).with_for_update(skip_locked=True)
    row = db.execute(
        update(Look)
        .where(Look.id == next_one.scalar_subquery())
        .values(due_at=clock.now() + _CLAIM, hurried=func.greatest(Look.hurried - 1, 0))
        .returning(
            Look.id, Look.kind, Look.subject_id, Look.rhythm, Look.since, Look.until, Look.due_at, Look.hurried,
            Look.failures,
        )
        .execution_options(synchronize_session=False)
    ).first()  # fmt: skip
    if row is None:
        return None
    found_id, kind, subject, rhythm, since, until, due_at, hurried, failures = row
    return _Claimed(found_id, Kind(kind), subject, Rhythm(rhythm), since, until, due_at, hurried, failures)


def _look(one: _Pass, claimed: _Claimed) -> None:
    """Ask, and write when to ask next. What a failed function did since it last settled is rolled back."""
    try:
        with one.sessions() as db:
            standing = find(claimed.kind).function(db, claimed.subject_id)
            if standing is None:
                db.execute(delete(Look).where(*_still(claimed)).execution_options(synchronize_session=False))
            else:
                _plan(db, one, claimed, standing)
        one.unanswered = 0
    except Exception as error:
        one.unanswered = one.unanswered + 1 if isinstance(error, errors.WeChatUnreachable) else 0
        one.faulty = one.faulty or isinstance(error, _FAULTS)
        expected = isinstance(error, AppError | errors.CallFailed)
        log.log(20 if expected else 40, "look_failed", error=str(error), exc_info=not expected)
        with one.sessions() as db:
            _failed(db, one, claimed, error)


def _plan(db: Session, one: _Pass, claimed: _Claimed, standing: Standing) -> None:
    now = clock.now()
    is_news = claimed.since is not None and (standing.rhythm, standing.since) != (claimed.rhythm, claimed.since)
    again = claimed.hurried > 0 and not is_news
    wait = AT_ONCE_AGAIN if again else pause(standing, now, deaf=one.deaf)
    _write(
        db, claimed, due_at=now + wait, rhythm=standing.rhythm.value, since=standing.since, until=standing.until,
        failures=0, looked_at=now, hurried=claimed.hurried if again else 0,
    )  # fmt: skip


def _failed(db: Session, one: _Pass, claimed: _Claimed, error: Exception) -> None:
    """Not the mini program's fault: it is asked about as soon as the component app works again."""
    now = clock.now()
    if isinstance(error, _FAULTS):
        _write(db, claimed, due_at=now)
    elif isinstance(error, Resting):
        _write(db, claimed, due_at=now + pause(claimed.standing, now))
    else:
        failures = claimed.failures + 1
        wait = pause(claimed.standing, now, failures=failures, deaf=one.deaf)
        _write(db, claimed, due_at=now + wait, failures=failures, looked_at=now, hurried=0)


def _still(claimed: _Claimed) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Unless it was planned anew meanwhile, or taken by another: what we have just heard may be older than that."""
    return Look.id == claimed.id, Look.due_at == claimed.due_at


def _write(db: Session, claimed: _Claimed, **values: object) -> None:
    db.execute(update(Look).where(*_still(claimed)).values(**values).execution_options(synchronize_session=False))
