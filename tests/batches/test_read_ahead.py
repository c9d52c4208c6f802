"""What a pump reads ahead for its items: found in their sessions without a question, unless it has grown old."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import UUID

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from saas.batches import pump
from saas.batches.models import BatchItem
from saas.batches.starting import Subject
from saas.components.access import load_component
from saas.components.models import ComponentApp
from saas.db import engine, new_id, settle, tenant_session
from saas.programs.access import load_program, read_ahead
from saas.programs.models import Program
from tests.batches.conftest import Desk

Known = Callable[..., str]
Run = Callable[..., list[str]]


@pytest.fixture
def programs(desk: Desk) -> list[UUID]:
    with tenant_session(desk.cast.alices) as db:
        component = ComponentApp(provider_id=desk.cast.alices, key="alicekey", name="爱丽平台", appid="wxalice")
        component.secret = "s" * 32
        db.add(component)
        db.flush()
        own = {"provider_id": desk.cast.alices, "component_id": component.id}
        rows = [Program(**own, appid=f"wx{number}", name=f"{number}号店") for number in range(3)]
        db.add_all(rows)
        db.flush()
        return [row.id for row in rows]


@pytest.fixture
def asked() -> Iterator[list[str]]:
    """What threads ask about mini programs and component apps."""
    found: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        found.extend(table for table in ("FROM programs", "FROM component_apps") if table in statement)

    event.listen(engine("tenant"), "before_cursor_execute", note)
    yield found
    event.remove(engine("tenant"), "before_cursor_execute", note)


def look(db: Session, item: BatchItem) -> dict[str, str]:
    program = load_program(db, item.subject_id)
    component = load_component(db, program.component_id)
    settle(db)
    return {"name": program.name, "app": component.appid, "secret": component.secret[:1]}


def test_steps_ask_for_nothing_that_was_read_for_them(
    desk: Desk, known: Known, run_jobs: Run, programs: list[UUID], asked: list[str]
) -> None:
    batch = desk.start_for(known(look), [Subject(one, "") for one in programs])
    run_jobs()
    assert asked == ["FROM programs", "FROM component_apps"]
    assert [item.result for item in desk.items(batch)] == [
        {"name": f"{number}号店", "app": "wxalice", "secret": "s"} for number in range(3)
    ]


def test_what_a_step_changes_is_kept(desk: Desk, known: Known, run_jobs: Run, programs: list[UUID]) -> None:
    def rename(db: Session, item: BatchItem) -> None:
        load_program(db, item.subject_id).name += "（新）"

    desk.start_for(known(rename), [Subject(one, "") for one in programs])
    run_jobs()
    with tenant_session(desk.cast.alices) as db:
        assert [load_program(db, one).name for one in programs] == [f"{number}号店（新）" for number in range(3)]


def test_what_has_grown_old_is_read_anew(
    desk: Desk, known: Known, run_jobs: Run, programs: list[UUID], asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pump, "_FRESH", 0.0)
    batch = desk.start_for(known(look), [Subject(one, "") for one in programs])
    run_jobs()
    assert len(asked) == 2 + 2 * len(programs)
    assert desk.states(batch) == ["done"] * 3


def test_each_has_rows_of_its_own_and_others_have_none(desk: Desk, programs: list[UUID]) -> None:
    with tenant_session(desk.cast.alices) as db:
        found = read_ahead(db, [*programs, new_id()])
        assert not list(db)
    assert set(found) == set(programs)
    components = [component for _, component in found.values()]
    assert len({id(one) for one in components}) == len({one.id for one in components}) + 2
    for program, component in found.values():
        with tenant_session(desk.cast.alices) as db:
            db.add_all([program, component])
            component.name = f"{component.name}{program.name}"
    with tenant_session(desk.cast.charlies) as db:
        assert read_ahead(db, programs) == {}
