"""The map of the fleet's versions: counts, what is older, templates, audits, phased releases, ages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from saas import clock
from saas.db import tenant_session
from saas.programs.listing import Compares, ProgramFilter, VersionOf, select_ids
from saas.programs.models import ProgramTag
from saas.releases.fleet_versions import Age, Bar, FleetMap, OfComponent, TemplateBar, fleet_map, list_phased
from saas.releases.models import Audit, AuditStatus, CodeState
from tests.trains.conftest import Yard, yard  # noqa: F401 - a fixture

pytestmark = pytest.mark.usefixtures("cast")


def state(yard: Yard, program_ids: list[UUID], **values: Any) -> None:  # noqa: F811
    with yard.session() as db:
        for row in db.query(CodeState).filter(CodeState.program_id.in_(program_ids)):
            for name, value in values.items():
                setattr(row, name, value)


def seen(yard: Yard, **wanted: str) -> FleetMap:  # noqa: F811
    with yard.session() as db:
        return fleet_map(db, ProgramFilter.read(wanted))


def only(found: FleetMap) -> OfComponent:
    (one,) = found.components
    return one


def count(yard: Yard, **wanted: str) -> int:  # noqa: F811
    with yard.session() as db:
        return len(select_ids(db, ProgramFilter.read(wanted)))


def test_versions_are_counted_in_their_order_with_what_is_older(yard: Yard) -> None:  # noqa: F811
    for version, number in (("1.9.0", 3), ("1.10", 1), ("v1.10.0", 1), ("2.0.0", 2), ("", 4)):
        yard.programs(number, version)
    one = only(seen(yard))
    assert [(bar.count, bar.older) for bar in one.online] == [(2, 5), (2, 3), (3, 0), (4, 0)]
    assert [bar.version for bar in one.online][::3] == ["2.0.0", ""]
    assert (one.count, one.folded) == (11, 0)


def test_each_number_is_what_its_link_finds(yard: Yard) -> None:  # noqa: F811
    for version, number in (("1.9.0", 2), ("1.10", 1), ("v1.10.0", 2), ("", 3)):
        yard.programs(number, version)
    for bar in only(seen(yard)).online:
        if bar.version:
            asked = {"version_of": VersionOf.ONLINE, "version": bar.version}
            assert count(yard, **asked, compares=Compares.EQUALS) == bar.count
            assert count(yard, **asked, compares=Compares.BELOW) == bar.older
        else:
            assert count(yard, version_of=VersionOf.ONLINE, compares=Compares.NONE) == bar.count


def test_a_filter_narrows_the_map(yard: Yard) -> None:  # noqa: F811
    tagged, _other = yard.programs(2, "1.0.0"), yard.programs(3, "1.0.0")
    owned = yard.programs(1, "2.0.0", owner_id=yard.cast.users["max"], merchant_id=yard.cast.meis)
    with yard.session() as db:
        db.add_all([ProgramTag(program_id=one, tag="连锁", provider_id=yard.cast.alices) for one in tagged])
    assert seen(yard, tag="连锁").count == len(tagged)
    for wanted in ({"owner": str(yard.cast.users["max"])}, {"merchant": str(yard.cast.meis)}):
        assert [bar.version for bar in only(seen(yard, **wanted)).online] == ["2.0.0"]
        assert seen(yard, **wanted).count == len(owned)


def test_templates_tell_where_the_code_came_from(yard: Yard) -> None:  # noqa: F811
    yard.programs(2, "1.0.0")
    state(yard, yard.programs(3, "2.0.0"), online_template_row_id=yard.template_id)
    yard.programs(1)
    assert only(seen(yard)).templates == (TemplateBar(7, 3), TemplateBar(None, 2))
    assert count(yard, version_of=VersionOf.ONLINE_TEMPLATE, version="7") == 3


def test_trial_audit_and_phased_versions_are_told(yard: Yard) -> None:  # noqa: F811
    ids = yard.programs(3, "1.0.0")
    state(yard, ids[:2], trial_version="2.0.0")
    with yard.session() as db:
        own = {"provider_id": yard.cast.alices, "user_version": "2.0.0", "submitted_at": clock.now()}
        db.add(Audit(**own, program_id=ids[0], auditid="1", status=AuditStatus.DELAYED))
    state(yard, ids[2:], phased_percent=20, phased_at=clock.now(), audit_version="1.1.0")
    one = only(seen(yard))
    assert one.trial == (Bar("2.0.0", 2), Bar("", 1))
    assert one.in_audit == (Bar("2.0.0", 1),)
    assert one.phased == (Bar("1.1.0", 1),)
    assert count(yard, version_of=VersionOf.AUDIT, version="2.0.0") == 1
    assert count(yard, version_of=VersionOf.AUDIT, version="2.0") == 0
    with yard.session() as db:
        assert [(program.id, row.phased_percent) for program, row in list_phased(db, ProgramFilter())] == [(ids[2], 20)]


def test_ages_are_spans_that_the_list_finds_again(yard: Yard) -> None:  # noqa: F811
    for days, number in ((1, 2), (10, 1), (100, 3), (400, 1)):
        state(yard, yard.programs(number, "1.0.0"), online_at=clock.now() - timedelta(days=days))
    yard.programs(2)
    found = seen(yard)
    assert [one.count for one in found.ages] == [2, 1, 0, 3, 0, 1]
    for one in found.ages:
        assert count(yard, age=f"{one.least}-{'' if one.most is None else one.most}") == one.count
    assert count(yard, age="90-") == 4
    assert Age(0, 7, 2) in found.ages


def test_charlie_sees_nothing_of_it(yard: Yard) -> None:  # noqa: F811
    yard.programs(2, "1.0.0")
    with tenant_session(yard.cast.charlies) as db:
        assert fleet_map(db, ProgramFilter()).count == 0
