"""A release train while everything under it dies and WeChat answers nonsense. For `make soak` only.

SOAK_PROGRAMS and SOAK_SEED choose another size and other dice, SOAK_PATIENCE=2 gives a busy machine twice the time.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any
from uuid import UUID

import click
import pytest
from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from saas import clock
from saas.batches.models import OPEN as ITEM_OPEN
from saas.batches.models import Batch, BatchItem, BatchStatus
from saas.components.models import Callback, CallbackStatus
from saas.errors import Conflict
from saas.journey.window import HttpWindow
from saas.programs.models import Program
from saas.queue import Job, JobStatus
from saas.releases.audits import RUNNING as AUDIT_RUNNING
from saas.releases.models import Audit, AuditStatus, Release, ReleaseStatus, Upload, UploadStatus
from saas.sandbox.control import SandboxControl
from saas.seed import PASSWORD
from saas.trains import steering
from saas.trains.access import load_train
from saas.trains.models import (
    OPEN,
    OpensAfter,
    ProgramState,
    StepStatus,
    TrainProgram,
    TrainStatus,
    TrainStep,
)
from tests.demo.running import RunningDemo, beside, until
from tests.soak.chaos import Chaos, Reviewers, Visitor
from tests.soak.fleet import Fleet
from tests.standing import wrong_stages

pytestmark = pytest.mark.soak

PROGRAMS = int(os.environ.get("SOAK_PROGRAMS", "300"))
SEED = int(os.environ.get("SOAK_SEED", "20261"))
VERSION = "6.0.0"
PATIENCE = float(os.environ.get("SOAK_PATIENCE", "1"))
CHAOS_SECONDS, CALM_SECONDS, REST_SECONDS = (PATIENCE * seconds for seconds in (480, 180, 120))
PAUSES = (8.0, 20.0)
_HASTE = 15.0
"""How much faster time goes: of what WeChat does not tell, people and programs hear only by asking, after a while."""
FATES = {
    "approve": 80, "delay approve": 8, "reject approve": 8, "reject reject": 4,
}  # fmt: skip
"""The reviewers' verdicts in a row, and how many of a hundred mini programs meet them."""
HOPELESS = "reject reject"
WECHATS = {
    AuditStatus.APPROVED: 0, AuditStatus.REJECTED: 1, AuditStatus.IN_REVIEW: 2, AuditStatus.UNDONE: 3,
    AuditStatus.DELAYED: 4,
}  # fmt: skip


@pytest.fixture
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    home = tmp_path_factory.mktemp("trains") / "home"
    with RunningDemo(home, DAIBAN_JOB_LEASE_SECONDS="4", DAIBAN_WECHAT_CALLS_PER_SECOND="1000") as running:
        yield running


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Say something to whoever waits for the test."""

    def say(text: str) -> None:
        with capsys.disabled():
            click.echo(text)

    return say


def test_a_train_ends_well_whatever_dies_and_whatever_wechat_answers(
    demo: RunningDemo, tell: Callable[[str], None]
) -> None:  # fmt: skip
    tell(f"\n{PROGRAMS} mini programs, seed {SEED}")
    dice = random.Random(SEED)
    with beside(demo), SandboxControl(demo.sandbox_url) as control, HttpWindow(demo.url) as window:
        control.set_scan_seconds(0.5)
        fleet = Fleet(demo, control, PROGRAMS, version=VERSION)
        fates = dict(zip(fleet.appids, dice.choices(list(FATES), list(FATES.values()), k=PROGRAMS), strict=True))
        window.open("/sign-in")
        window.press("登录", {"email": "alice@example.com", "password": PASSWORD})
        train_id = fleet.start_train(
            description="新版",
            canary_size=PROGRAMS // 30,
            wave_percent=50,
            opens_after=OpensAfter.SUBMITTED,
            releases_itself=True,
            stop_failures=10,
        )
        begun = time.monotonic()
        person = Person(fleet, fates, train_id, dice)
        reviewers = Reviewers(demo, fleet.component_appid, lambda appid: fates.get(appid, "approve").split(), seed=SEED)
        with reviewers, Visitor(window.http, f"/p/{fleet.slug}/trains/{train_id}") as visitor:
            with Chaos(demo, fleet, seed=SEED, pauses=PAUSES) as chaos:
                person.work(CHAOS_SECONDS)
            tell(f"chaos {time.monotonic() - begun:.0f} s: killed {dict(chaos.kills)}, spoiled {dict(chaos.faults)}")
            tell(f"reviewers {dict(reviewers.told)}")
            tell(f"the page answered {dict(visitor.answers)}; {dict(person.states())}")
            person.work(CALM_SECONDS)
        tell(f"train over after {time.monotonic() - begun:.0f} s; steered {dict(person.steered)}")
        assert person.is_content(), person.states()
        stuck: dict[str, list[str]] = {}
        try:
            until(lambda: _open_rows(fleet, stuck) == {}, REST_SECONDS, "the end of all work")
        except AssertionError:
            raise AssertionError(f"stuck: {stuck}") from None
        tell(f"calm after {time.monotonic() - begun:.0f} s")
        window.open(f"/p/{fleet.slug}/trains/{train_id}")
        assert _wrong(fleet, control, fates) == []
        assert wrong_stages() == []


class Person:
    """Who has started the train looks at it now and then: lets it go on when it stopped, retries what failed, and skips
    what the reviewers will not have."""

    def __init__(self, fleet: Fleet, fates: dict[str, str], train_id: UUID, dice: random.Random) -> None:
        self._fleet, self._fates, self._train_id, self._dice = fleet, fates, train_id, dice
        self.steered: Counter[str] = Counter()

    def work(self, seconds: float) -> None:
        """Until the train is where it should be, or the time is over."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self.is_content():
            status = self._fleet.train(self._train_id).status
            if status in (TrainStatus.STOPPED, TrainStatus.PAUSED):
                self._steer(steering.resume)
            elif status == TrainStatus.RUNNING and self._dice.random() < 0.03:
                self._steer(steering.pause)
            elif status == TrainStatus.DONE:
                self._skip_hopeless()
                if not self.is_content():
                    self._steer(steering.retry_failed)
            time.sleep(2)
            self._fleet.control.move_clock(_HASTE * 2)

    def is_content(self) -> bool:
        """Everything is released, but for what no reviewer wants."""
        if self._fleet.train(self._train_id).status != TrainStatus.DONE:
            return False
        right = {appid: "skipped" if fate == HOPELESS else "done" for appid, fate in self._fates.items()}
        return {row.appid: row.state for row in self._rows()} == right

    def states(self) -> Counter[str]:
        return Counter(f"{row.step} {row.state}" for row in self._rows())

    def _steer(self, service: Callable[..., Any]) -> None:
        with suppress(Conflict):  # it has changed since she looked
            self._fleet.steer(service, self._train_id)
            self.steered[service.__name__] += 1

    def _skip_hopeless(self) -> None:
        """A retry by hand would only have them rejected once more."""
        audits = Counter(
            audit["account"] for audit in self._fleet.control.audits(component_appid=self._fleet.component_appid)
        )
        hopeless = {appid for appid, fate in self._fates.items() if fate == HOPELESS and audits[appid] >= 2}

        def skip(db: Session) -> int:
            row = TrainProgram
            query = select(row).join(Program, Program.id == row.program_id)
            query = query.where(
                row.train_id == self._train_id, row.state == ProgramState.FAILED, Program.appid.in_(hopeless)
            )
            places = list(db.scalars(query))
            for place in places:
                steering.skip(db, load_train(db, self._train_id), place, who=self._fleet.who)
            return len(places)

        self.steered["skip"] += self._fleet.within(skip)

    def _rows(self) -> list[Any]:
        row = TrainProgram
        query = select(Program.appid, row.step, row.state).join(Program, Program.id == row.program_id)
        return self._fleet.within(lambda db: list(db.execute(query.where(row.train_id == self._train_id))))


def _open_rows(fleet: Fleet, stuck: dict[str, list[str]]) -> dict[str, list[str]]:
    """What is not at its end, by table; empty when nothing is under way any more. Also left in `stuck`."""
    due = and_(Job.status == JobStatus.QUEUED, Job.run_at < clock.now())
    kinds = {
        "jobs": (Job.name, Job.provider_id == fleet.provider_id, or_(Job.status == JobStatus.RUNNING, due)),
        "failed jobs": (Job.error, Job.provider_id == fleet.provider_id, Job.status == JobStatus.FAILED),
        "batches": (Batch.step, Batch.status.in_((BatchStatus.RUNNING, BatchStatus.PAUSED))),
        "items": (BatchItem.step, BatchItem.status.in_(ITEM_OPEN)),
        "steps": (TrainStep.step, TrainStep.status.in_((StepStatus.RUNNING, StepStatus.HELD))),
        "places": (TrainProgram.step, TrainProgram.state.in_(OPEN)),
        "uploads": (
            Upload.status, Upload.status.in_((UploadStatus.QUEUED, UploadStatus.SENDING, UploadStatus.SCANNING)),
        ),
        "audits": (Audit.status, Audit.status.in_(AUDIT_RUNNING)),
        "releases": (Release.status, Release.status.in_((ReleaseStatus.QUEUED, ReleaseStatus.SENDING))),
        "callbacks": (Callback.kind, or_(Callback.status != CallbackStatus.DONE, Callback.error != "")),
    }  # fmt: skip

    def look(db: Session) -> dict[str, list[str]]:
        found = {}
        for name, (what, *where) in kinds.items():
            rows = db.execute(select(what, func.count()).where(*where).group_by(what)).all()
            if rows:
                found[name] = [f"{count} × {label}" for label, count in rows]
        return found

    stuck.clear()
    stuck.update(fleet.within(look))
    return stuck


def _wrong(fleet: Fleet, control: SandboxControl, fates: dict[str, str]) -> list[str]:
    """Where a mini program is not as its reviewers left it, at WeChat or here."""
    counts = control.all_counts(component_appid=fleet.component_appid)["by_appid"]
    releases: dict[str, list[dict[str, Any]]] = {appid: [] for appid in fates}
    for one in control.releases(fleet.component_appid):
        releases.setdefault(one["appid"], []).append(one)
    theirs = {
        (audit["account"], str(audit["id"]), audit["status"])
        for audit in control.audits(component_appid=fleet.component_appid) if audit["account"] in fates
    }  # fmt: skip
    query = select(Program.appid, Audit.auditid, Audit.status).join(Audit, Audit.program_id == Program.id)
    query = query.where(Program.id.in_(fleet.program_ids), Audit.status != AuditStatus.FAILED)
    ours = [
        (appid, auditid, WECHATS[AuditStatus(status)])
        for appid, auditid, status in fleet.within(lambda db: list(db.execute(query)))
    ]
    online = select(Program.appid, Program.online_version).where(Program.id.in_(fleet.program_ids))
    shown = dict(fleet.within(lambda db: [tuple(row) for row in db.execute(online)]))
    wrong = [f"audit {one} is only {'here' if one in ours else 'at WeChat'}" for one in theirs ^ set(ours)]
    wrong += [f"audit {one} is here {n} times" for one, n in Counter(ours).items() if n > 1]
    for appid, fate in fates.items():
        submitted, released = len(fate.replace("delay ", "").split()), int(fate != HOPELESS)
        called = counts.get(appid, {})
        if called.get("submitAudit") != submitted:
            wrong.append(f"{appid} ({fate}) was submitted {called.get('submitAudit')} times")
        if called.get("release", 0) != released or len(releases[appid]) != released:
            wrong.append(f"{appid} ({fate}) was released {called.get('release', 0)} times")
        if any(one["status"] != 0 or one["user_version"] != VERSION for one in releases[appid]):
            wrong.append(f"{appid} released {releases[appid]}")
        if shown[appid] != (VERSION if released else ""):
            wrong.append(f"{appid} ({fate}) shows {shown[appid]!r}")
    return wrong
