"""A train before it sets off: who goes first, when it sets off by itself, and a new look at who can go."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from saas import clock
from saas.errors import N_, Conflict, Forbidden, Invalid
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require, system
from saas.tenants.providers import ProviderSuspended, member_now
from saas.trains import planning
from saas.trains.models import ProgramState, StopReason, Train, TrainProgram, TrainStatus, TrainWave
from saas.trains.telling import forget, tell

_FARTHEST = timedelta(days=180)


def choose_canary(
    db: Session, train: Train, *, who: Who, chosen: Collection[UUID], others: Collection[UUID] = ()
) -> int:  # fmt: skip
    """Have these mini programs of the draft (ids of their rows) go first, too, and `others` not; answers how many."""
    _hold(db, train, who)
    rows = db.execute(
        select(TrainProgram.id, TrainWave.is_canary)
        .join(TrainWave, TrainWave.id == TrainProgram.wave_id, isouter=True)
        .where(TrainProgram.train_id == train.id, TrainProgram.state == ProgramState.PLANNED)
        .order_by(TrainProgram.id)
    ).all()
    wanted, unwanted = frozenset(chosen), frozenset(others) - frozenset(chosen)
    first = [one.id for one in rows if one.id in wanted or (one.is_canary and one.id not in unwanted)]
    taken = frozenset(first)
    planning.arrange(db, train, first, [one.id for one in rows if one.id not in taken])
    activity.record(db, who, "train.canary", train, detail={"count": len(first), "version": train.user_version})
    return len(first)


def look_again(db: Session, train: Train, *, who: Who) -> int:
    """Sort anew who can go: merchants may have authorized, values may have been filled in. Answers how many go."""
    _hold(db, train, who)
    template = planning.template_of(db, train)
    row = TrainProgram
    query = select(row.id, row.program_id).where(row.train_id == train.id, row.state == ProgramState.EXCLUDED)
    out = {one.program_id: one.id for one in db.execute(query)}
    back = planning.who_can_go(db, template, out, train.user_version)
    if back:
        again = update(row).where(row.id.in_([out[one] for one in back]))
        db.execute(
            again.values(state=ProgramState.PLANNED, reason="", state_at=clock.now()),
            execution_options={"synchronize_session": False},
        )
    planning.leave_out(db, train)
    planning.cut_waves(db, train)
    return train.total


def plan_start(db: Session, train: Train, at: datetime, *, who: Who) -> None:
    """Have a draft set off by itself at this time, in place of one that was planned before."""
    _hold(db, train, who)
    now = clock.now()
    if at <= now:
        raise Invalid(N_("请选择以后的时间"), field="at")
    if at > now + _FARTHEST:
        raise Invalid(N_("最多提前 %(days)d 天"), field="at", days=_FARTHEST.days)
    if not train.total:
        raise Conflict(N_("没有可以发布的小程序"))
    train.starts_at, train.starts_by, train.starts_by_name = at, who.user_id, who.name
    train.why, train.why_detail = "", {}
    tell(db, train)
    activity.record(db, who, "train.plan_start", train, detail={"at": at.isoformat(), "version": train.user_version})


def cancel_planned_start(db: Session, train: Train, *, who: Who) -> None:
    """Let the draft be a draft; may be pressed twice."""
    _hold(db, train, who)
    if train.starts_at is not None:
        train.starts_at = None
        activity.record(db, who, "train.cancel_start", train, detail={"version": train.user_version})


def delete_draft(db: Session, train: Train, *, who: Who) -> None:
    """Forget a train that never set off."""
    _hold(db, train, who)
    forget(db, train)
    activity.record(db, who, "train.delete", train, detail={"version": train.user_version})
    db.delete(train)


def set_off_if_due(db: Session, train: Train) -> bool:
    """The conductor's part: set a planned draft off at its time, in the name and with the present rights of whoever
    planned it; answers whether it did. Hold the train's row.

    When she may not any more, or nobody can go, it stays a draft, and people get to know.
    """
    if train.status != TrainStatus.DRAFT or train.starts_at is None or train.starts_at > clock.now():
        return False
    try:
        who = member_now(train.starts_by, train.provider_id) if train.starts_by is not None else None
    except ProviderSuspended:
        return False  # not now: it starts late
    except Forbidden:
        who = None
    if who is None or not who.may(Verb.WORK):
        _stay(db, train, StopReason.STARTER, {"name": train.starts_by_name})
        return False
    try:
        with db.begin_nested():
            planning.start_train(db, train, who=who)
    except Conflict as error:
        db.refresh(train)
        _stay(db, train, StopReason.NOBODY, {"error": error.message})
        return False
    return True


def _stay(db: Session, train: Train, why: StopReason, detail: dict[str, str]) -> None:
    """Leave it a draft, and tell people."""
    train.starts_at, train.why, train.why_detail = None, why, detail
    tell(db, train)
    facts = {"reason": why.value, "version": train.user_version}
    activity.record(db, system(train.provider_id), "train.stop", train, outcome="failed", detail=facts)


def _hold(db: Session, train: Train, who: Who) -> None:
    require(who, Verb.WORK)
    db.refresh(train, with_for_update=True)
    if train.status != TrainStatus.DRAFT:
        raise Conflict(N_("批量发布已经开始了"))
