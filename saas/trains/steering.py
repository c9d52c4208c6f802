"""Steering a train. Each locks the train's row, says so in the activity log, and may be pressed twice."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, CursorResult, and_, or_, select, update
from sqlalchemy.orm import Session, aliased

from saas import clock
from saas.batches import steering as batches
from saas.components.budgets import used_up
from saas.errors import N_, Conflict
from saas.programs.models import Program
from saas.releases import bulk
from saas.releases.audits import OPEN as AUDIT_OPEN
from saas.releases.models import Audit
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require
from saas.trains import planning
from saas.trains.causes import Cause
from saas.trains.conducting import wake_conductor, waves_of
from saas.trains.models import (
    ProgramState,
    StepStatus,
    Train,
    TrainProgram,
    TrainStatus,
    TrainStep,
    TrainStepName,
    TrainWave,
)
from saas.trains.retrying import failed_at, take_on
from saas.trains.returning import count_releasing, lead_back, lead_off, returnable
from saas.trains.steps import batch_ids
from saas.trains.stopping import go_on
from saas.trains.telling import close_end, tell
from saas.trains.waiting import is_at_gate

_UNDOS = ("undo_audit_day", "undo_audit_month")


@dataclass(frozen=True)
class Asked:
    """How many mini programs something was begun for, how many it cannot be done for, and for how many it will be as
    soon as their release has ended."""

    count: int
    without: int
    later: int = 0


def start(db: Session, train: Train, *, who: Who) -> int:
    """Set a draft off; answers how many mini programs go."""
    count = planning.start_train(db, train, who=who)
    wake_conductor(db, train)
    tell(db, train)
    return count


def pause(db: Session, train: Train, *, who: Who) -> None:
    """Begin nothing more; what is under way ends, audits go on."""
    _hold(db, train, who)
    if train.status == TrainStatus.PAUSED:
        return
    _refuse_unless(train, TrainStatus.RUNNING)
    _pause(db, train, who)


def resume(db: Session, train: Train, *, who: Who) -> None:
    """Go on after a pause or a stop; its rules count anew."""
    _hold(db, train, who)
    if train.status == TrainStatus.RUNNING:
        return
    _refuse_unless(train, TrainStatus.PAUSED, TrainStatus.STOPPED)
    go_on(db, train)
    wake_conductor(db, train)
    tell(db, train)
    activity.record(db, who, "train.resume", train)


def cancel(db: Session, train: Train, *, who: Who) -> None:
    """Drop what has not begun. What is under way ends; audits stay with WeChat, and what is released stays online."""
    _hold(db, train, who)
    if train.status == TrainStatus.CANCELLED:
        return
    _refuse_unless(train, TrainStatus.RUNNING, TrainStatus.PAUSED, TrainStatus.STOPPED)
    train.status, train.finished_at, train.why, train.why_detail = TrainStatus.CANCELLED, clock.now(), "", {}
    ids = batch_ids(waves_of(db, train))
    batches.drop_unbegun(db, ids)
    batches.resume_all(db, ids)
    row, in_review = TrainProgram, TrainProgram.step == TrainStepName.AUDIT
    dropped = or_(
        row.state.in_((ProgramState.WAITING, ProgramState.READY)), and_(row.state == ProgramState.RUNNING, in_review)
    )
    count = _change(db, train, ProgramState.CANCELLED, dropped)
    audits = (TrainStep.train_id == train.id, TrainStep.step == TrainStepName.AUDIT)
    db.execute(
        update(TrainStep)
        .where(*audits, TrainStep.status == StepStatus.RUNNING)
        .values(status=StepStatus.CANCELLED)
        .execution_options(synchronize_session=False)
    )
    wake_conductor(db, train)
    tell(db, train)
    activity.record(db, who, "train.cancel", train, detail={"count": count})


def retry_failed(
    db: Session, train: Train, *, who: Who, cause: Cause | None = None, places: Collection[UUID] | None = None
) -> int:
    """Give those that failed another try, all, those of one cause or those that are named; answers how many. See
    `take_on`."""
    _hold(db, train, who)
    _refuse_unless(train, TrainStatus.RUNNING, TrainStatus.PAUSED, TrainStatus.STOPPED, TrainStatus.DONE)
    chosen = [] if places is None else [TrainProgram.id.in_(places)]
    count = take_on(db, train, *chosen, *([failed_at(cause.holds)] if cause else []))
    if count:
        train.counts_from = clock.now()
        if train.status == TrainStatus.DONE:
            train.status, train.finished_at, train.rolls_back = TrainStatus.RUNNING, None, False
        wake_conductor(db, train)
        tell(db, train)
        activity.record(db, who, "train.retry", train, detail={"count": count})
    return count


def skip(db: Session, train: Train, place: TrainProgram, *, who: Who) -> None:
    """Let one mini program go no further in this train. One whose step is being done cannot be held up; in audit it
    can: it will not be released."""
    _hold(db, train, who)
    db.refresh(place, with_for_update=True)
    if place.state == ProgramState.SKIPPED:
        return
    waits = place.state in (ProgramState.WAITING, ProgramState.READY, ProgramState.FAILED)
    in_audit = place.state == ProgramState.RUNNING and place.step == TrainStepName.AUDIT
    if train.status == TrainStatus.DRAFT or not (waits or in_audit):
        raise Conflict(N_("现在不能跳过：这一步正在进行，或已经结束"))
    place.state, place.state_at = ProgramState.SKIPPED, clock.now()
    if in_audit:
        mine = (TrainStep.train_program_id == place.id, TrainStep.step == TrainStepName.AUDIT)
        db.execute(update(TrainStep).where(*mine).values(status=StepStatus.CANCELLED))
    activity.record(db, who, "train.skip", train, detail={"program": place.program_name})


def skip_failed(db: Session, train: Train, *, who: Who, cause: Cause) -> int:
    """Let those that failed for one cause go no further in this train; answers how many."""
    _hold(db, train, who)
    _refuse_unless(train, TrainStatus.RUNNING, TrainStatus.PAUSED, TrainStatus.STOPPED, TrainStatus.DONE)
    met = and_(TrainProgram.state == ProgramState.FAILED, failed_at(cause.holds))
    count = _change(db, train, ProgramState.SKIPPED, met)
    if count:
        tell(db, train)
        activity.record(db, who, "train.skip", train, detail={"count": count})
    return count


def let_on(db: Session, train: Train, wave: TrainWave, *, who: Who) -> None:
    """Let the wave after this one go, where the train waits for a word."""
    _hold(db, train, who)
    _refuse_unless(train, TrainStatus.RUNNING)
    db.refresh(wave)
    if wave.let_on_at is not None:
        return
    if not is_at_gate(train, wave):
        raise Conflict(N_("这一批还没有到可以放行的时候"))
    wave.let_on_at = clock.now()
    wake_conductor(db, train)
    tell(db, train)
    activity.record(db, who, "train.let_on", train, detail={"wave": wave.number})


def adjust(db: Session, train: Train, *, who: Who, **changes: Any) -> None:
    """Change how a train goes on (`planning.CHANGEABLE`); what has been submitted or released stays so."""
    _hold(db, train, who)
    if train.is_over:
        raise Conflict(N_("批量发布的状态已经变了，请刷新页面"))
    planning.check_numbers(changes)
    for name, value in changes.items():
        setattr(train, name, value)
    if train.status != TrainStatus.DRAFT:
        if train.releases_itself:
            for wave in waves_of(db, train):
                if wave.opened_at is not None and wave.release_allowed_at is None:
                    wave.release_allowed_at = clock.now()
        wake_conductor(db, train)
        tell(db, train)
    activity.record(db, who, "train.adjust", train, detail={"version": train.user_version})


def acknowledge(db: Session, train: Train, *, who: Who) -> None:
    """Somebody has seen how the train ended: it is no to-do any more."""
    _hold(db, train, who)
    close_end(db, train)


def allow_release(db: Session, train: Train, wave: TrainWave, *, who: Who, full: bool = False) -> None:
    """Release what is approved of a wave, and what will be; `full`: to all users, after a phased release."""
    _hold(db, train, who)
    _refuse_unless(train, TrainStatus.RUNNING)
    db.refresh(wave)
    if wave.opened_at is None or (full and wave.release_allowed_at is None):
        raise Conflict(N_("这一批还没有开始"))
    if (wave.full_allowed_at if full else wave.release_allowed_at) is not None:
        return
    if full:
        wave.full_allowed_at = clock.now()
    else:
        wave.release_allowed_at = clock.now()
    wake_conductor(db, train)
    tell(db, train)
    activity.record(db, who, "train.release_full" if full else "train.release", train, detail={"wave": wave.number})


def undoable(db: Session, train: Train) -> tuple[list[Any], int]:
    """The train's audits that can be withdrawn now, and how many have no chance left today or this month."""
    row, undo = TrainProgram, aliased(TrainStep)
    running = select(undo.id).where(
        undo.train_program_id == row.id, undo.step == TrainStepName.UNDO, undo.status == StepStatus.RUNNING
    )
    query = (
        select(row.id.label("row_id"), row.program_name, row.audit_id, Program.id, Program.appid)
        .join(Program, Program.id == row.program_id)
        .join(Audit, Audit.id == row.audit_id)
        .where(row.train_id == train.id, Audit.status.in_(AUDIT_OPEN), Audit.auditid != "", ~running.exists())
        .order_by(row.id)
    )
    rows = list(db.execute(query).all())
    without = used_up(db, train.component_id, _UNDOS) if rows else set()
    able = [one for one in rows if one.appid not in without]
    return able, len(rows) - len(able)


def undo_pending(db: Session, train: Train, *, who: Who) -> Asked:
    """Withdraw the train's audits that are open, as far as chances are left. A running train is paused first."""
    _hold(db, train, who)
    if train.status == TrainStatus.RUNNING:
        _pause(db, train, who)
    rows, without = undoable(db, train)
    asked = [(one.row_id, one.id, one.program_name, {"audit": str(one.audit_id)}) for one in rows]
    lead_off(db, train, TrainStepName.UNDO, bulk.UNDO, asked)
    if asked:
        wake_conductor(db, train)
        activity.record(db, who, "train.undo", train, detail={"count": len(asked)})
    return Asked(len(asked), without)


def roll_back(db: Session, train: Train, *, who: Who) -> Asked:
    """Give the whole train up: nothing more is begun, and every mini program that got this version goes back to the one
    before; those whose release is under way do as soon as it has ended. Where something newer is online by now, nothing
    is done. Audits stay as they are."""
    _hold(db, train, who)
    _refuse_unless(train, *(one for one in TrainStatus if one is not TrainStatus.DRAFT))
    if not train.is_over:
        cancel(db, train, who=who)
    train.rolls_back = True
    wake_conductor(db, train)
    online, shared, without = returnable(db, train)
    lead_back(db, train, online, shared)
    count, later = len(online) + len(shared), count_releasing(db, train)
    close_end(db, train)
    if count or later:
        detail = {"count": count + later, "version": train.user_version}
        activity.record(db, who, "train.roll_back", train, detail=detail)
    return Asked(count, without, later)


def _pause(db: Session, train: Train, who: Who) -> None:
    train.status = TrainStatus.PAUSED
    batches.pause_all(db, batch_ids(waves_of(db, train)))
    tell(db, train)
    activity.record(db, who, "train.pause", train)


def _hold(db: Session, train: Train, who: Who) -> None:
    require(who, Verb.WORK)
    db.refresh(train, with_for_update=True)


def _refuse_unless(train: Train, *allowed: TrainStatus) -> None:
    if train.status not in allowed:
        raise Conflict(N_("批量发布的状态已经变了，请刷新页面"))


def _change(db: Session, train: Train, state: ProgramState, condition: ColumnElement[bool]) -> int:
    changed = db.execute(
        update(TrainProgram)
        .where(TrainProgram.train_id == train.id, condition)
        .values(state=state, state_at=clock.now())
        .execution_options(synchronize_session=False)
    )
    assert isinstance(changed, CursorResult)
    return changed.rowcount
