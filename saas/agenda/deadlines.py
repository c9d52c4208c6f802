"""Everything that ends on a day: certificates, time limits of registration, certification and filing, links and codes,
planned work, and dates of the provider's own. One statement, whatever is asked for; nothing is kept beside the rows.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import (
    Select,
    Text,
    and_,
    cast,
    exists,
    func,
    literal,
    null,
    or_,
    select,
    type_coerce,
    union_all,
)
from sqlalchemy.orm import Session
from sqlalchemy.types import Date, DateTime, Uuid

from saas import clock
from saas.agenda.models import DeadlineKind, OwnDate
from saas.campaigns.models import Campaign, CampaignStatus
from saas.errors import N_
from saas.onboarding.models import Entry, EntryLink
from saas.programs.listing import NOBODYS
from saas.programs.models import AuthorizationLink, LinkStatus, Program, ProgramCode, ProgramStep
from saas.programs.words import Step, Turn, Word
from saas.tenants.access import Verb, Who, require
from saas.tenants.models import Merchant
from saas.trains.models import Train, TrainStatus

Rows = Select[*tuple[Any, ...]]
CERTIFICATES = (Word.CERTIFIED, Word.CERTIFICATE_ENDING)
LABELS: Mapping[DeadlineKind, str] = {
    DeadlineKind.CERTIFICATE: N_("认证到期"),
    DeadlineKind.CLOCK: N_("办理时限"),
    DeadlineKind.AUTHORIZATION_LINK: N_("授权链接失效"),
    DeadlineKind.ENTRY_LINK: N_("邀请链接失效"),
    DeadlineKind.CODE: N_("小程序链接失效"),
    DeadlineKind.TRAIN: N_("批量发布开始"),
    DeadlineKind.CAMPAIGN: N_("计划开始执行"),
    DeadlineKind.OWN: N_("自定义日期"),
}
_NOON = time(12)
_ALL = timedelta(days=36500)


@dataclass(frozen=True)
class DeadlineFilter:
    """`kinds`: only these, all when empty. `owner` is an id, "none", or both with a comma, of mini programs."""

    kinds: tuple[DeadlineKind, ...] = ()
    owner: str = ""


@dataclass(frozen=True)
class Deadline:
    """`subject_id` is the row that ends. `name` is the mini program's, else the merchant's or the thing's own; `detail`
    says what it is about beside its kind: a word of a step, a version, a title.
    """

    kind: DeadlineKind
    subject_id: UUID
    ends_at: datetime
    name: str
    detail: str
    program_id: UUID | None
    merchant_id: UUID | None

    @property
    def is_day(self) -> bool:
        """The day counts, not the hour."""
        return self.kind in (DeadlineKind.OWN, DeadlineKind.CERTIFICATE)

    @property
    def place(self) -> str:
        """For the address of the next page."""
        return f"{self.ends_at.timestamp()}_{self.subject_id}"


def read_place(text: str) -> tuple[datetime, UUID] | None:
    """From an address; None when it makes no sense."""
    moment, _, subject = text.partition("_")
    try:
        return datetime.fromtimestamp(float(moment), UTC), UUID(subject)
    except (ValueError, OverflowError, OSError):
        return None


def count_days(
    db: Session, since: datetime, until: datetime, wanted: DeadlineFilter, *, who: Who, zone: str
) -> dict[date, dict[DeadlineKind, int]]:
    """How much ends on each day of the provider's, by kind."""
    require(who, Verb.VIEW)
    found = union_all(*_parts(since, until, wanted, who, zone)).subquery("deadlines")
    day = cast(func.timezone(zone, found.c.ends_at), Date)
    query = select(day, found.c.kind, func.count()).select_from(found).group_by(day, found.c.kind)
    days: dict[date, dict[DeadlineKind, int]] = {}
    for when, kind, count in db.execute(query):
        days.setdefault(when, {})[DeadlineKind(kind)] = count
    return days


def list_deadlines(
    db: Session, since: datetime, until: datetime, wanted: DeadlineFilter, *, who: Who, zone: str,
    after: tuple[datetime, UUID] | None = None, limit: int = 50,
) -> list[Deadline]:  # fmt: skip
    """What ends first comes first; `after` is the place of the last one shown. Names are looked up for those that are
    shown only.
    """
    require(who, Verb.VIEW)
    parts = _parts(max(since, after[0]) if after else since, until, wanted, who, zone)
    found = union_all(*(_first(part, after, limit) for part in parts)).subquery("deadlines")
    page = select(found).order_by(found.c.ends_at, found.c.subject_id).limit(limit).subquery("page")
    columns = page.c
    name = func.coalesce(func.nullif(Program.name, ""), func.nullif(Program.appid, ""), Merchant.name, columns.detail)
    query = (
        select(
            columns.kind, columns.subject_id, columns.ends_at, func.coalesce(name, ""), columns.detail,
            columns.program_id, func.coalesce(columns.merchant_id, Program.merchant_id),
        )
        .select_from(page)
        .outerjoin(Program, Program.id == columns.program_id)
        .outerjoin(Merchant, Merchant.id == columns.merchant_id)
        .order_by(columns.ends_at, columns.subject_id)
    )  # fmt: skip
    return [Deadline(DeadlineKind(kind), *rest) for kind, *rest in db.execute(query)]


def ends_of(
    db: Session, kind: DeadlineKind, subject_ids: Collection[UUID], *, who: Who, zone: str
) -> dict[UUID, datetime]:
    """When those of these that are still open and not over end."""
    require(who, Verb.VIEW)
    now = clock.now()
    found = _PARTS[kind](now, now + _ALL, who, zone).subquery()
    query = select(found.c.subject_id, found.c.ends_at).where(found.c.subject_id.in_(subject_ids))
    return {row[0]: row[1] for row in db.execute(query)}


def month_of(day: date, zone: str) -> tuple[datetime, datetime]:
    """The month that a day is in, as the provider's clock has it."""
    first = day.replace(day=1)
    following = (first + timedelta(days=32)).replace(day=1)
    return moment_of(first, zone), moment_of(following, zone)


def moment_of(day: date, zone: str) -> datetime:
    """When a day begins."""
    return datetime.combine(day, time(), ZoneInfo(zone))


def _parts(since: datetime, until: datetime, wanted: DeadlineFilter, who: Who, zone: str) -> list[Rows]:
    kinds = wanted.kinds or tuple(DeadlineKind)
    parts = [_PARTS[kind](since, until, who, zone) for kind in kinds]
    return [_narrowed(part, wanted.owner) for part in parts] if wanted.owner else parts


def _narrowed(part: Rows, owner: str) -> Rows:
    """Only of mini programs in somebody's charge, and what is about none."""
    found = part.subquery()
    chosen = or_(
        *(Program.owner_id.is_(None) if one == NOBODYS else Program.owner_id == UUID(one) for one in owner.split(","))
    )
    return select(found).outerjoin(Program, Program.id == found.c.program_id).where(chosen)


def _first(part: Rows, after: tuple[datetime, UUID] | None, limit: int) -> Rows:
    """The first rows of one kind, by its index."""
    found = part.subquery()
    query = select(found).order_by(found.c.ends_at, found.c.subject_id).limit(limit)
    if after is not None:
        moment, subject = after
        same = and_(found.c.ends_at == moment, found.c.subject_id > subject)
        query = query.where(or_(found.c.ends_at > moment, same))
    return select(query.subquery())


def _row(kind: DeadlineKind, subject: Any, ends_at: Any, detail: Any, program: Any, merchant: Any) -> Rows:
    return select(
        literal(kind.value, Text).label("kind"), type_coerce(subject, Uuid()).label("subject_id"),
        type_coerce(ends_at, DateTime(timezone=True)).label("ends_at"), cast(detail, Text).label("detail"),
        cast(program, Uuid()).label("program_id"), cast(merchant, Uuid()).label("merchant_id"),
    )  # fmt: skip


def _certificates(since: datetime, until: datetime, who: Who, _zone: str) -> Rows:
    step = ProgramStep
    query = _row(DeadlineKind.CERTIFICATE, step.id, step.due_at, step.word, step.program_id, null())
    return query.where(
        step.provider_id == who.provider_id, step.due_at >= since, step.due_at < until, step.step == Step.CERTIFY,
        step.word.in_([word.value for word in CERTIFICATES]),
    )  # fmt: skip


def _clocks(since: datetime, until: datetime, who: Who, _zone: str) -> Rows:
    step = ProgramStep
    query = _row(DeadlineKind.CLOCK, step.id, step.due_at, step.word, step.program_id, null())
    return query.where(
        step.provider_id == who.provider_id, step.due_at >= since, step.due_at < until, step.turn != Turn.NOBODY,
        step.word.not_in([word.value for word in CERTIFICATES]),
    )  # fmt: skip


def _authorization_links(since: datetime, until: datetime, who: Who, _zone: str) -> Rows:
    link = AuthorizationLink
    query = _row(
        DeadlineKind.AUTHORIZATION_LINK, link.id, link.expires_at, literal(""), link.program_id, link.merchant_id
    )
    return query.where(
        link.provider_id == who.provider_id, link.expires_at >= since, link.expires_at < until,
        link.status.in_([LinkStatus.OPEN, LinkStatus.STARTED]),
    )  # fmt: skip


def _entry_links(since: datetime, until: datetime, who: Who, _zone: str) -> Rows:
    link = EntryLink
    is_used = exists().where(Entry.link_id == link.id)
    query = _row(DeadlineKind.ENTRY_LINK, link.id, link.expires_at, literal(""), null(), link.merchant_id)
    return query.where(
        link.provider_id == who.provider_id, link.expires_at >= since, link.expires_at < until,
        link.revoked_at.is_(None), link.for_many | ~is_used,
    )  # fmt: skip


def _codes(since: datetime, until: datetime, who: Who, _zone: str) -> Rows:
    code = ProgramCode
    query = _row(DeadlineKind.CODE, code.id, code.expires_at, code.link, code.program_id, null())
    return query.where(code.provider_id == who.provider_id, code.expires_at >= since, code.expires_at < until)


def _trains(since: datetime, until: datetime, who: Who, _zone: str) -> Rows:
    query = _row(DeadlineKind.TRAIN, Train.id, Train.starts_at, Train.user_version, null(), null())
    return query.where(
        Train.provider_id == who.provider_id, Train.starts_at >= since, Train.starts_at < until,
        Train.status == TrainStatus.DRAFT,
    )  # fmt: skip


def _campaigns(since: datetime, until: datetime, who: Who, _zone: str) -> Rows:
    query = _row(DeadlineKind.CAMPAIGN, Campaign.id, Campaign.next_at, Campaign.title, null(), null())
    return query.where(
        Campaign.provider_id == who.provider_id, Campaign.next_at >= since, Campaign.next_at < until,
        Campaign.status == CampaignStatus.PLANNED,
    )  # fmt: skip


def _own_dates(since: datetime, until: datetime, who: Who, zone: str) -> Rows:
    noon = func.timezone(zone, OwnDate.day + literal(_NOON))
    first, last = (moment.astimezone(ZoneInfo(zone)).date() for moment in (since, until))
    query = _row(DeadlineKind.OWN, OwnDate.id, noon, OwnDate.title, OwnDate.program_id, null())
    return query.where(
        OwnDate.provider_id == who.provider_id, OwnDate.done_at.is_(None), OwnDate.day >= first, OwnDate.day <= last,
        noon >= since, noon < until,
    )  # fmt: skip


_PARTS = {
    DeadlineKind.CERTIFICATE: _certificates,
    DeadlineKind.CLOCK: _clocks,
    DeadlineKind.AUTHORIZATION_LINK: _authorization_links,
    DeadlineKind.ENTRY_LINK: _entry_links,
    DeadlineKind.CODE: _codes,
    DeadlineKind.TRAIN: _trains,
    DeadlineKind.CAMPAIGN: _campaigns,
    DeadlineKind.OWN: _own_dates,
}
