"""Submitting rejected mini programs once more: by their train where it is a train's audit, else as a batch.

Nothing is submitted twice. What is under way is left out; a train takes its own on by its rules, and a batch item
submits only while the rejection that it answers is still the newest audit, and only the code that was there then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from saas.batches.models import OPEN as ITEM_OPEN
from saas.batches.models import Batch, BatchItem
from saas.batches.starting import Subject, start_batch
from saas.components.models import ComponentApp
from saas.errors import N_, Conflict
from saas.programs.models import AuthorizationStatus, Program
from saas.releases import bulk, rejects
from saas.releases.models import Audit, Upload, UploadStatus
from saas.releases.rejects import MOST_AT_ONCE, waits
from saas.releases.resubmission import Changes
from saas.tenants.access import Verb, Who, require
from saas.trains import steering
from saas.trains.access import load_train
from saas.trains.causes import FROZEN, NOT_AUTHORIZED, NOT_PERMITTED
from saas.trains.models import OPEN, ProgramState, Train, TrainProgram, TrainStatus
from saas.trains.quota import known_rest
from saas.trains.retrying import HELD_BY_WECHAT
from saas.wx.permissions import DEVELOPMENT

UNDER_WAY = N_("正在重新提交")
WITH_TRAIN = N_("正在另一个批量发布中，会随它提交")
NO_CODE = N_("没有从这里上传的代码，请先上传")

_TAKES_ON = (TrainStatus.RUNNING, TrainStatus.PAUSED, TrainStatus.STOPPED, TrainStatus.DONE)


@dataclass(frozen=True)
class Need:
    """What a component app's quota must give: `by_batch` now, `by_train` as the trains get to it. `left` is None while
    nobody knows."""

    component: ComponentApp
    by_batch: int
    by_train: int
    left: int | None

    @property
    def count(self) -> int:
        return self.by_batch + self.by_train

    @property
    def beyond(self) -> int:
        """How many a batch would submit in vain."""
        return 0 if self.left is None else max(0, self.by_batch - self.left)


@dataclass(frozen=True)
class Plan:
    """How the chosen mini programs would be submitted, and which rejections that answers. `leaving`: their train's code
    was replaced by hand, so they leave it and are submitted as they are. `left_out` counts the others by reason."""

    program_ids: tuple[UUID, ...]
    audit_ids: tuple[UUID, ...]
    by_batch: tuple[Any, ...]
    by_train: Mapping[UUID, tuple[UUID, ...]]
    trains: tuple[Train, ...]
    leaving: Mapping[UUID, tuple[UUID, ...]]
    left_out: Mapping[str, int]
    needs: tuple[Need, ...]

    @property
    def count(self) -> int:
        return len(self.by_batch) + self.count_by_train

    @property
    def count_by_train(self) -> int:
        return sum(len(places) for places in self.by_train.values())

    @property
    def count_leaving(self) -> int:
        return sum(len(places) for places in self.leaving.values())


@dataclass(frozen=True)
class Resubmitted:
    """What was begun. `beyond` are those that the month's quota does not reach; they stay on the desk."""

    batch: Batch | None
    by_batch: int
    by_train: int
    beyond: int


def plan_resubmission(
    db: Session, key: str, program_ids: Collection[UUID] | None, audit_ids: Collection[UUID] | None = None
) -> Plan:  # fmt: skip
    """All of a group or some of it, also by its rejections, up to `MOST_AT_ONCE`, the longest rejected first; a handful
    of queries.
    """
    chosen = waits(key, program_ids, audit_ids)
    rows = db.execute(_facts(chosen).order_by(Audit.decided_at, Program.id).limit(MOST_AT_ONCE)).all()
    left_out: Counter[str] = Counter()
    going: list[Any] = []
    by_batch: list[Any] = []
    by_train: dict[UUID, list[UUID]] = {}
    leaving: dict[UUID, list[UUID]] = {}
    trained: Counter[UUID] = Counter()
    for row in rows:
        if why := _obstacle(row):
            left_out[why] += 1
            continue
        going.append(row)
        if row.place_id is not None and (row.keeps_code or row.trial_id is None):
            by_train.setdefault(row.train_id, []).append(row.place_id)
            trained[row.component_id] += 1
        else:
            by_batch.append(row)
            if row.place_id is not None:
                leaving.setdefault(row.train_id, []).append(row.place_id)
    trains = db.scalars(select(Train).where(Train.id.in_(by_train)).order_by(Train.id)).all()
    return Plan(
        tuple(row.id for row in going), tuple(row.audit_id for row in going), tuple(by_batch), _frozen(by_train),
        tuple(trains), _frozen(leaving), left_out,
        _needs(db, Counter(row.component_id for row in by_batch), trained),
    )  # fmt: skip


def resubmit(
    db: Session, key: str, program_ids: Collection[UUID] | None, *, who: Who, changes: Changes,
    audit_ids: Collection[UUID] | None = None,
) -> Resubmitted:  # fmt: skip
    """Submit them once more with what is said differently. A batch takes as many as the month's quota reaches."""
    require(who, Verb.WORK)
    db.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"reject desk {who.provider_id}", 0))))
    plan = plan_resubmission(db, key, program_ids, audit_ids)
    if not plan.count:
        raise Conflict(N_("选中的小程序现在都不能重新提交"))
    by_train = sum(
        _take_on(db, train, plan.by_train[train.id], who=who, changes=changes) for train in plan.trains
    )  # fmt: skip
    going = _within(plan)
    beyond = len(plan.by_batch) - len(going)
    if not going and not by_train:
        raise Conflict(N_("本月提审额度已用完，等额度恢复后再提交"))
    mine = {row.place_id for row in going}
    for train_id, places in plan.leaving.items():
        for place in db.scalars(select(TrainProgram).where(TrainProgram.id.in_(mine.intersection(places)))):
            steering.skip(db, load_train(db, train_id), place, who=who)
    batch = None
    if going:
        subjects = [
            Subject(row.id, row.name or row.appid, {"after": str(row.audit_id), "upload": str(row.trial_id)})
            for row in going
        ]
        batch = start_batch(db, bulk.SUBMIT, subjects, who=who, params={"changes": changes.stored()})
    return Resubmitted(batch, len(going), by_train, beyond)


def count_under_way(db: Session, keys: Collection[str]) -> dict[str, int]:
    """How many mini programs of each group are being submitted again, or go with a train; one query."""
    query = select(Program.reject_key, func.count()).where(
        *waits(), Program.reject_key.in_(keys), or_(_has_item(), _has_place())
    )
    return {key: count for key, count in db.execute(query.group_by(Program.reject_key)) if key is not None}


def places_of(db: Session, rejected: Iterable[rejects.Rejected]) -> dict[UUID, Train]:
    """The trains that the audits belong to, by the audit; one query."""
    ids = [audit.id for _program, audit in rejected]
    query = select(TrainProgram.audit_id, Train).join(Train, Train.id == TrainProgram.train_id)
    rows = db.execute(query.where(TrainProgram.audit_id.in_(ids))).all()
    return {audit_id: train for audit_id, train in rows if audit_id is not None}


def trains_of(db: Session, keys: Collection[str]) -> dict[str, list[tuple[Train, int]]]:
    """The trains that the rejections of each group came from, and how many; one query."""
    audit_id = TrainProgram.audit_id == Program.rejected_audit_id
    query = select(Program.reject_key, Train, func.count()).join(TrainProgram, audit_id)
    query = query.join(Train, Train.id == TrainProgram.train_id).where(*waits(), Program.reject_key.in_(keys))
    found: dict[str, list[tuple[Train, int]]] = {}
    for key, train, count in db.execute(query.group_by(Program.reject_key, Train.id).order_by(Train.id.desc())):
        found.setdefault(key or "", []).append((train, count))
    return found


def under_way(db: Session, program_ids: Collection[UUID]) -> set[UUID]:
    """Those that are being submitted again, or go with a train."""
    return set(db.scalars(select(Program.id).where(Program.id.in_(program_ids), or_(_has_item(), _has_place()))))


def _take_on(db: Session, train: Train, places: Collection[UUID], *, who: Who, changes: Changes) -> int:
    """By the train's own rules: its quota reserve, pauses, windows, and its word on who releases."""
    stored = {name: value for name, value in changes.stored().items() if name != "releases_itself"}
    db.execute(
        update(TrainProgram)
        .where(TrainProgram.id.in_(places), TrainProgram.state == ProgramState.FAILED)
        .values(changes=stored)
        .execution_options(synchronize_session=False)
    )
    return steering.retry_failed(db, train, who=who, places=places)


def _within(plan: Plan) -> list[Any]:
    """Those of a batch that the quota of their component app reaches."""
    left = {need.component.id: need.left for need in plan.needs}
    going: list[Any] = []
    taken: Counter[UUID] = Counter()
    for row in plan.by_batch:
        rest = left[row.component_id]
        if rest is None or taken[row.component_id] < rest:
            going.append(row)
            taken[row.component_id] += 1
    return going


def _needs(db: Session, by_batch: Counter[UUID], by_train: Counter[UUID]) -> tuple[Need, ...]:
    ids = {*by_batch, *by_train}
    query = select(ComponentApp).where(ComponentApp.id.in_(ids)).order_by(ComponentApp.id)
    return tuple(Need(one, by_batch[one.id], by_train[one.id], known_rest(one)) for one in db.scalars(query))


def _obstacle(row: Any) -> str:
    if row.has_item:
        return UNDER_WAY
    if row.has_place:
        return WITH_TRAIN
    if row.authorization != AuthorizationStatus.AUTHORIZED:
        return NOT_AUTHORIZED
    if row.permission_sets and DEVELOPMENT not in row.permission_sets:
        return NOT_PERMITTED
    if row.account_status in HELD_BY_WECHAT:
        return FROZEN
    return NO_CODE if row.place_id is None and row.trial_id is None else ""


def _facts(conditions: tuple[ColumnElement[bool], ...]) -> Any:
    """A row for each mini program: its rejection, its place in the train whose audit that was, what is under way, and
    whether the trial version is ours, or the train's."""
    place, own = aliased(TrainProgram), aliased(Upload)
    ours = (Train.id == place.train_id) & Train.status.in_(_TAKES_ON)
    ready = select(Upload.id).where(Upload.program_id == Program.id, Upload.status == UploadStatus.READY)
    newest = ready.order_by(Upload.id.desc()).limit(1)
    kept = select(own.id).where(own.id == place.upload_id, own.status == UploadStatus.READY)
    return (
        select(
            Program.id, Program.name, Program.appid, Program.component_id, Program.authorization,
            Program.permission_sets, Program.account_status, Audit.id.label("audit_id"), place.id.label("place_id"),
            place.train_id, _has_item().label("has_item"), _has_place().label("has_place"),
            newest.scalar_subquery().label("trial_id"), kept.exists().label("keeps_code"),
        )
        .join(Audit, Audit.id == Program.rejected_audit_id)
        .outerjoin(
            place,
            (place.audit_id == Audit.id) & (place.state == ProgramState.FAILED)
            & select(Train.id).where(ours).correlate(place).exists(),
        )
        .where(*conditions)
    )  # fmt: skip


def _has_item() -> ColumnElement[bool]:
    mine = (BatchItem.subject_id == Program.id, BatchItem.step == bulk.SUBMIT, BatchItem.status.in_(ITEM_OPEN))
    return select(BatchItem.id).where(*mine).correlate(Program).exists()


def _has_place() -> ColumnElement[bool]:
    mine = (TrainProgram.program_id == Program.id, TrainProgram.state.in_(OPEN))
    return select(TrainProgram.id).where(*mine).correlate(Program).exists()


def _frozen(groups: Mapping[UUID, list[UUID]]) -> dict[UUID, tuple[UUID, ...]]:
    return {train_id: tuple(places) for train_id, places in groups.items()}
