"""What people are told of a train: a to-do while it waits for somebody or for next month, and an alarm when it stops.

`tell` looks at the rows and brings both in line with them, so it may be called as often as anybody likes.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from saas.tenants.alarm_models import AlarmKind
from saas.tenants.alarms import clear_alarm, clear_alarms, raise_alarm
from saas.tenants.models import TaskKind
from saas.tenants.tasks import close_task, open_task, open_tasks
from saas.trains.models import ProgramState, Train, TrainProgram, TrainStatus
from saas.trains.quota import Forecast, forecast, waits_for_room
from saas.trains.waiting import waits_for_word

_TASKS = (TaskKind.TRAIN_STOPPED, TaskKind.TRAIN_WAITS, TaskKind.TRAIN_QUOTA, TaskKind.TRAIN_ROOM)
_ALARMS = {TaskKind.TRAIN_STOPPED: AlarmKind.TRAIN_STOPPED, TaskKind.TRAIN_QUOTA: AlarmKind.TRAIN_QUOTA}


def tell(db: Session, train: Train) -> None:
    """Open the to-dos and alarms that the train gives cause for, and close the others."""
    db.flush()
    wanted = _wanted(db, train)
    known = {TaskKind(one.kind): one for one in open_tasks(db, subject_ids=[train.id])}
    for kind in _TASKS:
        if kind in wanted:
            if kind not in known or known[kind].detail != wanted[kind]:
                open_task(db, train.provider_id, kind, train.id, wanted[kind])
            if kind in _ALARMS and kind not in known:
                raise_alarm(db, train.provider_id, _ALARMS[kind], train.id, wanted[kind])
        elif kind in known:
            close_task(db, train.provider_id, kind, train.id)
            if kind in _ALARMS:
                clear_alarm(db, train.provider_id, _ALARMS[kind], train.id)
    if not train.is_over and TaskKind.TRAIN_ENDED in known:
        close_end(db, train)


def tell_end(db: Session, train: Train) -> None:
    """The train is over: somebody should look at the outcome. With failures it is worth a message, too."""
    counts = _counts(db, train)
    done, failed = counts.get(ProgramState.DONE, 0), counts.get(ProgramState.FAILED, 0)
    detail = {**_named(train), "done": done, "failed": failed}
    open_task(db, train.provider_id, TaskKind.TRAIN_ENDED, train.id, detail)
    if failed:
        raise_alarm(db, train.provider_id, AlarmKind.TRAIN_FAILURES, train.id, detail)


def close_end(db: Session, train: Train) -> None:
    """Somebody has seen the end, or there is none any more."""
    close_task(db, train.provider_id, TaskKind.TRAIN_ENDED, train.id)
    clear_alarm(db, train.provider_id, AlarmKind.TRAIN_FAILURES, train.id)


def is_unseen(db: Session, train: Train) -> bool:
    """Whether its end is still a to-do."""
    return any(one.kind == TaskKind.TRAIN_ENDED for one in open_tasks(db, subject_ids=[train.id]))


def forget(db: Session, train: Train) -> None:
    """The train goes away, and whatever was told of it."""
    for kind in (*_TASKS, TaskKind.TRAIN_ENDED):
        close_task(db, train.provider_id, kind, train.id)
    clear_alarms(db, train.provider_id, [*_ALARMS.values(), AlarmKind.TRAIN_FAILURES], [train.id])


def _wanted(db: Session, train: Train) -> dict[TaskKind, dict[str, Any]]:
    named = _named(train)
    if train.status == TrainStatus.STOPPED or (train.status == TrainStatus.DRAFT and train.why):
        return {TaskKind.TRAIN_STOPPED: {**named, "why": train.why}}
    if train.status != TrainStatus.RUNNING:
        return {}
    wanted: dict[TaskKind, dict[str, Any]] = {}
    if word := waits_for_word(db, train):
        wanted[TaskKind.TRAIN_WAITS] = {**named, "why": word.value}
    seen = forecast(db, train)
    if _waits_for_month(seen):
        wanted[TaskKind.TRAIN_QUOTA] = {**named, "until": seen.returns_at.isoformat()}
    elif seen.due and waits_for_room(db, train):
        wanted[TaskKind.TRAIN_ROOM] = named
    return wanted


def _waits_for_month(seen: Forecast) -> bool:
    """There is something to submit now, and no submission left to this train."""
    return seen.left == 0 and seen.due > 0


def _named(train: Train) -> dict[str, Any]:
    return {"name": train.user_version}


def _counts(db: Session, train: Train) -> dict[str, int]:
    query = select(TrainProgram.state, func.count().label("programs")).where(TrainProgram.train_id == train.id)
    return {row.state: row.programs for row in db.execute(query.group_by(TrainProgram.state))}
