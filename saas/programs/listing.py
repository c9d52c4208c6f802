"""Finding mini programs."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Text, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased, load_only

from saas import clock
from saas.errors import N_, Invalid
from saas.programs.models import AuthorizationStatus, Program, ProgramStep, ProgramTag
from saas.programs.permissions import ESSENTIAL
from saas.programs.searching import narrow
from saas.programs.snoozing import is_snoozed
from saas.programs.versions import version_key
from saas.programs.words import Step, Turn, Word
from saas.tenants.models import Merchant

MOST_SELECTED = 20_000
_COUNTED = 1000
_LONGEST = 100
"""Of a filter's part, except a rejection's reason, which may name many rules."""
IN_AUDIT = (Word.SUBMITTING, Word.IN_REVIEW, Word.DELAYED)
_APPID = re.compile(r"wx[0-9a-f]{1,16}")
_AGE = re.compile(r"[0-9]{1,4}-(?:[0-9]{1,4})?")
_REASON = re.compile(r"none|[0-9.]+(?:\+[0-9.]+)*|~[0-9a-f]{24}")


class VersionOf(StrEnum):
    """What a version filter compares; templates are compared by WeChat's number, and AUDIT, what reviewers have now, is
    asked for as it is written."""

    ONLINE = "online"
    TRIAL = "trial"
    AUDIT = "audit"
    ONLINE_TEMPLATE = "online_template"
    TRIAL_TEMPLATE = "trial_template"


class Compares(StrEnum):
    BELOW = "lt"
    EQUALS = "eq"
    FROM = "ge"
    NONE = "none"  # there is no such version


class Due(StrEnum):
    """How near the end of its clock is."""

    OVERDUE = "overdue"
    DAY = "day"
    WEEK = "week"


class Snoozed(StrEnum):
    NO = "no"
    ONLY = "only"


NOBODYS = "none"
"""In place of a merchant's or an owner's id: mini programs without one."""
AHEAD = {Due.OVERDUE: timedelta(), Due.DAY: timedelta(days=1), Due.WEEK: timedelta(days=7)}
"""Until when from now on a clock must end."""


@dataclass(frozen=True)
class ProgramFilter:
    """Which mini programs a list shows. All parts are text as an address carries it; an empty one asks nothing.

    `merchant` and `owner` are ids or NOBODYS, and `owner` also both with a comma between; `lacking` is a permission
    set's number or `essential`. `age` is for how many days its version has been online: `90-` or `30-90`. `reject` is
    the reason of a rejection that waits (`Program.reject_key`).
    """

    q: str = ""
    stage: str = ""
    turn: str = ""
    authorization: str = ""
    certify: str = ""
    file: str = ""
    tag: str = ""
    merchant: str = ""
    owner: str = ""
    lacking: str = ""
    component: str = ""
    due: str = ""
    snoozed: str = ""
    version_of: str = ""
    compares: str = ""
    version: str = ""
    age: str = ""
    reject: str = ""

    @classmethod
    def read(cls, given: Mapping[str, str]) -> ProgramFilter:
        """From an address or a saved filter; what makes no sense is left out."""
        parts = {name: text if name == "reject" else text[:_LONGEST] for name, text in _given(given).items()}
        closed = {
            "stage": Word,
            "turn": Turn,
            "authorization": AuthorizationStatus,
            "due": Due,
            "snoozed": Snoozed,
            "version_of": VersionOf,
            "compares": Compares,
        }
        for name, known in closed.items():
            if parts[name] not in set(known):
                parts[name] = ""
        for name, step in (("certify", Step.CERTIFY), ("file", Step.FILE)):
            if parts[name] not in {word for word in Word if word.step is step}:
                parts[name] = ""
        for name in ("merchant", "owner", "component"):
            chosen = parts[name].split(",") if name == "owner" else [parts[name]]
            if not all(_is_id(one) or (one == NOBODYS and name != "component") for one in chosen):
                parts[name] = ""
        if parts["lacking"] != "essential" and not re.fullmatch(r"[0-9]{1,4}", parts["lacking"]):
            parts["lacking"] = ""
        for name, shape in (("age", _AGE), ("reject", _REASON)):
            if not shape.fullmatch(parts[name]):
                parts[name] = ""
        return cls(**{**parts, **_version_asked(parts)})

    @classmethod
    def read_whole(cls, given: Mapping[str, str]) -> ProgramFilter:
        """As `read`, for what is done to all that the filter finds: raises Invalid where a part would be left out or
        cut, for it would find more than was meant."""
        wanted = cls.read(given)
        parts = wanted.parts()
        if any(text and parts.get(name) != text for name, text in _given(given).items()):
            raise Invalid(N_("筛选条件有看不懂的部分，没有执行。请回到列表重新筛选"))
        return wanted

    def parts(self) -> dict[str, str]:
        """What an address needs to carry."""
        return {one.name: value for one in fields(self) if (value := getattr(self, one.name))}


def _given(given: Mapping[str, str]) -> dict[str, str]:
    return {one.name: given.get(one.name, "").replace("\0", "").strip() for one in fields(ProgramFilter)}


@dataclass(frozen=True)
class Page:
    """Some mini programs of a list. `total` counts all that match, up to 1,000; one more stands for more than that."""

    programs: list[Program]
    more: bool
    total: int

    @property
    def total_is_least(self) -> bool:
        return self.total > _COUNTED


def list_programs(db: Session, wanted: ProgramFilter, *, before: UUID | None = None, limit: int = 50) -> Page:
    """The mini programs that a list shows, newest first; `before` is the last id shown. Their profiles stay unread."""
    query = matching(db, wanted)
    counted = query.with_only_columns(Program.id).limit(_COUNTED + 1).subquery()
    total = db.scalar(select(func.count()).select_from(counted)) or 0
    if before is not None:
        query = query.where(Program.id < before)
    programs = list(db.scalars(query.options(load_only(*LISTED)).limit(limit + 1)))
    return Page(programs[:limit], len(programs) > limit, total)


def select_ids(db: Session, wanted: ProgramFilter, *, most: int | None = MOST_SELECTED) -> list[UUID]:
    """All that match, newest first, up to `most`."""
    return list(db.scalars(matching(db, wanted).with_only_columns(Program.id).limit(most)))


def select_programs(db: Session, program_ids: Collection[UUID]) -> list[Program]:
    """Those of these ids that are the provider's, as a list shows them, newest first."""
    if not program_ids:
        return []
    query = select(Program).options(load_only(*LISTED)).where(Program.id.in_(program_ids))
    return list(db.scalars(query.order_by(Program.id.desc())))


def merchant_names(db: Session, programs: Collection[Program]) -> dict[UUID, str]:
    """The names of their merchants; one query."""
    ids = {program.merchant_id for program in programs if program.merchant_id}
    return {row.id: row.name for row in db.execute(select(Merchant.id, Merchant.name).where(Merchant.id.in_(ids)))}


def tags_of(db: Session, program_ids: Collection[UUID]) -> dict[UUID, list[str]]:
    """The tags of each of these mini programs, in order; one query."""
    found: dict[UUID, list[str]] = {program_id: [] for program_id in program_ids}
    query = select(ProgramTag.program_id, ProgramTag.tag).where(ProgramTag.program_id.in_(program_ids))
    for program_id, tag in db.execute(query.order_by(ProgramTag.tag)):
        found[program_id].append(tag)
    return found


def known_tags(db: Session, limit: int = 100) -> list[str]:
    """Tags in use, in order, found by hopping over the index from one to the next."""
    first = select(func.min(ProgramTag.tag).label("tag")).cte("tags", recursive=True)
    following = select(func.min(ProgramTag.tag)).where(ProgramTag.tag > first.c.tag).scalar_subquery()
    hops = first.union_all(select(following).where(first.c.tag.is_not(None)))
    return list(db.scalars(select(hops.c.tag).where(hops.c.tag.is_not(None)).limit(limit)))


LISTED = (
    Program.id, Program.provider_id, Program.component_id, Program.merchant_id, Program.owner_id, Program.appid,
    Program.name, Program.avatar_file_id, Program.company_name, Program.permission_sets, Program.authorization,
    Program.authorized_at, Program.stage, Program.turn, Program.stage_since, Program.due_at, Program.trial_version,
    Program.online_version, Program.registered_by_api,
)  # fmt: skip
"""What lists show of a mini program; its profile and values stay unread."""


def matching(db: Session, wanted: ProgramFilter) -> Select[Program]:
    """Newest first. Filters with an index of their own are joins, so that the index gives the order, too."""
    query = select(Program).order_by(Program.id.desc())
    for step, word in ((Step.CERTIFY, wanted.certify), (Step.FILE, wanted.file)):
        if word:
            row = aliased(ProgramStep)
            query = query.join(row, (row.program_id == Program.id) & (row.step == step) & (row.word == word))
    if wanted.tag:
        query = query.join(ProgramTag, (ProgramTag.program_id == Program.id) & (ProgramTag.tag == wanted.tag))
    equal = {
        Program.stage: wanted.stage, Program.turn: wanted.turn, Program.authorization: wanted.authorization,
    }  # fmt: skip
    query = query.where(*(column == value for column, value in equal.items() if value))
    if wanted.merchant:
        query = query.where(_one_of(Program.merchant_id, [wanted.merchant]))
    if wanted.owner:
        query = query.where(_one_of(Program.owner_id, wanted.owner.split(",")))
    if wanted.component:
        query = query.where(Program.component_id == UUID(wanted.component))
    if wanted.due:
        query = query.where(Program.due_at < clock.now() + AHEAD[Due(wanted.due)])
    if wanted.snoozed:
        query = query.where(is_snoozed() if wanted.snoozed == Snoozed.ONLY else ~is_snoozed())
    if wanted.lacking:
        sets = list(ESSENTIAL) if wanted.lacking == "essential" else [int(wanted.lacking)]
        query = query.where(~Program.permission_sets.contains(sets))
    if wanted.version_of == VersionOf.AUDIT:
        row = aliased(ProgramStep)
        here = (row.program_id == Program.id) & (row.step == Step.AUDIT) & row.word.in_(IN_AUDIT)
        query = query.join(row, here & (row.detail["version"].astext == wanted.version))
    elif wanted.version_of:
        query = query.where(_compared(wanted))
    if wanted.age:
        row = aliased(ProgramStep)
        query = query.join(row, (row.program_id == Program.id) & (row.step == Step.ONLINE))
        query = query.where(Program.online_version_key > "", *_aged(row.since, wanted.age))
    if wanted.reject:
        query = query.where(Program.rejected_audit_id.is_not(None), Program.reject_key == wanted.reject)
    if _APPID.fullmatch(wanted.q.lower()):
        return query.where(Program.appid >= wanted.q.lower(), Program.appid < wanted.q.lower() + "g")
    return narrow(db, query, wanted.q) if wanted.q else query


def _version_asked(parts: Mapping[str, str]) -> dict[str, str]:
    """The three parts of a version filter, or three empty ones."""
    asked = {name: parts[name] for name in ("version_of", "compares", "version")}
    kind, wants_none = asked["version_of"], asked["compares"] == Compares.NONE
    is_template = kind in (VersionOf.ONLINE_TEMPLATE, VersionOf.TRIAL_TEMPLATE)
    if wants_none and kind and kind != VersionOf.AUDIT:
        return asked | {"version": ""}
    if not kind or not asked["version"] or (is_template and not re.fullmatch("[0-9]{1,9}", asked["version"])):
        return dict.fromkeys(asked, "")
    fixed = kind == VersionOf.AUDIT or not asked["compares"]
    return asked | ({"compares": Compares.EQUALS} if fixed else {})


def _one_of(column: InstrumentedAttribute[UUID | None], chosen: Collection[str]) -> ColumnElement[bool]:
    """The column holds one of these ids, or none where NOBODYS is among them."""
    return or_(*(column.is_(None) if one == NOBODYS else column == UUID(one) for one in chosen))


def _compared(wanted: ProgramFilter) -> ColumnElement[bool]:
    """A mini program without that version or template is not older than any."""
    column, value = {
        VersionOf.ONLINE: (Program.online_version_key, version_key(wanted.version)),
        VersionOf.TRIAL: (Program.trial_version_key, version_key(wanted.version)),
        VersionOf.ONLINE_TEMPLATE: (Program.online_template, wanted.version),
        VersionOf.TRIAL_TEMPLATE: (Program.trial_template, wanted.version),
    }[VersionOf(wanted.version_of)]  # fmt: skip
    if wanted.compares == Compares.NONE:
        return column == "" if isinstance(column.type, Text) else column.is_(None)
    bound = value if isinstance(column.type, Text) else int(value)
    if wanted.compares == Compares.BELOW:
        return (column < bound) & (column > "" if isinstance(column.type, Text) else column >= 0)
    return column >= bound if wanted.compares == Compares.FROM else column == bound


def _aged(since: InstrumentedAttribute[datetime | None], age: str) -> list[ColumnElement[bool]]:
    """As old as `30-90` says, in days; the first day counts, the last does not."""
    least, most = (timedelta(days=int(days)) if days else None for days in age.split("-"))
    now = clock.now()
    return [
        *([since <= now - least] if least is not None else []), *([since > now - most] if most is not None else []),
    ]  # fmt: skip


def _is_id(value: str) -> bool:
    try:
        UUID(value)
    except ValueError:
        return False
    return True


def programs_of(db: Session, merchant_ids: Collection[UUID], limit: int = 100) -> list[Program]:
    """The mini programs of some merchants, newest first."""
    query = select(Program).where(Program.merchant_id.in_(merchant_ids)).order_by(Program.id.desc()).limit(limit)
    return list(db.scalars(query))


def count_by_merchant(db: Session, merchant_ids: Collection[UUID]) -> dict[UUID, int]:
    """How many mini programs each of some merchants has; those without are left out. One query."""
    query = (
        select(Program.merchant_id, func.count())
        .where(Program.merchant_id.in_(merchant_ids))
        .group_by(Program.merchant_id)
    )
    return {merchant_id: count for merchant_id, count in db.execute(query) if merchant_id is not None}
