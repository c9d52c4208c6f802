"""Members and invitations below the pages: races, merchants' people, what the log says."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from sqlalchemy import func, select

from saas.db import platform_session, tenant_session
from saas.errors import AppError, Forbidden, Invalid, NotFound
from saas.tenants import invitations, members, providers
from saas.tenants.access import Verb
from saas.tenants.mail_tokens import LinkIsOver
from saas.tenants.models import (
    Activity,
    Invitation,
    Membership,
    Merchant,
    MerchantMembership,
    MerchantRole,
    Role,
)
from tests.cast import Cast
from tests.tenants.mailbox import last_token, mails_to


def together(*calls: Callable[[], None]) -> list[str]:
    """Run at the same moment; the names of the errors that were met."""
    barrier = threading.Barrier(len(calls))
    met: list[str] = []

    def go(call: Callable[[], None]) -> None:
        barrier.wait()
        try:
            call()
        except AppError as error:
            met.append(type(error).__name__)

    threads = [threading.Thread(target=go, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return met


def invite(cast: Cast, name: str, email: str, role: Role) -> None:
    with tenant_session(cast.alices) as db:
        invitations.invite_member(db, who=cast.who[name], email=email, role=role)


def invite_merchant(cast: Cast, name: str, email: str, role: MerchantRole = MerchantRole.OWNER) -> None:
    with tenant_session(cast.alices) as db:
        merchant = db.get_one(Merchant, cast.meis)
        invitations.invite_to_merchant(db, cast.who[name], merchant, email, "梅姐", role)


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("alice", {Role.OWNER, Role.ADMIN, Role.MEMBER, Role.VIEWER}),
        ("anna", {Role.MEMBER, Role.VIEWER}),
        ("max", set()),
        ("bob", set()),
        ("mei", set()),
    ],
)
def test_who_may_invite_whom(cast: Cast, name: str, allowed: set[Role]) -> None:
    may = set()
    for role in Role:
        try:
            invite(cast, name, f"{role}@example.com", role)
            may.add(role)
        except Forbidden:
            pass
    assert may == allowed
    assert set(members.grantable_roles(cast.who[name])) == allowed


def test_one_link_makes_one_member_however_often_it_is_pressed(cast: Cast) -> None:
    invite(cast, "alice", "charlie@example.com", Role.MEMBER)
    token = last_token("charlie@example.com", "invitations")

    def accept() -> None:
        with platform_session("test") as db:
            invitations.accept_as(db, token, cast.users["charlie"])

    assert together(accept, accept) == ["LinkIsOver"]
    with platform_session("test") as db:
        count = select(func.count()).where(Membership.user_id == cast.users["charlie"], Membership.role == Role.MEMBER)
        assert db.scalar(count) == 1


def test_two_invitations_at_once_leave_one_open(cast: Cast) -> None:
    assert together(*[lambda: invite(cast, "alice", "nora@example.com", Role.VIEWER)] * 2) == []
    with tenant_session(cast.alices) as db:
        assert len(invitations.list_invitations(db, cast.who["alice"])) == 1
        assert db.scalar(select(func.count()).select_from(Invitation)) == 2


def test_two_owners_cannot_both_leave(cast: Cast) -> None:
    with platform_session("test") as db:
        members.change_role(db, cast.users["anna"], Role.OWNER, who=cast.who["alice"])

    def leave(name: str) -> None:
        with platform_session("test") as db:
            members.remove_member(db, cast.users[name], who=cast.who[name])

    assert together(lambda: leave("alice"), lambda: leave("anna")) == ["LastOwner"]


def test_the_role_of_the_invitation_never_overrides_a_membership(cast: Cast) -> None:
    invite(cast, "alice", "charlie@example.com", Role.VIEWER)
    with platform_session("test") as db:
        db.add(Membership(provider_id=cast.alices, user_id=cast.users["charlie"], role=Role.ADMIN))
    with platform_session("test") as db:
        invitations.accept_as(db, last_token("charlie@example.com", "invitations"), cast.users["charlie"])
    who = providers.member_who(cast.users["charlie"], "alice")
    assert who is not None
    assert who.role is Role.ADMIN


def test_a_merchants_person_is_invited_and_sees_her_merchant_only(cast: Cast) -> None:
    invite_merchant(cast, "max", "li@example.com", MerchantRole.HELPER)
    assert "梅记茶铺" in mails_to("li@example.com")[0].subject
    with platform_session("test") as db:
        user = invitations.accept_as_new(
            db, last_token("li@example.com", "invitations"), name="小李", password="green tea and rain", agreed=True
        )
    assert providers.member_who(user.id, "alice") is None
    who = providers.merchant_who(user.id, "alice")
    assert who is not None
    assert (who.merchant_ids, who.merchant_role) == ({cast.meis}, MerchantRole.HELPER)
    with tenant_session(cast.alices) as db:
        assert db.scalar(select(Activity.actor_kind).where(Activity.verb == "invitation.accept")) == "merchant"


@pytest.mark.parametrize("name", ["bob", "mei", "hana"])
def test_who_only_looks_invites_no_merchants_people(cast: Cast, name: str) -> None:
    with pytest.raises(Forbidden):
        invite_merchant(cast, name, "li@example.com")
    assert mails_to("li@example.com") == []


def test_one_person_may_belong_to_merchants_of_two_providers(cast: Cast) -> None:
    invite_merchant(cast, "alice", "ming@example.com")
    with platform_session("test") as db:
        invitations.accept_as(db, last_token("ming@example.com", "invitations"), cast.users["ming"])
    with platform_session("test") as db:
        rows = db.scalars(
            select(MerchantMembership.provider_id).where(MerchantMembership.user_id == cast.users["ming"])
        ).all()
    assert set(rows) == {cast.alices, cast.charlies}


def test_an_archived_merchants_invitation_is_over(cast: Cast) -> None:
    from saas import clock

    invite_merchant(cast, "alice", "li@example.com")
    with tenant_session(cast.alices) as db:
        db.get_one(Merchant, cast.meis).archived_at = clock.now()
    with platform_session("test") as db, pytest.raises(LinkIsOver):
        invitations.open_invitation(db, last_token("li@example.com", "invitations"))


def test_charlie_finds_no_invitation_of_alices(cast: Cast) -> None:
    invite(cast, "alice", "nora@example.com", Role.VIEWER)
    with platform_session("test") as db:
        row = db.scalars(select(Invitation)).one()
        with pytest.raises(NotFound):
            invitations.get_invitation(db, cast.who["charlie"], row.id)
        with pytest.raises(NotFound):
            invitations.get_invitation(db, cast.who["mei"], row.id)
        with pytest.raises(Forbidden):
            invitations.get_invitation(db, cast.who["bob"], row.id)
        assert invitations.list_invitations(db, cast.who["charlie"]) == []


def test_charlie_finds_no_member_of_alices(cast: Cast) -> None:
    with platform_session("test") as db:
        for change in (
            lambda: members.change_role(db, cast.users["bob"], Role.VIEWER, who=cast.who["charlie"]),
            lambda: members.remove_member(db, cast.users["bob"], who=cast.who["charlie"]),
            lambda: members.transfer_ownership(db, cast.users["bob"], who=cast.who["charlie"]),
            lambda: members.get_member(db, cast.who["charlie"], cast.users["bob"], Verb.MANAGE),
        ):
            with pytest.raises(NotFound):
                change()
        assert [member.name for member in members.list_members(db, cast.who["charlie"])] == ["Charlie"]


def test_the_log_recognises_an_address_without_revealing_it(cast: Cast) -> None:
    invite(cast, "alice", "nora.secret@example.com", Role.VIEWER)
    with tenant_session(cast.alices) as db:
        entry = db.scalars(select(Activity)).one()
    assert entry.detail == {"role": "viewer", "email": "no***@example.com"}


def test_a_name_in_a_mail_cannot_carry_an_address_or_a_header(cast: Cast) -> None:
    with pytest.raises(Invalid), tenant_session(cast.alices) as db:
        invitations.invite_member(
            db, who=cast.who["alice"], email="x@example.com", role=Role.VIEWER, name="领奖 www.evil.example"
        )
    with tenant_session(cast.alices) as db:
        invitations.invite_member(
            db, who=cast.who["alice"], email="x@example.com", role=Role.VIEWER, name="小\r\nBcc: all", locale="en"
        )
    mail = mails_to("x@example.com")[0]
    assert "\n" not in mail.subject
    assert "小 Bcc: all" in mail.body_text
    assert "viewer" in mail.body_text.lower() or "read-only" in mail.body_text.lower()
    assert 'href="http://localhost:8000/invitations/' in mail.body_html
