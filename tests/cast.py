"""The people of the tests: olga operates the platform, bella is billing admin; alice owns a provider, anna is her
administrator, max her member, bob her read-only colleague; charlie owns another provider; mei is alice's merchant (and
hana her helper), ming is charlie's."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from saas import clock
from saas.db import new_id, platform_session, tenant_session
from saas.tenants import consents, keys
from saas.tenants.access import Who
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
from saas.tenants.passwords import hash_password

PASSWORD = "correct horse battery"
_HASH = ""


@dataclass
class Cast:
    """Ids and acting persons. `who["alice"]` acts for alice's provider, `who["mei"]` for her merchant."""

    alices: UUID
    charlies: UUID
    meis: UUID
    mings: UUID
    users: dict[str, UUID] = field(default_factory=dict)
    who: dict[str, Who] = field(default_factory=dict)

    def email(self, name: str) -> str:
        return f"{name}@example.com"


def make_cast() -> Cast:
    """Write the cast into empty tables."""
    global _HASH
    _HASH = _HASH or hash_password(PASSWORD)
    cast = Cast(alices=new_id(), charlies=new_id(), meis=new_id(), mings=new_id())
    members = {
        "alice": (cast.alices, Role.OWNER),
        "anna": (cast.alices, Role.ADMIN),
        "max": (cast.alices, Role.MEMBER),
        "bob": (cast.alices, Role.VIEWER),
        "charlie": (cast.charlies, Role.OWNER),
    }
    merchants = {
        "mei": (cast.alices, cast.meis, MerchantRole.OWNER),
        "hana": (cast.alices, cast.meis, MerchantRole.HELPER),
        "ming": (cast.charlies, cast.mings, MerchantRole.OWNER),
    }
    with platform_session("make the cast") as db:
        for provider_id, slug, name in ((cast.alices, "alice", "爱丽服务"), (cast.charlies, "charlie", "查理科技")):
            db.add(Provider(id=provider_id, slug=slug, name=name, status=ProviderStatus.ACTIVE))
        db.flush()
        for provider_id in (cast.alices, cast.charlies):
            keys.create_keys(db, provider_id)
        for name in (*members, *merchants, "olga", "bella", "sam"):
            user = User(
                id=new_id(),
                email=cast.email(name),
                name=name.capitalize(),
                password_hash=_HASH,
                email_verified_at=clock.now(),
            )
            db.add(user)
            cast.users[name] = user.id
        db.flush()
        platform = (
            ("olga", PlatformRole.OPERATOR),
            ("bella", PlatformRole.BILLING_ADMIN),
            ("sam", PlatformRole.SUPPORT),
        )
        for name, (provider_id, _merchant_id, _role) in merchants.items():
            consents.record_data_consent(db, cast.users[name], provider_id, ip="")
        for name, platform_role in platform:
            db.add(PlatformMembership(user_id=cast.users[name], role=platform_role))
    for name, (provider_id, role) in members.items():
        with tenant_session(provider_id) as db:
            db.add(Membership(provider_id=provider_id, user_id=cast.users[name], role=role))
        cast.who[name] = Who(provider_id, name.capitalize(), cast.users[name], role=role)
    for provider_id, merchant_id, name in (
        (cast.alices, cast.meis, "梅记茶铺"),
        (cast.charlies, cast.mings, "明明书店"),
    ):
        with tenant_session(provider_id) as db:
            db.add(Merchant(id=merchant_id, provider_id=provider_id, name=name))
    for name, (provider_id, merchant_id, merchant_role) in merchants.items():
        with tenant_session(provider_id) as db:
            db.add(
                MerchantMembership(
                    provider_id=provider_id, merchant_id=merchant_id, user_id=cast.users[name], role=merchant_role
                )
            )
        cast.who[name] = Who(
            provider_id,
            name.capitalize(),
            cast.users[name],
            merchant_role=merchant_role,
            merchant_ids=frozenset({merchant_id}),
        )
    return cast


def join_merchant(cast: Cast, name: str, merchant_id: UUID, role: MerchantRole = MerchantRole.OWNER) -> None:
    """Make one of the cast, or somebody new, one of the people of a merchant of alice's or charlie's."""
    if name not in cast.users:
        cast.users[name] = new_id()
        with platform_session("make somebody new") as db:
            db.add(
                User(
                    id=cast.users[name], email=cast.email(name), name=name.capitalize(), password_hash=_HASH,
                    email_verified_at=clock.now(),
                )
            )  # fmt: skip
    provider_id = cast.charlies if merchant_id == cast.mings else cast.alices
    with tenant_session(provider_id) as db:
        db.add(
            MerchantMembership(
                provider_id=provider_id, merchant_id=merchant_id, user_id=cast.users[name], role=role.value
            )
        )


def add_merchant(cast: Cast, name: str) -> UUID:
    """One more merchant of alice's, without people."""
    merchant_id = new_id()
    with tenant_session(cast.alices) as db:
        db.add(Merchant(id=merchant_id, provider_id=cast.alices, name=name))
    return merchant_id
