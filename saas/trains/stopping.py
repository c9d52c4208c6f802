"""When a train stops by itself: too many rejections, a refusal that would meet everybody, one cause again and again, a
component app that cannot call WeChat. What befell a mini program alone (`barred`) counts in no rule."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from saas import clock
from saas.batches.steering import pause_all
from saas.components.access import load_component
from saas.components.models import ComponentApp, ComponentStatus
from saas.tenants import activity
from saas.tenants.access import system
from saas.trains.causes import barred, hits_everybody, is_components, own_words
from saas.trains.models import PATH, StepStatus, StopReason, Train, TrainStatus, TrainStep, TrainStepName, TrainWave
from saas.trains.retrying import take_on_components
from saas.trains.steps import batch_ids
from saas.trains.window import resume_batches

LEAST_DECIDED = 5
"""How many audits must be decided before a share of rejections means anything, unless a whole wave has less."""


def stop_if_broken(db: Session, train: Train, *, least: int = LEAST_DECIDED) -> bool:
    """Stop when a rule says so; answers whether. `least` audits must be decided for the share of rejections."""
    found = _component(db, train) or _failures(db, train) or _rejections(db, train, least)
    if found is None:
        return False
    stop_train(db, train, *found)
    return True


def stop_train(db: Session, train: Train, why: StopReason, detail: dict[str, Any]) -> None:
    """Begin nothing more until somebody has looked; what is under way ends."""
    train.status, train.why = TrainStatus.STOPPED, why
    train.why_detail = {**detail, "at": clock.now().isoformat()}
    pause_all(db, batch_ids(db.scalars(select(TrainWave).where(TrainWave.train_id == train.id))))
    facts = {"reason": why.value, "version": train.user_version, **detail}
    activity.record(db, system(train.provider_id), "train.stop", train, outcome="failed", detail=facts)


def go_on(db: Session, train: Train) -> None:
    """Run again after a pause or a stop; the rules count anew. What the component app alone had failed begins anew."""
    by_component = train.why == StopReason.COMPONENT
    train.status, train.why, train.why_detail, train.counts_from = TrainStatus.RUNNING, "", {}, clock.now()
    resume_batches(db, train)
    if by_component:
        take_on_components(db, train)


def go_on_if_mended(db: Session, train: Train) -> bool:
    """Run again when the train stopped for its component app alone, which has had a token since; answers whether."""
    if train.status != TrainStatus.STOPPED or train.why != StopReason.COMPONENT:
        return False
    component = _fresh(db, train)
    since = datetime.fromisoformat(train.why_detail["at"])
    if component.status != ComponentStatus.READY or component.last_token_at is None or component.last_token_at < since:
        return False
    go_on(db, train)
    activity.record(db, system(train.provider_id), "train.resume", train)
    return True


def _component(db: Session, train: Train) -> tuple[StopReason, dict[str, Any]] | None:
    component = _fresh(db, train)
    if component.status != ComponentStatus.FAULTY:
        return None
    detail = {"errcode": component.last_errcode, "operation": component.last_operation, "error": component.last_error}
    return StopReason.COMPONENT, detail | {"count": 0}


def _fresh(db: Session, train: Train) -> ComponentApp:
    component = load_component(db, train.component_id)
    db.refresh(component)
    return component


def _rejections(db: Session, train: Train, least: int) -> tuple[StopReason, dict[str, Any]] | None:
    if train.stop_percent is None:
        return None
    query = select(
        func.count(), func.count().filter(TrainStep.status == StepStatus.FAILED)
    ).where(
        TrainStep.train_id == train.id, TrainStep.step == TrainStepName.AUDIT,
        TrainStep.status.in_((StepStatus.DONE, StepStatus.FAILED)), TrainStep.answered_at >= train.counts_from,
        ~barred(),
    )  # fmt: skip
    decided, rejected = db.execute(query).one()
    if decided < max(least, 1) or rejected * 100 < train.stop_percent * decided:
        return None
    return StopReason.REJECTS, {"count": rejected, "decided": decided}


def _failures(db: Session, train: Train) -> tuple[StopReason, dict[str, Any]] | None:
    own = own_words().label("own")
    steps = [step for step in PATH if step is not TrainStepName.AUDIT]
    query = (
        select(TrainStep.step, TrainStep.errcode, TrainStep.operation, own, func.count().label("failed"))
        .where(
            TrainStep.train_id == train.id, TrainStep.status == StepStatus.FAILED, TrainStep.step.in_(steps),
            TrainStep.answered_at >= train.counts_from, ~barred(),
        )
        .group_by(TrainStep.step, TrainStep.errcode, TrainStep.operation, own)
        .order_by(func.count().desc())
    )  # fmt: skip
    for row in db.execute(query):
        detail = {
            "step": row.step, "errcode": row.errcode, "operation": row.operation, "error": row.own,
            "count": row.failed,
        }  # fmt: skip
        if row.errcode is not None and is_components(row.errcode, row.operation):
            return StopReason.COMPONENT, detail
        if row.errcode is not None and hits_everybody(row.errcode, row.operation):
            return StopReason.EVERYBODY, detail
        if train.stop_failures is not None and row.failed >= train.stop_failures:
            return StopReason.SAME_CAUSE, detail
    return None
