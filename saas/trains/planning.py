"""Planning a train: which mini programs go, in which waves, and why the others do not."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import CursorResult, bindparam, delete, func, insert, select, update
from sqlalchemy.orm import Session

from saas import clock
from saas.batches.models import OPEN as ITEM_OPEN
from saas.batches.models import BatchItem
from saas.db import new_id
from saas.errors import N_, Conflict, Invalid
from saas.programs.models import AuthorizationStatus, Program
from saas.releases.access import load_template
from saas.releases.audits import RUNNING
from saas.releases.bulk import SUBMIT
from saas.releases.models import Audit, CodeState, Template
from saas.releases.uploads import missing_in_bulk
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require
from saas.trains.models import OPEN, Holds, OpensAfter, ProgramState, Train, TrainProgram, TrainStatus, TrainWave
from saas.wx.permissions import DEVELOPMENT

MOST_WAVES = 50
_LONGEST_VERSION, _LONGEST_TEXT = 64, 500

OTHER_TRAIN = N_("正在另一个批量发布中")
_NO_APPID = N_("还没有 AppID，要先注册或授权")
_OTHER_COMPONENT = N_("授权给了另一个第三方平台，用不了这个模板")
_NOT_AUTHORIZED = N_("商家没有授权")
_NOT_PERMITTED = N_("缺少“开发管理与数据分析”权限")
_IN_REVIEW = N_("另一个版本正在审核")
_SUBMITTING = N_("正在提交审核")
_ONLINE = N_("线上已经是这个版本")
_LACKS_VALUES = N_("缺少变量或值不对：%(names)s")
_HOURS = 24
_BLIND = {"synchronize_session": False}
_RANGES = {
    "canary_size": (0, 10_000), "wave_size": (1, 20_000), "wave_percent": (1, 100), "wait_hours": (0, 720),
    "phased_percent": (1, 99), "window_from": (0, _HOURS - 1), "window_until": (0, _HOURS - 1),
    "reserve": (0, 100_000), "stop_percent": (1, 100), "stop_failures": (1, 10_000),
}  # fmt: skip
CHANGEABLE = (
    "opens_after", "holds", "wait_hours", "releases_itself", "window_from", "window_until", "reserve", "stop_percent",
    "stop_failures",
)  # fmt: skip
"""Options that may be changed while the train runs."""


@dataclass(frozen=True)
class Options:
    """How a train goes; see `Train`. A blank version or description takes the template's."""

    user_version: str = ""
    description: str = ""
    version_desc: str = ""
    canary_size: int = 0
    wave_size: int | None = None
    wave_percent: int | None = None
    opens_after: OpensAfter = OpensAfter.APPROVED
    holds: Holds = Holds.NEVER
    wait_hours: int = 0
    releases_itself: bool = False
    phased_percent: int | None = None
    window_from: int | None = None
    window_until: int | None = None
    reserve: int = 0
    stop_percent: int | None = None
    stop_failures: int | None = None


def plan_train(
    db: Session, template: Template, program_ids: Collection[UUID], *, who: Who, options: Options,
    canary: Collection[UUID] | None = None,
) -> Train:  # fmt: skip
    """A draft with its waves, and with those that are left out and why; raises Invalid at an option's field.

    `canary` names mini programs that go first, in place of the newest `canary_size`.
    """
    require(who, Verb.WORK)
    version, text = options.user_version or template.user_version, options.description or template.description
    _check(options, version, text)
    if template.gone_at is not None:
        raise Invalid(N_("模板库里已经没有这个模板，请换一个"), field="template")
    going, out = _sort(db, template, program_ids, version)
    if not going and not out:
        raise Invalid(N_("请至少选择一个小程序"))
    if canary is not None:
        going, options = _canary_first(going, frozenset(canary), options)
    sizes = wave_sizes(len(going), options)
    if len(sizes) > MOST_WAVES:
        raise Invalid(N_("会分成 %(count)d 批，最多 %(most)d 批，请把每批放大"), field="wave_size",
                      count=len(sizes), most=MOST_WAVES)  # fmt: skip
    train = Train(
        **asdict(options) | {"user_version": version, "description": text},
        provider_id=who.provider_id, component_id=template.component_id, template_row_id=template.id,
        template_id=template.template_id, total=len(going), created_by=who.user_id, created_by_name=who.name,
    )  # fmt: skip
    db.add(train)
    db.flush()
    _write(db, train, going, out, sizes)
    activity.record(db, who, "train.plan", train, detail={"count": len(going), "version": version})
    return train


def wave_sizes(count: int, options: Options | Train) -> list[int]:
    """How many mini programs each wave holds, the canary first if there is one."""
    canary = min(options.canary_size, count)
    rest = count - canary
    size = options.wave_size or (math.ceil(count * options.wave_percent / 100) if options.wave_percent else rest)
    waves = [min(size, rest - start) for start in range(0, rest, size)] if rest else []
    return [canary, *waves] if canary else waves


def start_train(db: Session, train: Train, *, who: Who) -> int:
    """Set a draft off; those that cannot go any more are left out, and the waves cut anew. Answers how many go.

    The caller wakes the conductor.
    """
    require(who, Verb.WORK)
    db.refresh(train, with_for_update=True)
    if train.status != TrainStatus.DRAFT:
        raise Conflict(N_("批量发布已经开始了"))
    hold_trains(db, train)
    if leave_out(db, train):
        cut_waves(db, train)
    started = db.execute(
        update(TrainProgram)
        .where(TrainProgram.train_id == train.id, TrainProgram.state == ProgramState.PLANNED)
        .values(state=ProgramState.WAITING, state_at=clock.now())
        .execution_options(synchronize_session=False)
    )
    assert isinstance(started, CursorResult)
    if not started.rowcount:
        raise Conflict(N_("没有可以发布的小程序"))
    now = clock.now()
    train.total, train.starts_at, train.why, train.why_detail = started.rowcount, None, "", {}
    train.status, train.started_at, train.counts_from = TrainStatus.RUNNING, now, now
    activity.record(db, who, "train.start", train, detail={"count": train.total, "version": train.user_version})
    return train.total


def template_of(db: Session, train: Train) -> Template:
    """The template of a draft; raises Conflict when WeChat has it no more."""
    template = load_template(db, train.template_row_id)
    if template.gone_at is not None:
        raise Conflict(N_("模板库里已经没有这个模板，请换一个"))
    return template


def leave_out(db: Session, train: Train) -> int:
    """Take out of a draft whoever cannot go any more, with the reason; answers how many."""
    template = template_of(db, train)
    row = TrainProgram
    planned = {
        one.program_id: one.id
        for one in db.execute(
            select(row.id, row.program_id).where(row.train_id == train.id, row.state == ProgramState.PLANNED)
        )
    }
    _, out = _sort(db, template, planned, train.user_version)
    if out:
        leave = update(row).where(row.id == bindparam("row_id"))
        leave = leave.values(state=ProgramState.EXCLUDED.value, wave_id=None, reason=bindparam("why"))
        db.connection().execute(leave, [{"row_id": planned[one.id], "why": why} for one, why in out])
    return len(out)


def who_can_go(db: Session, template: Template, program_ids: Collection[UUID], version: str) -> list[UUID]:
    """Those of these mini programs that can go with this version."""
    going, _ = _sort(db, template, program_ids, version)
    return [row.id for row in going]


def cut_waves(db: Session, train: Train) -> None:
    """Cut a draft's waves anew: its canary stays as far as it still goes; when nothing of it does, the first go."""
    row = TrainProgram
    rows = db.execute(
        select(row.id, TrainWave.is_canary)
        .join(TrainWave, TrainWave.id == row.wave_id, isouter=True)
        .where(row.train_id == train.id, row.state == ProgramState.PLANNED)
        .order_by(row.id)
    ).all()
    first = [one.id for one in rows if one.is_canary] or [one.id for one in rows[: train.canary_size]]
    chosen = frozenset(first)
    arrange(db, train, first, [one.id for one in rows if one.id not in chosen])


def arrange(db: Session, train: Train, canary: Sequence[UUID], rest: Sequence[UUID]) -> None:
    """Give a draft these waves: the canary, and the rest by size or percent. Hold the train's row."""
    train.canary_size, train.total = len(canary), len(canary) + len(rest)
    of_train = (TrainProgram.train_id == train.id, TrainProgram.wave_id.is_not(None))
    db.execute(update(TrainProgram).where(*of_train).values(wave_id=None), execution_options=_BLIND)
    db.execute(delete(TrainWave).where(TrainWave.train_id == train.id), execution_options=_BLIND)
    sizes, ids, start = wave_sizes(train.total, train), [*canary, *rest], 0
    for number, size in enumerate(sizes, 0 if canary else 1):
        wave = _wave(train, number, size)
        db.add(wave)
        db.flush()
        here = update(TrainProgram).where(TrainProgram.id.in_(ids[start : start + size]))
        db.execute(here.values(wave_id=wave.id), execution_options=_BLIND)
        start += size


def hold_trains(db: Session, train: Train) -> None:
    """Let no other train of the provider take mini programs for itself until the transaction ends."""
    db.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"trains {train.provider_id}", 0))))


def _check(options: Options, version: str, text: str) -> None:
    for name, value, most in (
        ("user_version", version, _LONGEST_VERSION), ("description", text, _LONGEST_TEXT),
        ("version_desc", options.version_desc, _LONGEST_TEXT),
    ):  # fmt: skip
        if not value and name != "version_desc":
            raise Invalid(N_("请填写版本号") if name == "user_version" else N_("请填写版本说明"), field=name)
        if len(value) > most:
            raise Invalid(N_("不能超过 %(max)d 个字符"), field=name, max=most)
    check_numbers(asdict(options))
    if options.wave_size and options.wave_percent:
        raise Invalid(N_("每批按个数或按比例，只填一项"), field="wave_percent")


def check_numbers(options: Mapping[str, Any]) -> None:
    """Raise Invalid at the first of these options that makes no sense."""
    for name, (least, most) in _RANGES.items():
        value = options.get(name)
        if value is not None and not least <= value <= most:
            raise Invalid(N_("请填写 %(least)d 到 %(most)d 的整数"), field=name, least=least, most=most)
    start, end = options.get("window_from"), options.get("window_until")
    if (start is None) != (end is None):
        raise Invalid(N_("开始和结束的钟点要一起填写"), field="window_until")
    if start is not None and start == end:
        raise Invalid(N_("开始和结束的钟点不能相同"), field="window_until")


def _sort(
    db: Session, template: Template, program_ids: Collection[UUID], version: str
) -> tuple[list[Any], list[tuple[Any, str]]]:  # fmt: skip
    """Those that can go, newest first, and the others with the reason; a handful of queries."""
    columns = (
        Program.id, Program.name, Program.appid, Program.component_id, Program.authorization,
        Program.permission_sets, Program.online_version, CodeState.online_template_row_id,
    )  # fmt: skip
    rows = db.execute(
        select(*columns)
        .join(CodeState, CodeState.program_id == Program.id, isouter=True)
        .where(Program.id.in_(program_ids))
        .order_by(Program.id.desc())
    ).all()
    ids = [row.id for row in rows]
    reviewed = set(db.scalars(select(Audit.program_id).where(Audit.program_id.in_(ids), Audit.status.in_(RUNNING))))
    taken = set(
        db.scalars(
            select(TrainProgram.program_id).where(TrainProgram.program_id.in_(ids), TrainProgram.state.in_(OPEN))
        )
    )
    asked = (BatchItem.subject_id.in_(ids), BatchItem.step == SUBMIT, BatchItem.status.in_(ITEM_OPEN))
    submitting = set(db.scalars(select(BatchItem.subject_id).where(*asked)))
    lacking = missing_in_bulk(db, template, ids)

    def reason(row: Any) -> str:
        if not row.appid:
            return _NO_APPID
        if row.component_id != template.component_id:
            return _OTHER_COMPONENT
        if row.authorization != AuthorizationStatus.AUTHORIZED:
            return _NOT_AUTHORIZED
        if row.permission_sets and DEVELOPMENT not in row.permission_sets:
            return _NOT_PERMITTED
        if row.online_version == version and row.online_template_row_id == template.id:
            return _ONLINE
        if row.id in taken:
            return OTHER_TRAIN
        if row.id in reviewed:
            return _IN_REVIEW
        if row.id in submitting:
            return _SUBMITTING
        return _LACKS_VALUES % {"names": "、".join(lacking[row.id])} if row.id in lacking else ""

    sorted_rows = [(row, reason(row)) for row in rows]
    return [row for row, why in sorted_rows if not why], [(row, why) for row, why in sorted_rows if why]


def _canary_first(
    going: Sequence[Any], canary: frozenset[UUID], options: Options
) -> tuple[list[Any], Options]:  # fmt: skip
    first = [one for one in going if one.id in canary]
    if not first:
        raise Invalid(N_("选来试点的小程序都不能发布，请换一个标签"), field="canary_tag")
    return [*first, *(one for one in going if one.id not in canary)], replace(options, canary_size=len(first))


def _wave(train: Train, number: int, size: int) -> TrainWave:
    own = {"provider_id": train.provider_id, "train_id": train.id}
    return TrainWave(**own, id=new_id(), number=number, is_canary=not number, size=size)


def _write(
    db: Session, train: Train, going: Sequence[Any], out: Sequence[tuple[Any, str]], sizes: Sequence[int]
) -> None:  # fmt: skip
    has_canary, start, rows = bool(train.canary_size), 0, []
    own = {"provider_id": train.provider_id, "train_id": train.id}

    def row(one: Any, **more: Any) -> dict[str, Any]:
        name = one.name or one.appid
        return {**own, "program_id": one.id, "program_name": name, "version_before": one.online_version, **more}

    for number, size in enumerate(sizes, 0 if has_canary else 1):
        wave = _wave(train, number, size)
        db.add(wave)
        rows += [
            row(one, wave_id=wave.id, state=ProgramState.PLANNED, reason="") for one in going[start : start + size]
        ]
        start += size
    db.flush()
    rows += [row(one, wave_id=None, state=ProgramState.EXCLUDED, reason=why) for one, why in out]
    if rows:
        db.execute(insert(TrainProgram), rows)
