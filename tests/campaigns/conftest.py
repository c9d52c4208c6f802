"""Alice's mini programs, and plans for them; WeChat is asked nothing: the step that is planned changes tags."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from saas import clock
from saas.batches.models import Batch
from saas.campaigns import starting
from saas.campaigns.access import load_campaign
from saas.campaigns.models import Campaign, CampaignRun, Repeat
from saas.campaigns.planning import Work, plan_campaign
from saas.campaigns.timing import Timing
from saas.components.models import ComponentApp
from saas.db import platform_session, tenant_session
from saas.programs import editing
from saas.programs.access import load_program
from saas.programs.listing import ProgramFilter
from saas.programs.models import Program
from saas.programs.suiting import Suits
from saas.tenants.models import Activity
from tests.cast import Cast

ZONE = "Asia/Shanghai"
TAGS = "saas.programs.editing.tags_step"


@dataclass
class Planner:
    """What the tests do, each step in a transaction of its own as a request or a job would."""

    cast: Cast
    move: Callable[[float], None]
    run_jobs: Callable[..., list[str]]
    component_id: UUID
    made: int = 0
    programs: list[UUID] = field(default_factory=list)

    def add(self, *names: str, tag: str = "", appid: bool = True) -> list[UUID]:
        with tenant_session(self.cast.alices) as db:
            ids = []
            for name in names:
                self.made += 1
                row = Program(
                    provider_id=self.cast.alices, component_id=self.component_id, name=name,
                    appid=f"wx{self.made:016x}" if appid else "",
                )  # fmt: skip
                db.add(row)
                db.flush()
                if tag:
                    editing.change_tags(db, row, add=[tag], remove=[], who=self.cast.who["alice"])
                ids.append(row.id)
        self.programs += ids
        return ids

    def tag(self, program_id: UUID, tag: str) -> None:
        with tenant_session(self.cast.alices) as db:
            row = load_program(db, program_id)
            editing.change_tags(db, row, add=[tag], remove=[], who=self.cast.who["alice"])

    def plan(
        self, whom: ProgramFilter | list[UUID], *, hours: float = 1, repeat: Repeat = Repeat.ONCE, days: int = 0,
        by: str = "alice", suits: Suits = Suits.ANY, step: str = TAGS, title: str = "", **params: Any,
    ) -> UUID:  # fmt: skip
        """So many hours from now; one that repeats does so for so many days more."""
        local = (clock.now() + timedelta(hours=hours)).astimezone(ZoneInfo(ZONE)) + timedelta(seconds=59)
        until = local.date() + timedelta(days=days) if repeat is not Repeat.ONCE else None
        timing = Timing(local.date(), time(local.hour, local.minute), repeat, until)
        work = Work("tags", step, params or {"add": ["计划"]}, suits)
        with tenant_session(self.cast.alices) as db:
            return plan_campaign(db, work, whom, timing, who=self.cast.who[by], title=title).id

    def wait(self, hours: float = 1.1) -> None:
        """Let time pass, with the cron and the workers at the end of it."""
        self.move(hours * 3600)
        self.look()
        self.run_jobs()

    def look(self) -> int:
        with platform_session("the cron") as db:
            return starting.look(db)

    def do(self, service: Callable[..., Any], campaign_id: UUID, *args: Any, by: str = "alice", **options: Any) -> Any:
        with tenant_session(self.cast.alices) as db:
            return service(db, load_campaign(db, campaign_id), *args, who=self.cast.who[by], **options)

    def campaign(self, campaign_id: UUID) -> Campaign:
        with tenant_session(self.cast.alices) as db:
            return load_campaign(db, campaign_id)

    def runs(self, campaign_id: UUID) -> list[CampaignRun]:
        with tenant_session(self.cast.alices) as db:
            query = select(CampaignRun).where(CampaignRun.campaign_id == campaign_id).order_by(CampaignRun.id)
            return list(db.scalars(query))

    def batches(self) -> list[Batch]:
        with tenant_session(self.cast.alices) as db:
            return list(db.scalars(select(Batch).order_by(Batch.id)))

    def told(self) -> list[str]:
        """What the activity log says of campaigns, in order."""
        with tenant_session(self.cast.alices) as db:
            query = select(Activity.verb).where(Activity.verb.startswith("campaign.")).order_by(Activity.id)
            return list(db.scalars(query))


@pytest.fixture
def planner(cast: Cast, move_clock: Callable[[float], None], run_jobs: Callable[..., list[str]]) -> Planner:
    with tenant_session(cast.alices) as db:
        component = ComponentApp(provider_id=cast.alices, key="alicekey", name="爱丽平台", appid="wx8a2b1c3d4e5f6071")
        db.add(component)
        db.flush()
        return Planner(cast, move_clock, run_jobs, component.id)


def utc(year: int, month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


def on(year: int, month: int, day: int) -> date:
    return date(year, month, day)
