"""The reject desk: rejections that mini programs have not overcome, grouped by reason; what was set aside; how often.

Which they are stands in `programs` (`saas.releases.status`), so a desk over a large fleet is one grouped statement.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Date, Select, cast, func, select, update
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session, load_only

from saas import clock
from saas.errors import N_, Invalid
from saas.programs.models import Program
from saas.releases.audits import OPEN
from saas.releases.models import Audit, AuditStatus
from saas.releases.status import note_set_aside
from saas.tenants import activity
from saas.tenants.access import Verb, Who, require

DAYS = 30
MOST_AT_ONCE = 2000
_LONGEST_NOTE = 500
_EXAMPLES = 8

Rejected = tuple[Program, Audit]
"""A mini program with the rejection that it has not overcome."""


@dataclass(frozen=True)
class Group:
    """Mini programs that wait with rejections alike. `newest` are the latest of these audits, the last one first."""

    key: str
    count: int
    first_at: datetime
    last_at: datetime
    versions: tuple[str, ...]
    newest: tuple[Audit, ...]

    @property
    def example(self) -> Audit:
        return self.newest[0]


@dataclass(frozen=True)
class History:
    """Rejections of the last days, by day and by reason; the last of `days` is today. `texts` are what WeChat wrote for
    one rejection of each reason."""

    days: tuple[date, ...]
    by_key: Mapping[str, Counter[date]]
    texts: Mapping[str, str]

    def of(self, key: str) -> list[int]:
        found = self.by_key.get(key, Counter())
        return [found[day] for day in self.days]

    @property
    def all(self) -> list[int]:
        return [sum(found[day] for found in self.by_key.values()) for day in self.days]

    @property
    def total(self) -> int:
        return sum(self.all)

    def most_frequent(self, count: int) -> list[tuple[str, int]]:
        """The reasons with the most rejections."""
        sums = Counter({key: found.total() for key, found in self.by_key.items()})
        return sums.most_common(count)


def count_waiting(db: Session) -> int:
    """How many mini programs wait on the desk."""
    return db.scalar(select(func.count()).select_from(Program).where(*waits())) or 0


def count_set_aside(db: Session) -> int:
    return db.scalar(select(func.count()).select_from(Program).where(*_is_set_aside())) or 0


def waits(
    key: str | None = None, program_ids: Collection[UUID] | None = None, audit_ids: Collection[UUID] | None = None
) -> tuple[ColumnElement[bool], ...]:  # fmt: skip
    """The condition on mini programs of the desk: all, those of a group, or some of it, also by their rejections."""
    conditions: list[ColumnElement[bool]] = [Program.rejected_audit_id.is_not(None), Program.reject_key.is_not(None)]
    if key is not None:
        conditions.append(Program.reject_key == key)
    if program_ids is not None:
        conditions.append(Program.id.in_(program_ids))
    if audit_ids is not None:
        conditions.append(Program.rejected_audit_id.in_(audit_ids))
    return tuple(conditions)


def list_groups(db: Session, *, after: tuple[int, str] | None = None, limit: int = 20) -> list[Group]:
    """The largest first; `after` is the count and the key of the last one shown. Two queries."""
    count = func.count()
    query = _grouped().order_by(count.desc(), Program.reject_key).limit(limit)
    if after is not None:
        query = query.having((count < after[0]) | ((count == after[0]) & (Program.reject_key > after[1])))
    return _groups(db, query)


def find_group(db: Session, key: str) -> Group | None:
    """A group that still has mini programs."""
    return next(iter(_groups(db, _grouped().where(Program.reject_key == key))), None)


def waiting_audits(db: Session, key: str) -> list[UUID]:
    """The rejections of a group, up to `MOST_AT_ONCE`."""
    query = select(Program.rejected_audit_id).where(*waits(key)).order_by(Program.id).limit(MOST_AT_ONCE)
    return [audit_id for audit_id in db.scalars(query) if audit_id is not None]


def is_known(db: Session, key: str) -> bool:
    """Whether reviewers ever refused anything for this reason."""
    query = select(Audit.id).where(Audit.status == AuditStatus.REJECTED, Audit.reason_key == key)
    return bool(db.scalar(select(query.exists())))


def _grouped() -> Select[Any]:
    ordered = func.array_agg(aggregate_order_by(Audit.id, Audit.id.desc()))
    return (
        select(
            Program.reject_key.label("key"), func.count().label("waiting"),
            func.min(Audit.decided_at).label("first_at"), func.max(Audit.decided_at).label("last_at"),
            func.array_agg(Audit.user_version.distinct()).label("versions"), ordered[1:_EXAMPLES].label("newest"),
        )
        .join(Audit, Audit.id == Program.rejected_audit_id)
        .where(*waits())
        .group_by(Program.reject_key)
    )  # fmt: skip


def _groups(db: Session, query: Select[Any]) -> list[Group]:
    rows = db.execute(query).all()
    ids = {audit_id for row in rows for audit_id in row.newest}
    audits = {audit.id: audit for audit in db.scalars(select(Audit).where(Audit.id.in_(ids)))}
    return [
        Group(
            row.key, row.waiting, row.first_at, row.last_at, tuple(sorted(row.versions)),
            tuple(audits[audit_id] for audit_id in row.newest),
        )
        for row in rows
    ]  # fmt: skip


def list_rejected(
    db: Session, key: str, *, before: UUID | None = None, limit: int = 50
) -> Sequence[Rejected]:  # fmt: skip
    """The mini programs of a group, the newest first; `before` is the last id shown."""
    return _page(db, waits(key), before, limit)


def list_set_aside(db: Session, *, before: UUID | None = None, limit: int = 50) -> Sequence[Rejected]:
    return _page(db, _is_set_aside(), before, limit)


def history(db: Session, time_zone: str) -> History:
    """Rejections of the last thirty days in the provider's days; one query."""
    today = clock.now().astimezone(ZoneInfo(time_zone)).date()
    days = tuple(today - timedelta(days=ago) for ago in range(DAYS - 1, -1, -1))
    since = datetime(days[0].year, days[0].month, days[0].day, tzinfo=ZoneInfo(time_zone))
    day = cast(func.timezone(time_zone, Audit.decided_at), Date)
    columns = (
        Audit.reason_key,
        day.label("day"),
        func.count().label("rejections"),
        func.max(Audit.reason).label("text"),
    )
    query = select(*columns).where(Audit.status == AuditStatus.REJECTED, Audit.decided_at >= since)
    found: dict[str, Counter[date]] = {}
    texts: dict[str, str] = {}
    for row in db.execute(query.group_by(Audit.reason_key, day)):
        found.setdefault(row.reason_key, Counter())[row.day] = row.rejections
        texts.setdefault(row.reason_key, row.text)
    return History(days, found, texts)


def awaits_decisions(db: Session) -> bool:
    """Whether reviewers have anything of the provider's, so that more may come."""
    return bool(db.scalar(select(select(Audit.id).where(Audit.status.in_(OPEN)).exists())))


def set_aside(
    db: Session, key: str, program_ids: Collection[UUID] | None, *, who: Who, note: str,
    audit_ids: Collection[UUID] | None = None,
) -> int:  # fmt: skip
    """Take mini programs of a group off the desk until they are rejected again; answers how many. None means all; of
    them those with certain rejections, if such are given.
    """
    require(who, Verb.WORK)
    if not note:
        raise Invalid(N_("请写明为什么搁置"), field="note")
    if len(note) > _LONGEST_NOTE:
        raise Invalid(N_("不能超过 %(max)d 个字符"), field="note", max=_LONGEST_NOTE)
    values = {"set_aside_at": clock.now(), "set_aside_by_name": who.name, "set_aside_note": note}
    return _write(db, waits(key, program_ids, audit_ids), values, "program.audit.set_aside", who)


def take_back(db: Session, program_ids: Collection[UUID], *, who: Who) -> int:
    """Put what was set aside on the desk again; answers how many."""
    require(who, Verb.WORK)
    values = {"set_aside_at": None, "set_aside_by_name": "", "set_aside_note": ""}
    chosen = (*_is_set_aside(), Program.id.in_(program_ids))
    return _write(db, chosen, values, "program.audit.take_back", who)


def _write(
    db: Session, chosen: tuple[ColumnElement[bool], ...], values: Mapping[str, Any], verb: str, who: Who
) -> int:  # fmt: skip
    """Up to `MOST_AT_ONCE`. With the audits and then the mini programs locked, as an answer of WeChat's does, so that
    none comes in between.
    """
    found = select(Program.rejected_audit_id).where(*chosen).order_by(Program.id).limit(MOST_AT_ONCE)
    audits = select(Audit.id).where(Audit.id.in_(db.scalars(found).all())).order_by(Audit.id).with_for_update()
    locked = (*chosen, Program.rejected_audit_id.in_(db.scalars(audits).all()))
    query = select(Program).options(load_only(Program.id, Program.name, Program.rejected_audit_id)).where(*locked)
    programs = db.scalars(query.order_by(Program.id).with_for_update()).all()
    audit_ids = [program.rejected_audit_id for program in programs]
    db.execute(update(Audit).where(Audit.id.in_(audit_ids)).values(**values))
    note_set_aside(db, [program.id for program in programs])
    detail = {"reason": values["set_aside_note"]} if values["set_aside_note"] else None
    for program in programs:
        activity.record(db, who, verb, program, detail=detail)
    return len(programs)


def _is_set_aside() -> tuple[ColumnElement[bool], ...]:
    return Program.rejected_audit_id.is_not(None), Program.reject_key.is_(None)


def _page(
    db: Session, conditions: tuple[ColumnElement[bool], ...], before: UUID | None, limit: int
) -> Sequence[Rejected]:  # fmt: skip
    query = select(Program, Audit).join(Audit, Audit.id == Program.rejected_audit_id).where(*conditions)
    if before is not None:
        query = query.where(Program.id < before)
    columns = (
        Program.id, Program.provider_id, Program.component_id, Program.name, Program.appid, Program.merchant_id,
        Program.authorization, Program.reject_key, Program.rejected_audit_id,
    )  # fmt: skip
    rows = db.execute(query.options(load_only(*columns)).order_by(Program.id.desc()).limit(limit))
    return [(program, audit) for program, audit in rows]
