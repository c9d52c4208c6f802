"""The doors to mini programs and links: yours, yours but your role may not, not yours."""

from __future__ import annotations

from uuid import UUID

import pytest

from saas.components.models import ComponentApp
from saas.db import new_id, tenant_session
from saas.errors import Forbidden, NotFound
from saas.programs.access import get_link, get_program, program_by_appid, program_by_original_id
from saas.programs.models import Program
from saas.tenants.access import Verb
from saas.tenants.merchants import get_merchant
from tests.cast import Cast
from tests.programs.conftest import Desk


@pytest.fixture
def program(cast: Cast, component: ComponentApp) -> UUID:
    """A mini program of mei's."""
    with tenant_session(cast.alices) as db:
        row = Program(
            provider_id=cast.alices, component_id=component.id, appid="wx1", original_id="gh_1", merchant_id=cast.meis
        )
        db.add(row)
    return row.id


@pytest.mark.parametrize(
    ("name", "verb", "error"),
    [
        ("alice", Verb.WORK, None),
        ("anna", Verb.WORK, None),
        ("max", Verb.WORK, None),
        ("bob", Verb.VIEW, None),
        ("bob", Verb.WORK, Forbidden),
        ("mei", Verb.VIEW, None),
        ("mei", Verb.ANSWER, None),
        ("mei", Verb.WORK, Forbidden),
        ("hana", Verb.VIEW, None),
        ("hana", Verb.ANSWER, Forbidden),
        ("charlie", Verb.VIEW, NotFound),
        ("ming", Verb.VIEW, NotFound),
    ],
)
def test_the_door_of_a_program(cast: Cast, program: UUID, name: str, verb: Verb, error: type[Exception] | None) -> None:
    who = cast.who[name]
    with tenant_session(who.provider_id) as db:
        if error is None:
            assert get_program(db, who, program, verb).id == program
            assert get_merchant(db, who, cast.meis, verb).id == cast.meis
        else:
            with pytest.raises(error):
                get_program(db, who, program, verb)
            with pytest.raises(error):
                get_merchant(db, who, cast.meis, verb)


def test_mei_does_not_reach_a_program_of_nobody(cast: Cast, program: UUID) -> None:
    with tenant_session(cast.alices) as db:
        get_program(db, cast.who["alice"], program, Verb.WORK).merchant_id = None
    with tenant_session(cast.alices) as db, pytest.raises(NotFound):
        get_program(db, cast.who["mei"], program, Verb.VIEW)


def test_a_link_opens_for_its_merchant_only(cast: Cast, desk: Desk) -> None:
    link = desk.link()
    with tenant_session(cast.alices) as db:
        assert get_link(db, cast.who["mei"], link.id, Verb.ANSWER).id == link.id
        for name, error in (("hana", Forbidden), ("charlie", NotFound), ("ming", NotFound)):
            with pytest.raises(error):
                get_link(db, cast.who[name], link.id, Verb.ANSWER)
        with pytest.raises(NotFound):
            get_link(db, cast.who["alice"], new_id(), Verb.VIEW)


def test_programs_are_found_by_wechats_names(cast: Cast, program: UUID, component: ComponentApp) -> None:
    with tenant_session(cast.alices) as db:
        found = program_by_appid(db, component, "wx1")
        assert found is not None
        assert found.id == program
        assert program_by_original_id(db, component, "gh_1") is found
        assert program_by_appid(db, component, "wx2") is None
