"""The sandbox plays exactly what the contract knows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from saas.sandbox.api import chapters
from saas.sandbox.api.registry import played
from saas.sandbox.app import create_sandbox
from saas.sandbox.schemas import note_wrong_answer
from saas.wx.contract.operations import all_operations, operation


def test_every_call_of_the_contract_is_played_once() -> None:
    chapters.load()
    known = {(op.method, op.path) for op in all_operations() if not op.page}
    answered = [(play.operation.method, play.operation.path) for play in played().values()]
    assert sorted(answered) == sorted(known)


@pytest.mark.parametrize("answer", [{"errcode": "0"}, {"errcode": 0, "colour": "red"}, None])
def test_an_answer_that_the_contract_does_not_know_is_written_down(tmp_path: Path, answer: dict[str, Any]) -> None:
    file = tmp_path / "wrong_answers"
    note_wrong_answer(file, operation("release"), {"errcode": 0, "errmsg": "ok"})
    assert not file.exists()
    note_wrong_answer(file, operation("release"), answer)
    assert file.read_text().startswith("release: ")


def test_every_page_of_the_contract_is_shown(tmp_path: Path) -> None:
    app = create_sandbox(tmp_path / "sandbox.sqlite", public_url="http://127.0.0.1:1")
    shown = {rule.rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())}
    assert {op.path for op in all_operations() if op.page} <= shown
    app.extensions["sandbox"].state.close()
