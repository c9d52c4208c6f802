"""How the train's mini programs get on: what batch items, audits and releases have become since the last look.

The rows of steps and programs are written from those rows by statements over many at once, so it may be repeated at any
time. Nothing is begun here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, CursorResult, Text, Uuid, and_, case, cast, func, literal, or_, select, update
from sqlalchemy.orm import Session, aliased

from saas import clock
from saas.batches.models import BatchItem, ItemStatus
from saas.releases.audits import RUNNING as AUDIT_RUNNING
from saas.releases.models import Audit, AuditStatus, Release, ReleaseStatus, Upload
from saas.trains.causes import DROPPED, QUOTA_USED_UP, REJECTED
from saas.trains.models import (
    OPEN,
    ProgramState,
    StepStatus,
    Train,
    TrainProgram,
    TrainStatus,
    TrainStep,
    TrainStepName,
)
from saas.trains.steps import note_steps

_OFF_PATH = (TrainStepName.UNDO, TrainStepName.ROLL_BACK)


def collect(db: Session, train: Train) -> int:
    """Bring the train's rows up to date; answers how many mini programs moved. Hold the train's row."""
    _read_items(db, train)
    _read_audits(db, train)
    if not train.is_over:
        _reopen(db, train)
    moved = _uploaded(db, train) + _submitted(db, train) + _decided(db, train)
    moved += _phased(db, train) + _released(db, train) + _led_off(db, train)
    _hold_back(db, train)
    return moved + _failed(db, train)


def _read_items(db: Session, train: Train) -> None:
    """Steps are what their items are. Failed ones are looked at, too: an item may have been retried in its batch."""
    item, step = BatchItem, TrainStep
    dropped = StepStatus.CANCELLED if train.status == TrainStatus.CANCELLED else StepStatus.FAILED
    status = case(
        (and_(item.status == ItemStatus.SKIPPED, step.step.in_(_OFF_PATH)), StepStatus.CANCELLED.value),
        (item.status.in_((ItemStatus.DONE, ItemStatus.SKIPPED)), StepStatus.DONE.value),
        (item.status == ItemStatus.FAILED, StepStatus.FAILED.value),
        (item.status == ItemStatus.CANCELLED, dropped.value),
        else_=StepStatus.RUNNING.value,
    )
    tries = step.earlier_tries + item.attempt
    error = case((item.status == ItemStatus.CANCELLED, DROPPED), else_=item.error)
    changed = or_(
        step.status != status, step.tries != tries, step.error != error,
        step.sent_at.is_distinct_from(item.started_at),
    )  # fmt: skip
    _run(
        db, update(step)
        .where(
            step.train_id == train.id, item.id == step.item_id, changed,
            step.status.in_((StepStatus.RUNNING, StepStatus.FAILED, StepStatus.CANCELLED)),
        )
        .values(
            status=status, tries=tries, errcode=item.errcode, operation=item.operation, rid=item.rid,
            error=error, sent_at=item.started_at, answered_at=item.finished_at,
        ),
    )  # fmt: skip


def _read_audits(db: Session, train: Train) -> None:
    """An audit is watched elsewhere; here is only what it says."""
    step, row, audit = TrainStep, TrainProgram, Audit
    status = case(
        (audit.status == AuditStatus.APPROVED, StepStatus.DONE.value),
        (audit.status == AuditStatus.UNDONE, StepStatus.CANCELLED.value),
        else_=StepStatus.FAILED.value,
    )
    _run(
        db, update(step)
        .where(
            step.train_id == train.id, step.step == TrainStepName.AUDIT, step.status == StepStatus.RUNNING,
            row.id == step.train_program_id, audit.id == row.audit_id, audit.status.not_in(AUDIT_RUNNING),
        )
        .values(
            status=status, answered_at=func.coalesce(audit.decided_at, audit.finished_at),
            error=case((audit.status == AuditStatus.REJECTED, func.coalesce(func.nullif(audit.reason, ""), REJECTED)),
                       else_=""),
        ),
    )  # fmt: skip


def _reopen(db: Session, train: Train) -> None:
    """A step whose item was retried in its batch goes on here, unless another train has the mini program now."""
    row, step, other = TrainProgram, TrainStep, aliased(TrainProgram)
    taken = select(other.id).where(other.program_id == row.program_id, other.state.in_(OPEN)).exists()
    _move(
        db, train, {"state": ProgramState.RUNNING.value}, row.state == ProgramState.FAILED,
        step.train_program_id == row.id, step.step == row.step, ~taken,
        step.status.in_((StepStatus.RUNNING, StepStatus.DONE)),
    )  # fmt: skip


def _uploaded(db: Session, train: Train) -> int:
    own = cast(BatchItem.result["row"].astext, Uuid)
    values = {"step": TrainStepName.CHECK.value, "state": _next(train), "upload_id": own}
    done = _done(TrainStepName.UPLOAD)
    moved = _move(db, train, values, *done, BatchItem.id == TrainStep.item_id)
    _note_sent(db, moved, TrainStepName.UPLOAD, Upload, TrainProgram.upload_id)
    return len(moved)


def _submitted(db: Session, train: Train) -> int:
    """The audit is the newest of this train's upload, whoever submitted it: what it is released by is the train's word
    from then on.
    """
    row = TrainProgram
    newest = (
        select(Audit.id)
        .where(Audit.upload_id == row.upload_id, Audit.status != AuditStatus.FAILED)
        .order_by(Audit.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    state = ProgramState.CANCELLED if train.is_over else ProgramState.RUNNING
    values: dict[str, Any] = {"step": TrainStepName.AUDIT.value, "state": state.value, "audit_id": newest}
    values |= {"changes": {}}
    moved = _move(db, train, values, *_done(TrainStepName.SUBMIT))
    _note_sent(db, moved, TrainStepName.SUBMIT, Audit, row.audit_id)
    if moved and not train.is_over:
        adopted = select(row.audit_id).where(row.id.in_(moved))
        ours = (Audit.id.in_(adopted), Audit.releases_itself.is_(True), Audit.status.in_(AUDIT_RUNNING))
        _run(db, update(Audit).where(*ours).values(releases_itself=False))
        rows = db.execute(
            select(row.id, row.audit_id, Audit.submitted_at)
            .join(Audit, Audit.id == row.audit_id)
            .where(row.id.in_(moved))
        )
        note_steps(
            db, train, TrainStepName.AUDIT,
            [
                {
                    "train_program_id": one.id, "asked": {"audit": str(one.audit_id)}, "sent_at": one.submitted_at,
                    "tries": 1,
                }
                for one in rows
            ],
        )  # fmt: skip
        _read_audits(db, train)  # it may have been decided before we looked
    return len(moved)


def _decided(db: Session, train: Train) -> int:
    row = TrainProgram
    undone = (
        row.state == ProgramState.RUNNING, row.step == TrainStepName.AUDIT, TrainStep.train_program_id == row.id,
        TrainStep.step == TrainStepName.AUDIT, TrainStep.status == StepStatus.CANCELLED,
    )  # fmt: skip
    moved = _move(db, train, {"state": ProgramState.UNDONE.value}, *undone)
    phases = and_(literal(train.phased_percent is not None), row.version_before != "")
    following = case((phases, TrainStepName.PHASE.value), else_=TrainStepName.RELEASE.value)
    values = {"step": following, "state": _next(train)}
    return len(moved) + len(_move(db, train, values, *_done(TrainStepName.AUDIT)))


def _phased(db: Session, train: Train) -> int:
    values = {"step": TrainStepName.RELEASE.value, "state": _next(train)}
    return len(_move(db, train, values, *_done(TrainStepName.PHASE)))


def _released(db: Session, train: Train) -> int:
    values = {"state": ProgramState.DONE.value, "release_id": Release.id, "version_before": Release.from_version}
    ours = (Release.audit_id == TrainProgram.audit_id, Release.status == ReleaseStatus.DONE)
    moved = _move(db, train, values, *_done(TrainStepName.RELEASE), *ours)
    _note_sent(db, moved, TrainStepName.RELEASE, Release, TrainProgram.release_id)
    return len(moved)


def _led_off(db: Session, train: Train) -> int:
    """Withdrawn, or rolled back: what was asked for then is what the mini program has now."""
    row, step = TrainProgram, TrainStep
    here = (
        step.train_program_id == row.id, step.status == StepStatus.DONE,
        step.asked["audit"].astext == cast(row.audit_id, Text),
    )  # fmt: skip
    undone = _move(
        db, train, {"state": ProgramState.UNDONE.value}, *here, step.step == TrainStepName.UNDO,
        row.step == TrainStepName.AUDIT, row.state != ProgramState.UNDONE,
    )  # fmt: skip
    back = _move(
        db, train, {"state": ProgramState.ROLLED_BACK.value}, *here, step.step == TrainStepName.ROLL_BACK,
        row.step == TrainStepName.RELEASE, row.state != ProgramState.ROLLED_BACK,
    )  # fmt: skip
    return len(undone) + len(back)


def _hold_back(db: Session, train: Train) -> None:
    """Without quota a submission has not failed: it begins anew once there is some."""
    if train.is_over:
        return
    row, step = TrainProgram, TrainStep
    refused = (
        step.train_id == train.id, step.step == TrainStepName.SUBMIT, step.status == StepStatus.FAILED,
        step.errcode == QUOTA_USED_UP,
    )  # fmt: skip
    _move(
        db, train, {"state": ProgramState.READY.value}, *refused, step.train_program_id == row.id,
        row.step == TrainStepName.SUBMIT, row.state == ProgramState.RUNNING,
    )  # fmt: skip
    ready = select(row.id).where(row.id == step.train_program_id, row.state == ProgramState.READY).exists()
    _run(db, update(step).where(*refused, ready).values(status=StepStatus.HELD, item_id=None))


def _failed(db: Session, train: Train) -> int:
    """A step that somebody dropped on the batch's own page counts as failed; one that the train dropped does not."""
    row, step = TrainProgram, TrainStep
    cancelled = train.status == TrainStatus.CANCELLED
    state = case(
        (and_(literal(cancelled), step.status == StepStatus.CANCELLED), ProgramState.CANCELLED.value),
        else_=ProgramState.FAILED.value,
    )
    return len(
        _move(
            db, train, {"state": state}, row.state == ProgramState.RUNNING, step.train_program_id == row.id,
            step.step == row.step, step.status.in_((StepStatus.FAILED, StepStatus.CANCELLED)),
        )
    )  # fmt: skip


def _next(train: Train) -> str:
    """Of a train that was cancelled nothing goes on."""
    return ProgramState.CANCELLED.value if train.is_over else ProgramState.READY.value


def _done(step: TrainStepName) -> tuple[ColumnElement[bool], ...]:
    return (
        TrainProgram.step == step, TrainProgram.state == ProgramState.RUNNING,
        TrainStep.train_program_id == TrainProgram.id, TrainStep.step == step, TrainStep.status == StepStatus.DONE,
    )  # fmt: skip


def _move(db: Session, train: Train, values: dict[str, Any], *where: ColumnElement[bool]) -> Sequence[UUID]:
    """Change the mini programs of the train that the conditions name; answers them."""
    moving = update(TrainProgram).where(TrainProgram.train_id == train.id, *where)
    moving = moving.values(**values, state_at=clock.now()).execution_options(synchronize_session=False)
    return db.scalars(moving.returning(TrainProgram.id)).all()


def _note_sent(
    db: Session, moved: Sequence[UUID], name: TrainStepName, kind: type[Upload | Audit | Release], column: Any
) -> None:  # fmt: skip
    """When WeChat was asked, exactly: as the row that was sent says."""
    if moved:
        where = (TrainStep.train_program_id.in_(moved), TrainStep.step == name, TrainProgram.id.in_(moved))
        values = {"sent_at": func.coalesce(kind.sent_at, TrainStep.sent_at)}
        joined = (TrainProgram.id == TrainStep.train_program_id, kind.id == column)
        _run(db, update(TrainStep).where(*where, *joined).values(**values))


def _run(db: Session, statement: Any) -> int:
    result = db.execute(statement.execution_options(synchronize_session=False))
    assert isinstance(result, CursorResult)
    return result.rowcount
