"""Providers: making one, which of them a person belongs to, and as whom she acts there (one query per request)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

from sqlalchemy import ColumnElement, func, literal, select, union_all
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from saas.db import new_id, platform_session
from saas.errors import N_, Forbidden, Invalid
from saas.tenants import activity, keys
from saas.tenants.access import PlatformWho, Verb, Who, require
from saas.tenants.models import (
    Membership,
    Merchant,
    MerchantMembership,
    MerchantRole,
    PlatformMembership,
    PlatformRole,
    Provider,
    ProviderStatus,
    Role,
    User,
)
from saas.tenants.names import check_slug, clean_name, random_tail, slug_from


class ProviderSuspended(Forbidden):
    """The platform has suspended this provider; its people learn so, strangers still get 404."""

    def __init__(self, name: str, reason: str = "") -> None:
        super().__init__(N_("“%(name)s”已被平台暂停使用"), name=name, reason=reason)
        self.hint = N_("商家的小程序仍在线。请联系平台运营恢复使用。")
        if reason:
            self.hint = N_("原因：%(reason)s。商家的小程序仍在线，请联系平台运营恢复使用。")


class EmailNotVerified(Forbidden):
    """She belongs here, but has not shown yet that the mail address is hers."""

    def __init__(self) -> None:
        super().__init__(N_("请先确认您的邮箱"))
        self.hint = N_("打开我们发给您的邮件，点击其中的链接；也可以在首页重新发送。")


@dataclass(frozen=True)
class Home:
    """A place where a person may go after signing in. `kind` is `provider`, `merchant` or `operator`."""

    kind: str
    slug: str
    name: str
    role: str

    @property
    def url(self) -> str:
        return {"provider": f"/p/{self.slug}/", "merchant": f"/m/{self.slug}/"}.get(self.kind, "/operator/")

    @property
    def label(self) -> str:
        """Her role there, as a msgid."""
        return ROLE_NAMES[self.role] if self.kind == "provider" else _OTHER_ROLE_NAMES[self.kind, self.role]


ROLE_NAMES: dict[str, str] = {
    Role.OWNER: N_("所有者"),
    Role.ADMIN: N_("管理员"),
    Role.MEMBER: N_("普通成员"),
    Role.VIEWER: N_("只读成员"),
}
_OTHER_ROLE_NAMES: dict[tuple[str, str], str] = {
    ("merchant", MerchantRole.OWNER): N_("商家"),
    ("merchant", MerchantRole.HELPER): N_("商家协助人"),
    ("operator", PlatformRole.OPERATOR): N_("平台运营"),
    ("operator", PlatformRole.BILLING_ADMIN): N_("计费管理员"),
    ("operator", PlatformRole.SUPPORT): N_("平台客服"),
}
MERCHANT_ROLE_NAMES: dict[str, str] = {
    role: name for (kind, role), name in _OTHER_ROLE_NAMES.items() if kind == "merchant"
}


def member_who(user_id: UUID, slug: str, ip: str = "", request_id: str = "") -> Who | None:
    """A member acting at the provider of this slug; None for strangers and unknown slugs.

    Raises ProviderSuspended and EmailNotVerified for its own people.
    """
    return _member(user_id, Provider.slug == slug, ip, request_id)


def member_now(user_id: UUID, provider_id: UUID) -> Who | None:
    """`member_who` for what she left to be done later: with the role that she has now, None when she has left."""
    return _member(user_id, Provider.id == provider_id)


def _member(user_id: UUID, where: ColumnElement[bool], ip: str = "", request_id: str = "") -> Who | None:
    query = (
        select(Provider.id, Provider.name, Provider.status, Provider.suspended_reason, User.name.label("person"),
               User.is_confirmed, Membership.role)
        .join(Membership, Membership.provider_id == Provider.id)
        .join(User, User.id == Membership.user_id)
        .where(where, Provider.status != ProviderStatus.CLOSED, *_usable(user_id))
    )  # fmt: skip
    with platform_session("find a member's provider") as db:
        row = db.execute(query).one_or_none()
    if row is None:
        return None
    _refuse(row, row.suspended_reason)
    return Who(row.id, row.person, user_id, role=Role(row.role), ip=ip, request_id=request_id)


def merchant_who(user_id: UUID, slug: str, ip: str = "", request_id: str = "") -> Who | None:
    """`merchant_entry` without the provider."""
    found = merchant_entry(user_id, slug, ip, request_id)
    return found[0] if found else None


def merchant_entry(user_id: UUID, slug: str, ip: str = "", request_id: str = "") -> tuple[Who, Provider] | None:
    """A merchant's person acting at the provider of this slug, held to her merchants there and to her role at each, and
    that provider, to read only; None for strangers. One query.

    Raises ProviderSuspended and EmailNotVerified for its own people.
    """
    query = (
        select(Provider, Provider.name, Provider.status, User.name.label("person"), User.is_confirmed,
               MerchantMembership.merchant_id, MerchantMembership.role)
        .join(MerchantMembership, MerchantMembership.provider_id == Provider.id)
        .join(Merchant, Merchant.id == MerchantMembership.merchant_id)
        .join(User, User.id == MerchantMembership.user_id)
        .where(Provider.slug == slug, Provider.status != ProviderStatus.CLOSED, Merchant.archived_at.is_(None),
               *_usable(user_id))
    )  # fmt: skip
    with platform_session("find a merchant's provider") as db:
        rows = db.execute(query).all()
    if not rows:
        return None
    _refuse(rows[0])
    ids = frozenset(row.merchant_id for row in rows)
    owned = frozenset(row.merchant_id for row in rows if row.role == MerchantRole.OWNER)
    provider: Provider = rows[0].Provider
    who = Who(
        provider.id, rows[0].person, user_id, merchant_role=MerchantRole.OWNER if owned == ids else MerchantRole.HELPER,
        merchant_ids=ids, owned_ids=owned, ip=ip, request_id=request_id,
    )  # fmt: skip
    return who, provider


def platform_who(user_id: UUID, ip: str = "", request_id: str = "") -> PlatformWho | None:
    """A person of the platform itself; None for everybody else."""
    query = (
        select(User.name, PlatformMembership.role)
        .join(User, User.id == PlatformMembership.user_id)
        .where(User.email_verified_at.is_not(None), *_usable(user_id))
    )
    with platform_session("find a platform person") as db:
        row = db.execute(query).one_or_none()
    return PlatformWho(row.name, user_id, PlatformRole(row.role), ip, request_id) if row else None


def homes_of(user_id: UUID) -> list[Home]:
    """Where this person may go: the platform, her providers, her merchants' providers; by name within a kind."""
    as_operator = select(
        literal("operator").label("kind"), literal("").label("slug"), literal("").label("name"), PlatformMembership.role
    ).where(PlatformMembership.user_id == user_id)
    as_member = (
        select(literal("provider"), Provider.slug, Provider.name, Membership.role)
        .join(Membership, Membership.provider_id == Provider.id)
        .where(Membership.user_id == user_id, Provider.status != ProviderStatus.CLOSED)
    )
    as_merchant = (
        select(literal("merchant"), Provider.slug, Provider.name, func.min(MerchantMembership.role))
        .join(MerchantMembership, MerchantMembership.provider_id == Provider.id)
        .join(Merchant, Merchant.id == MerchantMembership.merchant_id)
        .where(
            MerchantMembership.user_id == user_id,
            Provider.status != ProviderStatus.CLOSED,
            Merchant.archived_at.is_(None),
        )
        .group_by(Provider.slug, Provider.name)
    )
    with platform_session("list a person's homes") as db:
        rows = db.execute(union_all(as_operator, as_member, as_merchant)).all()
    order = ("operator", "provider", "merchant")
    return sorted((Home(*row) for row in rows), key=lambda home: (order.index(home.kind), home.name))


def create_provider(db: Session, owner: User, name: str, slug: str, *, ip: str = "", request_id: str = "") -> Provider:
    """Make a provider with its keys and its owner, in a platform session; raises Invalid when the slug is taken."""
    provider = Provider(id=new_id(), slug=slug, name=name)
    try:
        with db.begin_nested():
            db.add(provider)
    except IntegrityError:
        raise Invalid(N_("“%(slug)s”已被使用，请换一个"), field="slug", slug=slug) from None
    keys.create_keys(db, provider.id)
    db.add(Membership(provider_id=provider.id, user_id=owner.id, role=Role.OWNER))
    who = Who(provider.id, owner.name, owner.id, role=Role.OWNER, ip=ip, request_id=request_id)
    activity.record(db, who, "provider.create", provider)
    return provider


def free_slug(db: Session, wish: str, name: str) -> str:
    """The wished address name, or one made from the provider's name; raises Invalid when the wish is taken.

    In a platform session. Of two who ask at the same moment the second is refused by `create_provider`.
    """
    slug = check_slug(wish) if wish else slug_from(name)
    taken = set(db.scalars(select(Provider.slug).where(Provider.slug.startswith(slug, autoescape=True))))
    if slug not in taken:
        return slug
    if wish:
        raise Invalid(N_("“%(slug)s”已被使用，请换一个"), field="slug", slug=slug)
    while slug in taken:
        slug = f"{slug[:24].strip('-')}-{random_tail()}"
    return slug


def own_provider(db: Session) -> Provider:
    """The provider of a tenant's session."""
    return db.scalars(select(Provider).where(Provider.id == db.info["provider_id"])).one()


def working_provider(slug: str) -> Provider | None:
    """The working provider of a slug, for pages that prove themselves by a token, or None. It is to read only."""
    working = Provider.status.in_([ProviderStatus.TRIAL, ProviderStatus.ACTIVE])
    with platform_session("find the provider of an address") as db:
        return db.scalar(select(Provider).where(Provider.slug == slug, working))


def change_settings(db: Session, provider: Provider, *, who: Who, name: str, time_zone: str, contact: str) -> None:
    """Change what a provider is called, its people's time zone and the contact that the platform may reach it by."""
    require(who, Verb.MANAGE)
    if time_zone not in available_timezones():
        raise Invalid(N_("没有这个时区"), field="time_zone")
    new = {"name": clean_name(name, field="name"), "time_zone": time_zone, "contact": " ".join(contact.split())[:100]}
    changed = [key for key, value in new.items() if getattr(provider, key) != value]
    for key in changed:
        setattr(provider, key, new[key])
    if changed:
        activity.record(db, who, "provider.change_settings", provider, detail={"changed": changed})


def _usable(user_id: UUID) -> tuple[ColumnElement[bool], ...]:
    return User.id == user_id, User.blocked_at.is_(None)


def _refuse(row: Any, reason: str = "") -> None:
    """A suspension's reason is told to members, not to merchants."""
    if not row.is_confirmed:
        raise EmailNotVerified()
    if row.status == ProviderStatus.SUSPENDED:
        raise ProviderSuspended(row.name, reason)
