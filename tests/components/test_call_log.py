"""The call log in groups: late at most, never in the way, and one bad row is lost alone."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event, select

from saas import clock
from saas import db as database
from saas.components import call_log
from saas.components.models import ComponentApp, WeChatCall
from saas.db import new_id, tenant_session


def note(component: ComponentApp, operation: str, **values: Any) -> None:
    call_log.write(
        {
            "id": new_id(), "created_at": clock.now(), "provider_id": component.provider_id,
            "component_id": component.id, "appid": "", "operation": operation, "errcode": 0, "rid": "", "ms": 1,
            "fault": "", "origin": "", **values,
        }
    )  # fmt: skip


def written(component: ComponentApp) -> list[str]:
    with tenant_session(component.provider_id) as db:
        return list(db.scalars(select(WeChatCall.operation).order_by(WeChatCall.id)))


def test_a_row_that_cannot_be_written_is_lost_alone(component: ComponentApp) -> None:
    with call_log.grouped():
        for n in range(9):
            note(component, f"call {n}", errcode=2**40 if n == 3 else 0, rid="\x00" if n == 7 else "")
    assert written(component) == [f"call {n}" for n in range(9) if n not in (3, 7)]


@pytest.fixture
def away(component: ComponentApp) -> Any:
    """Nothing can be written to the call log, until it is called."""

    def refuse(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("INSERT INTO wechat_calls"):
            raise OSError("the database is away")

    event.listen(database.engine("tenant"), "before_cursor_execute", refuse)
    is_back = []

    def come_back() -> None:
        if not is_back:
            event.remove(database.engine("tenant"), "before_cursor_execute", refuse)
            is_back.append(True)

    yield come_back
    come_back()


def test_rows_wait_in_order_while_the_database_is_away(component: ComponentApp, away: Any) -> None:
    with call_log.grouped():
        for n in range(250):
            note(component, f"call {n}")
        away()
        assert written(component) == []
    assert written(component) == [f"call {n}" for n in range(250)]


def test_a_group_keeps_no_more_than_it_may_and_never_fails(
    component: ComponentApp, away: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call_log, "_KEPT", 100)
    with call_log.grouped():
        for n in range(250):
            note(component, f"call {n}")
    with call_log.grouped():
        for n in range(200):
            note(component, f"more {n}")
        away()
    assert written(component) == [f"more {n}" for n in range(100, 200)]
