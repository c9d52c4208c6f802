"""Entry links: made for one's own merchants only, used up once, raced for, never a way back in or around the wall."""

from __future__ import annotations

import threading
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from saas import clock
from saas.components.models import ComponentApp, ComponentStatus
from saas.db import new_id, platform_session, tenant_session
from saas.errors import Conflict, Forbidden, Invalid, NotFound
from saas.onboarding import entering, links
from saas.onboarding.access import get_entry_link, link_by_token
from saas.onboarding.links import LinkOver, State, Wanted
from saas.onboarding.models import EntryLink, Onboarding, OnboardingPart, Part
from saas.programs.models import AuthorizationLink, AuthorizationStatus, Program
from saas.tenants import consents, merchant_people, merchants
from saas.tenants.access import Verb
from saas.tenants.merchants import get_merchant
from saas.tenants.models import Consent, MerchantMembership, MerchantRole, OutgoingMail, OutgoingText, User
from tests.cast import Cast

PLAIN = Wanted(authorize=False)


def make(cast: Cast, wanted: Wanted = PLAIN, who: str = "alice") -> EntryLink:
    with tenant_session(cast.alices) as db:
        merchant = get_merchant(db, cast.who["alice"], cast.meis, Verb.VIEW)
        return links.make_link(db, merchant, wanted, who=cast.who[who])


def person(name: str = "诺拉") -> UUID:
    user_id = new_id()
    with platform_session("test") as db:
        db.add(User(id=user_id, email=f"{user_id}@example.com", name=name, email_verified_at=clock.now()))
    return user_id


def enter(cast: Cast, link: EntryLink, user_id: UUID, *, agreed: bool = True) -> None:
    with tenant_session(cast.alices) as db:
        found = link_by_token(db, link.token)
        assert found is not None
        entering.come_in(db, *found, user_id=user_id, name="诺拉", agreed=agreed)


def role_of(cast: Cast, user_id: UUID) -> str | None:
    with tenant_session(cast.alices) as db:
        return db.scalar(select(MerchantMembership.role).where(MerchantMembership.user_id == user_id))


@pytest.fixture
def component(cast: Cast) -> ComponentApp:
    with tenant_session(cast.alices) as db:
        row = ComponentApp(
            provider_id=cast.alices, key="k", name="爱丽平台", appid="wx8a2b1c3d4e5f6071", status=ComponentStatus.READY
        )
        db.add(row)
    return row


def program(cast: Cast, component: ComponentApp, appid: str, merchant_id: UUID | None, **more: object) -> UUID:
    with tenant_session(cast.alices) as db:
        row = Program(
            provider_id=cast.alices, component_id=component.id, appid=appid, name=appid, merchant_id=merchant_id,
            permission_sets=[18, 30], authorized_at=clock.now(), **more,
        )  # fmt: skip
        db.add(row)
    return row.id


def test_a_link_lets_one_in_as_it_says(cast: Cast) -> None:
    link, nora = make(cast, Wanted(role=MerchantRole.HELPER, authorize=False)), person()
    enter(cast, link, nora)
    assert role_of(cast, nora) == MerchantRole.HELPER
    with pytest.raises(LinkOver) as over:
        enter(cast, link, person())
    assert over.value.state is State.USED
    enter(cast, link, nora)  # again is nothing


def test_a_link_for_many_lets_many_in_until_it_ends(cast: Cast) -> None:
    link = make(cast, Wanted(for_many=True, authorize=False, lifetime=timedelta(days=1)))
    for _ in range(3):
        enter(cast, link, person())
    with tenant_session(cast.alices) as db:
        again = get_entry_link(db, cast.who["alice"], link.id, Verb.WORK)
        assert links.count_entries(db, [again]) == {link.id: 3}
        assert len(links.list_visitors(db, again, who=cast.who["bob"])) == 3
        again.expires_at = clock.now() - timedelta(seconds=1)
    with pytest.raises(LinkOver) as over:
        enter(cast, link, person())
    assert over.value.state is State.EXPIRED


def test_of_two_at_once_one_comes_in(cast: Cast) -> None:
    link, people, over = make(cast), [person(), person()], []

    def run(user_id: UUID) -> None:
        try:
            enter(cast, link, user_id)
        except LinkOver as error:
            over.append(error.state)

    threads = [threading.Thread(target=run, args=(user_id,)) for user_id in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert over == [State.USED]
    assert sorted(role_of(cast, user_id) or "" for user_id in people) == ["", MerchantRole.OWNER]


def test_without_consent_nobody_comes_in_and_consent_is_kept_with_its_version(cast: Cast) -> None:
    link, nora = make(cast), person()
    with pytest.raises(Invalid) as refused:
        enter(cast, link, nora, agreed=False)
    assert refused.value.field == "agreed"
    assert role_of(cast, nora) is None
    enter(cast, link, nora)
    with platform_session("test") as db:
        given = db.execute(select(Consent.document, Consent.version).where(Consent.user_id == nora)).all()
    assert ("merchant_data", consents.DATA_VERSION) in [tuple(one) for one in given]
    assert sorted(one.document for one in given) == ["merchant_data", "privacy", "terms"]


def test_a_role_only_grows(cast: Cast) -> None:
    enter(cast, make(cast, Wanted(role=MerchantRole.HELPER, authorize=False)), cast.users["mei"])
    assert role_of(cast, cast.users["mei"]) == MerchantRole.OWNER
    enter(cast, make(cast), cast.users["hana"])
    assert role_of(cast, cast.users["hana"]) == MerchantRole.OWNER


def test_whoever_was_removed_does_not_come_back_by_the_old_link(cast: Cast) -> None:
    link, nora = make(cast, Wanted(for_many=True, authorize=False)), person()
    enter(cast, link, nora)
    with tenant_session(cast.alices) as db:
        merchant = get_merchant(db, cast.who["alice"], cast.meis, Verb.WORK)
        found = next(one for one in merchant_people.list_people(cast.who["alice"], merchant) if one.name == "诺拉")
        merchant_people.remove_person(db, merchant, found.membership_id, who=cast.who["alice"])
    with pytest.raises(LinkOver):
        enter(cast, link, nora)
    assert role_of(cast, nora) is None


def test_revoked_and_archived_let_nobody_in(cast: Cast) -> None:
    revoked, other = make(cast), make(cast)
    with tenant_session(cast.alices) as db:
        links.revoke_link(db, get_entry_link(db, cast.who["alice"], revoked.id, Verb.WORK), who=cast.who["alice"])
        with pytest.raises(Conflict):
            links.revoke_link(db, get_entry_link(db, cast.who["max"], revoked.id, Verb.WORK), who=cast.who["max"])
        merchant = get_merchant(db, cast.who["alice"], cast.meis, Verb.WORK)
        merchants.archive_merchant(db, merchant, who=cast.who["alice"])
    for link in (revoked, other):
        with pytest.raises(LinkOver) as over:
            enter(cast, link, person())
        assert over.value.state is State.REVOKED
    with pytest.raises(Conflict):
        make(cast)


def test_only_members_who_work_make_links_and_only_their_providers_reach_them(cast: Cast) -> None:
    for name in ("bob", "mei"):
        with pytest.raises(Forbidden):
            make(cast, who=name)
    link = make(cast, who="max")
    with tenant_session(cast.alices) as db:
        for name, refusal in (("bob", Forbidden), ("mei", NotFound), ("charlie", NotFound)):
            with pytest.raises(refusal):
                get_entry_link(db, cast.who[name], link.id, Verb.WORK)
    with tenant_session(cast.charlies) as db:
        assert link_by_token(db, link.token) is None
        with pytest.raises(NotFound):
            get_entry_link(db, cast.who["charlie"], link.id, Verb.VIEW)


def test_what_makes_no_sense_is_refused_at_its_field(cast: Cast, component: ComponentApp) -> None:
    others = program(cast, component, "wx0000000000000001", None)
    for wanted, field in (
        (Wanted(role=MerchantRole.HELPER), "role"),
        (Wanted(role=MerchantRole.HELPER, authorize=False, parts=(Part.COMPANY,)), "role"),
        (Wanted(program_ids=(others,)), "programs"), (Wanted(program_ids=(new_id(),)), "programs"),
        (Wanted(authorize=False, lifetime=timedelta(days=31)), "days"), (Wanted(lifetime=timedelta(0)), "days"),
    ):  # fmt: skip
        with pytest.raises(Invalid) as refused:
            make(cast, wanted)
        assert refused.value.field == field


def test_nothing_to_authorize_for_is_said_when_the_link_is_made(cast: Cast) -> None:
    with pytest.raises(Invalid) as refused:
        make(cast, Wanted())
    assert refused.value.field == "authorize"


def test_what_a_link_asks_for_begins_when_somebody_comes_in(cast: Cast, component: ComponentApp) -> None:
    whole = program(cast, component, "wx0000000000000001", cast.meis)
    lost = program(cast, component, "wx0000000000000002", cast.meis, authorization=AuthorizationStatus.LOST)
    link = make(cast, Wanted(for_many=True, program_ids=(whole, lost), parts=(Part.FILING, Part.COMPANY)))
    with tenant_session(cast.alices) as db:
        assert db.scalars(select(Onboarding)).all() == []
    for _ in range(2):
        enter(cast, link, person())
    with tenant_session(cast.alices) as db:
        assert sorted(str(one.program_id) for one in db.scalars(select(Onboarding))) == sorted([str(whole), str(lost)])
        assert sorted(db.scalars(select(OnboardingPart.key))) == ["company", "company", "filing", "filing"]
        assert [one.program_id for one in db.scalars(select(AuthorizationLink))] == [lost]


def test_without_a_mini_program_one_is_still_to_come(cast: Cast, component: ComponentApp) -> None:
    enter(cast, make(cast, Wanted(parts=(Part.COMPANY,))), person())
    enter(cast, make(cast, Wanted(parts=(Part.COMPANY, Part.PROFILE))), person())
    with tenant_session(cast.alices) as db:
        assert [one.program_id for one in db.scalars(select(Onboarding))] == [None]
        assert sorted(db.scalars(select(OnboardingPart.key))) == ["company", "profile"]
        assert [(one.program_id, one.component_id) for one in db.scalars(select(AuthorizationLink))] == [
            (None, component.id)
        ]


def test_a_link_is_sent_by_mail_and_text_once_a_minute(cast: Cast) -> None:
    link, alice = make(cast), cast.who["alice"]
    with tenant_session(cast.alices) as db:
        merchant = get_merchant(db, alice, cast.meis, Verb.WORK)
        again = get_entry_link(db, alice, link.id, Verb.WORK)
        links.mail_link(db, again, merchant, who=alice, to="mei@shop.example.com", locale="en")
        with pytest.raises(Invalid):
            links.text_link(db, again, merchant, who=alice, to="13800138000")
        again.sent_at = clock.now() - links.AGAIN_AFTER
        with pytest.raises(Invalid) as refused:
            links.text_link(db, again, merchant, who=alice, to="12345")
        assert refused.value.field == "to"
        links.text_link(db, again, merchant, who=alice, to="138 0013 8000")
        assert again.sent_to == "138****8000"
    with platform_session("test") as db:
        mail, text = db.scalars(select(OutgoingMail)).one(), db.scalars(select(OutgoingText)).one()
    assert f"/m/alice/join/{link.token}" in mail.body_text
    assert "爱丽服务" in mail.subject
    assert f"/m/alice/join/{link.token}" in text.text
    assert (text.to, text.provider_id) == ("+8613800138000", cast.alices)


def test_an_address_that_a_message_would_cut_is_not_sent(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    link, alice = make(cast), cast.who["alice"]
    assert len(f"https://services.example.com/m/{'a' * 30}/join/{link.token}") <= 100
    monkeypatch.setattr(links, "link_address", lambda link, slug: f"https://{'long-' * 20}example.com/{link.token}")
    with tenant_session(cast.alices) as db:
        merchant = get_merchant(db, alice, cast.meis, Verb.WORK)
        with pytest.raises(Invalid) as refused:
            links.text_link(db, get_entry_link(db, alice, link.id, Verb.WORK), merchant, who=alice, to="13800138000")
        assert refused.value.field == "to"
        db.rollback()


def test_the_number_of_text_messages_a_day_is_limited(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "TEXTS_A_DAY", 0)
    link, alice = make(cast), cast.who["alice"]
    with tenant_session(cast.alices) as db:
        merchant = get_merchant(db, alice, cast.meis, Verb.WORK)
        with pytest.raises(Invalid):
            links.text_link(db, get_entry_link(db, alice, link.id, Verb.WORK), merchant, who=alice, to="13800138000")
        assert db.scalars(select(OutgoingText)).all() == []


def test_openings_are_counted(cast: Cast) -> None:
    link = make(cast)
    for _ in range(2):
        with tenant_session(cast.alices) as db:
            links.note_opened(db, link)
    with tenant_session(cast.alices) as db:
        again = get_entry_link(db, cast.who["alice"], link.id, Verb.WORK)
        assert again.opened_count == 2
        assert again.opened_at is not None
        assert again.last_opened_at is not None
        assert again.opened_at < again.last_opened_at
