"""The reject desk: who waits on it, in which group, what takes them off it, and how often reviewers refuse."""

from __future__ import annotations

from uuid import UUID

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import NullPool, create_engine, update

from migrations.rls import reaching_all
from saas import clock
from saas.config import Settings
from saas.db import tenant_session
from saas.errors import Forbidden, Invalid
from saas.migrate import alembic_config
from saas.programs.access import load_program
from saas.programs.listing import ProgramFilter, select_ids
from saas.programs.models import Program
from saas.releases import rejects
from saas.releases.models import Audit, AuditStatus
from saas.releases.sweeps import check_standing
from tests.trains.conftest import Yard, yard  # noqa: F401 - a fixture

pytestmark = pytest.mark.usefixtures("cast")
BLANK, LURE = "1:规则:\n(1):涉及 3.4.1 页面空白", "5.2.1 诱导分享"


def groups(yard: Yard) -> dict[str, int]:  # noqa: F811
    with yard.session() as db:
        return {one.key: one.count for one in rejects.list_groups(db)}


def submit_again(yard: Yard, program_id: UUID, status: AuditStatus) -> None:  # noqa: F811
    with yard.session() as db:
        own = {"provider_id": yard.cast.alices, "program_id": program_id, "auditid": "77"}
        db.add(Audit(**own, user_version="1.0.1", status=status, decided_at=clock.now()))


def aside(yard: Yard, key: str, ids: list[UUID] | None, who: str = "alice", note: str = "下周改版") -> int:  # noqa: F811
    with yard.session() as db:
        return rejects.set_aside(db, key, ids, who=yard.cast.who[who], note=note)


def test_rejections_alike_are_one_group_the_largest_first(yard: Yard) -> None:  # noqa: F811
    yard.rejected(1, LURE)
    yard.rejected(2, BLANK)
    yard.rejected(1, "3.4.1 首页空白", "1.1.0")
    yard.programs(1)
    assert list(groups(yard).items()) == [("3.4.1", 3), ("5.2.1", 1)]
    with yard.session() as db:
        group = rejects.find_group(db, "3.4.1")
        assert group is not None
        assert group.versions == ("1.0.0", "1.1.0")
        assert group.example.user_version == "1.1.0"
        assert group.first_at < group.last_at
        assert rejects.count_waiting(db) == 4
        assert rejects.find_group(db, "9.9.9") is None


@pytest.mark.parametrize("status", [AuditStatus.QUEUED, AuditStatus.IN_REVIEW, AuditStatus.APPROVED])
def test_a_newer_submission_takes_it_off_the_desk(yard: Yard, status: AuditStatus) -> None:  # noqa: F811
    (program_id,) = yard.rejected(1, BLANK)
    submit_again(yard, program_id, status)
    assert groups(yard) == {}


def test_a_submission_that_failed_on_the_way_does_not(yard: Yard) -> None:  # noqa: F811
    (program_id,) = yard.rejected(1, BLANK)
    submit_again(yard, program_id, AuditStatus.FAILED)
    assert groups(yard) == {"3.4.1": 1}


def test_the_newest_rejection_counts_and_each_program_once(yard: Yard) -> None:  # noqa: F811
    (program_id,) = yard.rejected(1, BLANK)
    yard.refuse(program_id, LURE, "1.1.0")
    assert groups(yard) == {"5.2.1": 1}


def test_groups_are_paged_by_size_and_reason(yard: Yard) -> None:  # noqa: F811
    for number in range(1, 5):
        yard.rejected(1, f"3.4.{number} 空白")
    with yard.session() as db:
        first = rejects.list_groups(db, limit=2)
        rest = rejects.list_groups(db, after=(first[-1].count, first[-1].key), limit=5)
    assert [one.key for one in (*first, *rest)] == ["3.4.1", "3.4.2", "3.4.3", "3.4.4"]


def test_the_mini_programs_of_a_group_are_paged_and_a_filter_finds_the_same(yard: Yard) -> None:  # noqa: F811
    ids = yard.rejected(3, BLANK)
    yard.rejected(1, LURE)
    with yard.session() as db:
        first = rejects.list_rejected(db, "3.4.1", limit=2)
        rest = rejects.list_rejected(db, "3.4.1", before=first[-1][0].id)
        assert [program.id for program, _ in (*first, *rest)] == sorted(ids, reverse=True)
        assert {audit.reason_key for _, audit in first} == {"3.4.1"}
        assert set(select_ids(db, ProgramFilter.read({"reject": "3.4.1"}))) == set(ids)


def test_what_is_set_aside_waits_no_more_until_it_is_taken_back_or_refused_again(yard: Yard) -> None:  # noqa: F811
    ids = yard.rejected(3, BLANK)
    assert aside(yard, "3.4.1", ids[:2]) == 2
    assert groups(yard) == {"3.4.1": 1}
    with yard.session() as db:
        assert rejects.count_set_aside(db) == 2
        rows = rejects.list_set_aside(db)
        assert {(audit.set_aside_note, audit.set_aside_by_name) for _, audit in rows} == {("下周改版", "Alice")}
        assert rejects.take_back(db, [ids[0]], who=yard.alice) == 1
    assert groups(yard) == {"3.4.1": 2}
    yard.refuse(ids[1], LURE, "1.1.0")
    assert groups(yard) == {"3.4.1": 2, "5.2.1": 1}
    with yard.session() as db:
        assert rejects.count_set_aside(db) == 0


def test_a_whole_group_is_set_aside_and_the_nightly_check_agrees(yard: Yard) -> None:  # noqa: F811
    ids = yard.rejected(2, BLANK)
    other = yard.rejected(1, LURE)
    assert aside(yard, "3.4.1", None) == 2
    with yard.session() as db:
        assert check_standing(db) == 0
        assert [load_program(db, one).reject_key for one in (*ids, *other)] == [None, None, "5.2.1"]


def test_setting_aside_needs_a_note_and_the_right(yard: Yard) -> None:  # noqa: F811
    yard.rejected(1, BLANK)
    with pytest.raises(Invalid):
        aside(yard, "3.4.1", None, note="")
    with pytest.raises(Forbidden):
        aside(yard, "3.4.1", None, who="bob")
    assert groups(yard) == {"3.4.1": 1}


def test_rejections_are_counted_by_day_and_reason_also_those_overcome(
    yard: Yard, move_clock: object  # noqa: F811
) -> None:  # fmt: skip
    assert callable(move_clock)
    yard.rejected(2, LURE)
    move_clock(40 * 86400)
    yard.rejected(1, BLANK)
    move_clock(2 * 86400)
    (program_id,) = yard.rejected(1, BLANK)
    submit_again(yard, program_id, AuditStatus.APPROVED)
    yard.rejected(1, LURE)
    with yard.session() as db:
        seen = rejects.history(db, "Asia/Shanghai")
    assert seen.of("3.4.1")[-3:] == [1, 0, 1]
    assert (seen.total, len(seen.days)) == (3, rejects.DAYS)
    assert seen.most_frequent(2) == [("3.4.1", 2), ("5.2.1", 1)]
    assert "诱导" in seen.texts["5.2.1"]


def test_charlie_sees_nothing_of_it(yard: Yard) -> None:  # noqa: F811
    yard.rejected(2, BLANK)
    with tenant_session(yard.cast.charlies) as db:
        assert rejects.list_groups(db) == []
        assert rejects.count_waiting(db) == 0
        assert rejects.history(db, "Asia/Shanghai").total == 0


def test_rejections_from_before_get_their_reason_by_the_migration(
    yard: Yard, installed: Settings  # noqa: F811
) -> None:  # fmt: skip
    first, second, third = yard.rejected(3, BLANK)
    yard.refuse(second, LURE, "1.1.0")
    submit_again(yard, third, AuditStatus.IN_REVIEW)
    with yard.session() as db:
        db.execute(update(Audit).values(reason_key=""))
        db.execute(update(Program).values(rejected_audit_id=None, reject_key=None))
    assert groups(yard) == {}
    fill = ScriptDirectory.from_config(alembic_config()).get_revision("2026_12_01_1232").module._fill
    with (
        create_engine(installed.database_owner_url, poolclass=NullPool).begin() as connection,
        Operations.context(MigrationContext.configure(connection)),
        reaching_all("audits", "programs"),
    ):
        fill()
    assert groups(yard) == {"3.4.1": 1, "5.2.1": 1}
    with yard.session() as db:
        assert load_program(db, first).reject_key == "3.4.1"
        assert check_standing(db) == 0
        assert rejects.history(db, "UTC").most_frequent(2) == [("3.4.1", 3), ("5.2.1", 1)]
