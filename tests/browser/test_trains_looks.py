"""The pages of release trains: none yet, a new one, a draft, one on its way, its mini programs, what asks first; and
one that stopped, with the causes of its failures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert

from saas import clock
from saas.journey.main_job import Journey
from saas.releases.models import Template
from saas.seed import PASSWORD
from saas.tenants.access import Who
from saas.tenants.models import Role
from saas.trains import drafts, telling
from saas.trains.models import (
    Holds,
    ProgramState,
    StepStatus,
    StopReason,
    Train,
    TrainProgram,
    TrainStatus,
    TrainStep,
    TrainWave,
    WaveStatus,
)
from saas.trains.planning import Options, plan_train
from tests.browser.looking import WIDTHS, Looks
from tests.browser.test_fleet_desk_looks import yard  # noqa: F401
from tests.browser.test_looks import LANGUAGES, looks, walked  # noqa: F401
from tests.demo.running import RunningDemo
from tests.trains.conftest import Yard

Begin = Callable[..., Looks]
SLUG = "trains-looks"


@dataclass(frozen=True)
class Trains:
    """Addresses."""

    running: str
    draft: str
    program: str


@pytest.fixture(scope="module")
def trains(walked: Journey) -> Trains:  # noqa: F811
    """One that waits for somebody to release it, and one that nobody has started."""
    owner, planned = walked.owner, []
    for version in ("3.0.0", "3.1.0"):
        owner.open(f"{walked.house}trains/new?all=1")
        owner.press("排好批次，先核对", {"do-user_version": version, "do-description": "首页换新，点单更快"})
        planned.append(owner.address)
    owner.open(planned[0])
    owner.press("开始批量发布")
    owner.open(f"{planned[0]}/programs")
    return Trains(planned[0], planned[1], owner.read("//a[contains(@href, '/train-programs/')]", "href"))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", WIDTHS)
def test_trains(
    width: int, language: str, looks: Begin, walked: Journey, trains: Trains, demo: RunningDemo  # noqa: F811
) -> None:  # fmt: skip
    alice = looks(language, width, "alice@example.com", PASSWORD)
    alice.examine("trains-empty", f"{demo.url}/p/alice/trains")
    looking = looks(language, width, *walked.sign_in_of("owner"))
    for name, address in {
        "trains": f"{walked.house}trains", "train-new": f"{walked.house}trains/new?all=1",
        "train-draft": trains.draft, "train": trains.running, "train-programs": f"{trains.running}/programs",
        "train-program": trains.program, "train-cancel": f"{trains.running}/cancel",
        "train-undo": f"{trains.running}/undo", "train-roll-back": f"{trains.running}/roll-back",
    }.items():  # fmt: skip
        looking.examine(name, address)
    looking.window.open(f"{walked.house}trains/new?all=1")
    button = {"zh_CN": "排好批次，先核对", "en": "Arrange the waves and check them"}[language]
    looking.window.press(button, {"do-wave_size": "-5"}, status=422)
    looking.examine_here("train-new-wrong", [width])
    faults = [*alice.faults, *looking.faults]
    assert faults == [], "\n".join(faults)


CAUSES: list[dict[str, Any]] = [
    {"step": "upload", "errcode": 61003, "operation": "commit", "error": "component is not authorized by this account"},
    {"step": "upload", "error": "缺少变量或值不对：门店电话、营业时间"},
    {"step": "check", "error": "代码用到了没有权限的接口：wx.getLocation。请先申请，或声明这一版不使用它们。",
     "asked": {"repair": "privacy"}},
    {"step": "check", "error": "还没有读到服务类目，请先刷新状态", "asked": {"repair": "refresh"}},
    {"step": "submit", "errcode": 86002, "operation": "submitAudit", "error": "miniprogram have not completed init"},
    {"step": "audit", "error": "首页没有内容"},
    {"step": "release", "error": "微信多次没有响应，已停止重试；可以再试一次"},
]  # fmt: skip
"""What may go wrong, one of each class that looks different."""


@dataclass(frozen=True)
class Standing:
    """Ids of trains in the fleet of the reject desk's provider."""

    draft: UUID
    stopped: UUID
    canary: UUID


@pytest.fixture(scope="module")
def standing(yard: Yard) -> Standing:  # noqa: F811
    """A draft that sets off tomorrow night, and one that stopped: its rows are written as a train leaves them."""
    who = Who(yard.cast.alices, "Alice", None, role=Role.OWNER)
    ids = yard.programs(3, authorization="lost") + yard.programs(1, permission_sets=[17]) + yard.programs(40, "1.0.0")
    with yard.session() as db:
        template = db.get_one(Template, yard.template_id)
        template.ext_json = '{"ext": {"shop": "${shop}"}}'
        options = Options(
            user_version="2.2.0", description="首页换新，点单更快", canary_size=3, wave_percent=40, holds=Holds.CANARY
        )
        draft = plan_train(db, template, ids[:6], who=who, options=options)
        template.ext_json = "{}"
        drafts.look_again(db, draft, who=who)
        drafts.plan_start(db, draft, clock.now() + timedelta(hours=14), who=who)
        stopped = plan_train(db, template, ids[6:], who=who, options=options)
        db.flush()
        waves = _stop(db, stopped)
        template.ext_json = '{"ext": {"shop": "${shop}"}}'
    return Standing(draft.id, stopped.id, waves[0])


def _stop(db: Any, train: Train) -> list[UUID]:
    now = clock.now()
    train.status, train.started_at, train.counts_from = TrainStatus.STOPPED, now - timedelta(hours=3), now
    train.why, train.why_detail = StopReason.REJECTS, {"count": 6, "decided": 11, "at": now.isoformat()}
    waves = db.query(TrainWave).filter(TrainWave.train_id == train.id).order_by(TrainWave.number).all()
    for wave in waves[:2]:
        wave.status, wave.opened_at = WaveStatus.OPEN, now
    rows = db.query(TrainProgram).filter(TrainProgram.train_id == train.id, TrainProgram.wave_id.is_not(None))
    own, steps = {"provider_id": train.provider_id, "train_id": train.id, "tries": 1, "answered_at": now}, []
    for number, row in enumerate(rows.order_by(TrainProgram.id)):
        cause = CAUSES[number % len(CAUSES)] if number < 18 else None
        row.state = ProgramState.FAILED if cause else ProgramState.WAITING if number > 26 else ProgramState.DONE
        row.step = cause["step"] if cause else "upload" if number > 26 else "release"
        if cause:
            blank = {"errcode": None, "operation": "", "asked": {}}
            steps.append({**own, **blank, **cause, "train_program_id": row.id, "status": StepStatus.FAILED})
    db.execute(insert(TrainStep), steps)
    telling.tell(db, train)
    return [wave.id for wave in waves]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", WIDTHS)
def test_causes_and_gates(
    width: int, language: str, looks: Begin, standing: Standing, demo: RunningDemo  # noqa: F811
) -> None:  # fmt: skip
    looking, house = looks(language, width, "alice@example.com", PASSWORD), f"{demo.url}/p/{SLUG}"
    stopped = f"{house}/trains/{standing.stopped}"
    draft = f"{house}/trains/{standing.draft}"
    for name, address in {
        "train-stopped": stopped, "train-cause": f"{stopped}/programs?step=upload&errcode=61003&operation=commit",
        "train-skip": f"{stopped}/skip?step=upload&errcode=61003&operation=commit&error=",
        "train-settings": f"{stopped}/settings", "train-planned": draft, "train-start-time": f"{draft}/start-time",
        "train-canary": f"{draft}/canary", "train-values": f"{draft}/values", "trains-planned": f"{house}/trains",
        "train-let-on": f"{house}/train-waves/{standing.canary}/let-on",
        "train-repair": f"{house}/programs/selection?from=train&train={standing.stopped}&state=failed",
    }.items():  # fmt: skip
        looking.examine(name, address)
    assert looking.faults == [], "\n".join(looking.faults)
