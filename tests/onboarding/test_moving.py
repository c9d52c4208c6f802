"""A mini program goes to another merchant: what the first was asked about it ends, and neither reaches the other's."""

from __future__ import annotations

import threading
from uuid import UUID

import pytest
from sqlalchemy import select

from saas import clock
from saas.components.models import ComponentApp
from saas.db import tenant_session
from saas.errors import Conflict, NotFound
from saas.onboarding.access import get_onboarding
from saas.onboarding.models import Notice, Onboarding, OnboardingPart, Part, PartStatus
from saas.onboarding.parts import open_onboarding, parts_of
from saas.onboarding.reviewing import waiting_parts
from saas.programs.access import load_program
from saas.programs.editing import assign_merchant
from saas.programs.models import Program
from saas.tenants.access import Verb
from saas.tenants.merchants import load_merchant
from tests.cast import Cast, add_merchant


@pytest.fixture
def lis(cast: Cast) -> UUID:
    """Another merchant of alice's."""
    return add_merchant(cast, "李记面馆")


@pytest.fixture
def program_id(cast: Cast) -> UUID:
    """mei's mini program."""
    with tenant_session(cast.alices) as db:
        component = ComponentApp(provider_id=cast.alices, key="k", name="爱丽平台", appid="wx8a2b1c3d4e5f6071")
        db.add(component)
        db.flush()
        row = Program(
            provider_id=cast.alices, component_id=component.id, appid="wx0000000000000001", name="点单",
            merchant_id=cast.meis, authorized_at=clock.now(),
        )  # fmt: skip
        db.add(row)
    return row.id


def ask(cast: Cast, program_id: UUID, merchant_id: UUID) -> UUID:
    with tenant_session(cast.alices) as db:
        merchant, program = load_merchant(db, merchant_id), load_program(db, program_id)
        return open_onboarding(db, merchant, program, [Part.COMPANY, Part.PROFILE], who=cast.who["alice"]).id


def move(cast: Cast, program_id: UUID, merchant_id: UUID | None) -> None:
    with tenant_session(cast.alices) as db:
        merchant = load_merchant(db, merchant_id) if merchant_id else None
        assign_merchant(db, load_program(db, program_id), merchant, who=cast.who["alice"])


def test_moving_closes_what_was_asked_and_the_new_merchant_is_asked_anew(
    cast: Cast, lis: UUID, program_id: UUID
) -> None:
    old = ask(cast, program_id, cast.meis)
    with tenant_session(cast.alices) as db:
        part = db.scalars(select(OnboardingPart).where(OnboardingPart.key == Part.COMPANY)).one()
        part.status, part.handed_in_at = PartStatus.HANDED_IN, clock.now()
    move(cast, program_id, lis)
    with tenant_session(cast.alices) as db:
        assert waiting_parts(db, cast.who["alice"]) == []
        assert parts_of(db, [cast.meis]) == []
        assert db.scalars(select(Onboarding.closed_at)).one() is not None
        for name in ("mei", "alice"):
            with pytest.raises(NotFound):
                get_onboarding(db, cast.who[name], old, Verb.VIEW)
    new = ask(cast, program_id, lis)
    assert new != old
    with tenant_session(cast.alices) as db:
        assert [one.onboarding.id for one in parts_of(db, [lis, cast.meis])] == [new]
        with pytest.raises(NotFound):
            get_onboarding(db, cast.who["mei"], new, Verb.VIEW)
        notices = db.scalars(select(Notice)).all()
        assert [(one.merchant_id, one.program_id) for one in notices] == [(cast.meis, None)]
        assert "李记" not in str(notices[0].detail)


@pytest.mark.parametrize("back", [True, False])
def test_what_was_closed_stays_closed(cast: Cast, lis: UUID, program_id: UUID, back: bool) -> None:
    first = ask(cast, program_id, cast.meis)
    move(cast, program_id, lis if back else None)
    move(cast, program_id, cast.meis)
    second = ask(cast, program_id, cast.meis)
    assert second != first
    with tenant_session(cast.alices) as db:
        assert [one.onboarding.id for one in parts_of(db, [cast.meis])] == [second]


def test_nobody_is_asked_about_a_mini_program_of_another(cast: Cast, lis: UUID, program_id: UUID) -> None:
    with pytest.raises(Conflict):
        ask(cast, program_id, lis)


def test_asking_while_it_moves_leaves_nothing_open(cast: Cast, lis: UUID, program_id: UUID) -> None:
    """Whichever comes first, the merchant who lost it is asked for nothing in the end."""
    ends: list[str] = []
    begun = threading.Event()

    def ask_later() -> None:
        begun.wait()
        try:
            ask(cast, program_id, cast.meis)
        except Conflict:
            ends.append("refused")

    thread = threading.Thread(target=ask_later)
    thread.start()
    with tenant_session(cast.alices) as db:
        assign_merchant(db, load_program(db, program_id), load_merchant(db, lis), who=cast.who["alice"])
        db.flush()
        begun.set()
        thread.join(0.5)
        assert ends == []
    thread.join()
    assert ends == ["refused"]
    with tenant_session(cast.alices) as db:
        assert parts_of(db, [cast.meis, lis]) == []
