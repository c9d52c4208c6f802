"""When a train stops by itself: too many rejections, a refusal that would meet everybody, one cause again and again."""

from __future__ import annotations

from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from saas.batches.steering import pause_all
from saas.tenants import activity
from saas.tenants.access import system
from saas.trains.collecting import QUOTA_USED_UP
from saas.trains.models import PATH, StepStatus, StopReason, Train, TrainStatus, TrainStep, TrainStepName, TrainWave
from saas.trains.steps import batch_ids
from saas.wx import errors

LEAST_DECIDED = 5
"""How many audits must be decided before a share of rejections means anything, unless a whole wave has less."""

_EVERYBODYS = (
    errors.IpNotAllowed, errors.TicketInvalid, errors.SecretWrong, errors.ComponentNotPublished,
    errors.TemplateNotFound, errors.TemplateRefused, errors.SubmissionBarred,
)  # fmt: skip


def hits_everybody(errcode: int, operation: str) -> bool:
    """Whether the cause is the component app's or the template's, so that every mini program would be refused."""
    error = errors.from_answer({"errcode": errcode, "errmsg": ""}, operation=operation)
    return errcode != QUOTA_USED_UP and isinstance(error, _EVERYBODYS)


def stop_if_broken(db: Session, train: Train, *, least: int = LEAST_DECIDED) -> bool:
    """Stop when a rule says so; answers whether. `least` audits must be decided for the share of rejections."""
    found = _failures(db, train) or _rejections(db, train, least)
    if found is None:
        return False
    stop_train(db, train, *found)
    return True


def stop_train(db: Session, train: Train, why: StopReason, detail: dict[str, Any]) -> None:
    """Begin nothing more until somebody has looked; what is under way ends."""
    train.status, train.why, train.why_detail = TrainStatus.STOPPED, why, detail
    pause_all(db, batch_ids(db.scalars(select(TrainWave).where(TrainWave.train_id == train.id))))
    facts = {"reason": why.value, "version": train.user_version, **detail}
    activity.record(db, system(train.provider_id), "train.stop", train, outcome="failed", detail=facts)


def _rejections(db: Session, train: Train, least: int) -> tuple[StopReason, dict[str, Any]] | None:
    if train.stop_percent is None:
        return None
    query = select(
        func.count(), func.count().filter(TrainStep.status == StepStatus.FAILED)
    ).where(
        TrainStep.train_id == train.id, TrainStep.step == TrainStepName.AUDIT,
        TrainStep.status.in_((StepStatus.DONE, StepStatus.FAILED)), TrainStep.answered_at >= train.counts_from,
    )  # fmt: skip
    decided, rejected = db.execute(query).one()
    if decided < max(least, 1) or rejected * 100 < train.stop_percent * decided:
        return None
    return StopReason.REJECTS, {"count": rejected, "decided": decided}


def _failures(db: Session, train: Train) -> tuple[StopReason, dict[str, Any]] | None:
    own = case((TrainStep.errcode.is_(None), TrainStep.error), else_="").label("own")
    steps = [step for step in PATH if step is not TrainStepName.AUDIT]
    query = (
        select(TrainStep.step, TrainStep.errcode, TrainStep.operation, own, func.count().label("failed"))
        .where(
            TrainStep.train_id == train.id, TrainStep.status == StepStatus.FAILED, TrainStep.step.in_(steps),
            TrainStep.answered_at >= train.counts_from,
        )
        .group_by(TrainStep.step, TrainStep.errcode, TrainStep.operation, own)
        .order_by(func.count().desc())
    )  # fmt: skip
    for row in db.execute(query):
        detail = {
            "step": row.step, "errcode": row.errcode, "operation": row.operation, "error": row.own,
            "count": row.failed,
        }  # fmt: skip
        if row.errcode is not None and hits_everybody(row.errcode, row.operation):
            return StopReason.EVERYBODY, detail
        if train.stop_failures is not None and row.failed >= train.stop_failures:
            return StopReason.SAME_CAUSE, detail
    return None
