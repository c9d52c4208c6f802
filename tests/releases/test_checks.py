"""The pre-audit check: every line from our own rows, WeChat is never asked, and many cost no more than one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from saas import clock
from saas import db as database
from saas.components.access import load_component
from saas.components.models import Budget
from saas.db import new_id
from saas.programs.access import load_program
from saas.programs.models import Program, ProgramDomain
from saas.programs.privacy import lock_privacy
from saas.programs.privacy_models import ProgramPrivacy
from saas.programs.standing import note_step
from saas.programs.words import Step, Word
from saas.releases import checks, uploads
from saas.releases.checks import Check, Repair, Verdict
from saas.releases.code_state import find_state
from saas.wx.limits import BY_NAME
from tests.releases.conftest import Desk

GUIDE = "隐私指引说明了代码收集的信息"


def lines(desk: Desk, **options: Any) -> dict[str, Check]:
    """The check list of the trial version, by title."""
    with desk.session() as db:
        program = load_program(db, desk.program.id)
        found = checks.pre_audit_checks(
            db, load_component(db, desk.component.id), program, uploads.trial_upload(db, program),
            find_state(db, program), **options,
        )  # fmt: skip
    return {one.title: one for one in found}


def change(desk: Desk, **values: Any) -> None:
    with desk.session() as db:
        program = load_program(db, desk.program.id)
        for name, value in values.items():
            setattr(program, name, value)


def note(desk: Desk, **values: Any) -> ProgramPrivacy:
    """What was read about privacy."""
    with desk.session() as db:
        row = lock_privacy(db, load_program(db, desk.program.id))
        for name, value in values.items():
            setattr(row, name, value)
    return row


def test_without_code_the_list_says_so_and_asks_nobody(desk: Desk) -> None:
    before = desk.control.counts()
    found = lines(desk)
    assert desk.control.counts() == before
    assert found["代码已上传，隐私接口检测完成"].verdict is Verdict.BLOCKING
    assert found["代码已上传，隐私接口检测完成"].repair is Repair.UPLOAD
    assert found["没有正在审核的版本"].is_good


def test_the_guide_is_compared_with_this_very_code(desk: Desk) -> None:
    desk.uploaded()
    note(desk, missing=["Album"], read_at=clock.now() - timedelta(days=1), scanning=False)
    assert lines(desk)[GUIDE].verdict is Verdict.UNKNOWN, "what was read before the scan is about other code"
    note(desk, read_at=clock.now() + timedelta(seconds=1))
    line = lines(desk)[GUIDE]
    assert (line.verdict, line.repair) == (Verdict.WARNING, Repair.PRIVACY)
    assert line.params["names"] == ["选中的照片或视频信息"]
    note(desk, missing=[])
    assert lines(desk)[GUIDE].is_good


def test_an_interface_that_was_granted_meanwhile_no_longer_blocks(desk: Desk) -> None:
    desk.uploaded(privacy=["getLocation"])
    assert lines(desk)["隐私接口已声明"].verdict is Verdict.BLOCKING
    assert lines(desk, privacy_not_used=True)["隐私接口已声明"].verdict is Verdict.WARNING
    note(desk, lacking=[], undeclared=[], missing=[], scanning=False, read_at=clock.now() + timedelta(seconds=1))
    assert lines(desk)["隐私接口已声明"].is_good


def test_what_the_other_parts_know_is_said(desk: Desk) -> None:
    desk.uploaded()
    change(desk, introduction="", domains_read_at=clock.now())
    with desk.session() as db:
        program = load_program(db, desk.program.id)
        note_step(db, program, Step.FILE, Word.FILE_FACE)
        note_step(db, program, Step.CERTIFY, Word.CERTIFIED)
        note_step(db, program, Step.CATEGORIES, Word.CATEGORY_REFUSED)
        db.add(
            ProgramDomain(
                id=new_id(), provider_id=program.provider_id, program_id=program.id, kind="request",
                address="https://a.cn", wished=True,
            )
        )  # fmt: skip
    found = lines(desk)
    wrong = {title: one.repair for title, one in found.items() if one.verdict is Verdict.WARNING}
    assert wrong == {
        "名称、头像、介绍已设置": Repair.PROFILE, "有可用的服务类目": Repair.CATEGORIES, "备案": Repair.FILE,
        "域名会生效": Repair.DOMAINS,
    }  # fmt: skip
    assert found["认证"].is_good
    assert found["域名会生效"].params["names"] == "https://a.cn"


def use_up(desk: Desk, used: int) -> None:
    """So many of the day's withdrawals."""
    with desk.session() as db:
        limit = BY_NAME["undo_audit_day"]
        db.add(
            Budget(
                id=new_id(), provider_id=desk.program.provider_id, component_id=desk.component.id,
                owner=desk.program.appid, name=limit.name, starts_on=limit.period.start(clock.now()), used=used,
            )
        )  # fmt: skip


@pytest.mark.parametrize(("used", "verdict"), [(4, Verdict.GOOD), (5, Verdict.WARNING)])
def test_withdrawals_are_counted_before_the_submission(desk: Desk, used: int, verdict: Verdict) -> None:
    use_up(desk, used)
    assert lines(desk)["提交后还能撤回"].verdict is verdict


@pytest.mark.parametrize(
    ("limits", "text"),
    [
        (["undo_audit_day"], "本月还能撤回 10 次"),
        (["undo_audit_month"], "今天还能撤回 2 次"),
        (["undo_audit_day", "undo_audit_month"], ""),
    ],
)
def test_what_is_only_counted_warns_of_nothing(
    desk: Desk, count_only: Callable[..., None], limits: list[str], text: str
) -> None:
    count_only(*limits)
    use_up(desk, 5 if "undo_audit_day" in limits else 3)
    found = lines(desk)["提交后还能撤回"]
    assert (found.verdict, found.text % found.params) == (Verdict.GOOD, text)


def test_many_cost_no_more_queries_than_one(desk: Desk) -> None:
    def count(number: int) -> int:
        statements: list[str] = []

        def note_statement(_conn: object, _cursor: object, statement: str, *_more: object) -> None:
            statements.append(statement)

        with desk.session() as db:
            event.listen(database.engine("tenant"), "before_cursor_execute", note_statement)
            try:
                rows = checks.check_programs(db, ids[:number])
            finally:
                event.remove(database.engine("tenant"), "before_cursor_execute", note_statement)
        assert len(rows) == number
        return len(statements)

    with desk.session() as db:
        made = [
            Program(
                id=new_id(), provider_id=desk.program.provider_id, component_id=desk.component.id, appid=f"wx{number}"
            )
            for number in range(20)
        ]
        db.add_all(made)
        ids = [desk.program.id, *(one.id for one in made)]
    assert count(2) == count(20)
