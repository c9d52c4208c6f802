"""The page of budgets, thirty days of calls on both pages that show them, and who has no chance left before a start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import delete

from saas import clock
from saas.components import quotas
from saas.components.access import load_component
from saas.components.models import Budget, ComponentCallDay, ProgramCallDay, QuotaDay
from saas.db import new_id
from saas.programs import polling
from saas.programs.access import load_program
from saas.programs.polling_models import Kind
from saas.programs.rhythms import Rhythm, Standing
from saas.releases.models import Template
from saas.seed import PASSWORD
from saas.tenants.access import Who
from saas.tenants.models import Role
from saas.trains.planning import Options, plan_train
from saas.wx.limits import BY_NAME, ZONE
from tests.browser.looking import WIDTHS, Looks
from tests.browser.test_fleet_desk_looks import yard  # noqa: F401
from tests.browser.test_looks import LANGUAGES, looks  # noqa: F401
from tests.demo.running import RunningDemo
from tests.trains.conftest import Yard

Begin = Callable[..., Looks]
SLUG = "budgets-looks"


@dataclass(frozen=True)
class Counted:
    component: UUID
    program: UUID
    ids: list[UUID]


@pytest.fixture(scope="module")
def counted(yard: Yard) -> Counted:  # noqa: F811
    """A month in which more is used than there is, a train that needs more, and a year of history."""
    ids = yard.programs(12)
    today = clock.now().astimezone(ZONE).date()
    with yard.session() as db:
        own = {"provider_id": yard.cast.alices, "component_id": yard.component_id}
        db.execute(delete(QuotaDay))
        component, program = load_component(db, yard.component_id), load_program(db, ids[0])
        for ago in range(30):
            day = today - timedelta(days=ago)
            counts = {"day": day, "calls": 900 + 40 * (ago % 7), "failed": 3 * ago, "polling": 300, "upkeep": 260}
            operations = {"getVersionInfo": 200, "getAuditStatus": 90, "commit": 300, "getAuthorizerAccessToken": 200}
            db.add(ComponentCallDay(**own, **counts, operations=operations, programs=70))
            few = {"day": day, "calls": 9 + ago % 4, "failed": ago % 2, "polling": 3, "upkeep": 2}
            db.add(ProgramCallDay(**own, **few, operations=operations, appid=program.appid))
        for months in range(1, 13):
            day = today.replace(day=1) - timedelta(days=31 * months - 3)
            db.add(QuotaDay(
                **own, day=day, audit_rest=120 + 9 * months, audit_limit=500, read_at=clock.now() - timedelta(days=31),
            ))  # fmt: skip
        db.add(QuotaDay(**own, day=today.replace(day=1), audit_rest=460, audit_limit=500, read_at=clock.now()))
        quotas.note_quota(db, component, {"rest": 60, "limit": 500, "speedup_rest": 2, "speedup_limit": 10})
        db.add(Budget(
            **own, name="speedup_audit_month", used=8, told=10,
            starts_on=BY_NAME["speedup_audit_month"].period.start(clock.now()),
        ))  # fmt: skip
        for number, program_id in enumerate(ids[:8]):
            name = ("undo_audit_day", "signature_month", "avatar_year")[number % 3]
            starts_on = BY_NAME[name].period.start(clock.now())
            appid = load_program(db, program_id).appid
            db.add(Budget(id=new_id(), **own, owner=appid, name=name, used=5, told=5, starts_on=starts_on))
        now = clock.now()
        polling.expect(db, polling.of_program(Kind.AUDIT, program, new_id()), Standing(Rhythm.AUDIT, now))
        polling.expect(db, polling.of_program(Kind.CODE, program), Standing(Rhythm.CODE, now, read_at=now))
        who = Who(yard.cast.alices, "Alice", None, role=Role.OWNER)
        template = db.get_one(Template, yard.template_id)
        plan_train(db, template, yard.programs(90), who=who, options=Options(user_version="2.4.0", description="换新"))
    return Counted(yard.component_id, ids[0], ids)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", WIDTHS)
def test_what_is_left_and_what_calls_come_to(
    width: int, language: str, looks: Begin, counted: Counted, demo: RunningDemo  # noqa: F811
) -> None:  # fmt: skip
    looking = looks(language, width, "alice@example.com", PASSWORD)
    house = f"{demo.url}/p/{SLUG}"
    chosen = "&".join(f"id={one}" for one in counted.ids)
    for name, address in {
        "budgets": f"{house}/budgets", "budgets-of-one": f"{house}/budgets?limit=signature_month",
        "calls-component": f"{house}/components/{counted.component}/traffic",
        "calls-program": f"{house}/programs/{counted.program}/calls",
        "action-no-chance": f"{house}/programs/selection/start?action=introduction&{chosen}",
    }.items():  # fmt: skip
        looking.examine(name, address)
    assert looking.faults == [], "\n".join(looking.faults)
