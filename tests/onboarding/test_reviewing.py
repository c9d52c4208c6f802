"""The provider looks through what was handed in: gives single fields back, accepts, and nothing changes under it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from saas.db import tenant_session
from saas.errors import Forbidden, Invalid, NotFound
from saas.onboarding.access import get_part
from saas.onboarding.models import Notice, Part, PartStatus
from saas.onboarding.parts import Answers, answers_of, open_onboarding
from saas.onboarding.reviewing import (
    LONGEST_COMMENT,
    NotHandedIn,
    Reviewed,
    accept,
    count_waiting,
    give_back,
    look_at_paper,
    reveal_part,
    waiting_parts,
)
from saas.onboarding.saving import NotComplete, hand_in, save_page
from saas.tenants.access import Verb
from saas.tenants.merchants import load_merchant
from saas.tenants.models import Activity
from tests.cast import Cast

COMPANY = {
    "kind": "enterprise",
    "name": "梅记餐饮有限公司",
    "company_code": "91350100M000100Y43",
    "person_name": "陈梅",
}
Opened = Callable[..., AbstractContextManager[tuple[Session, Answers]]]


@pytest.fixture
def onboarding_id(cast: Cast) -> UUID:
    with tenant_session(cast.alices) as db:
        merchant = load_merchant(db, cast.meis)
        return open_onboarding(db, merchant, None, [Part.COMPANY, Part.PROFILE], who=cast.who["alice"]).id


@pytest.fixture
def opened(cast: Cast, onboarding_id: UUID) -> Opened:
    @contextmanager
    def of(who: str = "alice", part: Part = Part.COMPANY) -> Iterator[tuple[Session, Answers]]:
        with tenant_session(cast.who[who].provider_id) as db:
            yield db, answers_of(db, *get_part(db, cast.who[who], onboarding_id, part, Verb.VIEW))

    return of


def give_in(cast: Cast, opened: Opened, **typed: str) -> int:
    """Mei fills the company in and hands it in; answers its version."""
    with opened("mei") as (db, answers):
        save_page(db, answers, "facts", COMPANY | typed, version=answers.part.version, who=cast.who["mei"])
        hand_in(db, answers, version=answers.part.version, who=cast.who["mei"])
        return answers.part.version


def waiting(cast: Cast, who: str = "alice") -> list[str]:
    with tenant_session(cast.who[who].provider_id) as db:
        rows = waiting_parts(db, cast.who[who])
        assert count_waiting(db, cast.who[who]) == len(rows)
        return [row.part.key for row in rows]


def test_what_was_handed_in_waits_until_it_is_decided(cast: Cast, opened: Opened) -> None:
    assert waiting(cast) == []
    version = give_in(cast, opened)
    assert waiting(cast) == ["company"]
    assert waiting(cast, "charlie") == []
    with opened() as (db, answers):
        give_back(db, answers, {"name": " 与执照不符 ", "person_name": ""}, version=version, who=cast.who["alice"])
    with opened() as (_db, answers):
        part = answers.part
        assert (part.status, part.comments, part.reviewed_by) == (
            PartStatus.RETURNED, {"name": "与执照不符"}, cast.who["alice"].name,
        )  # fmt: skip
        assert part.reviewed_at is not None
        assert part.version == version + 1
    assert waiting(cast) == []
    version = give_in(cast, opened, name="梅记（福州）餐饮有限公司")
    with opened() as (db, answers):
        assert answers.part.comments == {"name": "与执照不符"}, "to compare with"
        accept(db, answers, version=version, who=cast.who["max"])
    with opened() as (db, answers):
        assert (answers.part.status, answers.part.comments) == (PartStatus.ACCEPTED, {})
        assert answers.part.reviewed_by == cast.who["max"].name
        verbs = db.scalars(select(Activity.verb).where(Activity.verb.startswith("onboarding.")).order_by(Activity.id))
        assert [verb for verb in verbs if verb.endswith(("give_back", "accept"))] == [
            "onboarding.give_back", "onboarding.accept",
        ]  # fmt: skip
        told = list(db.scalars(select(Notice.kind).order_by(Notice.id)))
        assert told == ["onboarding.returned", "onboarding.accepted"]


def test_what_changed_meanwhile_is_not_decided(cast: Cast, opened: Opened) -> None:
    version = give_in(cast, opened)
    with opened() as (db, answers):
        give_back(db, answers, {"name": "不对"}, version=version, who=cast.who["alice"])
    for act in (
        lambda db, answers: accept(db, answers, version=version, who=cast.who["max"]),
        lambda db, answers: give_back(db, answers, {"name": "不对"}, version=version, who=cast.who["max"]),
    ):
        with opened() as (db, answers), pytest.raises(Reviewed):
            act(db, answers)
    newer = give_in(cast, opened, name="别的公司")
    with opened() as (db, answers), pytest.raises(Reviewed):
        accept(db, answers, version=version, who=cast.who["max"])
    with opened() as (db, answers):
        accept(db, answers, version=newer, who=cast.who["max"])
    with opened() as (db, answers), pytest.raises(Reviewed):
        accept(db, answers, version=newer, who=cast.who["max"])


def test_what_was_accepted_can_still_come_back(cast: Cast, opened: Opened) -> None:
    version = give_in(cast, opened)
    with opened() as (db, answers):
        accept(db, answers, version=version, who=cast.who["alice"])
    with opened() as (db, answers):
        give_back(db, answers, {"company_code": "微信说不存在"}, version=version + 1, who=cast.who["alice"])
        assert answers.part.status == PartStatus.RETURNED


def test_a_part_that_the_merchant_is_still_at_is_closed_to_the_provider(cast: Cast, opened: Opened) -> None:
    alice = cast.who["alice"]
    with opened() as (db, answers):
        for act in (
            lambda: accept(db, answers, version=0, who=alice),
            lambda: give_back(db, answers, {"name": "x"}, version=0, who=alice),
            lambda: reveal_part(db, answers, who=alice),
            lambda: look_at_paper(db, answers, answers.part.id, who=alice),
        ):
            with pytest.raises(NotHandedIn):
                act()


def test_comments_are_on_fields_and_short(cast: Cast, opened: Opened) -> None:
    version = give_in(cast, opened)
    for comments, field in (({}, ""), ({"name": "  "}, ""), ({"soul": "x"}, ""), ({"name": "很" * 201}, "name")):
        with opened() as (db, answers), pytest.raises(Invalid) as refusal:
            give_back(db, answers, comments, version=version, who=cast.who["alice"])
        assert refusal.value.field == field
    assert LONGEST_COMMENT == 200
    assert waiting(cast) == ["company"]


def test_what_does_not_fit_is_not_accepted(cast: Cast, opened: Opened) -> None:
    version = give_in(cast, opened)
    with opened() as (_db, answers):
        answers.part.values = COMPANY | {"company_code": "91350100M000100Y44"}
    with opened() as (db, answers), pytest.raises(NotComplete):
        accept(db, answers, version=version, who=cast.who["alice"])


def test_only_those_who_work_decide_and_look(cast: Cast, opened: Opened) -> None:
    version = give_in(cast, opened)
    for name in ("bob", "mei", "hana"):
        who = cast.who[name]
        with opened() as (db, answers):
            for act in (
                lambda: accept(db, answers, version=version, who=who),  # noqa: B023
                lambda: give_back(db, answers, {"name": "x"}, version=version, who=who),  # noqa: B023
                lambda: reveal_part(db, answers, who=who),  # noqa: B023
            ):
                with pytest.raises(Forbidden):
                    act()
    with tenant_session(cast.who["charlie"].provider_id) as db, pytest.raises(NotFound):
        get_part(db, cast.who["charlie"], answers.onboarding.id, Part.COMPANY, Verb.VIEW)


def test_looking_is_logged(cast: Cast, opened: Opened) -> None:
    give_in(cast, opened)
    with opened() as (db, answers):
        assert reveal_part(db, answers, who=cast.who["alice"])["person_name"] == "陈梅"
        with pytest.raises(NotFound):
            look_at_paper(db, answers, answers.part.id, who=cast.who["alice"])
        verbs = list(db.scalars(select(Activity.verb).where(Activity.verb == "onboarding.personal.view")))
        assert verbs == ["onboarding.personal.view"]
