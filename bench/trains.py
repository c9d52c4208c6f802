"""A release train over a whole fleet in the sandbox, from the first upload to the last release, and its pages.

The pages are measured meanwhile, in turns with those of a train of a hundred, whatever both are doing. The sandbox's
reviewer approves as soon as there is something to approve. `BENCH_TRAIN` is the size.
"""

from __future__ import annotations

import os
import statistics
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from bench.stage import Measured, seconds, summed_up
from bench.table import Figure
from saas import db as database
from saas.batches.models import BatchItem
from saas.journey.window import HttpWindow
from saas.releases.models import CodeState
from saas.sandbox.control import SandboxControl
from saas.seed import PASSWORD
from saas.trains.models import OpensAfter, TrainProgram, TrainStatus, TrainStep
from tests.demo.running import RunningDemo, beside
from tests.soak.fleet import Fleet

_SMALL, _SIZE = 100, 1000
_PER_PROGRAM = 1.2
"""Seconds that each mini program of a train may take on the whole, on a busy machine."""
_TIMES_THE_SMALL = 2.0
_OPTIONS: dict[str, Any] = {"description": "新版", "releases_itself": True, "opens_after": OpensAfter.SUBMITTED}


def measure(folder: Path, size: int = 0) -> Iterator[Figure | Measured]:
    size = size or int(os.environ.get("BENCH_TRAIN", _SIZE))
    environment = {"DAIBAN_WECHAT_CALLS_PER_SECOND": "100000", "DAIBAN_LOG_JSON": "true"}
    with (
        RunningDemo(folder / "trains", **environment) as demo, beside(demo), SandboxControl(demo.sandbox_url) as control
    ):  # fmt: skip
        control.set_scan_seconds(0)
        control.set_commit_seconds(0)
        with _reviewer(control):
            small = Fleet(demo, control, _SMALL, version="1.0.0")
            small_id = small.start_train(**_OPTIONS)
            _finish(small, small_id, _SMALL * _PER_PROGRAM + 240)
            large = Fleet(demo, control, size, version="2.0.0")
            begun = time.perf_counter()
            train_id = large.start_train(**_OPTIONS)
            with HttpWindow(demo.url) as window:
                window.open("/sign-in")
                window.press("登录", {"email": "alice@example.com", "password": PASSWORD})
                took = _watch(window, large, small_id, train_id, begun + size * _PER_PROGRAM + 240)
            whole = time.perf_counter() - begun
        wrong = _wrong(large, train_id, size)
    yield summed_up(f"a train of {size:,} from start to end, for each mini program", [whole / size] * size, whole)
    yield Figure("trains", f"rows of a train of {size:,} that are not as they should be", wrong, at_most=0)
    for page in took:
        few, many = (statistics.median(times) for times in took[page])
        what = f"{page} of a train of {size:,}, times that of one of {_SMALL}"
        yield Figure("trains", what, many / few, at_most=_TIMES_THE_SMALL, seconds=many)


@contextmanager
def _reviewer(control: SandboxControl) -> Iterator[None]:
    """Approves whatever is handed in."""
    over = threading.Event()
    desk = SandboxControl(control.base_url)

    def work() -> None:
        while not over.wait(1.0):
            for audit in desk.audits():
                if audit["status"] == 2:
                    desk.approve(audit["id"])

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(30)
        desk.close()


def _finish(fleet: Fleet, train_id: UUID, most: float) -> None:
    end = time.monotonic() + most
    while fleet.train(train_id).status != TrainStatus.DONE:
        assert time.monotonic() < end, f"the train never ended: {_states(fleet, train_id)}"
        time.sleep(1)


def _watch(
    window: HttpWindow, fleet: Fleet, small_id: UUID, train_id: UUID, end: float
) -> dict[str, tuple[list[float], list[float]]]:
    """Look at the pages of both trains until the larger one has ended."""
    middles = {one: _middle(fleet, one) for one in (small_id, train_id)}
    pages = {
        "page": "", "list of its mini programs": "/programs", "list from its middle on": "/programs?after={middle}",
    }  # fmt: skip
    took: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in pages}
    while fleet.train(train_id).status != TrainStatus.DONE:
        assert time.perf_counter() < end, f"the train never ended: {_states(fleet, train_id)}"
        for name, query in pages.items():
            for number, one in enumerate((small_id, train_id)):
                address = f"/p/{fleet.slug}/trains/{one}{query.format(middle=middles[one])}"
                took[name][number].append(seconds(lambda address=address: window.http.get(address).raise_for_status()))  # type: ignore[misc]
        time.sleep(1)
    return took


def _middle(fleet: Fleet, train_id: UUID) -> UUID:
    """The mini program in the middle of a train's list."""
    with database.tenant_session(fleet.provider_id) as db:
        ids = db.scalars(
            select(TrainProgram.id).where(TrainProgram.train_id == train_id).order_by(TrainProgram.id)
        ).all()
    return ids[len(ids) // 2]


def _states(fleet: Fleet, train_id: UUID) -> Counter[tuple[str, str]]:
    with database.tenant_session(fleet.provider_id) as db:
        rows = db.execute(
            select(TrainProgram.step, TrainProgram.state, func.count())
            .where(TrainProgram.train_id == train_id)
            .group_by(TrainProgram.step, TrainProgram.state)
        ).all()
    return Counter({(step, state): count for step, state, count in rows})


def _wrong(fleet: Fleet, train_id: UUID, size: int) -> int:
    """Mini programs that are not online with the train's version, or did a step more or less than once."""
    with database.tenant_session(fleet.provider_id) as db:
        right = db.scalar(
            select(func.count())
            .select_from(TrainProgram)
            .join(CodeState, CodeState.program_id == TrainProgram.program_id)
            .where(
                TrainProgram.train_id == train_id, TrainProgram.state == "done",
                CodeState.online_version == fleet.version,
            )
        )  # fmt: skip
        open_items = db.scalar(
            select(func.count())
            .select_from(TrainStep)
            .join(BatchItem, BatchItem.id == TrainStep.item_id)
            .where(TrainStep.train_id == train_id, BatchItem.status != "done")
        )
    return size - (right or 0) + (open_items or 0)
