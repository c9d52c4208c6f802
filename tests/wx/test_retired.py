"""Interfaces that WeChat has retired: the client still has them, and says so; nothing else calls them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import saas
from saas.wx.contract import operations
from tests.wx.test_api import OPERATIONS, TABLE, chapters

ROOT = Path(saas.__file__).parent.parent
RETIRED = sorted({row.method for row in TABLE if operations.operation(row.operation).retired})


def test_every_retired_operation_has_its_method() -> None:
    assert RETIRED == ["registration.fastregisterweapp"]


@pytest.mark.parametrize("method", RETIRED)
def test_a_retired_method_says_so_and_names_its_successor(method: str) -> None:
    chapter, name = method.split(".")
    says = getattr(chapters()[chapter], name).__doc__ or ""
    [successor] = {operations.operation(row.operation).replaced_by for row in TABLE if row.method == method}
    assert "Retired" in says
    assert successor
    assert successor.lower() in says.lower()


@pytest.mark.parametrize("method", RETIRED)
def test_no_service_calls_a_retired_method(method: str) -> None:
    """Neither by its name nor by its operation. The sandbox plays WeChat, so it answers the call."""
    call = re.compile(rf"\.{method.split('.')[1]}\b|\"{OPERATIONS[method]}\"")
    callers = [
        str(path.relative_to(ROOT))
        for folder in ("saas", "jobs")
        for path in (ROOT / folder).rglob("*.py")
        if not any(path.is_relative_to(ROOT / "saas" / part) for part in ("wx", "sandbox"))
        and call.search(path.read_text(encoding="utf-8"))
    ]
    assert callers == []
