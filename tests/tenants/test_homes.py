"""Which providers a person belongs to, and as whom she acts there."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from saas import clock
from saas.db import new_id, platform_session, tenant_session
from saas.tenants import providers
from saas.tenants.access import Verb
from saas.tenants.models import (
    Merchant,
    MerchantMembership,
    MerchantRole,
    PlatformRole,
    Provider,
    ProviderStatus,
    Role,
    User,
)
from tests.cast import Cast


def test_a_member_acts_at_her_provider(cast: Cast) -> None:
    who = providers.member_who(cast.users["bob"], "alice", "203.0.113.7", "r1")
    assert who is not None
    assert (who.provider_id, who.role, who.kind, who.ip, who.request_id) == (
        cast.alices, Role.VIEWER, "member", "203.0.113.7", "r1",
    )  # fmt: skip
    assert not who.may(Verb.WORK)


@pytest.mark.parametrize(("name", "slug"), [("charlie", "alice"), ("mei", "alice"), ("olga", "alice"), ("alice", "no")])
def test_strangers_are_nobody(cast: Cast, name: str, slug: str) -> None:
    assert providers.member_who(cast.users[name], slug) is None


def test_a_merchants_person_is_held_to_her_merchant(cast: Cast) -> None:
    who = providers.merchant_who(cast.users["mei"], "alice")
    assert who is not None
    assert (who.merchant_ids, who.merchant_role, who.role) == ({cast.meis}, MerchantRole.OWNER, None)
    assert providers.merchant_who(cast.users["mei"], "charlie") is None
    assert providers.merchant_who(cast.users["alice"], "alice") is None


def test_a_helper_of_one_merchant_gains_nothing_by_owning_another(cast: Cast) -> None:
    other = new_id()
    with platform_session("test") as db:
        db.add(Merchant(id=other, provider_id=cast.alices, name="另一家"))
        db.flush()
        db.add(
            MerchantMembership(
                provider_id=cast.alices, merchant_id=other, user_id=cast.users["hana"], role=MerchantRole.OWNER
            )
        )
    who = providers.merchant_who(cast.users["hana"], "alice")
    assert who is not None
    assert who.merchant_ids == {cast.meis, other}
    assert not who.may(Verb.ANSWER)


def test_an_archived_merchant_opens_no_door(cast: Cast) -> None:
    with platform_session("test") as db:
        db.execute(update(Merchant).where(Merchant.id == cast.meis).values(archived_at=clock.now()))
    assert providers.merchant_who(cast.users["mei"], "alice") is None
    assert providers.homes_of(cast.users["mei"]) == []


def test_blocked_people_are_nobody(cast: Cast) -> None:
    with platform_session("test") as db:
        db.execute(update(User).values(blocked_at=clock.now()))
    assert providers.member_who(cast.users["alice"], "alice") is None
    assert providers.merchant_who(cast.users["mei"], "alice") is None
    assert providers.platform_who(cast.users["olga"]) is None


def test_unverified_people_are_asked_to_verify_where_they_belong_only(cast: Cast) -> None:
    with platform_session("test") as db:
        db.execute(update(User).values(email_verified_at=None))
    with pytest.raises(providers.EmailNotVerified):
        providers.member_who(cast.users["alice"], "alice")
    with pytest.raises(providers.EmailNotVerified):
        providers.merchant_who(cast.users["mei"], "alice")
    assert providers.member_who(cast.users["charlie"], "alice") is None
    assert providers.platform_who(cast.users["olga"]) is None


def test_a_suspended_provider_says_so_to_its_people_only(cast: Cast) -> None:
    with platform_session("test") as db:
        db.execute(update(Provider).where(Provider.slug == "alice").values(status=ProviderStatus.SUSPENDED))
    with pytest.raises(providers.ProviderSuspended):
        providers.member_who(cast.users["alice"], "alice")
    with pytest.raises(providers.ProviderSuspended):
        providers.merchant_who(cast.users["mei"], "alice")
    assert providers.member_who(cast.users["charlie"], "alice") is None


def test_a_closed_provider_is_gone(cast: Cast) -> None:
    with platform_session("test") as db:
        db.execute(update(Provider).where(Provider.slug == "alice").values(status=ProviderStatus.CLOSED))
    assert providers.member_who(cast.users["alice"], "alice") is None
    assert providers.homes_of(cast.users["alice"]) == []


def test_only_platform_people_act_for_the_platform(cast: Cast) -> None:
    roles = {name: providers.platform_who(user_id) for name, user_id in cast.users.items()}
    assert {name: who.role for name, who in roles.items() if who} == {
        "olga": PlatformRole.OPERATOR,
        "bella": PlatformRole.BILLING_ADMIN,
        "sam": PlatformRole.SUPPORT,
    }


def test_homes_name_every_place(cast: Cast) -> None:
    with platform_session("test") as db:
        db.add(
            MerchantMembership(
                provider_id=cast.charlies, merchant_id=cast.mings, user_id=cast.users["alice"], role=MerchantRole.HELPER
            )
        )
    assert [(home.url, home.name, home.role) for home in providers.homes_of(cast.users["alice"])] == [
        ("/p/alice/", "爱丽服务", "owner"),
        ("/m/charlie/", "查理科技", "helper"),
    ]
    assert [home.url for home in providers.homes_of(cast.users["olga"])] == ["/operator/"]


def test_every_role_has_a_name(cast: Cast) -> None:
    homes = [home for user_id in cast.users.values() for home in providers.homes_of(user_id)]
    assert len(homes) == len(cast.users)
    assert all(home.label for home in homes)


def test_public_pages_open_only_at_working_providers(cast: Cast) -> None:
    found = providers.working_provider("alice")
    assert found is not None
    assert found.id == cast.alices
    assert providers.working_provider("nobody") is None
    with platform_session("test") as db:
        db.execute(update(Provider).values(status=ProviderStatus.SUSPENDED))
    assert providers.working_provider("alice") is None


def test_a_tenants_session_knows_its_provider(cast: Cast) -> None:
    with tenant_session(cast.charlies) as db:
        assert providers.own_provider(db).slug == "charlie"
