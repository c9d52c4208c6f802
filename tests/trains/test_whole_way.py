"""A train against the sandbox: from a template to online and back; and with its workers killed on the way."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from saas import clock
from saas.components.access import load_component
from saas.programs import authorization
from saas.programs.models import Program
from saas.releases import audits
from saas.releases.models import Audit, CodeState, Template
from saas.trains import steering
from saas.trains.access import load_train
from saas.trains.models import OpensAfter, Train, TrainProgram, TrainStatus
from saas.trains.planning import Options, plan_train
from saas.wx.events import Authorized
from tests.releases.conftest import Desk, control, desk, sandbox  # noqa: F401 - fixtures
from tests.releases.test_killed_worker import Workers


class Fleet:
    """Some mini programs of the desk's component app, and a train for them."""

    def __init__(self, desk: Desk, count: int) -> None:  # noqa: F811
        self.desk = desk
        known = {desk.program.appid}
        for account in desk.control.accounts():
            if len(known) == count:
                break
            if account["appid"] not in known:
                self._authorize(account["appid"])
                known.add(account["appid"])
        desk.run_jobs(wait=60)
        with desk.session() as db:
            rows = db.query(Program).filter(Program.appid.in_(known)).order_by(Program.id).all()
        self.ids, self.appids = [row.id for row in rows], [row.appid for row in rows]

    def _authorize(self, appid: str) -> None:
        code = self.desk.control.grant(self.desk.component.appid, appid, push=False)
        with self.desk.session() as db:
            at = datetime.fromtimestamp(int(clock.now().timestamp()), UTC)
            component = load_component(db, self.desk.component.id)
            authorization.on_authorized(db, component, Authorized("authorized", {}, at, appid, code, ""))

    def train(self, template: Template, **options: Any) -> Train:
        with self.desk.session() as db:
            row = db.get_one(Template, template.id)
            train = plan_train(db, row, self.ids, who=self.desk.alice, options=Options(description="新版", **options))
            steering.start(db, train, who=self.desk.alice)
            return train

    def approve_all(self) -> None:
        """The reviewers decide, and we look as an event would have us look."""
        for audit in self.desk.control.audits():
            if audit["status"] == 2:
                self.desk.control.approve(audit["id"], push=False)
        with self.desk.session() as db:
            for row in db.query(Audit).filter(Audit.status.in_(audits.OPEN)).all():
                audits.read_audit(db, row)

    def states(self, train: Train) -> list[tuple[str, str]]:
        with self.desk.session() as db:
            rows = db.query(TrainProgram).filter(TrainProgram.train_id == train.id)
            return [(row.step, row.state) for row in rows.order_by(TrainProgram.id)]

    def status(self, train: Train) -> str:
        with self.desk.session() as db:
            return load_train(db, train.id).status

    def online(self) -> set[str]:
        with self.desk.session() as db:
            return {row.online_version for row in db.query(CodeState)}

    def counts(self, operation: str) -> list[int]:
        return [self.desk.control.counts(appid=appid).get(operation, 0) for appid in self.appids]


def run(fleet: Fleet, wait: float = 60) -> None:
    """As the workers would, with the reviewers at their desk."""
    for _ in range(6):
        fleet.desk.run_jobs(wait=wait, limit=2000)
        fleet.approve_all()


def test_a_version_goes_online_everywhere_and_back_again(desk: Desk) -> None:  # noqa: F811
    fleet = Fleet(desk, 3)
    for version in ("1.0.0", "1.1.0"):
        train = fleet.train(
            desk.template(version), canary_size=1, releases_itself=True, opens_after=OpensAfter.SUBMITTED
        )
        run(fleet)
        assert fleet.status(train) == TrainStatus.DONE, fleet.states(train)
        assert fleet.online() == {version}
    assert fleet.counts("submitAudit") == fleet.counts("release") == [2, 2, 2]
    with desk.session() as db:
        asked = steering.roll_back(db, load_train(db, train.id), who=desk.alice)
    assert asked.count == 3
    run(fleet, wait=30)
    assert fleet.online() == {"1.0.0"}
    assert {state for _, state in fleet.states(train)} == {"rolled_back"}


@pytest.fixture
def workers(desk: Desk, home: Path) -> Iterator[Workers]:  # noqa: F811
    workers = Workers(home)
    yield workers
    workers.stop()


@pytest.mark.slow
def test_workers_killed_again_and_again_submit_and_release_everything_once(
    desk: Desk, workers: Workers, move_clock: Callable[[float], None]  # noqa: F811
) -> None:  # fmt: skip
    fleet = Fleet(desk, 3)
    train = fleet.train(desk.template(), releases_itself=True)
    moment = threading.Event()

    def goes_on(condition: Callable[[], bool]) -> Callable[[], bool]:
        def look() -> bool:
            move_clock(1)
            fleet.approve_all()
            return condition()

        return look

    for operation in ("commit", "submitAudit", "release"):
        desk.control.slow_next(operation, 1.0)
        workers.start()
        workers.until(goes_on(lambda: sum(fleet.counts(operation)) > 0))  # noqa: B023
        moment.wait(0.3)
        workers.kill()
    workers.start()
    workers.until(goes_on(lambda: fleet.status(train) == TrainStatus.DONE))
    assert fleet.states(train) == [("release", "done")] * 3
    assert fleet.counts("submitAudit") == fleet.counts("release") == [1, 1, 1]
    assert fleet.online() == {"1.0.0"}
