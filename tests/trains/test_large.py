"""A train of 10,000 mini programs: passes and pages cost the same number of queries as for a hundred, and stay fast."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Integer, Text, case, cast, event, func, insert, literal, select

from saas import clock
from saas.db import engine, new_id
from saas.embedded import EmbeddedPostgres
from saas.programs.models import Program
from saas.releases.models import Audit, AuditStatus, CodeState
from saas.trains import progress, returning, steering, values
from saas.trains.access import load_train
from saas.trains.causes import Cause, Remedy
from saas.trains.models import (
    Holds,
    ProgramState,
    StepStatus,
    Train,
    TrainProgram,
    TrainStatus,
    TrainStep,
    TrainStepName,
    TrainWave,
    WaveStatus,
)
from saas.trains.progress import Places
from tests.trains.conftest import Yard

MANY, FEW, WAVES = 10_000, 100, 10
LACKS = Cause(TrainStepName.CHECK, None, "", "缺少变量或值不对")
BAD_JSON = Cause(TrainStepName.UPLOAD, 85046, "commit", "")
TABLES = ("train_steps", "train_programs", "train_waves", "trains", "batch_items", "batches", "audits", "code_states",
          "program_grams", "program_steps", "programs", "jobs")  # fmt: skip
S, P = TrainStepName, ProgramState


class Fleet:
    """A train on its way as its rows tell, written by a statement for each table. By the last digit of their number:

    0 failed at the upload for an errcode, 1 at the check for words of its own, 2 and 3 wait for their wave, 4 to 6 are
    in audit, 7 to 9 may be submitted.
    """

    def __init__(self, yard: Yard, count: int) -> None:
        self.yard, now = yard, clock.now()
        own: Any = {"provider_id": yard.cast.alices}
        number = func.generate_series(0, count - 1).table_valued("number").render_derived()
        n, digit = number.c.number, number.c.number % 10
        with yard.session() as db:
            self.train = Train(
                **own, id=new_id(), component_id=yard.component_id, template_row_id=yard.template_id, template_id="7",
                user_version="2.0.0", description="新版", status=TrainStatus.RUNNING, holds=Holds.CANARY, total=count,
                started_at=now, counts_from=now, stop_percent=90, stop_failures=None,
            )  # fmt: skip
            db.add(self.train)
            db.flush()
            own |= {"train_id": self.train.id}
            for place in range(WAVES):
                db.add(TrainWave(**own, number=place, is_canary=not place, size=count // WAVES, status=WaveStatus.OPEN,
                                 opened_at=now))  # fmt: skip
            db.flush()
            mark = f"{self.train.id.hex[-6:]}"
            appid = func.concat("wx", mark, func.lpad(cast(n, Text), 10, "0"))

            def write(model: Any, columns: dict[str, Any], source: Any) -> None:
                given = {
                    "id": func.gen_random_uuid(),
                    "provider_id": literal(yard.cast.alices),
                    "created_at": literal(now),
                }
                given |= columns
                db.execute(insert(model).from_select(list(given), source(*given.values())))

            def of_numbers(*columns: Any) -> Any:
                return select(*columns).select_from(number)

            named = func.concat("小程序", cast(n, Text))
            program = {"component_id": literal(yard.component_id), "appid": appid, "name": named,
                       "authorized_at": literal(now)}  # fmt: skip
            write(Program, program, of_numbers)
            mine = Program.appid.startswith(f"wx{mark}")
            write(CodeState, {"program_id": Program.id}, lambda *columns: select(*columns).where(mine))
            audit = {"program_id": Program.id, "auditid": Program.appid, "user_version": literal("2.0.0"),
                     "status": literal(AuditStatus.IN_REVIEW.value), "submitted_at": literal(now)}  # fmt: skip
            tail = cast(func.right(Program.appid, 10), Integer)
            write(Audit, audit, lambda *columns: select(*columns).where(mine, (tail % 10).between(4, 6)))
            digit = tail % 10
            at = case((digit == 0, S.UPLOAD.value), (digit == 1, S.CHECK.value), (digit < 4, S.UPLOAD.value),
                      (digit < 7, S.AUDIT.value), else_=S.SUBMIT.value)  # fmt: skip
            state = case((digit < 2, P.FAILED.value), (digit < 4, P.WAITING.value), (digit < 7, P.RUNNING.value),
                         else_=P.READY.value)  # fmt: skip
            wave = TrainWave.number == func.least(tail * WAVES // count, WAVES - 1)
            place = {"train_id": literal(self.train.id), "program_id": Program.id, "program_name": Program.name,
                     "wave_id": TrainWave.id, "step": at, "state": state, "audit_id": Audit.id}  # fmt: skip
            write(TrainProgram, place, lambda *columns: (
                select(*columns).join(TrainWave, (TrainWave.train_id == self.train.id) & wave)
                .join(Audit, Audit.program_id == Program.id, isouter=True).where(mine).order_by(tail)
            ))  # fmt: skip
            row = TrainProgram
            for step, states in ((S.UPLOAD, (P.FAILED,)), (S.CHECK, (P.FAILED,)), (S.AUDIT, (P.RUNNING,))):
                failed = P.FAILED in states
                upload = failed and step is S.UPLOAD
                done = {"train_id": literal(self.train.id), "train_program_id": row.id, "step": literal(step.value),
                        "status": literal((StepStatus.FAILED if failed else StepStatus.RUNNING).value),
                        "answered_at": literal(now), "operation": literal("commit" if upload else ""),
                        "errcode": literal(85046 if upload else None, Integer),
                        "error": func.concat(f"{LACKS.error}：", row.program_name) if step is S.CHECK else literal(""),
                        }  # fmt: skip
                here = (row.train_id == self.train.id, row.step == step, row.state.in_(states))
                write(TrainStep, done, lambda *columns: select(*columns).where(*here))  # noqa: B023


@pytest.fixture
def fleet(yard: Yard, postgres: EmbeddedPostgres) -> Iterator[Callable[[int], Fleet]]:
    def make(count: int) -> Fleet:
        made = Fleet(yard, count)
        with postgres.superuser("daiban") as connection:  # as autovacuum would after so many rows
            connection.execute("analyze " + ", ".join(TABLES))  # type: ignore[arg-type]
        return made

    yield make
    with postgres.superuser("daiban") as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute(";".join(f"delete from {table}" for table in TABLES))  # type: ignore[arg-type]


def measured(work: Callable[[], Any]) -> tuple[int, float]:
    """How many statements it sends, and how many seconds it takes."""
    statements: list[str] = []
    listen = (engine("tenant"), "before_cursor_execute", lambda *given: statements.append(given[2]))
    event.listen(*listen)
    begun = time.monotonic()
    try:
        work()
    finally:
        event.remove(*listen)
    return len(statements), time.monotonic() - begun


READS: dict[str, Callable[[Any, Train], Any]] = {
    "page": progress.standing,
    "left out": progress.left_out,
    "programs": progress.list_places,
    "of a state": lambda db, train: progress.list_places(db, train, Places(P.FAILED)),
    "of a cause": lambda db, train: progress.list_places(db, train, Places(cause=LACKS)),
    "by name": lambda db, train: progress.list_places(db, train, Places(text="程序1")),
    "chosen": lambda db, train: progress.programs_at(db, train, Places(cause=LACKS), 20_000),
    "undo": steering.undoable,
    "roll back": returning.returnable,
    "values": values.lacking,
    "list": lambda db, train: progress.count_states(db, [train.id]),
}


def reads(fleet: Fleet) -> dict[str, tuple[int, float]]:
    """Everything that the pages of a train read."""
    found = {}
    for name, read in READS.items():
        with fleet.yard.session() as db:
            train = load_train(db, fleet.train.id)
            found[name] = measured(lambda: read(db, train))  # noqa: B023
    return found


def test_pages_and_passes_cost_as_many_queries_for_ten_thousand_as_for_a_hundred(
    yard: Yard, fleet: Callable[[int], Fleet]
) -> None:  # fmt: skip
    few, many = fleet(FEW), fleet(MANY)
    small, large = reads(few), reads(many)
    assert {name: count for name, (count, _) in small.items()} == {name: count for name, (count, _) in large.items()}
    with yard.session() as db:
        groups = progress.standing(db, load_train(db, many.train.id)).groups
    assert [(one.count, one.remedy) for one in groups] == [(MANY // 10, Remedy.VALUES)] * 2
    passes = [[measured(lambda: yard.conduct(one.train)) for _ in range(3)] for one in (few, many)]  # noqa: B023
    asked_for_room = 6  # the rest of the large one still waits for it
    for ours, theirs in zip(passes[1], passes[0], strict=True):
        assert ours[0] <= theirs[0] + asked_for_room, passes
    assert len(yard.items(many.train, "submit")) == 500


def test_steering_ten_thousand_takes_no_query_for_each(yard: Yard, fleet: Callable[[int], Fleet]) -> None:
    many = fleet(MANY)
    steered: list[tuple[Callable[..., Any], dict[str, Any]]] = [
        (steering.pause, {}), (steering.resume, {}), (steering.retry_failed, {"cause": LACKS}),
        (steering.skip_failed, {"cause": BAD_JSON}), (steering.undo_pending, {}), (steering.cancel, {}),
    ]  # fmt: skip
    for service, given in steered:
        count, _ = measured(lambda: yard.steer(service, many.train, **given))  # noqa: B023
        assert count < 60, (service, count)
