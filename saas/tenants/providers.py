"""Which providers a person belongs to, and as whom she acts there. One query per request, in a platform session."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, func, literal, select, union_all

from saas.db import platform_session
from saas.errors import N_, Forbidden
from saas.tenants.access import PlatformWho, Who
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


class ProviderSuspended(Forbidden):
    """The platform has suspended this provider; its people learn so, strangers still get 404."""

    def __init__(self, name: str) -> None:
        super().__init__(N_("“%(name)s”已被平台暂停使用"), name=name)
        self.hint = N_("商家的小程序仍在线。请联系平台运营恢复使用。")


@dataclass(frozen=True)
class ProviderFacts:
    """What every page of a provider shows about it."""

    id: UUID
    slug: str
    name: str
    time_zone: str


@dataclass(frozen=True)
class Home:
    """A place where a person may go after signing in. `kind` is `provider`, `merchant` or `operator`."""

    kind: str
    slug: str
    name: str
    role: str

    @property
    def path(self) -> str:
        return {"provider": f"/p/{self.slug}/", "merchant": f"/m/{self.slug}/"}.get(self.kind, "/operator/")


def member_at(user_id: UUID, slug: str, ip: str, request_id: str) -> tuple[Who, ProviderFacts] | None:
    """A member acting at the provider of this slug, and the provider. None for strangers and unknown slugs."""
    query = (
        select(Provider.id, Provider.slug, Provider.name, Provider.time_zone, Provider.status,
               User.name.label("person"), Membership.role)
        .join(Membership, Membership.provider_id == Provider.id)
        .join(User, User.id == Membership.user_id)
        .where(Provider.slug == slug, *_usable(user_id))
    )  # fmt: skip
    with platform_session("find a member's provider") as db:
        row = db.execute(query).one_or_none()
    if row is None:
        return None
    _refuse_suspended(row.status, row.name)
    who = Who(row.id, row.person, user_id, role=Role(row.role), ip=ip, request_id=request_id)
    return who, ProviderFacts(row.id, row.slug, row.name, row.time_zone)


def member_who(user_id: UUID, slug: str, ip: str = "", request_id: str = "") -> Who | None:
    """A member acting at the provider of this slug; None for strangers and unknown slugs."""
    found = member_at(user_id, slug, ip, request_id)
    return found[0] if found else None


def merchant_at(user_id: UUID, slug: str, ip: str, request_id: str) -> tuple[Who, ProviderFacts] | None:
    """A merchant's person acting at the provider of this slug, held to her merchants there, and the provider.

    Whoever is helper of one and owner of another merchant of the same provider acts as helper: rights never grow by
    a second membership.
    """
    query = (
        select(Provider.id, Provider.slug, Provider.name, Provider.time_zone, Provider.status,
               User.name.label("person"), MerchantMembership.merchant_id, MerchantMembership.role)
        .join(MerchantMembership, MerchantMembership.provider_id == Provider.id)
        .join(Merchant, Merchant.id == MerchantMembership.merchant_id)
        .join(User, User.id == MerchantMembership.user_id)
        .where(Provider.slug == slug, Merchant.archived_at.is_(None), *_usable(user_id))
    )  # fmt: skip
    with platform_session("find a merchant's provider") as db:
        rows = db.execute(query).all()
    if not rows:
        return None
    first = rows[0]
    _refuse_suspended(first.status, first.name)
    owns_all = all(row.role == MerchantRole.OWNER for row in rows)
    who = Who(
        first.id, first.person, user_id, merchant_role=MerchantRole.OWNER if owns_all else MerchantRole.HELPER,
        merchant_ids=frozenset(row.merchant_id for row in rows), ip=ip, request_id=request_id,
    )  # fmt: skip
    return who, ProviderFacts(first.id, first.slug, first.name, first.time_zone)


def merchant_who(user_id: UUID, slug: str, ip: str = "", request_id: str = "") -> Who | None:
    """A merchant's person acting at the provider of this slug; None for strangers and unknown slugs."""
    found = merchant_at(user_id, slug, ip, request_id)
    return found[0] if found else None


def platform_who(user_id: UUID, ip: str = "", request_id: str = "") -> PlatformWho | None:
    """A person of the platform itself; None for everybody else."""
    query = (
        select(User.name, PlatformMembership.role)
        .join(User, User.id == PlatformMembership.user_id)
        .where(User.id == user_id, User.blocked_at.is_(None), User.email_verified_at.is_not(None))
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


def _usable(user_id: UUID) -> tuple[ColumnElement[bool], ...]:
    return (
        User.id == user_id,
        User.blocked_at.is_(None),
        User.email_verified_at.is_not(None),
        Provider.status != ProviderStatus.CLOSED,
    )


def _refuse_suspended(status: str, name: str) -> None:
    if status == ProviderStatus.SUSPENDED:
        raise ProviderSuspended(name)
