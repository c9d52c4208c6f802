"""Entry links: made for a merchant, sent, shown again, revoked; who opened them and who came in."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from saas import clock, sms
from saas.components.access import list_components
from saas.components.models import ComponentApp, ComponentStatus
from saas.db import new_id, platform_session
from saas.errors import N_, AppError, Conflict, Invalid
from saas.onboarding.models import Entry, EntryLink, Part
from saas.programs.listing import select_programs
from saas.tenants import activity, phones
from saas.tenants.access import Verb, Who, require, system
from saas.tenants.branding import brand_of
from saas.tenants.letters import LOCALES, send_letter
from saas.tenants.models import Merchant, MerchantRole, OutgoingText, Provider, User
from saas.tenants.names import clean_email
from saas.tenants.own_hosts import address_of
from saas.tenants.providers import own_provider
from saas.tenants.sessions import token_hash
from saas.tenants.texts import send_text

LIFETIME = timedelta(days=7)
LONGEST = timedelta(days=30)
AGAIN_AFTER = timedelta(seconds=60)
TEXTS_A_DAY = 300
"""Text messages with links that one provider may have sent in a day: they cost money and go to anybody's number."""
_BEIJING = ZoneInfo("Asia/Shanghai")


class State(StrEnum):
    """What a link is good for now."""

    OPEN = "open"
    USED = "used"
    REVOKED = "revoked"
    EXPIRED = "expired"


class LinkOver(AppError):
    """Nobody comes in by this link any more; `state` says why."""

    status = 410

    def __init__(self, state: State) -> None:
        message, hint = _OVER[state]
        super().__init__(message, hint=hint)
        self.state = state


_OVER = {
    State.USED: (N_("这个邀请链接已经用过"), N_("它只能让一个人进入。如果您就是那个人，请直接登录。")),
    State.REVOKED: (N_("这个邀请链接已被撤销"), N_("服务商撤销了它，可能已经换了新链接。请向服务商确认。")),
    State.EXPIRED: (N_("这个邀请链接已过期"), N_("请让服务商重新发一个链接，几秒钟就能生成。")),
}


@dataclass(frozen=True)
class Wanted:
    """What a link is for. `parts` are asked for each of `program_ids`, or for a mini program still to be registered."""

    role: MerchantRole = MerchantRole.OWNER
    for_many: bool = False
    program_ids: tuple[UUID, ...] = ()
    authorize: bool = True
    parts: tuple[Part, ...] = ()
    lifetime: timedelta = LIFETIME


@dataclass(frozen=True)
class Visitor:
    """Somebody who came in by a link. `reach` is her address, or her number masked."""

    name: str
    reach: str
    came_at: datetime


def make_link(db: Session, merchant: Merchant, wanted: Wanted, *, who: Who) -> EntryLink:
    """Make a link by which people of this merchant come in. Raises Invalid and Conflict."""
    require(who, Verb.WORK)
    if merchant.archived_at is not None:
        raise Conflict(N_("该商家已归档"), hint=N_("请先恢复商家，再生成邀请链接。"))
    if not timedelta(0) < wanted.lifetime <= LONGEST:
        raise Invalid(N_("有效期为 1 至 %(days)s 天"), field="days", days=LONGEST.days)
    if wanted.role is MerchantRole.HELPER and (wanted.authorize or wanted.parts):
        raise Invalid(N_("协作者只能查看，不能授权或填写资料。请改为负责人，或不勾选要办的事。"), field="role")
    ids = tuple(dict.fromkeys(wanted.program_ids))
    known = {program.id for program in select_programs(db, ids) if program.merchant_id == merchant.id}
    if set(ids) - known:
        raise Invalid(N_("请选择这个商家的小程序"), field="programs")
    if wanted.authorize and not ids and component_to_authorize(db, who.provider_id) is None:
        raise Invalid(N_("还没有接通的第三方平台，商家无法授权。请先接通，或不勾选授权。"), field="authorize")
    token = secrets.token_urlsafe(16)
    link = EntryLink(
        id=new_id(), provider_id=who.provider_id, merchant_id=merchant.id, token_hash=token_hash(token),
        role=wanted.role.value, for_many=wanted.for_many, program_ids=list(ids), authorize=wanted.authorize,
        parts=[part.value for part in Part if part in wanted.parts], made_by=who.name,
        expires_at=clock.now() + wanted.lifetime,
    )  # fmt: skip
    link.token = token
    db.add(link)
    db.flush()
    activity.record(db, who, "entry_link.make", link, detail={"merchant": merchant.name, "role": link.role})
    return link


def component_to_authorize(db: Session, provider_id: UUID) -> ComponentApp | None:
    """The component app for which a merchant authorizes a mini program that we do not know yet."""
    ready = [one for one in list_components(db, system(provider_id)) if one.status == ComponentStatus.READY]
    return ready[0] if ready else None


def mail_link(db: Session, link: EntryLink, merchant: Merchant, *, who: Who, to: str, locale: str = "zh_CN") -> None:
    """Mail a link to somebody; raises Invalid, LinkOver."""
    _require_sendable(db, link, who)
    address, own = clean_email(to), own_provider(db)
    brand = brand_of(own)
    send_letter(
        db, "entry_link", to=address, locale=locale, provider_id=who.provider_id, brand=brand, provider=brand.name,
        merchant=merchant.name, link=link_address(link, own),
        due=f"{link.expires_at.astimezone(_BEIJING):%Y-%m-%d %H:%M}",
    )  # fmt: skip
    local, _at, domain = address.partition("@")
    _note_sent(db, link, who, f"{local[:2]}***@{domain}")


def text_link(db: Session, link: EntryLink, merchant: Merchant, *, who: Who, to: str, locale: str = "zh_CN") -> None:
    """Send a link to a mobile number; raises Invalid, LinkOver."""
    _require_sendable(db, link, who)
    if not sms.is_set_up():
        raise Invalid(N_("这里没有接通短信，请用邮件发送或自己转发"), field="to")
    number, own = phones.clean_phone(to, field="to"), own_provider(db)
    today = select(func.count()).where(
        OutgoingText.template == "entry_link", OutgoingText.created_at > clock.now() - timedelta(days=1),
        OutgoingText.provider_id == who.provider_id,
    )  # fmt: skip
    if (db.scalar(today) or 0) >= TEXTS_A_DAY:
        raise Invalid(N_("今天发送的邀请短信已达 %(most)d 条，请用邮件发送或自己转发"), field="to", most=TEXTS_A_DAY)
    address = link_address(link, own)
    message = send_text(
        db, "entry_link", to=number, locale=locale if locale in LOCALES else LOCALES[0], provider_id=who.provider_id,
        provider=brand_of(own).name[:20], merchant=merchant.name[:20], link=address,
    )  # fmt: skip
    if address not in message.text:  # an address cut in the middle leads nowhere
        raise Invalid(N_("链接太长，短信放不下，请用邮件发送或自己转发"), field="to")
    _note_sent(db, link, who, phones.masked(number))


def revoke_link(db: Session, link: EntryLink, *, who: Who) -> None:
    """Let nobody come in by this link any more; who came in stays."""
    require(who, Verb.WORK)
    revoked = db.execute(
        update(EntryLink)
        .where(EntryLink.id == link.id, EntryLink.revoked_at.is_(None))
        .values(revoked_at=clock.now())
        .returning(EntryLink.id)
    ).first()
    if revoked is None:
        raise Conflict(N_("链接已经撤销"))
    activity.record(db, who, "entry_link.revoke", link)


def note_opened(db: Session, link: EntryLink) -> None:
    """Somebody looked at the page behind the link. Counted by the database, so that no visit is lost."""
    now = clock.now()
    db.execute(
        update(EntryLink)
        .where(EntryLink.id == link.id)
        .values(
            opened_at=func.coalesce(EntryLink.opened_at, now), last_opened_at=now,
            opened_count=EntryLink.opened_count + 1,
        )
        .execution_options(synchronize_session=False)
    )  # fmt: skip


def state_of(link: EntryLink, came_in: int) -> State:
    """What a link is good for, when so many came in by it."""
    if link.revoked_at is not None:
        return State.REVOKED
    if came_in and not link.for_many:
        return State.USED
    return State.EXPIRED if link.expires_at <= clock.now() else State.OPEN


def link_address(link: EntryLink, provider: Provider) -> str:
    """The address to send, at the provider's own host if it has one."""
    return f"{address_of(provider)}/m/{provider.slug}/join/{link.token}"


def list_links(db: Session, merchant: Merchant, *, before: UUID | None = None, limit: int = 20) -> list[EntryLink]:
    """A merchant's entry links, newest first; `before` is the last id shown."""
    query = select(EntryLink).where(EntryLink.merchant_id == merchant.id).order_by(EntryLink.id.desc()).limit(limit)
    return list(db.scalars(query.where(EntryLink.id < before) if before is not None else query))


def count_entries(db: Session, links: Iterable[EntryLink]) -> dict[UUID, int]:
    """How many came in by each of these links; those by which nobody did are left out. One query."""
    ids: Collection[UUID] = [link.id for link in links]
    query = select(Entry.link_id, func.count().label("number")).where(Entry.link_id.in_(ids)).group_by(Entry.link_id)
    return {row.link_id: row.number for row in db.execute(query)}


def list_visitors(db: Session, link: EntryLink, *, who: Who, limit: int = 100) -> list[Visitor]:
    """Who came in by a link, the last first. People stand above the tenant wall: the link came through its door."""
    require(who, Verb.VIEW)
    query = select(Entry.user_id, Entry.created_at).where(Entry.link_id == link.id).order_by(Entry.id.desc())
    came = {row.user_id: row.created_at for row in db.execute(query.limit(limit))}
    if not came:
        return []
    with platform_session("show who came in by a link") as platform:
        people = {user.id: user for user in platform.scalars(select(User).where(User.id.in_(came)))}
        return [
            Visitor(people[user_id].name, _reach(people[user_id]), moment)
            for user_id, moment in came.items()
            if user_id in people
        ]


def _reach(user: User) -> str:
    phone = phones.phone_of(user)
    return user.email or (phones.masked(phone) if phone else "")


def _require_sendable(db: Session, link: EntryLink, who: Who) -> None:
    require(who, Verb.WORK)
    state = state_of(link, count_entries(db, [link]).get(link.id, 0))
    if state is not State.OPEN:
        raise LinkOver(state)
    # One at a time: two clicks at once send one message.
    db.execute(select(EntryLink.id).where(EntryLink.id == link.id).with_for_update())
    db.refresh(link, ["sent_at"])
    if link.sent_at is not None and link.sent_at > clock.now() - AGAIN_AFTER:
        raise Invalid(N_("刚刚发送过，请等 1 分钟再发"), field="to")


def _note_sent(db: Session, link: EntryLink, who: Who, to: str) -> None:
    link.sent_to, link.sent_at = to, clock.now()
    activity.record(db, who, "entry_link.send", link, detail={"to": to})
