"""Rules of ordinary QR codes against the sandbox: check file first, tried, published, deleted; whose file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from saas.batches.models import BatchItem, ItemStatus
from saas.components.budgets import left
from saas.db import platform_session
from saas.errors import Conflict, Forbidden, Invalid
from saas.programs import qr_rules
from saas.programs.access import load_program
from saas.programs.check_files import check_file_content
from saas.programs.models import Program, ProgramQrRules
from saas.wx.api.qrcode_rules import QrcodeRules
from tests.releases.conftest import Desk, control, desk, sandbox  # noqa: F401 - fixtures

PREFIX = "https://qr.example.com/table/"
GIVEN: dict[str, Any] = {
    "prefix": PREFIX, "path": "pages/index/index", "links": f"{PREFIX}7", "version": "2", "exclusive": True,
}  # fmt: skip


class Rules:
    """What the tests do with rules, each step in a transaction of its own."""

    def __init__(self, desk: Desk) -> None:  # noqa: F811
        self.desk = desk

    def do(self, work: Callable[[Session, Program], BatchItem]) -> BatchItem:
        with self.desk.session() as db:
            item = work(db, load_program(db, self.desk.program.id))
        self.desk.run_jobs(wait=60)
        with self.desk.session() as db:
            return db.scalars(select(BatchItem).where(BatchItem.id == item.id)).one()

    def save(self, **changes: Any) -> BatchItem:
        who = self.desk.alice
        return self.do(lambda db, program: qr_rules.start_saving(db, program, GIVEN | changes, who=who))

    def publish(self) -> BatchItem:
        return self.with_rule(qr_rules.start_publishing)

    def delete(self) -> BatchItem:
        return self.with_rule(qr_rules.start_deleting)

    def with_rule(self, service: Any) -> BatchItem:
        def work(db: Session, program: Program) -> BatchItem:
            item: BatchItem = service(db, program, qr_rules.rule_of(db, program, PREFIX), who=self.desk.alice)
            return item

        return self.do(work)

    def kept(self) -> ProgramQrRules:
        with self.desk.session() as db:
            row = qr_rules.rules_of(db, load_program(db, self.desk.program.id))
            assert row is not None
            return row

    def served(self) -> str | None:
        with platform_session("a test") as db:
            return check_file_content(db, "qr.example.com", self.kept().file_name)


@pytest.fixture
def at(desk: Desk) -> Rules:  # noqa: F811
    return Rules(desk)


def test_a_rule_is_added_changed_published_and_deleted(at: Rules) -> None:
    at.desk.released()
    assert at.save().status == ItemStatus.DONE
    expected = {
        "prefix": PREFIX, "path": "pages/index/index", "exclusive": True, "version": 2, "links": [f"{PREFIX}7"],
        "published": False,
    }  # fmt: skip
    assert at.kept().rules == [expected]
    assert at.save().status == ItemStatus.SKIPPED
    assert at.save(path="/pages/menu/index", links="").status == ItemStatus.DONE
    assert at.kept().rules == [expected | {"path": "pages/menu/index", "links": []}]
    assert at.publish().status == ItemStatus.DONE
    assert at.kept().rules[0]["published"]
    assert at.publish().status == ItemStatus.SKIPPED
    with at.desk.session() as db:
        assert left(db, load_program(db, at.desk.program.id), qr_rules.BUDGET).left == 99
    with pytest.raises(Conflict, match="不能修改"):
        at.save()
    assert at.delete().status == ItemStatus.DONE
    assert at.kept().rules == []


def test_without_its_check_file_a_host_is_refused(at: Rules) -> None:
    at.desk.control.change_host("qr.example.com", check_file=0)
    item = at.save()
    assert (item.status, item.errcode) == (ItemStatus.FAILED, 85069)
    assert (at.kept().hosts, at.served()) == ([], None)
    at.desk.control.change_host("qr.example.com", check_file=1)
    assert at.save().status == ItemStatus.DONE
    assert (at.kept().hosts, at.served()) == (["qr.example.com"], at.kept().file_content)


def test_a_typed_host_serves_the_file_while_wechat_looks_for_it_only(
    at: Rules, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str | None] = []
    add = QrcodeRules.qrcodejumpadd

    def look(rules: QrcodeRules, *args: Any, **given: Any) -> Any:
        seen.append(at.served())
        return add(rules, *args, **given)

    monkeypatch.setattr(QrcodeRules, "qrcodejumpadd", look)
    at.desk.control.change_host("qr.example.com", check_file=0)
    with at.desk.session() as db:
        program = load_program(db, at.desk.program.id)
        qr_rules.start_saving(db, program, GIVEN, who=at.desk.alice)
        assert qr_rules.rules_of(db, program) is None
    at.desk.run_jobs(wait=60)
    assert seen == [at.kept().file_content]
    assert at.served() is None


def test_before_the_first_release_nothing_is_published(at: Rules) -> None:
    at.save()
    with pytest.raises(Conflict, match="还没有发布"):
        at.publish()
    assert at.desk.counts().get("qrcodeJumpPublish", 0) == 0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("prefix", "qr.example.com/table"), ("prefix", "https://qr.example.com"), ("prefix", "ftp://qr.example.com/"),
        ("prefix", "https://1.2.3.4/"), ("prefix", "https://qr.example.com/#x"), ("path", "pages/index?a=1"),
        ("path", ""), ("links", "https://else.example.com/"), ("links", " ".join(f"{PREFIX}{n}" for n in range(6))),
        ("version", "4"), ("prefix", "https:///x"), ("links", "x"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_rule_is_refused_at_its_field(field: str, value: str) -> None:
    with pytest.raises(Invalid) as refused:
        qr_rules.check_rule(GIVEN | {field: value})
    assert refused.value.field == field


def test_viewers_change_no_rules(at: Rules) -> None:
    with at.desk.session() as db, pytest.raises(Forbidden):
        qr_rules.start_saving(db, load_program(db, at.desk.program.id), GIVEN, who=at.desk.cast.who["bob"])
