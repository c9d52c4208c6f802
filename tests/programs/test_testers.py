"""Testers against the sandbox: bound by WeChat id, known by our own labels, read back, removed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from saas.batches.models import BatchItem, ItemStatus
from saas.batches.starting import Subject, start_batch
from saas.errors import Invalid
from saas.programs import models, testers
from saas.programs.access import get_tester, load_program
from saas.programs.models import Program, ProgramTester
from saas.programs.testers import Row
from saas.tenants.access import Verb
from tests.releases.conftest import Desk, control, desk, sandbox  # noqa: F401 - fixtures


class People:
    """What the tests do with testers, each step in a transaction of its own."""

    def __init__(self, desk: Desk) -> None:  # noqa: F811
        self.desk = desk
        self.ids = [person["wechat_id"] for person in desk.control.people()]

    def do(self, work: Callable[[Session, Program], Any]) -> BatchItem:
        """Start it and run it to its end; answers its first item."""
        with self.desk.session() as db:
            started = work(db, load_program(db, self.desk.program.id))
        self.desk.run_jobs(wait=60)
        mine = BatchItem.id if isinstance(started, BatchItem) else BatchItem.batch_id
        with self.desk.session() as db:
            return db.scalars(select(BatchItem).where(mine == started.id)).one()

    def add(self, typed: str) -> BatchItem:
        alice = self.desk.alice

        def work(db: Session, program: Program) -> BatchItem:
            return testers.start_binding(db, program, testers.add_testers(db, typed, who=alice), who=alice)

        return self.do(work)

    def read(self) -> BatchItem:
        return self.do(lambda db, program: testers.start_reading(db, program, who=self.desk.alice))

    def rows(self) -> list[Row]:
        with self.desk.session() as db:
            return testers.testers_of(db, load_program(db, self.desk.program.id))

    def labels(self) -> list[str]:
        return [row.label for row in self.rows()]

    def remove(self, row: Row) -> BatchItem:
        return self.do(lambda db, program: testers.start_unbinding(db, program, row.id, who=self.desk.alice))

    def unbind_everywhere(self) -> BatchItem:
        def work(db: Session, program: Program) -> Any:
            params = testers.unbinding(testers.list_testers(db)[0].id)
            return start_batch(db, testers.UNBIND, [Subject(program.id, "")], who=self.desk.alice, params=params)

        return self.do(work)


@pytest.fixture
def at(desk: Desk) -> People:  # noqa: F811
    return People(desk)


def test_people_are_bound_and_known_by_our_labels(at: People) -> None:
    item = at.add(f"{at.ids[0]} 测试小王\n\n{at.ids[1]}，测试 小李")
    assert (item.status, item.partial) == (ItemStatus.DONE, [])
    assert at.ids[0] not in str(item.input)
    assert at.labels() == ["测试小王", "测试 小李"]
    assert all(row.masked_id and row.masked_id not in at.ids for row in at.rows())
    assert at.read().status == ItemStatus.DONE
    assert at.labels() == ["测试小王", "测试 小李"]
    assert at.add(at.ids[0]).status == ItemStatus.SKIPPED


def test_an_unknown_wechat_id_is_explained(at: People) -> None:
    item = at.add("nobody_at_all 没有这个人")
    assert (item.status, item.errcode) == (ItemStatus.FAILED, 85001)
    item = at.add(f"nobody_at_all\n{at.ids[0]} 小王")
    assert item.status == ItemStatus.DONE
    assert [one["why"] for one in item.partial] == [testers._REFUSALS[85001]]
    assert at.labels() == ["小王"]


def test_those_whom_the_merchant_added_are_listed_and_can_be_labelled(at: People) -> None:
    at.add(f"{at.ids[0]} 小王")
    with at.desk.session() as db:
        db.delete(db.scalars(select(ProgramTester)).one())
        db.delete(db.scalars(select(models.Tester)).one())
    at.read()
    assert at.labels() == [""]
    with at.desk.session() as db:
        program = load_program(db, at.desk.program.id)
        testers.label_tester(db, program, at.rows()[0].id, " 店长 ", who=at.desk.alice)
    assert at.labels() == ["店长"]
    assert at.add(f"{at.ids[0]} 小王").partial == [{"name": "小王", "why": testers._BOUND_ALREADY}]


def test_a_tester_is_removed_by_the_opaque_id(at: People) -> None:
    at.add(f"{at.ids[0]} 小王")
    (row,) = at.rows()
    assert at.remove(row).status == ItemStatus.DONE
    assert at.rows() == []
    at.read()
    assert at.rows() == []


def test_who_is_no_tester_any_more_is_found_out(at: People) -> None:
    """WeChat says that it is busy: the second try reads the list."""
    at.add(f"{at.ids[0]} 小王")
    (row,) = at.rows()
    at.remove(row)
    with at.desk.session() as db:
        db.add(
            ProgramTester(
                provider_id=at.desk.cast.alices, program_id=at.desk.program.id, userstr=row.userstr,
                tester_id=row.tester_id,
            )
        )  # fmt: skip
    item = at.remove(at.rows()[0])
    assert (item.status, item.attempt) == (ItemStatus.DONE, 2)
    assert at.rows() == []


def test_one_person_leaves_a_selection(at: People) -> None:
    at.add(f"{at.ids[0]} 小王")
    assert at.unbind_everywhere().status == ItemStatus.DONE
    assert at.rows() == []
    assert at.unbind_everywhere().status == ItemStatus.SKIPPED


def test_whoever_the_merchant_added_leaves_although_wechat_was_busy(at: People) -> None:
    """We know the WeChat id but not the opaque one; only WeChat knows whether somebody is a tester."""
    at.add(f"{at.ids[0]} 小王")
    with at.desk.session() as db:
        db.delete(db.scalars(select(ProgramTester)).one())
    at.desk.control.fail_next("unbindTester", -1)
    item = at.unbind_everywhere()
    assert (item.status, item.attempt) == (ItemStatus.DONE, 2)
    at.read()
    assert at.rows() == []


def test_a_passing_failure_says_nothing_about_who_is_a_tester(at: People) -> None:
    with at.desk.session() as db:
        testers.add_testers(db, f"{at.ids[0]} 小王", who=at.desk.alice)
    at.desk.control.fail_next("unbindTester", 45011, times=9)
    item = at.unbind_everywhere()
    at.desk.run_jobs(wait=600)
    with at.desk.session() as db:
        item = db.scalars(select(BatchItem).where(BatchItem.id == item.id)).one()
    assert (item.status, item.errcode) == (ItemStatus.FAILED, 45011)


def test_a_selection_gets_people_from_the_address_book(at: People) -> None:
    def work(db: Session, program: Program) -> Any:
        chosen = testers.add_testers(db, f"{at.ids[2]} 质检", who=at.desk.alice)
        params = testers.binding(chosen)
        return start_batch(db, testers.BIND, [Subject(program.id, "")], who=at.desk.alice, params=params)

    assert at.do(work).status == ItemStatus.DONE
    assert at.labels() == ["质检"]


def test_a_forgotten_person_leaves_the_label_only(at: People) -> None:
    at.add(f"{at.ids[0]} 小王")
    with at.desk.session() as db:
        tester = get_tester(db, at.desk.alice, testers.list_testers(db)[0].id, Verb.WORK)
        testers.forget_tester(db, tester, who=at.desk.alice)
    (row,) = at.rows()
    assert (row.label, row.masked_id, row.tester_id) == ("小王", "", None)


@pytest.mark.parametrize("typed", ["", "13800138000", "短", "abc", "名字 wechat_id", "good_one_1 " + "长" * 41])
def test_what_is_no_wechat_id_is_refused_at_the_field(at: People, typed: str) -> None:
    with pytest.raises(Invalid) as refused:
        at.add(typed)
    assert refused.value.field == "people"
    assert at.desk.counts().get("bindTester", 0) == 0
