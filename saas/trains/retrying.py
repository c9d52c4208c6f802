"""Taking failed mini programs on again, and taking out of their way those that cannot be worked on.

A mini program whose merchant took it away, or that WeChat holds, fails at its step before any call is made for it.
Once that has changed it goes on where it stood, by itself, as long as its train runs. Those that failed
because the component app could not call WeChat go on when it can.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, and_, case, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from saas import clock
from saas.programs.models import AuthorizationStatus, Program
from saas.programs.shutting import OF_ACCOUNT
from saas.programs.violation_models import Shut, Shutting
from saas.releases.audits import OPEN as AUDIT_OPEN
from saas.releases.models import Audit, AuditStatus, Upload, UploadStatus
from saas.trains import planning
from saas.trains.causes import (
    FROZEN,
    NOT_AUTHORIZED,
    NOT_PERMITTED,
    OF_ACCOUNT_STATE,
    OF_AUTHORIZATION,
    barred,
    component_failed,
)
from saas.trains.models import OPEN, PATH, ProgramState, StepStatus, Train, TrainProgram, TrainStep, TrainStepName
from saas.trains.steps import note_steps
from saas.wx.failures import codes_of
from saas.wx.permissions import DEVELOPMENT

HELD_BY_WECHAT = tuple(status for status, shut in OF_ACCOUNT.items() if shut is not Shut.WARNED)
"""Account states in which WeChat lets nothing be done."""
_HOLDING = tuple(OF_ACCOUNT[status] for status in HELD_BY_WECHAT)
_EARLY = (TrainStepName.CHECK, TrainStepName.SUBMIT, TrainStepName.AUDIT)
_MOST = 1000


def take_on(db: Session, train: Train, *conditions: ColumnElement[bool]) -> int:
    """Begin the failed steps of these mini programs anew, except of those that are with another train now; answers how
    many. Hold the train's row.

    A rejected one is submitted once more. Where the trial version is not this train's any more, it is uploaded first.
    An audit that we only lost sight of is looked at again.
    """
    planning.hold_trains(db, train)
    row, other = TrainProgram, aliased(TrainProgram)
    taken = select(other.id).where(other.program_id == row.program_id, other.state.in_(OPEN)).exists()
    failed = (row.train_id == train.id, row.state == ProgramState.FAILED, ~taken, *conditions)
    count = _look_again(db, failed)
    kept = select(Upload.id).where(Upload.id == row.upload_id, Upload.status == UploadStatus.READY).exists()
    early = row.step.in_(_EARLY)
    step = case(
        (and_(early, ~kept), TrainStepName.UPLOAD.value), (early, TrainStepName.CHECK.value), else_=row.step
    )  # fmt: skip
    return count + _run(
        db, update(row).where(*failed).values(step=step, state=ProgramState.READY, state_at=clock.now())
    )  # fmt: skip


def failed_at(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """The condition on mini programs whose present step failed so."""
    mine = (TrainStep.train_program_id == TrainProgram.id, TrainStep.step == TrainProgram.step)
    return select(TrainStep.id).where(*mine, TrainStep.status == StepStatus.FAILED, *conditions).exists()


def take_out(db: Session, train: Train) -> int:
    """Let those fail that would begin a step, or are in audit, and cannot be worked on; answers how many."""
    row = TrainProgram
    begins = or_(
        row.state == ProgramState.READY, and_(row.state == ProgramState.RUNNING, row.step == TrainStepName.AUDIT)
    )  # fmt: skip
    query = (
        select(row.id, row.step, row.audit_id, Program.authorization, Program.account_status)
        .join(Program, Program.id == row.program_id)
        .where(row.train_id == train.id, begins, ~_workable())
        .order_by(row.id)
        .limit(_MOST)
    )
    rows = db.execute(query).all()
    now = clock.now()
    for step in PATH:
        here = {one.id: _why(one) for one in rows if one.step == step}
        if step is TrainStepName.AUDIT:
            for text in set(here.values()):
                ids = [row_id for row_id, why in here.items() if why == text]
                told = update(TrainStep).where(TrainStep.step == step, TrainStep.train_program_id.in_(ids))
                _run(db, told.values(status=StepStatus.FAILED, error=text, answered_at=now))
        elif here:
            failed = [{"train_program_id": row_id, "error": why, "answered_at": now} for row_id, why in here.items()]
            note_steps(db, train, step, failed, StepStatus.FAILED)
    if rows:
        gone = update(row).where(row.id.in_([one.id for one in rows]))
        _run(db, gone.values(state=ProgramState.FAILED, state_at=now))
    return len(rows)


def take_back(db: Session, train: Train) -> int:
    """Let those go on that failed by what was their own once that has changed; answers how many.

    A mere new reading is no change: WeChat would refuse the same again, and every refusal has the account read anew.
    """
    if not _any_failed(db, train, barred()):
        return 0
    workable = _of_program(Program, Program.id == TrainProgram.program_id, _workable())
    return take_on(db, train, failed_at(barred(), _is_past()), workable)


def take_on_components(db: Session, train: Train) -> int:
    """The component app works again: begin what failed only because it did not."""
    return take_on(db, train, failed_at(component_failed()))


def _look_again(db: Session, failed: Iterable[ColumnElement[bool]]) -> int:
    """Audits that go on at WeChat, or went well, are neither to be submitted again nor forgotten."""
    row = TrainProgram
    alive = select(Audit.id).where(Audit.id == row.audit_id, Audit.status.in_((*AUDIT_OPEN, AuditStatus.APPROVED)))
    rows = db.scalars(
        update(row)
        .where(*failed, row.step == TrainStepName.AUDIT, or_(alive.exists(), failed_at(barred())))
        .values(state=ProgramState.RUNNING, state_at=clock.now())
        .returning(row.id)
        .execution_options(synchronize_session=False)
    ).all()
    if rows:
        mine = (TrainStep.train_program_id.in_(rows), TrainStep.step == TrainStepName.AUDIT)
        _run(db, update(TrainStep).where(*mine).values(status=StepStatus.RUNNING, error="", answered_at=None))
    return len(rows)


def _workable() -> ColumnElement[bool]:
    """As far as our rows tell; a mini program whose permissions were never read may be tried."""
    sets = Program.permission_sets
    return and_(
        Program.authorization == AuthorizationStatus.AUTHORIZED,
        or_(func.cardinality(sets) == 0, sets.contains([DEVELOPMENT])), ~_is_held(),
    )  # fmt: skip


def _is_held() -> ColumnElement[bool]:
    return func.coalesce(Program.account_status.in_(HELD_BY_WECHAT), False)


def _is_past() -> ColumnElement[bool]:
    """The condition on failed steps whose cause was the mini program's own and may be gone: of what our own rows told,
    they tell otherwise now (`_workable`); of what WeChat said, what it spoke of has changed since. A penalty may hold
    an account that is read as normal: whoever knows that it has ended tries again by hand."""
    step = TrainStep
    authorized = _of_program(Program, Program.id == TrainProgram.program_id, Program.authorized_at > step.answered_at)
    thawed = _of_program(
        Shutting, Shutting.program_id == TrainProgram.program_id, Shutting.kind.in_(_HOLDING),
        Shutting.ended_at > step.answered_at,
    )  # fmt: skip
    refused = [codes_of(*kinds) for kinds in (OF_AUTHORIZATION, OF_ACCOUNT_STATE)]
    return or_(
        step.errcode.is_(None), and_(step.errcode.in_(refused[0]), authorized),
        and_(step.errcode.in_(refused[1]), thawed),
    )  # fmt: skip


def _of_program(kind: Any, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return select(kind.id).where(*conditions).correlate(TrainProgram, TrainStep).exists()


def _why(row: Any) -> str:
    if row.authorization != AuthorizationStatus.AUTHORIZED:
        return NOT_AUTHORIZED
    return FROZEN if row.account_status in HELD_BY_WECHAT else NOT_PERMITTED


def _any_failed(db: Session, train: Train, condition: ColumnElement[bool]) -> bool:
    query = select(TrainStep.id).where(TrainStep.train_id == train.id, TrainStep.status == StepStatus.FAILED, condition)
    return bool(db.scalar(select(query.exists())))


def _run(db: Session, statement: Any) -> int:
    result = db.execute(statement.execution_options(synchronize_session=False))
    assert isinstance(result, CursorResult)
    return result.rowcount
