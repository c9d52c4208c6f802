"""Reminders: a merchant's people are told of what waits for her side and runs out: by text message or mail, and by the
provider's own service account at WeChat, if it has a template.

A row of `reminders` is the truth: what is not yet there for a stage and a channel is sent, in the transaction that
writes it, so that two workers, or one that was killed, send it once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, defer

from saas import clock, i18n, sms
from saas.db import new_id, platform_session
from saas.errors import N_, Conflict
from saas.onboarding.models import Reminder
from saas.onboarding.waiting import (
    Kind,
    Waiting,
    of_authorization,
    of_certification,
    of_filing,
    of_registration,
    waitings_of,
)
from saas.programs.certification_models import OF_ADMINISTRATOR, Certification, CertificationStatus
from saas.programs.filing_models import Filing, FilingStatus
from saas.programs.models import AuthorizationStatus, Program
from saas.programs.permissions import ESSENTIAL
from saas.programs.registration_models import Registration, RegistrationStatus
from saas.queue import Lane, enqueue_for
from saas.tenants import activity, phones, wechat_messages
from saas.tenants.access import Verb, Who, require
from saas.tenants.branding import brand_of
from saas.tenants.letters import LOCALES, send_letter
from saas.tenants.models import Merchant, MerchantMembership, Provider, ProviderStatus, User, WeChatSignIn
from saas.tenants.providers import own_provider
from saas.tenants.texts import send_text
from saas.tenants.wechat_messages import Addressee
from saas.wx.limits import ZONE

Subject = Program | Registration
"""What a reminder is about; a registration only as long as it has no mini program."""
REMIND, REMIND_CASE = "jobs.reminders.remind", "jobs.reminders.remind_of_registration"
HAND_PAUSE = timedelta(hours=1)
"""How long after a reminder nobody may send another by hand."""
MORNING, EVENING = time(8), time(21)
"""In the provider's time zone; outside of it nobody is woken, unless the time would run out meanwhile."""
_NIGHT_MARGIN = timedelta(hours=1)
_LAST_CALL = timedelta(hours=6)
_NO_END = (timedelta(days=2), timedelta(days=7), timedelta(days=14))
_LONGEST_LINK = 100
_BY_HAND = "by_hand"


class Stage(StrEnum):
    """When a reminder goes out by itself: at the beginning, in the middle, before the end."""

    BEGUN = "begun"
    HALF = "half"
    LAST = "last"


class Channel(StrEnum):
    """NONE: there was nobody to tell."""

    WECHAT = "wechat"
    TEXT = "text"
    MAIL = "mail"
    NONE = "none"


@dataclass(frozen=True)
class Person:
    """Somebody of the merchant with an account, as far as she can be reached: her number, her confirmed address, her
    WeChat at the provider's service account.
    """

    locale: str
    phone: str = ""
    email: str = ""
    wechat: Addressee | None = None


def stage_at(waiting: Waiting, now: datetime) -> Stage | None:
    """The stage that has begun last; None before the beginning and after the end. What has no end is mentioned for two
    weeks.
    """
    began_at, ends_at = waiting.began_at, waiting.ends_at
    if ends_at is None:
        half, last, over = (began_at + after for after in _NO_END)
    else:
        span = ends_at - began_at
        half, last, over = began_at + span / 2, ends_at - min(_LAST_CALL, span / 4), ends_at
    if not began_at <= now < over:
        return None
    return Stage.LAST if now >= last else Stage.HALF if now >= half else Stage.BEGUN


def is_quiet(now: datetime, ends_at: datetime | None, zone: str) -> bool:
    """Whether people sleep, and may: in the morning there will still be time."""
    local = now.astimezone(ZoneInfo(zone))
    if MORNING <= local.time() < EVENING:
        return False
    morning = datetime.combine(local.date(), MORNING, local.tzinfo)
    if local.time() >= EVENING:
        morning += timedelta(days=1)
    return ends_at is None or morning + _NIGHT_MARGIN <= ends_at


def due_stage(waiting: Waiting, subject: Subject, zone: str) -> Stage | None:
    """The stage to remind of now, if it is not done yet. A merchant who took her authorization back is left alone."""
    now = clock.now()
    if not waiting.is_active or is_quiet(now, waiting.ends_at, zone):
        return None
    taken_back = isinstance(subject, Program) and subject.authorization == AuthorizationStatus.UNAUTHORIZED
    if waiting.kind is Kind.AUTHORIZE and taken_back:
        return None
    return stage_at(waiting, now)


def remind_when_due(db: Session, subject: Subject) -> int:
    """Send what is due and was not sent; says how many messages went out."""
    merchant = _merchant_of(db, subject)
    if merchant is None:
        return 0
    zone, sent = own_provider(db).time_zone, 0
    for waiting in active_of(db, subject):
        if stage := due_stage(waiting, subject, zone):
            sent += _remind(db, subject, merchant, waiting, stage.value)
    return sent


def remind_by_hand(db: Session, subject: Subject, *, who: Who, kind: Kind | None = None) -> int:
    """Remind the merchant now, whatever the hour, of what waits first or of that `kind`; at most once an hour, whoever
    or whatever sent the last one. Says how many messages went out. Raises Conflict.
    """
    require(who, Verb.WORK)
    db.refresh(subject, with_for_update=True)
    merchant = _merchant_of(db, subject)
    waiting = next((one for one in active_of(db, subject) if kind in (None, one.kind)), None)
    if merchant is None or waiting is None:
        raise Conflict(N_("现在没有等商家处理的事，不用提醒"))
    if (last := last_reminded(db, subject)) is not None and last > clock.now() - HAND_PAUSE:
        raise Conflict(N_("1 小时内已经提醒过，请稍后再提醒"))
    if not people_of(merchant, wechat_messages.sender_of(db)):
        raise Conflict(N_("商家还没有人登录过，请先发邀请链接"))
    sent = _remind(db, subject, merchant, waiting, f"{_BY_HAND} {clock.now().isoformat()}", sent_by=who.name)
    verb = "program.remind" if isinstance(subject, Program) else "registration.remind"
    activity.record(db, who, verb, subject, detail={"step": waiting.kind.value, "count": sent})
    return sent


def active_of(db: Session, subject: Subject) -> list[Waiting]:
    """What somebody of the merchant's side can do now; nothing of a registration that has its mini program."""
    if isinstance(subject, Program):
        found = waitings_of(db, subject)
    else:
        waiting = of_registration(subject) if subject.program_id is None else None
        found = [waiting] if waiting is not None else []
    return [one for one in found if one.is_active]


def last_reminded(db: Session, subject: Subject) -> datetime | None:
    """When the last reminder went out, by itself or by hand."""
    return db.scalar(
        select(func.max(Reminder.created_at)).where(_is_about(subject), Reminder.channel != Channel.NONE.value)
    )


def list_reminders(db: Session, subject: Subject, *, limit: int = 10) -> list[Reminder]:
    """What was sent about it, newest first."""
    return list(db.scalars(select(Reminder).where(_is_about(subject)).order_by(Reminder.id.desc()).limit(limit)))


def look_for_due(db: Session) -> int:
    """Cron, in a platform session: have those mini programs and registrations reminded that are due; says how many."""
    found: list[tuple[Subject, str, Waiting]] = [*_candidates(db), *_cases(db)]
    known = _sent_stages(db, {subject.id for subject, _zone, _waiting in found})
    due = {
        (subject.provider_id, subject.id, REMIND if isinstance(subject, Program) else REMIND_CASE)
        for subject, zone, waiting in found
        if (stage := due_stage(waiting, subject, zone))
        and (subject.id, waiting.kind.value, waiting.began_at, stage.value) not in known
    }
    for provider_id, subject_id, name in sorted(due):
        enqueue_for(db, provider_id, name, subject_id, lane=Lane.POLL)
    return len(due)


def people_of(merchant: Merchant, sender: WeChatSignIn | None = None) -> list[Person]:
    """The merchant's people who can be reached. They stand above the tenant wall."""
    query = (
        select(User)
        .join(MerchantMembership, MerchantMembership.user_id == User.id)
        .where(
            MerchantMembership.merchant_id == merchant.id, MerchantMembership.provider_id == merchant.provider_id,
            User.blocked_at.is_(None),
        )
        .order_by(MerchantMembership.id)
    )  # fmt: skip
    with platform_session("find whom to remind of what waits for a merchant") as platform:
        users = list(platform.scalars(query))
        known = wechat_messages.addressees(platform, sender, [user.id for user in users]) if sender else {}
        found = [
            Person(
                user.locale if user.locale in LOCALES else LOCALES[0],
                (phones.phone_of(user) or "") if sms.is_set_up() else "",
                user.email if user.email_verified_at else "", known.get(user.id),
            )
            for user in users
        ]  # fmt: skip
    return [person for person in found if person.phone or person.email or person.wechat]


def _merchant_of(db: Session, subject: Subject) -> Merchant | None:
    query = select(Merchant).where(Merchant.id == subject.merchant_id, Merchant.archived_at.is_(None))
    return db.scalar(query) if subject.merchant_id else None


def _is_about(subject: Subject) -> ColumnElement[bool]:
    column = Reminder.program_id if isinstance(subject, Program) else Reminder.registration_id
    return column == subject.id


def _remind(
    db: Session, subject: Subject, merchant: Merchant, waiting: Waiting, stage: str, *, sent_by: str = ""
) -> int:
    """Tell everybody once. The last call, and whatever has an end set by the ministry, goes by both text message and
    mail. WeChat comes on top, for it may refuse.
    """
    sender = wechat_messages.sender_of(db)
    people, both = people_of(merchant, sender), stage == Stage.LAST or waiting.kind in (Kind.SMS, Kind.CANCEL)
    by_wechat = [person for person in people if person.wechat] if _may_say(sender, waiting) else []
    by_text = [person for person in people if person.phone]
    by_mail = [person for person in people if person.email and (both or not person.phone)]
    told = 0
    for channel, reached in ((Channel.TEXT, by_text), (Channel.MAIL, by_mail), (Channel.WECHAT, by_wechat)):
        reminder_id = (
            _claim(db, subject, waiting, stage, channel, _masked(channel, reached), sent_by) if reached else None
        )
        if reminder_id is None:
            continue
        if sender is not None and channel is Channel.WECHAT:
            _write_by_wechat(db, sender, reminder_id, reached, subject, merchant, waiting)
        else:
            for person in reached:
                _write(db, channel, person, subject, merchant, waiting)
        told += len(reached)
    if not (by_wechat or by_text or by_mail):
        _claim(db, subject, waiting, stage, Channel.NONE, "", sent_by)
    return told


def _may_say(sender: WeChatSignIn | None, waiting: Waiting) -> bool:
    return sender is not None and wechat_messages.may_say(sender, waiting.ends_at)


def _claim(
    db: Session, subject: Subject, waiting: Waiting, stage: str, channel: Channel, to: str, sent_by: str
) -> UUID | None:
    """The new row's id; None when another one was first."""
    row = insert(Reminder).values(
        id=new_id(), created_at=clock.now(), provider_id=subject.provider_id,
        program_id=subject.id if isinstance(subject, Program) else None,
        registration_id=subject.id if isinstance(subject, Registration) else None,
        step=waiting.kind.value, began_at=waiting.began_at, stage=stage, channel=channel.value, to=to, sent_by=sent_by,
    )  # fmt: skip
    unless_there = row.on_conflict_do_nothing(constraint="uq_reminders_once").returning(Reminder.id)
    return db.scalar(unless_there)


def _masked(channel: Channel, people: Sequence[Person]) -> str:
    if channel is Channel.WECHAT:
        return "、".join(person.wechat.name for person in people if person.wechat)
    if channel is Channel.TEXT:
        return "、".join(phones.masked(person.phone) for person in people)
    return "、".join(f"{person.email[:2]}***@{person.email.partition('@')[2]}" for person in people)


def _name_of(subject: Subject, merchant: Merchant) -> str:
    return subject.name or (subject.appid if isinstance(subject, Program) else "") or merchant.name


def _page_of(subject: Subject) -> str:
    """Her page about it, below the provider's merchant pages."""
    return f"w/{subject.id}" if isinstance(subject, Program) else f"registrations/{subject.id}"


def _write(
    db: Session, channel: Channel, person: Person, subject: Subject, merchant: Merchant, waiting: Waiting
) -> None:
    def say(message: str, **params: str) -> str:
        return i18n.translate(person.locale, message, **params) if message else ""

    provider, name = own_provider(db), _name_of(subject, merchant)
    brand = brand_of(provider)
    ends_at = waiting.ends_at.astimezone(ZONE) if waiting.ends_at else None
    step, address = say(waiting.kind.label), f"{brand.address}/m/{provider.slug}/{_page_of(subject)}"
    if channel is Channel.TEXT:
        if ends_at is not None:
            step = say(N_("%(step)s，%(time)s 前办完"), step=step, time=f"{ends_at:%m-%d %H:%M}")
        if len(address) > _LONGEST_LINK:  # an address cut in the middle leads nowhere
            address = f"{brand.address}/m/{provider.slug}/"
        send_text(
            db, "reminder", to=person.phone, locale=person.locale, provider_id=subject.provider_id,
            program=name[:20], step=step, link=address,
        )  # fmt: skip
        return
    send_letter(
        db, "reminder", to=person.email, locale=person.locale, provider_id=subject.provider_id, brand=brand,
        provider=brand.name, program=name, step=step, what=say(waiting.guide.brief),
        due=f"{ends_at:%Y-%m-%d %H:%M}" if ends_at else "", link=address,
    )  # fmt: skip


def _write_by_wechat(
    db: Session, sender: WeChatSignIn, reminder_id: UUID, people: Sequence[Person], subject: Subject,
    merchant: Merchant, waiting: Waiting,
) -> None:  # fmt: skip
    """In Chinese for everybody, as the template's own words are."""
    provider = own_provider(db)
    wechat_messages.send_reminder(
        db, sender, [person.wechat for person in people if person.wechat], about_id=reminder_id,
        name=_name_of(subject, merchant), step=waiting.kind.label, ends_at=waiting.ends_at,
        url=f"{brand_of(provider).address}/m/{provider.slug}/{_page_of(subject)}",
    )  # fmt: skip


def _candidates(db: Session) -> Iterator[tuple[Program, str, Waiting]]:
    """Every mini program with something that waits for its merchant's side, and its provider's time zone."""
    for query, derive in _ROWS:
        for row, program, zone in db.execute(_of_merchants(query, Program)):
            if (waiting := derive(row)) is not None:
                yield program, zone, waiting
    since = clock.now() - _NO_END[-1]
    lost = (Program.authorization == AuthorizationStatus.LOST) & (Program.unauthorized_at > since)
    lacks = (
        (Program.authorization == AuthorizationStatus.AUTHORIZED) & (Program.authorized_at > since)
        & (func.cardinality(Program.permission_sets) > 0) & ~Program.permission_sets.contains(list(ESSENTIAL))
    )  # fmt: skip
    of_programs = select(Program, Provider.time_zone).where(Program.appid != "", lost | lacks)
    for program, zone in db.execute(_of_merchants(of_programs, Program)):
        if (waiting := of_authorization(program)) is not None:
            yield program, zone, waiting


def _cases(db: Session) -> Iterator[tuple[Registration, str, Waiting]]:
    """Every registration that waits for somebody and has no mini program yet, and its provider's time zone."""
    query = select(Registration, Provider.time_zone).where(
        Registration.program_id.is_(None), Registration.status == RegistrationStatus.WAITING_PERSON
    )
    for case, zone in db.execute(_of_merchants(query.options(defer(Registration.person_name_sealed)), Registration)):
        if (waiting := of_registration(case)) is not None:
            yield case, zone, waiting


def _of_merchants(
    query: Select[*tuple[Any, ...]], subjects: type[Program] | type[Registration]
) -> Select[*tuple[Any, ...]]:
    """Those of working providers and merchants only."""
    return (
        query.join(Provider, Provider.id == subjects.provider_id)
        .join(Merchant, Merchant.id == subjects.merchant_id)
        .where(Provider.status.in_([ProviderStatus.TRIAL, ProviderStatus.ACTIVE]), Merchant.archived_at.is_(None))
    )


def _rows_of(model: Any, statuses: Iterable[str], sealed: Any) -> Select[*tuple[Any, ...]]:
    query = select(model, Program, Provider.time_zone).join(Program, Program.id == model.program_id)
    return query.where(model.status.in_(sorted(statuses))).options(defer(sealed))


_ROWS: tuple[tuple[Select[*tuple[Any, ...]], Callable[[Any], Waiting | None]], ...] = (
    (_rows_of(Registration, [RegistrationStatus.WAITING_PERSON], Registration.person_name_sealed), of_registration),
    (
        _rows_of(
            Certification, [*OF_ADMINISTRATOR, CertificationStatus.PAY_PENDING], Certification.data_sealed
        ),
        of_certification,
    ),
    (
        _rows_of(
            Filing, [FilingStatus.FACE, FilingStatus.SMS, FilingStatus.CANCELLING], Filing.content_sealed
        ),
        of_filing,
    ),
)  # fmt: skip


def _sent_stages(db: Session, subject_ids: Collection[UUID]) -> set[tuple[UUID, str, datetime, str]]:
    subject_id = func.coalesce(Reminder.program_id, Reminder.registration_id)
    query = select(subject_id, Reminder.step, Reminder.began_at, Reminder.stage)
    rows = db.execute(query.where(Reminder.program_id.in_(subject_ids) | Reminder.registration_id.in_(subject_ids)))
    return {(found_id, step, began_at, stage) for found_id, step, began_at, stage in rows}
